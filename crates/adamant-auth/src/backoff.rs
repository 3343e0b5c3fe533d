//! Who failed to prove itself how often of late, and how long it has to wait before the next try.
//!
//! Serves every filter whose credentials can be guessed. Knows no credential: accounts and networks are hashes to
//! it, made with a key that nobody outside can guess. Its memory is fixed when it is built; a full place drops
//! whoever has the least to answer for.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adamant_filter::prelude::*;
use sha2::{Digest, Sha256};

/// Entries of one place in the table.
const PLACE: usize = 8;

/// Most entries: 2 GiB of memory.
const REMEMBER_MAX: u32 = 1 << 25;

/// How failures are answered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GuardConfig {
    /// So many failures of one account in a row cost nothing; the next tries have to wait.
    pub after: u32,
    /// So many failures from one network (an IPv4 address, or 64 bits of an IPv6 address) cost nothing. More
    /// than for one account, since many people may stand behind one address.
    pub after_from_source: u32,
    /// The first wait; it doubles with each further failure.
    pub wait: Period,
    /// Longest wait.
    pub at_most: Period,
    /// After so long a time without a failure, all is forgotten; at least `at-most`.
    pub forget: Period,
    /// How many accounts, and how many networks, are remembered (48 bytes each).
    pub remember: u32,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            after: 5,
            after_from_source: 25,
            wait: Period::from_secs(1),
            at_most: Period::from_secs(300),
            forget: Period::from_secs(3600),
            remember: 50_000,
        }
    }
}

impl GuardConfig {
    /// What only needs this configuration to be judged.
    fn check(&self) -> Result<(), Problem> {
        let counts = [
            ("guard.after", self.after, 1000),
            ("guard.after-from-source", self.after_from_source, 100_000),
            ("guard.remember", self.remember, REMEMBER_MAX),
        ];
        for (path, count, most) in counts {
            if !(1..=most).contains(&count) {
                return Err(Problem::at(path, format!("it is a number from 1 to {most}")));
            }
        }
        if self.wait.is_zero() {
            return Err(Problem::at("guard.wait", "without a wait nothing is guarded"));
        }
        if self.at_most < self.wait {
            return Err(Problem::at(
                "guard.at-most",
                "the longest wait is shorter than the first one",
            ));
        }
        if self.forget < self.at_most {
            let message = "failures would be forgotten before their wait has ended";
            return Err(Problem::at("guard.forget", message));
        }
        Ok(())
    }
}

/// Whose failures are counted, as a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Culprit(u128);

impl Culprit {
    /// A number below `count` that is always the same for this culprit, and that nobody outside can foretell.
    pub(crate) fn number_below(self, count: usize) -> usize {
        let count = (count as u128).max(1);
        usize::try_from(self.0 % count).unwrap_or(0)
    }
}

/// Failures of accounts and of networks.
#[derive(Debug)]
pub(crate) struct Guard {
    key: [u8; 32],
    accounts: Table,
    sources: Table,
}

/// Who has to wait, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// Too many failures of this account.
    Account(Duration),
    /// Too many failures from this network.
    Source(Duration),
}

impl Blocked {
    /// How long.
    pub(crate) const fn wait(self) -> Duration {
        match self {
            Self::Account(wait) | Self::Source(wait) => wait,
        }
    }

    /// Whole seconds, rounded up, for `Retry-After`.
    pub(crate) fn retry_after(self) -> HeaderValue {
        let wait = self.wait();
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() != 0);
        HeaderValue::from(seconds.max(1))
    }
}

impl Guard {
    /// A guard with empty tables.
    pub(crate) fn build(config: &GuardConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let bound = Size::from_bytes(Table::bound(config.remember));
        boot.reserve("accounts that failed", bound);
        boot.reserve("networks that failed", bound);
        let mut key = [0; 32];
        boot.random().fill(&mut key);
        Ok(Self::with_key(config, key))
    }

    fn with_key(config: &GuardConfig, key: [u8; 32]) -> Self {
        Self {
            key,
            accounts: Table::new(config, config.after),
            sources: Table::new(config, config.after_from_source),
        }
    }

    /// An account by its name, whether it exists or not.
    pub(crate) fn account(&self, name: &[u8]) -> Culprit {
        self.culprit(name)
    }

    /// The network of a client: the whole IPv4 address, the first 64 bits of an IPv6 address.
    pub(crate) fn source(&self, client: IpAddr) -> Culprit {
        match client.to_canonical() {
            IpAddr::V4(address) => self.culprit(&address.octets()),
            IpAddr::V6(address) => self.culprit(address.octets().first_chunk::<8>().map_or(&[], |net| net)),
        }
    }

