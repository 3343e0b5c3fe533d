//! How a limit counts, whichever algorithm it has: evenly or in a sliding window.
//!
//! Pure arithmetic over one number for each key. Knows neither keys nor tables.

use std::time::Duration;

use adamant_filter::{Measure, Rate, Tick};

use crate::gcra::{Answer, Gcra, Wait};
use crate::sliding::Sliding;

/// A limit without its state; written out it is its numbers and the way it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    rate: Rate,
    /// Most at once.
    burst: u64,
    count: Count,
}

#[derive(Clone, Copy, Debug)]
enum Count {
    Even(Gcra),
    Sliding(Sliding),
}

impl std::fmt::Display for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match &self.count {
            Count::Even(_) => "even",
            Count::Sliding(_) => "sliding",
        };
        write!(f, "{}/{}/{word}", self.rate, self.burst)
    }
}

impl Meter {
    /// `burst` at once and `rate` in the long run.
    pub(crate) fn even(rate: Rate, burst: u64) -> Self {
        Self {
            rate,
            burst,
            count: Count::Even(Gcra::new(rate, burst)),
        }
    }

    /// As many as `rate` says in any of its windows.
    pub(crate) fn sliding(rate: Rate) -> Self {
        Self {
            rate,
            burst: rate.count(),
            count: Count::Sliding(Sliding::new(rate)),
        }
    }

    /// Most at once.
    pub(crate) const fn burst(&self) -> u64 {
        self.burst
    }

    /// The rate.
    pub(crate) const fn rate(&self) -> Rate {
        self.rate
    }

    /// The time after which there is more in any case.
    pub(crate) fn interval(&self) -> Wait {
        match &self.count {
            Count::Even(gcra) => gcra.interval(),
            Count::Sliding(sliding) => sliding.window(),
        }
    }

    /// The time in which the rate counts.
    pub(crate) const fn window(&self) -> Duration {
        self.rate.window()
    }

    /// The time after which a key that used all has all of it again.
    pub(crate) fn refill(&self) -> Wait {
        match &self.count {
            Count::Even(gcra) => gcra.refill(),
            Count::Sliding(sliding) => sliding.window(),
        }
    }

    /// Decides about a request of this cost by what is known of its key, and says what is known then.
    #[inline]
    pub(crate) fn decide(&self, state: u128, cost: u64, now: Tick) -> (Answer, Option<u128>) {
        match &self.count {
            Count::Even(gcra) => gcra.decide(state, cost, now),
            Count::Sliding(sliding) => sliding.decide(state, cost, now),
        }
    }

    /// How much a key owes now; only comparable with others of this meter.
    #[inline]
    pub(crate) fn debt(&self, state: u128, now: Tick) -> u128 {
        match &self.count {
            Count::Even(gcra) => state.saturating_sub(gcra.instant(now)),
            Count::Sliding(sliding) => sliding.debt(state, now),
        }
    }

    /// What is known of a key, without the clock of this process.
    pub(crate) fn leave(&self, state: u128, now: Tick) -> u128 {
        match &self.count {
            Count::Even(gcra) => state.saturating_sub(gcra.instant(now)),
            Count::Sliding(sliding) => sliding.aged(state, now),
        }
    }

    /// The same on the clock of this process. Nobody owes more than can be owed, whoever wrote it.
    pub(crate) fn enter(&self, left: u128, now: Tick) -> u128 {
        match &self.count {
            Count::Even(gcra) => gcra.instant(now).saturating_add(left.min(gcra.depth())),
            Count::Sliding(sliding) => sliding.begun(left, now),
        }
    }

    /// The same limit in a store. Its times are whole nanoseconds, rounded so that it never allows more.
    pub(crate) fn measure(&self) -> Measure {
        match &self.count {
            Count::Even(_) => {
                let every = self
                    .rate
                    .window()
                    .as_nanos()
                    .div_ceil(u128::from(self.rate.count()));
                Measure::Even {
                    every: Duration::from_nanos(u64::try_from(every).unwrap_or(u64::MAX)),
                    burst: self.burst,
                }
            }
            Count::Sliding(_) => Measure::Sliding {
                at_most: self.burst,
                window: self.rate.window(),
            },
        }
    }
}
