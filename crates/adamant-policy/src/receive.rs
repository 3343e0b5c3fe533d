//! The transport guard and routing: from a parsed head to one canonical request on one route.
//!
//! The only place that normalises. Pure, and run by the live gateway and by `explain` alike; what needs
//! raw bytes (bare line feeds, chunk framing) is refused on the connection before a head exists.

mod client;
mod host;
mod path;
mod preflight;
pub mod reason;
mod redirect;

use adamant_filter::{Reason, Request};
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
    UPGRADE,
};
use http::uri::PathAndQuery;
use http::{Method, Uri, Version};
use pingora_http::RequestHeader;

pub use client::is_trusted;

use crate::config::{Bounds, ListenerId};
use crate::plan::{Exchange, Found, Plan, Refusal, captured};
use path::Canonical;
use reason::{GUARD, ROUTING};

/// Fields that a client may nominate in `Connection`. Anything else could delete what a filter has set.
const NOMINATIONS: [&str; 5] = ["close", "keep-alive", "upgrade", "te", "http2-settings"];

impl Plan {
    /// Checks and normalises the head in `exchange`, decides the client's address and finds the route.
    ///
    /// # Errors
    /// The refusal, by the guard or by routing.
    pub fn receive(&self, exchange: &mut Exchange, listener: ListenerId) -> Result<(), Refusal> {
        let guard = |reason| Refusal::new(GUARD, reason);
        let Some(settings) = self.config().listeners.get(listener.0) else {
            return Ok(());
        };
        let request = &mut exchange.request;
        self.check_method(request.method()).map_err(guard)?;
        let seen = check_head(request.head(), &settings.bounds).map_err(guard)?;
        take_host(request).map_err(guard)?;
        canonicalise(request).map_err(guard)?;
        if seen.cookie {
            join_cookies(request.head_mut());
        }
        let peer = request.peer().ip();
        let client = client::of(&settings.trust, peer, &request.head().headers).map_err(guard)?;
        request.origin_mut().client = client.address;
        request.origin_mut().told = client.told;
        exchange.listener = Some(listener);
        if settings.redirect_to.is_some() {
            return Ok(());
        }
        self.match_route(exchange, listener)?;
        self.check_route(exchange, seen).map_err(guard)
    }

    /// Methods that everyone knows, and those that the file names.
    fn check_method(&self, method: &Method) -> Result<(), &'static Reason> {
        match *method {
            Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::DELETE
            | Method::PATCH
            | Method::OPTIONS => Ok(()),
            // Both would change who talks to whom, whatever a route says.
            Method::CONNECT | Method::TRACE => Err(&reason::METHOD_REFUSED),
            _ if self.router.names_method(method) => Ok(()),
            _ => Err(&reason::METHOD_REFUSED),
        }
    }

    fn match_route(&self, exchange: &mut Exchange, listener: ListenerId) -> Result<(), Refusal> {
        let preflight = self.preflight_route(&exchange.request, listener);
        let found = preflight.map_or_else(|| self.router.find(&exchange.request, listener), Found::Route);
        match found {
            Found::Route(position) => {
                exchange.route = Some(position);
                if let Some(plan) = self.route_plan(position) {
                    let path = self
                        .config()
                        .routes
                        .get(position)
                        .and_then(|route| route.matches.path.as_ref());
                    let ranges = match path {
                        Some(path) if !plan.facts.captures.is_empty() => {
                            captured(path, exchange.request.path())
                        }
                        _ => Default::default(),
                    };
                    exchange
                        .request
                        .set_route(std::sync::Arc::clone(&plan.facts), ranges);
                }
                Ok(())
            }
            Found::Nothing => Err(Refusal::new(ROUTING, &reason::UNKNOWN)),
            Found::OtherMethods(methods) => {
                let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
                let mut refusal = Refusal::new(ROUTING, &reason::METHOD);
                refusal
                    .fields
                    .extend(HeaderValue::from_str(&names.join(", ")).map(|value| (ALLOW, value)));
                Err(refusal)
            }
        }
    }

    /// What the matched route permits: protocol switches and the size of the body.
    fn check_route(&self, exchange: &mut Exchange, seen: Seen) -> Result<(), &'static Reason> {
        let Some(route) = exchange
            .route
            .and_then(|position| self.config().routes.get(position))
        else {
            return Ok(());
        };
        let request = &mut exchange.request;
        if seen.length
            && request
                .declared_length()
                .is_some_and(|length| length > route.body_max.bytes())
        {
            return Err(&reason::BODY_EXCEEDED);
        }
        if seen.upgrade {
            let websocket = asks_for_websocket(request.head());
            if websocket && !route.websocket {
                return Err(&reason::UPGRADE_REFUSED);
            }
            if !websocket {
                // RFC 9110 §7.8: an upgrade may be ignored; only WebSocket is ever forwarded.
                request.remove_header(&UPGRADE);
            }
        }
        Ok(())
    }
}

/// Which of the fields that need a closer look a head has. One pass over all names costs less than a look-up
/// for each of these, and most requests have none.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    coding: bool,
    length: bool,
    connection: bool,
    expect: bool,
    cookie: bool,
    upgrade: bool,
}

impl Seen {
    fn note(&mut self, name: &str) {
        match name {
            "transfer-encoding" => self.coding = true,
            "content-length" => self.length = true,
            "connection" => self.connection = true,
            "expect" => self.expect = true,
            "cookie" => self.cookie = true,
            "upgrade" => self.upgrade = true,
            _ => {}
        }
    }
}

