//! Tests of what an instance knows without asking.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;
const NOW: Tick = Tick(5 * SECOND);

fn held() -> Held {
    Held::new(
        100,
        [3, 5],
        Wait::from_nanoseconds(SECOND),
        Wait::from_nanoseconds(SECOND),
    )
}

/// The answer about a request that is charged if it may pass.
fn ask(held: &Held, cost: u64, now: Tick) -> Option<Answer> {
    let mut told = None;
    held.ask(b"k", cost, now, |answer| {
        told = answer;
        matches!(answer, Some(Answer::Pass { .. }))
    });
    told
}

fn passes(held: &Held, cost: u64, now: Tick) -> bool {
    matches!(ask(held, cost, now), Some(Answer::Pass { .. }))
}

#[test]
fn what_was_taken_ahead_is_used_once_and_not_for_ever() {
    let held = held();
    assert_eq!(ask(&held, 1, NOW), None);
    held.granted(b"k", 3, 7, NOW);
    assert!(passes(&held, 2, NOW));
    assert_eq!(ask(&held, 2, NOW), None, "one is left");
    assert!(matches!(
        ask(&held, 1, Tick(NOW.0 + SECOND - 1)),
        Some(Answer::Pass { remaining: 7, .. })
    ));
    held.granted(b"k", 3, 7, NOW);
    assert_eq!(
        ask(&held, 1, Tick(NOW.0 + SECOND)),
        None,
        "it is worth nothing any more"
    );
}

#[test]
fn a_refusal_stands_for_what_was_refused_until_its_time_is_over() {
    let held = held();
    let wait = Wait::from_nanoseconds(10);
    held.refused(b"k", 5, NOW, wait);
    assert_eq!(ask(&held, 5, NOW), Some(Answer::Deny { wait }));
    assert_eq!(
        ask(&held, 6, Tick(NOW.0 + 9)),
        Some(Answer::Deny {
            wait: Wait::from_nanoseconds(1)
        })
    );
    assert_eq!(ask(&held, 4, NOW), None, "less may be had");
    assert_eq!(ask(&held, 5, Tick(NOW.0 + 10)), None);
}

#[test]
fn one_asks_ahead_and_the_others_for_themselves() {
    let held = held();
    let begin = || held.begin(b"k", 1, NOW, true);
    assert_eq!(
        [begin(), begin(), begin()],
        [true, false, false].map(|ahead| Begun::Ask { ahead })
    );
    held.end(b"k", NOW);
    assert_eq!(
        begin(),
        Begun::Ask { ahead: true },
        "the first came back with nothing"
    );
    held.granted(b"k", 2, 0, NOW);
    assert_eq!(begin(), Begun::Taken { remaining: 1 });
    held.give_back(b"k", 1, NOW);
    assert!(passes(&held, 2, NOW) && !passes(&held, 1, NOW));
    assert_eq!(begin(), Begun::Ask { ahead: true });
    let late = Tick(NOW.0 + ASKING + SECOND);
    assert_eq!(
        held.begin(b"k", 1, late, true),
        Begun::Ask { ahead: true },
        "whoever asked never came back"
    );
    assert_eq!(held.begin(b"other", 1, NOW, false), Begun::Ask { ahead: false });
}

#[test]
fn what_does_not_pass_elsewhere_is_not_charged_here() {
    let held = held();
    held.granted(b"k", 1, 0, NOW);
    assert!(!held.ask(b"k", 1, NOW, |_| false));
    assert!(passes(&held, 1, NOW));
}

proptest! {
    #[test]
    fn what_is_known_survives_its_number(
        until in 1_u64.., is_asking: bool, is_refused: bool, amount in 0_u32..1 << 31, left in 0_u32..1 << 31,
    ) {
        let known = Known { until, is_asking, is_refused, amount, left };
        prop_assert_eq!(Known::unpack(known.pack(), Tick(until - 1)), known);
        prop_assert_eq!(Known::unpack(known.pack(), Tick(until)), Known::default());
    }

    #[test]
    fn no_more_is_used_than_was_granted(
        steps in prop::collection::vec((0_u8..6, 1_u64..5, 0_u64..SECOND / 2), 1..200),
    ) {
        let held = held();
        let (mut granted, mut used, mut taken, mut now) = (0, 0, Vec::new(), NOW.0);
        for (kind, amount, gap) in steps {
            now += gap / 8;
            let at = Tick(now);
            match kind {
                0 => { held.granted(b"k", amount, 1, at); granted += amount; }
                1 => held.refused(b"k", amount, at, Wait::from_nanoseconds(SECOND)),
                2 => if held.begin(b"k", amount, at, true) != (Begun::Ask { ahead: true }) {
                    if held.begin(b"k", 1, at, false) == (Begun::Ask { ahead: false }) { continue; }
                    taken.push(1);
                },
                3 => if let Some(cost) = taken.pop() { held.give_back(b"k", cost, at); },
                4 => held.end(b"k", at),
                _ => if passes(&held, amount, at) { used += amount; },
            }
            prop_assert!(used <= granted, "{used} of {granted}");
        }
    }
}
