//! Log lines on standard error, each with the policy's identity once it is known.
//!
//! The one place that sets up the backend of the `log` facade. Never holds the access log.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use adamant_policy::digest::Digest;
use env_logger::{Env, Logger};
use log::{Level, Log, Metadata, Record};

/// Warnings of everyone, and what Adamant itself tells.
const FILTER: &str = "warn,adamant=info";

/// The log, and the identity that stands on its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diagnostics {
    digest: Arc<OnceLock<Box<str>>>,
}

impl Diagnostics {
    /// Sets up the log. `RUST_LOG` chooses levels by target, up to INFO for what is not Adamant's own.
    pub(crate) fn start() -> Self {
        let diagnostics = Self::default();
        let digest = Arc::clone(&diagnostics.digest);
        let mut builder = env_logger::Builder::from_env(Env::default().default_filter_or(FILTER));
        builder.format(move |line, record| {
            let digest = digest.get().map_or("--------", AsRef::as_ref);
            let level = line.default_level_style(record.level());
            writeln!(
                line,
                "{time} {level}{name:5}{level:#} {digest} {target}: {text}",
                time = line.timestamp_millis(),
                name = record.level(),
                target = record.target(),
                text = record.args(),
            )
        });
        let logger = builder.build();
        let most = logger.filter();
        // A program that embeds this one may have a logger already; its lines then look as it likes.
        if log::set_boxed_logger(Box::new(Discreet(logger))).is_ok() {
            log::set_max_level(most);
        }
        diagnostics
    }

    /// From now on every line carries this identity.
    pub(crate) fn identify(&self, digest: &Digest) {
        // The policy of a process never changes, so the first identity stays.
        let _ = self.digest.set(digest.short().into());
    }
}

/// Keeps libraries from going into detail: at DEBUG, Pingora writes whole heads and bodies, and with them the
/// credentials of clients and upstreams.
struct Discreet(Logger);

impl Log for Discreet {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_discreet(metadata) && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if is_discreet(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

fn is_discreet(metadata: &Metadata<'_>) -> bool {
    metadata.level() <= Level::Info || metadata.target().starts_with("adamant")
}
