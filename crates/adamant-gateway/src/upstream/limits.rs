//! What all routes together may send to one upstream: attempts in progress, and attempts in time.
//!
//! One number each, shared by all workers without a lock. Knows neither routes nor endpoints.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use adamant_filter::{Reason, Tick};
use adamant_policy::config::{UpstreamLimits, UpstreamRate};

use crate::reasons;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// The limits of one upstream, and what counts towards them.
#[derive(Debug)]
pub(super) struct Limits {
    in_flight_max: u32,
    in_flight: Shared<AtomicU32>,
    pace: Option<Pace>,
}

/// On a cache line of its own: every worker writes here.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shared<T>(T);

/// Even attempts after a burst.
#[derive(Debug)]
struct Pace {
    /// Nanoseconds that one attempt takes, rounded up: never more than is allowed, and less than it by a part in a
    /// thousand at most up to a million in a second.
    cost: u64,
    /// Nanoseconds of debt that may be: the burst.
    depth: u64,
    /// When all attempts so far are paid.
    due: Shared<AtomicU64>,
}

/// An attempt that was admitted, until this is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Limits>);

/// Why an attempt may not begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) reason: &'static Reason,
    /// When it is worth to come again.
    pub(crate) seconds: u64,
}

impl Limits {
    /// `None` where nothing is limited.
    pub(super) fn of(limits: &UpstreamLimits) -> Option<Arc<Self>> {
        let UpstreamLimits { in_flight, rate } = *limits;
        (in_flight.is_some() || rate.is_some()).then(|| {
            Arc::new(Self {
                in_flight_max: in_flight.unwrap_or(u32::MAX),
                in_flight: Shared::default(),
                pace: rate.map(Pace::new),
            })
        })
    }

    /// Counts an attempt in, if there may be another one.
    pub(super) fn admit(self: &Arc<Self>, now: Tick) -> Result<Permit, Exceeded> {
        let more = |count: u32| (count < self.in_flight_max).then_some(count + 1);
        let counted = self
            .in_flight
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        if counted.is_err() {
            return Err(Exceeded {
                reason: &reasons::IN_FLIGHT,
                seconds: 1,
            });
        }
        let permit = Permit(Arc::clone(self));
        match self.pace.as_ref().map_or(Ok(()), |pace| pace.charge(now)) {
            Ok(()) => Ok(permit),
            Err(wait) => Err(Exceeded {
                reason: &reasons::RATE,
                seconds: wait.get().div_ceil(SECOND),
            }),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pace {
    fn new(UpstreamRate { allow, burst }: UpstreamRate) -> Self {
        let cost = allow.window().as_nanos().div_ceil(allow.count().into());
        let cost = u64::try_from(cost).unwrap_or(u64::MAX);
        Self {
            cost,
            depth: cost.saturating_mul(burst),
            due: Shared::default(),
        }
    }

    /// Charges one attempt, or tells the nanoseconds until it would pass.
    fn charge(&self, now: Tick) -> Result<(), NonZeroU64> {
        let debt = |due: u64| (due.max(now.0) - now.0).saturating_add(self.cost);
        let paid = |due: u64| (debt(due) <= self.depth).then(|| now.0.saturating_add(debt(due)));
        let charged = self
            .due
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid);
        charged.map(drop).map_err(|due| {
            let wait = debt(due).saturating_sub(self.depth);
            NonZeroU64::new(wait).unwrap_or(NonZeroU64::MIN)
        })
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::Rate;

    use super::*;

    fn limits(in_flight: Option<u32>, rate: Option<(&str, u64)>) -> Arc<Limits> {
        let rate = rate.map(|(allow, burst)| UpstreamRate {
            allow: allow.parse::<Rate>().unwrap(),
            burst,
        });
        Limits::of(&UpstreamLimits { in_flight, rate }).unwrap()
    }

    #[test]
    fn a_permit_is_counted_until_it_is_dropped() {
        assert!(Limits::of(&UpstreamLimits::default()).is_none());
        let limits = limits(Some(2), None);
        let (one, _two) = (limits.admit(Tick(0)).unwrap(), limits.admit(Tick(0)).unwrap());
        let exceeded = limits.admit(Tick(0)).unwrap_err();
        assert_eq!((exceeded.reason, exceeded.seconds), (&reasons::IN_FLIGHT, 1));
        drop(one);
        assert!(limits.admit(Tick(0)).is_ok());
    }

    #[test]
    fn attempts_come_evenly_after_the_burst() {
        let limits = limits(None, Some(("2/m", 3)));
        let minute = 60 * SECOND;
        for _ in 0..3 {
            assert!(limits.admit(Tick(7)).is_ok());
        }
        let exceeded = limits.admit(Tick(7)).unwrap_err();
        assert_eq!((exceeded.reason, exceeded.seconds), (&reasons::RATE, 30));
        assert!(limits.admit(Tick(7 + minute / 2 - 1)).is_err());
        assert!(limits.admit(Tick(7 + minute / 2)).is_ok());
        assert!(limits.admit(Tick(7 + minute / 2)).is_err());
        for _ in 0..3 {
            assert!(limits.admit(Tick(7 + 9 * minute)).is_ok());
        }
        assert!(limits.admit(Tick(7 + 9 * minute)).is_err());
    }

    #[test]
    fn what_is_refused_for_its_rate_is_not_in_progress() {
        let limits = limits(Some(2), Some(("1/h", 1)));
        let _one = limits.admit(Tick(0)).unwrap();
        for _ in 0..5 {
            assert_eq!(limits.admit(Tick(0)).unwrap_err().reason, &reasons::RATE);
        }
    }

    #[test]
    fn threads_together_begin_no_more_than_the_burst() {
        let limits = limits(None, Some(("1/h", 1_000)));
        let admitted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        admitted.fetch_add(u64::from(limits.admit(Tick(0)).is_ok()), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(admitted.load(Ordering::Relaxed), 1_000);
    }
}
