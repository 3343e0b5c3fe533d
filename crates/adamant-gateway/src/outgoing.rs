//! The head that an endpoint sees: the canonical request, rewritten as the route says, with forwarding
//! fields of our own making.
//!
//! Runs once per attempt on a copy; it decides nothing and never sees a body.

use std::io::Write as _;
use std::net::IpAddr;

use adamant_filter::Request;
use adamant_policy::config::{ForwardingHeader, Rewrite, Route, Trust, Upstream, UpstreamHost};
use adamant_policy::receive::{HOP_BY_HOP, is_trusted};
use http::Uri;
use http::header::{CONNECTION, FORWARDED, HOST, HeaderName, HeaderValue, TE, UPGRADE};
use pingora::http::RequestHeader;

use crate::request_id::RequestId;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Names as they are written. As text, since a head that keeps the spelling of names copies the text of a
/// `HeaderName`, and this is done for every request.
mod spelled {
    pub(super) const FORWARDED: &str = "Forwarded";
    pub(super) const HOST: &str = "Host";
    pub(super) const X_FORWARDED_FOR: &str = "X-Forwarded-For";
    pub(super) const X_FORWARDED_HOST: &str = "X-Forwarded-Host";
    pub(super) const X_FORWARDED_PROTO: &str = "X-Forwarded-Proto";
    pub(super) const X_REQUEST_ID: &str = "X-Request-Id";
}

/// Longest text of an address.
const ADDRESS_MAX: usize = 45;

/// Fields in which some receivers look for a client address or a proxy, and which nobody's word but ours
/// counts for. `proxy` becomes a variable of the environment behind CGI.
const CLAIMS: [&str; 5] = [
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "x-original-forwarded-for",
    "proxy",
];

/// How fields begin in which receivers look for the certificate of a client: RFC 9440, and what Envoy, nginx,
/// HAProxy and load balancers write. `x-forwarded-client-cert` is one of those that begin with `x-forwarded-`.
const CERTIFICATE_CLAIMS: [&str; 6] = [
    "client-cert",
    "ssl-client-",
    "x-ssl-client-",
    "x-client-cert",
    "x-amzn-mtls-",
    "x-arr-clientcert",
];

/// Everything that the outgoing head is made of besides the request's own.
pub(crate) struct Outgoing<'x> {
    /// The request as decided.
    pub(crate) request: &'x Request,
    /// Its id.
    pub(crate) id: &'x RequestId,
    /// The matched route.
    pub(crate) route: &'x Route,
    /// The upstream chosen by the route.
    pub(crate) upstream: &'x Upstream,
    /// Whose forwarding fields are believed.
    pub(crate) trust: &'x Trust,
}

impl Outgoing<'_> {
    /// Turns a copy of the request's head into what the endpoint sees.
    pub(crate) fn apply(&self, head: &mut RequestHeader) {
        // Most requests have none of the fields that are to be taken away: one look at the names is cheaper
        // than a dozen look-ups.
        let is_plain = !head.headers.keys().any(concerns_proxies);
        if is_plain {
            self.forward_afresh(head);
        } else {
            self.forward(head);
            strip_hop_by_hop(head, self.route.websocket);
        }
        self.retarget(head);
        self.set_host(head);
        if let Ok(id) = HeaderValue::from_bytes(self.id.as_bytes()) {
            set(head, spelled::X_REQUEST_ID, id);
        }
    }

    /// Sets the forwarding fields of a request that has none.
    fn forward_afresh(&self, head: &mut RequestHeader) {
        let peer = self.request.peer().ip().to_canonical();
        let secure = self.request.tls().is_some();
        let host = asked_host(head);
        match self.trust.header {
            ForwardingHeader::XForwardedFor => {
                set_address(head, spelled::X_FORWARDED_FOR, peer);
                set(
                    head,
                    spelled::X_FORWARDED_PROTO,
                    HeaderValue::from_static(if secure { "https" } else { "http" }),
                );
                if let Some(host) = host {
                    set(head, spelled::X_FORWARDED_HOST, host);
                }
            }
            ForwardingHeader::Forwarded => {
                let element = forwarded_element(peer, secure, host.as_ref());
                set_text(head, spelled::FORWARDED, &element);
            }
        }
    }

    /// Rebuilds the forwarding fields: what a trusted peer says is continued, everything else is replaced.
    fn forward(&self, head: &mut RequestHeader) {
        let peer = self.request.peer().ip().to_canonical();
        let trusted = is_trusted(self.trust, peer);
        let secure = self.request.tls().is_some();
        // Rare enough to allocate for: most requests come without any.
        let claims: Vec<HeaderName> = head
            .headers
            .keys()
            .filter(|name| is_claim(name))
            .cloned()
            .collect();
        for name in &claims {
            head.remove_header(name);
        }
        match self.trust.header {
            ForwardingHeader::XForwardedFor => {
                head.remove_header(&FORWARDED);
                let chain = chain(head, &X_FORWARDED_FOR, trusted, &peer.to_string());
                set_text(head, spelled::X_FORWARDED_FOR, &chain);
                if !(trusted && head.headers.contains_key(&X_FORWARDED_PROTO)) {
                    let scheme = if secure { "https" } else { "http" };
                    set(head, spelled::X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
                }
                if !(trusted && head.headers.contains_key(&X_FORWARDED_HOST)) {
                    let host = asked_host(head);
                    match host {
                        Some(host) => set(head, spelled::X_FORWARDED_HOST, host),
                        None => head.remove_header(&X_FORWARDED_HOST).map_or((), drop),
                    }
                }
            }
            ForwardingHeader::Forwarded => {
                for name in [&X_FORWARDED_FOR, &X_FORWARDED_PROTO, &X_FORWARDED_HOST] {
                    head.remove_header(name);
                }
                let element = forwarded_element(peer, secure, asked_host(head).as_ref());
                let chain = chain(head, &FORWARDED, trusted, &element);
                set_text(head, spelled::FORWARDED, &chain);
            }
        }
    }

    fn retarget(&self, head: &mut RequestHeader) {
        let Rewrite { strip, prefix, .. } = &self.route.rewrite;
        if strip.is_none() && prefix.is_none() {
            return;
        }
        let path = head.uri.path();
        let path = strip
            .as_deref()
            .and_then(|strip| path.strip_prefix(strip.trim_end_matches('/')))
            .unwrap_or(path);
        let prefix = prefix.as_deref().unwrap_or_default().trim_end_matches('/');
        let slash = if path.starts_with('/') { "" } else { "/" };
        let query = head
            .uri
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let mut parts = head.uri.clone().into_parts();
        parts.path_and_query = format!("{prefix}{slash}{path}{query}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            head.set_uri(uri);
        }
    }

    /// The host that the endpoint sees: the route's, the upstream's, or the client's.
    fn set_host(&self, head: &mut RequestHeader) {
        let fixed = self.route.rewrite.host.as_deref().or(match &self.upstream.host {
            UpstreamHost::Client => None,
            UpstreamHost::Fixed(host) => Some(host),
        });
        match fixed {
            Some(host) => set_text(head, spelled::HOST, host),
            None => {
                // HTTP/2 has the host in its authority; HTTP/1.1 upstreams need the field, and only one.
                if !has_one(head, &HOST)
                    && let Some(host) = asked_host(head)
                {
                    set(head, spelled::HOST, host);
                }
            }
        }
    }
}

