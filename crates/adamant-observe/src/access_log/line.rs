//! A record as one line of JSON, written by hand into memory that is already there.
//!
//! Keys are constants and their order is fixed. Query values are never written, header fields only
//! where the file names them. What is unknown is left out, so a key that is there has a value.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Identity, Request, TlsFacts, Wall};
use http::header::{HeaderName, HeaderValue, USER_AGENT};

use super::json::{push_escaped, push_string};
use crate::decimal;
use crate::record::{Record, Step, UpstreamUse};

/// Written in place of a value that must not be known.
const MASK: &[u8] = b"***";

/// Parameters of a query whose names are written.
const PARAMETERS_MAX: usize = 32;

/// What a line has besides the fixed keys; compiled at boot.
#[derive(Debug)]
pub(super) struct Shape {
    fields: Box<[Field]>,
    masks_user_agent: bool,
}

/// A header field that is written.
#[derive(Debug)]
struct Field {
    name: HeaderName,
    /// `"name":`
    key: Box<[u8]>,
    masked: bool,
}

/// A name that no header field can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not the name of a header field")]
pub struct InvalidFieldName {
    /// The name as given.
    pub name: Arc<str>,
}

impl Shape {
    /// A shape with these header fields, of which those in `redact` are masked.
    pub(super) fn new(fields: &[Arc<str>], redact: &[Arc<str>]) -> Result<Self, InvalidFieldName> {
        let is_masked = |name: &str| redact.iter().any(|masked| masked.eq_ignore_ascii_case(name));
        let compile = |text: &Arc<str>| {
            let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| InvalidFieldName {
                name: Arc::clone(text),
            })?;
            let key = format!("\"{name}\":").into_bytes().into();
            Ok(Field {
                masked: is_masked(name.as_str()),
                name,
                key,
            })
        };
        Ok(Self {
            fields: fields.iter().map(compile).collect::<Result<_, _>>()?,
            masks_user_agent: is_masked(USER_AGENT.as_str()),
        })
    }

    /// Appends the line of `record`, with its line end.
    pub(super) fn write(&self, out: &mut Vec<u8>, second: &mut Second, record: &Record<'_>) {
        out.extend_from_slice(b"{\"ts\":\"");
        second.push(out, record.arrived);
        out.push(b'"');
        push_text(out, b",\"request_id\":", record.request_id);
        push_text(out, b",\"digest\":", record.digest);
        push_text(out, b",\"instance\":", record.instance);
        push_text(out, b",\"listener\":", record.listener);
        push_peers(out, record);
        if let Some(tls) = record.tls {
            push_tls(out, tls);
        }
        push_target(out, record);
        push_result(out, record);
        if let Some(identity) = record.identity {
            push_identity(out, identity);
        }
        if let Some(upstream) = &record.upstream {
            push_upstream(out, upstream);
        }
        push_sizes(out, record);
        if let Some(request) = record.request {
            self.push_fields(out, request);
            push_notes(out, request);
        }
        push_shadow(out, record.shadow);
        out.extend_from_slice(b"}\n");
    }

    fn push_fields(&self, out: &mut Vec<u8>, request: &Request) {
        if let Some(value) = request.header(&USER_AGENT) {
            out.extend_from_slice(b",\"user_agent\":");
            push_string(
                out,
                if self.masks_user_agent {
                    MASK
                } else {
                    value.as_bytes()
                },
            );
        }
        let mut list = List::new(b",\"headers\":{");
        for field in &self.fields {
            let mut values = request.head().headers.get_all(&field.name).iter();
            let Some(first) = values.next() else { continue };
            list.next(out);
            out.extend_from_slice(&field.key);
            if field.masked {
                push_string(out, MASK);
                continue;
            }
            push_values(out, first, values);
        }
        list.end(out, b"}");
    }
}

/// Several lines of one field are one list, as RFC 9110 §5.3 combines them.
fn push_values<'v>(out: &mut Vec<u8>, first: &HeaderValue, others: impl Iterator<Item = &'v HeaderValue>) {
    out.push(b'"');
    push_escaped(out, first.as_bytes());
    for other in others {
        out.extend_from_slice(b", ");
        push_escaped(out, other.as_bytes());
    }
    out.push(b'"');
}

