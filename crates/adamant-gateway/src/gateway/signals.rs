//! Signals that end the process: the first drains, a later one ends at once.
//!
//! SIGTERM and SIGINT ask for a drain. Whoever stops a process and its group sends the same request twice
//! (`timeout`, a shell's Ctrl-C under a supervisor), so what comes within [`SAME`] of the first is that
//! request again. One of them later, and SIGQUIT at any time, cuts the drain short.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep};

/// Time in which a repeated signal is the same request.
const SAME: Duration = Duration::from_secs(1);

/// How long an end at once may take until the last log lines are written.
const CUT_TIME: Duration = Duration::from_secs(3);

/// Exit status of a process whose drain was cut short, as the command has it.
const CUT_SHORT: i32 = 130;

/// SIGTERM, SIGINT and SIGQUIT, caught.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
    quit: Signal,
}

/// What the first signal asks for.
pub(super) struct Stop {
    /// The signal.
    pub(super) signal: &'static str,
    /// No connection is waited for, from now on or from the moment in which this turns `true`.
    pub(super) at_once: Arc<AtomicBool>,
}

impl Signals {
    pub(super) fn install(runtime: &Runtime) -> io::Result<Self> {
        let _entered = runtime.enter();
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for the first signal and lets a later one cut the drain short.
    pub(super) fn wait(mut self, runtime: &Runtime) -> Stop {
        let signal = runtime.block_on(self.next());
        let at_once = Arc::new(AtomicBool::new(signal == QUIT));
        let flag = Arc::clone(&at_once);
        runtime.spawn(async move {
            if signal != QUIT {
                let later = self.later(Instant::now()).await;
                log::warn!("{later} while draining: ending at once");
                flag.store(true, Ordering::Release);
            }
            sleep(CUT_TIME).await;
            // Something hangs, and whoever sends two signals does not want to wait for it.
            std::process::exit(CUT_SHORT);
        });
        Stop { signal, at_once }
    }

    /// The next signal that is not the first one again.
    async fn later(&mut self, first: Instant) -> &'static str {
        loop {
            let signal = self.next().await;
            if signal == QUIT || first.elapsed() >= SAME {
                return signal;
            }
            log::debug!("{signal} again: draining already");
        }
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.quit.recv() => QUIT,
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}

const QUIT: &str = "SIGQUIT";
