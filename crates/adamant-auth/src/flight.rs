//! One piece of work for all who ask for it at the same time.
//!
//! Knows neither the work nor who does it: whoever comes first is told to begin, everybody waits. Never keeps a
//! result longer than somebody waits for it; remembering is for tables.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use adamant_filter::Size;

/// What work is about: a hash of a credential.
pub(crate) type Topic = [u8; 32];

/// Most who wait for one piece of work. Whoever comes later is told that there is no room.
const WAITING_MAX: usize = 4096;

/// Work that is under way, by its topic.
#[derive(Debug)]
pub(crate) struct Flights<T> {
    under_way: Mutex<HashMap<Topic, Arc<Flight<T>>>>,
    at_most: usize,
}

/// How somebody takes part.
#[derive(Debug)]
pub(crate) enum Boarding<T> {
    /// Nobody works on it yet: hand the landing to whoever does, then wait.
    First(Landing<T>, Wait<T>),
    /// Somebody works on it.
    Joined(Wait<T>),
    /// Too much is under way, or too many wait.
    Full,
}

#[derive(Debug)]
struct Flight<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    /// `Some(None)` when the work was given up.
    result: Option<Option<T>>,
    /// Those who wait, by their number.
    waiting: Vec<(usize, Waker)>,
    boarded: usize,
}

impl<T: Clone> Flights<T> {
    /// Room for so many pieces of work at once.
    pub(crate) fn new(at_most: u32) -> Arc<Self> {
        Arc::new(Self {
            under_way: Mutex::default(),
            at_most: usize::try_from(at_most).unwrap_or(usize::MAX),
        })
    }

    /// Most memory of those who wait.
    pub(crate) const fn bound(at_most: u32) -> Size {
        let each = size_of::<(usize, Waker)>() * WAITING_MAX + size_of::<(Topic, Flight<T>)>();
        Size::from_bytes(at_most as u64 * each as u64)
    }

    /// Takes part in the work on this topic.
    pub(crate) fn board(self: &Arc<Self>, topic: Topic) -> Boarding<T> {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(&topic) {
            return match Wait::of(flight) {
                Some(wait) => Boarding::Joined(wait),
                None => Boarding::Full,
            };
        }
        if under_way.len() >= self.at_most {
            return Boarding::Full;
        }
        let flight = Arc::new(Flight(Mutex::new(State {
            result: None,
            waiting: Vec::new(),
            boarded: 0,
        })));
        let Some(wait) = Wait::of(&flight) else {
            return Boarding::Full;
        };
        under_way.insert(topic, Arc::clone(&flight));
        let landing = Landing {
            flights: Arc::clone(self),
            topic,
            flight,
        };
        Boarding::First(landing, wait)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.under_way).len()
    }
}

/// The duty to tell the result. Dropped without one, it tells that the work was given up.
#[derive(Debug)]
pub(crate) struct Landing<T> {
    flights: Arc<Flights<T>>,
    topic: Topic,
    flight: Arc<Flight<T>>,
}

impl<T> Landing<T> {
    /// Gives everybody the result. Whatever remembers it must do so before.
    pub(crate) fn land(self, result: T) {
        // Before anybody wakes: whoever has the result and asks again must not get the same one.
        self.leave();
        self.flight.end(Some(result));
    }

    fn leave(&self) {
        let mut under_way = lock(&self.flights.under_way);
        // Somebody may have begun anew on this topic since.
        if under_way
            .get(&self.topic)
            .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            under_way.remove(&self.topic);
        }
    }
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        self.leave();
        self.flight.end(None);
    }
}

