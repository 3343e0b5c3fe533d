//! Counting exactly: the cell rate algorithm over the bounded table, and its way into a successor.
//!
//! Knows neither requests nor fields of answers.

use adamant_filter::{Counter, Keep, Tick};

use crate::gcra::{Answer, Gcra};
use crate::table::{KEY_MAX, Table};

/// First byte of exported state; another layout would have another.
const LAYOUT: u8 = 1;

/// An exact limiter.
#[derive(Debug)]
pub(crate) struct Exact {
    gcra: Gcra,
    table: Table,
}

impl Exact {
    /// A limiter that remembers so many keys.
    pub(crate) fn new(gcra: Gcra, remember: usize, seeds: [u64; 2], forgotten: Counter) -> Self {
        Self {
            gcra,
            table: Table::new(remember, seeds, forgotten),
        }
    }

    /// Decides about one request of a key and charges it when it may pass.
    pub(crate) fn charge(&self, key: &[u8], now: Tick) -> Answer {
        self.table
            .update(key, self.gcra.instant(now), |due| self.gcra.decide(due, now))
    }
}

/// Entries of key length and kind (two bytes, the highest bit says that the key is a hash), key, and debt
/// in parts (sixteen bytes), all big-endian. Keys without debt are not worth a byte.
impl Keep for Exact {
    fn export(&self, at: Tick) -> Vec<u8> {
        let now = self.gcra.instant(at);
        let mut state = vec![LAYOUT];
        self.table.for_each_indebted(now, |key, hashed, due| {
            // Keys in the table have at most KEY_MAX bytes.
            let length = u16::try_from(key.len()).unwrap_or_default();
            state.extend_from_slice(&(length | if hashed { HASHED } else { 0 }).to_be_bytes());
            state.extend_from_slice(key);
            state.extend_from_slice(&(due - now).to_be_bytes());
        });
        state
    }

    fn import(&self, state: &[u8], at: Tick) {
        let now = self.gcra.instant(at);
        let Some((&LAYOUT, mut rest)) = state.split_first() else {
            return;
        };
        while let Some((entry, after)) = Entry::parse(rest) {
            // No more debt than the burst can lend, whoever wrote the bytes.
            let due = now.saturating_add(entry.debt.min(self.gcra.depth()));
            self.table.restore(entry.key, entry.hashed, due, now);
            rest = after;
        }
    }
}

/// The bit that says that a key is a hash.
const HASHED: u16 = 1 << 15;

struct Entry<'s> {
    key: &'s [u8],
    hashed: bool,
    debt: u128,
}

impl<'s> Entry<'s> {
    fn parse(state: &'s [u8]) -> Option<(Self, &'s [u8])> {
        let (head, rest) = state.split_first_chunk()?;
        let head = u16::from_be_bytes(*head);
        let length = usize::from(head & !HASHED);
        let (key, rest) = rest.split_at_checked(length)?;
        let (debt, rest) = rest.split_first_chunk()?;
        let entry = Self {
            key,
            hashed: head & HASHED != 0,
            debt: u128::from_be_bytes(*debt),
        };
        (length <= KEY_MAX).then_some((entry, rest))
    }
}

#[cfg(test)]
mod tests;
