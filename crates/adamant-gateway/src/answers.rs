//! The gateway's own answers: problem documents (RFC 9457) and gRPC statuses, prepared at boot.
//!
//! A body holds the reason's code, the request id and the digest; never anything internal, and never
//! anything that the client sent.

use std::collections::HashMap;
use std::sync::Arc;

use adamant_filter::{Details, Fields, Place, Reason};
use adamant_policy::plan::Refusal;
use bytes::Bytes;
use foldhash::fast::RandomState;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER as RETRY_AFTER_FIELD,
};
use http::{StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::date::get_cached_date;

use crate::overload::{OVERLOADED, RETRY_AFTER};
use crate::reasons;
use crate::request_id::RequestId;

/// `X-Request-Id`.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Prepared answers by who refuses and why.
#[derive(Debug)]
pub(crate) struct Answers {
    pages: HashMap<(&'static str, &'static str), Pages, RandomState>,
    digest: String,
}

/// The texts for one reason.
#[derive(Debug)]
struct Pages {
    plain: Page,
    /// Of a quota: the text by the id of the step that was exceeded.
    by_policy: HashMap<Arc<str>, Page, RandomState>,
}

/// The type of a problem that is a quota (draft-ietf-httpapi-ratelimit-headers), whose member
/// `violated-policies` names what stands in `RateLimit-Policy`.
const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// The type of a problem that is no fault of the client's (of the same draft).
const REDUCED: &str = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

/// The text of a problem document around the request id, which stands in it twice.
#[derive(Debug)]
pub(crate) struct Page {
    /// Status line and fixed fields of an HTTP/1.1 answer.
    head: String,
    /// One more fixed field: when the client may come again.
    retry_after: Option<HeaderValue>,
    before: String,
    between: &'static str,
    after: String,
    length: HeaderValue,
}

impl Page {
    fn new(by: &str, reason: &Reason, digest: &str, policy: Option<&str>) -> Self {
        let violated = policy.map(|policy| (QUOTA.to_owned(), violated(policy)));
        Self::with_members(by, reason, digest, violated)
    }

    /// The text that tells where in the request the reason applies.
    fn with_errors(by: &str, reason: &Reason, digest: &str, details: &Details) -> Self {
        let kind = format!("urn:adamant:reason:{by}.{}", reason.code());
        Self::with_members(by, reason, digest, Some((kind, errors(details))))
    }

    /// The text with another type of problem and further members, if that is given.
    fn with_members(by: &str, reason: &Reason, digest: &str, special: Option<(String, String)>) -> Self {
        let code = format!("{by}.{}", reason.code());
        let is_shed = *reason == OVERLOADED && by == reasons::GATEWAY;
        let (kind, members) = match special {
            Some(special) => special,
            // The name is that of the key in the file.
            None if is_shed => (REDUCED.to_owned(), violated("overload")),
            None => (format!("urn:adamant:reason:{code}"), String::new()),
        };
        let (status, text) = (reason.status(), reason.text());
        let before = format!(
            "{{\"type\":\"{kind}\",\"title\":{text:?},\"status\":{status},\"reason\":\"{code}\",{members}\
             \"instance\":\"urn:uuid:"
        );
        let between = "\",\"request_id\":\"";
        let after = format!("\",\"digest\":\"{digest}\"}}\n");
        let length = before.len() + between.len() + after.len() + 72;
        let phrase = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Refused");
        let is_for_a_moment = is_shed || (*reason == reasons::BODIES_FULL && by == reasons::GATEWAY);
        let again = if is_for_a_moment {
            format!("Retry-After: {RETRY_AFTER}\r\n")
        } else {
            String::new()
        };
        let head = format!(
            "HTTP/1.1 {status} {phrase}\r\nContent-Type: application/problem+json\r\nContent-Length: {length}\r\n\
             Cache-Control: no-store\r\n{again}X-Request-Id: "
        );
        Self {
            head,
            retry_after: is_for_a_moment.then(|| HeaderValue::from_static(RETRY_AFTER)),
            before,
            between,
            after,
            length: HeaderValue::from(length),
        }
    }

    fn parts<'p>(&'p self, id: &'p RequestId) -> [&'p [u8]; 5] {
        [
            self.before.as_bytes(),
            id.as_bytes(),
            self.between.as_bytes(),
            id.as_bytes(),
            self.after.as_bytes(),
        ]
    }

    fn body(&self, id: &RequestId) -> Vec<u8> {
        self.parts(id).concat()
    }

    /// Appends a complete HTTP/1.1 answer.
    pub(crate) fn write(
        &self,
        fields: &[(HeaderName, HeaderValue)],
        id: &RequestId,
        close: bool,
        into: &mut Vec<u8>,
    ) {
        into.extend_from_slice(self.head.as_bytes());
        into.extend_from_slice(id.as_bytes());
        into.extend_from_slice(b"\r\nDate: ");
        into.extend_from_slice(get_cached_date().as_bytes());
        for (name, value) in fields {
            into.extend_from_slice(b"\r\n");
            into.extend_from_slice(name.as_str().as_bytes());
            into.extend_from_slice(b": ");
            into.extend_from_slice(value.as_bytes());
        }
        let connection: &[u8] = if close { b"close" } else { b"keep-alive" };
        into.extend_from_slice(b"\r\nConnection: ");
        into.extend_from_slice(connection);
        into.extend_from_slice(b"\r\n\r\n");
        for part in self.parts(id) {
            into.extend_from_slice(part);
        }
    }
}