/// Whether a field claims something about the way that only the fields we rebuild may tell.
fn is_claim(name: &HeaderName) -> bool {
    let rebuilt = [&X_FORWARDED_FOR, &X_FORWARDED_PROTO, &X_FORWARDED_HOST].contains(&name);
    (name.as_str().starts_with("x-forwarded-") && !rebuilt)
        || CLAIMS.contains(&name.as_str())
        || claims_certificate(name.as_str())
}

/// Whether a field claims which certificate the client has shown.
fn claims_certificate(name: &str) -> bool {
    CERTIFICATE_CLAIMS.iter().any(|start| name.starts_with(start))
}

/// Whether a field is one that proxies set, or one that concerns a single connection.
fn concerns_proxies(name: &HeaderName) -> bool {
    let name = name.as_str();
    match name.as_bytes().first() {
        Some(b'x') => name.starts_with("x-forwarded-") || CLAIMS.contains(&name) || claims_certificate(name),
        Some(b's') => claims_certificate(name),
        Some(b'f') => name == "forwarded",
        Some(b'h') => name == "http2-settings",
        Some(b'p') => name.starts_with("proxy"),
        Some(b'k') => name == "keep-alive",
        Some(b't') => name == "te" || CLAIMS.contains(&name),
        Some(b'u') => name == "upgrade",
        Some(b'c') => name == "connection" || claims_certificate(name),
        _ => false,
    }
}

/// The authority that the client asked for, as sent.
fn asked_host(head: &RequestHeader) -> Option<HeaderValue> {
    let field = head.headers.get(HOST).cloned();
    field.or_else(|| HeaderValue::from_str(head.uri.authority()?.as_str()).ok())
}

fn chain(head: &RequestHeader, name: &HeaderName, trusted: bool, own: &str) -> String {
    let mut chain = String::with_capacity(own.len());
    if trusted {
        for line in head.headers.get_all(name) {
            if let Ok(line) = line.to_str() {
                chain.push_str(line);
                chain.push_str(", ");
            }
        }
    }
    chain + own
}

/// RFC 7239 §4; an IPv6 address is bracketed and quoted.
fn forwarded_element(peer: IpAddr, secure: bool, host: Option<&HeaderValue>) -> String {
    let node = match peer {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    let scheme = if secure { "https" } else { "http" };
    let host = host
        .and_then(|host| host.to_str().ok())
        .map(|host| format!(";host=\"{host}\""));
    format!("for={node};proto={scheme}{}", host.unwrap_or_default())
}

/// RFC 9110 §7.6.1: what concerns one connection stays on it.
pub(crate) fn strip_hop_by_hop(head: &mut RequestHeader, websocket: bool) {
    for name in &HOP_BY_HOP {
        head.remove_header(name);
    }
    // Pingora asks for trailers on its own where both sides can carry them.
    if head
        .headers
        .get(TE)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"trailers"))
    {
        head.remove_header(&TE);
    }
    if !(websocket && head.headers.contains_key(UPGRADE)) {
        head.remove_header(&UPGRADE);
        head.remove_header(&CONNECTION);
    }
}

fn has_one(head: &RequestHeader, name: &HeaderName) -> bool {
    let mut values = head.headers.get_all(name).iter();
    values.next().is_some() && values.next().is_none()
}

fn set(head: &mut RequestHeader, name: &'static str, value: HeaderValue) {
    // Only a head with 32,768 fields refuses an insertion, and bounds refuse that earlier.
    let _ = head.insert_header(name, value);
}

fn set_text(head: &mut RequestHeader, name: &'static str, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        set(head, name, value);
    }
}

/// Sets an address whose text is made without another allocation than that of the value.
fn set_address(head: &mut RequestHeader, name: &'static str, address: IpAddr) {
    let mut text = [0; ADDRESS_MAX];
    let mut left = text.as_mut_slice();
    if write!(left, "{address}").is_ok() {
        let unused = left.len();
        let written = text.get(..ADDRESS_MAX - unused).unwrap_or_default();
        if let Ok(value) = HeaderValue::from_bytes(written) {
            set(head, name, value);
        }
    }
}
