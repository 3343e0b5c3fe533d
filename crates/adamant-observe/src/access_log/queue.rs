//! The bounded way of lines from many workers to one writer thread.
//!
//! Each worker encodes into a buffer of its own, of which there are two: the writer turns to the other
//! half before it takes one, so a worker meets neither the writer nor another worker. Nothing here
//! writes, waits or starts a thread. A worker wakes the writer only when its half is half full (a
//! wake-up costs more than a line); else the writer comes by itself, some ten times per second.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use super::line::Second;
use crate::Worker;

/// Bytes that one line of the queue may take on average; what a queue of `n` lines may hold in all.
const LINE_BYTES: usize = 1024;

/// Memory of a buffer before its first line.
const BUFFER_BYTES: usize = 32 * 1024;

/// Lines that wait for the writer.
#[derive(Debug)]
pub(super) struct Queue {
    shards: Box<[Shard]>,
    lines_max: usize,
    writer: OnceLock<Thread>,
}

/// The two buffers of one worker. Aligned so that no two workers share a pair of cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    halves: [Mutex<Half>; 2],
    /// Which half the worker uses.
    active: AtomicUsize,
    is_writer_called: AtomicBool,
    dropped: AtomicU64,
}

/// A buffer that a worker fills.
#[derive(Debug, Default)]
pub(super) struct Half {
    pub(super) bytes: Vec<u8>,
    pub(super) second: Second,
    lines: usize,
}

impl Queue {
    /// A queue for `lines_max` lines of `workers` workers, each of which has its share.
    pub(super) fn new(lines_max: usize, workers: usize) -> Self {
        let shards = workers.clamp(1, lines_max.max(1));
        let mut queue = Self {
            shards: Box::default(),
            lines_max: lines_max.max(1) / shards,
            writer: OnceLock::new(),
        };
        let room = queue.bytes_max().min(BUFFER_BYTES);
        let half = || {
            Mutex::new(Half {
                bytes: Vec::with_capacity(room),
                ..Half::default()
            })
        };
        let shard = |_| Shard {
            halves: [half(), half()],
            ..Shard::default()
        };
        queue.shards = (0..shards).map(shard).collect();
        queue
    }

    /// Names the thread that is woken when a buffer fills up.
    pub(super) fn attach(&self, writer: Thread) {
        // A second writer would wait for its next round, which is harmless.
        let _ = self.writer.set(writer);
    }

    /// Lets `encode` append one line, or counts a drop when the worker's share is used up.
    #[inline]
    pub(super) fn push(&self, worker: Worker, encode: impl FnOnce(&mut Half)) {
        let Some(shard) = self.shards.get(worker.0).or(self.shards.last()) else {
            return;
        };
        let mut half = shard.lock();
        if half.lines >= self.lines_max || half.bytes.len() >= self.bytes_max() {
            shard.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        encode(&mut half);
        half.lines += 1;
        let is_filling = half.lines * 2 > self.lines_max || half.bytes.len() * 2 > self.bytes_max();
        drop(half);
        if is_filling && !shard.is_writer_called.swap(true, Ordering::Relaxed) {
            self.call_writer();
        }
    }

    /// Gives the lines that wait to `take`, worker by worker, in exchange for empty memory.
    pub(super) fn drain(&self, spare: &mut Vec<u8>, mut take: impl FnMut(&[u8], usize)) {
        for shard in &self.shards {
            shard.is_writer_called.store(false, Ordering::Relaxed);
            let lines = shard.take(spare);
            if lines > 0 {
                take(spare, lines);
            }
            spare.clear();
        }
    }

    /// Lines that found no room.
    pub(super) fn dropped(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| shard.dropped.load(Ordering::Relaxed))
            .sum()
    }

    /// Bytes that wait at most: what workers hold and what the writer has in its hands.
    pub(super) fn memory_max(&self) -> usize {
        (self.shards.len() + 1) * self.bytes_max()
    }

