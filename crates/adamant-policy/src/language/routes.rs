//! `routes:` match, filters, destination. The first route that matches takes the request.

use std::sync::Arc;

use adamant_filter::{Entry, Node, Problem, Size, Span, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use super::answers::{RedirectEntry, RespondEntry, redirect, respond};
use super::context::check_name;
use super::field::host_name;
use super::matches::{MatchEntry, conditions};
use super::pattern::path_pattern;
use super::steps::{self, Steps};
use crate::config::{Action, Priority, Rewrite, Route, Segment};

/// A route: which requests it takes, through which filters, and what answers: exactly one of `to`,
/// `respond` and `redirect`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RouteEntry {
    /// A unique name; also its label in metrics and logs.
    name: Spanned<String>,
    /// Which requests it takes; `path` must be stated.
    #[serde(rename = "match")]
    matches: MatchEntry,
    /// Whether it needs no authentication. A route without authentication must say so. Default: false.
    #[serde(default)]
    public: bool,
    /// Before or after which others its requests are shed when the gateway has too much to do: `low` first,
    /// then `normal`, and `high` only at the bound of `overload.in-flight`. Default: `normal`.
    priority: Option<Spanned<PriorityWord>>,
    /// Filters in the order in which they run; responses pass them in reverse.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "steps are read from the tree, as their schema is that of the linked filters"
    )]
    filters: Steps,
    /// Name of the upstream that answers.
    to: Option<Spanned<String>>,
    /// A fixed answer.
    respond: Option<RespondEntry>,
    /// A redirect.
    redirect: Option<RedirectEntry>,
    /// What the endpoint sees of the path and host.
    #[serde(default)]
    rewrite: RewriteEntry,
    /// The protocol switch that is permitted here. Default: none.
    upgrade: Option<Spanned<UpgradeWord>>,
    /// Lifts the upstream's `total` time, for answers without an end. Default: false.
    stream: Option<bool>,
    /// The request body.
    #[serde(default)]
    body: BodyEntry,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum PriorityWord {
    /// Shed only when all exchanges that may be in flight are.
    High,
    /// Shed when nothing of low priority is left.
    Normal,
    /// Shed first.
    Low,
}