impl<T> Flight<T> {
    /// The first word counts.
    fn end(&self, result: Option<T>) {
        let mut state = lock(&self.0);
        if state.result.is_some() {
            return;
        }
        state.result = Some(result);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// Waits for the result; `None` when the work was given up.
#[derive(Debug)]
pub(crate) struct Wait<T> {
    flight: Arc<Flight<T>>,
    number: usize,
    /// Whether it is among those who are woken, so that only a second look has to search for itself there.
    is_listed: bool,
}

impl<T> Wait<T> {
    fn of(flight: &Arc<Flight<T>>) -> Option<Self> {
        let mut state = lock(&flight.0);
        if state.boarded >= WAITING_MAX {
            return None;
        }
        state.boarded += 1;
        let number = state.boarded;
        drop(state);
        Some(Self {
            flight: Arc::clone(flight),
            number,
            is_listed: false,
        })
    }
}

impl<T: Clone> Future for Wait<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        let mut state = lock(&this.flight.0);
        if let Some(result) = &state.result {
            return Poll::Ready(result.clone());
        }
        let mut waiting = state.waiting.iter_mut();
        let listed = this
            .is_listed
            .then(|| waiting.find(|(number, _)| *number == this.number));
        match listed.flatten() {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => state.waiting.push((this.number, cx.waker().clone())),
        }
        this.is_listed = true;
        Poll::Pending
    }
}

impl<T> Drop for Wait<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.flight.0);
        state.waiting.retain(|(number, _)| *number != self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use adamant_filter::trial::block_on;

    use super::*;

    struct Still;

    impl Wake for Still {
        fn wake(self: Arc<Self>) {}
    }

    fn is_pending(wait: &mut Wait<u8>) -> bool {
        let waker = Waker::from(Arc::new(Still));
        Pin::new(wait).poll(&mut Context::from_waker(&waker)).is_pending()
    }

    #[test]
    fn all_get_what_the_first_one_brings() {
        let flights = Flights::<u8>::new(2);
        let Boarding::First(landing, mut first) = flights.board([1; 32]) else {
            panic!("nobody was there before");
        };
        let Boarding::Joined(mut second) = flights.board([1; 32]) else {
            panic!("the first one works on it");
        };
        assert!(is_pending(&mut first) && is_pending(&mut second));
        drop(first);
        landing.land(7);
        assert_eq!(block_on(second), Some(7));
        assert_eq!(flights.len(), 0);
        assert!(
            matches!(flights.board([1; 32]), Boarding::First(..)),
            "nothing is kept"
        );
    }

    /// Asks again as soon as it is woken.
    struct Again(Arc<Flights<u8>>, Mutex<Option<Boarding<u8>>>);

    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            *lock(&self.1) = Some(self.0.board([1; 32]));
        }
    }

    #[test]
    fn whoever_has_a_result_and_asks_again_begins_anew() {
        let flights = Flights::<u8>::new(2);
        let Boarding::First(landing, mut wait) = flights.board([1; 32]) else {
            panic!("nobody was there before");
        };
        let again = Arc::new(Again(Arc::clone(&flights), Mutex::default()));
        let waker = Waker::from(Arc::clone(&again));
        let _ = Pin::new(&mut wait).poll(&mut Context::from_waker(&waker));
        landing.land(7);
        let second = lock(&again.1).take();
        assert!(matches!(second, Some(Boarding::First(..))));
        assert_eq!(
            flights.len(),
            1,
            "the end of the first takes nothing from the second"
        );
        drop(second);
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn work_that_is_given_up_leaves_nobody_waiting() {
        let flights = Flights::<u8>::new(1);
        let Boarding::First(landing, first) = flights.board([1; 32]) else {
            panic!("nobody was there before");
        };
        drop(landing);
        assert_eq!(block_on(first), None);
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn there_is_room_for_so_much_work_and_so_many_who_wait() {
        let flights = Flights::<u8>::new(2);
        let held: Vec<_> = [1, 2].map(|topic| flights.board([topic; 32])).into();
        assert!(matches!(flights.board([3; 32]), Boarding::Full));
        let waiting: Vec<_> = (1..WAITING_MAX).map(|_| flights.board([1; 32])).collect();
        assert!(
            waiting
                .iter()
                .all(|boarding| matches!(boarding, Boarding::Joined(_)))
        );
        assert!(matches!(flights.board([1; 32]), Boarding::Full));
        drop((held, waiting));
        assert!(matches!(flights.board([3; 32]), Boarding::First(..)));
    }
}
