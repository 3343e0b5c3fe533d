//! One fetch at a time, and those who wait for it.
//!
//! Knows neither keys nor clocks: who calls says what time it is. A fetch that was begun ends for everybody,
//! also when it is dropped half-way.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use adamant_filter::{Pending, Tick};

/// Most requests that wait at once; more are refused without waiting.
const SEATS: usize = 4096;

/// The fetch, whether there is one or not.
#[derive(Debug)]
pub(super) struct Flight {
    cool_down: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_up: bool,
    /// How many have ended.
    landed: u64,
    /// When a request last caused one.
    asked: Option<Tick>,
    next_seat: u64,
    waiting: HashMap<u64, Waker>,
    seats: usize,
}

/// The role of a request that wants a fetch.
#[derive(Debug)]
pub(super) enum Joined {
    /// It waits for the fetch that is under way.
    Passenger(Landing),
    /// It begins one.
    Pilot(Landing, TakeOff),
    /// There is none, and it must not begin one.
    NotNow,
    /// Too many wait already.
    Full,
}

impl Flight {
    pub(super) fn new(cool_down: Duration) -> Self {
        Self {
            cool_down,
            state: Mutex::default(),
        }
    }

    /// Joins the fetch, or begins it unless a request did so a short time ago or `is_vain`.
    pub(super) fn join(self: &Arc<Self>, now: Tick, is_vain: impl FnOnce() -> bool) -> Joined {
        let mut state = self.lock();
        if !state.is_up {
            let is_cool = state.asked.is_none_or(|asked| now.since(asked) >= self.cool_down);
            if !is_cool || is_vain() {
                return Joined::NotNow;
            }
            state.asked = Some(now);
            state.is_up = true;
            return Joined::Pilot(self.seat(&mut state), TakeOff(Arc::clone(self)));
        }
        if state.seats >= SEATS {
            return Joined::Full;
        }
        Joined::Passenger(self.seat(&mut state))
    }

    /// Begins a fetch that no request asked for; `None` when one is under way.
    pub(super) fn take_off(self: &Arc<Self>) -> Option<TakeOff> {
        let mut state = self.lock();
        let is_up = std::mem::replace(&mut state.is_up, true);
        (!is_up).then(|| TakeOff(Arc::clone(self)))
    }

    fn seat(self: &Arc<Self>, state: &mut State) -> Landing {
        state.seats += 1;
        state.next_seat += 1;
        Landing {
            flight: Arc::clone(self),
            seat: state.next_seat,
            before: state.landed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fetch that was begun; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct TakeOff(Arc<Flight>);

impl Drop for TakeOff {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.lock();
            state.is_up = false;
            state.landed += 1;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }
}

/// The end of a fetch, to be waited for.
#[derive(Debug)]
pub(super) struct Landing {
    flight: Arc<Flight>,
    seat: u64,
    before: u64,
}

impl Landing {
    /// Waits until the fetch has ended, or until `deadline`; `false` when it has not.
    pub(super) async fn before(mut self, mut deadline: Pending<'static, ()>) -> bool {
        poll_fn(|cx| {
            if Pin::new(&mut self).poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            deadline.as_mut().poll(cx).map(|()| false)
        })
        .await
    }
}

impl Future for Landing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.flight.lock();
        if state.landed != self.before {
            return Poll::Ready(());
        }
        state.waiting.insert(self.seat, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut state = self.flight.lock();
        state.waiting.remove(&self.seat);
        state.seats = state.seats.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL_DOWN: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Tick {
        Tick(seconds * 1_000_000_000)
    }

    fn never() -> Pending<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn poll(future: &mut Pin<Box<impl Future<Output = bool>>>) -> Poll<bool> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn all_wait_for_one_and_the_next_begins_after_the_cool_down() {
        let flight = Arc::new(Flight::new(COOL_DOWN));
        let Joined::Pilot(first, take_off) = flight.join(at(0), || false) else {
            panic!("the first begins it")
        };
        let Joined::Passenger(second) = flight.join(at(1), || true) else {
            panic!("the second joins it")
        };
        assert!(flight.take_off().is_none(), "one at a time");
        let mut waiting = [Box::pin(first.before(never())), Box::pin(second.before(never()))];
        assert!(waiting.iter_mut().all(|one| poll(one).is_pending()));
        assert_eq!(flight.lock().waiting.len(), 2);
        drop(take_off);
        assert!(waiting.iter_mut().all(|one| poll(one) == Poll::Ready(true)));
        drop(waiting);
        assert_eq!(flight.lock().seats, 0);
        assert!(matches!(flight.join(at(29), || false), Joined::NotNow));
        assert!(matches!(flight.join(at(30), || true), Joined::NotNow), "in vain");
        assert!(matches!(flight.join(at(30), || false), Joined::Pilot(..)));
    }

    #[test]
    fn who_waits_too_long_leaves_and_the_fetch_goes_on() {
        let flight = Arc::new(Flight::new(COOL_DOWN));
        let Joined::Pilot(landing, take_off) = flight.join(at(0), || false) else {
            panic!("the first begins it")
        };
        let mut waiting = Box::pin(landing.before(Box::pin(std::future::ready(()))));
        assert_eq!(poll(&mut waiting), Poll::Ready(false));
        drop(waiting);
        assert!(matches!(flight.join(at(9), || false), Joined::Passenger(_)));
        drop(take_off);
        assert!(flight.take_off().is_some(), "a fetch by plan knows no cool-down");
    }

    #[test]
    fn seats_are_bounded() {
        let flight = Arc::new(Flight::new(COOL_DOWN));
        let _up = flight.take_off();
        let seated: Vec<_> = (0..SEATS).map(|_| flight.join(at(0), || false)).collect();
        assert!(seated.iter().all(|one| matches!(one, Joined::Passenger(_))));
        assert!(matches!(flight.join(at(0), || false), Joined::Full));
        drop(seated);
        assert!(matches!(flight.join(at(0), || false), Joined::Passenger(_)));
    }
}
