//! When results of checks change the condition of an endpoint: exact counts, no clock.

use adamant_policy::config::Health;

use crate::upstream::Condition;

/// Results in a row that speak against the present condition.
#[derive(Debug)]
pub(super) struct Tally {
    condition: Condition,
    against: u32,
}

impl Tally {
    /// Nothing was counted yet.
    pub(super) const fn starting(condition: Condition) -> Self {
        Self {
            condition,
            against: 0,
        }
    }

    /// Counts a result; the new condition if it changes.
    ///
    /// The very first success admits at once, since nothing speaks against the endpoint; the first
    /// failures have to reach `down_after` like all others.
    pub(super) fn record(&mut self, passed: bool, checks: &Health) -> Option<Condition> {
        let (other, needed) = match (self.condition, passed) {
            (Condition::Unknown, true) => (Condition::Up, 1),
            (Condition::Down, true) => (Condition::Up, checks.up_after),
            (Condition::Unknown | Condition::Up, false) => (Condition::Down, checks.down_after),
            (Condition::Up, true) | (Condition::Down, false) => {
                self.against = 0;
                return None;
            }
        };
        self.against += 1;
        if self.against < needed {
            return None;
        }
        *self = Self::starting(other);
        Some(other)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Conditions after each result (`+` passed, `-` failed), as `?`, `U` or `D`.
    fn conditions(up_after: u32, down_after: u32, results: &str) -> String {
        let checks = Health {
            path: "/".into(),
            every: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            up_after,
            down_after,
            host: None,
        };
        let mut tally = Tally::starting(Condition::Unknown);
        let mut shown = |result| {
            let changed = tally.record(result == '+', &checks);
            assert!(changed.is_none_or(|condition| condition == tally.condition));
            match tally.condition {
                Condition::Unknown => '?',
                Condition::Up => 'U',
                Condition::Down => 'D',
            }
        };
        results.chars().map(&mut shown).collect()
    }

    #[test]
    fn thresholds_are_exact() {
        for (up_after, down_after, results, expected) in [
            (2, 3, "+--+---+-++", "UUUUUUDDDDU"),
            (2, 3, "---", "??D"),
            (2, 3, "--+--", "??UUU"),
            (2, 3, "--+---", "??UUUD"),
            (1, 1, "-+-+", "DUDU"),
            (3, 1, "-++-+++", "DDDDDDU"),
            (2, 3, "+", "U"),
        ] {
            assert_eq!(conditions(up_after, down_after, results), expected, "{results}");
        }
    }
}
