//! Periods with a random fifth, so that what was started together does not stay in step.

use std::time::Duration;

use crate::balance::draw;

/// Between 80 % and 120 % of the period.
pub(super) fn spread(period: Duration) -> Duration {
    // 40 % of the period in 4096 steps; the multiplication saturates far above any period of the file.
    let step = draw::place(draw::next() as u32, 4097) as u32;
    period
        .mul_f64(0.8)
        .saturating_add(period.mul_f64(0.4).saturating_mul(step) / 4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_vary_by_a_fifth_both_ways() {
        let drawn: Vec<_> = (0..2_000).map(|_| spread(Duration::from_secs(5))).collect();
        let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!(
            (Duration::from_millis(4_000)..Duration::from_millis(4_050)).contains(least),
            "{least:?}"
        );
        assert!(
            (Duration::from_millis(5_950)..=Duration::from_millis(6_000)).contains(most),
            "{most:?}"
        );
    }
}
