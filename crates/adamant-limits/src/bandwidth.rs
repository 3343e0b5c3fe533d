//! `bandwidth`: so many bytes of answers in each second, per exchange or per key.
//!
//! Paces; never refuses. What waits here waits at the endpoint, not in memory.

mod pace;

use std::num::NonZeroU64;

use adamant_filter::prelude::*;

use crate::carried::{CarriedKey, ShortKey};
use crate::fields::{Allowed, LimitFields, Unit};
use crate::keyed::{KEY_MISSING, Keyed, Missing, UNIDENTIFIED, check_remember, remember, seeds, yes};
use crate::table::{Table, due_after};
use pace::Pace;

/// Slowest pace. A piece of an answer has up to 64 KiB, and waits a minute at this one.
const RESPONSE_MIN: u64 = 1024;

/// Limits how fast answers are sent: for each answer by itself, or for all answers of a consumer, an address or
/// another key together.
///
/// The first `burst` bytes go as fast as the client takes them, all others as `response` says; an answer is never
/// refused, only sent later, and its endpoint is read no faster. Answers go in pieces of up to 64 KiB, and the head
/// goes with the first one, or with the first few where the endpoint sent them together: a burst that is smaller makes
/// clients wait for the head. `timeouts.total` of the upstream holds all the same:
/// give a route with large answers `stream: true`. What the gateway answers itself is not paced, nor are
/// WebSockets. Behind a named policy all its users share one pace.
///
/// Answers carry `RateLimit-Policy` (`q` is the burst, `w` the seconds in which it is full again, rounded up) with the
/// unit `content-bytes`. The limit's name there is the step's `id`.
///
/// Example: `bandwidth: { response: 1MiB/s, burst: 4MiB, by: consumer }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written")]
#[schemars(with = "Written")]
pub(crate) struct BandwidthConfig {
    response: ByteRate,
    burst: Size,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<KeyBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remember: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
    headers: bool,
}

/// Limits how fast answers are sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// Bytes of answers in each second, at least `1KiB/s`. Example: `1MiB/s`
    response: ByteRate,
    /// Bytes that go at once before the pace holds. Default: those of one second. Example: `4MiB`
    #[serde(default)]
    burst: Option<Size>,
    /// Whose answers share one pace: one word or a list of words that make one key together. Words are `consumer`,
    /// `address` (IPv4 /32, IPv6 /64), `route`, `listener`, `method`, `header:NAME` and `claim:NAME`.
    /// `consumer` and `claim:` need an authentication filter above. Default: each answer has a pace of its own.
    /// Example: `consumer`
    #[serde(default)]
    by: Option<KeyBy>,
    /// How many keys are remembered, at most 16000000; only with `by`. When more are in debt at a time, the one with
    /// the least debt is forgotten and starts afresh. Each takes up to 210 bytes. Default: `50000`
    #[serde(default)]
    remember: Option<u32>,
    /// What happens to a request without the header field or claim that is counted by (or with the field
    /// twice): `deny` refuses it, `share` puts all of them under one key, `skip` lets them pass unpaced.
    /// Must be stated when `by` has a `header:` or `claim:`, and only then. Example: `share`
    #[serde(default)]
    missing: Option<Missing>,
    /// Whether answers carry the field `RateLimit-Policy`. Default: `true`
    #[serde(default = "yes")]
    headers: bool,
}

impl From<Written> for BandwidthConfig {
    fn from(written: Written) -> Self {
        Self {
            burst: written
                .burst
                .unwrap_or(Size::from_bytes(written.response.bytes())),
            // What is not written about keys means the default only where there are keys.
            remember: written
                .remember
                .or_else(|| written.by.as_ref().map(|_| remember())),
            response: written.response,
            by: written.by,
            missing: written.missing,
            headers: written.headers,
        }
    }
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    pace: Pace,
    whose: Whose,
    allowed: Allowed,
    fields: Option<LimitFields>,
}

/// Whose answers share a pace.
#[derive(Debug)]
enum Whose {
    /// Nobody's: the word holds the tick at which the answer's debt is paid.
    Each(Word),
    /// Those of a key.
    Keyed(Box<ByKey>),
}

#[derive(Debug)]
struct ByKey {
    keyed: Keyed,
    key: CarriedKey,
    /// Bytes that were charged for the answer.
    charged: Word,
    table: Table,
}

impl Filter for Bandwidth {
    const NAME: &'static str = "bandwidth";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] = &[&KEY_MISSING, &UNIDENTIFIED];
    type Config = BandwidthConfig;

