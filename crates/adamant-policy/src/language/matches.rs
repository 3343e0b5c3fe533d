//! `match:` and `when:` which requests are meant.

use std::collections::BTreeMap;
use std::sync::Arc;

use adamant_filter::{OneOrMany, Problem, ShortOrLong, Span, Spanned, did_you_mean};
use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use super::field::header_name;
use super::pattern::{host_pattern, path_pattern};
use crate::config::{FieldMatch, FieldValue, HostPattern, Match};

/// Which requests are meant. Everything that is written must hold; what is not written does not restrict.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MatchEntry {
    /// One host or a list: `api.example.com`, or `*.example.com` for one or more labels before the dot.
    host: Option<OneOrMany<Spanned<String>>>,
    /// Path, compared after it was made canonical: `/status`, `/orders/{id}` for one segment that is not
    /// empty, `/orders/**` for `/orders` and everything below.
    path: Option<Spanned<String>>,
    /// Methods, such as `[GET, HEAD]`.
    #[schemars(length(min = 1))]
    methods: Option<Vec<Spanned<String>>>,
    /// Header fields by name: a text that the field must be, or `{ present: true }`.
    #[schemars(extend("minProperties" = 1))]
    headers: Option<FieldEntries>,
    /// Query parameters by name: a text that the parameter must be, or `{ present: true }`.
    #[schemars(extend("minProperties" = 1))]
    query: Option<FieldEntries>,
    /// One listener or a list. Default: all that serve routes.
    listener: Option<OneOrMany<Spanned<String>>>,
}

/// Conditions by the name of a header field or query parameter.
type FieldEntries = BTreeMap<Spanned<String>, ShortOrLong<Spanned<String>, PresentEntry>>;

/// Whether something must be there at all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PresentEntry {
    /// `true`: it is there, whatever it says. `false`: it is not there.
    present: bool,
}

impl MatchEntry {
    /// Whether it says something without saying which path.
    pub(super) const fn needs_path(&self) -> bool {
        self.path.is_none()
    }
}

/// What a `match` or `when` means; `None` when a part of it means nothing.
pub(super) fn conditions(entry: MatchEntry, place: Span, context: &mut Context<'_>) -> Option<Match> {
    let is_empty =
        entry.host.is_none() && entry.path.is_none() && entry.methods.is_none() && entry.headers.is_none();
    if is_empty && entry.query.is_none() && entry.listener.is_none() && context.is_clean(place) {
        let problem = Problem::new("values.empty", "this matches every request").with_span(place);
        context.tell(problem.with_help("write a condition, or `path: /**` where every request is meant"));
    }
    let hosts = entry.host.map(|hosts| hosts_of(hosts, context));
    let path = entry.path.map(|path| context.keep(path_pattern(&path)));
    let methods = entry.methods.map(|methods| methods_of(methods, context));
    let headers = entry.headers.map(|fields| fields_of(fields, true, context));
    let query = entry.query.map(|fields| fields_of(fields, false, context));
    let listeners = entry.listener.map(|names| {
        let mut listeners = context.listeners(&names);
        listeners.sort_unstable_by_key(|id| id.0);
        listeners.dedup();
        (listeners.len() == names.0.len()).then_some(listeners)
    });
    Some(Match {
        hosts: hosts.unwrap_or(Some(Vec::new()))?,
        path: match path {
            Some(path) => Some(path?),
            None => None,
        },
        methods: methods.unwrap_or(Some(Vec::new()))?,
        headers: headers.unwrap_or(Some(Vec::new()))?,
        query: query.unwrap_or(Some(Vec::new()))?,
        listeners: listeners.unwrap_or(Some(Vec::new()))?,
    })
}

fn hosts_of(written: OneOrMany<Spanned<String>>, context: &mut Context<'_>) -> Option<Vec<HostPattern>> {
    let hosts: Vec<Option<HostPattern>> = written
        .0
        .iter()
        .map(|host| context.keep(host_pattern(host)))
        .collect();
    let mut hosts: Vec<HostPattern> = hosts.into_iter().collect::<Option<_>>()?;
    for (at, host) in hosts.iter().enumerate() {
        let earlier = hosts.iter().take(at).position(|earlier| earlier == host);
        if let (Some(first), Some(second)) =
            (earlier.and_then(|first| written.0.get(first)), written.0.get(at))
        {
            context.tell(twice(second, first.span));
        }
    }
    hosts.sort_unstable_by_key(HostPattern::to_string);
    hosts.dedup();
    Some(hosts)
}

