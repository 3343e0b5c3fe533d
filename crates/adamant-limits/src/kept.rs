//! A table as bytes for a successor: keys with what is left of their time.
//!
//! Entries of key length and kind (two bytes, the highest bit says that the key is a hash), key, and what is left
//! (sixteen bytes), all big-endian. Knows no rate; believes no byte that it reads back.

use crate::table::{KEY_MAX, Table};

/// First byte of exported state; another layout would have another.
const LAYOUT: u8 = 1;

/// The bit that says that a key is a hash.
const HASHED: u16 = 1 << 15;

/// Every key that is due after `now`, with its time from `since` on.
pub(crate) fn export(table: &Table, now: u128, since: u128) -> Vec<u8> {
    let mut state = vec![LAYOUT];
    let debt = |due: u128| due.saturating_sub(now);
    table.for_each_indebted(debt, |key, hashed, due| {
        // Keys in the table have at most KEY_MAX bytes.
        let length = u16::try_from(key.len()).unwrap_or_default();
        state.extend_from_slice(&(length | if hashed { HASHED } else { 0 }).to_be_bytes());
        state.extend_from_slice(key);
        state.extend_from_slice(&due.saturating_sub(since).to_be_bytes());
    });
    state
}

/// Takes over what [`export`] wrote, counted from `since` on. No key is due later than `at_most` after it.
pub(crate) fn import(table: &Table, state: &[u8], since: u128, at_most: u128) {
    let Some((&LAYOUT, mut rest)) = state.split_first() else {
        return;
    };
    while let Some((entry, after)) = Entry::parse(rest) {
        let due = since.saturating_add(entry.left.min(at_most));
        let debt = |due: u128| due.saturating_sub(since);
        table.restore(entry.key, entry.hashed, due, debt);
        rest = after;
    }
}

struct Entry<'s> {
    key: &'s [u8],
    hashed: bool,
    left: u128,
}

impl<'s> Entry<'s> {
    fn parse(state: &'s [u8]) -> Option<(Self, &'s [u8])> {
        let (head, rest) = state.split_first_chunk()?;
        let head = u16::from_be_bytes(*head);
        let (key, rest) = rest.split_at_checked(usize::from(head & !HASHED))?;
        let (left, rest) = rest.split_first_chunk()?;
        let entry = Self {
            key,
            hashed: head & HASHED != 0,
            left: u128::from_be_bytes(*left),
        };
        (key.len() <= KEY_MAX).then_some((entry, rest))
    }
}
