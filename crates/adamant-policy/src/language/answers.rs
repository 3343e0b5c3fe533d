//! `respond:` and `redirect:` answers that the gateway gives by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use adamant_filter::{Problem, ShortOrLong, Span, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Context;
use super::field::header_name;
use crate::config::{Redirect, Respond};

/// A fixed answer, with a body of `json` or `text` or none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RespondEntry {
    /// Status, 200 to 599. Default: 200.
    #[schemars(range(min = 200, max = 599))]
    status: Option<Spanned<u16>>,
    /// The body as JSON (`application/json`).
    json: Option<Value>,
    /// The body as text (`text/plain; charset=utf-8`).
    text: Option<String>,
    /// Further header fields. `content-type` here wins over that of the body.
    #[serde(default)]
    headers: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// A redirect: where to, or more.
pub(super) type RedirectEntry = ShortOrLong<Spanned<String>, RedirectParts>;

/// A redirect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RedirectParts {
    /// An absolute URI (`https://example.com/new`) or an absolute path (`/new`).
    to: Spanned<String>,
    /// 301, 302, 303, 307 or 308. Default: 308, which keeps the method.
    status: Option<Spanned<u16>>,
    /// Append the client's query. Default: true.
    keep_query: Option<bool>,
}

/// Fields that are the transport's business.
const OURS: [&str; 8] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn respond(entry: RespondEntry, place: Span, context: &mut Context<'_>) -> Option<Respond> {
    let (mut content_type, body): (Option<Arc<str>>, Arc<[u8]>) = match (&entry.json, &entry.text) {
        (Some(json), None) => (
            Some("application/json".into()),
            json.to_string().into_bytes().into(),
        ),
        (None, Some(text)) => (Some("text/plain; charset=utf-8".into()), text.as_bytes().into()),
        (None, None) => (None, Arc::default()),
        (Some(_), Some(_)) => {
            context.tell(
                Problem::new("keys.exclusive", "`json` and `text` exclude each other").with_span(place),
            );
            return None;
        }
    };
    let status = entry.status.unwrap_or_else(|| 200.into());
    if content_type.is_some() && [204, 205, 304].contains(&status.value) {
        let problem = Problem::new(
            "values.range",
            format!("an answer with status {} has no body", status.value),
        );
        context.tell(problem.with_span(if status.span.is_nowhere() {
            place
        } else {
            status.span
        }));
    }
    let mut headers: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(entry.headers.len());
    for (name, value) in entry.headers {
        let Some((name, value)) = context.keep(field(&name, &value)) else {
            continue;
        };
        match &*name {
            "content-type" => content_type = Some(value),
            _ => headers.push((name, value)),
        }
    }
    headers.sort_unstable();
    Some(Respond {
        status: status.value,
        content_type,
        body,
        headers,
    })
}

fn field(name: &Spanned<String>, value: &Spanned<String>) -> Result<(Arc<str>, Arc<str>), Problem> {
    let wrong = |message: String, span: Span| Problem::new("values.field", message).with_span(span);
    let known = header_name(name)
        .ok_or_else(|| wrong(format!("`{}` is not a header field name", name.value), name.span))?;
    if OURS.contains(&&*known) {
        return Err(wrong(
            format!("`{known}` is written by the gateway itself"),
            name.span,
        ));
    }
    let fits = value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) && value.trim() == value.as_str();
    if !fits {
        return Err(wrong(
            format!("the value of `{known}` cannot stand in a header field"),
            value.span,
        ));
    }
    Ok((known, value.as_str().into()))
}

pub(super) fn redirect(entry: RedirectEntry, context: &mut Context<'_>) -> Option<Redirect> {
    let parts = match entry {
        ShortOrLong::Short(to) => RedirectParts {
            to,
            status: None,
            keep_query: None,
        },
        ShortOrLong::Long(parts) => parts,
    };
    let to = parts.to.as_str();
    let rest = to.strip_prefix("https://").or_else(|| to.strip_prefix("http://"));
    let is_uri = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    // `//host` is a reference to another host, which nobody means who writes a path.
    let is_path = to.starts_with('/') && !to.starts_with("//");
    let keep_query = parts.keep_query.unwrap_or(true);
    let mut is_whole = true;
    if !(is_uri || is_path)
        || !to.bytes().all(|b| b.is_ascii_graphic())
        || to.contains(['#', '\\', '"', '<', '>'])
    {
        let problem = Problem::new("values.redirect", format!("`{to}` is not a place to redirect to"));
        context.tell(
            problem.with_span(parts.to.span).with_help(
                "write an absolute URI such as `https://example.com/new`, or a path such as `/new`",
            ),
        );
        is_whole = false;
    } else if keep_query && to.contains('?') {
        let problem = Problem::new(
            "values.redirect",
            "this has a query, and the client's would be appended to it",
        );
        context.tell(
            problem
                .with_span(parts.to.span)
                .with_help("write `keep-query: false`"),
        );
    }
    let status = parts.status.unwrap_or_else(|| 308.into());
    if ![301, 302, 303, 307, 308].contains(&status.value) {
        let problem = Problem::new(
            "values.choice",
            format!("{} is not the status of a redirect", status.value),
        );
        context.tell(
            problem
                .with_span(status.span)
                .with_help("the choices are 301, 302, 303, 307 and 308"),
        );
        is_whole = false;
    }
    is_whole.then(|| Redirect {
        to: to.into(),
        status: status.value,
        keep_query,
    })
}
