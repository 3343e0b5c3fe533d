//! What operators and metrics see of upstreams: copies, taken at one moment.
//!
//! Nothing here leads back to an endpoint.

use std::net::SocketAddr;
use std::sync::Arc;

use super::endpoint::Condition;

/// One endpoint at one moment.
#[derive(Clone, Debug)]
pub struct EndpointStatus {
    /// Key of its upstream in the file.
    pub upstream: Arc<str>,
    /// Its address.
    pub address: SocketAddr,
    /// What the health checks know.
    pub condition: Condition,
    /// Attempts that have begun and not ended.
    pub in_flight: u32,
}

/// How much of an upstream can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Endpoints that requests may be sent to; none means 503.
    pub usable: usize,
    /// All endpoints that are known.
    pub known: usize,
}
