//! What the file says about a rate: its form and its defaults.
//!
//! Judges nothing. Equal meaning is written equally, since what is written here enters the digest.

use std::collections::BTreeMap;

use adamant_filter::prelude::*;

use crate::keyed::Missing;

/// Keys that are remembered where the file does not say how many.
const REMEMBER: u32 = 50_000;

/// Limits how often each consumer, address or other key may come.
///
/// A key may come `burst` times at once and then as often as `allow` says, evenly: with `100/s`, once every
/// 10 ms. Counts are exact. A refused request costs nothing, so that a client which comes twice as often as
/// it may still gets its full rate. A request is charged once, whatever its status and its retries; a WebSocket is
/// one request. Behind a named policy all its users share one count.
///
/// Several `limits` in one step are all asked before any is charged: when one refuses, none is.
///
/// Answers carry `RateLimit-Policy` (`q` is the burst, `w` the seconds in which an empty burst is full
/// again, rounded up) and `RateLimit` (`r` is what is left, `t` the seconds until there is more); a refusal
/// has status 429 with `Retry-After`. The limit's name in these fields is the step's `id`, or its own among
/// several.
///
/// Example: `rate: { by: consumer, allow: 100/s, burst: 200, remember: 50000 }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written")]
#[schemars(with = "Written")]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RateConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<KeyBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allow: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) burst: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) algorithm: Option<Algorithm>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) plans: BTreeMap<String, PlanConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) limits: Vec<LimitConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost: Option<CostConfig>,
    pub(super) remember: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<Missing>,
    pub(super) headers: bool,
    pub(super) legacy: Legacy,
    pub(super) precision: Precision,
    pub(super) scope: Scope,
}

/// Limits how often each consumer, address or other key may come.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// What is counted by: one word or a list of words that make one key together. Words are `consumer`,
    /// `address` (IPv4 /32, IPv6 /64), `route`, `listener`, `method`, `header:NAME` and `claim:NAME`.
    /// `consumer` and `claim:` need an authentication filter above. Example: `[consumer, route]`
    #[serde(default)]
    by: Option<KeyBy>,
    /// How often each key may come in the long run. Example: `100/s`, `5/m`, `1000/h`, `20/15m`
    #[serde(default)]
    allow: Option<Rate>,
    /// How many requests of one key may come at once. Default: the number in `allow`. Example: `200`
    #[serde(default)]
    burst: Option<u64>,
    /// How is counted: `even` gives what was used back bit by bit. `sliding` allows the number in `allow` in any
    /// window of its length, by the counts of two windows, and has no `burst`. Default: `even`
    #[serde(default)]
    algorithm: Option<Algorithm>,
    /// Other numbers for consumers of these plans. A consumer of no plan, or of one that is not listed, has those
    /// above. Each plan remembers so many keys by itself. Example: `{ gold: { allow: 1000/s, burst: 2000 } }`
    #[serde(default)]
    plans: BTreeMap<String, PlanConfig>,
    /// Several limits in place of `allow`: a request passes when all of them let it, and is charged to all or to none.
    /// At most 8. Example: `[{ id: second, allow: 10/s }, { id: day, allow: 10000/d }]`
    #[serde(default)]
    limits: Vec<LimitWritten>,
    /// What a request costs; one where nothing says more. Example: `{ methods: { POST: 5 } }`
    #[serde(default)]
    cost: Option<CostConfig>,
    /// How many keys each limit remembers, at most 16000000. When more are in debt at a time, the one with the
    /// least debt is forgotten and starts afresh. Each takes up to 210 bytes. Default: `50000`
    #[serde(default = "remember")]
    remember: u32,
    /// What happens to a request without the header field or claim that is counted by (or with the field
    /// twice): `deny` refuses it, `share` puts all of them under one key, `skip` lets them pass uncounted.
    /// Must be stated when `by` has a `header:` or `claim:`, and only then. Example: `deny`
    #[serde(default)]
    missing: Option<Missing>,
    /// Whether answers carry the fields `RateLimit` and `RateLimit-Policy`. Default: `true`
    #[serde(default = "yes")]
    headers: bool,
    /// Fields of older clients about the limit that has least left, besides: `x-ratelimit` for `X-RateLimit-Limit`,
    /// `-Remaining` and `-Reset` (in seconds from now), `triple` for the same without `X-`. Default: `none`
    #[serde(default)]
    legacy: Legacy,
    /// `exact`, or `sketch` for keys that nobody can bound, such as addresses of the whole Internet. A sketch
    /// takes 64 bytes for each of the keys in `remember` and never more. It counts `burst` requests in fixed
    /// windows as long as the rate needs for them; when many more keys come than it is made for, it may
    /// refuse a key too early, but it never lets one through too often. Nothing is handed to a successor. It counts
    /// one limit of one cost, even, in one instance. Default: `exact`
    #[serde(default)]
    precision: Precision,
    /// Who counts together: `instance` for each gateway by itself, `fleet` for a fair share of each, or `shared` for
    /// all of them in a store. Default: `instance`. Example: `{ fleet: { replicas: 3 } }`
    #[serde(default)]
    scope: Scope,
}

