//! A store in the memory of one process, for trials, tests of policies and `explain`.
//!
//! Its limits count as those of a real one do, on the time that it is given. It forgets nothing, so that no
//! running gateway may use it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::host::{Charge, Charged, Measure, Pending, Store};
use crate::time::Wall;
use crate::verdict::Fault;

/// Numbers, values and limits by key.
#[derive(Debug, Default)]
pub struct MemoryStore {
    numbers: Mutex<HashMap<Vec<u8>, i64>>,
    values: Mutex<HashMap<Vec<u8>, Bytes>>,
    limits: Mutex<HashMap<Bytes, State>>,
}

/// What is known of a limit. What the numbers mean depends on its measure.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// When an even limit is without debt; the beginning of a window; the moment until which is counted.
    at: u128,
    /// Count of this window.
    count: u64,
    /// Count of the window before.
    before: u64,
}

const NANOS_PER_MILLI: u128 = 1_000_000;

impl Charge {
    /// The state after as much as can be granted was charged, and the answer. Times are nanoseconds.
    fn on(&self, state: State, now: u128) -> (State, Charged) {
        match self.measure {
            Measure::Even { every, burst } => self.even(state, now, every.as_nanos(), burst),
            Measure::Sliding { at_most, window } => {
                self.sliding(state, now, window.as_nanos().max(1), at_most)
            }
            Measure::Until { at_most, ends } => {
                let ends = u128::from(ends.0) * NANOS_PER_MILLI;
                let count = if state.at == ends { state.count } else { 0 };
                let room = at_most.saturating_sub(count);
                let rest = nanos(ends.saturating_sub(now));
                self.grant(
                    Room {
                        left: room,
                        at_most,
                        wait: rest,
                        next: rest,
                    },
                    |granted| State {
                        at: ends,
                        count: count.saturating_add(granted),
                        before: 0,
                    },
                )
            }
        }
    }

    fn even(&self, state: State, now: u128, every: u128, burst: u64) -> (State, Charged) {
        let base = state.at.max(now);
        let debt = base - now;
        let whole = every.saturating_mul(u128::from(burst));
        let room = whole
            .saturating_sub(debt)
            .checked_div(every)
            .unwrap_or(u128::from(burst));
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        let needed = every.saturating_mul(u128::from(self.at_least));
        let wait = nanos((debt + needed).saturating_sub(whole));
        self.grant(
            Room {
                left: room,
                at_most: burst,
                wait,
                next: nanos(every),
            },
            |granted| State {
                at: base + every.saturating_mul(u128::from(granted)),
                ..State::default()
            },
        )
    }

    fn sliding(&self, state: State, now: u128, window: u128, at_most: u64) -> (State, Charged) {
        let begin = now - now % window;
        let (before, count) = match begin.saturating_sub(state.at) / window {
            0 => (state.before, state.count),
            1 => (state.count, 0),
            _ => (0, 0),
        };
        let passed = now - begin;
        // What is left of the window before is rounded up, so that no window ever holds more than it may.
        let weighed = (u128::from(before) * (window - passed)).div_ceil(window);
        let used = u64::try_from(weighed).unwrap_or(u64::MAX).saturating_add(count);
        let room = at_most.saturating_sub(used);
        let granted = if room < self.at_least {
            0
        } else {
            self.cost.min(room)
        };
        let wanes = |count: u64, room: u64| {
            let windows = [(u128::from(before), u128::from(count)), (u128::from(count), 0)];
            nanos(wanes(windows, [window - passed, window], u128::from(room)))
        };
        self.grant(
            Room {
                left: room,
                at_most,
                wait: wanes(count, at_most.saturating_sub(self.at_least)),
                next: wanes(
                    count.saturating_add(granted),
                    used.saturating_add(granted).saturating_sub(1),
                ),
            },
            |granted| State {
                at: begin,
                count: count.saturating_add(granted),
                before,
            },
        )
    }

    /// Grants of the cost what there is room for, if that is enough.
    fn grant(&self, room: Room, charged: impl FnOnce(u64) -> State) -> (State, Charged) {
        if room.left < self.at_least {
            let wait = (self.at_least <= room.at_most).then_some(room.wait);
            return (State::default(), Charged::Deny { wait });
        }
        let granted = self.cost.min(room.left);
        let answer = Charged::Pass {
            granted,
            remaining: room.left - granted,
            next: room.next,
        };
        (charged(granted), answer)
    }
}

/// The time until no more than `room` is used, when nobody comes. In each of the windows the first count wanes, of
/// which so much time is left, and the second stands.
fn wanes(windows: [(u128, u128); 2], rests: [u128; 2], room: u128) -> u128 {
    let mut passed = 0;
    for ((wanes, stands), rest) in windows.into_iter().zip(rests) {
        if let Some(room) = room.checked_sub(stands) {
            let left = (room * rests[1]).checked_div(wanes).unwrap_or(rest).min(rest);
            return passed + rest - left;
        }
        passed += rest;
    }
    passed
}

/// What a limit could grant.
struct Room {
    left: u64,
    /// What it could ever.
    at_most: u64,
    /// Until there is enough.
    wait: Duration,
    /// Until there is more.
    next: Duration,
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryStore {
    fn decide(&self, charges: &[Charge], now: Wall) -> Vec<Charged> {
        let now = u128::from(now.0) * NANOS_PER_MILLI;
        let mut limits = lock(&self.limits);
        let decided: Vec<(State, Charged)> = charges
            .iter()
            .map(|charge| charge.on(limits.get(&charge.key).copied().unwrap_or_default(), now))
            .collect();
        if decided
            .iter()
            .all(|(_, answer)| matches!(answer, Charged::Pass { .. }))
        {
            for (charge, (state, _)) in charges.iter().zip(&decided) {
                limits.insert(charge.key.clone(), *state);
            }
        }
        decided.into_iter().map(|(_, answer)| answer).collect()
    }
}

impl Store for MemoryStore {
    fn charge(&self, charges: Vec<Charge>, now: Wall) -> Pending<'_, Result<Vec<Charged>, Fault>> {
        Box::pin(std::future::ready(Ok(self.decide(&charges, now))))
    }

