//! From measured delays to a pressure: how much must be shed so that work waits no longer than the file says.
//!
//! Pure arithmetic in constant memory: it reads no clock and sheds nothing itself.

use std::time::Duration;

/// A whole share, in millionths: everything of one priority is shed. Two of them are the most pressure.
pub(super) const WHOLE: u32 = 1_000_000;

/// Pressure that is added within the time of one target while the delay is twice the target.
const RISE: u64 = 100_000;

/// Longest target by which pressure falls: whatever a file calls too long, what is over is over after ten seconds.
const FALL_TARGET_MAX: u64 = 50_000;

/// Pressure that is taken away within the time of one target while the delay is below half of it. Slower than the
/// rise, so that a load that stays is not let in again at once.
const FALL: u64 = 10_000;

/// How many times the target a delay may be above it and still count for more.
const EXCESS_MAX: u64 = 8;

/// Most that one measurement changes, however late it comes: all of one priority. A queue that doubles from turn
/// to turn leaves no time for smaller steps.
const STEP_MAX: u64 = WHOLE as u64;

/// An integrating controller with a dead band: pressure rises while the delay is above the target, the faster the
/// further above, falls while it is below half of the target, and stays in between.
#[derive(Debug)]
pub(super) struct Controller {
    /// Microseconds.
    target: u64,
    pressure: u64,
    last: Duration,
}

impl Controller {
    pub(super) fn new(target: Duration) -> Self {
        Self {
            target: micros(target).max(1),
            pressure: 0,
            last: Duration::ZERO,
        }
    }

    /// The pressure after work has waited for `delay`, measured `elapsed` after the last measurement.
    pub(super) fn sample(&mut self, delay: Duration, elapsed: Duration) -> u32 {
        // The lesser of two delays is a queue that stands. A single long one is a burst that is over.
        let standing = micros(delay.min(self.last));
        self.last = delay;
        let of_target = |amount: u64| (amount.saturating_mul(micros(elapsed)) / self.target).min(STEP_MAX);
        if standing > self.target {
            // In hundredths, as a delay may be above the target by a part of it only.
            let excess = (100 * (standing - self.target) / self.target).min(100 * EXCESS_MAX);
            self.pressure += of_target(RISE * excess / 100);
        } else if standing < self.target / 2 {
            let target = self.target.min(FALL_TARGET_MAX);
            let fall = FALL.saturating_mul(micros(elapsed)) / target;
            self.pressure = self.pressure.saturating_sub(fall.min(STEP_MAX));
        }
        self.pressure = self.pressure.min(2 * u64::from(WHOLE));
        u32::try_from(self.pressure).unwrap_or(2 * WHOLE)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
