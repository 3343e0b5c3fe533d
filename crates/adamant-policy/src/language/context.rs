//! What conversion carries along: the names of the file, the words of the filters, the problems so far.

use std::collections::HashMap;
use std::sync::Arc;

use adamant_filter::{
    Content, Entry, Form, Node, OneOrMany, Problem, Problems, Span, Spanned, did_you_mean, read,
};
use serde::de::DeserializeOwned;

use super::Words;
use super::steps::GenericEntry;
use crate::config::{ListenerId, PlanId, PolicyId, UpstreamId};

/// The state of one conversion.
pub(crate) struct Context<'w> {
    /// The filters that may be named.
    pub(crate) words: &'w dyn Words,
    /// Their names.
    filters: Vec<String>,
    /// Form of the keys beside a filter's word.
    pub(crate) generic: Form,
    names: AllNames,
    problems: Problems,
    /// A part of the file could not be read, so nobody knows which names it uses.
    has_gaps: bool,
}

/// A kind of thing that is referred to by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Listener,
    Upstream,
    Policy,
    Plan,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Upstream => "upstream",
            Self::Policy => "policy",
            Self::Plan => "plan",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Listener => "listeners",
            Self::Upstream => "upstreams",
            Self::Policy => "policies",
            Self::Plan => "plans",
        }
    }
}

/// The names of the file, by kind.
struct AllNames {
    listeners: Names,
    upstreams: Names,
    policies: Names,
    plans: Names,
}

impl AllNames {
    const fn of(&self, kind: Kind) -> &Names {
        match kind {
            Kind::Listener => &self.listeners,
            Kind::Upstream => &self.upstreams,
            Kind::Policy => &self.policies,
            Kind::Plan => &self.plans,
        }
    }

    const fn of_mut(&mut self, kind: Kind) -> &mut Names {
        match kind {
            Kind::Listener => &mut self.listeners,
            Kind::Upstream => &mut self.upstreams,
            Kind::Policy => &mut self.policies,
            Kind::Plan => &mut self.plans,
        }
    }
}

struct Names {
    places: HashMap<Arc<str>, usize>,
    used: Vec<bool>,
}

impl<'w> Context<'w> {
    pub(crate) fn new(root: &Node, words: &'w dyn Words, problems: Problems) -> Self {
        let names = |kind: Kind| {
            let entries = root
                .get(kind.key())
                .and_then(Node::as_mapping)
                .unwrap_or_default();
            let places = entries
                .iter()
                .enumerate()
                .map(|(at, entry)| (Arc::clone(&entry.key), at))
                .collect();
            Names {
                used: vec![false; entries.len()],
                places,
            }
        };
        let names = AllNames {
            listeners: names(Kind::Listener),
            upstreams: names(Kind::Upstream),
            policies: names(Kind::Policy),
            plans: names(Kind::Plan),
        };
        // Behind a key that nobody knows may stand the use of a name.
        let has_gaps = problems.iter().any(|problem| problem.code().starts_with("keys."));
        Self {
            words,
            filters: words.names().into_iter().map(str::to_owned).collect(),
            generic: Form::of::<GenericEntry>(),
            names,
            problems,
            has_gaps,
        }
    }

    pub(crate) fn tell(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Keeps the value of a result and tells its problem.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        self.problems.take(result)
    }

    pub(crate) fn tell_all(&mut self, problems: Problems) {
        self.problems.append(problems);
    }

    pub(crate) fn into_problems(self) -> Problems {
        self.problems
    }

    /// Whether a filter has this name.
    pub(crate) fn is_filter(&self, name: &str) -> bool {
        self.filters.iter().any(|filter| filter == name)
    }

    /// Whether nothing is wrong inside a value so far. What seems to be missing there may only be misspelt.
    pub(crate) fn is_clean(&self, span: Span) -> bool {
        !self
            .problems
            .iter()
            .filter_map(Problem::span)
            .any(|at| inside(at, span))
    }

