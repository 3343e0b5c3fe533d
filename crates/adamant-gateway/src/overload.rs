//! Protection against more than the gateway can carry: what is in flight on each worker, how long work waits
//! there, and whom to refuse first.
//!
//! It knows neither requests nor filters, takes no lock, and is absent where the file does not ask for it. Each
//! worker has counters of its own; nobody else writes them.

mod controller;
mod watch;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use adamant_filter::Reason;
use adamant_observe::{DurationTotals, Durations, Shedding};
use adamant_policy::config::{self, Priority};

use controller::WHOLE;
pub(crate) use watch::watch;

/// More is asked of the gateway than it can do in time.
pub(crate) const OVERLOADED: Reason =
    Reason::new("overloaded", 503, "there is more to do than can be done in time");

/// When a client that was shed may come again, in seconds. Once a load is over, nobody is shed for longer than that.
pub(crate) const RETRY_AFTER: &str = "10";

/// Exchanges of all workers.
#[derive(Debug)]
pub(crate) struct Overload {
    workers: Box<[Load]>,
    queue_delay: Duration,
}

/// One worker. The alignment keeps the counters of two workers off one cache line, and off its neighbour, which
/// processors fetch along with it.
#[derive(Debug)]
#[repr(align(128))]
struct Load {
    /// Exchanges in progress.
    in_flight: AtomicU32,
    /// How many may be, by priority.
    bounds: [u32; Priority::ALL.len()],
    /// What the controller says: see [`shares`].
    pressure: AtomicU32,
    /// What is left of the shares of requests that were let through; a whole one is a request that is shed.
    rest: AtomicU32,
    /// Requests that were shed, by priority.
    shed: [AtomicU64; Priority::ALL.len()],
    /// Delays that were measured.
    delays: Durations,
}

/// The share of requests that a pressure sheds, by priority, in millionths: all of low priority are shed before
/// the first one of normal priority, and none of high priority ever.
fn shares(pressure: u32) -> [u32; Priority::ALL.len()] {
    [pressure.min(WHOLE), pressure.saturating_sub(WHOLE).min(WHOLE), 0]
}

impl Overload {
    /// Nothing in flight. `None` when there is not one exchange for each worker.
    pub(crate) fn new(config: &config::Overload, workers: u32) -> Option<Self> {
        let (each, further) = (
            config.in_flight / workers.max(1),
            config.in_flight % workers.max(1),
        );
        let load = |worker| Load::new(each + u32::from(worker < further));
        (each > 0).then(|| Self {
            workers: (0..workers).map(load).collect(),
            queue_delay: config.queue_delay,
        })
    }

