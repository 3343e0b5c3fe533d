//! What `any-of` makes of its branches: which of their answers the client learns, and what is taken away when one passed.
//!
//! Runs no hook that decides. The order in which branches are asked is that of the file and is kept elsewhere.

use adamant_filter::{Mark, Role};
use http::header::{HeaderValue, WWW_AUTHENTICATE};

use super::exchange::{Decided, Exchange, Refusal};
use super::stage::{Placed, Stage};

/// What the branches of a group have answered that did not pass, and to what the request goes back for the next.
#[derive(Debug)]
pub(crate) struct Answered {
    mark: Mark,
    told: Option<Decided>,
}

impl Answered {
    /// None so far.
    pub(crate) fn none(exchange: &mut Exchange) -> Self {
        Self {
            mark: exchange.request.mark(),
            told: None,
        }
    }

    /// Takes the answer of a branch that refused, and puts back what the branch has changed. An answer that is no
    /// refusal comes back: it ends the group.
    pub(crate) fn take(&mut self, decided: Decided, exchange: &mut Exchange) -> Option<Decided> {
        let is_final = match &decided {
            Decided::Go => true,
            Decided::Reply(reply) => !reply.refuses,
            Decided::Refuse(_) => false,
        };
        if is_final {
            return Some(decided);
        }
        exchange.request.undo(self.mark);
        self.told = Some(match self.told.take() {
            Some(before) => merge(before, decided),
            None => decided,
        });
        None
    }

    /// What the client learns when no branch has passed.
    pub(crate) fn told(self) -> Option<Decided> {
        self.told
    }
}

/// Takes away what the other branches would have taken for a credential: they have refused it or never looked at it,
/// and the upstream could believe it.
pub(crate) fn conceal_others(branches: &[Stage], passed: usize, exchange: &mut Exchange) {
    let others = branches
        .iter()
        .enumerate()
        .filter(|(branch, _)| *branch != passed);
    others.for_each(|(_, stage)| conceal(stage, exchange));
}

fn conceal(stage: &Stage, exchange: &mut Exchange) {
    match stage {
        Stage::One(placed) if acts(placed, exchange) => {
            let hooks = placed.instance.wired.conceal.iter();
            hooks.for_each(|hook| hook(&mut exchange.request));
        }
        Stage::One(_) => {}
        Stage::AnyOf(branches) | Stage::AllOf(branches) => {
            branches.iter().for_each(|stage| conceal(stage, exchange));
        }
    }
}

/// Whether a step may change the request: it is not in shadow, and its `when`, which it shares with the branch that
/// passed, fitted.
fn acts(placed: &Placed, exchange: &Exchange) -> bool {
    let fitted = placed
        .when
        .as_ref()
        .is_none_or(|when| exchange.fitted(when) != Some(false));
    fitted && !placed.shadow
}

/// Of several branches that refused, the one tells why that could not decide; then one for which the client brought a
/// credential; one that lacks a credential goes before one that has nothing to do with credentials, since the client
/// can bring one (RFC 9110 §15.5.2). The challenges of all are kept.
fn merge(before: Decided, next: Decided) -> Decided {
    let (earlier, later) = (concerns(&before), concerns(&next));
    let (told, other) = if later > earlier || (later == earlier && later == Concerns::NoCredential) {
        (next, before)
    } else {
        (before, next)
    };
    let Decided::Refuse(mut told) = told else {
        return told;
    };
    if told.reason.status() == 401
        && let Decided::Refuse(other) = other
    {
        let is_new = |value: &HeaderValue| !told.fields.iter().any(|(_, known)| known == value);
        let challenges = other.fields.into_iter();
        let challenges: Vec<_> = challenges
            .filter(|(name, value)| *name == WWW_AUTHENTICATE && is_new(value))
            .collect();
        told.fields.extend(challenges);
    }
    Decided::Refuse(told)
}

/// What a refusal is about, in the order in which a client should learn it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Concerns {
    SomethingElse,
    NoCredential,
    /// A way to get one, such as a redirect to where people sign in.
    SignIn,
    /// One that another branch may judge.
    OtherCredential,
    Credential,
    /// Nobody can say that the credential is bad, so it must not be thrown away.
    Undecided,
}

fn concerns(decided: &Decided) -> Concerns {
    match decided {
        Decided::Refuse(refusal) => refused_for(refusal),
        Decided::Reply(_) => Concerns::SignIn,
        Decided::Go => Concerns::SomethingElse,
    }
}

fn refused_for(refusal: &Refusal) -> Concerns {
    match refusal.role {
        Some(Role::Authenticate | Role::Authorize) if refusal.reason.status() >= 500 => Concerns::Undecided,
        Some(Role::Authenticate) if refusal.reason.code() == "missing" => Concerns::NoCredential,
        Some(Role::Authenticate) if refusal.reason.code() == "issuer" => Concerns::OtherCredential,
        Some(Role::Authenticate | Role::Authorize) => Concerns::Credential,
        Some(Role::Limit | Role::Guard | Role::Shape | Role::Observe) | None => Concerns::SomethingElse,
    }
}
