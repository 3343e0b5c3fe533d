//! What can never happen: a route behind one that takes everything it would take, a listener that serves
//! nothing.
//!
//! Sound, not complete: whatever is told here is true, and a route that only several earlier ones together
//! cover is not found, except host by host and method by method.

use std::collections::HashMap;
use std::sync::Arc;

use adamant_filter::Problem;
use http::Method;

use crate::config::{FieldMatch, FieldValue, HostPattern, ListenerId, Match, PathPattern, Segment};
use crate::language::{Context, Draft, RouteDraft};

/// Every listener redirects or serves a route, and no route stands only on listeners that redirect.
pub(super) fn listeners(draft: &Draft, context: &mut Context<'_>) {
    let redirects = |id: &ListenerId| {
        let listener = draft.listeners.get(id.0).and_then(Option::as_ref);
        listener.is_some_and(|draft| draft.listener.redirect_to.is_some())
    };
    for route in draft.routes.iter().flatten() {
        let bound = &route.route.matches.listeners;
        if !bound.is_empty() && bound.iter().all(redirects) {
            let message = format!(
                "the route `{}` is bound to listeners that only redirect",
                route.route.name
            );
            context.tell(Problem::new("routes.unreachable", message).with_span(route.listener_span));
        }
    }
    // A route that could not be read might serve any listener; that there is none is told elsewhere.
    if draft.routes.is_empty() || draft.routes.iter().any(Option::is_none) {
        return;
    }
    for (at, listener) in draft.listeners.iter().enumerate() {
        let Some(listener) = listener
            .as_ref()
            .filter(|draft| draft.listener.redirect_to.is_none())
        else {
            continue;
        };
        let mut routes = draft
            .routes
            .iter()
            .flatten()
            .map(|draft| &draft.route.matches.listeners);
        if !routes.any(|bound| bound.is_empty() || bound.contains(&ListenerId(at))) {
            let message = format!("no route is served on the listener `{}`", listener.listener.name);
            let problem = Problem::new("listeners.unserved", message).with_span(listener.listener.span);
            context.tell(problem.with_help("bind a route to it, or remove it"));
        }
    }
}

/// No route stands behind one that takes everything it would take.
pub(super) fn routes(draft: &Draft, context: &mut Context<'_>) {
    let match_of = |at: usize| Some(&draft.routes.get(at)?.as_ref()?.route.matches);
    let mut earlier = Earlier::default();
    for (at, route) in draft.routes.iter().enumerate() {
        // What an unreadable route takes is unknown; that only hides findings behind it.
        let Some(route) = route else { continue };
        let cover = earlier.cover(&route.route.matches, &match_of);
        if let Some(first) = cover.and_then(|at| draft.routes.get(at)?.as_ref()) {
            context.tell(unreachable(route, first));
        }
        earlier.insert(at, &route.route.matches);
    }
}

fn unreachable(route: &RouteDraft, first: &RouteDraft) -> Problem {
    let (name, by) = (&route.route.name, &first.route.name);
    let message = format!("the route `{name}` is never reached: `{by}` takes all its requests");
    Problem::new("routes.unreachable", message)
        .with_span(route.match_span)
        .with_second(first.match_span, "this comes first")
        .with_help("put the narrower route first")
}

/// The earlier routes, by host and path, so that ten thousand routes are checked in the time of reading them.
#[derive(Default)]
struct Earlier {
    hosts: HashMap<Option<HostPattern>, Level>,
}

/// Patterns that share a beginning.
#[derive(Default)]
struct Level {
    literals: HashMap<Arc<str>, Level>,
    capture: Option<Box<Level>>,
    /// Routes that end here.
    closed: Vec<usize>,
    /// Routes that end here with `**`.
    open: Vec<usize>,
}