    fn culprit(&self, name: &[u8]) -> Culprit {
        let hash = Sha256::new().chain_update(self.key).chain_update(name).finalize();
        Culprit(hash.first_chunk().map_or(0, |start| u128::from_be_bytes(*start)))
    }

    /// Whether the network has to wait.
    pub(crate) fn source_blocked(&self, source: Culprit, now: Tick) -> Option<Blocked> {
        self.sources.wait(source, now).map(Blocked::Source)
    }

    /// Whether the account has to wait.
    pub(crate) fn account_blocked(&self, account: Culprit, now: Tick) -> Option<Blocked> {
        self.accounts.wait(account, now).map(Blocked::Account)
    }

    /// A failure.
    pub(crate) fn failed(&self, account: Culprit, source: Culprit, now: Tick) {
        self.accounts.add(account, now);
        self.sources.add(source, now);
    }

    /// A success: the account has nothing to answer for. The network has: one good account of its own must not
    /// let an attacker guess those of others.
    pub(crate) fn succeeded(&self, account: Culprit) {
        self.accounts.clear(account);
    }
}

/// Failures of one culprit.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    culprit: u128,
    failures: u32,
    /// When the wait ends, or the last failure where there is none.
    until: Tick,
}

/// A table of fixed size: each culprit has one place, and each place holds few.
#[derive(Debug)]
struct Table {
    places: Box<[Mutex<[Entry; PLACE]>]>,
    after: u32,
    wait: Duration,
    at_most: Duration,
    forget: Duration,
}

impl Table {
    fn new(config: &GuardConfig, after: u32) -> Self {
        Self {
            places: (0..places_for(config.remember))
                .map(|_| Mutex::default())
                .collect(),
            after,
            wait: config.wait.duration(),
            at_most: config.at_most.duration(),
            forget: config.forget.duration(),
        }
    }

    fn bound(remember: u32) -> u64 {
        let bytes = places_for(remember).saturating_mul(size_of::<Mutex<[Entry; PLACE]>>());
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    fn place(&self, culprit: Culprit) -> MutexGuard<'_, [Entry; PLACE]> {
        #[expect(clippy::indexing_slicing, reason = "below the length, which is not zero")]
        let place = &self.places[culprit.number_below(self.places.len())];
        // A mutex of the standard library, one for eight culprits and held for some ten nanoseconds: counting
        // must be exact, and requests of other culprits do not meet here.
        place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long this culprit has to wait.
    fn wait(&self, culprit: Culprit, now: Tick) -> Option<Duration> {
        let place = self.place(culprit);
        let entry = place.iter().find(|entry| entry.is(culprit))?;
        let wait = entry.until.since(now);
        (entry.failures >= self.after && !wait.is_zero()).then_some(wait)
    }

    fn add(&self, culprit: Culprit, now: Tick) {
        let mut place = self.place(culprit);
        let known = place.iter().position(|entry| entry.is(culprit));
        let least = || {
            let by_end = place.iter().enumerate().min_by_key(|(_, entry)| entry.until);
            by_end.map_or(0, |(number, _)| number)
        };
        let number = known.unwrap_or_else(least);
        let Some(entry) = place.get_mut(number) else {
            return;
        };
        let is_fresh = known.is_some() && now.since(entry.until) < self.forget;
        let failures = if is_fresh {
            entry.failures.saturating_add(1)
        } else {
            1
        };
        *entry = Entry {
            culprit: culprit.0,
            failures,
            until: now + self.wait_after(failures),
        };
    }

    /// None up to the free failures, then the first wait, which doubles.
    fn wait_after(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.after) {
            None => Duration::ZERO,
            Some(more) => {
                let factor = 2_u32.checked_pow(more).unwrap_or(u32::MAX);
                self.wait.saturating_mul(factor).min(self.at_most)
            }
        }
    }

    fn clear(&self, culprit: Culprit) {
        let mut place = self.place(culprit);
        if let Some(entry) = place.iter_mut().find(|entry| entry.is(culprit)) {
            *entry = Entry::default();
        }
    }
}

impl Entry {
    const fn is(&self, culprit: Culprit) -> bool {
        self.failures != 0 && self.culprit == culprit.0
    }
}

/// A place for every six culprits: places fill unevenly.
const fn places_for(remember: u32) -> usize {
    remember.div_ceil(6) as usize
}

#[cfg(test)]
mod tests;
