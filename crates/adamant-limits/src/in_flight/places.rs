//! Places that are taken, by key: a bounded table that forgets a key when its last place is given back, and never
//! before.
//!
//! Knows neither requests nor time.

use std::hash::Hasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use crate::carried::ShortKey;

/// Keys of one shard, at least, when the table is full.
const SHARD_KEYS: usize = 32;

/// Most shards. Beyond two million keys the shards grow instead.
const SHARDS_MAX: usize = 1 << 16;

/// How many times its part of all keys a shard may hold: keys do not fall evenly, and with 32 of them or more no
/// chance brings three times as many into one shard.
const UNEVEN: usize = 3;

/// Places in memory that a shard grows by.
const GROWTH: usize = 16;

/// Places of keys whose hashes share some bits.
type Shard = Vec<(ShortKey, u32)>;

/// The table.
pub(super) struct Places {
    // Look-up and count must be one step. A lock is held for some ten nanoseconds, and with a thousand shards it is
    // practically never contended unless all requests have one key.
    shards: Box<[Mutex<Shard>]>,
    seed: u64,
    shared_seed: SharedSeed,
    used: AtomicUsize,
    remember: usize,
}

/// What became of the wish for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It was taken, and the key has so many more.
    Taken { left: u32 },
    /// The key has none left.
    Full,
    /// There is no room for another key.
    Crowded,
}

impl Places {
    /// A table for `remember` keys in use at once. `seeds` make its hash unpredictable.
    pub(super) fn new(remember: usize, seeds: [u64; 2]) -> Self {
        let [seed, shared] = seeds;
        Self {
            shards: (0..shards_for(remember)).map(|_| Mutex::default()).collect(),
            seed,
            shared_seed: SharedSeed::from_u64(shared),
            used: AtomicUsize::new(0),
            remember,
        }
    }

    /// Most bytes that a table for `remember` keys takes.
    pub(super) fn bound(remember: usize) -> u64 {
        let places = shard_max(remember).next_multiple_of(GROWTH) * size_of::<(ShortKey, u32)>();
        let bytes = shards_for(remember).saturating_mul(size_of::<Mutex<Shard>>() + places);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Takes a place of a key that may have `at_most`.
    pub(super) fn take(&self, key: &ShortKey, at_most: u32) -> Place {
        let mut shard = self.shard(key);
        if let Some((_, taken)) = shard.iter_mut().find(|(known, _)| known == key) {
            if *taken >= at_most {
                return Place::Full;
            }
            *taken += 1;
            return Place::Taken {
                left: at_most - *taken,
            };
        }
        if at_most == 0 {
            return Place::Full;
        }
        if shard.len() >= shard_max(self.remember) || !self.reserve() {
            return Place::Crowded;
        }
        if shard.len() == shard.capacity() {
            // Doubling would make the bound of memory twice of what is used.
            shard.reserve_exact(GROWTH);
        }
        shard.push((*key, 1));
        Place::Taken { left: at_most - 1 }
    }

    /// Gives a place back.
    pub(super) fn give_back(&self, key: &ShortKey) {
        let mut shard = self.shard(key);
        let Some(at) = shard.iter().position(|(known, _)| known == key) else {
            return;
        };
        if let Some((_, taken)) = shard.get_mut(at) {
            *taken -= 1;
            if *taken == 0 {
                shard.swap_remove(at);
                self.used.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts another key, if there may be one.
    fn reserve(&self) -> bool {
        let has_room = self.used.fetch_add(1, Ordering::Relaxed) < self.remember;
        if !has_room {
            self.used.fetch_sub(1, Ordering::Relaxed);
        }
        has_room
    }

    fn shard(&self, key: &ShortKey) -> MutexGuard<'_, Shard> {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared_seed);
        hasher.write(key.bytes());
        let mask = self.shards.len() - 1;
        #[expect(
            clippy::indexing_slicing,
            reason = "the number of shards is a power of two, so the mask bounds it"
        )]
        let shard = &self.shards[(hasher.finish() as usize) & mask];
        // A shard is changed without a panic in between, so a poisoned one is still whole.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> u64 {
        let count = |shard: &Mutex<Shard>| -> u64 {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.iter().map(|(_, taken)| u64::from(*taken)).sum()
        };
        self.shards.iter().map(count).sum()
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        let count = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            size_of::<Mutex<Shard>>() + shard.capacity() * size_of::<(ShortKey, u32)>()
        };
        self.shards.iter().map(count).sum::<usize>() as u64
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Places")
            .field("remember", &self.remember)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

fn shards_for(remember: usize) -> usize {
    let wanted = (remember / SHARD_KEYS).clamp(1, SHARDS_MAX);
    // The largest power of two that leaves every shard its keys.
    1 << wanted.ilog2()
}

/// Most keys of one shard.
fn shard_max(remember: usize) -> usize {
    (remember / shards_for(remember))
        .saturating_mul(UNEVEN)
        .clamp(1, remember.max(1))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn key(number: u32) -> ShortKey {
        ShortKey::of(&number.to_be_bytes())
    }

    proptest! {
        /// Whatever is taken and given back in whatever order: as a plain map counts.
        #[test]
        fn places_are_counted_as_a_plain_map_counts(
            at_most in 1_u32..4,
            remember in 1_usize..6,
            wishes in prop::collection::vec((0_u32..8, any::<bool>()), 0..200),
        ) {
            let places = Places::new(remember, [1, 2]);
            let mut model: HashMap<u32, u32> = HashMap::new();
            for (number, takes) in wishes {
                if takes {
                    let taken = model.get(&number).copied().unwrap_or(0);
                    let expected = if taken == at_most {
                        Place::Full
                    } else if taken == 0 && model.len() == remember {
                        Place::Crowded
                    } else {
                        model.insert(number, taken + 1);
                        Place::Taken { left: at_most - taken - 1 }
                    };
                    prop_assert_eq!(places.take(&key(number), at_most), expected);
                } else if let Some(taken) = model.get_mut(&number) {
                    places.give_back(&key(number));
                    *taken -= 1;
                    if *taken == 0 {
                        model.remove(&number);
                    }
                }
                prop_assert_eq!(places.taken(), model.values().map(|taken| u64::from(*taken)).sum::<u64>());
            }
        }
    }

    #[test]
    fn a_full_table_is_within_its_bound_and_has_room_for_all_that_it_promised() {
        for remember in [1, 31, 64, 1_000, 50_000] {
            let places = Places::new(remember, [3, 4]);
            for number in 0..u32::try_from(remember).unwrap_or_default() {
                assert_eq!(
                    places.take(&key(number), 1),
                    Place::Taken { left: 0 },
                    "{remember}"
                );
            }
            assert_eq!(places.take(&key(u32::MAX), 1), Place::Crowded);
            assert!(places.bytes() <= Places::bound(remember), "{remember}");
            for number in 0..u32::try_from(remember).unwrap_or_default() {
                places.give_back(&key(number));
            }
            assert_eq!(
                (places.taken(), places.take(&key(u32::MAX), 1)),
                (0, Place::Taken { left: 0 })
            );
        }
    }

    #[test]
    fn threads_never_take_more_than_there_are() {
        let places = Places::new(100, [5, 6]);
        let most = AtomicUsize::new(0);
        let now = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if matches!(places.take(&key(7), 2), Place::Taken { .. }) {
                            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            now.fetch_sub(1, Ordering::SeqCst);
                            places.give_back(&key(7));
                        }
                    }
                });
            }
        });
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
        assert_eq!(places.taken(), 0);
    }
}
