//! Counting in fixed memory for keys that nobody can bound: `precision: sketch`.
//!
//! A count-min sketch of the platform over fixed windows. It never counts less than was let through in the
//! window; it may count more when keys collide, and then refuses too early, never too late. Windows start
//! at multiples of their length on the clock of the requests, so that time is still virtual; only which
//! keys collide differs from process to process.

use std::sync::{PoisonError, RwLock};

use adamant_filter::Tick;
use pingora_limits::estimator::Estimator;

use crate::gcra::{Answer, Gcra};

/// Rows of the sketch: with as many keys as it is made for, one in forty collides in all of them.
const ROWS: usize = 4;

/// Counters of a row for each key that the sketch is made for.
const COUNTERS_PER_KEY: usize = 2;

/// Counts of the current window.
pub(crate) struct Sketch {
    gcra: Gcra,
    burst: isize,
    // Charging takes the lock for reading. It is taken for writing once per window, since a counter that was
    // raised while others are being zeroed would be lost, and the sketch would count too little.
    window: RwLock<Window>,
}

struct Window {
    number: u128,
    counts: Estimator,
}

impl Sketch {
    /// A sketch made for about `keys` keys in each window of `burst` requests at the rate.
    pub(crate) fn new(gcra: Gcra, burst: u64, keys: usize) -> Self {
        let counts = Estimator::new(ROWS, keys.saturating_mul(COUNTERS_PER_KEY).max(1));
        let burst = isize::try_from(burst).unwrap_or(isize::MAX);
        Self {
            gcra,
            burst,
            window: RwLock::new(Window { number: 0, counts }),
        }
    }

    /// Bytes that a sketch for `keys` keys takes.
    pub(crate) fn bound(keys: usize) -> u64 {
        let counters = keys.saturating_mul(COUNTERS_PER_KEY * ROWS);
        u64::try_from(counters.saturating_mul(size_of::<isize>())).unwrap_or(u64::MAX)
    }

    /// Decides about one request of a key and counts it when it may pass.
    pub(crate) fn charge(&self, key: &[u8], now: Tick) -> Answer {
        let instant = self.gcra.instant(now);
        let number = instant / self.gcra.depth();
        self.turn(number);
        let end = (number + 1).saturating_mul(self.gcra.depth());
        let next = self.gcra.wait(end - instant);
        let remaining = self.count(key);
        match u64::try_from(remaining) {
            Ok(remaining) => Answer::Pass { remaining, next },
            Err(_) => Answer::Deny { wait: next },
        }
    }

    /// How many may still follow; negative when this one was too many and was not counted.
    fn count(&self, key: &[u8]) -> isize {
        let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
        if window.counts.get(key) >= self.burst {
            return -1;
        }
        let remaining = self.burst - window.counts.incr(key, 1);
        if remaining < 0 {
            // Others came between the look and the count. What is taken back was added here.
            window.counts.decr(key, 1);
        }
        remaining
    }

    /// Forgets the counts when a later window has begun. A late request counts in the current window.
    fn turn(&self, number: u128) {
        if self.window.read().unwrap_or_else(PoisonError::into_inner).number >= number {
            return;
        }
        let mut window = self.window.write().unwrap_or_else(PoisonError::into_inner);
        if window.number < number {
            window.number = number;
            window.counts.reset();
        }
    }
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sketch")
            .field("gcra", &self.gcra)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
