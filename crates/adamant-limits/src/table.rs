//! A bounded table from keys to what is known of them, one number each.
//!
//! Knows no rate and no clock: whoever asks says how much debt a number is, and the least is worth least. Never holds more keys than
//! it was told to remember (and one more per shard in the worst case); a full table drops the key with the
//! least debt, which loses nothing while some remembered key has no debt at all.

use std::hash::Hasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use adamant_filter::Counter;
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use sha2::{Digest, Sha256};

/// Longest key whose bytes are kept; a longer one is stood for by its SHA-256, so that memory is bounded.
pub(crate) const KEY_MAX: usize = 128;

/// Keys of one shard, at least, once the table is full: enough that the least indebted of them is nobody
/// who matters, few enough that looking through all of them costs some ten nanoseconds.
const SHARD_KEYS: usize = 32;

/// Most shards. Beyond two million keys the shards grow instead.
const SHARDS_MAX: usize = 1 << 16;

/// Places that a shard grows by.
const GROWTH: usize = 16;

/// Bytes that an allocator may add to each key.
const ALLOCATION: usize = 16;

/// A key as the table holds it.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    bytes: Box<[u8]>,
    hashed: bool,
}

/// A key as it is looked up.
#[derive(Clone, Copy)]
struct Wanted<'k> {
    bytes: &'k [u8],
    hashed: bool,
    tag: u32,
}

impl Wanted<'_> {
    fn is(&self, held: &Held) -> bool {
        *held.bytes == *self.bytes && held.hashed == self.hashed
    }

    fn hold(&self) -> Held {
        Held {
            bytes: self.bytes.into(),
            hashed: self.hashed,
        }
    }
}

/// Keys whose hashes share some bits, in three columns of equal length: a look-up reads the first one.
#[derive(Debug, Default)]
struct Shard {
    tags: Vec<u32>,
    states: Vec<u128>,
    keys: Vec<Held>,
}

/// The bounded table.
pub(crate) struct Table {
    // A mutex of the standard library: taking and giving it back, uncontended, is two atomic operations.
    // With a thousand shards and a hold of some ten nanoseconds it is practically never contended, and it
    // makes look-up, decision and charge one step, so that counts are exact.
    shards: Box<[Mutex<Shard>]>,
    seed: u64,
    shared_seed: SharedSeed,
    used: AtomicUsize,
    remember: usize,
    forgotten: Counter,
}

impl Table {
    /// A table for `remember` keys. `seeds` make its hash unpredictable; `forgotten` counts the keys that
    /// were dropped with debt.
    pub(crate) fn new(remember: usize, seeds: [u64; 2], forgotten: Counter) -> Self {
        let [seed, shared] = seeds;
        Self {
            shards: (0..shards_for(remember)).map(|_| Mutex::default()).collect(),
            seed,
            shared_seed: SharedSeed::from_u64(shared),
            used: AtomicUsize::new(0),
            remember,
            forgotten,
        }
    }

    /// Most bytes that a table for `remember` keys takes.
    pub(crate) fn bound(remember: usize) -> u64 {
        let columns = size_of::<u32>() + size_of::<u128>() + size_of::<Held>();
        let per_key = columns + KEY_MAX + ALLOCATION;
        let per_shard = size_of::<Mutex<Shard>>() + GROWTH * columns + per_key + 3 * ALLOCATION;
        let bytes = remember
            .saturating_mul(per_key)
            .saturating_add(shards_for(remember) * per_shard);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Gives `decide` what is known of the key (0 for an unknown one) and keeps what it returns, if any. `debt`
    /// tells how much debt a key has now by what is known of it. Others that have this key wait meanwhile.
    pub(crate) fn update<R>(
        &self,
        key: &[u8],
        debt: impl Fn(u128) -> u128,
        decide: impl FnOnce(u128) -> (R, Option<u128>),
    ) -> R {
        if key.len() > KEY_MAX {
            let digest: [u8; 32] = Sha256::digest(key).into();
            return self.update_held(&digest, true, debt, decide);
        }
        self.update_held(key, false, debt, decide)
    }

    #[inline]
    fn update_held<R>(
        &self,
        bytes: &[u8],
        hashed: bool,
        debt: impl Fn(u128) -> u128,
        decide: impl FnOnce(u128) -> (R, Option<u128>),
    ) -> R {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared_seed);
        hasher.write(bytes);
        let hash = hasher.finish();
        let wanted = Wanted {
            bytes,
            hashed,
            tag: upper(hash),
        };
        let mut shard = self.shard(hash);
        if let Some(state) = shard.find(wanted) {
            let (answer, next) = decide(*state);
            *state = next.unwrap_or(*state);
            return answer;
        }
        let (answer, next) = decide(0);
        if let Some(state) = next {
            self.insert(&mut shard, wanted, state, &debt);
        }
        answer
    }

