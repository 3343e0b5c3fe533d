//! `rate`: so many in so long, per key.
//!
//! Wires the limiters to requests and tells clients what is left. Counts nothing itself.

mod config;
mod costs;
mod fields;
mod limits;
mod shared;
mod wanted;

use std::sync::Arc;

use adamant_filter::prelude::*;

use crate::exact::Exact;
use crate::gcra::{Gcra, Wait};
use crate::held::Held;
use crate::keyed::Missing;
use crate::meter::Meter;
use crate::sketch::Sketch;
use crate::table::Table;
use config::{Legacy, Precision, RateConfig, Scope, SharedConfig, WhenGone};
use costs::Costs;
use fields::{Left, LegacyFields, QuotaFields};
use limits::{Limit, Round, Tier, ask_here};
use shared::Shared;
use wanted::Wanted;

/// The filter.
#[derive(Debug)]
pub(crate) struct RateLimit {
    limits: Vec<Limit>,
    missing: Option<Missing>,
    costs: Costs,
    counts: Counts,
    headers: bool,
    legacy: Option<LegacyFields>,
}

/// Who counts.
#[derive(Debug)]
enum Counts {
    /// This instance, exactly.
    Here,
    /// This instance, in fixed memory.
    Sketched(Sketch),
    /// A store.
    Shared(Shared),
}

