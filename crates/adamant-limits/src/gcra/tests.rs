//! Tests of the algorithm against a reference model.

use std::num::NonZeroU64;

use adamant_filter::Period;
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn gcra(rate: &str, burst: u64) -> Gcra {
    Gcra::new(rate.parse().unwrap(), burst)
}

/// Asks at these times and notes what is left, or the wait in nanoseconds of a refusal.
fn run(gcra: Gcra, times: &[u64]) -> Vec<Result<u64, u64>> {
    let mut due = 0;
    let mut ask = |time: &u64| {
        let (answer, next) = gcra.decide(due, 1, Tick(*time));
        due = next.unwrap_or(due);
        match answer {
            Answer::Pass { remaining, .. } => Ok(remaining),
            Answer::Deny { wait } => Err(wait.nanoseconds()),
        }
    };
    times.iter().map(&mut ask).collect()
}

#[test]
fn a_burst_passes_at_once_and_then_one_per_interval() {
    let millis = |n: u64| n * 1_000_000;
    let times = [
        0,
        0,
        0,
        0,
        millis(9),
        millis(10),
        millis(10),
        millis(30),
        millis(30),
        millis(30),
    ];
    let expected = [
        Ok(2),
        Ok(1),
        Ok(0),
        Err(millis(10)),
        Err(millis(1)),
        Ok(0),
        Err(millis(10)),
        Ok(1),
        Ok(0),
        Err(millis(10)),
    ];
    assert_eq!(run(gcra("100/s", 3), &times), expected);
}

#[test]
fn a_rate_without_whole_nanoseconds_does_not_drift() {
    // A million requests, each in the first whole nanosecond after its third of a second. The second place of
    // the burst holds the part of a nanosecond by which a clock of whole ones is late.
    let gcra = gcra("3/s", 2);
    let mut due = 0;
    for n in 0..1_000_000_u64 {
        let time = (n * SECOND).div_ceil(3);
        due = gcra
            .decide(due, 1, Tick(time))
            .1
            .expect("the next third of a second has come");
    }
    let ideal = u128::from(1_000_000 * SECOND);
    assert!(
        due.abs_diff(ideal) <= 3,
        "paid at {due} instead of {ideal} thirds of a nanosecond"
    );
}

#[test]
fn waits_are_told_in_whole_seconds_rounded_up() {
    for (nanoseconds, seconds) in [(0, 1), (1, 1), (SECOND, 1), (SECOND + 1, 2), (90 * SECOND, 90)] {
        assert_eq!(
            Wait::from_nanoseconds(nanoseconds).seconds(),
            seconds,
            "{nanoseconds} ns"
        );
    }
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let rate = Rate::new(NonZeroU64::MAX, Period::from_millis(u64::MAX / 1_000_000)).unwrap();
    let gcra = Gcra::new(rate, (1 << 31) - 1);
    let (_, due) = gcra.decide(0, 1, Tick(u64::MAX));
    assert!(due.is_some());
    let _ = gcra.decide(u128::MAX, 1, Tick(0));
}

fn any_rate() -> impl Strategy<Value = Rate> {
    let window = prop_oneof![
        Just(1_u64),
        1_u64..5_000,
        Just(60_000),
        Just(900_000),
        Just(86_400_000)
    ];
    (1_u64..2_000, window).prop_map(|(count, millis)| {
        Rate::new(NonZeroU64::new(count).unwrap(), Period::from_millis(millis)).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_refused_request_passes_after_its_wait_and_not_before(
        rate in any_rate(), burst in 1_u64..20, start in 0..u64::MAX / 4, extra in 1_usize..30,
    ) {
        let gcra = Gcra::new(rate, burst);
        let mut due = 0;
        for _ in 0..burst {
            due = gcra.decide(due, 1, Tick(start)).1.expect("the burst passes");
        }
        for _ in 0..extra {
            let (Answer::Deny { wait }, None) = gcra.decide(due, 1, Tick(start)) else { panic!("the burst is spent") };
            let [before, after] = [wait.nanoseconds() - 1, wait.nanoseconds()].map(|w| gcra.decide(due, 1, Tick(start + w)).1);
            prop_assert!(before.is_none() && after.is_some());
        }
    }

    #[test]
    fn no_span_of_time_sees_more_than_the_burst_and_the_rate(
        rate in any_rate(), burst in 1_u64..20, gaps in prop::collection::vec(0_u64..3_000_000_000, 1..120),
    ) {
        let gcra = Gcra::new(rate, burst);
        let (mut due, mut now, mut passed) = (0, 0, Vec::new());
        for gap in gaps {
            now += gap;
            if let (_, Some(next)) = gcra.decide(due, 1, Tick(now)) {
                due = next;
                passed.push(now);
            }
        }
        for (first, from) in passed.iter().enumerate() {
            for (last, to) in passed.iter().enumerate().skip(first) {
                let span = u128::from(to - from);
                let most = u128::from(burst) + span * u128::from(rate.count()) / rate.window().as_nanos();
                prop_assert!((last - first + 1) as u128 <= most, "{} in {span} ns", last - first + 1);
            }
        }
    }
}
