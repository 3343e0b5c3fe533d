//! What the writer thread does in a round: take what waits, hand it to the sink, count what was lost.
//!
//! The thread and the sink belong to the gateway. A sink that fails costs lines, which are counted and
//! reported once per minute; it never stops the gateway.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::Tick;

use super::AccessLog;

/// Time between two reports of lost lines.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Where lines go: a file, standard output.
pub trait Sink: Send {
    /// Writes whole lines.
    ///
    /// # Errors
    /// When some of them were not written; they are counted as lost.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;
}

/// Carries lines from the queue to a sink.
#[derive(Debug)]
pub struct Writer<S> {
    log: Arc<AccessLog>,
    sink: S,
    /// Memory that is exchanged with the workers' buffers.
    spare: Vec<u8>,
    reports: Reports,
}

/// What was reported, and when.
#[derive(Debug, Default)]
struct Reports {
    last: Option<Tick>,
    lost: u64,
    error: Option<io::Error>,
}

impl<S: Sink> Writer<S> {
    /// A writer of `log` to `sink`. Its thread must have been given to [`AccessLog::attach`].
    #[must_use]
    pub fn new(log: Arc<AccessLog>, sink: S) -> Self {
        Self {
            log,
            sink,
            spare: Vec::new(),
            reports: Reports::default(),
        }
    }

    /// Writes what waits. To be called some ten times per second, and when the thread is woken.
    pub fn round(&mut self, now: Tick) {
        let Self {
            log,
            sink,
            spare,
            reports,
        } = self;
        log.queue.drain(spare, |bytes, lines| match sink.write(bytes) {
            Ok(()) => log.count_written(lines),
            Err(error) => {
                log.count_failed(lines);
                reports.error = Some(error);
            }
        });
        self.report(now);
    }

    /// Says once per minute that lines were lost, and why.
    fn report(&mut self, now: Tick) {
        let counts = self.log.counts();
        let lost = counts.dropped + counts.failed;
        let is_due = self
            .reports
            .last
            .is_none_or(|last| now.since(last) >= REPORT_EVERY);
        if lost == self.reports.lost || !is_due {
            return;
        }
        let lines = lost - self.reports.lost;
        match self.reports.error.take() {
            Some(error) => log::error!("the access log lost {lines} lines: {error}"),
            None => log::warn!("the access log lost {lines} lines: its queue was full"),
        }
        self.reports.last = Some(now);
        self.reports.lost = lost;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use adamant_filter::Wall;

    use super::*;
    use crate::access_log::AccessLogShape;
    use crate::{Record, Worker};

    /// Fails while there are failures left.
    struct Flaky {
        failures: usize,
        written: Vec<u8>,
    }

    impl Sink for Flaky {
        fn write(&mut self, lines: &[u8]) -> io::Result<()> {
            if self.failures > 0 {
                self.failures -= 1;
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            self.written.extend_from_slice(lines);
            Ok(())
        }
    }

    fn log_of(lines: usize) -> Arc<AccessLog> {
        let shape = AccessLogShape {
            fields: &[],
            redact: &[],
            queue_lines: lines,
            workers: 1,
        };
        Arc::new(AccessLog::new(&shape).expect("no fields"))
    }

    fn record(log: &AccessLog) {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        log.record(Worker(0), &Record::unread("public", peer, Wall(0)));
    }

    #[test]
    fn a_failing_sink_loses_lines_and_goes_on() {
        let log = log_of(100);
        let mut writer = Writer::new(
            Arc::clone(&log),
            Flaky {
                failures: 1,
                written: Vec::new(),
            },
        );
        record(&log);
        record(&log);
        writer.round(Tick(0));
        record(&log);
        writer.round(Tick(1));
        let counts = log.counts();
        assert_eq!((counts.written, counts.failed, counts.dropped), (1, 2, 0));
        assert_eq!(
            writer.sink.written.iter().filter(|byte| **byte == b'\n').count(),
            1
        );
    }

    #[test]
    fn losses_are_reported_once_per_minute() {
        let log = log_of(1);
        let mut writer = Writer::new(
            Arc::clone(&log),
            Flaky {
                failures: 0,
                written: Vec::new(),
            },
        );
        let mut reported = Vec::new();
        for second in 0..150_u64 {
            record(&log);
            record(&log);
            writer.round(Tick(second * 1_000_000_000));
            reported.push(writer.reports.lost);
        }
        reported.dedup();
        assert_eq!(reported, [1, 61, 121]);
    }
}
