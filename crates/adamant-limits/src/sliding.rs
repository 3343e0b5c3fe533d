//! The sliding window of two counts: so many in any window, by the count of this one and what is left of the
//! count of the one before.
//!
//! The count before wanes evenly while this window passes, and is rounded up. A key's windows begin with its first
//! request, so that no moment is the edge of everybody's window.

use std::time::Duration;

use adamant_filter::{Rate, Tick};

use crate::gcra::{Answer, Wait};

/// The arithmetic of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sliding {
    at_most: u64,
    /// Its length in nanoseconds.
    window: u64,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    /// When this window began, on a clock that is [`AHEAD`] of the ticks.
    began: u64,
    /// Of the window before.
    before: u32,
    /// Of this window.
    count: u32,
}

/// Lets a window that a predecessor began lie before the first tick of this process.
const AHEAD: u64 = 1 << 62;

impl Counts {
    const fn pack(self) -> u128 {
        (self.began as u128) << 64 | (self.before as u128) << 32 | self.count as u128
    }

    const fn unpack(state: u128) -> Self {
        Self {
            began: (state >> 64) as u64,
            before: (state >> 32) as u32,
            count: state as u32,
        }
    }
}

impl Sliding {
    /// As many as the rate says in each of its windows.
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            at_most: rate.count(),
            window: nanoseconds(rate.window()).max(1),
        }
    }

    /// Decides about a request of this cost. The second value is the new state; a denied request leaves the old one.
    pub(crate) fn decide(&self, state: u128, cost: u64, now: Tick) -> (Answer, Option<u128>) {
        let (counts, passed) = self.at(state, now);
        let used = self.used(counts, passed);
        if used + u128::from(cost) > u128::from(self.at_most) {
            let room = self.at_most.saturating_sub(cost);
            let wait = self.wanes(counts, passed, room);
            return (Answer::Deny { wait }, None);
        }
        let counts = Counts {
            count: counts
                .count
                .saturating_add(u32::try_from(cost).unwrap_or(u32::MAX)),
            ..counts
        };
        let used = u64::try_from(used).unwrap_or(u64::MAX) + cost;
        let answer = Answer::Pass {
            remaining: self.at_most - used,
            next: self.wanes(counts, passed, used - 1),
        };
        (answer, Some(counts.pack()))
    }

    /// How much is used of the window that ends now.
    pub(crate) fn debt(&self, state: u128, now: Tick) -> u128 {
        let (counts, passed) = self.at(state, now);
        self.used(counts, passed)
    }

    /// The state with its age in place of the moment, for another process.
    pub(crate) fn aged(&self, state: u128, now: Tick) -> u128 {
        let (counts, passed) = self.at(state, now);
        Counts {
            began: passed,
            ..counts
        }
        .pack()
    }

    /// The state of that age now. No count is more than the window may hold, whoever wrote it.
    pub(crate) fn begun(&self, aged: u128, now: Tick) -> u128 {
        let Counts {
            began: age,
            before,
            count,
        } = Counts::unpack(aged);
        let most = u32::try_from(self.at_most).unwrap_or(u32::MAX);
        Counts {
            began: now.0.saturating_add(AHEAD).saturating_sub(age.min(self.window)),
            before: before.min(most),
            count: count.min(most),
        }
        .pack()
    }

    /// The length of the window.
    pub(crate) const fn window(&self) -> Wait {
        Wait::from_nanoseconds(self.window)
    }

    /// The counts as they are now, and how much of the window has passed.
    fn at(&self, state: u128, now: Tick) -> (Counts, u64) {
        let now = now.0.saturating_add(AHEAD);
        let fresh = Counts {
            began: now,
            before: 0,
            count: 0,
        };
        let counts = if state == 0 { fresh } else { Counts::unpack(state) };
        // Ticks of two threads may come in the wrong order; the later one holds.
        let elapsed = now.saturating_sub(counts.began);
        let counts = match elapsed / self.window {
            0 => return (counts, elapsed),
            // A window of which nothing is left in the next one ends the run of windows.
            1 if counts.count > 0 => Counts {
                began: counts.began + self.window,
                before: counts.count,
                count: 0,
            },
            _ => fresh,
        };
        (counts, now - counts.began)
    }

    fn used(&self, counts: Counts, passed: u64) -> u128 {
        let rest = u128::from(self.window - passed);
        (u128::from(counts.before) * rest).div_ceil(u128::from(self.window)) + u128::from(counts.count)
    }

    /// The time until no more than `room` is used when nobody comes: the count before wanes in the rest of this
    /// window, and that of this one in the next.
    fn wanes(&self, counts: Counts, passed: u64, room: u64) -> Wait {
        let rest = self.window - passed;
        let [count, before] = [u64::from(counts.count), u64::from(counts.before)];
        Wait::from_nanoseconds(match room.checked_sub(count) {
            Some(room) => rest.saturating_sub(self.part(room, before)),
            None => rest + (self.window - self.part(room, count)),
        })
    }

    /// How long before its end a window has waned from `count` to `room`.
    fn part(&self, room: u64, count: u64) -> u64 {
        let part = (u128::from(room) * u128::from(self.window)).checked_div(u128::from(count));
        part.and_then(|part| u64::try_from(part).ok())
            .unwrap_or(u64::MAX)
            .min(self.window)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    // Three hundred years at most, so that two of them can be added to a tick.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).min(1 << 61)
}

#[cfg(test)]
mod tests;