    fn add(&self, key: &[u8], amount: i64, _ttl: Duration) -> Pending<'_, Result<i64, Fault>> {
        let mut numbers = lock(&self.numbers);
        let sum = numbers.entry(key.to_vec()).or_insert(0);
        *sum += amount;
        Box::pin(std::future::ready(Ok(*sum)))
    }

    fn get(&self, key: &[u8]) -> Pending<'_, Result<Option<Bytes>, Fault>> {
        let value = lock(&self.values).get(key).cloned();
        Box::pin(std::future::ready(Ok(value)))
    }

    fn put(&self, key: &[u8], value: Bytes, _ttl: Duration) -> Pending<'_, Result<(), Fault>> {
        lock(&self.values).insert(key.to_vec(), value);
        Box::pin(std::future::ready(Ok(())))
    }

    fn put_new(&self, key: &[u8], value: Bytes, _ttl: Duration) -> Pending<'_, Result<bool, Fault>> {
        let mut values = lock(&self.values);
        let is_new = !values.contains_key(key);
        if is_new {
            values.insert(key.to_vec(), value);
        }
        Box::pin(std::future::ready(Ok(is_new)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Wall = Wall(1_000_000);

    fn charge(key: &'static str, measure: Measure, cost: u64) -> Charge {
        Charge {
            key: Bytes::from_static(key.as_bytes()),
            measure,
            cost,
            at_least: cost,
        }
    }

    const EVEN: Measure = Measure::Even {
        every: Duration::from_millis(100),
        burst: 2,
    };

    fn passes(answers: &[Charged]) -> Vec<bool> {
        answers
            .iter()
            .map(|answer| matches!(answer, Charged::Pass { .. }))
            .collect()
    }

    #[test]
    fn an_even_limit_gives_a_burst_and_then_one_by_one() {
        let store = MemoryStore::default();
        let ask = |milli| store.decide(&[charge("a", EVEN, 1)], Wall(START.0 + milli));
        assert_eq!(passes(&ask(0)), [true]);
        assert_eq!(passes(&ask(0)), [true]);
        let wait = Some(Duration::from_millis(100));
        assert_eq!(ask(0), [Charged::Deny { wait }]);
        assert_eq!(
            ask(99),
            [Charged::Deny {
                wait: Some(Duration::from_millis(1))
            }]
        );
        assert_eq!(passes(&ask(100)), [true]);
    }

    #[test]
    fn all_are_charged_or_none() {
        let store = MemoryStore::default();
        let tight = Measure::Until {
            at_most: 1,
            ends: Wall(START.0 + 1000),
        };
        let both = [charge("wide", EVEN, 1), charge("tight", tight, 1)];
        assert_eq!(passes(&store.decide(&both, START)), [true, true]);
        for _ in 0..5 {
            assert_eq!(passes(&store.decide(&both, START)), [true, false]);
        }
        assert_eq!(
            passes(&store.decide(&[charge("wide", EVEN, 1)], START)),
            [true],
            "no refusal was charged"
        );
    }

    #[test]
    fn a_window_slides() {
        let store = MemoryStore::default();
        let measure = Measure::Sliding {
            at_most: 4,
            window: Duration::from_millis(1000),
        };
        let ask = |milli, cost| passes(&store.decide(&[charge("s", measure, cost)], Wall(START.0 + milli)));
        assert_eq!(ask(900, 4), [true]);
        assert_eq!(
            ask(1000, 1),
            [false],
            "the window before counts in full at its end"
        );
        assert_eq!(ask(1500, 2), [true], "and by half in the middle");
        assert_eq!(ask(1500, 1), [false]);
    }

    #[test]
    fn whoever_waits_for_a_window_as_told_passes_and_no_earlier() {
        let measure = Measure::Sliding {
            at_most: 4,
            window: Duration::from_millis(1000),
        };
        for (first, cost) in [(4, 1), (4, 3), (2, 3), (3, 4)] {
            let store = MemoryStore::default();
            let ask = |milli, cost| store.decide(&[charge("s", measure, cost)], Wall(START.0 + milli));
            assert_eq!(passes(&ask(200, first)), [true]);
            assert_eq!(
                passes(&ask(900, 4 - first)),
                [true],
                "{first}: the window is full"
            );
            let [Charged::Deny { wait: Some(wait) }] = ask(950, cost)[..] else {
                panic!("there is no room for {cost}")
            };
            let end = 950 + u64::try_from(wait.as_millis()).unwrap();
            assert_eq!(passes(&ask(end - 1, cost)), [false], "{first} {cost} {wait:?}");
            assert_eq!(passes(&ask(end + 1, cost)), [true], "{first} {cost} {wait:?}");
        }
    }

    #[test]
    fn who_asks_ahead_gets_what_there_is_and_who_asks_too_much_never() {
        let store = MemoryStore::default();
        let ahead = Charge {
            cost: 10,
            at_least: 1,
            ..charge("b", EVEN, 1)
        };
        let answers = store.decide(&[ahead], START);
        assert!(
            matches!(
                answers[..],
                [Charged::Pass {
                    granted: 2,
                    remaining: 0,
                    ..
                }]
            ),
            "{answers:?}"
        );
        assert_eq!(
            store.decide(&[charge("c", EVEN, 3)], START),
            [Charged::Deny { wait: None }]
        );
    }
}
