//! One finished exchange as data: everything that may be written down or counted, borrowed.
//!
//! Making a record copies and allocates nothing. It decides nothing: what is masked is the business of
//! whoever writes it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Identity, Request, TlsFacts, Wall};

use crate::attribute::{Failure, Protocol};

/// One finished exchange.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Wall time of arrival.
    pub arrived: Wall,
    /// Id of the request.
    pub request_id: &'a str,
    /// Digest of the policy, shortened.
    pub digest: &'a str,
    /// Name of this process among its siblings.
    pub instance: &'a str,
    /// Name of the listener.
    pub listener: &'a str,
    /// The client's address, with trusted proxies taken into account.
    pub client: IpAddr,
    /// The other end of the TCP connection.
    pub peer: IpAddr,
    /// Version of HTTP.
    pub protocol: Protocol,
    /// Facts of the TLS connection.
    pub tls: Option<&'a TlsFacts>,
    /// The method as sent.
    pub method: &'a [u8],
    /// The host asked for, without port.
    pub host: &'a [u8],
    /// Name of the matched route.
    pub route: Option<&'a str>,
    /// The canonical path, or the target as sent when the head was refused before that.
    pub path: &'a [u8],
    /// The query as sent. Its values are never written.
    pub query: Option<&'a [u8]>,
    /// Status that the client saw; `None` when it went away before an answer.
    pub status: Option<u16>,
    /// What broke on the way.
    pub failure: Option<Failure>,
    /// Which step refused, and why.
    pub refusal: Option<Step<'a>>,
    /// Who the client proved to be.
    pub identity: Option<&'a Identity>,
    /// The upstream that was asked.
    pub upstream: Option<UpstreamUse<'a>>,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
    /// From arrival to the last byte.
    pub duration: Duration,
    /// The request itself, for its fields and notes; `None` when the head was refused before it was one.
    pub request: Option<&'a Request>,
    /// What steps in shadow would have refused.
    pub shadow: &'a [Step<'a>],
}

/// A decision of a step of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The step's id: the filter's word unless the file says otherwise.
    pub filter: &'a str,
    /// The reason's code.
    pub reason: &'a str,
}

/// How an upstream was used.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamUse<'a> {
    /// Its name.
    pub name: &'a str,
    /// Address of the endpoint that was tried last; `None` for an origin inside the process, or when
    /// there was none to try.
    pub endpoint: Option<SocketAddr>,
    /// Status of its answer.
    pub status: Option<u16>,
    /// Attempts that were made.
    pub attempts: u32,
    /// Time to connect, of the last attempt; `None` on a reused connection.
    pub connect: Option<Duration>,
    /// From the request sent to the first byte of the answer.
    pub first_byte: Option<Duration>,
}

impl<'a> Record<'a> {
    /// What a request tells by itself; the rest is as of an exchange that never got an answer.
    #[must_use]
    pub fn of(request: &'a Request) -> Self {
        let head = request.head();
        Self {
            protocol: Protocol::of(head.version),
            tls: request.tls(),
            method: request.method().as_str().as_bytes(),
            host: request.host().as_bytes(),
            route: Some(request.route()).filter(|name| !name.is_empty()),
            path: request.path().as_bytes(),
            query: request.query().map(str::as_bytes),
            request: Some(request),
            ..Self::unread(request.listener(), request.client(), request.wall())
        }
        .seen_from(request.peer().ip())
    }

    /// An exchange of which no head could be read.
    #[must_use]
    pub const fn unread(listener: &'a str, peer: IpAddr, arrived: Wall) -> Self {
        Self {
            arrived,
            request_id: "",
            digest: "",
            instance: "",
            listener,
            client: peer,
            peer,
            protocol: Protocol::Http11,
            tls: None,
            method: b"",
            host: b"",
            route: None,
            path: b"",
            query: None,
            status: None,
            failure: None,
            refusal: None,
            identity: None,
            upstream: None,
            bytes_in: 0,
            bytes_out: 0,
            duration: Duration::ZERO,
            request: None,
            shadow: &[],
        }
    }

    const fn seen_from(mut self, peer: IpAddr) -> Self {
        self.peer = peer;
        self
    }

    /// The server name that the client asked for under TLS.
    #[must_use]
    pub fn server_name(&self) -> Option<&'a str> {
        self.tls?.server_name.as_ref().map(Arc::as_ref)
    }
}
