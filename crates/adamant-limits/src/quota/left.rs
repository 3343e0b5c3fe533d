//! What a request is told of its quota, kept in three words of the exchange until the answer goes out.
//!
//! Decides nothing.

use adamant_filter::prelude::*;

use super::Ask;
use crate::fields::{Allowed, Left};

/// So little is told whole: no stampede comes of it.
const LITTLE: u64 = 10;

/// How many times the average use may be told as left.
const STEEP: u128 = 10;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    remaining: u64,
    at_most: u64,
    /// Seconds of the period.
    window: u32,
    /// Seconds until it ends.
    left: u32,
}

impl Told {
    pub(super) fn new(ask: &Ask, remaining: u64, ends: Wall, now: Wall) -> Self {
        let seconds = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
        Self {
            remaining,
            at_most: ask.at_most,
            window: seconds(ask.window.seconds()),
            left: seconds(ends.0.saturating_sub(now.0).div_ceil(1000).max(1)),
        }
    }

    /// Seconds until the period ends.
    pub(super) fn seconds(&self) -> u64 {
        self.left.into()
    }

    pub(super) fn allowed(&self) -> Allowed {
        Allowed {
            quota: self.at_most,
            window: Some(self.window.into()),
        }
    }

    /// What is left. Much of a long period that is nearly over is not told: the draft wants `r` over `t` to be capped.
    pub(super) fn left(&self) -> Left {
        let average = u128::from(self.at_most) * u128::from(self.left) * STEEP;
        let average = average.div_ceil(u128::from(self.window.max(1)));
        let cap = u64::try_from(average).unwrap_or(u64::MAX);
        let cap = cap.max(self.at_most.div_ceil(100)).max(LITTLE);
        Left {
            units: self.remaining.min(cap),
            seconds: Some(self.left.into()),
        }
    }
}

/// The words.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToldWords {
    remaining: Word,
    at_most: Word,
    /// The period in the upper half, what is left of it in the lower.
    seconds: Word,
}

impl ToldWords {
    pub(super) fn new(boot: &mut Boot<'_>) -> Self {
        Self {
            remaining: boot.word(),
            at_most: boot.word(),
            seconds: boot.word(),
        }
    }

    pub(super) fn set(&self, request: &Request, told: &Told) {
        request.set_word(self.remaining, told.remaining);
        request.set_word(self.at_most, told.at_most);
        request.set_word(self.seconds, u64::from(told.window) << 32 | u64::from(told.left));
    }

    /// `None` when this quota decided nothing about the exchange: what is left of a period is never nothing.
    pub(super) fn get(&self, response: &Response<'_>) -> Option<Told> {
        let seconds = response.word(self.seconds);
        let told = Told {
            remaining: response.word(self.remaining),
            at_most: response.word(self.at_most),
            window: u32::try_from(seconds >> 32).ok()?,
            left: u32::try_from(seconds & u64::from(u32::MAX)).ok()?,
        };
        (seconds != 0).then_some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_invites_nobody_to_a_stampede() {
        let day = 86_400;
        let cases = [
            (1_000_000, 1_000_000, day, day, 1_000_000),
            (1_000_000, 1_000_000, day, 3_600, 416_667),
            (1_000_000, 1_000_000, day, 1, 10_000),
            (1_000_000, 7, day, 1, 7),
            (9, 9, day, 1, 9),
            (50, 50, day, 1, 10),
        ];
        for (at_most, remaining, window, left, units) in cases {
            let told = Told {
                remaining,
                at_most,
                window,
                left,
            };
            let expected = Left {
                units,
                seconds: Some(left.into()),
            };
            assert_eq!(told.left(), expected, "{told:?}");
        }
    }
}
