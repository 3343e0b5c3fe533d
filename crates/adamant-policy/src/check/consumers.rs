//! Consumers: an identity stands for one of them, and something in the file proves it.

use std::collections::HashMap;

use adamant_filter::{Problem, Span};

use crate::config::{KnownBy, RouteStep, Step, StepKind};
use crate::language::{Context, Draft, Words};

/// An identity stands for one consumer, and once.
pub(super) fn identities(draft: &Draft, context: &mut Context<'_>) {
    let mut seen: HashMap<(&str, &str, &str), (&str, Span)> = HashMap::new();
    for consumer in draft.consumers.iter().flatten() {
        for known in &consumer.known_by {
            let Some((other, first)) = seen.insert(known.key(), (&consumer.name, known.span)) else {
                continue;
            };
            let message = if other == &*consumer.name {
                format!("the consumer `{other}` is known by this identity twice")
            } else {
                format!("`{}` and `{other}` are known by the same identity", consumer.name)
            };
            let problem = Problem::new("consumers.twice", message).with_span(known.span);
            context.tell(problem.with_second(first, "the other one"));
        }
    }
}

/// Some step proves each identity; another one would never be met.
pub(super) fn proofs(draft: &Draft, context: &mut Context<'_>) {
    let has_gaps = draft.policies.iter().any(Option::is_none) || draft.routes.iter().any(Option::is_none);
    if has_gaps || context.has_gaps() {
        return;
    }
    let methods = methods(draft, context.words);
    for known in draft.consumers.iter().flatten().flat_map(|one| &one.known_by) {
        let problem = match methods.get(&*known.method) {
            None => Some(
                Problem::new(
                    "consumers.unproved",
                    format!(
                        "no step of the file is `{}`, so nobody is known by it",
                        known.method
                    ),
                )
                .with_span(known.span)
                .with_help("use the filter on a route, or remove this"),
            ),
            Some(method) => method.issuer_problem(known),
        };
        if let Some(problem) = problem {
            context.tell(problem);
        }
    }
}

/// The steps of one method: who vouches for what each of them proves (empty for nobody), and its place.
#[derive(Default)]
struct Method {
    issuers: Vec<(String, Span)>,
    /// Of some step it cannot be told.
    is_open: bool,
}

impl Method {
    /// An identity has the issuer of some step of its method.
    fn issuer_problem(&self, known: &KnownBy) -> Option<Problem> {
        let (_, first) = self.issuers.first()?;
        if self.is_open || self.issuers.iter().any(|(issuer, _)| **issuer == *known.issuer) {
            return None;
        }
        let method = &known.method;
        let told = |message: String, help: String| {
            let problem = Problem::new("consumers.issuer", message).with_span(known.span);
            Some(problem.with_second(*first, "a step of it").with_help(help))
        };
        let mut all: Vec<String> = self
            .issuers
            .iter()
            .filter(|(issuer, _)| !issuer.is_empty())
            .map(|(issuer, _)| format!("`{issuer}`"))
            .collect();
        all.sort();
        all.dedup();
        if all.is_empty() {
            return told(
                format!("`{method}` proves names without an issuer"),
                "remove `issuer`".to_owned(),
            );
        }
        let message = if known.issuer.is_empty() {
            format!("`{method}` proves names of an issuer, and none is named here")
        } else {
            format!("no `{method}` of the file has the issuer `{}`", known.issuer)
        };
        told(
            message,
            format!("write the issuer as it is there: {}", all.join(" or ")),
        )
    }
}

fn methods<'d>(draft: &'d Draft, words: &dyn Words) -> HashMap<&'d str, Method> {
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
    let mut methods = HashMap::new();
    for step in in_policies.chain(in_routes) {
        collect(step, words, &mut methods);
    }
    methods
}

/// Groups are nested no deeper than the file is.
fn collect<'d>(step: &'d Step, words: &dyn Words, methods: &mut HashMap<&'d str, Method>) {
    match &step.kind {
        StepKind::AnyOf(steps) | StepKind::AllOf(steps) => {
            for step in steps {
                collect(step, words, methods);
            }
        }
        StepKind::Filter { name, config, .. } => {
            let method = methods.entry(name).or_default();
            match words.issuer(name, config) {
                Some(issuer) => method.issuers.push((issuer, step.span)),
                None => method.is_open = true,
            }
        }
    }
}
