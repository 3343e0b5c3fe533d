//! Who failed how often, and who is blocked until when: two bounded tables.
//!
//! The first is paid off as the rate says; whoever has the fewest failures is forgotten first. The second alone is
//! read for a request that comes. Knows neither requests nor statuses.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Counter, Keep, Tick};

use crate::carried::ShortKey;
use crate::gcra::{Answer, Gcra};
use crate::kept;
use crate::table::{Table, due_after};

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// Failures and blocks by source.
#[derive(Debug)]
pub(super) struct Record {
    debts: Arc<Debts>,
    blocks: Arc<Blocks>,
    /// Shortest block.
    block: Duration,
}

#[derive(Debug)]
struct Debts {
    gcra: Gcra,
    table: Table,
}

/// Sources by the tick at which they may come again.
#[derive(Debug)]
struct Blocks {
    table: Table,
}

impl Record {
    /// A record of so many sources and as many blocks. A block lasts at least as long as `gcra` needs to allow
    /// another failure.
    pub(super) fn new(
        gcra: Gcra,
        block: Duration,
        remember: usize,
        [debts, blocks]: [[u64; 2]; 2],
        forgotten: &Counter,
    ) -> Self {
        Self {
            debts: Arc::new(Debts {
                gcra,
                table: Table::new(remember, debts, forgotten.clone()),
            }),
            blocks: Arc::new(Blocks {
                table: Table::new(remember, blocks, forgotten.clone()),
            }),
            block,
        }
    }

    /// Most bytes that a record of `remember` sources takes.
    pub(super) fn bound(remember: usize) -> u64 {
        Table::bound(remember).saturating_mul(2)
    }

    /// For how many seconds a source is still blocked, if it is.
    pub(super) fn blocked(&self, key: &ShortKey, now: Tick) -> Option<u64> {
        let now = u128::from(now.0);
        let until = self
            .blocks
            .table
            .update(key.bytes(), due_after(now), |until| (until, None));
        let left = u64::try_from(until.saturating_sub(now)).unwrap_or(u64::MAX);
        (left > 0).then(|| left.div_ceil(SECOND))
    }

    /// Counts a failure of a source, and blocks it when that was the last one that it had.
    pub(super) fn failed(&self, key: &ShortKey, now: Tick) {
        let Debts { gcra, table } = &*self.debts;
        let answer = table.update(key.bytes(), due_after(gcra.instant(now)), |due| {
            gcra.decide(due, 1, now)
        });
        let again = match answer {
            Answer::Pass { remaining: 1.., .. } => return,
            Answer::Pass { next, .. } => next,
            // More requests were under way than it had failures left.
            Answer::Deny { wait } => wait,
        };
        let block = self.block.max(Duration::from_secs(again.seconds()));
        let (now, until) = (u128::from(now.0), u128::from((now + block).0));
        let lengthen = |known: u128| ((), (known <= now).then_some(until));
        self.blocks.table.update(key.bytes(), due_after(now), lengthen);
    }

    /// What a successor takes over, by fingerprint.
    pub(super) fn kept(&self, fingerprint: &str) -> [(String, Arc<dyn Keep>); 2] {
        [
            (format!("{fingerprint}/failures"), Arc::clone(&self.debts) as _),
            (format!("{fingerprint}/blocks"), Arc::clone(&self.blocks) as _),
        ]
    }
}

impl Keep for Debts {
    fn export(&self, at: Tick) -> Vec<u8> {
        let now = self.gcra.instant(at);
        kept::export_due(&self.table, now)
    }

    fn import(&self, state: &[u8], at: Tick) {
        kept::import_due(&self.table, state, self.gcra.instant(at), self.gcra.depth());
    }
}

impl Keep for Blocks {
    fn export(&self, at: Tick) -> Vec<u8> {
        kept::export_due(&self.table, at.0.into())
    }

    fn import(&self, state: &[u8], at: Tick) {
        // Ticks have 64 bits; whoever wrote the bytes, no block lasts longer than ticks can count.
        kept::import_due(&self.table, state, at.0.into(), u64::MAX.into());
    }
}
