//! Maxima towards an upstream: of time, and of what all routes together may send. Plain data, as the rest of the
//! config.

use std::time::Duration;

use adamant_filter::Rate;

/// What all routes together may send to an upstream. Every attempt counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// Attempts in progress at once.
    pub in_flight: Option<u32>,
    /// How often attempts may begin.
    pub rate: Option<UpstreamRate>,
}

/// How often attempts may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamRate {
    /// In the long run.
    pub allow: Rate,
    /// At once; at least one.
    pub burst: u64,
}

/// Maxima of time towards endpoints.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// TCP connect and TLS handshake.
    pub connect: Duration,
    /// From the request sent to the first byte of the answer.
    pub first_byte: Duration,
    /// Longest silence inside a body, and in a tunnel.
    pub idle: Duration,
    /// From the request received to the last byte of the answer, all attempts together.
    /// Lifted by `stream: true` on the route.
    pub total: Duration,
}
