//! How a command ends when it does not end well, and the exit status that says so.
//!
//! Prints nothing.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use adamant_filter::Problems;
use adamant_policy::text::Source;

/// Exit status of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Ok = 0,
    /// The file has problems, or a test failed.
    Problems = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// The machine refuses: a port in use, an unreadable certificate, a missing or weak secret.
    Machine = 3,
    /// A signal cut the drain of the gateway short.
    CutShort = 130,
}

/// What `--help` says about exit statuses.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  the file has problems, or a test failed
  2  the arguments make no sense, or name a file that cannot be read
  3  the machine refuses: a port in use, an unreadable certificate, a missing or weak secret
  130  a second signal ended the gateway while it drained";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A file is wrong.
    Problems {
        /// The file.
        source: Arc<Source>,
        /// What is wrong with it.
        problems: Problems,
    },
    /// So many tests failed; each was told already.
    Tests(usize),
    /// The arguments make no sense.
    Usage(String),
    /// The machine refuses.
    Machine(String),
    /// A signal cut the drain short, and these connections with it.
    CutShort(usize),
}

impl Failure {
    /// The exit status that says so.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Problems { problems, .. } if is_machine(problems) => Exit::Machine,
            Self::Problems { .. } | Self::Tests(_) => Exit::Problems,
            Self::Usage(_) => Exit::Usage,
            Self::Machine(_) => Exit::Machine,
            Self::CutShort(_) => Exit::CutShort,
        }
    }
}

/// Whether the file is right and only the secrets of this machine are missing, malformed or weak.
fn is_machine(problems: &Problems) -> bool {
    problems
        .iter()
        .all(|problem| problem.code().starts_with("secrets."))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems { source, problems } => {
                write!(f, "{} problems in {}", problems.len(), source.name())
            }
            Self::Tests(1) => f.write_str("1 test failed"),
            Self::Tests(failed) => write!(f, "{failed} tests failed"),
            Self::Usage(text) | Self::Machine(text) => f.write_str(text),
            Self::CutShort(cut) => write!(f, "ended at once: {cut} connections were cut"),
        }
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::Problem;

    use super::*;

    #[test]
    fn a_bad_secret_is_the_machine_and_everything_else_the_file() {
        let exit = |codes: &[&'static str]| {
            let problems = codes.iter().map(|code| Problem::new(code, "x")).collect();
            let source = Arc::new(Source::new("gateway.yaml", b""));
            Failure::Problems { source, problems }.exit()
        };
        assert_eq!(exit(&["secrets.missing"]), Exit::Machine);
        assert_eq!(exit(&["secrets.weak"]), Exit::Machine);
        assert_eq!(exit(&["secrets.malformed", "secrets.missing"]), Exit::Machine);
        assert_eq!(exit(&["secrets.missing", "keys.unknown"]), Exit::Problems);
        assert_eq!(exit(&["keys.unknown"]), Exit::Problems);
    }
}