/// One of several limits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitWritten {
    /// Its name in the fields of answers. Example: `day`
    id: String,
    /// What it counts by. Default: `by` of the step. Example: `[consumer, route]`
    #[serde(default)]
    by: Option<KeyBy>,
    /// How often each key may come in the long run. Example: `1000/h`
    allow: Rate,
    /// How many requests of one key may come at once. Default: the number in `allow`. Example: `200`
    #[serde(default)]
    burst: Option<u64>,
    /// `even` or `sliding`, as for the step. Default: `even`
    #[serde(default)]
    algorithm: Algorithm,
    /// Other numbers for consumers of these plans. Example: `{ gold: { allow: 10000/d } }`
    #[serde(default)]
    plans: BTreeMap<String, PlanConfig>,
}

/// One of several limits, with its defaults.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct LimitConfig {
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<KeyBy>,
    pub(super) allow: Rate,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) burst: Option<u64>,
    pub(super) algorithm: Algorithm,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) plans: BTreeMap<String, PlanConfig>,
}

/// The numbers of a plan.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PlanConfig {
    /// How often each key of this plan may come in the long run. Example: `1000/s`
    pub(super) allow: Rate,
    /// How many requests of one key may come at once. Default: the number in `allow`. Example: `2000`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) burst: Option<u64>,
}

/// What a request costs. Where its method and its route say something, the larger number holds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CostConfig {
    /// By method. Example: `{ POST: 5 }`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) methods: BTreeMap<String, u64>,
    /// By the name of the route, for a policy that several routes use. Example: `{ export: 20 }`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) routes: BTreeMap<String, u64>,
}

/// How is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Algorithm {
    /// What was used comes back bit by bit (GCRA).
    #[default]
    Even,
    /// So many in any window, by the counts of two.
    Sliding,
}

/// Fields for older clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Legacy {
    /// None of them.
    #[default]
    None,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`.
    #[serde(rename = "x-ratelimit")]
    XRateLimit,
    /// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
    Triple,
}

/// How a limiter counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Precision {
    /// Every key by itself.
    #[default]
    Exact,
    /// In fixed memory.
    Sketch,
}

/// Who counts together.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scope {
    /// Each instance by itself.
    #[default]
    Instance,
    /// Each instance has its share of the limit, and all shares together are never more than it.
    Fleet(FleetConfig),
    /// All instances count in one store.
    Shared(SharedConfig),
}

/// A limit in equal shares.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FleetConfig {
    /// How many instances there are; each gets that part of rate and burst. Clients are told the whole limit, and
    /// what is left of the share. Example: `3`
    pub(super) replicas: u64,
}

/// A limit in a store.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SharedConfig {
    /// Which of the `stores` holds the counts. Example: `counters`
    pub(super) store: String,
    /// What happens while the store cannot be asked: `deny` refuses with 503, `allow` lets pass uncounted, `local` lets
    /// every instance count by itself, so that each allows the whole limit. Must be stated. Example: `local`
    pub(super) when_gone: WhenGone,
    /// How much an instance takes ahead for a key at most, to serve it without asking the store. An instance may then
    /// let through so much more than the limit at a time, and what it took and does not use within the window of
    /// `allow` is lost to the others: the error is so much for each instance. Default: `1`, nothing ahead.
    /// Example: `50`
    #[serde(default = "one")]
    pub(super) batch: u64,
}

/// What happens while the store cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WhenGone {
    /// Requests are refused.
    Deny,
    /// Requests pass.
    Allow,
    /// Every instance counts by itself.
    Local,
}

const fn remember() -> u32 {
    REMEMBER
}

const fn yes() -> bool {
    true
}

const fn one() -> u64 {
    1
}

/// The burst of a limit, filled in; a sliding window has none.
fn filled(algorithm: Algorithm, allow: Rate, burst: Option<u64>) -> Option<u64> {
    match algorithm {
        Algorithm::Even => burst.or(Some(allow.count())),
        Algorithm::Sliding => burst,
    }
}

fn filled_plans(algorithm: Algorithm, plans: BTreeMap<String, PlanConfig>) -> BTreeMap<String, PlanConfig> {
    let fill = |(name, plan): (String, PlanConfig)| {
        let burst = filled(algorithm, plan.allow, plan.burst);
        (name, PlanConfig { burst, ..plan })
    };
    plans.into_iter().map(fill).collect()
}

impl From<Written> for RateConfig {
    fn from(written: Written) -> Self {
        let algorithm = match (&written.allow, written.algorithm) {
            (Some(_), algorithm) => Some(algorithm.unwrap_or_default()),
            (None, algorithm) => algorithm,
        };
        let burst = match written.allow {
            Some(allow) => filled(algorithm.unwrap_or_default(), allow, written.burst),
            None => written.burst,
        };
        let has_own = !written.limits.is_empty() && written.limits.iter().all(|limit| limit.by.is_some());
        let limits = written.limits.into_iter().map(|limit| LimitConfig {
            by: limit.by.or_else(|| written.by.clone()),
            burst: filled(limit.algorithm, limit.allow, limit.burst),
            plans: filled_plans(limit.algorithm, limit.plans),
            id: limit.id,
            allow: limit.allow,
            algorithm: limit.algorithm,
        });
        let limits: Vec<_> = limits.collect();
        Self {
            // What every limit has by now is not said twice; one that no limit takes is told by the check.
            by: written.by.filter(|_| limits.is_empty() || has_own),
            allow: written.allow,
            burst,
            algorithm,
            plans: filled_plans(algorithm.unwrap_or_default(), written.plans),
            limits,
            cost: written.cost,
            remember: written.remember,
            missing: written.missing,
            headers: written.headers,
            legacy: written.legacy,
            precision: written.precision,
            scope: written.scope,
        }
    }
}
