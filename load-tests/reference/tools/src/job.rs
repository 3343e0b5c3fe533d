//! What the load generator is told to do: one JSON object.
//!
//! It is the whole interface between the harness and the generator; there are no other switches.

use std::path::PathBuf;

use serde::Deserialize;

/// A measurement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Port on loopback.
    pub port: u16,
    /// The request, with holes.
    pub request: PathBuf,
    /// What goes into the holes.
    pub values: Option<PathBuf>,
    /// Connections at a time.
    pub connections: usize,
    /// Length of the measured window.
    pub seconds: f64,
    /// Time before it.
    pub warm_seconds: f64,
    /// Requests that must be answered before it, so that each value was seen once.
    pub warm_requests: u64,
    /// Requests per second, whether or not answers come; as fast as answers come when absent.
    pub rate: Option<f64>,
    /// A new connection for every request.
    pub fresh: bool,
    /// Speak TLS 1.3, without resumption.
    pub tls: bool,
    /// Processes whose run time is measured.
    pub watch: Vec<u32>,
    /// The status that every answer must have.
    pub expect: u16,
}
