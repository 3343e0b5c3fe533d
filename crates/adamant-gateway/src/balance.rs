//! How one endpoint is chosen of many: a few atomic loads, never a lock, a wait or an allocation.
//!
//! Every algorithm obeys the same three rules. An endpoint that is down is never chosen, so when all are
//! down there is none: asking endpoints that are known to be broken would only replace a prompt 503 by a
//! slow one. An endpoint that this exchange has tried before is chosen only when no other is usable. And
//! over time each gets its share by weight.

mod cycle;
pub(crate) mod draw;
mod least_requests;
mod round_robin;

use std::fmt::Debug;
use std::sync::Arc;

use adamant_policy::config;

use crate::upstream::{Endpoint, EndpointId};

/// An algorithm, made for one list of endpoints.
pub(crate) trait Balance: Debug + Send + Sync {
    /// Position of the endpoint that the next attempt goes to; none when all are down.
    ///
    /// `endpoints` is the list that the algorithm was made for; `tried` are the endpoints of the earlier
    /// attempts.
    fn pick(&self, endpoints: &[Arc<Endpoint>], tried: &[EndpointId]) -> Option<usize>;
}

/// The algorithm that the file names, for the endpoints that are usable now.
///
/// Those that are down get no place in the cycle: otherwise whoever stands behind them would inherit their
/// share. So a change of condition makes a new one.
pub(crate) fn balance(kind: config::Balance, endpoints: &[Arc<Endpoint>]) -> Box<dyn Balance> {
    let cycle = cycle::Cycle::of(
        endpoints
            .iter()
            .map(|e| if e.is_usable() { e.weight() } else { 0 }),
    );
    match kind {
        config::Balance::RoundRobin => Box::new(round_robin::RoundRobin::new(cycle)),
        config::Balance::LeastRequests => Box::new(least_requests::LeastRequests::new(cycle)),
    }
}

#[cfg(test)]
mod tests;
