//! Proofs that were used, of which one client holds a part of the memory at most, so that it cannot shut out the others.
//!
//! Knows a client by the key of its proofs only. Forgets nothing early; knows no clock.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adamant_filter::{Size, Tick};

use crate::jwt::binding::Hash;
use crate::replay::{Mark, Replay, Seen};

/// One client may hold one in so many places.
const CLIENTS_MIN: u32 = 8;

/// Memory beside a mark: two places in the order, and a client of its own in a table that is at least half full.
const PER_MARK: u64 = 72;

/// The memory of used proofs.
#[derive(Debug)]
pub(super) struct Used {
    proofs: Replay,
    held: Mutex<Held>,
    share: u32,
    window: Duration,
}

/// How many proofs each client holds.
#[derive(Debug, Default)]
struct Held {
    counts: HashMap<u64, u32, foldhash::fast::RandomState>,
    /// In the order in which they came.
    order: VecDeque<(Tick, u64)>,
}

/// What becomes of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is used for the first time, and known from now on.
    First,
    /// It was used before.
    Again,
    /// It is new, but its client holds as many as one may.
    TooMany,
    /// It is new, but could not be kept.
    NoRoom,
}

impl Used {
    /// Room for so many proofs, each kept for `window`.
    pub(super) fn new(room: u32, window: Duration) -> Self {
        Self {
            proofs: Replay::new(room, window),
            held: Mutex::default(),
            share: room.div_ceil(CLIENTS_MIN),
            window,
        }
    }

    /// Most memory that so many proofs take.
    pub(super) fn bound(room: u32) -> Size {
        let beside = u64::from(room) * PER_MARK;
        Size::from_bytes(Replay::bound(room).bytes().saturating_add(beside))
    }

    /// Uses a proof of the client with this key.
    pub(super) fn take(&self, key: &Hash, mark: Mark, now: Tick) -> Use {
        // Nobody can find another key with the same start, which would take 2^63 tries.
        let client = key.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
        // A thread that panicked in here has left a count that is too high by one at most.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { counts, order } = &mut *held;
        while let Some((_, gone)) = order.pop_front_if(|(at, _)| now.since(*at) > self.window) {
            match counts.get_mut(&gone) {
                Some(count) if *count > 1 => *count -= 1,
                Some(_) | None => drop(counts.remove(&gone)),
            }
        }
        let has_share = counts.get(&client).is_some_and(|count| *count >= self.share);
        if has_share && !self.proofs.knows(&mark, now) {
            return Use::TooMany;
        }
        match self.proofs.see(mark, now) {
            Seen::First => {
                order.push_back((now, client));
                *counts.entry(client).or_default() += 1;
                Use::First
            }
            Seen::Again | Seen::UnderWay => Use::Again,
            Seen::NoRoom => Use::NoRoom,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn second(number: u64) -> Tick {
        Tick(number * 1_000_000_000)
    }

    #[test]
    fn one_client_cannot_shut_out_the_others() {
        let used = Used::new(16, Duration::from_secs(60));
        let take = |client: u8, name: u8, at: u64| {
            used.take(
                &[client; 32],
                [client, name].repeat(16).try_into().unwrap(),
                second(at),
            )
        };
        assert_eq!(take(1, 1, 0), Use::First);
        assert_eq!(take(1, 2, 30), Use::First);
        for name in 3..100 {
            assert_eq!(take(1, name, 30), Use::TooMany, "{name}");
        }
        assert_eq!(take(1, 1, 60), Use::Again, "what was used stays used");
        for client in 2..9 {
            assert_eq!(
                (take(client, 1, 60), take(client, 2, 60)),
                (Use::First, Use::First)
            );
        }
        assert_eq!(take(9, 1, 60), Use::NoRoom);
        // One place is free again, and it is that of whoever held it.
        assert_eq!(take(1, 3, 61), Use::First);
        assert_eq!(take(1, 4, 61), Use::TooMany);
        assert_eq!((take(1, 4, 91), take(1, 5, 91)), (Use::First, Use::TooMany));
    }

    #[test]
    fn nothing_is_kept_of_clients_that_are_gone() {
        let used = Used::new(1000, Duration::from_secs(60));
        for client in 0..200_u8 {
            let at = second(u64::from(client) * 61);
            assert_eq!(used.take(&[client; 32], [client; 32], at), Use::First);
            let held = used.held.lock().unwrap();
            assert_eq!((held.counts.len(), held.order.len()), (1, 1));
        }
    }
}
