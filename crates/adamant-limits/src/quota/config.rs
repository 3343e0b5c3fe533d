//! What a policy author writes under `quota`, and whether it makes sense.
//!
//! Builds nothing.

use std::collections::BTreeMap;

use adamant_filter::prelude::*;

use super::calendar::{Per, Zone};
use crate::keyed::{Missing, check_remember, remember, yes};

/// Largest quota: a number that fields of answers can hold.
const ALLOW_MAX: u64 = 999_999_999_999_999;

/// Limits how much each consumer, address or other key may use in an hour, a day, a week or a month.
///
/// All counts begin anew when the period of the calendar does, in the time zone that the file names; a day in which
/// clocks are changed has 23 or 25 hours. Weeks begin on Mondays. A request that is refused is not charged, nor is
/// one of which the store does not know; a request is charged once, whatever its status and its retries.
///
/// Counts are kept in a `store` that instances share and that survives a restart; a changed `allow` does not begin the
/// period anew. With `keep-local: true` each process counts for itself, and **a restart forgets all counts**.
///
/// Answers carry `RateLimit-Policy` (`q` is what is allowed, `w` the seconds of this period) and `RateLimit` (`r` is
/// what is left, `t` the seconds until the period ends); a refusal has status 429 with `Retry-After`. Towards
/// the end of a period, `r` is at most ten times what is left on average for the rest of it (but not below ten, nor
/// below a hundredth of all), so that nobody is invited to a stampede. The quota's name in these fields is the step's
/// `id`.
///
/// Example: `quota: { by: consumer, allow: 10000, per: day, zone: Europe/Berlin, store: counters, when-gone: deny }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct QuotaConfig {
    /// What is counted by: one word or a list of words that make one key together. Words are `consumer`,
    /// `address` (IPv4 /32, IPv6 /64), `route`, `listener`, `method`, `header:NAME` and `claim:NAME`.
    /// `consumer` and `claim:` need an authentication filter above. Example: `consumer`
    pub(super) by: KeyBy,
    /// How much each key may use in a period, in requests unless `cost` says otherwise. Example: `10000`
    pub(super) allow: u64,
    /// The period: `hour`, `day`, `week` (from Monday) or `month`. Example: `month`
    pub(super) per: Per,
    /// The time zone whose calendar is meant, by its name in the database of the IANA. Default: `UTC`. Example:
    /// `Europe/Berlin`
    #[serde(default)]
    pub(super) zone: Zone,
    /// The store in which counts are kept. Either this or `keep-local`. Example: `counters`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<String>,
    /// What happens when the store does not answer: `deny` refuses the request with status 503, `allow` lets it pass
    /// uncounted. Must be stated with `store`. Example: `deny`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) when_gone: Option<WhenGone>,
    /// `true`: each process keeps counts of its own in its memory, and a restart forgets them. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keep_local: Option<bool>,
    /// How many keys a process remembers, at most 16000000; only with `keep-local`. When more come in a period, the one
    /// that has used least is forgotten and starts afresh. Each takes up to 210 bytes. Default: `50000`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) remember: Option<u32>,
    /// What is allowed to consumers of a plan instead of `allow`, by the name of the plan. Needs an authentication
    /// filter above. Example: `{ gold: 100000 }`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) plans: BTreeMap<String, u64>,
    /// What a request costs. Default: one. Example: `{ methods: { POST: 5 } }`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cost: Option<Cost>,
    /// What happens to a request without the header field or claim that is counted by (or with the field
    /// twice): `deny` refuses it, `share` puts all of them under one key, `skip` lets them pass uncounted.
    /// Must be stated when `by` has a `header:` or `claim:`, and only then. Example: `deny`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<Missing>,
    /// Whether answers carry the fields `RateLimit` and `RateLimit-Policy`. Default: `true`
    #[serde(default = "yes")]
    pub(super) headers: bool,
}

/// What happens when the store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhenGone {
    /// The request is refused.
    Deny,
    /// It passes uncounted.
    Allow,
}

/// What a request costs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Cost {
    /// By method; a method that is not named costs one. Example: `{ POST: 5 }`
    methods: BTreeMap<String, u64>,
}

