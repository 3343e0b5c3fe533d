//! Proofs that were used: each is good once.
//!
//! Forgets a proof only when its time is over, so that a full memory refuses instead of forgetting.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adamant_filter::{Reason, Size, Tick};

use crate::jwt::reason::{PROOF_REPLAYED, PROOFS_FULL};

/// The start of a hash that stands for a proof.
pub(super) type Used = [u8; 16];

/// Memory of an entry: a table that grows is up to half empty, and for a moment there are two.
const ENTRY: u64 = 128;

/// The memory.
pub(super) struct Replay {
    most: usize,
    span: Duration,
    ages: Mutex<Ages>,
}

/// What was used in this span and in the one before.
#[derive(Default)]
struct Ages {
    young: HashSet<Used, foldhash::quality::RandomState>,
    old: HashSet<Used, foldhash::quality::RandomState>,
    begun: Tick,
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl Replay {
    /// Room for `most` proofs, each of which could be sent again for `span`.
    pub(super) fn new(most: u32, span: Duration) -> Self {
        Self {
            most: usize::try_from(most).unwrap_or(usize::MAX),
            span,
            ages: Mutex::default(),
        }
    }

    /// Most memory that so many proofs take.
    pub(super) const fn bound(most: u32) -> Size {
        Size::from_bytes(most as u64 * ENTRY)
    }

    /// Notes that a proof is used now.
    pub(super) fn spend(&self, proof: Used, now: Tick) -> Result<(), &'static Reason> {
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        ages.turn(now, self.span);
        if ages.young.contains(&proof) || ages.old.contains(&proof) {
            return Err(&PROOF_REPLAYED);
        }
        if ages.young.len() + ages.old.len() >= self.most {
            return Err(&PROOFS_FULL);
        }
        ages.young.insert(proof);
        Ok(())
    }
}

impl Ages {
    /// What was used more than a span ago is over.
    fn turn(&mut self, now: Tick, span: Duration) {
        let passed = now.since(self.begun);
        if passed < span {
            return;
        }
        self.old = std::mem::take(&mut self.young);
        if passed >= span.saturating_mul(2) {
            self.old = HashSet::default();
        }
        self.begun = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick(seconds * 1_000_000_000)
    }

    fn code(replay: &Replay, number: u8, seconds: u64) -> &'static str {
        match replay.spend([number; 16], at(seconds)) {
            Ok(()) => "ok",
            Err(reason) => reason.code(),
        }
    }

    #[test]
    fn a_proof_is_good_once_and_a_full_memory_refuses() {
        let replay = Replay::new(3, Duration::from_secs(10));
        let steps = [
            (1, 0, "ok"),
            (1, 0, "proof-replayed"),
            (2, 9, "ok"),
            (1, 10, "proof-replayed"),
            (2, 19, "proof-replayed"),
            (3, 19, "ok"),
            (4, 19, "proofs-full"),
            (3, 19, "proof-replayed"),
            // Those of the first span are over, that of the second is not.
            (3, 20, "proof-replayed"),
            (4, 20, "ok"),
            (1, 20, "ok"),
            (2, 20, "proofs-full"),
            (3, 60, "ok"),
        ];
        for (number, seconds, expected) in steps {
            assert_eq!(code(&replay, number, seconds), expected, "{number} at {seconds}");
        }
    }

    #[test]
    fn a_proof_is_never_forgotten_before_its_span_is_over() {
        for used in 0..30 {
            let replay = Replay::new(100, Duration::from_secs(10));
            for second in 0..used {
                assert_eq!(code(&replay, u8::try_from(second).unwrap() + 100, second), "ok");
            }
            assert_eq!(code(&replay, 1, used), "ok");
            for later in used..used + 10 {
                assert_eq!(code(&replay, 1, later), "proof-replayed", "{used} {later}");
            }
        }
    }
}