    /// An exchange begins.
    pub(crate) fn begin(&self, worker: usize) {
        if let Some(load) = self.workers.get(worker) {
            load.in_flight.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An exchange that began has ended.
    pub(crate) fn end(&self, worker: usize) {
        if let Some(load) = self.workers.get(worker) {
            load.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether a request that began is shed; counted if so.
    pub(crate) fn sheds(&self, worker: usize, priority: Priority) -> bool {
        let Some(load) = self.workers.get(worker) else {
            return false;
        };
        let is_shed = load.is_full_for(priority) || load.is_pressed(priority);
        if is_shed && let Some(shed) = load.shed.get(priority.index()) {
            shed.fetch_add(1, Ordering::Relaxed);
        }
        is_shed
    }

    /// What operators are told.
    pub(crate) fn told(&self) -> Shedding {
        let count = self.workers.len() as u64;
        let mut told = Shedding {
            requests: Priority::ALL.map(|priority| (priority.word(), 0)),
            ratios: [Priority::Low, Priority::Normal].map(|priority| (priority.word(), 0)),
            delays: DurationTotals::default(),
        };
        for load in &self.workers {
            for ((_, sum), shed) in told.requests.iter_mut().zip(&load.shed) {
                *sum += shed.load(Ordering::Relaxed);
            }
            let shares = shares(load.pressure.load(Ordering::Relaxed));
            for ((_, sum), share) in told.ratios.iter_mut().zip(shares) {
                *sum += u64::from(share);
            }
            told.delays.add(&load.delays);
        }
        for (_, sum) in &mut told.ratios {
            *sum /= count.max(1);
        }
        told
    }
}

impl Load {
    fn new(in_flight_max: u32) -> Self {
        let low = in_flight_max - in_flight_max / 4;
        let normal = in_flight_max - in_flight_max / 8;
        Self {
            in_flight: AtomicU32::new(0),
            bounds: [low, normal, in_flight_max],
            pressure: AtomicU32::new(0),
            rest: AtomicU32::new(0),
            shed: Default::default(),
            delays: Durations::default(),
        }
    }

    /// The request itself is in flight already.
    fn is_full_for(&self, priority: Priority) -> bool {
        let bound = self.bounds.get(priority.index());
        bound.is_some_and(|bound| self.in_flight.load(Ordering::Relaxed) > *bound)
    }

    /// Shares add up, and each whole one is a request that is shed: evenly, and without chance. Only one of the
    /// priorities is shed in part at a time, so one sum serves all.
    fn is_pressed(&self, priority: Priority) -> bool {
        let pressure = self.pressure.load(Ordering::Relaxed);
        if pressure == 0 {
            return false;
        }
        let share = shares(pressure).get(priority.index()).copied().unwrap_or(0);
        if share == 0 || share == WHOLE {
            return share == WHOLE;
        }
        // Nobody else writes it, so this need not be one step.
        let sum = self.rest.load(Ordering::Relaxed) + share;
        self.rest.store(sum % WHOLE, Ordering::Relaxed);
        sum >= WHOLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overload(in_flight: u32, workers: u32) -> Option<Overload> {
        let config = config::Overload {
            in_flight,
            queue_delay: Duration::from_millis(50),
            span: adamant_filter::Span::default(),
        };
        Overload::new(&config, workers)
    }

    #[test]
    fn workers_have_all_of_the_bound_between_them_and_none_has_nothing() {
        for (in_flight, workers) in [(8, 1), (8, 3), (100, 7), (5, 5)] {
            let overload = overload(in_flight, workers).expect("enough for each");
            let sum: u32 = overload.workers.iter().map(|load| load.bounds[2]).sum();
            assert_eq!(sum, in_flight);
        }
        assert!(overload(4, 5).is_none());
    }

    #[test]
    fn what_matters_least_is_full_first() {
        let overload = overload(8, 1).expect("enough");
        let sheds = || Priority::ALL.map(|priority| overload.sheds(0, priority));
        for (in_flight, expected) in [
            (6, [false, false, false]),
            (7, [true, false, false]),
            (8, [true, true, false]),
            (9, [true, true, true]),
        ] {
            while overload.workers[0].in_flight.load(Ordering::Relaxed) < in_flight {
                overload.begin(0);
            }
            assert_eq!(sheds(), expected, "{in_flight} in flight");
        }
        overload.end(0);
        overload.end(0);
        overload.end(0);
        assert_eq!(sheds(), [false, false, false]);
        assert_eq!(overload.told().requests, [("low", 3), ("normal", 2), ("high", 1)]);
    }

    #[test]
    fn pressure_sheds_its_share_evenly() {
        let overload = overload(1_000_000, 1).expect("enough");
        for (pressure, expected) in [
            (0, [0, 0, 0]),
            (WHOLE / 4, [250, 0, 0]),
            (WHOLE, [1000, 0, 0]),
            (WHOLE + WHOLE / 2, [1000, 500, 0]),
            (2 * WHOLE, [1000, 1000, 0]),
        ] {
            overload.workers[0].pressure.store(pressure, Ordering::Relaxed);
            let shed =
                Priority::ALL.map(|priority| (0..1000).filter(|_| overload.sheds(0, priority)).count());
            assert_eq!(shed, expected, "{pressure}");
        }
    }
}
