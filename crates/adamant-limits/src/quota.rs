//! `quota`: so many in an hour, day, week or month of the calendar, per key.
//!
//! Counts in a store that instances share, or in memory where the file says so. Knows the calendar, and no clock but
//! that of the request.

mod calendar;
mod config;
mod counts;
mod left;

use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::{Charge, Charged, Counter, Measure, Store};
use sha2::{Digest, Sha256};

use crate::carried::ShortKey;
use crate::fields::{LimitFields, Unit, retry_after};
use crate::keyed::{KEY_MISSING, Keyed, UNIDENTIFIED, seeds};
use crate::table::Table;
use calendar::{Calendar, Window};
use config::{QuotaConfig, WhenGone};
use counts::Counts;
use left::{Told, ToldWords};

/// The filter.
#[derive(Debug)]
pub(crate) struct Quota {
    keyed: Keyed,
    calendar: Calendar,
    allow: u64,
    /// Empty where the plan does not matter.
    plans: Box<[(Arc<str>, u64)]>,
    identity: Option<Reads<Identity>>,
    /// Costs of methods; all others cost one.
    costs: Box<[(Method, u64)]>,
    keeper: Keeper,
    told: ToldWords,
    fields: Option<LimitFields>,
}

/// Where counts are kept.
enum Keeper {
    Local(Arc<Counts>),
    Shared(Shared),
}

struct Shared {
    store: Arc<dyn Store>,
    /// Stands for this quota in front of every key.
    prefix: [u8; 16],
    when_gone: WhenGone,
    faults: Counter,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(counts) => f.debug_tuple("Local").field(counts).finish(),
            Self::Shared(shared) => f.debug_tuple("Shared").field(&shared.when_gone).finish(),
        }
    }
}

/// What is asked for one request.
#[derive(Clone, Copy, Debug)]
struct Ask {
    key: ShortKey,
    cost: u64,
    at_most: u64,
    window: Window,
}

/// What a keeper says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It was charged, and so much is left.
    Pass { remaining: u64 },
    /// It would be exceeded until this moment.
    Deny { ends: Wall },
}

impl Filter for Quota {
    const NAME: &'static str = "quota";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] =
        &[&Self::EXHAUSTED, &Self::STORE_GONE, &KEY_MISSING, &UNIDENTIFIED];
    type Config = QuotaConfig;

