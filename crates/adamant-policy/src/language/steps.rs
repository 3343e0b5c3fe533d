//! Lists of filters: a step is a mapping with exactly one filter's word, and the keys that go with any filter.
//!
//! Knows the words of the filters only through [`Words`](super::Words).

use std::borrow::Cow;
use std::sync::Arc;

use adamant_filter::{Content, Entry, Node, Problem, Span, Spanned, did_you_mean, inspect};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::Context;
use super::context::check_name;
use super::matches::{MatchEntry, conditions};
use crate::config::{Generic, OnFault, RouteStep, Step, StepKind};

/// A list of steps. Read from the tree itself, as its schema is that of the linked filters.
#[derive(Debug, Default)]
pub(super) struct Steps;

/// Where the schema of a step is put when the filters are known.
pub(super) const STEP: &str = "Step";

impl<'n> Deserialize<'n> for Steps {
    fn deserialize<D: Deserializer<'n>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Steps {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Steps".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "$ref": format!("#/$defs/{STEP}") } })
    }
}

/// Keys that may stand beside any filter's word.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GenericEntry {
    /// Runs only for requests that match.
    when: Option<MatchEntry>,
    /// Decide and log, do not enforce. Default: false.
    shadow: Option<bool>,
    /// What it means that the filter could not decide. Default: `deny` for every filter that protects.
    on_fault: Option<OnFaultWord>,
    /// A name for logs and metrics. Default: the filter's word.
    id: Option<Spanned<String>>,
}

/// The keys of [`GenericEntry`].
const GENERIC: [&str; 4] = ["when", "shadow", "on-fault", "id"];
/// Words that take the place of a filter's.
const GROUPS: [&str; 2] = ["any-of", "all-of"];

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum OnFaultWord {
    /// Refuse the request.
    Deny,
    /// Go on as if the filter had passed.
    Pass,
}

/// An entry of a route's `filters`.
pub(super) fn read_route_step(node: &Node, context: &mut Context<'_>) -> Option<RouteStep> {
    let Some(entry) = node.entry("use") else {
        return read(node, context).map(RouteStep::Inline);
    };
    for other in node.as_mapping().unwrap_or_default() {
        let key = &*other.key;
        if key == "id" {
            let problem = Problem::new(
                "keys.misplaced",
                "`id` names one step, and `use` stands for several",
            );
            context.tell(
                problem
                    .with_span(other.key_span)
                    .with_help("write it beside the filter in the policy"),
            );
        } else if key != "use" && !GENERIC.contains(&key) {
            context.tell(stranger(other, "use", entry.key_span, context));
        }
    }
    let generic = generic(node, context);
    let Some(name) = entry.value.as_text() else {
        let problem = Problem::new(
            "values.type",
            format!("`use` takes the name of a policy, not {}", entry.value.kind()),
        );
        context.tell(problem.with_span(entry.value.head()));
        return None;
    };
    let policy = context.policy(&Spanned::new(name.to_owned(), entry.value.head()));
    Some(RouteStep::Use {
        policy: policy?,
        generic: generic?,
        span: entry.value.head(),
    })
}

/// A step of a policy or a group, or one that stands in a route.
pub(super) fn read(node: &Node, context: &mut Context<'_>) -> Option<Step> {
    let Some(entries) = node.as_mapping() else {
        context.tell(not_a_mapping(node, context));
        return None;
    };
    let generic = generic(node, context);
    let mut words = entries.iter().filter(|entry| !GENERIC.contains(&&*entry.key));
    let Some(first) = words.next() else {
        let problem = Problem::new("steps.empty", "this step names no filter").with_span(node.head());
        context.tell(problem.with_help(
            "write the filter's word with its configuration, such as `methods: { allow: [GET] }`",
        ));
        return None;
    };
    // The filter may stand behind a misspelt key.
    let is_word = |entry: &&Entry| context.is_filter(&entry.key) || GROUPS.contains(&&*entry.key);
    let word = entries.iter().find(is_word).unwrap_or(first);
    let others: Vec<&Entry> = entries
        .iter()
        .filter(|entry| !GENERIC.contains(&&*entry.key) && entry.key != word.key)
        .collect();
    for other in &others {
        context.tell(stranger(other, &word.key, word.key_span, context));
    }
    let kind = kind(word, context);
    Some(Step {
        kind: kind?,
        generic: generic?,
        span: word.key_span,
    })
}

fn not_a_mapping(node: &Node, context: &Context<'_>) -> Problem {
    let problem = Problem::new("values.type", format!("a step is a mapping, not {}", node.kind()));
    let problem = problem.with_span(node.head());
    match node.as_text() {
        Some(word) if context.is_filter(word) => problem.with_help(format!("write `{word}: {{ … }}`")),
        _ => problem.with_help("write the filter's word with its configuration, or `use: name`"),
    }
}

