//! A table as bytes for a successor: keys with what is left of their time.
//!
//! Entries of key length and kind (two bytes, the highest bit says that the key is a hash), key, and what is left
//! (sixteen bytes), all big-endian. Knows no rate; believes no byte that it reads back.

use crate::table::{KEY_MAX, Table, due_after};

/// First byte of exported state; another layout would have another.
pub(crate) const LAYOUT: u8 = 1;

/// The bit that says that a key is a hash.
const HASHED: u16 = 1 << 15;

/// Every key with debt, and what `left` makes of what is known of it.
pub(crate) fn export(table: &Table, debt: impl Fn(u128) -> u128, left: impl Fn(u128) -> u128) -> Vec<u8> {
    let mut state = vec![LAYOUT];
    table.for_each_indebted(debt, |key, hashed, known| {
        // Keys in the table have at most KEY_MAX bytes.
        let length = u16::try_from(key.len()).unwrap_or_default();
        state.extend_from_slice(&(length | if hashed { HASHED } else { 0 }).to_be_bytes());
        state.extend_from_slice(key);
        state.extend_from_slice(&left(known).to_be_bytes());
    });
    state
}

/// Takes over what [`export`] wrote: `known` makes of what is left what is known of a key here.
pub(crate) fn import(
    table: &Table,
    state: &[u8],
    debt: impl Fn(u128) -> u128 + Copy,
    known: impl Fn(u128) -> u128,
) {
    let Some((&LAYOUT, mut rest)) = state.split_first() else {
        return;
    };
    while let Some((entry, after)) = Entry::parse(rest) {
        table.restore(entry.key, entry.hashed, known(entry.left), debt);
        rest = after;
    }
}

/// [`export`] of keys that are due at an instant: those after `now`, with their time from then on.
pub(crate) fn export_due(table: &Table, now: u128) -> Vec<u8> {
    export(table, due_after(now), |due| due.saturating_sub(now))
}

/// [`import`] of such keys. None is due later than `at_most` after `now`.
pub(crate) fn import_due(table: &Table, state: &[u8], now: u128, at_most: u128) {
    import(table, state, due_after(now), |left| {
        now.saturating_add(left.min(at_most))
    });
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
