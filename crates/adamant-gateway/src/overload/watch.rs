//! How long work that is ready waits for its worker: a timer on the worker's own runtime, compared with the clock.
//!
//! It goes the way of a socket that has become readable: both are seen when the loop looks at its driver, and
//! both then stand behind whatever is ready already. It measures and tells; nobody is shed here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::controller::Controller;
use crate::engine::Engine;

/// Measurements within the time of one target.
const PER_TARGET: u32 = 4;

/// Shortest and longest time between two measurements. A shorter one would find the tick of the timer only, and
/// be a cost of its own.
const PERIODS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// Measures on the runtime on which it is spawned, as long as that lives.
pub(crate) async fn watch(engine: Arc<Engine>, worker: usize) {
    let Some(overload) = &engine.overload else { return };
    let Some(load) = overload.workers.get(worker) else {
        return;
    };
    let period = (overload.queue_delay / PER_TARGET).clamp(PERIODS.0, PERIODS.1);
    let mut controller = Controller::new(overload.queue_delay);
    let mut last = engine.clock.tick();
    loop {
        tokio::time::sleep(period).await;
        let now = engine.clock.tick();
        let elapsed = now.since(last);
        last = now;
        // The timer counts in milliseconds, and so an idle worker is late by up to one or two of them.
        let delay = elapsed.saturating_sub(period);
        load.delays.record(delay);
        load.pressure
            .store(controller.sample(delay, elapsed), Ordering::Relaxed);
    }
}
