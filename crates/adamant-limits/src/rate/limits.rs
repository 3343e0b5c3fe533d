//! The limits of a step: all are asked about a request, then all are charged, or none.
//!
//! While one is asked, its key is held, and the next is asked meanwhile; the order is always that of the file, so
//! that no two requests wait for each other.

use std::sync::Arc;

use adamant_filter::prelude::*;
use sha2::{Digest, Sha256};

use super::RateLimit;
use super::fields::{Left, QuotaFields, retry_after};
use super::wanted::LIMITS_MAX;
use crate::exact::Exact;
use crate::gcra::{Answer, Wait};
use crate::held::Held;
use crate::keyed::Missing;
use crate::meter::Meter;

/// One limit with its state.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) key: Key,
    /// Whom plans belong to; only where there are plans.
    pub(super) identity: Option<Reads<Identity>>,
    pub(super) usual: Tier,
    pub(super) plans: Vec<(Box<str>, Tier)>,
    /// Its number among those that are named.
    pub(super) number: u8,
    /// What is left, for the answer's fields.
    pub(super) left: Word,
}

/// The numbers of a limit for everybody or for one plan, and who came.
#[derive(Debug)]
pub(super) struct Tier {
    pub(super) meter: Meter,
    /// Changes with the meaning of the state and with nothing else.
    pub(super) fingerprint: String,
    /// Counts of this instance; none where a store counts and nothing takes its place.
    pub(super) exact: Option<Arc<Exact>>,
    /// What is known of the store's counts.
    pub(super) held: Option<Held>,
    pub(super) fields: QuotaFields,
}

impl Tier {
    /// The name of a key's state in a store. Whatever a key is made of, nobody reads it there.
    pub(super) fn name_of(&self, key: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.fingerprint.len().to_be_bytes());
        digest.update(&self.fingerprint);
        digest.update(key);
        digest.finalize().into()
    }
}

impl Limit {
    /// The numbers that hold for whoever sends this request, and which of them it is.
    pub(super) fn tier(&self, request: &Request) -> (u8, &Tier) {
        let plan = self.identity.as_ref().and_then(|slot| request.get(slot)?.plan());
        let found = plan.and_then(|plan| (1..).zip(&self.plans).find(|(_, (name, _))| **name == *plan));
        match found {
            Some((number, (_, tier))) => (number, tier),
            None => (0, &self.usual),
        }
    }

    /// The numbers of that place.
    pub(super) fn tier_at(&self, number: u8) -> &Tier {
        let plan = usize::from(number)
            .checked_sub(1)
            .and_then(|at| self.plans.get(at));
        plan.map_or(&self.usual, |(_, tier)| tier)
    }

    /// All numbers.
    pub(super) fn tiers(&self) -> impl Iterator<Item = &Tier> {
        std::iter::once(&self.usual).chain(self.plans.iter().map(|(_, tier)| tier))
    }
}

/// A request before its limits.
#[derive(Debug)]
pub(super) struct Round<'r> {
    pub(super) request: &'r Request,
    pub(super) missing: Option<Missing>,
    pub(super) cost: u64,
    answers: [Option<(u8, Answer)>; LIMITS_MAX],
    /// No answer that is a refusal.
    pub(super) passes: bool,
    /// Why none can be asked.
    stop: Option<Stop>,
}

/// Why a request cannot be counted.
#[derive(Clone, Copy, Debug)]
enum Stop {
    KeyMissing,
    Unidentified,
}

/// What a limit counts a request by.
pub(super) enum Counted<'k> {
    By(&'k [u8]),
    Not,
    Stopped,
}

impl<'r> Round<'r> {
    pub(super) fn new(request: &'r Request, missing: Option<Missing>, cost: u64) -> Self {
        Self {
            request,
            missing,
            cost,
            answers: [None; LIMITS_MAX],
            passes: true,
            stop: None,
        }
    }

    /// What the limit counts this request by, given the bytes of its key.
    pub(super) fn counted<'k>(&mut self, key: Option<&'k [u8]>) -> Counted<'k> {
        match (key, self.missing) {
            (Some(key), _) => Counted::By(key),
            // No key has no bytes: its parts have lengths.
            (None, Some(Missing::Share)) => Counted::By(&[]),
            (None, Some(Missing::Skip)) => Counted::Not,
            (None, Some(Missing::Deny)) => self.stopped(Stop::KeyMissing),
            // The authentication above faulted, and the file lets its faults pass. Whether this one passes,
            // too, is for the file to say.
            (None, None) => self.stopped(Stop::Unidentified),
        }
    }

    /// Nobody counts this request: it does not pass.
    pub(super) fn fail(&mut self) -> bool {
        let _ = self.stopped(Stop::Unidentified);
        false
    }

    fn stopped<'k>(&mut self, stop: Stop) -> Counted<'k> {
        self.stop = Some(stop);
        self.passes = false;
        Counted::Stopped
    }

    /// Takes the answer of a limit down.
    pub(super) fn note(&mut self, number: usize, tier: u8, answer: Answer) {
        self.passes &= matches!(answer, Answer::Pass { .. });
        if let Some(place) = self.answers.get_mut(number) {
            *place = Some((tier, answer));
        }
    }

    /// Whether no limit counts this request, or one has refused it.
    pub(super) const fn is_decided(&self) -> bool {
        !self.passes
    }

    /// The verdict, and what clients are told.
    pub(super) fn conclude(&self, limits: &[Limit]) -> Verdict {
        match self.stop {
            Some(Stop::KeyMissing) => return RateLimit::KEY_MISSING.deny(),
            Some(Stop::Unidentified) => return RateLimit::UNIDENTIFIED.fault(),
            None => {}
        }
        let mut longest: Option<(Wait, u8)> = None;
        for (limit, answer) in limits.iter().zip(&self.answers) {
            let Some((tier, answer)) = *answer else { continue };
            let left = match answer {
                Answer::Pass { remaining, next } if self.passes => Left::new(remaining, next, tier),
                // It would have let the request pass, and was not charged.
                Answer::Pass { remaining, next } => Left::new(remaining + self.cost, next, tier),
                Answer::Deny { wait } => {
                    // Where several refuse, the one is named that has to be waited for.
                    if longest.is_none_or(|(other, _)| other < wait) {
                        longest = Some((wait, limit.number));
                    }
                    Left::new(0, wait, tier)
                }
            };
            self.request.set_word(limit.left, left.to_word());
        }
        match longest {
            Some((wait, limit)) => RateLimit::EXHAUSTED.deny_limit(limit, vec![retry_after(wait)]),
            None => Verdict::Pass,
        }
    }
}

/// Asks the counts of this instance, from the limit at `number` on. `true` when the request is charged.
pub(super) fn ask_here(limits: &[Limit], number: usize, round: &mut Round<'_>) -> bool {
    let Some(limit) = limits.get(number) else {
        return round.passes;
    };
    let request = round.request;
    limit.key.of(request, |key| match round.counted(key) {
        Counted::By(key) => {
            let (which, tier) = limit.tier(request);
            let Some(exact) = &tier.exact else {
                return round.fail();
            };
            exact.ask(key, round.cost, request.now(), |answer| {
                round.note(number, which, answer);
                ask_here(limits, number + 1, round)
            })
        }
        Counted::Not => ask_here(limits, number + 1, round),
        Counted::Stopped => false,
    })
}
