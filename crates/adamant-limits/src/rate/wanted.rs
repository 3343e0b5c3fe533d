//! The limits that a file asks for, whichever way it wrote them, and what is wrong with them.
//!
//! Builds nothing but their arithmetic.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use adamant_filter::prelude::*;

use super::config::{Algorithm, FleetConfig, LimitConfig, PlanConfig, Precision, RateConfig, Scope};
use crate::meter::Meter;

/// Most keys that may be remembered: three gigabytes at worst.
const REMEMBER_MAX: u32 = 16_000_000;

/// Largest burst; what is left of it travels in 31 bits.
pub(super) const BURST_MAX: u64 = (1 << 31) - 1;

/// Most limits of one step: each is looked up while those before it are held.
pub(super) const LIMITS_MAX: usize = 8;

/// Most plans of one limit; which one it was travels in eight bits.
const PLANS_MAX: usize = 100;

/// Largest number of replicas.
const REPLICAS_MAX: u64 = 10_000;

/// A limit as it counts, whichever way it was written.
#[derive(Debug)]
pub(super) struct Wanted<'c> {
    /// Where it stands in the configuration: empty, or `limits[2].`.
    pub(super) at: String,
    /// Its own name among several.
    pub(super) id: Option<&'c str>,
    pub(super) by: &'c KeyBy,
    pub(super) algorithm: Algorithm,
    pub(super) plans: &'c BTreeMap<String, PlanConfig>,
    pub(super) allow: Rate,
    pub(super) burst: Option<u64>,
}

