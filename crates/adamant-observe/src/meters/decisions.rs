//! Counts of decisions by step, outcome and reason: a flat row of cells per step.
//!
//! A reason is one of those that the step declared; one that it did not declare is counted as `_OTHER`,
//! so a filter cannot make series either.

use std::sync::Arc;

use adamant_filter::Reason;

use super::counters::{Cell, Counters, Places};
use super::inventory::{FilterLabels, FilterMeter};

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// What a step's verdict came to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outcome { $($(#[$doc])* $name,)* }

        impl Outcome {
            /// All outcomes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The spelling in metrics.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

outcomes! {
    /// Went on.
    Passed = "pass",
    /// Refused.
    Denied = "deny",
    /// Answered by itself.
    Replied = "reply",
    /// Could not decide, and the file says to refuse.
    FaultDenied = "fault-deny",
    /// Could not decide, and the file says to go on.
    FaultPassed = "fault-pass",
    /// Runs in shadow and would have refused.
    WouldDeny = "would-deny",
}

/// Outcomes that have no reason: pass and reply.
const UNREASONED: usize = 2;

/// Outcomes that have a reason.
const REASONED: [Outcome; 4] = [
    Outcome::Denied,
    Outcome::FaultDenied,
    Outcome::FaultPassed,
    Outcome::WouldDeny,
];

/// The spelling of a reason that was not declared.
const OTHER: &str = "_OTHER";

/// Where the decisions of all steps are counted.
#[derive(Debug)]
pub(super) struct Decisions {
    rows: Box<[Row]>,
}

/// The cells of one step id: pass, reply, then four per reason, then four for undeclared reasons.
#[derive(Debug)]
struct Row {
    id: Arc<str>,
    is_step: bool,
    reasons: Box<[&'static Reason]>,
    first: Cell,
}

/// One counted kind of decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecisionTotal<'d> {
    pub(crate) filter: &'d str,
    pub(crate) decision: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) count: u64,
}

impl Decisions {
    pub(super) fn new(filters: Vec<FilterLabels>, places: &mut Places) -> Self {
        let row = |labels: FilterLabels| Row {
            first: places.reserve(UNREASONED + (labels.reasons.len() + 1) * REASONED.len()),
            id: labels.id,
            is_step: labels.is_step,
            reasons: labels.reasons.into(),
        };
        Self {
            rows: filters.into_iter().map(row).collect(),
        }
    }

    /// The cell of a decision.
    #[inline]
    pub(super) fn cell(&self, step: FilterMeter, outcome: Outcome, reason: Option<&Reason>) -> Option<Cell> {
        let row = self.rows.get(step.0 as usize)?;
        let column = match outcome {
            Outcome::Passed => return Some(row.first),
            Outcome::Replied => return Some(row.first.plus(1)),
            Outcome::Denied => 0,
            Outcome::FaultDenied => 1,
            Outcome::FaultPassed => 2,
            Outcome::WouldDeny => 3,
        };
        Some(
            row.first
                .plus(UNREASONED + row.position(reason) * REASONED.len() + column),
        )
    }

    /// What was counted. Refusals that can happen are there from the beginning, with zero, so that their
    /// first increase is seen; what only a mode or a mistake can bring appears when it does.
    pub(super) fn totals<'d>(&'d self, counters: &Counters) -> Vec<DecisionTotal<'d>> {
        let mut totals = Vec::new();
        for row in &self.rows {
            let mut push = |outcome: Outcome, reason, cell, is_expected: bool| {
                let count = counters.sum(cell);
                if is_expected || count > 0 {
                    totals.push(DecisionTotal {
                        filter: &row.id,
                        decision: outcome.label(),
                        reason,
                        count,
                    });
                }
            };
            push(Outcome::Passed, "", row.first, row.is_step);
            push(Outcome::Replied, "", row.first.plus(1), false);
            let declared = row.reasons.iter().map(|reason| reason.code());
            for (position, reason) in declared.chain([OTHER]).enumerate() {
                for (column, outcome) in REASONED.into_iter().enumerate() {
                    let cell = row.first.plus(UNREASONED + position * REASONED.len() + column);
                    push(
                        outcome,
                        reason,
                        cell,
                        outcome == Outcome::Denied && reason != OTHER,
                    );
                }
            }
        }
        totals
    }
}

impl Row {
    /// Position of a declared reason; behind the last one for any other.
    fn position(&self, reason: Option<&Reason>) -> usize {
        // A constant has no fixed address, so pointers only make the comparison short.
        let is_same =
            |known: &&Reason| reason.is_some_and(|r| std::ptr::eq(*known, r) || known.code() == r.code());
        self.reasons
            .iter()
            .position(is_same)
            .unwrap_or(self.reasons.len())
    }
}
