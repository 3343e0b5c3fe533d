//! Signals that end the process: the first drains, the second ends at once.

use std::io;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, caught.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
}

/// Exit status of a process that a second signal ends in its drain.
const CUT_SHORT: i32 = 130;

impl Signals {
    pub(super) fn install(runtime: &Runtime) -> io::Result<Self> {
        let _entered = runtime.enter();
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the first signal and lets a second one end the process.
    pub(super) fn wait(mut self, runtime: &Runtime) -> &'static str {
        let first = runtime.block_on(self.next());
        runtime.spawn(async move {
            let second = self.next().await;
            log::warn!("{second} while draining: ending at once");
            std::process::exit(CUT_SHORT);
        });
        first
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}
