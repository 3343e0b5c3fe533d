//! What all routes together may send to an upstream. Plain data, as the rest of the config.

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
