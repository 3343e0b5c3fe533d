//! Names of keys that an issuer was found not to have: a token that names one causes no fetch for a while.
//!
//! Only spares fetches. A name that the issuer has by now is found with the next fetch, whoever causes it.

use std::fmt;
use std::hash::BuildHasher;
use std::time::Duration;

use adamant_filter::Tick;
use quick_cache::sync::Cache;

/// Most names; others have to go.
const NAMES: usize = 4096;

/// For how many cool-downs a name causes no fetch.
const COOL_DOWNS: u32 = 4;

/// Names by a keyed hash, which strangers cannot aim at.
pub(super) struct Unknown {
    names: Cache<u64, Tick>,
    hasher: foldhash::quality::RandomState,
    keep: Duration,
}

impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unknown").field(&self.names.len()).finish()
    }
}

impl Unknown {
    pub(super) fn new(cool_down: Duration) -> Self {
        Self {
            names: Cache::new(NAMES),
            hasher: foldhash::quality::RandomState::default(),
            keep: cool_down.saturating_mul(COOL_DOWNS),
        }
    }

    pub(super) fn number_of(&self, name: &str) -> u64 {
        self.hasher.hash_one(name)
    }

    pub(super) fn has(&self, name: u64, now: Tick) -> bool {
        self.names
            .get(&name)
            .is_some_and(|noted| now.since(noted) < self.keep)
    }

    pub(super) fn insert(&self, name: u64, now: Tick) {
        self.names.insert(name, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_forgotten_after_a_while_and_names_are_bounded() {
        let unknown = Unknown::new(Duration::from_secs(1));
        let name = unknown.number_of("a");
        assert_ne!(name, unknown.number_of("b"));
        unknown.insert(name, Tick(0));
        assert!(unknown.has(name, Tick(3_999_999_999)));
        assert!(!unknown.has(name, Tick(4_000_000_000)));
        for number in 0..20_000 {
            unknown.insert(number, Tick(0));
        }
        assert!(unknown.names.len() <= NAMES + 64, "{}", unknown.names.len());
    }
}
