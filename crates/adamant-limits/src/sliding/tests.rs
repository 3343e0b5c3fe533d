//! Tests of the sliding window against a reference model.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn sliding(rate: &str) -> Sliding {
    Sliding::new(rate.parse().unwrap())
}

/// Asks for one at these times and notes what is left, or the wait of a refusal.
fn run(sliding: Sliding, times: &[u64]) -> Vec<Result<u64, u64>> {
    let mut state = 0;
    let mut ask = |time: &u64| {
        let (answer, next) = sliding.decide(state, 1, Tick(*time));
        state = next.unwrap_or(state);
        match answer {
            Answer::Pass { remaining, .. } => Ok(remaining),
            Answer::Deny { wait } => Err(wait.nanoseconds()),
        }
    };
    times.iter().map(&mut ask).collect()
}

#[test]
fn the_edge_of_a_window_gives_nothing_away() {
    // The window begins with the first request. Three more come just before its end.
    let times = [
        0,
        SECOND - 4,
        SECOND - 3,
        SECOND - 2,
        SECOND - 1,
        SECOND,
        SECOND + SECOND / 4,
    ];
    let expected = [
        Ok(3),
        Ok(2),
        Ok(1),
        Ok(0),
        Err(SECOND / 4 + 1),
        Err(SECOND / 4),
        Ok(0),
    ];
    assert_eq!(run(sliding("4/s"), &times), expected);
}

#[test]
fn whoever_is_silent_for_two_windows_starts_afresh() {
    assert_eq!(
        run(sliding("2/s"), &[0, 0, 0, 2 * SECOND]),
        [Ok(1), Ok(0), Err(SECOND + SECOND / 2), Ok(1)]
    );
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let count = std::num::NonZeroU64::new(2_147_483_647).unwrap();
    let ages = adamant_filter::Period::from_millis(u64::MAX / 1_000_000);
    let sliding = Sliding::new(Rate::new(count, ages).unwrap());
    let (_, state) = sliding.decide(0, 2_147_483_647, Tick(u64::MAX));
    let state = state.expect("it fits");
    for now in [0, u64::MAX / 2, u64::MAX] {
        let _ = sliding.decide(state, 1, Tick(now));
        let _ = sliding.decide(u128::MAX, 1, Tick(now));
        let _ = sliding.begun(u128::MAX, Tick(now));
    }
}

/// What the limit is, said another way: by the times of all that passed.
#[derive(Default)]
struct Model {
    passed: Vec<(u64, u64)>,
    /// When the key's present run of windows began.
    origin: Option<u64>,
}

impl Model {
    fn sum(&self, from: u64, to: u64) -> u64 {
        let within = self.passed.iter().filter(|(time, _)| (from..to).contains(time));
        within.map(|(_, cost)| cost).sum()
    }

    /// What is left if a request of this cost passes.
    fn ask(&mut self, now: u64, cost: u64, at_most: u64, window: u64) -> Option<u64> {
        let origin = *self.origin.get_or_insert(now);
        let mut began = origin + (now - origin) / window * window;
        // Two windows in which nothing passed end the run.
        let last = self
            .passed
            .last()
            .map(|(time, _)| origin + (time - origin) / window * window);
        if last.is_none_or(|last| began - last >= 2 * window) {
            began = now;
        }
        let before = match began.checked_sub(window) {
            Some(start) if began != now || last == Some(start) => self.sum(start, began),
            _ => 0,
        };
        let weighed = (u128::from(before) * u128::from(began + window - now)).div_ceil(u128::from(window));
        let used = u64::try_from(weighed).unwrap() + self.sum(began, now + 1);
        let left = at_most.checked_sub(used + cost)?;
        if began == now && last.is_none_or(|last| now - last >= 2 * window) {
            self.origin = Some(now);
        }
        self.passed.push((now, cost));
        Some(left)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_sequence_equals_the_reference_model(
        at_most in 1_u64..40, start in 0..u64::MAX / 4,
        requests in prop::collection::vec((0_u64..1_500, 1_u64..6), 1..120),
    ) {
        let window = 1_000 * 1_000_000;
        let sliding = sliding(&format!("{at_most}/s"));
        let (mut state, mut now, mut model) = (0, start, Model::default());
        for (gap, cost) in requests {
            // Most gaps are a small part of a window, some are more than one.
            now += gap * gap * 1_000;
            let (answer, next) = sliding.decide(state, cost, Tick(now));
            let left = match answer {
                Answer::Pass { remaining, .. } => Some(remaining),
                Answer::Deny { .. } => None,
            };
            prop_assert_eq!(left, model.ask(now, cost, at_most, window));
            state = next.unwrap_or(state);
        }
    }

    #[test]
    fn a_refused_request_passes_after_its_wait_and_not_before(
        at_most in 1_u64..40, requests in prop::collection::vec((0_u64..300, 1_u64..6), 1..60),
    ) {
        let sliding = sliding(&format!("{at_most}/s"));
        let (mut state, mut now) = (0, 5 * SECOND);
        for (gap, cost) in requests {
            now += gap * 1_000_000;
            let cost = cost.min(at_most);
            match sliding.decide(state, cost, Tick(now)) {
                (Answer::Deny { wait }, _) => {
                    let passes = |wait| sliding.decide(state, cost, Tick(now + wait)).1.is_some();
                    prop_assert!(passes(wait.nanoseconds()), "{wait:?}");
                    prop_assert!(!passes(wait.nanoseconds() - 1), "{wait:?}");
                }
                (Answer::Pass { remaining, next }, kept) => {
                    state = kept.unwrap();
                    // The same, for what is told to one that passes.
                    let left = |time| match sliding.decide(state, 1, Tick(time)).0 {
                        Answer::Pass { remaining, .. } => remaining + 1,
                        Answer::Deny { .. } => 0,
                    };
                    prop_assert!(left(now + next.nanoseconds()) > remaining);
                    prop_assert!(next.nanoseconds() == 0 || left(now + next.nanoseconds() - 1) == remaining);
                }
            }
        }
    }

    #[test]
    fn a_successor_goes_on_with_the_same_counts(
        requests in prop::collection::vec(0_u64..400, 1..40), later in 0_u64..2_500,
    ) {
        let sliding = sliding("5/s");
        let (mut state, mut now) = (0, 1_000 * SECOND);
        for gap in requests {
            now += gap * 1_000_000;
            state = sliding.decide(state, 1, Tick(now)).1.unwrap_or(state);
        }
        let there = sliding.begun(sliding.aged(state, Tick(now)), Tick(7));
        let later = later * 1_000_000;
        prop_assert_eq!(
            sliding.decide(state, 1, Tick(now + later)).0,
            sliding.decide(there, 1, Tick(7 + later)).0
        );
    }
}
