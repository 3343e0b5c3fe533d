//! The head of an endpoint's answer before the client sees it: it has exactly one framing, and nothing is
//! left that concerns the endpoint's connection to us alone. The counterpart of `outgoing`.
//!
//! It knows no policy and never looks at a body.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode, Version};
use pingora::http::ResponseHeader;

/// Headers that concern the endpoint's connection to us alone.
const HOPS: [HeaderName; 3] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
];

/// Two readers could find different ends of the answer.
#[derive(Debug)]
pub(crate) struct Ambiguous;

/// Makes the head of an endpoint's answer one of ours.
pub(crate) fn adopt(head: &mut ResponseHeader) -> Result<(), Ambiguous> {
    strip_hops(head, head.status == StatusCode::SWITCHING_PROTOCOLS);
    if head.version == Version::HTTP_10 {
        head.set_version(Version::HTTP_11);
    }
    if head.status.is_informational() || head.status == StatusCode::NO_CONTENT {
        // Neither may say how long a body is that it cannot have (RFC 9110 §8.6, RFC 9112 §6.1).
        head.remove_header(&CONTENT_LENGTH);
        head.remove_header(&TRANSFER_ENCODING);
        return Ok(());
    }
    check_coding(head)?;
    join_lengths(head);
    Ok(())
}

/// Whether a body follows this head in answer to `method` (RFC 9110 §6.4.1).
pub(crate) fn has_body(method: &Method, status: StatusCode) -> bool {
    let is_bodiless =
        status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    *method != Method::HEAD && !is_bodiless
}

/// An answer over HTTP/1.1 without a framing gets an end of its own: the client can tell it from one that broke off,
/// and its connection goes on. It may have come without one, or a filter has taken its length away.
pub(crate) fn end_by_chunks(head: &mut ResponseHeader) {
    let is_framed = head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
    if !is_framed {
        // A name and a value that are always valid.
        let _ = head.insert_header(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// We never say that we read another coding than `chunked`, so no endpoint may use one (RFC 9112 §7).
fn check_coding(head: &ResponseHeader) -> Result<(), Ambiguous> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Ambiguous),
    }
}

/// One length said several times becomes one line (RFC 9110 §8.6). That all of them are the same has been
/// seen by the parser.
fn join_lengths(head: &mut ResponseHeader) {
    let mut lines = head.headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lines.next() else { return };
    if lines.next().is_none() && !first.as_bytes().contains(&b',') {
        return;
    }
    let one = first.as_bytes().split(|byte| *byte == b',').next();
    if let Some(Ok(length)) = one.map(|length| HeaderValue::from_bytes(length.trim_ascii())) {
        // A part of a valid value is one.
        let _ = head.insert_header(CONTENT_LENGTH, length);
    }
}

fn strip_hops(head: &mut ResponseHeader, switched: bool) {
    for name in &HOPS {
        head.remove_header(name);
    }
    if switched {
        return;
    }
    head.remove_header(&UPGRADE);
    if head.headers.contains_key(CONNECTION) {
        // What the upstream nominates concerns its connection to us (RFC 9110 §7.6.1).
        let nominated: Vec<HeaderName> = head
            .headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|token| HeaderName::try_from(token.trim()).ok())
            .filter(|name| {
                !matches!(
                    name.as_str(),
                    "content-length" | "transfer-encoding" | "content-type" | "host"
                )
            })
            .collect();
        for name in nominated {
            head.remove_header(&name);
        }
        head.remove_header(&CONNECTION);
    }
}
