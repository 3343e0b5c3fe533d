//! Inspection of a raw HTTP/1 request head before anything else reads it.
//!
//! It answers one question: can two readers of these bytes disagree about the message? If so the head
//! is refused. It builds no header map, copies and allocates nothing, and decides nothing about policy.

use adamant_filter::Reason;
use adamant_policy::config::Bounds;

use super::reasons;

mod bytes;
mod fields;

use bytes::{is_target_byte, is_token, line};
use fields::Fields;

/// Maxima of a request head.
#[derive(Clone, Copy, Debug)]
pub struct HeadBounds {
    /// Bytes of request line and fields together.
    pub bytes: usize,
    /// Number of field lines.
    pub fields: usize,
    /// Bytes of the request target.
    pub target_bytes: usize,
}

impl HeadBounds {
    /// The maxima of a listener.
    #[must_use]
    pub fn of(bounds: &Bounds) -> Self {
        Self {
            bytes: bounds.header_bytes.as_usize(),
            fields: bounds.header_fields as usize,
            target_bytes: bounds.target_bytes.as_usize(),
        }
    }
}

/// How the body of a request is delimited, RFC 9112 §6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is no body.
    None,
    /// `Content-Length`, at least one byte.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// What a carrier may rely on about an accepted head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadFacts {
    /// Bytes of the head, the empty line included; they are still unread.
    pub head_len: usize,
    /// How the body is delimited.
    pub body: BodyFraming,
    /// Has an `Upgrade` field (HTTP/1.1 only), nominated or not: Pingora takes either for an upgrade.
    pub upgrade: bool,
    /// Waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// The version is HTTP/1.0.
    pub http10: bool,
    /// The client wants the connection closed afterwards: said so, or HTTP/1.0 without keep-alive.
    pub close: bool,
}

impl HeadFacts {
    /// No byte of a body follows the head.
    #[must_use]
    pub const fn is_bodiless(&self) -> bool {
        matches!(self.body, BodyFraming::None)
    }
}

/// Looks at the bytes of a head that has just begun. `Ok(None)`: it is not complete yet.
///
/// Costs some 200 ns for the head of a browser; see [`Progress`] for heads that arrive in pieces.
///
/// # Errors
/// The reason for which the head is refused; the connection cannot be used any further.
#[inline]
pub fn inspect(bytes: &[u8], bounds: &HeadBounds) -> Result<Option<HeadFacts>, &'static Reason> {
    let window = bytes.get(..bounds.bytes).unwrap_or(bytes);
    let mut rest = window;
    let Some(first) = line(&mut rest)? else {
        return unfinished_request_line(window, bounds);
    };
    let request = request_line(first, bounds)?;
    let mut fields = Fields::default();
    let mut count = 0;
    loop {
        let Some(field) = line(&mut rest)? else {
            return if window.len() == bounds.bytes {
                Err(&reasons::HEAD_TOO_LARGE)
            } else {
                Ok(None)
            };
        };
        if field.is_empty() {
            break;
        }
        count += 1;
        if count > bounds.fields {
            return Err(&reasons::TOO_MANY_FIELDS);
        }
        fields.read(field)?;
    }
    fields.facts(&request, window.len() - rest.len()).map(Some)
}

/// The parts of a request line that the fields are judged by.
struct RequestLine<'a> {
    /// Authority of a target in absolute form.
    authority: Option<&'a [u8]>,
    http10: bool,
}

#[inline]
fn request_line<'a>(line: &'a [u8], bounds: &HeadBounds) -> Result<RequestLine<'a>, &'static Reason> {
    let (method, rest) = split_at_space(line).ok_or(&reasons::REQUEST_LINE)?;
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return Err(&reasons::METHOD);
    }
    // The version has eight bytes; whatever stands between is the target.
    let at = rest.len().checked_sub(8).ok_or(&reasons::REQUEST_LINE)?;
    let (target, version) = rest.split_at_checked(at).ok_or(&reasons::REQUEST_LINE)?;
    let http10 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(&reasons::VERSION),
        _ => return Err(&reasons::REQUEST_LINE),
    };
    let [target @ .., b' '] = target else {
        return Err(&reasons::REQUEST_LINE);
    };
    if target.len() > bounds.target_bytes {
        return Err(&reasons::TARGET_TOO_LONG);
    }
    if matches!(method, b"CONNECT" | b"TRACE") {
        return Err(&reasons::METHOD_UNSUPPORTED);
    }
    Ok(RequestLine {
        authority: target_authority(method, target)?,
        http10,
    })
}

/// The authority when the target is in absolute form; `None` in origin form.
#[inline]
fn target_authority<'a>(method: &[u8], target: &'a [u8]) -> Result<Option<&'a [u8]>, &'static Reason> {
    if !target.iter().copied().all(is_target_byte) {
        return Err(&reasons::TARGET);
    }
    match target {
        [b'/', ..] => Ok(None),
        b"*" if method == b"OPTIONS" => Ok(None),
        _ => {
            let rest = strip_scheme(target, b"http://")
                .or_else(|| strip_scheme(target, b"https://"))
                .ok_or(&reasons::TARGET)?;
            let authority = rest
                .split(|byte| matches!(byte, b'/' | b'?'))
                .next()
                .unwrap_or_default();
            Ok(Some(authority))
        }
    }
}

fn strip_scheme<'a>(target: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = target.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn split_at_space(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == b' ')?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

/// The request line has not ended: whether it still can.
#[cold]
fn unfinished_request_line(window: &[u8], bounds: &HeadBounds) -> Result<Option<HeadFacts>, &'static Reason> {
    // Longest method that anybody uses, two spaces and the version.
    const AROUND_TARGET: usize = 64;
    let too_long = window.len() > bounds.target_bytes + AROUND_TARGET || window.len() == bounds.bytes;
    if too_long {
        Err(&reasons::TARGET_TOO_LONG)
    } else {
        Ok(None)
    }
}

/// Remembers how far a head that arrives in pieces was searched, so that a drip of single bytes costs
/// one look per byte and not one inspection per byte.
#[derive(Debug, Default)]
pub struct Progress {
    searched: usize,
    line_start: usize,
}

impl Progress {
    /// Some bytes were searched.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.searched > 0
    }

    /// Whether the bytes can now be judged: an empty line has come, or a line end that will be refused.
    /// `bytes` must begin where it began the last time.
    pub fn is_due(&mut self, bytes: &[u8]) -> bool {
        let fresh = bytes.get(self.searched..).unwrap_or_default();
        for (offset, _) in fresh.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            let end = self.searched + offset;
            let line = bytes.get(self.line_start..end).unwrap_or_default();
            self.line_start = end + 1;
            if matches!(line, b"\r") || !line.ends_with(b"\r") {
                return true;
            }
        }
        self.searched = bytes.len();
        false
    }
}

#[cfg(test)]
mod tests;
