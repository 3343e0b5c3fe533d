//! What stands before a step that answers preflights: nothing that would refuse them.
//!
//! Runs while a file is compiled; answers nothing.

use adamant_filter::{Preflights, Problem, Role};

use super::compile::Compiler;
use super::stage::{Placed, Stage};
use crate::config::Route;

impl Compiler<'_> {
    /// A preflight carries no credentials and another method than the request that it asks for. It is routed as if it
    /// were that request, so whoever answers it must always run, and nothing before it may refuse it.
    pub(super) fn check_preflights(&mut self, route: &Route, stages: &[Stage]) {
        let mut before: Vec<&Placed> = Vec::new();
        let mut answered = false;
        for stage in stages {
            let mut leaves = Vec::new();
            stage.leaves(&mut leaves);
            for placed in leaves.iter().filter(|placed| answers(placed)) {
                let found = if answered {
                    Some(second(placed))
                } else if !matches!(stage, Stage::One(placed) if placed.when.is_none() && !placed.shadow) {
                    Some(uncertain(placed))
                } else {
                    before
                        .iter()
                        .find(|placed| refuses(placed))
                        .map(|first| behind(placed, first))
                };
                answered = true;
                if let Some(problem) = found {
                    let span = self.span(placed.instance.step);
                    self.problems
                        .push(problem.with_span(span).with_second(route.span, "on this route"));
                }
            }
            before.extend(leaves);
        }
    }
}

fn answers(placed: &Placed) -> bool {
    placed.instance.needs.preflights == Preflights::Answers
}

/// Shadow refuses nobody.
fn refuses(placed: &Placed) -> bool {
    let is_certain_to = matches!(placed.instance.role, Role::Authenticate | Role::Authorize)
        || placed.instance.needs.preflights == Preflights::Refuses;
    is_certain_to && !placed.shadow
}

fn behind(placed: &Placed, first: &Placed) -> Problem {
    let (filter, first) = (placed.instance.filter, first.instance.filter);
    Problem::new(
        "order.preflight",
        format!(
            "`{filter}` stands behind `{first}`, which refuses the preflights that `{filter}` is to answer"
        ),
    )
    .with_help(format!("put `{filter}` above `{first}`"))
}

fn uncertain(placed: &Placed) -> Problem {
    let filter = placed.instance.filter;
    Problem::new(
        "order.preflight-uncertain",
        format!("`{filter}` answers preflights, so it has to run for every request of its route"),
    )
    .with_help("write it without `when` and `shadow`, and not in a group")
}

fn second(placed: &Placed) -> Problem {
    let filter = placed.instance.filter;
    Problem::new(
        "order.preflight-answered",
        format!("a second `{filter}` never sees a preflight: the first one answers them all"),
    )
    .with_help("keep one of them")
}
