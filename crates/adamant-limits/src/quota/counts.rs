//! Counts in the memory of one process: the bounded table, with the end of the period and the count as one number.
//!
//! The number orders keys by the end of their period and then by how much they used, so that a full table forgets
//! whoever used least. Knows no calendar.

use adamant_filter::{Keep, Tick, Wall};

use super::{Answer, Ask};
use crate::kept;
use crate::table::{Table, due_after};

/// What each key used, and until when that counts.
#[derive(Debug)]
pub(super) struct Counts {
    table: Table,
}

impl Counts {
    pub(super) const fn new(table: Table) -> Self {
        Self { table }
    }

    /// Charges what is asked for, if it may be used.
    pub(super) fn charge(&self, ask: &Ask, now: Wall) -> Answer {
        let decide = |state: u128| {
            let (known, used) = split(state);
            // A clock that was put back leads into a period that was counted to its end: that one goes on.
            let ends = known.max(ask.window.ends.0);
            let used = if known == ends { used } else { 0 };
            match used.checked_add(ask.cost).filter(|used| *used <= ask.at_most) {
                Some(used) => {
                    let remaining = ask.at_most - used;
                    (Answer::Pass { remaining }, Some(join(ends, used)))
                }
                None => (Answer::Deny { ends: Wall(ends) }, None),
            }
        };
        self.table
            .update(ask.key.bytes(), due_after(join(now.0, 0)), decide)
    }
}

/// Moments on the wall mean the same to a successor, so nothing is counted from its ticks.
impl Keep for Counts {
    fn export(&self, _at: Tick) -> Vec<u8> {
        kept::export_due(&self.table, 0)
    }

    fn import(&self, state: &[u8], _at: Tick) {
        kept::import_due(&self.table, state, 0, u128::MAX);
    }
}

const fn join(ends: u64, used: u64) -> u128 {
    ((ends as u128) << 64) | used as u128
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves are taken apart")]
const fn split(state: u128) -> (u64, u64) {
    ((state >> 64) as u64, state as u64)
}
