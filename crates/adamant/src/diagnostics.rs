//! Log lines on standard error, each with the policy's identity once it is known.
//!
//! The one place that sets up the backend of the `log` facade. Never holds the access log.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use adamant_policy::digest::Digest;
use env_logger::Env;

/// Warnings of everyone, and what Adamant itself tells.
const FILTER: &str = "warn,adamant=info";

/// The log, and the identity that stands on its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diagnostics {
    digest: Arc<OnceLock<Box<str>>>,
}

impl Diagnostics {
    /// Sets up the log. `RUST_LOG` chooses levels by target.
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
        // A program that embeds this one may have a logger already; its lines then look as it likes.
        let _ = builder.try_init();
        diagnostics
    }

    /// From now on every line carries this identity.
    pub(crate) fn identify(&self, digest: &Digest) {
        // The policy of a process never changes, so the first identity stays.
        let _ = self.digest.set(digest.short().into());
    }
}