/// An answer of the gateway, complete.
#[derive(Debug)]
pub(crate) struct OwnAnswer {
    /// Status and fields; `Content-Length` included.
    pub(crate) head: Box<ResponseHeader>,
    /// The body.
    pub(crate) body: Bytes,
}

impl Answers {
    /// Prepares answers for all reasons that the plan and the engine know.
    pub(crate) fn new(digest: &str, reasons: impl Iterator<Item = (&'static str, &'static Reason)>) -> Self {
        let pages = |(by, reason): (&'static str, &'static Reason)| {
            let pages = Pages {
                plain: Page::new(by, reason, digest, None),
                by_policy: HashMap::default(),
            };
            ((by, reason.code()), pages)
        };
        Self {
            pages: reasons.map(pages).collect(),
            digest: digest.to_owned(),
        }
    }

    /// Prepares answers that name the quota: the limit `policy` of a step, which may refuse for these reasons.
    pub(crate) fn name_quotas(&mut self, by: &'static str, policy: &Arc<str>, reasons: &[&'static Reason]) {
        for reason in reasons.iter().filter(|reason| is_quota(reason)) {
            if let Some(pages) = self.pages.get_mut(&(by, reason.code())) {
                let page = || Page::new(by, reason, &self.digest, Some(policy));
                pages.by_policy.entry(Arc::clone(policy)).or_insert_with(page);
            }
        }
    }

    /// The prepared answer to a refusal, by the limit `policy` if it is a quota.
    pub(crate) fn page(&self, refusal: &Refusal, policy: Option<&str>) -> Option<&Page> {
        if refusal.details.is_some() {
            // What stands in it is known with the request alone.
            return None;
        }
        let pages = self.pages.get(&(refusal.by, refusal.reason.code()))?;
        let named = policy.and_then(|policy| pages.by_policy.get(policy));
        Some(named.unwrap_or(&pages.plain))
    }

    /// The answer to a refusal, by the limit `policy` if it is a quota. gRPC callers get a status in the way
    /// of gRPC.
    pub(crate) fn refusal(
        &self,
        refusal: Refusal,
        policy: Option<&str>,
        id: &RequestId,
        request: &RequestHeader,
    ) -> OwnAnswer {
        if is_grpc(request) {
            return grpc(&refusal, id);
        }
        let made;
        let page = match self.page(&refusal, policy) {
            Some(page) => page,
            None => {
                let (by, reason, digest) = (refusal.by, refusal.reason, &self.digest);
                made = match &refusal.details {
                    Some(details) => Page::with_errors(by, reason, digest, details),
                    // A reason that its filter does not list among `REASONS` is answered all the same.
                    None => Page::new(by, reason, digest, None),
                };
                &made
            }
        };
        let status =
            StatusCode::from_u16(refusal.reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut head = Box::new(bare_head(status, 8));
        put(&mut head, CONTENT_TYPE, PROBLEM);
        put(&mut head, CONTENT_LENGTH, page.length.clone());
        put(&mut head, CACHE_CONTROL, NO_STORE);
        if let Some(seconds) = &page.retry_after {
            put(&mut head, RETRY_AFTER_FIELD, seconds.clone());
        }
        put_id(&mut head, id);
        add(&mut head, refusal.fields);
        OwnAnswer {
            head,
            body: page.body(id).into(),
        }
    }

    /// A complete HTTP/1.1 answer for a connection on which no head could be read; it closes.
    pub(crate) fn raw(&self, by: &'static str, reason: &'static Reason, id: &RequestId) -> Bytes {
        let mut answer = Vec::new();
        Page::new(by, reason, &self.digest, None).write(&[], id, true, &mut answer);
        answer.into()
    }
}