    fn build(config: BandwidthConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let rate = NonZeroU64::new(config.response.bytes()).unwrap_or(NonZeroU64::MIN);
        let pace = Pace::new(rate, config.burst.bytes());
        Ok(Self {
            pace,
            whose: config.whose(boot)?,
            allowed: Allowed {
                quota: config.burst.bytes(),
                window: Some(config.burst.bytes().div_ceil(rate.get())),
            },
            fields: config
                .headers
                .then(|| LimitFields::of_step(boot, Unit::ContentBytes)),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = hooks.response_body(Self::pace);
        let hooks = match self.whose {
            Whose::Each(_) => hooks,
            Whose::Keyed(_) => hooks.request(Self::note_key).finish(Self::give_back),
        };
        if self.fields.is_some() {
            hooks.response(Self::tell)
        } else {
            hooks
        }
    }
}

impl BandwidthConfig {
    fn check(&self) -> Result<(), Problem> {
        if self.response.bytes() < RESPONSE_MIN {
            let problem = Problem::at(
                "response",
                format!("`{}` would hold answers for hours", self.response),
            );
            return Err(problem.with_help("the slowest pace is `1KiB/s`"));
        }
        if self.burst.bytes() == 0 {
            let problem = Problem::at("burst", "a burst of nothing would make every byte wait");
            return Err(problem.with_help("write how much goes at once, such as `4MiB`, or leave it out"));
        }
        Ok(())
    }

    fn whose(&self, boot: &mut Boot<'_>) -> Result<Whose, Problem> {
        let Some(by) = &self.by else {
            let vain = [
                ("remember", self.remember.is_some()),
                ("missing", self.missing.is_some()),
            ];
            return match vain.into_iter().find(|(_, is_written)| *is_written) {
                Some((key, _)) => {
                    let problem = Problem::at(key, "without `by` there are no keys");
                    Err(problem.with_help("add `by`, or remove it"))
                }
                None => Ok(Whose::Each(boot.word())),
            };
        };
        let remember = check_remember(self.remember.unwrap_or(remember()))?;
        boot.reserve("remembered keys", Size::from_bytes(Table::bound(remember)));
        let forgotten = boot.counter(
            "bandwidth_forgotten",
            "Keys of a limit on bandwidth that were forgotten with debt.",
        );
        Ok(Whose::Keyed(Box::new(ByKey {
            keyed: Keyed::new(by, self.missing, boot)?,
            key: CarriedKey::new(boot),
            charged: boot.word(),
            table: Table::new(remember, seeds(boot), forgotten),
        })))
    }
}

impl Bandwidth {
    fn note_key(&self, request: &mut Request) -> Verdict {
        let Whose::Keyed(by) = &self.whose else {
            return Verdict::Pass;
        };
        match by.keyed.of(request, ShortKey::of) {
            Ok(key) => {
                by.key.set(request, &key);
                Verdict::Pass
            }
            Err(verdict) => verdict,
        }
    }

    fn tell(&self, response: &mut Response<'_>) -> Verdict {
        if let Some(fields) = self.fields.as_ref().filter(|_| !response.is_ours()) {
            fields.write(response, self.allowed, None);
        }
        Verdict::Pass
    }

    /// What was charged and never sent, since the client left or the time was over, is nobody's debt.
    fn give_back(&self, finished: &Finished<'_>) {
        let Whose::Keyed(by) = &self.whose else {
            return;
        };
        let unsent = finished.word(by.charged).saturating_sub(finished.bytes_out);
        if let Some(key) = by.key.get(finished.request).filter(|_| unsent > 0) {
            let cost = self.pace.cost(unsent);
            by.table.update(
                key.bytes(),
                |due| due,
                |due| {
                    let less = due.saturating_sub(cost);
                    ((), (less < due).then_some(less))
                },
            );
        }
    }

    fn pace(&self, request: &Request, chunk: &mut Chunk) -> Verdict {
        let (bytes, now) = (chunk.data().len(), chunk.now());
        if bytes == 0 {
            return Verdict::Pass;
        }
        let delay = match &self.whose {
            Whose::Each(paid) => {
                let due = self.pace.instant(Tick(request.word(*paid)));
                let (delay, due) = self.pace.send(due, bytes, now);
                request.set_word(*paid, self.pace.tick(due).0);
                delay
            }
            Whose::Keyed(by) => match by.key.get(request) {
                Some(key) => {
                    let charged = request.word(by.charged);
                    request.set_word(by.charged, charged.saturating_add(bytes as u64));
                    by.table
                        .update(key.bytes(), due_after(self.pace.instant(now)), |due| {
                            let (delay, due) = self.pace.send(due, bytes, now);
                            (delay, Some(due))
                        })
                }
                None => return Verdict::Pass,
            },
        };
        if !delay.is_zero() {
            chunk.delay(delay);
        }
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests;
