//! Compiled steps: an instance of a filter with its hooks, and the generic keys that gate it.

use std::sync::Arc;

use adamant_filter::{Hold, Needs, Over, Reason, Role, Span, Wired};

use super::condition::Condition;
use super::exchange::Holding;
use crate::config::OnFault;

/// Position of a step in [`Plan::steps`](super::Plan::steps); one per use in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub u32);

/// What is known of a step for logs, metrics and people.
#[derive(Debug)]
pub struct StepInfo {
    /// The filter's word.
    pub filter: &'static str,
    /// Its `id`, or the filter's word.
    pub id: Arc<str>,
    /// What the filter is for.
    pub role: Role,
    /// Why it may refuse.
    pub reasons: &'static [&'static Reason],
    /// Names of its limits, as clients are told them.
    pub limits: Vec<Arc<str>>,
    /// The policy in which it stands, unless it is inline.
    pub policy: Option<Arc<str>>,
    /// Place of the filter's word in the file.
    pub span: Span,
}

/// One built filter. Users of the same named policy share it.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) step: StepId,
    pub(crate) role: Role,
    pub(crate) filter: &'static str,
    pub(crate) wired: Wired,
    pub(crate) needs: Needs,
}

/// An instance on a route, with the generic keys in force there.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) instance: Arc<Instance>,
    /// Shared by all steps for which one `when` of the file holds.
    pub(crate) when: Option<Arc<Condition>>,
    pub(crate) shadow: bool,
    pub(crate) on_fault: OnFault,
}

impl Placed {
    /// Whether the step certainly decides: no condition, no shadow, and a fault refuses.
    pub(crate) const fn is_certain(&self) -> bool {
        self.when.is_none() && !self.shadow && matches!(self.on_fault, OnFault::Deny)
    }

    /// What this step's wish to hold an answer comes to: in shadow it never refuses a long one.
    pub(crate) fn hold(&self, wish: Hold) -> Holding {
        let over = match wish.over {
            Over::Refuse(reason) if !self.shadow => Some((self.instance.filter, reason)),
            Over::Refuse(_) | Over::Pass => None,
        };
        Holding {
            at_most: wish.at_most.bytes(),
            over,
        }
    }
}

/// An entry of a route's request moment.
#[derive(Debug)]
pub(crate) enum Stage {
    /// A filter.
    One(Placed),
    /// Passes when one of its branches passes.
    AnyOf(Vec<Stage>),
    /// Passes when all of its branches pass.
    AllOf(Vec<Stage>),
}

impl Stage {
    /// All filters below, in order.
    pub(crate) fn leaves<'s>(&'s self, into: &mut Vec<&'s Placed>) {
        match self {
            Self::One(placed) => into.push(placed),
            Self::AnyOf(branches) | Self::AllOf(branches) => {
                for branch in branches {
                    branch.leaves(into);
                }
            }
        }
    }
}

/// Adds the slots that a stage has certainly written when it passes.
pub(super) fn certain_writes(stage: &Stage, written: &mut Vec<usize>) {
    match stage {
        Stage::One(placed) if placed.is_certain() => written.extend(&placed.instance.needs.writes),
        Stage::One(_) => {}
        Stage::AllOf(branches) => branches.iter().for_each(|branch| certain_writes(branch, written)),
        Stage::AnyOf(branches) => {
            let of_each: Vec<Vec<usize>> = branches
                .iter()
                .map(|branch| {
                    let mut writes = Vec::new();
                    certain_writes(branch, &mut writes);
                    writes
                })
                .collect();
            let Some((first, others)) = of_each.split_first() else {
                return;
            };
            written.extend(
                first
                    .iter()
                    .filter(|slot| others.iter().all(|writes| writes.contains(slot))),
            );
        }
    }
}

/// Whether passing the stage proves who is calling.
pub(super) fn authenticates(stage: &Stage, identity: Option<usize>) -> bool {
    match stage {
        Stage::One(placed) => {
            placed.instance.role == Role::Authenticate
                && placed.is_certain()
                && identity.is_some_and(|slot| placed.instance.needs.writes.contains(&slot))
        }
        Stage::AllOf(branches) => branches.iter().any(|branch| authenticates(branch, identity)),
        Stage::AnyOf(branches) => {
            !branches.is_empty() && branches.iter().all(|branch| authenticates(branch, identity))
        }
    }
}