    /// Calls `each` for every key that has debt: its bytes, whether they are a hash, and what is known of it.
    pub(crate) fn for_each_indebted(
        &self,
        debt: impl Fn(u128) -> u128,
        mut each: impl FnMut(&[u8], bool, u128),
    ) {
        for shard in &self.shards {
            let shard = lock(shard);
            let indebted = shard.keys.iter().zip(&shard.states);
            for (held, state) in indebted.filter(|(_, state)| debt(**state) > 0) {
                each(&held.bytes, held.hashed, *state);
            }
        }
    }

    /// Takes over a key that [`Table::for_each_indebted`] gave. A key that is known already keeps the
    /// larger debt.
    pub(crate) fn restore(&self, bytes: &[u8], hashed: bool, state: u128, debt: impl Fn(u128) -> u128) {
        if bytes.len() <= KEY_MAX {
            let larger = |known| if debt(known) > debt(state) { known } else { state };
            self.update_held(bytes, hashed, &debt, |known| ((), Some(larger(known))));
        }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        let mask = self.shards.len() - 1;
        #[expect(
            clippy::indexing_slicing,
            reason = "the number of shards is a power of two, so the mask bounds it"
        )]
        let shard = &self.shards[lower(hash) & mask];
        lock(shard)
    }

    fn insert(&self, shard: &mut Shard, wanted: Wanted<'_>, state: u128, debt: &impl Fn(u128) -> u128) {
        if self.used.fetch_add(1, Ordering::Relaxed) < self.remember {
            shard.push(wanted, state);
            return;
        }
        let Some(least) = shard.least(debt) else {
            // Nothing to drop here. It happens once per shard at most, and the bound of memory knows it.
            shard.push(wanted, state);
            return;
        };
        self.used.fetch_sub(1, Ordering::Relaxed);
        if debt(shard.replace(least, wanted, state)) > 0 {
            self.forgotten.add_one();
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).tags.len()).sum()
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("remember", &self.remember)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

impl Shard {
    fn find(&mut self, wanted: Wanted<'_>) -> Option<&mut u128> {
        let same = |(tag, key): (&u32, &Held)| *tag == wanted.tag && wanted.is(key);
        let index = self.tags.iter().zip(&self.keys).position(same)?;
        self.states.get_mut(index)
    }

    fn push(&mut self, wanted: Wanted<'_>, state: u128) {
        if self.tags.len() == self.tags.capacity() {
            // Doubling would make the bound of memory twice of what is used.
            self.tags.reserve_exact(GROWTH);
            self.states.reserve_exact(GROWTH);
            self.keys.reserve_exact(GROWTH);
        }
        self.tags.push(wanted.tag);
        self.states.push(state);
        self.keys.push(wanted.hold());
    }

    /// Which of the keys has the least debt.
    fn least(&self, debt: &impl Fn(u128) -> u128) -> Option<usize> {
        self.states
            .iter()
            .enumerate()
            .min_by_key(|(_, state)| debt(**state))
            .map(|(index, _)| index)
    }

    /// Puts a key in place of another; returns what was known of the other.
    fn replace(&mut self, index: usize, wanted: Wanted<'_>, state: u128) -> u128 {
        let places = (
            self.tags.get_mut(index),
            self.states.get_mut(index),
            self.keys.get_mut(index),
        );
        let (Some(tag), Some(old), Some(key)) = places else {
            return 0;
        };
        *tag = wanted.tag;
        *key = wanted.hold();
        std::mem::replace(old, state)
    }
}

fn shards_for(remember: usize) -> usize {
    let wanted = (remember / SHARD_KEYS).clamp(1, SHARDS_MAX);
    // The largest power of two that leaves every shard its keys.
    1 << wanted.ilog2()
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Columns are changed together without a panic in between, so a poisoned shard is still whole.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn upper(hash: u64) -> u32 {
    (hash >> 32) as u32
}

const fn lower(hash: u64) -> usize {
    hash as u32 as usize
}

#[cfg(test)]
mod tests;
