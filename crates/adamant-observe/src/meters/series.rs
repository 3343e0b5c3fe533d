//! Histograms of time with their label sets, made on first use from a closed space.
//!
//! An owner (a route, an upstream) has a short list of the label sets that occurred. Finding one is a
//! look through a few integers: no lock, no hash, no allocation but for the first of its kind. The
//! number of series is bounded per owner and in all; what comes after is counted in one overflow series.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::Worker;
use crate::attribute::{Failure, Method, Protocol, Scheme};

/// Upper bounds of the buckets in µs, as the conventions for HTTP durations advise.
pub(crate) const BOUNDS: [u64; 14] = [
    5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 750_000, 1_000_000, 2_500_000,
    5_000_000, 7_500_000, 10_000_000,
];

/// Buckets, with the one above all bounds.
pub(crate) const BUCKETS: usize = BOUNDS.len() + 1;

/// Label sets of one owner; what a single noisy route may take.
const OWNER_SERIES_MAX: usize = 256;

/// Label sets of all owners together.
const SERIES_MAX: u32 = 20_000;

/// Label sets that lie side by side.
const CHUNK: usize = 4;

/// Says that a key stands here; a key without it is empty.
const TAKEN: u32 = 1 << 31;

/// The labels that distinguish series of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) method: Method,
    pub(crate) scheme: Scheme,
    pub(crate) protocol: Protocol,
    /// 100 to 599; `None` without an answer.
    pub(crate) status: Option<u16>,
    pub(crate) failure: Option<Failure>,
}

impl Labels {
    /// All labels in one integer that is not zero.
    const fn key(self) -> u32 {
        // A status outside the closed space is told like no status.
        let status = match self.status {
            Some(status @ 100..=599) => status as u32,
            _ => 0,
        };
        let failure = match self.failure {
            Some(failure) => failure as u32 + 1,
            None => 0,
        };
        let (method, scheme, protocol) = (self.method as u32, self.scheme as u32, self.protocol as u32);
        TAKEN | status << 12 | method << 8 | failure << 3 | protocol << 1 | scheme
    }

    /// The labels of a key; `None` for the overflow series.
    fn of(key: u32) -> Option<Self> {
        let part = |shift: u32, bits: u32| ((key >> shift) & ((1 << bits) - 1)) as usize;
        Some(Self {
            method: *Method::ALL.get(part(8, 4)).filter(|_| key != 0)?,
            scheme: *Scheme::ALL.get(part(0, 1))?,
            protocol: *Protocol::ALL.get(part(1, 2))?,
            status: u16::try_from(part(12, 10)).ok().filter(|status| *status != 0),
            failure: part(3, 5)
                .checked_sub(1)
                .and_then(|index| Failure::ALL.get(index))
                .copied(),
        })
    }
}

/// One thing that took time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) duration: Duration,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

/// What one worker counted for one label set. Not aligned to cache lines: the worker allocates it itself,
/// so its neighbours come from the same thread's heap, and padding would cost ten thousand routes dearly.
#[derive(Debug, Default)]
struct Cells {
    buckets: [AtomicU64; BUCKETS],
    micros: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// One label set, with the counts of each worker that met it.
#[derive(Debug)]
struct Series {
    workers: Box<[OnceLock<Box<Cells>>]>,
}

/// Label sets of an owner, in the order of their first use.
#[derive(Debug, Default)]
struct Chunk {
    keys: [AtomicU32; CHUNK],
    series: [OnceLock<Series>; CHUNK],
    next: OnceLock<Box<Chunk>>,
}

/// The series of all owners.
#[derive(Debug)]
pub(super) struct Histograms {
    owners: Box<[OnceLock<Box<Chunk>>]>,
    overflow: Series,
    left: AtomicU32,
    workers: usize,
}

/// A series, summed over all workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Total {
    /// Position of the owner; `None` for the overflow series.
    pub(crate) owner: Option<usize>,
    /// Its labels; `None` for the overflow series.
    pub(crate) labels: Option<Labels>,
    /// Number of values per bucket, not cumulative.
    pub(crate) buckets: [u64; BUCKETS],
    /// Sum of the durations in µs.
    pub(crate) micros: u64,
    /// Sum of the bytes received.
    pub(crate) bytes_in: u64,
    /// Sum of the bytes sent.
    pub(crate) bytes_out: u64,
}

