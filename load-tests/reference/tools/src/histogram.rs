//! Quantiles of durations in fixed memory, within one per cent.
//!
//! It keeps counts, never samples.

/// Steps per power of two.
const STEPS: usize = 128;

/// Counts of nanoseconds in steps that grow with the value.
#[derive(Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; 64 * STEPS],
            total: 0,
        }
    }
}

impl Histogram {
    /// Adds a duration.
    pub fn add(&mut self, nanoseconds: u64) {
        if let Some(count) = self.counts.get_mut(step(nanoseconds)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// The duration that a share of all stays within, in microseconds; 0 when empty.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return lower_edge(step) as f64 / 1000.0;
            }
        }
        0.0
    }
}

/// The step that a value falls into. Values below one power of two's steps keep their own.
fn step(value: u64) -> usize {
    let value = value.max(STEPS as u64);
    let power = value.ilog2();
    let within = (value >> (power - STEPS.ilog2())) as usize - STEPS;
    power as usize * STEPS + within
}

/// The smallest value of a step.
fn lower_edge(step: usize) -> u64 {
    let (power, within) = (step / STEPS, step % STEPS);
    let shift = power.saturating_sub(STEPS.ilog2() as usize);
    ((STEPS + within) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_hundredth() {
        let mut histogram = Histogram::default();
        for value in 1..=1_000_000_u64 {
            histogram.add(value * 10);
        }
        for share in [0.5, 0.9, 0.99, 0.999] {
            let exact = share * 10_000.0;
            let error = (histogram.quantile(share) - exact).abs() / exact;
            assert!(
                error < 0.01,
                "{share}: {} is not {exact}",
                histogram.quantile(share)
            );
        }
    }

    #[test]
    fn the_largest_value_has_a_step() {
        let mut histogram = Histogram::default();
        histogram.add(u64::MAX);
        histogram.add(0);
        assert!(histogram.quantile(1.0) > histogram.quantile(0.1));
    }
}
