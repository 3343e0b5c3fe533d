//! What is known of a request besides its head: where it came from, and which route it has matched.
//!
//! Never what a client claims of itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::identity::TlsFacts;
use crate::time::{Tick, Wall};

/// What is known of a request besides its head. Filled by the engine.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address after trusted proxies were taken into account.
    pub client: IpAddr,
    /// The other end of the TCP connection.
    pub peer: SocketAddr,
    /// Name of the listener.
    pub listener: Arc<str>,
    /// Facts of the TLS connection.
    pub tls: Option<Arc<TlsFacts>>,
    /// What trusted proxies say of the client's own connection.
    pub told: Told,
    /// Monotonic time of arrival.
    pub now: Tick,
    /// Wall time of arrival.
    pub wall: Wall,
}

/// The matched route as filters may see it.
#[derive(Debug, Default)]
pub struct RouteFacts {
    /// Its name.
    pub name: Arc<str>,
    /// Its path pattern, as written.
    pub pattern: Arc<str>,
    /// Names of the captures in the pattern, left to right.
    pub captures: Vec<Arc<str>>,
}

/// Where in the head a trusted proxy says by which scheme, and for which host, the client asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Nowhere: the other end of the connection is no trusted proxy, or says nothing.
    #[default]
    Nothing,
    /// In the last value of `X-Forwarded-Proto` and of `X-Forwarded-Host`.
    XForwarded,
    /// In this element of `Forwarded` (RFC 7239), counted from 0 at the right: the one that names the client.
    Forwarded {
        /// Its position.
        element: u8,
    },
}