impl Total {
    /// Number of values.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Histograms {
    /// No series yet for any of `owners`.
    pub(super) fn new(owners: usize, workers: usize) -> Self {
        let workers = workers.max(1);
        Self {
            owners: (0..owners).map(|_| OnceLock::new()).collect(),
            overflow: Series::new(workers),
            left: AtomicU32::new(SERIES_MAX),
            workers,
        }
    }

    /// Counts `sample`.
    #[inline]
    pub(super) fn record(&self, worker: Worker, owner: usize, labels: Labels, sample: &Sample) {
        let series = self
            .owners
            .get(owner)
            .and_then(|chunks| self.find(chunks, labels.key()));
        series.unwrap_or(&self.overflow).cells(worker).add(sample);
    }

    fn find<'c>(&self, chunks: &'c OnceLock<Box<Chunk>>, key: u32) -> Option<&'c Series> {
        let mut chunk: &Chunk = chunks.get_or_init(Box::default);
        for round in 0..OWNER_SERIES_MAX / CHUNK {
            for (place, series) in chunk.keys.iter().zip(&chunk.series) {
                let found = place.load(Ordering::Acquire);
                if found == key || (found == 0 && self.claim(place, key)?) {
                    return Some(series.get_or_init(|| Series::new(self.workers)));
                }
            }
            if round + 1 < OWNER_SERIES_MAX / CHUNK {
                chunk = chunk.next.get_or_init(Box::default);
            }
        }
        None
    }

    /// Takes an empty place for `key`. `Some(false)`: another worker was faster, with another key.
    /// `None`: there may be no more series.
    #[cold]
    fn claim(&self, place: &AtomicU32, key: u32) -> Option<bool> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .ok()?;
        match place.compare_exchange(0, key, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(true),
            Err(found) => {
                self.left.fetch_add(1, Ordering::Relaxed);
                Some(found == key)
            }
        }
    }

    /// All series that were used, owner by owner; the overflow series last.
    pub(super) fn totals(&self) -> Vec<Total> {
        let mut totals = Vec::new();
        for (owner, chunks) in self.owners.iter().enumerate() {
            let mut next = chunks.get();
            while let Some(chunk) = next {
                for (key, series) in chunk.keys.iter().zip(&chunk.series) {
                    let labels = Labels::of(key.load(Ordering::Acquire));
                    if let (Some(labels), Some(series)) = (labels, series.get()) {
                        totals.push(Total {
                            owner: Some(owner),
                            labels: Some(labels),
                            ..series.total()
                        });
                    }
                }
                next = chunk.next.get();
            }
        }
        let overflow = self.overflow.total();
        if overflow.count() > 0 {
            totals.push(overflow);
        }
        totals
    }
}

impl Series {
    fn new(workers: usize) -> Self {
        Self {
            workers: (0..workers).map(|_| OnceLock::new()).collect(),
        }
    }

    #[inline]
    fn cells(&self, worker: Worker) -> &Cells {
        /// Where a value goes when there is no worker at all, which `new` rules out.
        static NOWHERE: Cells = Cells {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            micros: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        };
        let place = self.workers.get(worker.0).or(self.workers.last());
        place.map_or(&NOWHERE, |cells| cells.get_or_init(Box::default))
    }

    fn total(&self) -> Total {
        let mut total = Total {
            owner: None,
            labels: None,
            buckets: [0; BUCKETS],
            micros: 0,
            bytes_in: 0,
            bytes_out: 0,
        };
        for cells in self.workers.iter().filter_map(OnceLock::get) {
            for (sum, bucket) in total.buckets.iter_mut().zip(&cells.buckets) {
                *sum += bucket.load(Ordering::Relaxed);
            }
            total.micros += cells.micros.load(Ordering::Relaxed);
            total.bytes_in += cells.bytes_in.load(Ordering::Relaxed);
            total.bytes_out += cells.bytes_out.load(Ordering::Relaxed);
        }
        total
    }
}

impl Cells {
    #[inline]
    fn add(&self, sample: &Sample) {
        let micros = u64::try_from(sample.duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS
            .iter()
            .position(|bound| micros <= *bound)
            .unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        for (cell, amount) in [
            (&self.micros, micros),
            (&self.bytes_in, sample.bytes_in),
            (&self.bytes_out, sample.bytes_out),
        ] {
            // Most requests have no body, and a branch is cheaper than a locked addition.
            if amount > 0 {
                cell.fetch_add(amount, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests;