impl From<PriorityWord> for Priority {
    fn from(word: PriorityWord) -> Self {
        match word {
            PriorityWord::High => Self::High,
            PriorityWord::Normal => Self::Normal,
            PriorityWord::Low => Self::Low,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum UpgradeWord {
    /// RFC 6455.
    Websocket,
}

/// What the endpoint sees of the path and host.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RewriteEntry {
    /// Whole segments taken away from the beginning of the path, such as `/v1/billing`. The route's `path`
    /// must begin with them.
    strip: Option<Spanned<String>>,
    /// Whole segments put in front of the path, after `strip`, such as `/api`.
    prefix: Option<Spanned<String>>,
    /// `Host` for this route; wins over the upstream's.
    host: Option<Spanned<String>>,
}

/// The request body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BodyEntry {
    /// Largest body. Default: `1MiB`.
    at_most: Option<Size>,
}

/// A route with the places that checks point at.
#[derive(Debug)]
pub(crate) struct RouteDraft {
    pub(crate) route: Route,
    pub(crate) match_span: Span,
    pub(crate) listener_span: Span,
    pub(crate) upgrade_span: Span,
    /// Place of `priority`, where it is written.
    pub(crate) priority_span: Option<Span>,
}

/// Keys that only mean something when the route goes to an upstream.
const UPSTREAM_KEYS: [&str; 3] = ["rewrite", "upgrade", "stream"];

pub(super) fn read(node: &Node, context: &mut Context<'_>) -> Option<RouteDraft> {
    let was_clean = context.is_clean(node.span());
    // Steps are read whatever else is wrong, so that their names count as used and their problems are told.
    let written = node
        .get("filters")
        .and_then(Node::as_sequence)
        .unwrap_or_default();
    let filters: Vec<_> = written
        .iter()
        .map(|step| steps::read_route_step(step, context))
        .collect();
    let entry: RouteEntry = context.read(node)?;
    context.keep(check_name("route", &entry.name, entry.name.span));
    let place = |path: &str| node.place(path);
    if entry.matches.needs_path() && was_clean {
        let problem = Problem::new("keys.missing", "`match` needs the key `path`").with_span(place("match"));
        context.tell(problem.with_help("write `path: /**` where every path is meant"));
    }
    let matches = conditions(entry.matches, place("match"), context);
    let path = matches.as_ref().and_then(|matches| matches.path.as_ref());
    let rewrite = match &entry.to {
        Some(_) => rewrite(&entry.rewrite, path, context),
        None => Some(Rewrite::default()),
    };
    let action = match (entry.to, entry.respond, entry.redirect) {
        (Some(to), None, None) => context.upstream(&to).map(Action::To),
        (None, Some(answer), None) => respond(answer, place("respond"), context).map(Action::Respond),
        (None, None, Some(entry)) => redirect(entry, context).map(Action::Redirect),
        _ => {
            destination_problem(node, was_clean, context);
            None
        }
    };
    if node.get("to").is_none() {
        refuse_misplaced(node, context);
    }
    let route = Route {
        name: Arc::from(entry.name.as_str()),
        matches: matches?,
        public: entry.public,
        priority: entry
            .priority
            .as_ref()
            .map(|word| word.value.into())
            .unwrap_or_default(),
        filters: filters.into_iter().collect::<Option<_>>()?,
        action: action?,
        rewrite: rewrite?,
        websocket: entry.upgrade.is_some(),
        stream: entry.stream.unwrap_or(false),
        body_max: entry.body.at_most.unwrap_or(Size::from_mib(1)),
        span: entry.name.span,
    };
    Some(RouteDraft {
        route,
        match_span: place("match"),
        listener_span: place("match.listener"),
        upgrade_span: place("upgrade"),
        priority_span: entry.priority.map(|word| word.span),
    })
}

fn destination_problem(node: &Node, was_clean: bool, context: &mut Context<'_>) {
    let written: Vec<&Entry> = ["to", "respond", "redirect"]
        .iter()
        .filter_map(|key| node.entry(key))
        .collect();
    let problem = match written.as_slice() {
        [first, second, ..] => {
            let message = format!("`{}` and `{}` exclude each other", first.key, second.key);
            Problem::new("keys.exclusive", message)
                .with_span(second.key_span)
                .with_second(first.key_span, "the other one")
        }
        _ if was_clean => {
            let problem =
                Problem::new("keys.missing", "this route has no destination").with_span(node.head());
            problem.with_help("write exactly one of `to`, `respond` and `redirect`")
        }
        _ => return,
    };
    context.tell(problem);
}

fn refuse_misplaced(node: &Node, context: &mut Context<'_>) {
    for key in UPSTREAM_KEYS {
        if let Some(entry) = node.entry(key) {
            let message = format!("`{key}` means nothing on a route that goes to no upstream");
            context.tell(
                Problem::new("keys.misplaced", message)
                    .with_span(entry.key_span)
                    .with_help("remove it"),
            );
        }
    }
}

fn rewrite(
    entry: &RewriteEntry,
    path: Option<&crate::config::PathPattern>,
    context: &mut Context<'_>,
) -> Option<Rewrite> {
    let strip = match &entry.strip {
        Some(strip) => Some(whole_segments(strip, context)?),
        None => None,
    };
    if let (Some(strip), Some(written), Some(path)) = (&strip, &entry.strip, path) {
        let pattern = path.segments.iter();
        let begins = strip.len() <= path.segments.len() && strip.iter().zip(pattern).all(|(a, b)| a == b);
        if !begins {
            let message = format!("the path `{}` does not begin with `{}`", path.text, written.value);
            context.tell(Problem::new("routes.strip", message).with_span(written.span));
        }
    }
    let prefix = match &entry.prefix {
        Some(prefix) => Some(whole_segments(prefix, context)?),
        None => None,
    };
    let host = match &entry.host {
        Some(host) => Some(context.keep(host_name(host).map_err(|help| {
            let problem = Problem::new("values.host", format!("`{}` is not a host name", host.value));
            problem.with_span(host.span).with_help(help)
        }))?),
        None => None,
    };
    let text = |segments: Vec<Segment>| -> Arc<str> {
        let parts = segments.iter().map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Capture(name) => format!("/{{{name}}}"),
        });
        parts.collect::<String>().into()
    };
    Some(Rewrite {
        strip: strip.map(text),
        prefix: prefix.map(text),
        host,
    })
}

/// A prefix of literal segments, such as `/v1/billing`.
fn whole_segments(written: &Spanned<String>, context: &mut Context<'_>) -> Option<Vec<Segment>> {
    let pattern = context.keep(path_pattern(written))?;
    let is_literal = pattern
        .segments
        .iter()
        .all(|part| matches!(part, Segment::Literal(text) if !text.is_empty()));
    if pattern.open || pattern.segments.is_empty() || !is_literal {
        let problem = Problem::new(
            "values.path",
            format!("`{}` is not a prefix of whole segments", written.value),
        );
        context.tell(
            problem
                .with_span(written.span)
                .with_help("write it without a slash at the end, braces or stars, such as `/v1/billing`"),
        );
        return None;
    }
    Some(pattern.segments)
}