    /// Reads a value of which everything that has no problem of its own is kept.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, node: &Node) -> Option<T> {
        let result = if self.is_clean(node.span()) {
            read(node)
        } else {
            read(&self.without_problems(node))
        };
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                if self.is_clean(node.span()) {
                    self.tell(problem);
                }
                self.has_gaps = true;
                None
            }
        }
    }

    /// Without the keys that nobody knows and the texts that mean nothing.
    fn without_problems(&self, node: &Node) -> Node {
        let is_unknown = |entry: &Entry| self.has_problem(entry.key_span, |code| code == "keys.unknown");
        let is_wrong = |value: &Node| {
            value.as_text().is_some() && self.has_problem(value.head(), |code| code.starts_with("values."))
        };
        let content = match node.content() {
            Content::Scalar { .. } => return node.clone(),
            Content::Sequence(items) => Content::Sequence(
                items
                    .iter()
                    .filter(|item| !is_wrong(item))
                    .map(|item| self.without_problems(item))
                    .collect(),
            ),
            Content::Mapping(entries) => Content::Mapping(
                entries
                    .iter()
                    .filter(|entry| !is_unknown(entry) && !is_wrong(&entry.value))
                    .map(|entry| Entry {
                        value: self.without_problems(&entry.value),
                        ..entry.clone()
                    })
                    .collect(),
            ),
        };
        Node::new(node.span(), content)
    }

    fn has_problem(&self, span: Span, kind: impl Fn(&str) -> bool) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.span() == Some(span) && kind(problem.code()))
    }

    fn find(&mut self, kind: Kind, name: &Spanned<String>) -> Option<usize> {
        let names = self.names.of_mut(kind);
        if let Some(at) = names.places.get(name.as_str()).copied() {
            if let Some(used) = names.used.get_mut(at) {
                *used = true;
            }
            return Some(at);
        }
        let word = kind.word();
        let guess = did_you_mean(name, names.places.keys().map(AsRef::as_ref));
        let message = match guess {
            Some(guess) => format!("there is no {word} `{}`; did you mean `{guess}`?", name.value),
            None => format!("there is no {word} `{}`", name.value),
        };
        // Whoever misspelt a name has used it.
        if let Some(used) = guess
            .and_then(|guess| names.places.get(guess))
            .and_then(|at| names.used.get_mut(*at))
        {
            *used = true;
        }
        let problem = Problem::new("names.unknown", message);
        let problem = problem.with_span(name.span);
        self.problems.push(match names.places.is_empty() {
            true => problem.with_help(format!("name it under `{}`", kind.key())),
            false => problem,
        });
        None
    }

    pub(crate) fn listener(&mut self, name: &Spanned<String>) -> Option<ListenerId> {
        self.find(Kind::Listener, name).map(ListenerId)
    }

    pub(crate) fn listeners(&mut self, names: &OneOrMany<Spanned<String>>) -> Vec<ListenerId> {
        names.0.iter().filter_map(|name| self.listener(name)).collect()
    }

    pub(crate) fn upstream(&mut self, name: &Spanned<String>) -> Option<UpstreamId> {
        self.find(Kind::Upstream, name).map(UpstreamId)
    }

    pub(crate) fn policy(&mut self, name: &Spanned<String>) -> Option<PolicyId> {
        self.find(Kind::Policy, name).map(PolicyId)
    }

    pub(crate) fn plan(&mut self, name: &Spanned<String>) -> Option<PlanId> {
        self.find(Kind::Plan, name).map(PlanId)
    }

    /// Whether a part of the file could not be read.
    pub(crate) const fn has_gaps(&self) -> bool {
        self.has_gaps
    }

    /// Whether something refers to the entry at this position, as far as anybody can know.
    pub(crate) fn is_used(&self, kind: Kind, at: usize) -> bool {
        self.has_gaps || self.names.of(kind).used.get(at).copied().unwrap_or(true)
    }
}

fn inside(at: Span, span: Span) -> bool {
    at.start() >= span.start() && at.end() <= span.end()
}

/// Names are also metric labels and words of other files.
pub(crate) fn check_name(kind: &str, name: &str, span: Span) -> Result<(), Problem> {
    let body = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    if body && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= NAME_MAX {
        return Ok(());
    }
    let message = format!("`{name}` cannot be the name of a {kind}");
    let help = format!("up to {NAME_MAX} small letters, digits, `-`, `_` and `.`, a letter or digit first");
    Err(Problem::new("names.syntax", message)
        .with_span(span)
        .with_help(help))
}

const NAME_MAX: usize = 64;
