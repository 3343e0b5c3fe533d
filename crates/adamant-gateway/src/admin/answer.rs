//! Answers of the operators' listeners as bytes: a head with a length, and the connection closed.
//!
//! Every health and error body carries the digest, so that a probe also tells which policy answered.

use adamant_filter::Reason;
use adamant_observe::CONTENT_TYPE;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{AdminState, Check};

/// Anything but reading.
pub(super) static METHOD: Reason = Reason::new(
    "method",
    405,
    "this listener only answers GET and HEAD without a body",
);
/// A path that this listener does not serve.
pub(super) static NOT_FOUND: Reason = Reason::new("not-found", 404, "this listener serves no such path");
/// A host that is not this machine, see `Scope::is_local`.
pub(super) static FOREIGN_HOST: Reason = Reason::new(
    "host",
    403,
    "this listener only answers to localhost and loopback addresses",
);
/// The text could not be made.
pub(super) static FAILED: Reason = Reason::new("internal", 500, "the answer could not be made");

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    media: &'static str,
    body: Vec<u8>,
}

impl Answer {
    /// Why nothing is told, as a problem document (RFC 9457).
    pub(super) fn refusal(reason: &Reason, digest: &str) -> Self {
        let body = json!({
            "title": reason.text(),
            "status": reason.status(),
            "reason": format!("admin.{}", reason.code()),
            "digest": digest,
        });
        Self::json(reason.status(), "application/problem+json", &body)
    }

    /// Whether all is good; what is not is always named, what is only when asked for.
    pub(super) fn health(checks: &[Check], digest: &str, is_verbose: bool) -> Self {
        let is_good = checks.iter().all(|check| check.is_good);
        let told = checks.iter().filter(|check| is_verbose || !check.is_good);
        let told: Vec<_> = told
            .map(|check| json!({ "name": check.name, "status": word(check.is_good), "detail": check.detail }))
            .collect();
        let mut body = json!({ "status": word(is_good), "digest": digest });
        if let Some(body) = body.as_object_mut().filter(|_| is_verbose || !is_good) {
            body.insert("checks".to_owned(), told.into());
        }
        Self::json(if is_good { 200 } else { 503 }, "application/json", &body)
    }

    /// What runs here.
    pub(super) fn version(state: &dyn AdminState) -> Self {
        let filters: Map<String, Value> = state
            .filters()
            .into_iter()
            .map(|(name, version)| (name, version.into()))
            .collect();
        let body = json!({
            "version": state.version(),
            "digest": state.digest(),
            "language": state.language(),
            "filters": filters,
        });
        Self::json(200, "application/json", &body)
    }

    /// Metrics as text.
    pub(super) const fn metrics(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            media: CONTENT_TYPE,
            body,
        }
    }

    fn json(status: u16, media: &'static str, body: &Value) -> Self {
        let mut body = body.to_string().into_bytes();
        body.push(b'\n');
        Self { status, media, body }
    }

    /// The answer as it is sent.
    pub(super) fn into_bytes(self, is_head: bool) -> Vec<u8> {
        let phrase = StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason());
        let allow = if self.status == METHOD.status() {
            "allow: GET, HEAD\r\n"
        } else {
            ""
        };
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
             x-content-type-options: nosniff\r\n{allow}connection: close\r\n\r\n",
            self.status,
            phrase.unwrap_or_default(),
            self.media,
            self.body.len(),
        )
        .into_bytes();
        if !is_head {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

const fn word(is_good: bool) -> &'static str {
    if is_good { "pass" } else { "fail" }
}