impl QuotaConfig {
    /// # Errors
    /// What is contradictory, or could never have an effect.
    pub(super) fn check(&self, boot: &Boot<'_>) -> Result<(), Problem> {
        let is_sensible = |allow: u64| (1..=ALLOW_MAX).contains(&allow);
        if !is_sensible(self.allow) {
            let problem = Problem::at("allow", format!("a quota is a number from 1 to {ALLOW_MAX}"));
            return Err(problem.with_help("write how much a key may use in a period, such as `allow: 10000`"));
        }
        let consumers = boot.consumers();
        for (name, allow) in &self.plans {
            let at = format!("plans.{name}");
            if !consumers.has_plan(name) {
                let problem = Problem::at(&at, format!("no consumer has a plan `{name}`"));
                return Err(problem.with_help("use the name of one of the `plans` of this file"));
            }
            if !is_sensible(*allow) {
                return Err(Problem::at(
                    &at,
                    format!("a quota is a number from 1 to {ALLOW_MAX}"),
                ));
            }
        }
        self.check_keeper()
    }

    fn check_keeper(&self) -> Result<(), Problem> {
        let misplaced = |key: &str, other: &str| {
            let problem = Problem::at(key, format!("`{key}` means nothing {other}"));
            Err(problem.with_help("remove it"))
        };
        match (&self.store, self.keep_local) {
            (Some(_), Some(_)) => {
                let problem = Problem::at("keep-local", "`store` and `keep-local` exclude each other");
                Err(problem.with_help("counts are kept in one place"))
            }
            (None, None) => {
                let problem = Problem::at("per", "where are the counts kept until the period ends?");
                Err(problem
                    .with_help("name a `store`, or write `keep-local: true` where a restart may forget them"))
            }
            (None, Some(false)) => {
                let problem = Problem::at("keep-local", "counts that are not kept here are kept in a store");
                Err(problem.with_help("name a `store` instead"))
            }
            (Some(_), None) if self.when_gone.is_none() => {
                let problem = Problem::at("store", "what happens when the store does not answer?");
                Err(problem.with_help("add `when-gone: deny` or `when-gone: allow`"))
            }
            (Some(_), None) if self.remember.is_some() => misplaced("remember", "where a store remembers"),
            (None, Some(true)) if self.when_gone.is_some() => misplaced("when-gone", "without a store"),
            _ => Ok(()),
        }
    }

    /// How many keys a process remembers.
    pub(super) fn remember(&self) -> Result<usize, Problem> {
        check_remember(self.remember.unwrap_or(remember()))
    }

    /// # Errors
    /// When a method is none, or costs what no key can ever pay.
    pub(super) fn costs(&self) -> Result<Box<[(Method, u64)]>, Problem> {
        let least = self.plans.values().copied().fold(self.allow, u64::min);
        let Some(cost) = &self.cost else {
            return Ok(Box::default());
        };
        if cost.methods.is_empty() {
            return Err(Problem::at("cost.methods", "no method is named").with_help("remove `cost`"));
        }
        let of = |(name, cost): (&String, &u64)| {
            let at = format!("cost.methods.{name}");
            if !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
                let problem = Problem::at(&at, format!("`{name}` is not a method"));
                return Err(problem.with_help("methods are written in capitals"));
            }
            if *cost == 0 {
                let problem = Problem::at(&at, "a request that costs nothing would never be limited");
                return Err(problem.with_help("use `when` to leave requests out"));
            }
            if *cost > least {
                let text = format!("a request that costs {cost} could never pass where {least} are allowed");
                return Err(Problem::at(&at, text).with_help("lower the cost, or raise what is allowed"));
            }
            let method = Method::from_bytes(name.as_bytes());
            let method = method.map_err(|_| Problem::at(&at, format!("`{name}` is not a method")))?;
            Ok((method, *cost))
        };
        cost.methods.iter().map(of).collect()
    }

    /// Changes with the meaning of the counts and with nothing else in the file: whoever is allowed more in the middle of
    /// a month has used what was used.
    pub(super) fn fingerprint(&self, id: &str) -> String {
        let words = self.by.words().join("+");
        format!("quota/{id}/{words}/{}/{}", self.per.word(), self.zone.name())
    }
}