    const fn bytes_max(&self) -> usize {
        self.lines_max.saturating_mul(LINE_BYTES)
    }

    #[cold]
    fn call_writer(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }
}

impl Shard {
    /// The half to write to. It is free but for the instant in which the writer turned to the other;
    /// both are taken only when two workers share a shard, and then one waits for the other's line.
    #[inline]
    fn lock(&self) -> MutexGuard<'_, Half> {
        let active = self.active.load(Ordering::Acquire) & 1;
        let [first, second] = &self.halves;
        let (mine, other) = if active == 0 {
            (first, second)
        } else {
            (second, first)
        };
        if let Ok(half) = mine.try_lock() {
            return half;
        }
        other
            .try_lock()
            .unwrap_or_else(|_| mine.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Turns the worker to the other half and takes what is in this one, in exchange for `spare`.
    fn take(&self, spare: &mut Vec<u8>) -> usize {
        let active = self.active.load(Ordering::Relaxed) & 1;
        self.active.store(active ^ 1, Ordering::Release);
        let [first, second] = &self.halves;
        let mine = if active == 0 { first } else { second };
        let mut half = mine.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut half.bytes, spare);
        std::mem::take(&mut half.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &Queue, worker: usize, line: &str) {
        queue.push(Worker(worker), |half| {
            half.bytes.extend_from_slice(line.as_bytes())
        });
    }

    fn drained(queue: &Queue) -> (String, usize) {
        let (mut spare, mut bytes, mut count) = (Vec::new(), Vec::new(), 0);
        queue.drain(&mut spare, |lines, number| {
            bytes.extend_from_slice(lines);
            count += number;
        });
        (String::from_utf8(bytes).expect("text"), count)
    }

    #[test]
    fn lines_of_all_workers_arrive_once() {
        let queue = Queue::new(10, 2);
        push(&queue, 0, "a\n");
        push(&queue, 1, "b\n");
        push(&queue, 7, "c\n");
        assert_eq!(drained(&queue), ("a\nb\nc\n".to_owned(), 3));
        push(&queue, 0, "d\n");
        assert_eq!(drained(&queue), ("d\n".to_owned(), 1));
        assert_eq!(drained(&queue), (String::new(), 0));
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let queue = Queue::new(4, 2);
        for _ in 0..5 {
            push(&queue, 0, "x\n");
        }
        assert_eq!((queue.dropped(), drained(&queue).1), (3, 2));
        push(&queue, 0, "y\n");
        assert_eq!((queue.dropped(), drained(&queue)), (3, ("y\n".to_owned(), 1)));
    }

    #[test]
    fn few_long_lines_fill_the_queue_like_many_short_ones() {
        let queue = Queue::new(3, 1);
        let long = "x".repeat(3 * LINE_BYTES);
        push(&queue, 0, &long);
        push(&queue, 0, "short");
        assert_eq!((queue.dropped(), drained(&queue).1), (1, 1));
    }

    #[test]
    fn more_workers_than_lines_share() {
        let queue = Queue::new(1, 8);
        push(&queue, 5, "a");
        push(&queue, 6, "b");
        assert_eq!((queue.dropped(), drained(&queue).1), (1, 1));
    }

    #[test]
    fn nothing_is_lost_while_the_writer_drains() {
        const LINES: usize = 20_000;
        let queue = Queue::new(LINES * 4, 2);
        let mut seen = 0;
        std::thread::scope(|scope| {
            // Three pushers on two shards: the shared one is contended on purpose.
            let pushers: Vec<_> = (0..3)
                .map(|worker| {
                    scope.spawn({
                        let queue = &queue;
                        move || (0..LINES).for_each(|_| push(queue, worker, "line\n"))
                    })
                })
                .collect();
            while !pushers.iter().all(|pusher| pusher.is_finished()) {
                seen += drained(&queue).1;
            }
        });
        seen += drained(&queue).1 + drained(&queue).1;
        assert_eq!((seen, queue.dropped()), (LINES * 3, 0));
    }
}
