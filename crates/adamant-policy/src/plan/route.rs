//! Finds the route of a request: first match, top to bottom, at a cost that does not grow with the
//! number of routes.
//!
//! Pure: a tree by host, then by path segment, whose leaves list positions in file order. The smallest
//! position whose other conditions fit wins. It never looks at the list of routes one by one.

use adamant_filter::Request;
use foldhash::fast::RandomState;
use http::Method;
use std::collections::{HashMap, HashSet};

use super::condition::Rest;
use crate::config::{HostPattern, ListenerId, PathPattern, Route, Segment};

type Map<V> = HashMap<Box<str>, V, RandomState>;

/// Lists of candidates that a look-up keeps without allocating.
const INLINE: usize = 12;

/// The index of all routes.
#[derive(Debug, Default)]
pub(crate) struct Router {
    exact: Map<Tree>,
    suffix: Map<Tree>,
    any: Tree,
    rest: Vec<Rest>,
    methods: HashSet<Method, RandomState>,
}

/// Routes of one host, by path.
#[derive(Debug, Default)]
struct Tree {
    nodes: Vec<Node>,
}

/// A place in a path. Node 0 of a tree is the root, before the first segment.
#[derive(Debug, Default)]
struct Node {
    literals: Map<u32>,
    capture: Option<u32>,
    /// Routes whose pattern ends here, in file order.
    here: Vec<u32>,
    /// Routes whose pattern goes on with `**` from here, in file order.
    below: Vec<u32>,
}

/// What a look-up came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The position of the route.
    Route(usize),
    /// The path is known under these methods only.
    OtherMethods(Vec<Method>),
    /// No route has this host and path.
    Nothing,
}

/// Sorted lists of positions that fit host and path.
#[derive(Default)]
struct Candidates<'t> {
    inline: [&'t [u32]; INLINE],
    length: usize,
    more: Vec<&'t [u32]>,
}

impl<'t> Candidates<'t> {
    fn push(&mut self, list: &'t [u32]) {
        if list.is_empty() {
            return;
        }
        if let Some(place) = self.inline.get_mut(self.length) {
            *place = list;
            self.length += 1;
        } else {
            // A path that fits more than a dozen patterns at once is rare enough to allocate for.
            self.more.push(list);
        }
    }

    fn lists(&mut self) -> impl Iterator<Item = &mut &'t [u32]> {
        self.inline
            .iter_mut()
            .take(self.length)
            .chain(self.more.iter_mut())
    }

    /// Takes the smallest position that is left.
    fn pop(&mut self) -> Option<u32> {
        if self.length <= 1 {
            // Most paths fit one pattern.
            let [only, ..] = &mut self.inline;
            let (first, rest) = only.split_first()?;
            *only = rest;
            return Some(*first);
        }
        let best = self
            .lists()
            .filter(|list| !list.is_empty())
            .min_by_key(|list| list.first().copied())?;
        let (first, rest) = best.split_first()?;
        let first = *first;
        *best = rest;
        // One route may stand in several lists (a host named twice): take it from all of them.
        for list in self.lists() {
            if let Some((same, rest)) = list.split_first()
                && *same == first
            {
                *list = rest;
            }
        }
        Some(first)
    }
}

impl Tree {
    fn insert(&mut self, pattern: &PathPattern, position: u32) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0usize;
        for segment in &pattern.segments {
            at = self.child(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            if pattern.open {
                node.below.push(position)
            } else {
                node.here.push(position)
            }
        }
    }

    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        // A tree has as many nodes as the file has segments, far below 2^32.
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(node) = self.nodes.get_mut(at) else {
            return 0;
        };
        let child = match segment {
            Segment::Literal(text) => *node.literals.entry(text.as_ref().into()).or_insert(next),
            Segment::Capture(_) => *node.capture.get_or_insert(next),
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child as usize
    }

    fn find<'t>(&'t self, path: &str, into: &mut Candidates<'t>) {
        if let Some(root) = self.nodes.first() {
            self.walk(root, Some(path.get(1..).unwrap_or_default()), into);
        }
    }

    /// `left`: what is left of the path behind a slash; `None` after the last segment.
    fn walk<'t>(&'t self, node: &'t Node, left: Option<&str>, into: &mut Candidates<'t>) {
        into.push(&node.below);
        let Some(left) = left else {
            into.push(&node.here);
            return;
        };
        let (part, left) = first_segment(left);
        if !node.literals.is_empty()
            && let Some(child) = node
                .literals
                .get(part)
                .and_then(|child| self.nodes.get(*child as usize))
        {
            self.walk(child, left, into);
        }
        if !part.is_empty()
            && let Some(child) = node.capture.and_then(|child| self.nodes.get(child as usize))
        {
            self.walk(child, left, into);
        }
    }
}

/// The part before the first slash, and what is left behind it. Segments are short: a loop over their bytes
/// costs less than the machinery that searches texts.
fn first_segment(path: &str) -> (&str, Option<&str>) {
    let slash = path.bytes().position(|byte| byte == b'/');
    match slash.and_then(|slash| path.split_at_checked(slash)) {
        Some((part, left)) => (part, left.get(1..)),
        None => (path, None),
    }
}

impl Router {
    /// Indexes the routes of a file.
    pub(crate) fn new(routes: &[Route]) -> Self {
        let mut router = Self::default();
        for (position, route) in routes.iter().enumerate() {
            router.rest.push(Rest::of(&route.matches));
            router.methods.extend(route.matches.methods.iter().cloned());
            let Some(path) = &route.matches.path else { continue };
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            if route.matches.hosts.is_empty() {
                router.any.insert(path, position);
            }
            for host in &route.matches.hosts {
                let tree = match host {
                    HostPattern::Exact(name) => router.exact.entry(name.as_ref().into()).or_default(),
                    HostPattern::Suffix(name) => router.suffix.entry(name.as_ref().into()).or_default(),
                };
                tree.insert(path, position);
            }
        }
        router
    }

    /// Whether any route names this method.
    pub(crate) fn names_method(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    /// The first route that takes the request.
    pub(crate) fn find(&self, request: &Request, listener: ListenerId) -> Found {
        self.find_for(request, request.method(), listener)
    }

    /// The first route that would take the request if it came by `method`.
    pub(crate) fn find_for(&self, request: &Request, method: &Method, listener: ListenerId) -> Found {
        let mut candidates = self.candidates(request);
        let mut methods: Option<Vec<Method>> = None;
        while let Some(position) = candidates.pop() {
            let Some(rest) = self.rest.get(position as usize) else {
                continue;
            };
            if !rest.fits_beside_method(request, listener) {
                continue;
            }
            if rest.fits_method(method) {
                return Found::Route(position as usize);
            }
            // Only a refusal (405) needs the list.
            let known = methods.get_or_insert_with(Vec::new);
            known.extend(
                rest.methods()
                    .iter()
                    .filter(|method| !known.contains(method))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        methods.map_or(Found::Nothing, Found::OtherMethods)
    }

    fn candidates(&self, request: &Request) -> Candidates<'_> {
        let mut candidates = Candidates::default();
        let (host, path) = (request.host(), request.path());
        if !self.exact.is_empty()
            && let Some(tree) = self.exact.get(host)
        {
            tree.find(path, &mut candidates);
        }
        if !self.suffix.is_empty() {
            let mut left = host;
            while let Some((_, parent)) = left.split_once('.') {
                if let Some(tree) = self.suffix.get(parent) {
                    tree.find(path, &mut candidates);
                }
                left = parent;
            }
        }
        self.any.find(path, &mut candidates);
        candidates
    }
}

#[cfg(test)]
mod tests;
