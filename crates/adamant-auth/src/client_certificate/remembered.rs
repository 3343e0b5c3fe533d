//! Certificates that were read before: a bounded table from the exact bytes of a certificate to its identity.
//!
//! Holds nothing that was refused. Two certificates are the same only when every byte is: no hash stands for one.
//! Time is checked again at every hit.

use std::fmt;
use std::sync::Arc;

use adamant_filter::prelude::*;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::names::Validity;

/// Memory of a certificate of usual size with its identity.
const USUAL: u64 = 4096;

/// Memory of an entry besides certificate and name: table, identity, allocations.
const FIXED: u64 = 512;

/// Whose certificate it is, and how long.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) validity: Validity,
    pub(super) identity: Arc<Identity>,
}

impl Proof {
    /// The identity at a moment.
    pub(super) fn at(self, now: Wall) -> Result<Arc<Identity>, &'static Reason> {
        self.validity.at(now).map(|()| self.identity)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    proof: Proof,
    weight: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Box<[u8]>, Entry> for Weight {
    fn weight(&self, _certificate: &Box<[u8]>, entry: &Entry) -> u64 {
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
    /// Room for so many certificates of usual size.
    pub(super) fn new(certificates: u32) -> Self {
        let room = (certificates != 0).then(|| usize::try_from(certificates).unwrap_or(usize::MAX));
        Self(room.map(|room| Cache::with_weighter(room, Self::bound(certificates).bytes(), Weight)))
    }

    /// Most memory that so many certificates take.
    pub(super) const fn bound(certificates: u32) -> Size {
        Size::from_bytes(certificates as u64 * USUAL)
    }

    /// What is known of exactly this certificate.
    pub(super) fn get(&self, certificate: &[u8]) -> Option<Proof> {
        self.0.as_ref()?.get(certificate).map(|entry| entry.proof)
    }

    /// Keeps a certificate; others may have to go. The name stands twice in an identity.
    pub(super) fn insert(&self, certificate: &[u8], name: &str, proof: Proof) {
        if let Some(cache) = &self.0 {
            let weight = (certificate.len() + 2 * name.len()) as u64 + FIXED;
            cache.insert(certificate.into(), Entry { proof, weight });
        }
    }

    /// Forgets a certificate that has expired.
    pub(super) fn forget(&self, certificate: &[u8]) {
        if let Some(cache) = &self.0 {
            cache.remove(certificate);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, Cache::len)
    }
}
