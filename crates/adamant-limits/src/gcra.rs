//! The generic cell rate algorithm: one number per key, exact to the nanosecond, and no state of its own.
//!
//! Never rounds a rate. `3/s` has no whole nanoseconds between two requests, so instants are counted in
//! parts of a nanosecond, as many parts as the rate has requests: then every request costs exactly the
//! rate's window in parts, and nothing drifts.

use std::time::Duration;

use adamant_filter::{Rate, Tick};

/// The arithmetic of one rate with its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gcra {
    /// Parts of a nanosecond; the count of the rate.
    scale: u128,
    /// Parts that one costs; the window of the rate in nanoseconds.
    cost: u128,
    /// Parts of debt that a key may have: the burst.
    depth: u128,
}

/// What a request is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It may pass; so many more may follow at once, and the next one on top comes after `next`.
    Pass { remaining: u64, next: Wait },
    /// It may not; the same request would pass after `wait`.
    Deny { wait: Wait },
}

/// A time that is told to a client: rounded up, so that it is never too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait {
    nanoseconds: u64,
}

impl Wait {
    pub(crate) const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self { nanoseconds }
    }

    /// Whole seconds, at least one: `Retry-After: 0` would invite the next refusal.
    pub(crate) fn seconds(self) -> u64 {
        self.nanoseconds.div_ceil(1_000_000_000).max(1)
    }

    pub(crate) const fn nanoseconds(self) -> u64 {
        self.nanoseconds
    }
}

impl From<Duration> for Wait {
    fn from(time: Duration) -> Self {
        Self {
            nanoseconds: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

impl Gcra {
    /// `burst` at once and `rate` in the long run.
    pub(crate) fn new(rate: Rate, burst: u64) -> Self {
        let cost = rate.window().as_nanos();
        Self {
            scale: u128::from(rate.count()),
            cost,
            depth: cost.saturating_mul(u128::from(burst)),
        }
    }

    /// An instant in parts.
    pub(crate) fn instant(&self, now: Tick) -> u128 {
        u128::from(now.0) * self.scale
    }

    /// Decides about a request of this cost, of a key whose debt is paid at `due`. The second value is the new
    /// `due`; a denied request leaves the old one, so that refusals cost nothing.
    #[inline]
    pub(crate) fn decide(&self, due: u128, cost: u64, now: Tick) -> (Answer, Option<u128>) {
        let now = self.instant(now);
        let next = due
            .max(now)
            .saturating_add(self.cost.saturating_mul(u128::from(cost)));
        let debt = next - now;
        let Some(room) = self.depth.checked_sub(debt) else {
            return (
                Answer::Deny {
                    wait: self.wait(debt - self.depth),
                },
                None,
            );
        };
        let remaining = room / self.cost;
        let missing = (remaining + 1) * self.cost - room;
        let remaining = u64::try_from(remaining).unwrap_or(u64::MAX);
        (
            Answer::Pass {
                remaining,
                next: self.wait(missing),
            },
            Some(next),
        )
    }

    /// The time after which a key without debt has its whole burst again: the window of the burst.
    pub(crate) fn refill(&self) -> Wait {
        self.wait(self.depth)
    }

    /// The time that one request takes.
    pub(crate) fn interval(&self) -> Wait {
        self.wait(self.cost)
    }

    /// The parts of the refill time, which are also the largest debt.
    pub(crate) const fn depth(&self) -> u128 {
        self.depth
    }

    /// A span of parts as time.
    pub(crate) fn wait(&self, parts: u128) -> Wait {
        Wait {
            nanoseconds: u64::try_from(parts.div_ceil(self.scale)).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests;
