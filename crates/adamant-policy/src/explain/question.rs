//! A request described in words, and the head that a client would have sent for it.
//!
//! Normalises nothing: what is written is what the guard sees.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use adamant_filter::{Origin, TlsFacts, Told};
use http::header::{HOST, HeaderName, HeaderValue};
use http::{Method, Version};
use pingora_http::RequestHeader;
use serde::Deserialize;

use super::{Given, Moment};
use crate::config::ListenerId;
use crate::plan::{Exchange, Plan};

/// The client's address when none is given: a documentation address that no network of anyone contains
/// (RFC 5737).
pub const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

/// Any port that a client may have.
const CLIENT_PORT: u16 = 40_000;

/// A request described in words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Question {
    /// Its method.
    #[serde(default = "get")]
    pub method: String,
    /// Scheme, host and target, such as `https://api.example.com/v1/orders?page=2`. The target is taken
    /// as it is written.
    pub url: String,
    /// Header fields, in order. `Host` is that of the URL unless it stands here.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The other end of the TCP connection; [`STRANGER`] when absent.
    #[serde(default)]
    pub client: Option<IpAddr>,
    /// Name of the listener; by scheme and port of the URL when absent.
    #[serde(default)]
    pub listener: Option<String>,
    /// What the upstream answers when the request is forwarded; not known when absent.
    #[serde(default)]
    pub upstream: Option<Given>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Why a question describes no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// No listener has that name.
    #[error("there is no listener `{0}`")]
    Listener(String),
    /// Not an absolute URL.
    #[error("`{0}` is not a URL such as `https://api.example.com/v1/orders`")]
    Url(String),
    /// Not a method.
    #[error("`{0}` is not a method")]
    Method(String),
    /// Not the name of a header field.
    #[error("`{0}` is not the name of a header field")]
    FieldName(String),
    /// Not the value of a header field.
    #[error("the value of `{0}` has a byte that no header field may have")]
    FieldValue(String),
    /// Not the status of an answer.
    #[error("{0} is not the status of an answer of an upstream: 200 to 599")]
    Status(u16),
    /// A filter asked something outside.
    #[error("a filter waits for something outside, which an offline run does not have")]
    Waits,
}

/// The parts of a URL that matter here, as written.
struct Parts<'u> {
    is_https: bool,
    authority: &'u str,
    target: String,
}

impl Question {
    /// Starts an exchange from the described client and returns its listener.
    pub(super) fn begin(
        &self,
        plan: &Plan,
        exchange: &mut Exchange,
        at: Moment,
    ) -> Result<ListenerId, QuestionError> {
        let parts = self.parts()?;
        let id = self.listener_id(plan, &parts)?;
        let listeners = &plan.config().listeners;
        let listener = listeners.get(id.0).map(|listener| Arc::clone(&listener.name));
        let client = self.client.unwrap_or(STRANGER);
        let origin = Origin {
            client,
            peer: SocketAddr::new(client, CLIENT_PORT),
            listener: listener.unwrap_or_default(),
            tls: listeners
                .get(id.0)
                .filter(|one| one.tls.is_some())
                .map(|_| tls(parts.authority)),
            told: Told::Nothing,
            now: at.tick,
            wall: at.wall,
        };
        exchange.begin(origin, plan.layout().slots(), plan.layout().words());
        Ok(id)
    }

    /// Puts the described head into the exchange. `false` when no head can have this target.
    pub(super) fn put_head(&self, exchange: &mut Exchange) -> Result<bool, QuestionError> {
        let parts = self.parts()?;
        // The parser of targets drops a fragment; the gateway refuses it on the wire (RFC 9112 §3.2).
        if parts.target.contains('#') {
            return Ok(false);
        }
        let method = Method::from_bytes(self.method.as_bytes());
        let method = method.map_err(|_| QuestionError::Method(self.method.clone()))?;
        let head =
            RequestHeader::build_no_case(method, parts.target.as_bytes(), Some(self.headers.len() + 1));
        let Ok(mut head) = head else { return Ok(false) };
        head.set_version(Version::HTTP_11);
        let mut names_host = false;
        for (name, value) in &self.headers {
            let field =
                HeaderName::try_from(name.as_str()).map_err(|_| QuestionError::FieldName(name.clone()))?;
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| QuestionError::FieldValue(name.clone()))?;
            names_host |= field == HOST;
            // An insertion fails beyond 32,768 fields; nobody describes so many.
            let _ = head.append_header(field, value);
        }
        if !names_host {
            let host = HeaderValue::from_bytes(parts.authority.as_bytes());
            let host = host.map_err(|_| QuestionError::Url(self.url.clone()))?;
            let _ = head.append_header(HOST, host);
        }
        exchange.request.swap_head(&mut head);
        Ok(true)
    }

    fn parts(&self) -> Result<Parts<'_>, QuestionError> {
        let wrong = || QuestionError::Url(self.url.clone());
        let (scheme, rest) = self.url.split_once("://").ok_or_else(wrong)?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(wrong()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.is_empty() || authority.contains('@') {
            return Err(wrong());
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Parts {
            is_https,
            authority,
            target: format!("{slash}{target}"),
        })
    }

    /// The named listener; else the one at the port of the URL; else the first of the URL's scheme that
    /// serves requests; else the first.
    fn listener_id(&self, plan: &Plan, parts: &Parts<'_>) -> Result<ListenerId, QuestionError> {
        let listeners = &plan.config().listeners;
        if let Some(name) = &self.listener {
            let position = listeners.iter().position(|listener| *listener.name == **name);
            return position
                .map(ListenerId)
                .ok_or_else(|| QuestionError::Listener(name.clone()));
        }
        let port = port_of(parts.authority);
        let of_scheme = |at: usize| {
            listeners
                .get(at)
                .is_some_and(|one| one.tls.is_some() == parts.is_https)
        };
        let serves = |at: usize| listeners.get(at).is_some_and(|one| one.redirect_to.is_none());
        let has_port = |at: usize| listeners.get(at).is_some_and(|one| Some(one.bind.port()) == port);
        let first = |fits: &dyn Fn(usize) -> bool| (0..listeners.len()).find(|at| fits(*at));
        let found = first(&|at| of_scheme(at) && has_port(at))
            .or_else(|| first(&|at| of_scheme(at) && serves(at)))
            .or_else(|| first(&of_scheme))
            .or_else(|| first(&serves));
        Ok(ListenerId(found.unwrap_or(0)))
    }
}

/// The port behind a host, which may be an IPv6 literal in brackets.
fn port_of(authority: &str) -> Option<u16> {
    authority.rsplit_once(':')?.1.parse().ok()
}

/// A client that asks by TLS for the host that it wants.
fn tls(authority: &str) -> Arc<TlsFacts> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    // RFC 6066 §3: an address is not a server name.
    let is_name = host.parse::<IpAddr>().is_err() && !host.starts_with('[');
    Arc::new(TlsFacts {
        version: "TLSv1.3",
        server_name: is_name.then(|| host.to_ascii_lowercase().into()),
        ..TlsFacts::default()
    })
}
