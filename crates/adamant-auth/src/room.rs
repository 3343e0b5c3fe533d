//! Room for so many questions to a service at once. Nobody waits for it: whoever comes when it is full is told so.

use std::sync::atomic::{AtomicU32, Ordering};

/// The room.
#[derive(Debug)]
pub(crate) struct Room {
    taken: AtomicU32,
    at_most: u32,
}

/// A place in it, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'r>(&'r Room);

impl Room {
    pub(crate) const fn new(at_most: u32) -> Self {
        Self {
            taken: AtomicU32::new(0),
            at_most,
        }
    }

    /// A place, unless all are taken.
    pub(crate) fn enter(&self) -> Option<Place<'_>> {
        let more = |taken: u32| (taken < self.at_most).then_some(taken.saturating_add(1));
        let entered = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        // Lazily: a place that nobody has taken must not be given back.
        entered.is_ok().then(|| Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let room = Room::new(2);
        let (first, second) = (room.enter(), room.enter());
        assert!(first.is_some() && second.is_some());
        for _ in 0..3 {
            assert!(room.enter().is_none());
        }
        drop(first);
        assert!(room.enter().is_some());
        drop(second);
        assert_eq!(room.taken.load(Ordering::Relaxed), 0);
    }
}