fn kind(word: &Entry, context: &mut Context<'_>) -> Option<StepKind> {
    match &*word.key {
        "any-of" => group(word, context).map(StepKind::AnyOf),
        "all-of" => group(word, context).map(StepKind::AllOf),
        "use" => {
            let problem = Problem::new("steps.use", "`use` stands only in the `filters` of a route");
            let help = "a policy and a group hold filters, never another policy";
            context.tell(problem.with_span(word.key_span).with_help(help));
            None
        }
        name if !context.is_filter(name) => {
            context.tell(unknown_filter(word, context));
            None
        }
        name => match context.words.canonical(name, &word.value) {
            Ok(canonical) => Some(StepKind::Filter {
                name: Arc::clone(&word.key),
                config: word.value.clone(),
                canonical: Arc::new(canonical),
            }),
            Err(problems) => {
                let place = if word.value.span().is_long() {
                    word.key_span
                } else {
                    word.value.head()
                };
                for problem in problems {
                    context.tell(if problem.span().is_none() {
                        problem.with_span(place)
                    } else {
                        problem
                    });
                }
                None
            }
        },
    }
}

fn unknown_filter(word: &Entry, context: &Context<'_>) -> Problem {
    let names = context.words.names();
    let guess = did_you_mean(&word.key, names.iter().copied().chain(GROUPS).chain(["use"]));
    let message = match guess {
        Some(guess) => format!("there is no filter `{}`; did you mean `{guess}`?", word.key),
        None => format!("there is no filter `{}`", word.key),
    };
    let problem = Problem::new("names.unknown", message).with_span(word.key_span);
    if names.is_empty() {
        problem
    } else {
        problem.with_help(format!("the filters are {}", names.join(", ")))
    }
}

/// A key that is neither the step's filter nor one that goes with any filter.
fn stranger(entry: &Entry, word: &str, word_span: Span, context: &Context<'_>) -> Problem {
    let is_filter = context.is_filter(&entry.key) || GROUPS.contains(&&*entry.key) || &*entry.key == "use";
    if is_filter {
        let message = format!("`{}` and `{word}` are two steps", entry.key);
        let problem = Problem::new("steps.several", message).with_span(entry.key_span);
        return problem
            .with_second(word_span, "the other one")
            .with_help(format!("begin a new item: `- {}:`", entry.key));
    }
    let guess = did_you_mean(&entry.key, GENERIC);
    let guess = guess
        .map(|word| format!("; did you mean `{word}`?"))
        .unwrap_or_default();
    let problem = Problem::new(
        "keys.unknown",
        format!("`{}` is not a key of a step{guess}", entry.key),
    );
    let help = format!(
        "beside `{word}` may stand `when`, `shadow`, `on-fault` and `id`; its own keys stand inside it"
    );
    problem.with_span(entry.key_span).with_help(help)
}

fn group(word: &Entry, context: &mut Context<'_>) -> Option<Vec<Step>> {
    let Some(items) = word.value.as_sequence() else {
        let message = format!("`{}` takes a list of steps, not {}", word.key, word.value.kind());
        context.tell(Problem::new("values.type", message).with_span(word.value.head()));
        return None;
    };
    if items.len() < 2 {
        let problem = Problem::new(
            "steps.group",
            format!("`{}` is a choice between two steps at least", word.key),
        );
        context.tell(
            problem
                .with_span(word.key_span)
                .with_help("write the one step itself"),
        );
    }
    let steps: Vec<Option<Step>> = items.iter().map(|node| read(node, context)).collect();
    steps.into_iter().collect()
}

/// The keys beside the filter's word; `None` when they could not be read.
fn generic(node: &Node, context: &mut Context<'_>) -> Option<Generic> {
    let entries = node.as_mapping().unwrap_or_default();
    let beside: Vec<Entry> = entries
        .iter()
        .filter(|entry| GENERIC.contains(&&*entry.key))
        .cloned()
        .collect();
    if beside.is_empty() {
        return Some(Generic::default());
    }
    let beside = Node::new(node.span(), Content::Mapping(beside.into()));
    let problems = inspect(&context.generic, &beside, "this step");
    let is_clean = problems.is_empty();
    context.tell_all(problems);
    if !is_clean {
        return None;
    }
    let entry: GenericEntry = match adamant_filter::read(&beside) {
        Ok(entry) => entry,
        Err(problem) => {
            context.tell(problem);
            return None;
        }
    };
    if let Some(Err(problem)) = entry.id.as_ref().map(|id| check_name("step", id, id.span)) {
        context.tell(problem);
    }
    let when = match entry.when {
        Some(when) => Some(conditions(when, beside.place("when"), context)?),
        None => None,
    };
    Some(Generic {
        when,
        shadow: entry.shadow,
        on_fault: entry.on_fault.map(|word| match word {
            OnFaultWord::Deny => OnFault::Deny,
            OnFaultWord::Pass => OnFault::Pass,
        }),
        id: entry.id.map(|id| id.value.into()),
    })
}