impl Filter for RateLimit {
    const NAME: &'static str = "rate";
    const ROLE: Role = Role::Limit;
    const REASONS: &'static [&'static Reason] = &[
        &Self::EXHAUSTED,
        &Self::KEY_MISSING,
        &Self::UNIDENTIFIED,
        &Self::STORE_GONE,
    ];
    type Config = RateConfig;

    fn build(config: RateConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let wanted = config.check()?;
        let counts = Counts::of(&config, &wanted, boot)?;
        let builder = Builder {
            config: &config,
            counts: &counts,
            replicas: config.replicas()?,
        };
        let limits = wanted.iter().map(|limit| builder.limit(limit, boot));
        let limits: Vec<Limit> = limits.collect::<Result<_, _>>()?;
        builder.reserve(&limits, boot);
        let smallest = limits
            .iter()
            .flat_map(Limit::tiers)
            .map(|tier| tier.meter.burst())
            .min();
        let smallest = smallest.unwrap_or_default();
        if let Counts::Shared(Shared { batch, .. }) = &counts
            && !(1..=smallest).contains(batch)
        {
            let text = format!("so much cannot be taken ahead: no more than {smallest} may come at once");
            return Err(Problem::at("scope.shared.batch", text).with_help("take a part of the burst"));
        }
        Ok(Self {
            costs: Costs::new(config.cost.as_ref(), smallest, boot)?,
            missing: config.missing,
            headers: config.headers,
            legacy: match config.legacy {
                Legacy::None => None,
                Legacy::XRateLimit => Some(LegacyFields::X),
                Legacy::Triple => Some(LegacyFields::TRIPLE),
            },
            limits,
            counts,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = match &self.counts {
            Counts::Here => hooks.request(Self::charge_here),
            Counts::Sketched(_) => hooks.request(Self::charge_sketch),
            Counts::Shared(_) => hooks.request_or_async(Self::recall, Self::ask_store),
        };
        if self.headers || self.legacy.is_some() {
            hooks.response(Self::tell)
        } else {
            hooks
        }
    }
}

impl Counts {
    fn of(config: &RateConfig, wanted: &[Wanted<'_>], boot: &mut Boot<'_>) -> Result<Self, Problem> {
        match (&config.scope, config.precision, wanted) {
            (Scope::Shared(shared), _, _) => Self::shared(shared, boot),
            (_, Precision::Sketch, [limit]) => {
                let keys = keys(config.remember);
                let burst = limit.burst.unwrap_or(limit.allow.count());
                let meter = limit.meter(&limit.at, limit.allow, Some(burst), config.replicas()?)?;
                boot.reserve("counters of the sketch", Size::from_bytes(Sketch::bound(keys)));
                let gcra = Gcra::new(meter.rate(), meter.burst());
                Ok(Self::Sketched(Sketch::new(gcra, meter.burst(), keys)))
            }
            (Scope::Instance | Scope::Fleet(_), _, _) => Ok(Self::Here),
        }
    }

    fn shared(shared: &SharedConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if boot.id() == RateLimit::NAME {
            let problem = Problem::at("scope.shared", "limits in a store are told apart by their `id`");
            return Err(problem.with_help("write `id: NAME` beside `rate`"));
        }
        let store = boot.store(&shared.store);
        Ok(Self::Shared(Shared {
            store: store.map_err(|problem| problem.with_path("scope.shared.store"))?,
            when_gone: shared.when_gone,
            batch: shared.batch,
            degraded: boot.counter(
                "rate_degraded",
                "Requests that a rate limit decided without its store.",
            ),
        }))
    }
}

/// Builds the limits of a step.
struct Builder<'c> {
    config: &'c RateConfig,
    counts: &'c Counts,
    replicas: u64,
}

impl Builder<'_> {
    fn limit(&self, wanted: &Wanted<'_>, boot: &mut Boot<'_>) -> Result<Limit, Problem> {
        let key = boot.key(wanted.by);
        let key = key.map_err(|problem| problem.with_path(&format!("{}by", wanted.at)))?;
        let name = wanted.id.unwrap_or(boot.id()).to_owned();
        let number = boot.name_limit(&name);
        let usual = self.tier(wanted, (&wanted.at, None), (wanted.allow, wanted.burst), boot)?;
        let mut plans = Vec::new();
        for (name, plan) in wanted.plans {
            let at = format!("{}plans.{name}", wanted.at);
            if !boot.consumers().has_plan(name) {
                let problem = Problem::at(&at, format!("there is no plan `{name}`"));
                return Err(problem.with_help("name it under `plans` of the file"));
            }
            let place = (&*format!("{at}."), Some(&**name));
            let tier = self.tier(wanted, place, (plan.allow, plan.burst), boot)?;
            plans.push((Box::from(name.as_str()), tier));
        }
        Ok(Limit {
            key,
            identity: (!plans.is_empty()).then(|| boot.reads::<Identity>()),
            usual,
            plans,
            number,
            left: boot.word(),
        })
    }

    /// The numbers that stand at a place of the configuration, for a plan or for everybody.
    fn tier(
        &self,
        wanted: &Wanted<'_>,
        (at, plan): (&str, Option<&str>),
        (allow, burst): (Rate, Option<u64>),
        boot: &mut Boot<'_>,
    ) -> Result<Tier, Problem> {
        let whole = wanted.meter(at, allow, burst, 1)?;
        let meter = wanted.meter(at, allow, burst, self.replicas)?;
        let fingerprint = fingerprint(wanted, &whole, plan, boot.id());
        let counts_here = match self.counts {
            Counts::Here => true,
            Counts::Sketched(_) => false,
            Counts::Shared(shared) => shared.when_gone == WhenGone::Local,
        };
        let exact = counts_here.then(|| self.exact(meter, &fingerprint, boot));
        let held = matches!(self.counts, Counts::Shared(_));
        let held = held.then(|| {
            let window = Wait::from(meter.window());
            Held::new(keys(self.config.remember), seeds(boot), meter.interval(), window)
        });
        let name = wanted.id.unwrap_or(boot.id());
        Ok(Tier {
            fields: QuotaFields::new(name, whole.burst(), whole.refill()),
            meter,
            fingerprint,
            exact,
            held,
        })
    }

    fn exact(&self, meter: Meter, fingerprint: &str, boot: &mut Boot<'_>) -> Arc<Exact> {
        let forgotten = boot.counter(
            "rate_forgotten",
            "Keys of a rate limit that were forgotten with debt.",
        );
        let seeds = seeds(boot);
        let exact = Arc::new(Exact::new(meter, keys(self.config.remember), seeds, forgotten));
        boot.keep(fingerprint, Arc::clone(&exact) as _);
        exact
    }

    /// Tells how much all tables together may take.
    fn reserve(&self, limits: &[Limit], boot: &mut Boot<'_>) {
        let table = Table::bound(keys(self.config.remember));
        let tables = |has: fn(&Tier) -> bool| {
            let tables = limits
                .iter()
                .flat_map(Limit::tiers)
                .filter(|tier| has(tier))
                .count();
            Size::from_bytes(table.saturating_mul(u64::try_from(tables).unwrap_or(u64::MAX)))
        };
        for (what, size) in [
            ("remembered keys", tables(|tier| tier.exact.is_some())),
            ("what is known of the store", tables(|tier| tier.held.is_some())),
        ] {
            if size.bytes() > 0 {
                boot.reserve(what, size);
            }
        }
    }
}