/// The text of the last second that was written: a busy worker formats a date once per second.
#[derive(Debug)]
pub(super) struct Second {
    number: u64,
    /// `2026-11-23T12:00:00`
    text: [u8; 19],
}

impl Default for Second {
    fn default() -> Self {
        Self {
            number: 0,
            text: *b"1970-01-01T00:00:00",
        }
    }
}

impl Second {
    fn push(&mut self, out: &mut Vec<u8>, wall: Wall) {
        if wall.seconds() != self.number {
            self.renew(wall.seconds());
        }
        out.extend_from_slice(&self.text);
        out.push(b'.');
        decimal::push_padded::<3>(out, wall.0 % 1_000);
        out.push(b'Z');
    }

    #[cold]
    fn renew(&mut self, seconds: u64) {
        // A clock beyond the year 9999 keeps the last second that could be told.
        let Some(moment) = i64::try_from(seconds)
            .ok()
            .and_then(|s| jiff::Timestamp::from_second(s).ok())
        else {
            return;
        };
        let mut text = self.text;
        // Only the trailing `Z` does not fit, which is the error that is ignored here.
        let _ = write!(text.as_mut_slice(), "{moment:.0}");
        *self = Self {
            number: seconds,
            text,
        };
    }
}

/// The punctuation of a list or object that is left out when it is empty.
struct List {
    opening: &'static [u8],
    is_open: bool,
}

impl List {
    const fn new(opening: &'static [u8]) -> Self {
        Self {
            opening,
            is_open: false,
        }
    }

    fn next(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.is_open { b"," } else { self.opening });
        self.is_open = true;
    }

    fn end(self, out: &mut Vec<u8>, closing: &[u8]) {
        if self.is_open {
            out.extend_from_slice(closing);
        }
    }
}

/// A key with a text; neither when the text is empty.
fn push_text(out: &mut Vec<u8>, key: &[u8], text: &str) {
    if !text.is_empty() {
        out.extend_from_slice(key);
        push_string(out, text.as_bytes());
    }
}

fn push_number(out: &mut Vec<u8>, key: &[u8], value: u64) {
    out.extend_from_slice(key);
    decimal::push(out, value);
}

fn push_duration(out: &mut Vec<u8>, key: &[u8], value: Duration) {
    out.extend_from_slice(key);
    decimal::push_thousandths(out, u64::try_from(value.as_micros()).unwrap_or(u64::MAX));
}

fn push_peers(out: &mut Vec<u8>, record: &Record<'_>) {
    out.extend_from_slice(b",\"client_ip\":\"");
    push_address(out, record.client);
    out.extend_from_slice(b"\",\"peer_ip\":\"");
    push_address(out, record.peer);
    out.extend_from_slice(b"\",\"proto\":\"HTTP/");
    out.extend_from_slice(record.protocol.label().as_bytes());
    out.push(b'"');
}

fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            decimal::push(out, a.into());
            for octet in [b, c, d] {
                out.push(b'.');
                decimal::push(out, octet.into());
            }
        }
        // Writing to memory cannot fail.
        IpAddr::V6(v6) => drop(write!(out, "{v6}")),
    }
}

fn push_socket(out: &mut Vec<u8>, address: SocketAddr) {
    let (opening, closing): (&[u8], &[u8]) = if address.is_ipv6() {
        (b"[", b"]:")
    } else {
        (b"", b":")
    };
    out.extend_from_slice(opening);
    push_address(out, address.ip());
    out.extend_from_slice(closing);
    decimal::push(out, address.port().into());
}

fn push_tls(out: &mut Vec<u8>, tls: &TlsFacts) {
    out.extend_from_slice(b",\"tls\":{\"version\":");
    push_string(out, tls.version.as_bytes());
    push_text(out, b",\"cipher\":", &tls.cipher);
    push_text(out, b",\"sni\":", tls.server_name.as_deref().unwrap_or_default());
    out.push(b'}');
}

