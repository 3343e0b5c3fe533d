//! The controller before a worker that is simulated turn by turn, in virtual time.

use proptest::prelude::*;

use super::*;

const MILLI: Duration = Duration::from_millis(1);

/// A worker in a simulation: what comes while it works is what it works on next.
struct Worker {
    controller: Controller,
    pressure: u32,
    /// Seconds.
    turn: f64,
    since: f64,
    period: f64,
}

/// What comes, as parts of what the worker can do.
#[derive(Clone, Copy, Debug)]
struct Offered {
    low: f64,
    normal: f64,
    high: f64,
}

/// A request that is shed costs this part of one that is served.
const SHED_COST: f64 = 0.1;

/// A turn of the loop without any work.
const IDLE_TURN: f64 = 0.000_05;

impl Worker {
    fn new(target: Duration) -> Self {
        Self {
            controller: Controller::new(target),
            pressure: 0,
            turn: IDLE_TURN,
            since: 0.0,
            period: target.as_secs_f64() / 4.0,
        }
    }

    fn shares(&self) -> (f64, f64) {
        let part = |pressure: u32| f64::from(pressure.min(WHOLE)) / f64::from(WHOLE);
        (part(self.pressure), part(self.pressure.saturating_sub(WHOLE)))
    }

    /// Works for so many seconds. Gives the delays that were measured in their second half.
    fn work(&mut self, seconds: f64, offered: Offered) -> Vec<f64> {
        let (mut now, mut delays) = (0.0, Vec::new());
        while now < seconds {
            let (low, normal) = self.shares();
            let cost = |share: f64| 1.0 - share * (1.0 - SHED_COST);
            let work = offered.low * cost(low) + offered.normal * cost(normal) + offered.high;
            self.turn = (self.turn * work).clamp(IDLE_TURN, 30.0);
            now += self.turn;
            self.since += self.turn;
            if self.since >= self.period {
                let delay = Duration::from_secs_f64(self.turn);
                self.pressure = self.controller.sample(delay, Duration::from_secs_f64(self.since));
                self.since = 0.0;
                if now > seconds / 2.0 {
                    delays.push(self.turn);
                }
            }
        }
        delays
    }
}

#[test]
fn three_times_too_much_is_brought_down_and_let_in_again() {
    let target = 50 * MILLI;
    let mut worker = Worker::new(target);
    let heavy = Offered {
        low: 2.5,
        normal: 0.3,
        high: 0.2,
    };
    let delays = worker.work(20.0, heavy);
    let late = delays
        .iter()
        .filter(|delay| **delay > 3.0 * target.as_secs_f64())
        .count();
    assert!(
        late * 20 < delays.len(),
        "{late} of {} delays are far above",
        delays.len()
    );
    let (low, normal) = worker.shares();
    assert!(low > 0.5 && normal == 0.0, "{low} {normal}");
    // One target after the other without delay lets everything in again.
    worker.work(
        10.0,
        Offered {
            low: 0.3,
            normal: 0.1,
            high: 0.1,
        },
    );
    assert_eq!(worker.pressure, 0);
}

#[test]
fn normal_priority_waits_until_nothing_of_low_priority_is_left() {
    let mut worker = Worker::new(50 * MILLI);
    let heavy = Offered {
        low: 1.0,
        normal: 2.0,
        high: 0.2,
    };
    worker.work(20.0, heavy);
    let (low, normal) = worker.shares();
    assert!(low == 1.0 && normal > 0.2 && normal < 1.0, "{low} {normal}");
}

#[test]
fn one_long_turn_sheds_nothing() {
    let mut controller = Controller::new(20 * MILLI);
    for _ in 0..100 {
        assert_eq!(controller.sample(MILLI, 5 * MILLI), 0);
        assert_eq!(controller.sample(500 * MILLI, 505 * MILLI), 0);
    }
}

#[test]
fn between_half_and_all_of_the_target_nothing_changes() {
    let mut controller = Controller::new(20 * MILLI);
    controller.sample(60 * MILLI, 60 * MILLI);
    let pressure = controller.sample(60 * MILLI, 60 * MILLI);
    assert!(pressure > 0);
    controller.sample(15 * MILLI, 15 * MILLI);
    for delay in [10, 12, 15, 19, 20] {
        assert_eq!(
            controller.sample(delay * MILLI, 15 * MILLI),
            pressure,
            "{delay} ms"
        );
    }
    assert!(controller.sample(9 * MILLI, 15 * MILLI) < pressure);
}

proptest! {
    #[test]
    fn the_pressure_stays_within_its_bounds(
        target in 5_u32..10_000,
        samples in proptest::collection::vec((0_u32..60_000, 0_u32..60_000), 1..200),
    ) {
        let mut controller = Controller::new(target * MILLI);
        let mut before = 0;
        for (delay, elapsed) in samples {
            let pressure = controller.sample(delay * MILLI, elapsed * MILLI);
            prop_assert!(pressure <= 2 * WHOLE);
            prop_assert!(u64::from(pressure.abs_diff(before)) <= STEP_MAX);
            before = pressure;
        }
    }

    #[test]
    fn whatever_the_load_and_the_target_the_queue_does_not_stand(
        target in 5_u32..500,
        low in 1.0_f64..4.0,
        normal in 0.0_f64..0.5,
        high in 0.0_f64..0.3,
    ) {
        let target = target * MILLI;
        let mut worker = Worker::new(target);
        let delays = worker.work(400.0 * target.as_secs_f64(), Offered { low, normal, high });
        let mut sorted = delays;
        sorted.sort_by(f64::total_cmp);
        let (median, late) = (sorted[sorted.len() / 2], sorted[sorted.len() * 95 / 100]);
        prop_assert!(median <= target.as_secs_f64(), "{median}");
        prop_assert!(late <= 3.0 * target.as_secs_f64(), "{late}");
    }
}
