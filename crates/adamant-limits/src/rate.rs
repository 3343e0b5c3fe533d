//! `rate`: so many in so long, per key.
//!
//! Wires the limiters to requests and tells clients what is left. Counts nothing itself.

mod fields;

use std::sync::Arc;

use adamant_filter::prelude::*;

use crate::exact::Exact;
use crate::gcra::{Answer, Gcra};
use crate::sketch::Sketch;
use crate::table::Table;
use fields::{Left, QuotaFields, retry_after};

/// Keys that are remembered where the file does not say how many.
const REMEMBER: u32 = 50_000;

/// Most keys that may be remembered: three gigabytes at worst.
const REMEMBER_MAX: u32 = 16_000_000;

/// Largest burst; what is left of it travels in 31 bits.
const BURST_MAX: u64 = (1 << 31) - 1;

/// Limits how often each consumer, address or other key may come.
///
/// A key may come `burst` times at once and then as often as `allow` says, evenly: with `100/s`, once every
/// 10 ms. Counts are exact. A refused request costs nothing, so that a client which comes twice as often as
/// it may still gets its full rate. A request is charged once, whatever its method, its status and its
/// retries; a WebSocket is one request. Behind a named policy all its users share one count.
///
/// Answers carry `RateLimit-Policy` (`q` is the burst, `w` the seconds in which an empty burst is full
/// again, rounded up) and `RateLimit` (`r` is what is left, `t` the seconds until there is more); a refusal
/// has status 429 with `Retry-After`. The limit's name in these fields is the step's `id`: give one to each
/// of several limits on a route.
///
/// Example: `rate: { by: consumer, allow: 100/s, burst: 200, remember: 50000 }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written")]
#[schemars(with = "Written")]
pub(crate) struct RateConfig {
    by: KeyBy,
    allow: Rate,
    burst: u64,
    remember: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
    headers: bool,
    precision: Precision,
}

/// Limits how often each consumer, address or other key may come.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// What is counted by: one word or a list of words that make one key together. Words are `consumer`,
    /// `address` (IPv4 /32, IPv6 /64), `route`, `listener`, `method`, `header:NAME` and `claim:NAME`.
    /// `consumer` and `claim:` need an authentication filter above. Example: `[consumer, route]`
    by: KeyBy,
    /// How often each key may come in the long run. Example: `100/s`, `5/m`, `1000/h`, `20/15m`
    allow: Rate,
    /// How many requests of one key may come at once. Default: the number in `allow`. Example: `200`
    #[serde(default)]
    burst: Option<u64>,
    /// How many keys are remembered, at most 16000000. When more are in debt at a time, the one with the
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
    /// `exact`, or `sketch` for keys that nobody can bound, such as addresses of the whole Internet. A sketch
    /// takes 64 bytes for each of the keys in `remember` and never more. It counts `burst` requests in fixed
    /// windows as long as the rate needs for them; when many more keys come than it is made for, it may
    /// refuse a key too early, but it never lets one through too often. Nothing is handed to a successor.
    /// Default: `exact`
    #[serde(default)]
    precision: Precision,
}

/// What happens to a request without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Missing {
    /// It is refused.
    Deny,
    /// All of them are one key.
    Share,
    /// It passes uncounted.
    Skip,
}

/// How a limiter counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Precision {
    /// Every key by itself.
    #[default]
    Exact,
    /// In fixed memory.
    Sketch,
}

const fn remember() -> u32 {
    REMEMBER
}

const fn yes() -> bool {
    true
}

impl From<Written> for RateConfig {
    fn from(written: Written) -> Self {
        Self {
            burst: written.burst.unwrap_or(written.allow.count()),
            by: written.by,
            allow: written.allow,
            remember: written.remember,
            missing: written.missing,
            headers: written.headers,
            precision: written.precision,
        }
    }
}

/// The filter.
#[derive(Debug)]
pub(crate) struct RateLimit {
    key: Key,
    missing: Option<Missing>,
    limiter: Limiter,
    /// What is left, for the answer's fields.
    left: Word,
    fields: Option<QuotaFields>,
}

#[derive(Debug)]
enum Limiter {
    Exact(Arc<Exact>),
    Sketch(Sketch),
}

impl Limiter {
    fn charge(&self, key: &[u8], now: Tick) -> Answer {
        match self {
            Self::Exact(exact) => exact.charge(key, now),
            Self::Sketch(sketch) => sketch.charge(key, now),
        }
    }
}

impl Filter for RateLimit {
    const NAME: &'static str = "rate";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] = &[&Self::EXHAUSTED, &Self::KEY_MISSING, &Self::UNIDENTIFIED];
    type Config = RateConfig;

