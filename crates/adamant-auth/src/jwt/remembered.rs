//! Tokens that were proved before: a bounded table from the exact bytes of a token to its proof.
//!
//! Holds nothing that was refused, so that strangers cannot fill it. Two tokens are the same only when
//! every byte is: no hash stands for a token. Time is checked again at every hit, by the caller.

use std::fmt;

use adamant_filter::Size;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::claims::Proof;

/// Memory of a token of usual size with its claims, in bytes: one of 1 KiB, or two of 500 bytes.
const USUAL: u64 = 4096;

/// Memory of an entry besides what grows with the token: table, identity, allocations.
const FIXED: u64 = 640;

/// Memory of parsed claims for each byte of their JSON: measured 2 to 4.
const PER_BYTE: u64 = 4;

#[derive(Clone, Debug)]
struct Entry {
    proof: Proof,
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

    /// Keeps a proof; another may have to go.
    pub(super) fn insert(&self, token: &[u8], claims_bytes: usize, proof: &Proof) {
        let Some(cache) = &self.0 else { return };
        let weight = token.len() as u64 + PER_BYTE * claims_bytes as u64 + FIXED;
        cache.insert(
            token.into(),
            Entry {
                proof: proof.clone(),
                weight,
            },
        );
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