fn push_target(out: &mut Vec<u8>, record: &Record<'_>) {
    for (key, value) in [
        (b",\"method\":".as_slice(), record.method),
        (b",\"host\":", record.host),
    ] {
        if !value.is_empty() {
            out.extend_from_slice(key);
            push_string(out, value);
        }
    }
    push_text(out, b",\"route\":", record.route.unwrap_or_default());
    if !record.path.is_empty() {
        out.extend_from_slice(b",\"path\":");
        push_string(out, record.path);
    }
    if let Some(query) = record.query {
        out.extend_from_slice(b",\"query\":\"");
        push_masked_query(out, query);
        out.push(b'"');
    }
}

/// Names of parameters with their values masked: credentials travel in queries. A part without `=` may
/// be a bare secret and is masked whole.
fn push_masked_query(out: &mut Vec<u8>, query: &[u8]) {
    let mut parts = query.split(|byte| *byte == b'&');
    for (index, part) in parts.by_ref().take(PARAMETERS_MAX).enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        if let (Some(name), Some(_value)) = (halves.next(), halves.next()) {
            push_escaped(out, name);
            out.push(b'=');
        }
        if !part.is_empty() {
            out.extend_from_slice(MASK);
        }
    }
    if parts.next().is_some() {
        out.extend_from_slice("&…".as_bytes());
    }
}

fn push_result(out: &mut Vec<u8>, record: &Record<'_>) {
    if let Some(status) = record.status {
        push_number(out, b",\"status\":", status.into());
    }
    if let Some(refusal) = &record.refusal {
        out.extend_from_slice(b",\"reason\":\"");
        push_step(out, refusal);
        out.push(b'"');
    }
    if let Some(failure) = record.failure {
        push_text(out, b",\"error_type\":", failure.label());
    }
}

/// `filter.reason`, without quotes.
fn push_step(out: &mut Vec<u8>, step: &Step<'_>) {
    push_escaped(out, step.filter.as_bytes());
    out.push(b'.');
    push_escaped(out, step.reason.as_bytes());
}

fn push_identity(out: &mut Vec<u8>, identity: &Identity) {
    out.extend_from_slice(b",\"consumer\":");
    push_string(out, identity.consumer().as_bytes());
    push_text(out, b",\"plan\":", identity.plan().unwrap_or_default());
    out.extend_from_slice(b",\"auth\":{\"method\":");
    push_string(out, identity.method().as_bytes());
    push_text(out, b",\"issuer\":", identity.issuer());
    if identity.subject() != identity.consumer() {
        push_text(out, b",\"subject\":", identity.subject());
    }
    out.push(b'}');
}

fn push_upstream(out: &mut Vec<u8>, upstream: &UpstreamUse<'_>) {
    out.extend_from_slice(b",\"upstream\":{\"name\":");
    push_string(out, upstream.name.as_bytes());
    if let Some(endpoint) = upstream.endpoint {
        out.extend_from_slice(b",\"addr\":\"");
        push_socket(out, endpoint);
        out.push(b'"');
    }
    if let Some(status) = upstream.status {
        push_number(out, b",\"status\":", status.into());
    }
    push_number(out, b",\"attempts\":", upstream.attempts.into());
    if let Some(connect) = upstream.connect {
        push_duration(out, b",\"connect_ms\":", connect);
    }
    if let Some(first_byte) = upstream.first_byte {
        push_duration(out, b",\"first_byte_ms\":", first_byte);
    }
    out.push(b'}');
}

fn push_sizes(out: &mut Vec<u8>, record: &Record<'_>) {
    push_number(out, b",\"bytes_in\":", record.bytes_in);
    push_number(out, b",\"bytes_out\":", record.bytes_out);
    push_duration(out, b",\"duration_ms\":", record.duration);
}

fn push_notes(out: &mut Vec<u8>, request: &Request) {
    let mut list = List::new(b",\"notes\":[");
    for note in request.notes() {
        list.next(out);
        push_string(out, note.as_bytes());
    }
    list.end(out, b"]");
}

fn push_shadow(out: &mut Vec<u8>, steps: &[Step<'_>]) {
    let mut list = List::new(b",\"shadow\":[");
    for step in steps {
        list.next(out);
        out.push(b'"');
        push_step(out, step);
        out.push(b'"');
    }
    list.end(out, b"]");
}

#[cfg(test)]
mod tests;