/// The member that names what was violated.
fn violated(policy: &str) -> String {
    format!("\"violated-policies\":[{policy:?}],")
}

/// The member that tells where in the request something is wrong.
fn errors(details: &Details) -> String {
    let mut list = Vec::new();
    for detail in details.iter() {
        let place = match &detail.place {
            Place::Pointer(text) | Place::Parameter(text) => serde_json::Value::from(text.as_ref()),
            Place::Offset(at) => serde_json::Value::from(*at),
        };
        let (member, code) = (detail.place.member(), detail.code);
        list.push(format!("{{\"{member}\":{place},\"code\":\"{code}\"}}"));
    }
    format!("\"errors\":[{}],", list.join(","))
}

/// Whether a reason is a quota that was used up.
pub(crate) const fn is_quota(reason: &Reason) -> bool {
    reason.status() == 429
}

/// A head without fields.
pub(crate) fn bare_head(status: StatusCode, fields: usize) -> ResponseHeader {
    #[expect(
        clippy::expect_used,
        reason = "building fails for codes that `StatusCode` cannot hold"
    )]
    ResponseHeader::build_no_case(status, Some(fields)).expect("a status between 100 and 999")
}

/// Puts a field; a head of ours never reaches the bound of 32,768 fields at which that fails.
pub(crate) fn put(head: &mut ResponseHeader, name: HeaderName, value: HeaderValue) {
    let _ = head.insert_header(name, value);
}

/// Adds fields, several of one name beside each other.
pub(crate) fn add(head: &mut ResponseHeader, fields: Fields) {
    for (name, value) in fields {
        let _ = head.append_header(name, value);
    }
}

/// Tells the client the id of its request.
pub(crate) fn put_id(head: &mut ResponseHeader, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_bytes(id.as_bytes()) {
        // As text, since a head that keeps the spelling of names copies the text of a `HeaderName`.
        let _ = head.insert_header("X-Request-Id", value);
    }
}

/// Whether the caller speaks gRPC, so that an answer in another form would be of no use to it.
fn is_grpc(request: &RequestHeader) -> bool {
    request.version == Version::HTTP_2
        && request
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|media| media.as_bytes().starts_with(b"application/grpc"))
}

/// Trailers-only (gRPC over HTTP/2): HTTP 200, and the status in the head.
fn grpc(refusal: &Refusal, id: &RequestId) -> OwnAnswer {
    let mut head = Box::new(bare_head(StatusCode::OK, 8));
    put(
        &mut head,
        CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    put(
        &mut head,
        HeaderName::from_static("grpc-status"),
        HeaderValue::from(grpc_status(refusal.reason.status())),
    );
    let message = percent_encoded(&format!(
        "{} ({}.{})",
        refusal.reason.text(),
        refusal.by,
        refusal.reason.code()
    ));
    if let Ok(message) = HeaderValue::from_str(&message) {
        put(&mut head, HeaderName::from_static("grpc-message"), message);
    }
    put_id(&mut head, id);
    OwnAnswer {
        head,
        body: Bytes::new(),
    }
}

/// The gRPC status that says to a gRPC caller what the HTTP status says to others.
const fn grpc_status(status: u16) -> u16 {
    match status {
        401 => 16,
        403 | 421 => 7,
        404 | 405 | 501 => 12,
        413 | 429 | 431 => 8,
        408 | 504 => 4,
        502 | 503 => 14,
        500 => 13,
        _ => 3,
    }
}

/// Percent-encoding of `grpc-message`: printable ASCII but `%` stands for itself.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte == b'%' || !(b' '..=b'~').contains(&byte) {
            out.push_str(&format!("%{byte:02X}"));
        } else {
            out.push(char::from(byte));
        }
    }
    out
}
