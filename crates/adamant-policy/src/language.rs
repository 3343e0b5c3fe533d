//! The language of `gateway.yaml`: what may be written, one file for each top-level key, and what it means.
//!
//! A tree is held against the JSON Schema of [`File`], read into the structs of the language, and these
//! are converted into the parts of a [`Config`]. The structs die here; nothing else reads them.

mod admin;
mod answers;
mod bodies;
mod canonical;
mod consumers;
mod context;
mod draft;
mod field;
mod listeners;
mod matches;
mod observe;
mod overload;
mod pattern;
mod plans;
mod policies;
mod routes;
mod schema;
mod steps;
mod stores;
mod upstreams;

use std::collections::BTreeMap;

use adamant_filter::{Form, Node, Problem, Problems, Role, inspect};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use context::{Context, Kind};
pub(crate) use draft::Draft;
pub(crate) use routes::RouteDraft;
pub use schema::schema;

use crate::check::check;
use crate::config::Config;
use crate::text::{Source, parse};

/// The filters that a file may name.
pub trait Words {
    /// All words, for guesses.
    fn names(&self) -> Vec<&str>;

    /// JSON Schema of a filter's configuration; `None` when there is no such filter.
    fn schema(&self, name: &str) -> Option<schemars::Schema>;

    /// What a filter is for; `None` when there is no such filter.
    fn role(&self, name: &str) -> Option<Role>;

    /// Who vouches for the identities that a step of this filter proves; empty for nobody. `None` when it cannot
    /// be told.
    fn issuer(&self, name: &str, config: &Node) -> Option<String>;

    /// The configuration in canonical form: every default filled in, equal meaning written equally.
    ///
    /// # Errors
    /// All problems of the configuration's form, with their places.
    fn canonical(&self, name: &str, config: &Node) -> Result<Value, Problems>;
}

/// `gateway.yaml`: read once at boot, never again. Read it top to bottom: who listens, where to, under which
/// policy, on which path, seen how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the schema of the file; its parts are read one by one, so that one broken part hides no other"
)]
struct File {
    /// Version of the language.
    adamant: Version,
    /// Where clients are accepted, by name.
    listeners: BTreeMap<String, listeners::ListenerEntry>,
    /// Health, metrics and version for operators.
    #[serde(default)]
    admin: Option<admin::AdminEntry>,
    /// Memory for bodies that filters see whole. Default: 256MiB.
    #[serde(default)]
    bodies: Option<bodies::BodiesEntry>,
    /// When requests are shed. Default: never.
    #[serde(default)]
    overload: Option<overload::OverloadEntry>,
    /// Plans that consumers have, by name.
    #[serde(default)]
    plans: BTreeMap<String, plans::PlanEntry>,
    /// Consumers, by name: callers that are the same by whichever credential. Whoever is none of them goes by
    /// what its credential says.
    #[serde(default)]
    consumers: BTreeMap<String, consumers::ConsumerEntry>,
    /// Groups of endpoints, by name.
    #[serde(default)]
    upstreams: BTreeMap<String, upstreams::UpstreamEntry>,
    /// Services in which instances of the gateway share state, by name.
    #[serde(default)]
    stores: BTreeMap<String, stores::StoreEntry>,
    /// Named, reusable lists of filters. A policy is built once: all its users share its state.
    #[serde(default)]
    policies: BTreeMap<String, steps::Steps>,
    /// Routes. The first that matches takes the request.
    #[schemars(length(min = 1))]
    routes: Vec<routes::RouteEntry>,
    /// What is written down about every exchange.
    #[serde(default)]
    observe: Option<observe::ObserveEntry>,
}

/// Version of the language.
#[derive(Debug, Deserialize, JsonSchema)]
enum Version {
    /// The first one.
    #[serde(rename = "1")]
    One,
}

/// Everything from the text to the validated file: what it means, and its canonical form.
///
/// # Errors
/// All problems of all stages, as far as each stage can be run.
pub fn load(source: &Source, words: &dyn Words) -> Result<(Config, Value), Problems> {
    let parsed = parse(source);
    let mut problems = parsed.problems;
    let Some(root) = parsed.node else {
        return Err(problems);
    };
    if root.as_mapping().is_none() {
        let problem = Problem::new(
            "values.type",
            format!("the file is a mapping of keys, not {}", root.kind()),
        );
        problems.push(problem.with_span(root.head()));
        return Err(problems);
    }
    problems.append(inspect(&Form::of::<File>(), &root, "the file"));
    let mut context = Context::new(&root, words, problems);
    let draft = draft::read(&root, &mut context);
    check(&draft, &mut context);
    let mut problems = context.into_problems();
    problems.sort();
    match draft.finish() {
        Some(config) if problems.is_empty() => {
            let canonical = canonical::canonical(&config);
            Ok((config, canonical))
        }
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests;
