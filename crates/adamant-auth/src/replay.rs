//! What was accepted before, in bounded memory: a proof that must count once counts once.
//!
//! Only what was proved is kept, so that strangers cannot fill it. A full memory never forgets early: it says
//! that it has no room, and the caller fails closed. Knows no clock: the caller tells the time.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adamant_filter::{Size, Tick};

/// A hash of what must be unique.
pub(crate) type Mark = [u8; 32];

/// Memory of one mark: two places in the order, and one in a table that is at least half full.
const PER_MARK: u64 = 264;

/// Marks of the last while.
pub(crate) struct Replay {
    kept: Mutex<Kept>,
    room: usize,
    window: Duration,
}

#[derive(Default)]
struct Kept {
    /// When each mark came, and whether it counts.
    known: HashMap<Mark, Known, foldhash::fast::RandomState>,
    /// In the order in which they came, so that the oldest can be let go.
    order: VecDeque<(Tick, Mark)>,
}

#[derive(Clone, Copy)]
struct Known {
    at: Tick,
    /// Whether it is not known yet that it counts.
    is_under_way: bool,
}

/// Whether something was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is new, and known from now on.
    First,
    /// It was accepted before.
    Again,
    /// It is being tried at this moment, and may come to nothing.
    UnderWay,
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
        self.keep(mark, now, false)
    }

    /// Begins what may come to nothing: a mark that is new is kept for as long as the attempt is, and for good once
    /// the attempt counts.
    pub(crate) fn begin(self: &Arc<Self>, mark: Mark, now: Tick) -> Result<Try, Seen> {
        match self.keep(mark, now, true) {
            Seen::First => Ok(Try {
                replay: Arc::clone(self),
                mark,
                at: now,
                state: AtomicU8::new(UNDER_WAY),
            }),
            seen => Err(seen),
        }
    }

    fn keep(&self, mark: Mark, now: Tick, is_under_way: bool) -> Seen {
        // A thread that panicked in here has left whole entries behind.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { known, order } = &mut *kept;
        while let Some((at, gone)) = order.pop_front_if(|(at, _)| now.since(*at) > self.window) {
            // A mark that was forgotten may have come again since.
            if known.get(&gone).is_some_and(|known| known.at == at) {
                known.remove(&gone);
            }
        }
        match known.get(&mark) {
            Some(known) if known.is_under_way => return Seen::UnderWay,
            Some(_) => return Seen::Again,
            None => {}
        }
        if known.len() >= self.room {
            return Seen::NoRoom;
        }
        // Those that were forgotten keep their place in the order for a while.
        if order.len() >= self.room.saturating_mul(2) {
            order.retain(|(at, mark)| known.get(mark).is_some_and(|known| known.at == *at));
        }
        known.insert(
            mark,
            Known {
                at: now,
                is_under_way,
            },
        );
        order.push_back((now, mark));
        Seen::First
    }

    /// Whether `mark` is known: it was accepted before, or is being tried.
    pub(crate) fn knows(&self, mark: &Mark, now: Tick) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.known.get(mark);
        known.is_some_and(|known| now.since(known.at) <= self.window)
    }

    /// Ends an attempt that began `at` some time. One whose time is over is not known any more.
    fn end(&self, mark: &Mark, at: Tick, counts: bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = kept.known.get_mut(mark).filter(|known| known.at == at) else {
            return;
        };
        if counts {
            known.is_under_way = false;
        } else {
            kept.known.remove(mark);
        }
    }
}

const UNDER_WAY: u8 = 0;
const COUNTED: u8 = 1;
const FAILED: u8 = 2;

/// An attempt that is under way. One that is dropped before it counts has come to nothing, and may come again.
pub(crate) struct Try {
    replay: Arc<Replay>,
    mark: Mark,
    at: Tick,
    state: AtomicU8,
}

impl fmt::Debug for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Try")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Try {
    /// It counts: nothing of the same mark does again.
    pub(crate) fn count(&self) {
        self.end(COUNTED);
    }

    /// It failed: the same mark may come at once.
    pub(crate) fn fail(&self) {
        self.end(FAILED);
    }

    /// The first word is the last one.
    fn end(&self, state: u8) {
        let is_first = self
            .state
            .compare_exchange(UNDER_WAY, state, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if is_first {
            self.replay.end(&self.mark, self.at, state == COUNTED);
        }
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        self.fail();
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

    /// One attempt after another, none of which counts.
    fn fail(replay: &Arc<Replay>, mark: u8, at: u64) {
        replay.begin([mark; 32], second(at)).unwrap().fail();
    }

    #[test]
    fn what_failed_is_first_again_and_takes_no_room() {
        let replay = Arc::new(Replay::new(3, Duration::from_secs(60)));
        for at in [0, 10, 20] {
            fail(&replay, 1, at);
        }
        for number in 10..100 {
            fail(&replay, number, 30);
        }
        assert_eq!(replay.see([1; 32], second(61)), Seen::First);
        // The time of the mark that was forgotten is not that of the new one.
        assert_eq!(replay.see([1; 32], second(75)), Seen::Again);
        assert_eq!(replay.see([1; 32], second(121)), Seen::Again);
        assert_eq!(replay.see([1; 32], second(122)), Seen::First);
    }

    #[test]
    fn an_attempt_is_under_way_until_it_counts_or_fails() {
        let replay = Arc::new(Replay::new(3, Duration::from_secs(60)));
        let first = replay.begin([1; 32], second(0)).unwrap();
        assert_eq!(replay.see([1; 32], second(1)), Seen::UnderWay);
        drop(first);
        let second_try = replay.begin([1; 32], second(1)).unwrap();
        second_try.count();
        // The first word is the last one.
        second_try.fail();
        drop(second_try);
        assert_eq!(replay.begin([1; 32], second(2)).unwrap_err(), Seen::Again);
        // An attempt that outlives its time says nothing about the one that came after it.
        let late = replay.begin([2; 32], second(2)).unwrap();
        let next = replay.begin([2; 32], second(63)).unwrap();
        drop(late);
        assert_eq!(replay.see([2; 32], second(63)), Seen::UnderWay);
        next.count();
        assert_eq!(replay.see([2; 32], second(64)), Seen::Again);
    }
}
