//! Limits that instances share: what is known here is answered here, and the store is asked about the rest.
//!
//! Whatever happens to the store, the file says what becomes of the request.

use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::{Charge, Charged, Counter, Store};

use super::RateLimit;
use super::config::WhenGone;
use super::limits::{Counted, Limit, Round, Tier, ask_here};
use crate::gcra::{Answer, Wait};
use crate::held::Begun;

/// What a limit in a store needs.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) when_gone: WhenGone,
    /// Most that is taken ahead.
    pub(super) batch: u64,
    /// Requests that were decided without the store.
    pub(super) degraded: Counter,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("when_gone", &self.when_gone)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

/// A limit on which a request waits.
struct Part {
    number: usize,
    begun: Begun,
}

impl Shared {
    /// The verdict, when no store is needed for it.
    pub(super) fn recall(&self, limits: &[Limit], round: &mut Round<'_>) -> Option<Verdict> {
        let mut lacks = false;
        ask_held(limits, 0, round, &mut lacks);
        (round.is_decided() || !lacks).then(|| round.conclude(limits))
    }

    /// The verdict of the store. One question, whatever the number of limits.
    pub(super) async fn ask(&self, filter: &RateLimit, request: &Request, cost: u64) -> Verdict {
        let limits = &filter.limits;
        let mut round = Round::new(request, filter.missing, cost);
        let (parts, charges) = self.begin(limits, &mut round);
        if round.is_decided() || charges.is_empty() {
            return finish(limits, &parts, &round);
        }
        match self.store.charge(charges, request.wall()).await {
            Ok(answers) => {
                self.read(limits, &parts, &answers, &mut round);
                finish(limits, &parts, &round)
            }
            Err(_) => {
                self.degraded.add_one();
                round.passes = false;
                let _ = finish(limits, &parts, &round);
                self.without(filter, request, cost)
            }
        }
    }

    /// What the file says about a request that the store does not decide. The store's fault is counted there.
    fn without(&self, filter: &RateLimit, request: &Request, cost: u64) -> Verdict {
        match self.when_gone {
            WhenGone::Deny => RateLimit::STORE_GONE.deny(),
            WhenGone::Allow => Verdict::Pass,
            WhenGone::Local => {
                let mut round = Round::new(request, filter.missing, cost);
                ask_here(&filter.limits, 0, &mut round);
                round.conclude(&filter.limits)
            }
        }
    }

    /// Takes what is here, and says what the store is to be asked.
    fn begin(&self, limits: &[Limit], round: &mut Round<'_>) -> (Vec<Part>, Vec<Charge>) {
        let (mut parts, mut charges) = (Vec::new(), Vec::new());
        let (request, cost) = (round.request, round.cost);
        for (number, limit) in limits.iter().enumerate() {
            limit.key.of(request, |key| {
                let Counted::By(key) = round.counted(key) else {
                    return;
                };
                let (which, tier) = limit.tier(request);
                let Some(held) = &tier.held else {
                    round.fail();
                    return;
                };
                let begun = held.begin(key, cost, request.now(), self.batch > 1);
                match begun {
                    Begun::Taken { remaining } => {
                        let next = tier.meter.interval();
                        round.note(number, which, Answer::Pass { remaining, next });
                    }
                    Begun::Ask { ahead } => charges.push(Charge {
                        key: tier.name_of(key).to_vec().into(),
                        measure: tier.meter.measure(),
                        cost: if ahead { self.batch.max(cost) } else { cost },
                        at_least: cost,
                    }),
                }
                parts.push(Part { number, begun });
            });
        }
        (parts, charges)
    }

    /// Takes the answers down, and keeps what they are worth to requests to come.
    fn read(&self, limits: &[Limit], parts: &[Part], answers: &[Charged], round: &mut Round<'_>) {
        let is_charged = answers
            .iter()
            .all(|answer| matches!(answer, Charged::Pass { .. }));
        let (request, cost) = (round.request, round.cost);
        let asked = parts
            .iter()
            .filter(|part| matches!(part.begun, Begun::Ask { .. }));
        for (part, answer) in asked.zip(answers) {
            let Some(limit) = limits.get(part.number) else {
                continue;
            };
            let (which, tier) = limit.tier(request);
            match *answer {
                Charged::Pass {
                    granted,
                    remaining,
                    next,
                } => {
                    let next = Wait::from(next);
                    let more = granted.saturating_sub(cost);
                    let remaining = remaining.saturating_add(more);
                    round.note(part.number, which, Answer::Pass { remaining, next });
                    if is_charged && more > 0 {
                        with_key(limit, round, |tier, key| {
                            if let Some(held) = &tier.held {
                                held.granted(key, more, remaining - more, request.now());
                            }
                        });
                    }
                }
                Charged::Deny { wait } => {
                    // No cost is more than the burst, so there is always a time.
                    let wait = wait.map_or_else(|| tier.meter.refill(), Wait::from);
                    round.note(part.number, which, Answer::Deny { wait });
                    with_key(limit, round, |tier, key| {
                        if let Some(held) = &tier.held {
                            held.refused(key, cost, request.now(), wait);
                        }
                    });
                }
            }
        }
    }
}

/// Calls `with` with the key of a request that this limit counts.
fn with_key(limit: &Limit, round: &mut Round<'_>, with: impl FnOnce(&Tier, &[u8])) {
    let request = round.request;
    limit.key.of(request, |key| {
        if let Counted::By(key) = round.counted(key) {
            with(limit.tier(request).1, key);
        }
    });
}

/// Ends what was begun: gives back what was taken for a request that does not pass, and lets others ask ahead.
fn finish(limits: &[Limit], parts: &[Part], round: &Round<'_>) -> Verdict {
    let now = round.request.now();
    let mut again = Round::new(round.request, round.missing, round.cost);
    for part in parts {
        let Some(limit) = limits.get(part.number) else {
            continue;
        };
        with_key(limit, &mut again, |tier, key| match (&tier.held, part.begun) {
            (Some(held), Begun::Taken { .. }) if !round.passes => held.give_back(key, round.cost, now),
            (Some(held), Begun::Ask { ahead: true }) => held.end(key, now),
            (Some(_) | None, _) => {}
        });
    }
    round.conclude(limits)
}

/// Asks what is here, from the limit at `number` on. `true` when the request is charged.
fn ask_held(limits: &[Limit], number: usize, round: &mut Round<'_>, lacks: &mut bool) -> bool {
    let Some(limit) = limits.get(number) else {
        return round.passes && !*lacks;
    };
    let request = round.request;
    limit.key.of(request, |key| match round.counted(key) {
        Counted::By(key) => {
            let (which, tier) = limit.tier(request);
            let Some(held) = &tier.held else {
                return round.fail();
            };
            held.ask(key, round.cost, request.now(), |answer| {
                match answer {
                    Some(answer) => round.note(number, which, answer),
                    None => *lacks = true,
                }
                ask_held(limits, number + 1, round, lacks)
            })
        }
        Counted::Not => ask_held(limits, number + 1, round, lacks),
        Counted::Stopped => false,
    })
}
