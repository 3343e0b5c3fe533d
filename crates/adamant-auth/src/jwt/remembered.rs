//! Tokens that were proved before: a bounded table from the exact bytes of a token to its proof.
//!
//! Holds nothing that was refused, so that strangers cannot fill it. Two tokens are the same only when
//! every byte is: no hash stands for a token. Time is checked again at every hit, by the caller.

use std::fmt;

use adamant_filter::Size;
use adamant_filter::serde_json::{Map, Value};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::claims::Proof;
use super::keys::Mark;

/// Memory of a token of usual size: 600 bytes with a dozen claims, as RFC 9068 asks for.
const USUAL: u64 = 4096;

/// Memory of an entry besides what grows with the token: table, identity, allocations.
const FIXED: u64 = 256;

/// Memory of one parsed value besides its text. Measured for 7 to 207 values: 178 to 255 bytes.
const PER_VALUE: u64 = 256;

#[derive(Clone, Debug)]
struct Entry {
    proof: Proof,
    /// The key that proved it.
    key: Mark,
    weight: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Box<[u8]>, Entry> for Weight {
    fn weight(&self, _token: &Box<[u8]>, entry: &Entry) -> u64 {
        entry.weight
    }
}

/// The table; absent when nothing is to be remembered.
pub(super) struct Remembered(Option<Cache<Box<[u8]>, Entry, Weight>>);

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remembered")
            .field(&self.0.as_ref().map(Cache::len))
            .finish()
    }
}

impl Remembered {
    /// Room for so many tokens of usual size.
    pub(super) fn new(tokens: u32) -> Self {
        let room = (tokens != 0).then(|| usize::try_from(tokens).unwrap_or(usize::MAX));
        Self(room.map(|room| Cache::with_weighter(room, Self::bound(tokens).bytes(), Weight)))
    }

    /// Most memory that so many tokens take.
    pub(super) const fn bound(tokens: u32) -> Size {
        Size::from_bytes(tokens as u64 * USUAL)
    }

    /// The proof of exactly this token.
    pub(super) fn get(&self, token: &[u8]) -> Option<Proof> {
        self.0.as_ref()?.get(token).map(|entry| entry.proof)
    }

    /// Memory that a token takes with its claims, rather too much than too little.
    pub(super) fn weight(token: &[u8], payload: &[u8], claims: &Map<String, Value>) -> u64 {
        let values: u64 = claims.values().map(count).sum();
        (token.len() + payload.len()) as u64 + PER_VALUE * values + FIXED
    }

    /// Keeps a proof; others may have to go.
    pub(super) fn insert(&self, token: &[u8], weight: u64, key: Mark, proof: &Proof) {
        if let Some(cache) = &self.0 {
            cache.insert(
                token.into(),
                Entry {
                    proof: proof.clone(),
                    key,
                    weight,
                },
            );
        }
    }

    /// Forgets the tokens of all keys but those that are `kept`.
    pub(super) fn keep_only(&self, kept: impl Fn(&Mark) -> bool) {
        if let Some(cache) = &self.0 {
            cache.retain(|_, entry| kept(&entry.key));
        }
    }

    /// Forgets a token that has expired.
    pub(super) fn forget(&self, token: &[u8]) {
        if let Some(cache) = &self.0 {
            cache.remove(token);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, Cache::len)
    }
}

/// Number of values in a value; as deep as the parser allowed, which is 128.
fn count(value: &Value) -> u64 {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
