//! What was accepted before, in bounded memory: a proof that must count once counts once.
//!
//! Only what was proved is kept, so that strangers cannot fill it. A full memory never forgets early: it says
//! that it has no room, and the caller fails closed. Knows no clock: the caller tells the time.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adamant_filter::{Size, Tick};

/// A hash of what must be unique.
pub(crate) type Mark = [u8; 32];

/// Memory of one mark: two places in the order, and one in a table that is at least half full.
const PER_MARK: u64 = 240;

/// Marks of the last while.
pub(crate) struct Replay {
    kept: Mutex<Kept>,
    room: usize,
    window: Duration,
}

#[derive(Default)]
struct Kept {
    /// When each mark came.
    known: HashMap<Mark, Tick, foldhash::fast::RandomState>,
    /// In the order in which they came, so that the oldest can be let go.
    order: VecDeque<(Tick, Mark)>,
}

/// Whether something was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is new, and known from now on.
    First,
    /// It was accepted before.
    Again,
    /// It is new, but could not be kept.
    NoRoom,
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("room", &self.room)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl Replay {
    /// Room for so many marks, each kept for `window`.
    pub(crate) fn new(room: u32, window: Duration) -> Self {
        Self {
            kept: Mutex::default(),
            room: usize::try_from(room).unwrap_or(usize::MAX),
            window,
        }
    }

    /// Most memory that so many marks take.
    pub(crate) const fn bound(room: u32) -> Size {
        Size::from_bytes(room as u64 * PER_MARK)
    }

    /// Whether `mark` is new at `now`; it is kept if so.
    pub(crate) fn see(&self, mark: Mark, now: Tick) -> Seen {
        // A thread that panicked in here has left whole entries behind.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { known, order } = &mut *kept;
        while let Some((at, gone)) = order.pop_front_if(|(at, _)| now.since(*at) > self.window) {
            // A mark that was forgotten may have come again since.
            if known.get(&gone) == Some(&at) {
                known.remove(&gone);
            }
        }
        if known.contains_key(&mark) {
            return Seen::Again;
        }
        if known.len() >= self.room {
            return Seen::NoRoom;
        }
        // Those that were forgotten keep their place in the order for a while.
        if order.len() >= self.room.saturating_mul(2) {
            order.retain(|(at, mark)| known.get(mark) == Some(at));
        }
        known.insert(mark, now);
        order.push_back((now, mark));
        Seen::First
    }

    /// Whether `mark` was accepted before.
    pub(crate) fn knows(&self, mark: &Mark, now: Tick) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.known.get(mark);
        at.is_some_and(|at| now.since(*at) <= self.window)
    }

    /// Forgets a mark: what it stood for did not count after all.
    pub(crate) fn forget(&self, mark: &Mark) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.known.remove(mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn second(number: u64) -> Tick {
        Tick(number * 1_000_000_000)
    }

    #[test]
    fn a_mark_is_first_once_in_its_window() {
        let replay = Replay::new(10, Duration::from_secs(60));
        assert_eq!(replay.see([1; 32], second(0)), Seen::First);
        assert_eq!(replay.see([2; 32], second(0)), Seen::First);
        assert_eq!(replay.see([1; 32], second(60)), Seen::Again);
        assert_eq!(replay.see([1; 32], second(61)), Seen::First);
        assert_eq!(replay.see([1; 32], second(61)), Seen::Again);
    }

    #[test]
    fn a_full_memory_forgets_nothing_early() {
        let replay = Replay::new(2, Duration::from_secs(60));
        for number in [1, 2] {
            assert_eq!(replay.see([number; 32], second(0)), Seen::First);
        }
        assert_eq!(replay.see([3; 32], second(60)), Seen::NoRoom);
        assert_eq!(replay.see([1; 32], second(60)), Seen::Again);
        assert_eq!(replay.see([3; 32], second(61)), Seen::First);
        assert_eq!(replay.see([3; 32], second(61)), Seen::Again);
    }

    #[test]
    fn what_was_forgotten_is_first_again_and_takes_no_room() {
        let replay = Replay::new(3, Duration::from_secs(60));
        for at in [0, 10, 20] {
            assert_eq!(replay.see([1; 32], second(at)), Seen::First);
            replay.forget(&[1; 32]);
        }
        for number in 10..100 {
            assert_eq!(replay.see([number; 32], second(30)), Seen::First);
            replay.forget(&[number; 32]);
        }
        assert_eq!(replay.see([1; 32], second(61)), Seen::First);
        // The time of the mark that was forgotten is not that of the new one.
        assert_eq!(replay.see([1; 32], second(75)), Seen::Again);
        assert_eq!(replay.see([1; 32], second(121)), Seen::Again);
        assert_eq!(replay.see([1; 32], second(122)), Seen::First);
    }
}