/// What can be said of a head alone.
fn check_head(head: &RequestHeader, bounds: &Bounds) -> Result<Seen, &'static Reason> {
    let headers = &head.headers;
    if headers.len() > bounds.header_fields as usize {
        return Err(&reason::FIELDS_TOO_MANY);
    }
    let seen = check_fields(head, bounds)?;
    if seen.coding || seen.length {
        check_framing(head)?;
    }
    if seen.connection {
        check_nominations(headers)?;
    }
    if seen.expect
        && headers
            .get_all(EXPECT)
            .iter()
            .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Err(&reason::EXPECTATION);
    }
    Ok(seen)
}

/// Sizes and names of target and fields.
fn check_fields(head: &RequestHeader, bounds: &Bounds) -> Result<Seen, &'static Reason> {
    let target = head.raw_path().len();
    if target as u64 > bounds.target_bytes.bytes() {
        return Err(&reason::TARGET_TOO_LONG);
    }
    let mut seen = Seen::default();
    let mut bytes = target;
    for (name, value) in &head.headers {
        let name = name.as_str();
        bytes += name.len() + value.len() + 4;
        // CGI-like receivers read `a_b` and `a-b` as one field. Names are short: a loop over their bytes costs
        // less than the machinery that searches texts.
        if name.bytes().any(|byte| byte == b'_') {
            return Err(&reason::FIELD_UNDERSCORE);
        }
        seen.note(name);
    }
    if bytes as u64 > bounds.header_bytes.bytes() {
        Err(&reason::FIELDS_TOO_LARGE)
    } else {
        Ok(seen)
    }
}

/// RFC 9112 §6: exactly one framing, spelled in exactly one way.
fn check_framing(head: &RequestHeader) -> Result<(), &'static Reason> {
    let headers = &head.headers;
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if let Some(coding) = coding {
        if length.is_some() {
            return Err(&reason::FRAMING_CONFLICT);
        }
        let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
        if !chunked || head.version != Version::HTTP_11 {
            return Err(&reason::CODING_REFUSED);
        }
    }
    if let Some(length) = length {
        let digits = length.as_bytes();
        let is_number = !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
        if !is_number || lengths.next().is_some() {
            return Err(&reason::LENGTH_INVALID);
        }
    }
    Ok(())
}

fn check_nominations(headers: &HeaderMap) -> Result<(), &'static Reason> {
    for value in headers.get_all(CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',') {
            let token = token.trim_ascii();
            let known = NOMINATIONS
                .iter()
                .any(|known| token.eq_ignore_ascii_case(known.as_bytes()));
            if !known && !token.is_empty() {
                return Err(&reason::CONNECTION_NOMINATION);
            }
        }
    }
    Ok(())
}

/// Whether the client asks for WebSocket and nothing else, on this very connection. A wish that `Connection`
/// does not nominate came through somebody who does not know that the connection may become a tunnel
/// (RFC 9110 §7.8, RFC 6455 §4.2.1), and HTTP/1.0 knows no wishes.
fn asks_for_websocket(head: &RequestHeader) -> bool {
    let mut wishes = head.headers.get_all(UPGRADE).iter();
    let is_websocket = wishes
        .next()
        .is_some_and(|wish| wish.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let is_nominated = || {
        head.headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    };
    is_websocket && wishes.next().is_none() && head.version == Version::HTTP_11 && is_nominated()
}

fn take_host(request: &mut Request) -> Result<(), &'static Reason> {
    if request.take_host(host::of)? {
        Ok(())
    } else {
        Err(&reason::HOST_INVALID)
    }
}

/// Brings the target into the one form that everybody sees from here on.
fn canonicalise(request: &mut Request) -> Result<(), &'static Reason> {
    let head = request.head();
    let raw = head.raw_path();
    let in_origin_form = raw.first() == Some(&b'/');
    let is_absolute = !in_origin_form && (starts_with_scheme(raw) && head.uri.path().starts_with('/'));
    if !in_origin_form && !is_absolute {
        return Err(&reason::TARGET_FORM);
    }
    if raw.contains(&b'#') {
        return Err(&reason::TARGET_FORM);
    }
    let canonical = path::canonical(head.uri.path().as_bytes())?;
    // A query that `http::Uri` had to rewrite would be forwarded in another form than it was judged in.
    let query = head.uri.query().unwrap_or_default();
    if query.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(&reason::PATH_CHARACTER);
    }
    match canonical {
        Canonical::Changed(path) => retarget(request.head_mut(), &path)?,
        Canonical::Same if is_absolute => {
            let path = head.uri.path().to_owned();
            retarget(request.head_mut(), &path)?;
        }
        Canonical::Same => {}
    }
    Ok(())
}

fn starts_with_scheme(raw: &[u8]) -> bool {
    [&b"http://"[..], b"https://"].iter().any(|scheme| {
        raw.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// Puts another path in front of the same query.
fn retarget(head: &mut RequestHeader, path: &str) -> Result<(), &'static Reason> {
    let target = match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let target = PathAndQuery::try_from(target).map_err(|_| &reason::TARGET_FORM)?;
    let mut parts = head.uri.clone().into_parts();
    parts.path_and_query = Some(target);
    head.set_uri(Uri::from_parts(parts).map_err(|_| &reason::TARGET_FORM)?);
    Ok(())
}

/// RFC 9113 §8.2.3: cookie fields of HTTP/2 are joined before anyone else reads them.
fn join_cookies(head: &mut RequestHeader) {
    let mut fields = head.headers.get_all(COOKIE).iter();
    if fields.next().is_none() || fields.next().is_none() {
        return;
    }
    let pairs: Vec<&[u8]> = head
        .headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&pairs.join(&b"; "[..])) {
        // See `Request::set_header`: an insertion in place of an existing field cannot fail.
        let _ = head.insert_header(COOKIE, joined);
    }
}

/// Fields that describe one connection and are never forwarded (RFC 9110 §7.6.1).
pub const HOP_BY_HOP: [HeaderName; 5] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authorization"),
];
