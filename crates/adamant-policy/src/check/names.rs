//! Names: unique where they must be, and used where they are given.

use std::collections::HashMap;

use adamant_filter::{Problem, Span};

use crate::config::{RouteStep, Step, StepKind};
use crate::language::{Context, Draft, Kind};

/// Routes have different names.
pub(super) fn route_names(draft: &Draft, context: &mut Context<'_>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for route in draft.routes.iter().flatten().map(|draft| &draft.route) {
        if let Some(first) = seen.insert(&route.name, route.span) {
            let message = format!("two routes are named `{}`", route.name);
            let problem = Problem::new("names.duplicate", message).with_span(route.span);
            context.tell(problem.with_second(first, "the other one"));
        }
    }
}

/// An `id` names one step, in logs and in metrics.
pub(super) fn step_ids(draft: &Draft, context: &mut Context<'_>) {
    let mut seen: HashMap<String, Span> = HashMap::new();
    let in_policies = draft.policies.iter().flatten().flat_map(|policy| &policy.steps);
    let in_routes = draft
        .routes
        .iter()
        .flatten()
        .flat_map(|draft| &draft.route.filters)
        .filter_map(|step| match step {
            RouteStep::Inline(step) => Some(step),
            RouteStep::Use { .. } => None,
        });
    for step in in_policies.chain(in_routes) {
        step_id(step, &mut seen, context);
    }
}

/// Groups are nested no deeper than the file is.
fn step_id(step: &Step, seen: &mut HashMap<String, Span>, context: &mut Context<'_>) {
    if let Some(id) = &step.generic.id
        && let Some(first) = seen.insert(id.to_string(), step.span)
    {
        let problem =
            Problem::new("names.duplicate", format!("two steps have the id `{id}`")).with_span(step.span);
        context.tell(problem.with_second(first, "the other one"));
    }
    match &step.kind {
        StepKind::Filter { .. } => {}
        StepKind::AnyOf(steps) | StepKind::AllOf(steps) => {
            for step in steps {
                step_id(step, seen, context);
            }
        }
    }
}

/// What nothing refers to has no effect, and whoever wrote it believes that it has.
pub(super) fn unused(draft: &Draft, context: &mut Context<'_>) {
    for (kind, names) in [
        (Kind::Upstream, &draft.upstream_names),
        (Kind::Policy, &draft.policy_names),
        (Kind::Plan, &draft.plan_names),
    ] {
        for (at, (name, span)) in names.iter().enumerate() {
            if context.is_used(kind, at) {
                continue;
            }
            let user = if kind == Kind::Plan {
                "consumer has"
            } else {
                "route uses"
            };
            let message = format!("no {user} the {} `{name}`", kind.word());
            let help = match kind {
                Kind::Policy => format!("write `use: {name}` in the `filters` of a route, or remove it"),
                Kind::Plan => format!("write `plan: {name}` in a consumer, or remove it"),
                Kind::Upstream | Kind::Listener => format!("write `to: {name}` in a route, or remove it"),
            };
            context.tell(
                Problem::new("names.unused", message)
                    .with_span(*span)
                    .with_help(help),
            );
        }
    }
}

/// A policy has one state; to run it twice would count twice.
pub(super) fn policies_twice(draft: &Draft, context: &mut Context<'_>) {
    for route in draft.routes.iter().flatten().map(|draft| &draft.route) {
        let mut seen: HashMap<usize, Span> = HashMap::new();
        for step in &route.filters {
            let RouteStep::Use { policy, span, .. } = step else {
                continue;
            };
            if let Some(first) = seen.insert(policy.0, *span) {
                let message = format!("the route `{}` uses this policy twice", route.name);
                let problem = Problem::new("routes.policy-twice", message).with_span(*span);
                context.tell(problem.with_second(first, "first used here"));
            }
        }
    }
}
