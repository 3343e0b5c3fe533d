//! Names of limits: on a route no two are the same, since clients are told what is left by name, and which one refused
//! them.
//!
//! It knows names alone, not what they limit. Steps in shadow tell clients nothing, so theirs do not count.

use std::collections::HashMap;
use std::sync::Arc;

use adamant_filter::{Problem, Span};

use super::stage::{Stage, StepInfo};
use crate::config::Route;

/// What is wrong with the names on this route.
pub(super) fn problems(route: &Route, stages: &[Stage], steps: &[StepInfo]) -> Vec<Problem> {
    let mut leaves = Vec::new();
    stages.iter().for_each(|stage| stage.leaves(&mut leaves));
    let told = leaves.into_iter().filter(|placed| !placed.shadow);
    let infos = told.filter_map(|placed| steps.get(placed.instance.step.0 as usize));
    let mut seen: HashMap<&Arc<str>, Span> = HashMap::new();
    let mut problems = Vec::new();
    for info in infos {
        for name in &info.limits {
            let Some(first) = seen.insert(name, info.span) else {
                continue;
            };
            let text = format!("two limits of the route `{}` are named `{name}`", route.name);
            let problem = Problem::new("names.duplicate-limit", text).with_span(info.span);
            let problem = problem.with_second(first, "the other one");
            problems.push(problem.with_help(
                "clients are told by this name which limit refused them: write an `id: NAME` beside one of the steps",
            ));
        }
    }
    problems
}