    fn build(config: QuotaConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check(boot)?;
        let plans: Box<[_]> = config
            .plans
            .iter()
            .map(|(name, allow)| (name.as_str().into(), *allow))
            .collect();
        Ok(Self {
            keyed: Keyed::new(&config.by, config.missing, boot)?,
            calendar: Calendar::new(config.zone.time_zone(), config.per),
            allow: config.allow,
            identity: (!plans.is_empty()).then(|| boot.reads::<Identity>()),
            plans,
            costs: config.costs()?,
            keeper: Keeper::new(&config, boot)?,
            told: ToldWords::new(boot),
            fields: config.headers.then(|| LimitFields::of_step(boot, Unit::Requests)),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = match self.keeper {
            Keeper::Local(_) => hooks.request(Self::charge),
            Keeper::Shared(_) => hooks.request_async(Self::charge_shared),
        };
        if self.fields.is_some() {
            hooks.response(Self::tell)
        } else {
            hooks
        }
    }
}

impl Keeper {
    fn new(config: &QuotaConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let fingerprint = config.fingerprint(boot.id());
        if let Some(name) = &config.store {
            if boot.id() == Quota::NAME {
                let problem = Problem::at("store", "quotas in a store are told apart by their `id`");
                return Err(problem
                    .with_help("write an `id` beside `quota`; others with the same id share its count"));
            }
            let digest: [u8; 32] = Sha256::digest(&fingerprint).into();
            let (prefix, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
            return Ok(Self::Shared(Shared {
                store: boot.store(name)?,
                prefix: *prefix,
                // `check` has seen it beside `store`.
                when_gone: config.when_gone.unwrap_or(WhenGone::Deny),
                faults: boot.counter(
                    "quota_store_faults",
                    "Requests for which the store of a quota did not answer.",
                ),
            }));
        }
        let remember = config.remember()?;
        boot.reserve("remembered keys", Size::from_bytes(Table::bound(remember)));
        let forgotten = boot.counter(
            "quota_forgotten",
            "Keys of a quota that were forgotten with counts.",
        );
        let counts = Arc::new(Counts::new(Table::new(remember, seeds(boot), forgotten)));
        boot.keep(&fingerprint, Arc::clone(&counts) as _);
        Ok(Self::Local(counts))
    }
}

impl Quota {
    const EXHAUSTED: Reason = Reason::new("exhausted", 429, "the quota of this period is used up");
    const STORE_GONE: Reason = Reason::new("store-gone", 503, "the quota cannot be counted now");

    /// What is to be asked for a request.
    fn ask(&self, request: &Request) -> Result<Ask, Verdict> {
        let costs = |(method, _): &&(Method, u64)| method == request.method();
        Ok(Ask {
            key: self.keyed.of(request, ShortKey::of)?,
            cost: self.costs.iter().find(costs).map_or(1, |(_, cost)| *cost),
            at_most: self.at_most(request),
            window: self.calendar.window(request.wall()),
        })
    }

    /// What the plan of the consumer allows, or everybody else.
    fn at_most(&self, request: &Request) -> u64 {
        let identity = self.identity.as_ref().and_then(|slot| request.get(slot));
        let plan = identity.and_then(Identity::plan);
        plan.and_then(|plan| self.plans.iter().find(|(name, _)| **name == *plan))
            .map_or(self.allow, |(_, allow)| *allow)
    }

    fn charge(&self, request: &mut Request) -> Verdict {
        let Keeper::Local(counts) = &self.keeper else {
            return Self::STORE_GONE.fault();
        };
        match self.ask(request) {
            Ok(ask) => self.answer(request, &ask, counts.charge(&ask, request.wall())),
            Err(verdict) => verdict,
        }
    }

    async fn charge_shared(&self, request: &mut Request) -> Verdict {
        let Keeper::Shared(shared) = &self.keeper else {
            return Self::STORE_GONE.fault();
        };
        let ask = match self.ask(request) {
            Ok(ask) => ask,
            Err(verdict) => return verdict,
        };
        match shared.charge(&ask, request.wall()).await {
            Some(answer) => self.answer(request, &ask, answer),
            None => match shared.when_gone {
                // The file says here what happens, so that `on-fault` cannot say otherwise.
                WhenGone::Deny => Self::STORE_GONE.deny(),
                WhenGone::Allow => Verdict::Pass,
            },
        }
    }

    fn answer(&self, request: &Request, ask: &Ask, answer: Answer) -> Verdict {
        let now = request.wall();
        match answer {
            Answer::Pass { remaining } => {
                self.told
                    .set(request, &Told::new(ask, remaining, ask.window.ends, now));
                Verdict::Pass
            }
            Answer::Deny { ends } => {
                let told = Told::new(ask, 0, ends, now);
                self.told.set(request, &told);
                Self::EXHAUSTED.deny_with(vec![retry_after(told.seconds())])
            }
        }
    }

    fn tell(&self, response: &mut Response<'_>) -> Verdict {
        if let (Some(fields), Some(told)) = (&self.fields, self.told.get(response)) {
            fields.write(response, told.allowed(), Some(told.left()));
        }
        Verdict::Pass
    }
}

impl Shared {
    /// Asks the store; `None` when it does not answer.
    async fn charge(&self, ask: &Ask, now: Wall) -> Option<Answer> {
        let charge = Charge {
            // Each period has a key of its own: instances whose clocks differ count two periods for a moment, and
            // none begins the other's anew.
            key: [&self.prefix, ask.key.bytes(), &ask.window.ends.0.to_be_bytes()]
                .concat()
                .into(),
            measure: Measure::Until {
                at_most: ask.at_most,
                ends: ask.window.ends,
            },
            cost: ask.cost,
            at_least: ask.cost,
        };
        let charged = self.store.charge(vec![charge], now).await;
        match charged.ok().as_deref() {
            Some([Charged::Pass { remaining, .. }]) => Some(Answer::Pass {
                remaining: *remaining,
            }),
            Some([Charged::Deny { .. }]) => Some(Answer::Deny {
                ends: ask.window.ends,
            }),
            _ => {
                self.faults.add_one();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
