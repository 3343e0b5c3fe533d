//! Lists of header fields in the file: what is sent, what is taken over, what is passed on.
//!
//! Fields of one connection, of framing, and those that the gateway sets itself can stand in no list: there they
//! would have no effect, or a dangerous one.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;
use serde::Serializer;

/// Fields of one connection (RFC 9110 §7.6.1), of framing, and of the request's target.
const OF_THE_CONNECTION: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Fields in which receivers look for a client or a proxy: the gateway sets them, or takes them away.
const OF_THE_GATEWAY: [&str; 6] = [
    "forwarded",
    "proxy",
    "true-client-ip",
    "x-client-ip",
    "x-original-forwarded-for",
    "x-real-ip",
];

/// What a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// From the client to the service.
    Send,
    /// From the service to the upstream.
    Take,
    /// From the service to the client.
    Relay,
}

impl Purpose {
    const fn key(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Take => "take",
            Self::Relay => "relay",
        }
    }
}

/// Fields that a refusal always passes on.
pub(super) const ALWAYS_RELAYED: [HeaderName; 3] = [
    HeaderName::from_static("www-authenticate"),
    HeaderName::from_static("location"),
    HeaderName::from_static("retry-after"),
];

/// The names of a list.
pub(super) fn list(names: &BTreeSet<String>, purpose: Purpose) -> Result<Box<[HeaderName]>, Problem> {
    let mut list = Vec::with_capacity(names.len());
    for text in names {
        let name = field(text, purpose).map_err(|message| Problem::at(purpose.key(), message))?;
        if list.contains(&name) {
            let message = format!("`{name}` is listed twice, in letters of different case");
            return Err(Problem::at(purpose.key(), message));
        }
        list.push(name);
    }
    Ok(list.into())
}

/// One field that may be taken over from the service.
pub(super) fn taken(text: &str, path: &str) -> Result<HeaderName, Problem> {
    field(text, Purpose::Take).map_err(|message| Problem::at(path, message))
}

fn field(text: &str, purpose: Purpose) -> Result<HeaderName, String> {
    let name = HeaderName::try_from(text).map_err(|_| format!("`{text}` is not a header field name"))?;
    let is = |prefix: &str| name.as_str().starts_with(prefix);
    if OF_THE_CONNECTION.contains(&name.as_str()) {
        return Err(format!(
            "`{name}` belongs to one connection and is never passed on"
        ));
    }
    match purpose {
        Purpose::Send | Purpose::Take if is("x-forwarded-") || OF_THE_GATEWAY.contains(&name.as_str()) => {
            Err(format!("`{name}` is set by the gateway alone"))
        }
        Purpose::Take if name == "x-request-id" => Err(format!("`{name}` is set by the gateway alone")),
        Purpose::Relay if is("content-") || name == "cache-control" => Err(format!(
            "`{name}` describes the body, which is that of the gateway"
        )),
        Purpose::Relay if ALWAYS_RELAYED.contains(&name) => Err(format!("`{name}` is always passed on")),
        Purpose::Send | Purpose::Take | Purpose::Relay => Ok(name),
    }
}

/// Names mean the same in any case, so that must not change the digest.
pub(crate) fn lower_case<S: Serializer>(names: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let names = names.iter().map(|name| name.to_ascii_lowercase());
    names.collect::<BTreeSet<_>>().serialize(serializer)
}
