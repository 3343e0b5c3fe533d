//! Tests of the sketch.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn sketch(rate: &str, burst: u64, keys: usize) -> Sketch {
    Sketch::new(Gcra::new(rate.parse().unwrap(), burst), burst, keys)
}

fn passes(sketch: &Sketch, key: &[u8], time: u64) -> bool {
    matches!(sketch.charge(key, Tick(time)), Answer::Pass { .. })
}

#[test]
fn a_window_lets_the_burst_through_and_tells_when_the_next_begins() {
    let sketch = sketch("10/s", 20, 100);
    let start = 6 * SECOND;
    for left in (0..20).rev() {
        let Answer::Pass { remaining, next } = sketch.charge(b"a", Tick(start + 1)) else {
            panic!("{left}")
        };
        assert_eq!((remaining, next.nanoseconds()), (left, 2 * SECOND - 1));
    }
    let Answer::Deny { wait } = sketch.charge(b"a", Tick(start + SECOND)) else {
        panic!("the burst is spent")
    };
    assert_eq!(wait.nanoseconds(), SECOND);
    assert!(
        passes(&sketch, b"b", start + SECOND),
        "another key is another count"
    );
    assert!(
        passes(&sketch, b"a", start + 2 * SECOND),
        "a new window has begun"
    );
}

#[test]
fn refused_requests_are_not_counted() {
    let sketch = sketch("1/s", 1, 100);
    assert!(passes(&sketch, b"a", 0));
    assert!((0..1_000).all(|_| !passes(&sketch, b"a", 1)));
    assert!(passes(&sketch, b"a", SECOND));
}

#[test]
fn a_late_request_counts_in_the_current_window() {
    let sketch = sketch("1/s", 1, 100);
    assert!(passes(&sketch, b"a", 5 * SECOND));
    assert!(!passes(&sketch, b"a", 4 * SECOND));
}

#[test]
fn threads_share_one_burst() {
    let sketch = sketch("1/h", 100, 100);
    let count = || (0..1_000).filter(|_| passes(&sketch, b"a", SECOND)).count();
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Two that count at the same moment may both see one too many and both be taken back: too early, never late.
    assert!(
        passed <= 100 && passes(&sketch, b"a", SECOND) == (passed < 100),
        "{passed}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_may_refuse_too_early_but_never_too_late(
        requests in prop::collection::vec((0_u8..60, 0_u64..SECOND / 4), 1..400), keys in 1_usize..40,
    ) {
        let sketch = sketch("4/s", 4, keys);
        let (mut exact, mut now) = (HashMap::<_, u32>::new(), 0);
        for (key, gap) in requests {
            now += gap;
            if passes(&sketch, &[key], now) {
                let count = exact.entry((key, now / SECOND)).or_default();
                *count += 1;
                prop_assert!(*count <= 4);
            }
        }
    }
}
