//! The live clock: a monotonic tick since boot and the wall time, read once per request.
//!
//! The only place in the gateway that asks the system for the time of a request.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use adamant_filter::{Tick, Wall};

/// Ticks of all clocks of a process count from here, so that those of requests and of periodic work compare.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Where ticks count from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self { start: *START }
    }
}

impl Clock {
    /// Nanoseconds since the first clock was made.
    #[must_use]
    pub(crate) fn tick(&self) -> Tick {
        Tick(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Milliseconds since the Unix epoch; 0 when the system's clock stands before it.
    #[must_use]
    pub(crate) fn wall() -> Wall {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