    fn build(config: RateConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let gcra = Gcra::new(config.allow, config.burst);
        Ok(Self {
            key: boot.key(&config.by)?,
            missing: config.missing,
            left: boot.word(),
            fields: config
                .headers
                .then(|| QuotaFields::new(boot.id(), config.burst, gcra.refill())),
            limiter: config.limiter(gcra, boot),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = hooks.request(Self::charge);
        if self.fields.is_some() {
            hooks.response(Self::tell)
        } else {
            hooks
        }
    }
}

impl RateConfig {
    fn check(&self) -> Result<(), Problem> {
        if !(1..=BURST_MAX).contains(&self.burst) {
            let problem = Problem::at("burst", format!("the burst is a number from 1 to {BURST_MAX}"));
            return Err(problem.with_help("the burst is how many may come at once, such as `burst: 200`"));
        }
        if !(1..=REMEMBER_MAX).contains(&self.remember) {
            return Err(Problem::at(
                "remember",
                format!("remember from 1 to {REMEMBER_MAX} keys"),
            ));
        }
        let may_lack = |word: &String| word.starts_with("header:") || word.starts_with("claim:");
        match (self.by.words().iter().find(|word| may_lack(word)), self.missing) {
            (Some(word), None) => {
                let problem = Problem::at("by", format!("what happens to a request without `{word}`?"));
                Err(problem.with_help("add `missing: deny`, `missing: share` or `missing: skip`"))
            }
            (None, Some(_)) => {
                let problem = Problem::at("missing", "no part of this key can be missing");
                Err(problem.with_help("take `missing` away, or count by a `header:` or `claim:`"))
            }
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }

    fn limiter(&self, gcra: Gcra, boot: &mut Boot<'_>) -> Limiter {
        let keys = usize::try_from(self.remember).unwrap_or(usize::MAX);
        if self.precision == Precision::Sketch {
            boot.reserve("counters of the sketch", Size::from_bytes(Sketch::bound(keys)));
            return Limiter::Sketch(Sketch::new(gcra, self.burst, keys));
        }
        boot.reserve("remembered keys", Size::from_bytes(Table::bound(keys)));
        let forgotten = boot.counter(
            "rate_forgotten",
            "Keys of a rate limit that were forgotten with debt.",
        );
        let random = boot.random();
        let seeds = [(); 2].map(|()| {
            let mut seed = [0; 8];
            random.fill(&mut seed);
            u64::from_ne_bytes(seed)
        });
        let exact = Arc::new(Exact::new(gcra, keys, seeds, forgotten));
        let fingerprint = self.fingerprint(boot.id());
        boot.keep(&fingerprint, Arc::clone(&exact) as _);
        Limiter::Exact(exact)
    }

    /// Changes with the meaning of the state and with nothing else in the file.
    fn fingerprint(&self, id: &str) -> String {
        format!(
            "rate/{id}/{}/{}/{}",
            self.by.words().join("+"),
            self.allow,
            self.burst
        )
    }
}

impl RateLimit {
    const EXHAUSTED: Reason = Reason::new("exhausted", 429, "too many requests in a short time");
    const KEY_MISSING: Reason = Reason::new("key-missing", 400, "the request lacks what it is counted by");
    const UNIDENTIFIED: Reason = Reason::new("unidentified", 503, "the caller to be counted is not known");

    fn charge(&self, request: &mut Request) -> Verdict {
        let now = request.now();
        let answer = self.key.of(request, |key| match (key, self.missing) {
            (Some(key), _) => Ok(self.limiter.charge(key, now)),
            // No key has no bytes: its parts have lengths.
            (None, Some(Missing::Share)) => Ok(self.limiter.charge(&[], now)),
            (None, Some(Missing::Skip)) => Err(Verdict::Pass),
            (None, Some(Missing::Deny)) => Err(Self::KEY_MISSING.deny()),
            // The authentication above faulted, and the file lets its faults pass. Whether this one passes,
            // too, is for the file to say.
            (None, None) => Err(Self::UNIDENTIFIED.fault()),
        });
        match answer {
            Ok(Answer::Pass { remaining, next }) => {
                request.set_word(self.left, Left::new(remaining, next).to_word());
                Verdict::Pass
            }
            Ok(Answer::Deny { wait }) => {
                request.set_word(self.left, Left::new(0, wait).to_word());
                Self::EXHAUSTED.deny_with(vec![retry_after(wait)])
            }
            Err(verdict) => verdict,
        }
    }

    fn tell(&self, response: &mut Response<'_>) -> Verdict {
        if let (Some(fields), Some(left)) = (&self.fields, Left::from_word(response.word(self.left))) {
            fields.write(response, left);
        }
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests;
