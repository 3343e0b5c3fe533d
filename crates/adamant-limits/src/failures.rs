//! `failures`: so many failing answers in so long, per source.
//!
//! Counts when the status is known, before the client can see it: nobody guesses on by leaving answers unread. Refuses
//! before anything else is asked. Never counts its own refusals: a source that is blocked and goes on asking is not
//! blocked for longer.

mod record;

use std::collections::BTreeSet;
use std::sync::Arc;

use adamant_filter::prelude::*;

use crate::carried::{CarriedKey, ShortKey};
use crate::fields::retry_after;
use crate::gcra::Gcra;
use crate::keyed::{KEY_MISSING, Keyed, Missing, UNIDENTIFIED, check_remember, remember, seeds};
use record::Record;

/// Largest burst.
const BURST_MAX: u64 = 1_000_000;

/// Blocks sources whose requests fail too often: guessed passwords and keys, and addresses that are tried out.
///
/// An answer counts when its status is one of `statuses`, whether the gateway or an upstream gave it. A source may
/// fail `burst` times at once and then as often as `allow` says; the failure that uses up the last of it blocks the
/// source, and its requests are refused with status 429 and `Retry-After` before any later filter is asked. Put it
/// above the authentication, so that a blocked source cannot try another password. Requests that were under way
/// when the block began are not stopped. What this filter refuses does not count, so a block ends when it says.
///
/// A key stands for everybody behind it: of many users behind one address, one who fails too often blocks all. Choose
/// `burst` with that in mind, and never count by what is guessed. An answer counts before it is sent, whether the
/// client reads it or not, and a refusal of a gRPC call by the status that its reason has. Answers tell nobody how
/// many failures are left, since that would tell an attacker, too.
///
/// Example: `failures: { by: address, statuses: [401, 403, 404, 429], allow: 20/m, burst: 20, block-for: 5m }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written")]
#[schemars(with = "Written")]
pub(crate) struct FailuresConfig {
    by: KeyBy,
    statuses: BTreeSet<u16>,
    allow: Rate,
    burst: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_for: Option<Period>,
    remember: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
}

/// Blocks sources whose requests fail too often.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// What a source is: one word or a list of words that make one key together. Words are `address` (IPv4 /32,
    /// IPv6 /64), `route`, `listener`, `method`, `header:NAME`, `consumer` and `claim:NAME`; the last two need an
    /// authentication filter above. Example: `address`
    by: KeyBy,
    /// Statuses of answers that count as failures, 400 to 599. Example: `[401, 403, 404, 429]`
    statuses: BTreeSet<u16>,
    /// How often each source may fail in the long run. Example: `20/m`
    allow: Rate,
    /// How many failures of one source may come at once; the last of them blocks it. Default: the number in `allow`.
    /// Example: `20`
    #[serde(default)]
    burst: Option<u64>,
    /// How long a source is blocked; not less than the time in which `allow` gives one failure back. Default: that
    /// time, in whole seconds. Example: `5m`
    #[serde(default)]
    block_for: Option<Period>,
    /// How many sources are remembered, at most 16000000; as many blocks besides. When there are more, the one with
    /// the fewest failures is forgotten, and the block that ends first. Each takes up to 420 bytes. Default: `50000`
    #[serde(default = "remember")]
    remember: u32,
    /// What happens to a request without the header field or claim that is counted by (or with the field
    /// twice): `deny` refuses it, `share` puts all of them under one key, `skip` lets them pass uncounted.
    /// Must be stated when `by` has a `header:` or `claim:`, and only then. Example: `share`
    #[serde(default)]
    missing: Option<Missing>,
}

impl From<Written> for FailuresConfig {
    fn from(written: Written) -> Self {
        Self {
            burst: written.burst.unwrap_or(written.allow.count()),
            by: written.by,
            statuses: written.statuses,
            allow: written.allow,
            block_for: written.block_for,
            remember: written.remember,
            missing: written.missing,
        }
    }
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Failures {
    keyed: Keyed,
    /// In ascending order.
    statuses: Box<[u16]>,
    record: Arc<Record>,
    /// The source of a request that was let through.
    source: CarriedKey,
}

impl Filter for Failures {
    const NAME: &'static str = "failures";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] = &[&Self::BLOCKED, &KEY_MISSING, &UNIDENTIFIED];
    type Config = FailuresConfig;

