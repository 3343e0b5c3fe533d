//! `consumers:` who is the same by whichever credential, and which plan and groups it has.
//!
//! Proves nothing: each credential is the business of the filter whose word stands here.

use std::collections::BTreeMap;
use std::sync::Arc;

use adamant_filter::{Entry, Node, Problem, Role, Spanned, did_you_mean};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use super::context::check_name;
use crate::config::{Consumer, KnownBy};

/// A consumer: one caller with several credentials, which share its limits, plan and groups.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ConsumerEntry {
    /// The plan that it has, one of `plans`, such as `gold`. Default: none.
    plan: Option<Spanned<String>>,
    /// Groups that it belongs to, such as `[partners]`. Default: none.
    #[serde(default)]
    groups: Vec<Spanned<String>>,
    /// Identities that stand for it, each by the word of the filter that proves it, such as
    /// `jwt: { issuer: "https://id.example.com/", name: acme-app }`.
    #[schemars(length(min = 1))]
    #[expect(
        dead_code,
        reason = "read from the tree item by item, since the place of each word is needed"
    )]
    known_by: Vec<BTreeMap<String, ProofEntry>>,
}

/// An identity as the filter proves it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ProofEntry {
    /// Who vouches for it, as the filter's own `issuer` says. Default: none, for methods without an issuer.
    issuer: Option<Spanned<String>>,
    /// Its name there, such as the subject of a token or the consumer of a key.
    #[schemars(length(min = 1))]
    name: Spanned<String>,
}

pub(super) fn read(written: &Entry, context: &mut Context<'_>) -> Option<Consumer> {
    context.keep(check_name("consumer", &written.key, written.key_span));
    let items = written.value.get("known-by").and_then(Node::as_sequence);
    let known_by: Vec<_> = items
        .unwrap_or_default()
        .iter()
        .map(|item| known_by(item, context))
        .collect();
    let entry: ConsumerEntry = context.read(&written.value)?;
    let plan = match &entry.plan {
        Some(name) => Some(context.plan(name)?),
        None => None,
    };
    for group in &entry.groups {
        context.keep(check_name("group", group, group.span));
    }
    let mut groups: Vec<Arc<str>> = entry.groups.iter().map(|group| group.as_str().into()).collect();
    groups.sort();
    groups.dedup();
    let mut known_by: Vec<KnownBy> = known_by.into_iter().collect::<Option<_>>()?;
    known_by.sort_by(|one, other| one.key().cmp(&other.key()));
    Some(Consumer {
        name: Arc::clone(&written.key),
        plan,
        groups,
        known_by,
        span: written.key_span,
    })
}

/// An item is a mapping with exactly one word.
fn known_by(item: &Node, context: &mut Context<'_>) -> Option<KnownBy> {
    // What is not a mapping was told when the file was held against its form.
    let words = item.as_mapping()?;
    let [word] = words else {
        let message = format!(
            "an identity is proved by one method, and here stand {}",
            words.len()
        );
        let problem = Problem::new("consumers.method", message)
            .with_span(words.get(1).map_or(item.head(), |second| second.key_span));
        context.tell(problem.with_help("begin a new item for each, such as `- jwt: { … }`"));
        return None;
    };
    if context.words.role(&word.key) != Some(Role::Authenticate) {
        let problem = not_a_method(word, context);
        context.tell(problem);
        return None;
    }
    let proof: ProofEntry = context.read(&word.value)?;
    Some(KnownBy {
        method: Arc::clone(&word.key),
        issuer: proof.issuer.as_deref().map_or("", String::as_str).into(),
        name: proof.name.value.into(),
        span: word.key_span,
    })
}

fn not_a_method(word: &Entry, context: &Context<'_>) -> Problem {
    let is_method = |name: &&str| context.words.role(name) == Some(Role::Authenticate);
    let methods: Vec<&str> = context.words.names().into_iter().filter(is_method).collect();
    let message = if context.is_filter(&word.key) {
        format!("`{}` does not prove who is calling", word.key)
    } else {
        match did_you_mean(&word.key, methods.iter().copied()) {
            Some(guess) => format!("there is no filter `{}`; did you mean `{guess}`?", word.key),
            None => format!("there is no filter `{}`", word.key),
        }
    };
    let problem = Problem::new("consumers.method", message).with_span(word.key_span);
    if methods.is_empty() {
        return problem;
    }
    problem.with_help(format!("a consumer is known by {}", methods.join(", ")))
}
