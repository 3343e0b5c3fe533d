//! Counters that each worker has for itself: a recording is one relaxed addition on a line of its own.
//!
//! What a cell means is decided by whoever reserved it at boot.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Worker;

/// Cells on a cache line.
const CELLS_PER_LINE: usize = 8;

/// Position of a counter; valid for every worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell(u32);

impl Cell {
    /// The counter `offset` places behind this one.
    pub(super) const fn plus(self, offset: usize) -> Self {
        Self(self.0 + offset as u32)
    }
}

/// Hands out places before the counters exist.
#[derive(Debug, Default)]
pub(super) struct Places(u32);

impl Places {
    /// Room for `count` counters side by side.
    pub(super) const fn reserve(&mut self, count: usize) -> Cell {
        let first = Cell(self.0);
        self.0 += count as u32;
        first
    }
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; CELLS_PER_LINE]);

/// The counters of all workers.
#[derive(Debug)]
pub(super) struct Counters {
    shards: Box<[Box<[Line]>]>,
}

impl Counters {
    /// Counters for all places that were handed out, at zero.
    pub(super) fn new(places: &Places, workers: usize) -> Self {
        let lines = (places.0 as usize).div_ceil(CELLS_PER_LINE);
        let shard = |_| (0..lines).map(|_| Line::default()).collect();
        Self {
            shards: (0..workers.max(1)).map(shard).collect(),
        }
    }

    /// Adds `amount`.
    #[inline]
    pub(super) fn add(&self, worker: Worker, cell: Cell, amount: u64) {
        if let Some(place) = self
            .shards
            .get(worker.0)
            .or(self.shards.last())
            .and_then(|shard| place(shard, cell))
        {
            place.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// Takes `amount` away: for what began on one worker and ends on another, only the sum counts.
    #[inline]
    pub(super) fn subtract(&self, worker: Worker, cell: Cell, amount: u64) {
        self.add(worker, cell, amount.wrapping_neg());
    }

    /// The sum over all workers.
    pub(super) fn sum(&self, cell: Cell) -> u64 {
        let values = self.shards.iter().filter_map(|shard| place(shard, cell));
        values.fold(0, |sum, value| sum.wrapping_add(value.load(Ordering::Relaxed)))
    }

    /// The sum of a counter that goes up and down; not below zero while workers are between two steps.
    pub(super) fn level(&self, cell: Cell) -> u64 {
        u64::try_from(self.sum(cell).cast_signed()).unwrap_or(0)
    }
}

#[inline]
fn place(shard: &[Line], cell: Cell) -> Option<&AtomicU64> {
    let at = cell.0 as usize;
    shard.get(at / CELLS_PER_LINE)?.0.get(at % CELLS_PER_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_here_may_end_there() {
        let mut places = Places::default();
        let (first, second) = (places.reserve(9), places.reserve(1));
        let counters = Counters::new(&places, 2);
        counters.add(Worker(0), second, 2);
        counters.subtract(Worker(1), second, 1);
        counters.add(Worker(9), first.plus(8), 5);
        assert_eq!(
            (
                counters.level(second),
                counters.sum(first.plus(8)),
                counters.sum(first)
            ),
            (1, 5, 0)
        );
        counters.subtract(Worker(0), second, 7);
        assert_eq!(counters.level(second), 0);
    }

    #[test]
    fn workers_do_not_share_cache_lines() {
        let mut places = Places::default();
        let cell = places.reserve(1);
        let counters = Counters::new(&places, 2);
        let address =
            |shard: &[Line]| std::ptr::from_ref(place(shard, cell).expect("reserved")) as usize / 64;
        assert_ne!(address(&counters.shards[0]), address(&counters.shards[1]));
    }
}
