//! One resolved address of an upstream: how to reach it, how much it has to do, whether it is up.
//!
//! It decides nothing. Its terms never change; its counters are atomics that requests and health checks
//! share without locks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use super::limits::Permit;

/// Name of an endpoint within its upstream; never given twice, so it outlives a change of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId(pub(super) u32);

/// What the health checks know of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Not checked yet, or not at all; used.
    Unknown,
    /// Used.
    Up,
    /// Not used.
    Down,
}

/// One address of an upstream.
#[derive(Debug)]
pub(crate) struct Endpoint {
    id: EndpointId,
    address: SocketAddr,
    weight: u32,
    peer: HttpPeer,
    state: State,
}

/// What changes. On a cache line of its own: every worker writes here and reads the terms beside it.
#[derive(Debug)]
#[repr(align(64))]
struct State {
    in_flight: AtomicU32,
    condition: AtomicU8,
}

impl Endpoint {
    /// An endpoint that nobody has asked anything yet.
    pub(super) fn new(id: EndpointId, weight: u32, address: SocketAddr, peer: HttpPeer) -> Self {
        let state = State {
            in_flight: AtomicU32::new(0),
            condition: AtomicU8::new(0),
        };
        Self {
            id,
            address,
            weight,
            peer,
            state,
        }
    }

    pub(crate) const fn id(&self) -> EndpointId {
        self.id
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Share of requests relative to its siblings.
    pub(crate) const fn weight(&self) -> u32 {
        self.weight
    }

    /// How Pingora connects to it.
    pub(super) const fn peer(&self) -> &HttpPeer {
        &self.peer
    }

    /// Attempts that have begun and not ended.
    pub(crate) fn in_flight(&self) -> u32 {
        self.state.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn condition(&self) -> Condition {
        match self.state.condition.load(Ordering::Relaxed) {
            1 => Condition::Up,
            2 => Condition::Down,
            _ => Condition::Unknown,
        }
    }

    pub(crate) fn set_condition(&self, condition: Condition) {
        let code = match condition {
            Condition::Unknown => 0,
            Condition::Up => 1,
            Condition::Down => 2,
        };
        self.state.condition.store(code, Ordering::Relaxed);
    }

    /// Requests may be sent to it.
    pub(crate) fn is_usable(&self) -> bool {
        self.condition() != Condition::Down
    }
}

/// An endpoint chosen for one attempt, counted as in flight until this is dropped.
///
/// Keep it in the state of the exchange: a task that is cancelled drops it, whereas an end-of-exchange hook
/// would never run.
#[derive(Debug)]
pub struct Picked {
    endpoint: Arc<Endpoint>,
    /// That the upstream may have this attempt, where it has limits.
    pub(super) permit: Option<Permit>,
}

impl Picked {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.state.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            endpoint,
            permit: None,
        }
    }

    /// For the list of tried endpoints of the next pick.
    #[must_use]
    pub fn id(&self) -> EndpointId {
        self.endpoint.id
    }

    /// Its address, for records.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.endpoint.address
    }

    /// How Pingora connects to it, without protocol upgrades.
    #[must_use]
    pub fn peer(&self) -> &HttpPeer {
        &self.endpoint.peer
    }

    /// A peer for Pingora's proxy loop, which wants one of its own per attempt.
    #[must_use]
    pub fn to_peer(&self, terms: AttemptTerms) -> Box<HttpPeer> {
        let mut peer = Box::new(self.endpoint.peer.clone());
        if terms.websocket {
            peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::standard();
        }
        if let Some(left) = terms.left {
            let options = &mut peer.options;
            for wait in [
                &mut options.connection_timeout,
                &mut options.total_connection_timeout,
                &mut options.read_timeout,
                &mut options.write_timeout,
            ] {
                *wait = Some(wait.map_or(left, |wait| wait.min(left)));
            }
        }
        peer
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        self.endpoint.state.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one attempt is allowed beyond the endpoint's own terms.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttemptTerms {
    /// A WebSocket handshake is forwarded. Any other upgrade never is.
    pub websocket: bool,
    /// What is left of the exchange's total time; no single wait is longer.
    pub left: Option<Duration>,
}