fn keys(remember: u32) -> usize {
    usize::try_from(remember).unwrap_or(usize::MAX)
}

fn seeds(boot: &mut Boot<'_>) -> [u64; 2] {
    let random = boot.random();
    [(); 2].map(|()| {
        let mut seed = [0; 8];
        random.fill(&mut seed);
        u64::from_ne_bytes(seed)
    })
}

/// Changes with the meaning of the state and with nothing else in the file.
fn fingerprint(wanted: &Wanted<'_>, whole: &Meter, plan: Option<&str>, step: &str) -> String {
    let name = match (wanted.id, plan) {
        (None, None) => step.to_owned(),
        (Some(id), None) => format!("{step}/{id}"),
        (None, Some(plan)) => format!("{step}//{plan}"),
        (Some(id), Some(plan)) => format!("{step}/{id}/{plan}"),
    };
    format!("rate/{name}/{}/{whole}", wanted.by.words().join("+"))
}

impl RateLimit {
    const EXHAUSTED: Reason = Reason::new("exhausted", 429, "too many requests in a short time");
    const KEY_MISSING: Reason = Reason::new("key-missing", 400, "the request lacks what it is counted by");
    const UNIDENTIFIED: Reason = Reason::new("unidentified", 503, "the caller to be counted is not known");
    const STORE_GONE: Reason = Reason::new("store-gone", 503, "requests cannot be counted at the moment");

    fn charge_here(&self, request: &mut Request) -> Verdict {
        let mut round = Round::new(request, self.missing, self.costs.of(request));
        ask_here(&self.limits, 0, &mut round);
        round.conclude(&self.limits)
    }

    fn charge_sketch(&self, request: &mut Request) -> Verdict {
        let (Counts::Sketched(sketch), [limit]) = (&self.counts, self.limits.as_slice()) else {
            return Self::UNIDENTIFIED.fault();
        };
        let mut round = Round::new(request, self.missing, 1);
        limit.key.of(request, |key| {
            if let limits::Counted::By(key) = round.counted(key) {
                round.note(0, 0, sketch.charge(key, request.now()));
            }
        });
        round.conclude(&self.limits)
    }

    fn recall(&self, request: &mut Request) -> Option<Verdict> {
        let Counts::Shared(shared) = &self.counts else {
            return None;
        };
        let mut round = Round::new(request, self.missing, self.costs.of(request));
        shared.recall(&self.limits, &mut round)
    }

    async fn ask_store(&self, request: &mut Request) -> Verdict {
        let Counts::Shared(shared) = &self.counts else {
            return Self::UNIDENTIFIED.fault();
        };
        shared.ask(self, request, self.costs.of(request)).await
    }

    fn tell(&self, response: &mut Response<'_>) -> Verdict {
        let mut least: Option<(Left, &QuotaFields)> = None;
        for limit in &self.limits {
            let Some(left) = Left::from_word(response.word(limit.left)) else {
                continue;
            };
            let fields = &limit.tier_at(left.tier()).fields;
            if self.headers {
                fields.write(response, left);
            }
            if least.is_none_or(|(other, _)| left.requests() < other.requests()) {
                least = Some((left, fields));
            }
        }
        if let (Some(legacy), Some((left, fields))) = (&self.legacy, least) {
            legacy.write(response, left, fields.quota());
        }
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests;
