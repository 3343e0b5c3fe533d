//! `in-flight`: so many exchanges at once, per key.
//!
//! Takes a place in the request moment and gives it back in the moment after the last byte, which comes whatever
//! becomes of the exchange. Knows no time.

mod places;

use adamant_filter::prelude::*;

use crate::carried::{CarriedKey, ShortKey};
use crate::fields::{Allowed, Left, LimitFields, Unit, retry_after};
use crate::keyed::{KEY_MISSING, Keyed, Missing, UNIDENTIFIED, check_remember, remember, seeds, yes};
use places::{Place, Places};

/// Limits how many requests each consumer, address or other key may have in progress.
///
/// A request is in progress from here to the last byte of its answer, and a WebSocket until it is closed. A place is
/// given back however a request ends: answered, refused further down, failed, or left by its client. Counts are
/// exact. Behind a named policy all its users share one count.
///
/// Answers carry `RateLimit-Policy` (`q` is `at-most`, with the unit `concurrent-requests`) and `RateLimit` (`r` is
/// what is left while this request runs); a refusal has status 429 with `Retry-After: 1`. The limit's name in these
/// fields is the step's `id`.
///
/// Example: `in-flight: { by: consumer, at-most: 20 }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct InFlightConfig {
    /// What is counted by: one word or a list of words that make one key together. Words are `consumer`,
    /// `address` (IPv4 /32, IPv6 /64), `route`, `listener`, `method`, `header:NAME` and `claim:NAME`.
    /// `consumer` and `claim:` need an authentication filter above. Example: `address`
    by: KeyBy,
    /// How many requests of one key may be in progress at once. Example: `20`
    at_most: u32,
    /// Of how many keys requests can be in progress at once, at most 16000000. A key that is in use is never
    /// forgotten: when there are more, requests of new keys cannot be counted and are refused. Each takes up to 120
    /// bytes. Default: `50000`
    #[serde(default = "remember")]
    remember: u32,
    /// What happens to a request without the header field or claim that is counted by (or with the field
    /// twice): `deny` refuses it, `share` puts all of them under one key, `skip` lets them pass uncounted.
    /// Must be stated when `by` has a `header:` or `claim:`, and only then. Example: `deny`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
    /// Whether answers carry the fields `RateLimit` and `RateLimit-Policy`. Default: `true`
    #[serde(default = "yes")]
    headers: bool,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct InFlight {
    keyed: Keyed,
    places: Places,
    at_most: u32,
    /// The key whose place the exchange has.
    held: CarriedKey,
    /// One more than what is left, so that none means undecided.
    left: Word,
    fields: Option<LimitFields>,
}

impl Filter for InFlight {
    const NAME: &'static str = "in-flight";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] =
        &[&Self::TOO_MANY, &Self::CROWDED, &KEY_MISSING, &UNIDENTIFIED];
    type Config = InFlightConfig;

    fn build(config: InFlightConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.at_most == 0 {
            let problem = Problem::at("at-most", "at most none would refuse everyone");
            return Err(problem.with_help("write how many may be in progress at once, such as `at-most: 20`"));
        }
        let remember = check_remember(config.remember)?;
        boot.reserve("keys in use", Size::from_bytes(Places::bound(remember)));
        Ok(Self {
            keyed: Keyed::new(&config.by, config.missing, boot)?,
            places: Places::new(remember, seeds(boot)),
            at_most: config.at_most,
            held: CarriedKey::new(boot),
            left: boot.word(),
            fields: config
                .headers
                .then(|| LimitFields::of_step(boot, Unit::ConcurrentRequests)),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = hooks.request(Self::take).finish(Self::give_back);
        if self.fields.is_some() {
            hooks.response(Self::tell)
        } else {
            hooks
        }
    }
}

impl InFlight {
    const TOO_MANY: Reason = Reason::new("too-many", 429, "too many requests are in progress at once");
    const CROWDED: Reason = Reason::new("crowded", 503, "too many callers have requests in progress");

    fn take(&self, request: &mut Request) -> Verdict {
        let key = match self.keyed.of(request, ShortKey::of) {
            Ok(key) => key,
            Err(verdict) => return verdict,
        };
        match self.places.take(&key, self.at_most) {
            Place::Taken { left } => {
                self.held.set(request, &key);
                request.set_word(self.left, u64::from(left) + 1);
                Verdict::Pass
            }
            Place::Full => {
                request.set_word(self.left, 1);
                Self::TOO_MANY.deny_with(vec![retry_after(1)])
            }
            Place::Crowded => Self::CROWDED.fault(),
        }
    }

    fn tell(&self, response: &mut Response<'_>) -> Verdict {
        if let (Some(fields), Some(left)) = (&self.fields, response.word(self.left).checked_sub(1)) {
            let allowed = Allowed {
                quota: self.at_most.into(),
                window: None,
            };
            let left = Left {
                units: left,
                seconds: None,
            };
            fields.write(response, allowed, Some(left));
        }
        Verdict::Pass
    }

    fn give_back(&self, finished: &Finished<'_>) {
        if let Some(key) = self.held.get(finished.request) {
            self.places.give_back(&key);
        }
    }
}

#[cfg(test)]
mod tests;