impl RateConfig {
    /// Everything that can be told without anybody's help, then the limits.
    pub(super) fn check(&self) -> Result<Vec<Wanted<'_>>, Problem> {
        let wanted = self.wanted()?;
        for limit in &wanted {
            limit.check()?;
        }
        if !(1..=REMEMBER_MAX).contains(&self.remember) {
            return Err(Problem::at(
                "remember",
                format!("remember from 1 to {REMEMBER_MAX} keys"),
            ));
        }
        self.check_missing(&wanted)?;
        self.check_sketch(&wanted)?;
        Ok(wanted)
    }

    fn wanted(&self) -> Result<Vec<Wanted<'_>>, Problem> {
        if self.limits.is_empty() {
            let by = self.by.as_ref().ok_or_else(|| lacks("by", "by: address"))?;
            let allow = self.allow.ok_or_else(|| lacks("allow", "allow: 100/s"))?;
            return Ok(vec![Wanted {
                at: String::new(),
                id: None,
                by,
                algorithm: self.algorithm.unwrap_or_default(),
                plans: &self.plans,
                allow,
                burst: self.burst,
            }]);
        }
        self.check_beside_limits()?;
        let wanted = self.limits.iter().enumerate().map(|(number, limit)| {
            let at = format!("limits[{number}].");
            let by = limit.by.as_ref();
            Ok(Wanted {
                by: by.ok_or_else(|| lacks(&format!("{at}by"), "by: address"))?,
                id: Some(&limit.id),
                algorithm: limit.algorithm,
                plans: &limit.plans,
                allow: limit.allow,
                burst: limit.burst,
                at,
            })
        });
        wanted.collect()
    }

    /// Keys that mean nothing beside `limits`, and names that mean two of them.
    fn check_beside_limits(&self) -> Result<(), Problem> {
        let beside = [
            ("allow", self.allow.is_some()),
            ("burst", self.burst.is_some()),
            ("algorithm", self.algorithm.is_some()),
            ("plans", !self.plans.is_empty()),
        ];
        if let Some((key, _)) = beside.into_iter().find(|(_, is_written)| *is_written) {
            let problem = Problem::at(key, format!("`{key}` means nothing beside `limits`"));
            return Err(problem.with_help("write it in each of the limits"));
        }
        if self.by.is_some() {
            let problem = Problem::at("by", "every one of the limits has a `by` of its own");
            return Err(problem.with_help("take this one away"));
        }
        if self.limits.len() > LIMITS_MAX {
            return Err(Problem::at(
                "limits",
                format!("a step has at most {LIMITS_MAX} limits"),
            ));
        }
        let mut seen = BTreeSet::new();
        for (number, LimitConfig { id, .. }) in self.limits.iter().enumerate() {
            let at = format!("limits[{number}].id");
            let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if id.is_empty() || id.len() > 64 || !id.bytes().all(is_name) {
                let problem = Problem::at(&at, format!("`{id}` cannot be the name of a limit"));
                return Err(problem.with_help("up to 64 letters, digits, `-`, `_` and `.`"));
            }
            if !seen.insert(id) {
                return Err(Problem::at(&at, format!("two of the limits are named `{id}`")));
            }
        }
        Ok(())
    }

    fn check_missing(&self, wanted: &[Wanted<'_>]) -> Result<(), Problem> {
        let may_lack = |word: &&String| word.starts_with("header:") || word.starts_with("claim:");
        let lacking = wanted.iter().find_map(|limit| {
            let word = limit.by.words().iter().find(may_lack)?;
            Some((format!("{}by", limit.at), word))
        });
        match (lacking, self.missing) {
            (Some((at, word)), None) => {
                let problem = Problem::at(&at, format!("what happens to a request without `{word}`?"));
                Err(problem.with_help("add `missing: deny`, `missing: share` or `missing: skip`"))
            }
            (None, Some(_)) => {
                let problem = Problem::at("missing", "no part of this key can be missing");
                Err(problem.with_help("take `missing` away, or count by a `header:` or `claim:`"))
            }
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }

    fn check_sketch(&self, wanted: &[Wanted<'_>]) -> Result<(), Problem> {
        if self.precision == Precision::Exact {
            return Ok(());
        }
        let is_sliding = wanted.iter().any(|limit| limit.algorithm == Algorithm::Sliding);
        let cannot = [
            ("limits", !self.limits.is_empty()),
            ("algorithm", is_sliding),
            ("plans", !self.plans.is_empty()),
            ("cost", self.cost.is_some()),
            ("scope.shared", matches!(self.scope, Scope::Shared(_))),
        ];
        match cannot.into_iter().find(|(_, is_written)| *is_written) {
            Some((at, _)) => {
                let problem = Problem::at(at, "a sketch counts one even limit of one cost in one instance");
                Err(problem.with_help("write `precision: exact`"))
            }
            None => Ok(()),
        }
    }

    /// How many instances share the limit by parts.
    pub(super) fn replicas(&self) -> Result<u64, Problem> {
        match &self.scope {
            Scope::Instance | Scope::Shared(_) => Ok(1),
            Scope::Fleet(FleetConfig { replicas }) if (2..=REPLICAS_MAX).contains(replicas) => Ok(*replicas),
            Scope::Fleet(_) => {
                let text = format!("a fleet has from 2 to {REPLICAS_MAX} replicas");
                Err(Problem::at("scope.fleet.replicas", text)
                    .with_help("a single instance is `scope: instance`"))
            }
        }
    }
}

fn lacks(at: &str, example: &str) -> Problem {
    let key = at.rsplit('.').next().unwrap_or(at);
    let problem = Problem::at(at, format!("`{key}` is missing")).with_code("keys.missing");
    problem.with_help(format!("write it, such as `{example}`"))
}

impl Wanted<'_> {
    fn check(&self) -> Result<(), Problem> {
        self.check_burst(&self.at, self.allow, self.burst)?;
        if self.plans.len() > PLANS_MAX {
            let at = format!("{}plans", self.at);
            return Err(Problem::at(&at, format!("a limit has at most {PLANS_MAX} plans")));
        }
        for (name, plan) in self.plans {
            self.check_burst(&format!("{}plans.{name}.", self.at), plan.allow, plan.burst)?;
        }
        Ok(())
    }

    fn check_burst(&self, at: &str, allow: Rate, burst: Option<u64>) -> Result<(), Problem> {
        let place = format!("{at}burst");
        match (self.algorithm, burst) {
            (Algorithm::Sliding, Some(_)) => {
                let problem = Problem::at(&place, "a sliding window has no burst");
                return Err(problem.with_help("take it away: the number in `allow` may come at once"));
            }
            (Algorithm::Sliding, None) if allow.count() > BURST_MAX => {
                let text = format!("a window holds at most {BURST_MAX}");
                return Err(Problem::at(&format!("{at}allow"), text));
            }
            (Algorithm::Even, Some(burst)) if !(1..=BURST_MAX).contains(&burst) => {
                let problem = Problem::at(&place, format!("the burst is a number from 1 to {BURST_MAX}"));
                return Err(problem.with_help("the burst is how many may come at once, such as `burst: 200`"));
            }
            (Algorithm::Sliding, None) | (Algorithm::Even, _) => {}
        }
        Ok(())
    }

    /// What one of so many replicas counts by. All of them together never allow more than the limit.
    pub(super) fn meter(
        &self,
        at: &str,
        allow: Rate,
        burst: Option<u64>,
        replicas: u64,
    ) -> Result<Meter, Problem> {
        let share = |number: u64, key: &str| {
            NonZeroU64::new(number / replicas).ok_or_else(|| {
                let text = format!("{number} cannot be divided among {replicas} replicas");
                Problem::at(&format!("{at}{key}"), text).with_help("each of them needs at least one")
            })
        };
        let whole = |count| Rate::new(count, Period::from_millis(millis(allow)));
        match self.algorithm {
            Algorithm::Even => {
                let burst = share(burst.unwrap_or(allow.count()), "burst")?.get();
                // The same count in so many times the window is exactly the share of the rate.
                let window = Period::from_millis(millis(allow).saturating_mul(replicas));
                let count = NonZeroU64::new(allow.count());
                let rate = count.and_then(|count| Rate::new(count, window));
                Ok(Meter::even(rate.unwrap_or(allow), burst))
            }
            Algorithm::Sliding => {
                let count = share(allow.count(), "allow")?;
                Ok(Meter::sliding(whole(count).unwrap_or(allow)))
            }
        }
    }
}

/// The window of a rate; a rate is written in whole milliseconds.
fn millis(rate: Rate) -> u64 {
    u64::try_from(rate.window().as_millis()).unwrap_or(u64::MAX)
}