impl Earlier {
    fn insert(&mut self, at: usize, matches: &Match) {
        let Some(path) = &matches.path else { return };
        let hosts: Vec<Option<HostPattern>> = match matches.hosts.as_slice() {
            [] => vec![None],
            hosts => hosts.iter().cloned().map(Some).collect(),
        };
        for host in hosts {
            let mut level = self.hosts.entry(host).or_default();
            for segment in &path.segments {
                level = match segment {
                    Segment::Literal(text) => level.literals.entry(Arc::clone(text)).or_default(),
                    Segment::Capture(_) => level.capture.get_or_insert_default(),
                };
            }
            if path.open {
                level.open.push(at)
            } else {
                level.closed.push(at)
            }
        }
    }

    /// Position of an earlier route, where for each host and method of this one some route stands before it.
    fn cover<'d>(&self, matches: &Match, match_of: &impl Fn(usize) -> Option<&'d Match>) -> Option<usize> {
        let path = matches.path.as_ref()?;
        let hosts: Vec<Option<&HostPattern>> = match matches.hosts.as_slice() {
            [] => vec![None],
            hosts => hosts.iter().map(Some).collect(),
        };
        let methods: Vec<Option<&Method>> = match matches.methods.as_slice() {
            [] => vec![None],
            methods => methods.iter().map(Some).collect(),
        };
        let mut first = None;
        for host in hosts {
            let candidates = self.candidates(host, path);
            for method in &methods {
                let covers = |at: &&usize| {
                    match_of(**at).is_some_and(|earlier| covers_rest(earlier, *method, matches))
                };
                let found = candidates.iter().find(covers)?;
                first = first.or(Some(*found));
            }
        }
        first
    }

    /// Routes whose host and path take everything that `host` and `path` take, in file order.
    fn candidates(&self, host: Option<&HostPattern>, path: &PathPattern) -> Vec<usize> {
        let mut found = Vec::new();
        let mut look = |key: &Option<HostPattern>| {
            if let Some(level) = self.hosts.get(key) {
                level.collect(&path.segments, path.open, &mut found);
            }
        };
        look(&None);
        if let Some(host) = host {
            look(&Some(host.clone()));
            let (HostPattern::Exact(name) | HostPattern::Suffix(name)) = host;
            let mut rest: &str = name;
            while let Some((_, suffix)) = rest.split_once('.') {
                look(&Some(HostPattern::Suffix(suffix.into())));
                rest = suffix;
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Level {
    fn collect(&self, rest: &[Segment], open: bool, found: &mut Vec<usize>) {
        found.extend(&self.open);
        let Some((first, rest)) = rest.split_first() else {
            if !open {
                found.extend(&self.closed);
            }
            return;
        };
        // A capture takes any segment that is not empty; a literal takes only itself.
        let (literal, may_capture) = match first {
            Segment::Literal(text) => (self.literals.get(text), !text.is_empty()),
            Segment::Capture(_) => (None, true),
        };
        if let Some(level) = literal {
            level.collect(rest, open, found);
        }
        if let Some(level) = self.capture.as_deref().filter(|_| may_capture) {
            level.collect(rest, open, found);
        }
    }
}

/// Whether `earlier` takes every request with this method that `later` takes, host and path left aside.
fn covers_rest(earlier: &Match, method: Option<&Method>, later: &Match) -> bool {
    let methods = earlier.methods.is_empty() || method.is_some_and(|method| earlier.methods.contains(method));
    let listeners = earlier.listeners.is_empty()
        || !later.listeners.is_empty() && later.listeners.iter().all(|id| earlier.listeners.contains(id));
    methods && listeners && implied(&earlier.headers, &later.headers) && implied(&earlier.query, &later.query)
}

/// Whether every one of `conditions` holds wherever all of `given` hold.
fn implied(conditions: &[FieldMatch], given: &[FieldMatch]) -> bool {
    conditions.iter().all(|condition| {
        let mut same = given.iter().filter(|field| field.name == condition.name);
        same.any(|field| match (&condition.value, &field.value) {
            (FieldValue::Present, FieldValue::Present | FieldValue::Exact(_)) => true,
            (condition, given) => condition == given,
        })
    })
}

#[cfg(test)]
mod tests;