    fn build(config: FailuresConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let remember = config.check()?;
        boot.reserve(
            "sources that failed or are blocked",
            Size::from_bytes(Record::bound(remember)),
        );
        let forgotten = boot.counter(
            "failures_forgotten",
            "Sources of a limit on failures that were forgotten with failures or blocks.",
        );
        let gcra = Gcra::new(config.allow, config.burst);
        let block = config.block_for.unwrap_or(Period::from_millis(0));
        let seeds = [seeds(boot), seeds(boot)];
        let record = Arc::new(Record::new(gcra, block.duration(), remember, seeds, &forgotten));
        for (fingerprint, state) in record.kept(&config.fingerprint(boot.id())) {
            boot.keep(&fingerprint, state);
        }
        Ok(Self {
            keyed: Keyed::new(&config.by, config.missing, boot)?,
            statuses: config.statuses.into_iter().collect(),
            source: CarriedKey::new(boot),
            record,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request(Self::check)
            .answered(Self::count)
            .finish(Self::count_late)
    }
}

impl FailuresConfig {
    fn check(&self) -> Result<usize, Problem> {
        if self.statuses.is_empty() {
            let problem = Problem::at("statuses", "without a status nothing counts as a failure");
            return Err(problem.with_help("write those that attackers cause, such as `[401, 403, 404]`"));
        }
        if let Some(status) = self.statuses.iter().find(|status| !(400..600).contains(*status)) {
            let problem = Problem::at("statuses", format!("{status} is not the status of a failure"));
            return Err(problem.with_help("failures have statuses from 400 to 599"));
        }
        if !(1..=BURST_MAX).contains(&self.burst) {
            let problem = Problem::at("burst", format!("the burst is a number from 1 to {BURST_MAX}"));
            return Err(
                problem.with_help("the burst is how many failures block a source, such as `burst: 20`")
            );
        }
        let one = self.allow.window().as_nanos().div_ceil(self.allow.count().into());
        if let Some(block) = self.block_for
            && block.duration().as_nanos() < one
        {
            let problem = Problem::at(
                "block-for",
                format!(
                    "`{block}` is shorter than the time in which `{}` gives one failure back",
                    self.allow
                ),
            );
            return Err(problem.with_help("write a longer time, or leave it out"));
        }
        check_remember(self.remember)
    }

    /// Changes with the meaning of the state and with nothing else in the file.
    fn fingerprint(&self, id: &str) -> String {
        let words = self.by.words().join("+");
        format!("failures/{id}/{words}/{}/{}", self.allow, self.burst)
    }
}

impl Failures {
    const BLOCKED: Reason = Reason::new("blocked", 429, "too many requests from here have failed");

    fn check(&self, request: &mut Request) -> Verdict {
        let key = match self.keyed.of(request, ShortKey::of) {
            Ok(key) => key,
            Err(verdict) => return verdict,
        };
        match self.record.blocked(&key, request.now()) {
            None => {
                self.source.set(request, &key);
                Verdict::Pass
            }
            Some(seconds) => Self::BLOCKED.deny_with(vec![retry_after(seconds)]),
        }
    }

    fn count(&self, answered: &Answered<'_>) {
        self.count_once(answered.request, answered.status, answered.now);
    }

    /// What never had a head that was about to be sent.
    fn count_late(&self, finished: &Finished<'_>) {
        let now = finished.request.now() + finished.duration;
        self.count_once(finished.request, finished.status, now);
    }

    fn count_once(&self, request: &Request, status: u16, now: Tick) {
        if self.statuses.binary_search(&status).is_err() {
            return;
        }
        if let Some(key) = self.source.get(request) {
            // Without its key the exchange is not counted again.
            self.source.forget(request);
            self.record.failed(&key, now);
        }
    }
}

#[cfg(test)]
mod tests;