fn twice(word: &Spanned<String>, first: Span) -> Problem {
    Problem::new("values.duplicate", format!("`{}` is written twice", word.value))
        .with_span(word.span)
        .with_second(first, "first written here")
}

/// Methods that people misspell, for guesses. Others are taken as they are.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

fn methods_of(written: Vec<Spanned<String>>, context: &mut Context<'_>) -> Option<Vec<Method>> {
    let mut methods: Vec<(Method, Span)> = Vec::with_capacity(written.len());
    let mut is_whole = true;
    for word in written {
        match context.keep(method(&word)) {
            None => is_whole = false,
            Some(method) => match methods.iter().find(|(known, _)| *known == method) {
                Some((_, first)) => context.tell(twice(&word, *first)),
                None => methods.push((method, word.span)),
            },
        }
    }
    let mut methods: Vec<Method> = methods.into_iter().map(|(method, _)| method).collect();
    methods.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    is_whole.then_some(methods)
}

fn method(word: &Spanned<String>) -> Result<Method, Problem> {
    let text = word.as_str();
    let wrong = |message: String| Problem::new("values.method", message).with_span(word.span);
    if ["CONNECT", "TRACE"].contains(&text) {
        let problem = wrong(format!("`{text}` is never served"));
        return Err(problem.with_help("CONNECT makes tunnels to anywhere, and TRACE shows credentials"));
    }
    let is_shaped = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    if METHODS.contains(&text) {
        return Method::from_bytes(text.as_bytes()).map_err(|_| wrong(format!("`{text}` is not a method")));
    }
    // A word at one edit from a known method is a slip; anything else may be somebody's extension.
    match did_you_mean(&text.to_ascii_uppercase(), METHODS) {
        Some(guess) => Err(wrong(format!(
            "`{text}` is not a method; did you mean `{guess}`?"
        ))),
        None if is_shaped => {
            Method::from_bytes(text.as_bytes()).map_err(|_| wrong(format!("`{text}` is not a method")))
        }
        None => Err(wrong(format!("`{text}` is not a method")).with_help("methods are written in capitals")),
    }
}

fn fields_of(written: FieldEntries, is_header: bool, context: &mut Context<'_>) -> Option<Vec<FieldMatch>> {
    let mut fields: Vec<FieldMatch> = Vec::with_capacity(written.len());
    let mut is_whole = true;
    for (name, rule) in written {
        let value = match rule {
            ShortOrLong::Short(text) => FieldValue::Exact(text.value.into()),
            ShortOrLong::Long(PresentEntry { present: true }) => FieldValue::Present,
            ShortOrLong::Long(PresentEntry { present: false }) => FieldValue::Absent,
        };
        match context.keep(field_name(&name, is_header)) {
            None => is_whole = false,
            Some(known) if fields.iter().any(|field| field.name == known) => {
                let problem = Problem::new(
                    "keys.duplicate",
                    format!("the header field `{known}` is written twice"),
                );
                context.tell(
                    problem
                        .with_span(name.span)
                        .with_help("names of header fields know no capitals"),
                );
            }
            Some(name) => fields.push(FieldMatch { name, value }),
        }
    }
    fields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    is_whole.then_some(fields)
}

fn field_name(name: &Spanned<String>, is_header: bool) -> Result<Arc<str>, Problem> {
    if !is_header {
        return Ok(name.as_str().into());
    }
    let wrong = |message: String| Problem::new("values.field", message).with_span(name.span);
    let field =
        header_name(name).ok_or_else(|| wrong(format!("`{}` is not a header field name", name.value)))?;
    if &*field == "host" {
        return Err(wrong("the field `host` is matched by the key `host`".to_owned()));
    }
    Ok(field)
}
