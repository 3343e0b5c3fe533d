//! One request with its response, as the plan sees it: the request, what was decided, and why.
//!
//! An exchange owns memory that the next exchange on the same thread uses again; it knows no carrier.

use std::sync::Arc;

use adamant_filter::{Fields, Origin, Reason, Reply, Request, Role};

use super::aside::Aside;
use super::condition::Condition;
use super::group::Answered;
use super::stage::StepId;
use crate::config::ListenerId;

/// Decisions that one exchange remembers; more are counted but not listed.
const DECISIONS_MAX: usize = 64;

/// A request on its way through a plan.
#[derive(Debug)]
pub struct Exchange {
    /// The request with its facts.
    pub request: Request,
    /// The listener that accepted it.
    pub listener: Option<ListenerId>,
    /// Position of the matched route.
    pub route: Option<usize>,
    /// Whether the body of the answer that passed the response moment is to be held.
    pub holding: Option<Holding>,
    decisions: Vec<Decision>,
    /// Whether a `when` fitted the request when its first step was come to, by the address of the condition. Asked
    /// once: steps change the head, and all steps and moments that it gates must go by the same answer.
    conditions: Vec<(usize, bool)>,
    /// The way into groups to the hook that must wait, the innermost first.
    frames: Vec<Frame>,
    /// The body as steps in shadow see it.
    pub(super) aside: Aside,
}

/// Where in a group a hook must wait, and what is known until then.
#[derive(Debug)]
pub(crate) enum Frame {
    /// All branches before this one have passed.
    AllOf {
        /// The branch.
        branch: usize,
    },
    /// All branches before this one have refused.
    AnyOf {
        /// The branch.
        branch: usize,
        /// What the branches before have said.
        answered: Answered,
    },
}

/// What one step decided.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    /// The step.
    pub step: StepId,
    /// What it said.
    pub outcome: Outcome,
    /// Why, unless it passed.
    pub reason: Option<&'static Reason>,
}

/// What a step's verdict came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Went on.
    Passed,
    /// Refused.
    Denied,
    /// Answered by itself.
    Replied,
    /// Could not decide, and the file says to refuse.
    FaultDenied,
    /// Could not decide, and the file says to go on.
    FaultPassed,
    /// Runs in shadow and would have refused.
    WouldDeny,
}

impl Outcome {
    /// All outcomes, in the order of [`Outcome::index`].
    pub const ALL: [Self; 6] = [
        Self::Passed,
        Self::Denied,
        Self::Replied,
        Self::FaultDenied,
        Self::FaultPassed,
        Self::WouldDeny,
    ];

    /// The outcome as a word for logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Denied => "deny",
            Self::Replied => "reply",
            Self::FaultDenied => "fault-deny",
            Self::FaultPassed => "fault-pass",
            Self::WouldDeny => "would-deny",
        }
    }

    /// Position in [`Outcome::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What the request moment came to.
#[derive(Debug)]
pub enum Decided {
    /// Every filter passed: the route's action is next.
    Go,
    /// The request is refused.
    Refuse(Refusal),
    /// A filter answered.
    Reply(Box<Reply>),
}

/// That the body of an answer is held before its head leaves: what the response hooks asked for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Bytes that are held at most.
    pub at_most: u64,
    /// Who refuses a longer body, and why; `None` where it goes on piece by piece.
    pub over: Option<(&'static str, &'static Reason)>,
}

impl Holding {
    /// The wishes of two steps as one. Of those who refuse what is longer, the strictest one rules; of those who let
    /// it pass, the one that wants to see most.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self.over, other.over) {
            (Some(_), None) => self,
            (None, Some(_)) => other,
            (Some(_), Some(_)) if self.at_most <= other.at_most => self,
            (None, None) if self.at_most >= other.at_most => self,
            _ => other,
        }
    }
}

/// A refusal: who, why, and what the answer must carry.
#[derive(Debug)]
pub struct Refusal {
    /// Word of the filter, or of the part of the engine, that refused.
    pub by: &'static str,
    /// The constant cause.
    pub reason: &'static Reason,
    /// Fields that the answer must carry.
    pub fields: Fields,
    /// What the filter is for; `None` for a part of the engine.
    pub(crate) role: Option<Role>,
}

impl Refusal {
    /// A refusal by a part of the engine.
    #[must_use]
    pub const fn new(by: &'static str, reason: &'static Reason) -> Self {
        Self {
            by,
            reason,
            fields: Vec::new(),
            role: None,
        }
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            request: Request::empty(),
            listener: None,
            route: None,
            holding: None,
            decisions: Vec::with_capacity(DECISIONS_MAX),
            conditions: Vec::new(),
            frames: Vec::new(),
            aside: Aside::default(),
        }
    }
}

impl Exchange {
    /// Starts anew for a request from `origin`.
    pub fn begin(&mut self, origin: Origin, slots: usize, words: usize) {
        self.request.begin(origin, slots, words);
        self.listener = None;
        self.route = None;
        self.holding = None;
        self.decisions.clear();
        self.conditions.clear();
        self.frames.clear();
        self.aside.clear();
    }

    /// Lets go of everything that this exchange referred to.
    pub fn end(&mut self) {
        self.request.end();
        self.decisions.clear();
        self.aside.clear();
    }

    /// What the steps decided, in order.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// A hook of this group must wait.
    pub(crate) fn waits_in(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// The group that is gone on with, if one is.
    pub(crate) fn waited_in(&mut self, is_gone_on_with: bool) -> Option<Frame> {
        if is_gone_on_with { self.frames.pop() } else { None }
    }

    /// Whether this `when` fitted; `None` when no step of it was come to.
    pub(crate) fn fitted(&self, when: &Arc<Condition>) -> Option<bool> {
        let address = Arc::as_ptr(when).addr();
        let known = self.conditions.iter().find(|(known, _)| *known == address);
        known.map(|(_, fitted)| *fitted)
    }

    /// Keeps whether this `when` fits.
    pub(crate) fn keep_fitted(&mut self, when: &Arc<Condition>, fitted: bool) {
        self.conditions.push((Arc::as_ptr(when).addr(), fitted));
    }

    /// A response hook wants the body held.
    pub(crate) fn hold(&mut self, wish: Holding) {
        self.holding = Some(self.holding.map_or(wish, |known| known.join(wish)));
    }

    pub(crate) fn decide(&mut self, step: StepId, outcome: Outcome, reason: Option<&'static Reason>) {
        // The capacity was taken once; a longer list would allocate on the request path.
        if self.decisions.len() < DECISIONS_MAX {
            self.decisions.push(Decision {
                step,
                outcome,
                reason,
            });
        }
    }
}
