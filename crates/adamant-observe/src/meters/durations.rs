//! A histogram of durations that stands alone: no labels, and one writer.
//!
//! Its buckets are those of all durations, so that their text is written alike.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::series::{BOUNDS, BUCKETS};

/// Durations that were recorded.
#[derive(Debug, Default)]
pub struct Durations {
    buckets: [AtomicU64; BUCKETS],
    micros: AtomicU64,
}

/// What several histograms come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationTotals {
    pub(crate) buckets: [u64; BUCKETS],
    pub(crate) micros: u64,
}

impl Durations {
    /// Records one.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS
            .iter()
            .position(|bound| micros <= *bound)
            .unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl DurationTotals {
    /// Adds what was recorded so far.
    pub fn add(&mut self, durations: &Durations) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&durations.buckets) {
            *sum += bucket.load(Ordering::Relaxed);
        }
        self.micros = self.micros.wrapping_add(durations.micros.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_have_recorded_is_one_sum() {
        let (one, other) = (Durations::default(), Durations::default());
        one.record(Duration::from_millis(5));
        one.record(Duration::from_millis(6));
        other.record(Duration::from_secs(11));
        let mut totals = DurationTotals::default();
        totals.add(&one);
        totals.add(&other);
        assert_eq!(
            (totals.buckets[0], totals.buckets[1], totals.buckets[BUCKETS - 1]),
            (1, 1, 1)
        );
        assert_eq!(totals.micros, 11_011_000);
    }
}
