//! Time as filters see it: a monotonic tick for intervals and the wall clock for claims.
//!
//! Both are read once per request by the host; nothing here reads a clock.

use std::ops::Add;
use std::time::Duration;

/// Nanoseconds of a monotonic clock since an arbitrary start; 584 years fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// The time from `earlier` to this tick; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Tick {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub u64);

impl Wall {
    /// Whole seconds since the Unix epoch, as RFC 7519 counts them (`NumericDate`).
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }
}
