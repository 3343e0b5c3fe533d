//! Conditions beside host and path: methods, header fields, query parameters, listeners; and whole
//! matches for `when`.

use std::sync::Arc;

use adamant_filter::{Request, Single};
use http::Method;
use http::header::HeaderName;

use super::pattern;
use crate::config::{FieldMatch, FieldValue, HostPattern, ListenerId, Match, PathPattern};

/// What a request must fulfil besides its host and path.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    methods: Vec<Method>,
    headers: Vec<(HeaderName, FieldValue)>,
    query: Vec<FieldMatch>,
    listeners: Vec<ListenerId>,
}

impl Rest {
    pub(crate) fn of(matches: &Match) -> Self {
        let header = |field: &FieldMatch| {
            // Names were checked when the file was read.
            Some((
                HeaderName::try_from(field.name.as_ref()).ok()?,
                field.value.clone(),
            ))
        };
        Self {
            methods: matches.methods.clone(),
            headers: matches.headers.iter().filter_map(header).collect(),
            query: matches.query.clone(),
            listeners: matches.listeners.clone(),
        }
    }

    /// Whether everything but the method fits.
    pub(crate) fn fits_beside_method(&self, request: &Request, listener: ListenerId) -> bool {
        (self.listeners.is_empty() || self.listeners.contains(&listener))
            && self
                .headers
                .iter()
                .all(|(name, value)| header_fits(request, name, value))
            && self
                .query
                .iter()
                .all(|field| query_fits(request.query().unwrap_or_default(), field))
    }

    pub(crate) fn fits_method(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method)
    }

    pub(crate) fn fits(&self, request: &Request, listener: ListenerId) -> bool {
        self.fits_method(request.method()) && self.fits_beside_method(request, listener)
    }

    pub(crate) fn methods(&self) -> &[Method] {
        &self.methods
    }
}

fn header_fits(request: &Request, name: &HeaderName, value: &FieldValue) -> bool {
    match (value, request.single(name)) {
        (FieldValue::Present, found) => found != Single::Absent,
        (FieldValue::Absent, found) => found == Single::Absent,
        (FieldValue::Exact(text), Single::One(found)) => found.as_bytes() == text.as_bytes(),
        (FieldValue::Exact(_), Single::Absent | Single::Several) => false,
    }
}

/// Compares raw text: a query is forwarded as sent, so it is matched as sent.
fn query_fits(query: &str, field: &FieldMatch) -> bool {
    let mut values = query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name == field.name.as_ref()).then_some(value)
    });
    let first = values.next();
    match &field.value {
        FieldValue::Present => first.is_some(),
        FieldValue::Absent => first.is_none(),
        FieldValue::Exact(text) => first == Some(text.as_ref()) && values.next().is_none(),
    }
}

/// A whole match, for `when`.
#[derive(Debug)]
pub(crate) struct Condition {
    hosts: Vec<HostPattern>,
    path: Option<PathPattern>,
    rest: Rest,
    listeners: Vec<Arc<str>>,
}

impl Condition {
    /// `listener_names` is indexed by [`ListenerId`].
    pub(crate) fn of(matches: &Match, listener_names: &[Arc<str>]) -> Self {
        let mut rest = Rest::of(matches);
        rest.listeners.clear();
        let names = matches
            .listeners
            .iter()
            .filter_map(|id| listener_names.get(id.0).cloned());
        Self {
            hosts: matches.hosts.clone(),
            path: matches.path.clone(),
            rest,
            listeners: names.collect(),
        }
    }

    pub(crate) fn fits(&self, request: &Request) -> bool {
        (self.hosts.is_empty()
            || self
                .hosts
                .iter()
                .any(|host| pattern::host_fits(host, request.host())))
            && self
                .path
                .as_ref()
                .is_none_or(|path| pattern::path_fits(path, request.path()))
            && (self.listeners.is_empty() || self.listeners.iter().any(|name| &**name == request.listener()))
            && self.rest.fits(request, ListenerId(usize::MAX))
    }
}
