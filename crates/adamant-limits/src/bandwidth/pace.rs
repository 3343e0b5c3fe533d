//! The arithmetic of a pace: when the debt of what was sent is paid.
//!
//! Instants are counted in parts of a nanosecond, as many as the pace has bytes in a second: then every byte costs
//! exactly a thousand million parts, and nothing drifts. Knows neither keys nor answers.

use std::num::NonZeroU64;
use std::time::Duration;

use adamant_filter::Tick;

/// Parts that one byte costs: the nanoseconds of a second.
const BYTE: u128 = 1_000_000_000;

/// A pace with what goes at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Bytes in a second; parts of a nanosecond.
    rate: u128,
    /// Parts of debt that nobody waits for.
    depth: u128,
}

impl Pace {
    /// So many bytes in each second after `burst` at once.
    pub(super) fn new(rate: NonZeroU64, burst: u64) -> Self {
        Self {
            rate: rate.get().into(),
            depth: u128::from(burst).saturating_mul(BYTE),
        }
    }

    /// A tick in parts.
    pub(super) fn instant(&self, tick: Tick) -> u128 {
        u128::from(tick.0) * self.rate
    }

    /// The first tick that is not before an instant.
    pub(super) fn tick(&self, instant: u128) -> Tick {
        Tick(u64::try_from(instant.div_ceil(self.rate)).unwrap_or(u64::MAX))
    }

    /// What so many bytes cost, in parts.
    #[expect(clippy::unused_self, reason = "parts mean nothing without their pace")]
    pub(super) fn cost(&self, bytes: u64) -> u128 {
        u128::from(bytes).saturating_mul(BYTE)
    }

    /// For how long bytes must wait whose predecessors are paid at `due`, and when they are paid themselves.
    pub(super) fn send(&self, due: u128, bytes: usize, now: Tick) -> (Duration, u128) {
        let now = self.instant(now);
        let cost = self.cost(u64::try_from(bytes).unwrap_or(u64::MAX));
        let next = due.max(now).saturating_add(cost);
        let wait = (next - now).saturating_sub(self.depth).div_ceil(self.rate);
        let wait = Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX));
        (wait, next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever pieces come whenever: at no time more than the burst and what the pace gives was sent, and a piece
        /// does not wait when that would not be exceeded.
        #[test]
        fn never_faster_and_never_slower_than_the_pace(
            rate in 1024_u64..100_000_000,
            burst in 1_u64..10_000_000,
            pieces in prop::collection::vec((1_usize..65_536, 0_u64..1_000_000_000), 1..60),
        ) {
            let pace = Pace::new(NonZeroU64::new(rate).unwrap(), burst);
            let (mut now, mut due, mut busy_since, mut sent) = (0, 0, 0, 0_u128);
            for (bytes, pause) in pieces {
                now += pause;
                if pace.tick(due).0 <= now {
                    (busy_since, sent) = (now, 0);
                }
                let (wait, next) = pace.send(due, bytes, Tick(now));
                due = next;
                let leaves = now + u64::try_from(wait.as_nanos()).unwrap();
                sent += bytes as u128;
                let given = |at: u64| u128::from(burst) * BYTE + u128::from(at - busy_since) * u128::from(rate);
                prop_assert!(sent * BYTE <= given(leaves), "{} bytes by {}", sent, leaves);
                if !wait.is_zero() {
                    prop_assert!(sent * BYTE > given(leaves - 1) , "{} bytes could leave before {}", sent, leaves);
                }
                // The next piece is read when this one has left.
                now = leaves;
            }
        }
    }
}
