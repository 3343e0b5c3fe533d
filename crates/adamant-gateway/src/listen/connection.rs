//! What is known about a client connection, shared by the accept loop, its stream and the hooks.
//!
//! One `Arc` per connection; it carries no bytes and decides nothing. Hooks reach it through the
//! session's digest, because that is the one road that Pingora keeps open for HTTP/1.1 and HTTP/2
//! alike (HTTP/2 exchanges run in tasks of their own, where a task-local would be gone).

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use adamant_filter::TlsFacts;
use pingora::protocols::Digest;

/// What a connection is doing; decides which deadline holds while nothing arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Between exchanges: `idle-time`.
    Idle = 0,
    /// A request head has begun: `header-time` from its first byte.
    Head = 1,
    /// A request is served. While its body is incomplete `body-idle` and `body-rate` hold,
    /// afterwards the client may wait as long as the answer takes.
    Exchange = 2,
    /// The protocol was switched: bytes pass as they are, without a deadline for the client's silence.
    Tunnel = 3,
}

/// A bound of the transport that a client broke in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum Breach {
    /// Nothing arrived for `idle-time` between exchanges.
    #[error("the connection was idle for too long")]
    Idle = 1,
    /// The request head took longer than `header-time`.
    #[error("the request head took too long")]
    Head = 2,
    /// The request body was silent for `body-idle` or slower than `body-rate`.
    #[error("the request body came too slowly")]
    Body = 3,
    /// The client took no byte of the answer for `send-idle`.
    #[error("the client did not take the answer")]
    Send = 4,
    /// The chunked coding of the request body is malformed.
    #[error("the chunked request body is malformed")]
    Chunk = 5,
}

/// Facts and shared state of one client connection.
pub struct Connection {
    id: u64,
    listener: usize,
    client: SocketAddr,
    local: SocketAddr,
    tls: Option<Arc<TlsFacts>>,
    draining: Arc<AtomicBool>,
    http2: AtomicBool,
    phase: AtomicU8,
    breach: AtomicU8,
}

impl Connection {
    /// A fresh connection in [`Phase::Idle`].
    #[must_use]
    pub const fn new(origin: Origin, tls: Option<Arc<TlsFacts>>, draining: Arc<AtomicBool>) -> Self {
        Self {
            id: origin.id,
            listener: origin.listener,
            client: origin.client,
            local: origin.local,
            tls,
            draining,
            http2: AtomicBool::new(false),
            phase: AtomicU8::new(Phase::Idle as u8),
            breach: AtomicU8::new(0),
        }
    }

    /// The connection that a Pingora session belongs to, if it came through these accept loops.
    #[must_use]
    pub fn of(digest: Option<&Digest>) -> Option<&Arc<Self>> {
        digest?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
    }

    /// Number of the connection, unique while the process lives.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Position of the listener that accepted it.
    #[must_use]
    pub const fn listener(&self) -> usize {
        self.listener
    }

    /// The peer; an IPv4 client of an IPv6 socket appears as IPv4.
    #[must_use]
    pub const fn client(&self) -> SocketAddr {
        self.client
    }

    /// The address that the client connected to.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// What the TLS handshake agreed on; `None` in clear text.
    #[must_use]
    pub const fn tls(&self) -> Option<&Arc<TlsFacts>> {
        self.tls.as_ref()
    }

    /// HTTP/2 is spoken, by ALPN or by prior knowledge.
    #[must_use]
    pub fn is_http2(&self) -> bool {
        self.http2.load(Ordering::Relaxed)
    }

    /// The gateway drains: the answer that is being made should be the last one on this connection.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// What the connection is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Exchange,
            _ => Phase::Tunnel,
        }
    }

    /// Change what the connection is doing. Hooks call this with [`Phase::Tunnel`] when the endpoint
    /// has answered 101, before the answer is written: until then nothing behind the request is handed out.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The bound that the client broke, if its stream has failed for one. Tells 408 from 400 and from
    /// a connection that was lost.
    #[must_use]
    pub fn breach(&self) -> Option<Breach> {
        match self.breach.load(Ordering::Relaxed) {
            1 => Some(Breach::Idle),
            2 => Some(Breach::Head),
            3 => Some(Breach::Body),
            4 => Some(Breach::Send),
            5 => Some(Breach::Chunk),
            _ => None,
        }
    }

    pub(super) fn set_http2(&self) {
        self.http2.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_breach(&self, breach: Breach) {
        self.breach.store(breach as u8, Ordering::Relaxed);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "connection {} from {} ({:?})",
            self.id,
            self.client,
            self.phase()
        )
    }
}

/// Where a connection came from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Number of the connection.
    pub id: u64,
    /// Position of the listener.
    pub listener: usize,
    /// The peer.
    pub client: SocketAddr,
    /// The address that the client connected to.
    pub local: SocketAddr,
}
