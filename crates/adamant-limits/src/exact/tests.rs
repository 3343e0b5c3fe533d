//! Tests of exact limits and their hand-over.

use proptest::prelude::*;

use super::*;
use crate::kept::LAYOUT;
use crate::table::KEY_MAX;

const SECOND: u64 = 1_000_000_000;

fn exact(rate: &str, burst: u64, remember: usize) -> Exact {
    Exact::new(
        Meter::even(rate.parse().unwrap(), burst),
        remember,
        [3, 5],
        Counter::default(),
    )
}

/// Whether it passed, and what it was told.
fn charge(exact: &Exact, key: &[u8], at: u64) -> (bool, Option<Answer>) {
    let mut told = None;
    let passed = exact.ask(key, 1, Tick(at), |answer| {
        told = Some(answer);
        matches!(answer, Answer::Pass { .. })
    });
    (passed, told)
}

fn passed(exact: &Exact, key: &[u8], at: u64, tries: usize) -> usize {
    (0..tries).filter(|_| charge(exact, key, at).0).count()
}

#[test]
fn a_successor_goes_on_where_its_predecessor_stopped() {
    let long = [b'k'; 300];
    let before = exact("1/s", 10, 100);
    assert_eq!(passed(&before, b"spent", 100 * SECOND, 20), 10);
    assert_eq!(passed(&before, &long, 100 * SECOND, 4), 4);
    assert_eq!(passed(&before, b"paid", 50 * SECOND, 10), 10);

    // Its clock began at another time.
    let state = before.export(Tick(101 * SECOND));
    let after = exact("1/s", 10, 100);
    after.import(&state, Tick(7 * SECOND));
    assert_eq!(passed(&after, b"spent", 7 * SECOND, 20), 1, "a second has passed");
    assert_eq!(passed(&after, &long, 7 * SECOND, 20), 7);
    assert_eq!(passed(&after, b"paid", 7 * SECOND, 20), 10);
    assert!(
        state.len() < 100,
        "who has no debt is not handed over: {} bytes",
        state.len()
    );
}

#[test]
fn state_from_elsewhere_can_neither_lock_a_key_out_nor_outgrow_the_table() {
    let exact = exact("1/s", 2, 3);
    let mut state = vec![LAYOUT];
    for key in 0..=u8::MAX {
        state.extend_from_slice(&[0, 1, key]);
        state.extend_from_slice(&u128::MAX.to_be_bytes());
    }
    exact.import(&state, Tick(0));
    assert_eq!(
        passed(&exact, &[255], 2 * SECOND, 3),
        2,
        "no debt is larger than the burst"
    );
    assert!(exact.export(Tick(0)).len() <= 1 + 19 * 4);
}

proptest! {
    #[test]
    fn bytes_that_are_no_state_are_ignored(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let exact = exact("1/s", 1, 10);
        exact.import(&bytes, Tick(0));
        bytes.insert(0, LAYOUT);
        exact.import(&bytes, Tick(0));
        prop_assert!(exact.export(Tick(0)).len() <= 1 + 11 * (2 + KEY_MAX + 16));
    }

    #[test]
    fn handing_over_changes_no_decision(
        keys in prop::collection::vec((0_u8..20, 0..SECOND), 1..100), later in 0..3 * SECOND,
    ) {
        let before = exact("7/s", 5, 100);
        let mut now = 1_000 * SECOND;
        for (key, gap) in keys {
            now += gap / 20;
            charge(&before, &[key], now);
        }
        let after = exact("7/s", 5, 100);
        after.import(&before.export(Tick(now)), Tick(5));
        for key in 0..20 {
            let (old, new) = (charge(&before, &[key], now + later), charge(&after, &[key], 5 + later));
            prop_assert_eq!(old, new);
        }
    }
}
