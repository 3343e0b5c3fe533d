//! Heads of the answers that the gateway itself would give, without what only a connection knows.
//!
//! Never a body: what stands in it follows from status and reason.

use std::collections::BTreeMap;

use adamant_filter::{Fields, Reply};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use pingora_http::ResponseHeader;

use crate::config::{Redirect, Respond};
use crate::plan::Refusal;

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The answer to a refusal.
pub(super) fn refusal(refusal: Refusal) -> Box<ResponseHeader> {
    let mut head = head(refusal.reason.status());
    put(&mut head, vec![(CONTENT_TYPE, PROBLEM)]);
    put(&mut head, refusal.fields);
    head
}

/// The answer that a filter gave.
pub(super) fn reply(reply: Reply) -> Box<ResponseHeader> {
    let mut head = head(reply.status);
    put(&mut head, reply.fields);
    head
}

/// The answer of a route with `respond`.
pub(super) fn fixed(respond: &Respond) -> Box<ResponseHeader> {
    let mut head = head(respond.status);
    let media = respond
        .content_type
        .iter()
        .map(|media| ("content-type", &**media));
    let others = respond.headers.iter().map(|(name, value)| (&**name, &**value));
    put(
        &mut head,
        media
            .chain(others)
            .filter_map(|(name, value)| field(name, value))
            .collect(),
    );
    head
}

/// The answer of a route with `redirect`.
pub(super) fn redirect(redirect: &Redirect, query: Option<&str>) -> Box<ResponseHeader> {
    let mut head = head(redirect.status);
    let target = match query.filter(|_| redirect.keep_query) {
        Some(query) => format!("{}?{query}", redirect.to),
        None => redirect.to.to_string(),
    };
    put(
        &mut head,
        HeaderValue::try_from(target)
            .map(|target| vec![(LOCATION, target)])
            .unwrap_or_default(),
    );
    head
}

/// Fields by name; several of one name are joined as a list.
pub(super) fn fields(head: &ResponseHeader) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let all = fields.entry(name.as_str().to_owned()).or_default();
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&value);
    }
    fields
}

/// A head with this status and nothing else.
pub(super) fn head(status: u16) -> Box<ResponseHeader> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    #[expect(
        clippy::expect_used,
        reason = "building fails for codes that `StatusCode` cannot hold"
    )]
    Box::new(ResponseHeader::build_no_case(status, None).expect("a status between 100 and 999"))
}

/// Names and values of the file were checked when it was read.
fn field(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((
        HeaderName::try_from(name).ok()?,
        HeaderValue::from_str(value).ok()?,
    ))
}

fn put(head: &mut ResponseHeader, fields: Fields) {
    for (name, value) in fields {
        // Appending fails beyond 32,768 fields.
        let _ = head.append_header(name, value);
    }
}
