//! Counting exactly: a meter over the bounded table, and its way into a successor.
//!
//! Knows neither requests nor fields of answers.

use adamant_filter::{Counter, Keep, Tick};

use crate::gcra::Answer;
use crate::meter::Meter;
use crate::table::{KEY_MAX, Table};

/// First byte of exported state; another layout would have another.
const LAYOUT: u8 = 1;

/// An exact limiter.
#[derive(Debug)]
pub(crate) struct Exact {
    meter: Meter,
    table: Table,
}

impl Exact {
    /// A limiter that remembers so many keys.
    pub(crate) fn new(meter: Meter, remember: usize, seeds: [u64; 2], forgotten: Counter) -> Self {
        Self {
            meter,
            table: Table::new(remember, seeds, forgotten),
        }
    }

    /// Decides about a request of a key. `conclude` is given the answer and says whether it is charged if it may
    /// pass; until then nobody else is answered about this key.
    #[inline]
    pub(crate) fn ask(
        &self,
        key: &[u8],
        cost: u64,
        now: Tick,
        conclude: impl FnOnce(Answer) -> bool,
    ) -> bool {
        let debt = |state| self.meter.debt(state, now);
        self.table.update(key, debt, |state| {
            let (answer, next) = self.meter.decide(state, cost, now);
            let is_charged = conclude(answer);
            (is_charged, next.filter(|_| is_charged))
        })
    }
}

/// Entries of key length and kind (two bytes, the highest bit says that the key is a hash), key, and what is
/// known of it (sixteen bytes), all big-endian. Keys without debt are not worth a byte.
impl Keep for Exact {
    fn export(&self, at: Tick) -> Vec<u8> {
        let debt = |state| self.meter.debt(state, at);
        let mut state = vec![LAYOUT];
        self.table.for_each_indebted(debt, |key, hashed, known| {
            // Keys in the table have at most KEY_MAX bytes.
            let length = u16::try_from(key.len()).unwrap_or_default();
            state.extend_from_slice(&(length | if hashed { HASHED } else { 0 }).to_be_bytes());
            state.extend_from_slice(key);
            state.extend_from_slice(&self.meter.leave(known, at).to_be_bytes());
        });
        state
    }

    fn import(&self, state: &[u8], at: Tick) {
        let debt = |state| self.meter.debt(state, at);
        let Some((&LAYOUT, mut rest)) = state.split_first() else {
            return;
        };
        while let Some((entry, after)) = Entry::parse(rest) {
            let known = self.meter.enter(entry.left, at);
            self.table.restore(entry.key, entry.hashed, known, debt);
            rest = after;
        }
    }
}

/// The bit that says that a key is a hash.
const HASHED: u16 = 1 << 15;

struct Entry<'s> {
    key: &'s [u8],
    hashed: bool,
    left: u128,
}

impl<'s> Entry<'s> {
    fn parse(state: &'s [u8]) -> Option<(Self, &'s [u8])> {
        let (head, rest) = state.split_first_chunk()?;
        let head = u16::from_be_bytes(*head);
        let length = usize::from(head & !HASHED);
        let (key, rest) = rest.split_at_checked(length)?;
        let (left, rest) = rest.split_first_chunk()?;
        let entry = Self {
            key,
            hashed: head & HASHED != 0,
            left: u128::from_be_bytes(*left),
        };
        (length <= KEY_MAX).then_some((entry, rest))
    }
}

#[cfg(test)]
mod tests;
