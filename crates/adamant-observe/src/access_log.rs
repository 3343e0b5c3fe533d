//! The access log: one JSON line per exchange, encoded by the worker, written by one thread elsewhere.
//!
//! It never blocks a worker and never grows beyond its queue: what finds no room is dropped and counted.
//! It opens no file; a [`Sink`] does.

mod json;
mod line;
mod queue;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;

pub use line::InvalidFieldName;
use line::Shape;
use queue::Queue;
pub use writer::{Sink, Writer};

use crate::Worker;
use crate::record::Record;

/// What the file says about the access log.
#[derive(Clone, Copy, Debug)]
pub struct AccessLogShape<'a> {
    /// Request header fields that are written.
    pub fields: &'a [Arc<str>],
    /// Request header fields whose value is masked where they are written, `user-agent` included.
    pub redact: &'a [Arc<str>],
    /// Lines that may wait for the writer.
    pub queue_lines: usize,
    /// Workers that record.
    pub workers: usize,
}

/// Where exchanges are written down.
#[derive(Debug)]
pub struct AccessLog {
    shape: Shape,
    queue: Queue,
    written: AtomicU64,
    failed: AtomicU64,
}

/// How many lines there were, since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Lines that the sink took.
    pub written: u64,
    /// Lines that found no room in the queue.
    pub dropped: u64,
    /// Lines that the sink refused.
    pub failed: u64,
}

impl AccessLog {
    /// An access log with an empty queue.
    ///
    /// # Errors
    /// When a name in `fields` cannot be that of a header field.
    pub fn new(shape: &AccessLogShape<'_>) -> Result<Self, InvalidFieldName> {
        Ok(Self {
            shape: Shape::new(shape.fields, shape.redact)?,
            queue: Queue::new(shape.queue_lines, shape.workers),
            written: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// Writes down one exchange. Neither waits nor, once buffers have grown, allocates.
    pub fn record(&self, worker: Worker, record: &Record<'_>) {
        self.queue.push(worker, |half| {
            self.shape.write(&mut half.bytes, &mut half.second, record)
        });
    }

    /// Names the thread that runs the [`Writer`]; it is unparked when a buffer fills up.
    pub fn attach(&self, writer: Thread) {
        self.queue.attach(writer);
    }

    /// How many lines there were.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        LogCounts {
            written: self.written.load(Ordering::Relaxed),
            dropped: self.queue.dropped(),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    /// Bytes that lines may take in memory at most.
    #[must_use]
    pub fn memory_max(&self) -> usize {
        self.queue.memory_max()
    }

    fn count_written(&self, lines: usize) {
        self.written.fetch_add(lines as u64, Ordering::Relaxed);
    }

    fn count_failed(&self, lines: usize) {
        self.failed.fetch_add(lines as u64, Ordering::Relaxed);
    }
}
