//! The endpoint with the fewest requests in flight per weight.
//!
//! Up to eight endpoints are all looked at; of more, two are drawn, which is nearly as good and does not
//! send every worker to the same idle endpoint at once. The draw is by weight, so that endpoints that are
//! equally loaded, idle ones above all, still share by weight.

use std::cmp::Ordering;
use std::sync::Arc;

use super::cycle::Cycle;
use super::{Balance, draw};
use crate::upstream::{Endpoint, EndpointId};

/// Endpoints that are all compared; of more, two are.
const SCAN_MAX: usize = 8;

/// Compares requests in flight.
#[derive(Debug)]
pub(super) struct LeastRequests {
    cycle: Cycle,
}

impl LeastRequests {
    /// For the endpoints of this cycle.
    pub(super) const fn new(cycle: Cycle) -> Self {
        Self { cycle }
    }

    fn drawn(&self, bits: u32, endpoints: &[Arc<Endpoint>], tried: &[EndpointId]) -> Option<usize> {
        self.cycle
            .from(draw::place(bits, self.cycle.len()), endpoints, tried)
    }
}

impl Balance for LeastRequests {
    fn pick(&self, endpoints: &[Arc<Endpoint>], tried: &[EndpointId]) -> Option<usize> {
        let bits = draw::next();
        let first = self.drawn((bits >> 32) as u32, endpoints, tried)?;
        if endpoints.len() > SCAN_MAX {
            let second = self.drawn(bits as u32, endpoints, tried)?;
            return Some(lesser(first, second, endpoints));
        }
        // When the drawn one was tried before, all that are usable were.
        let fresh_only = endpoints.get(first).is_some_and(|e| !tried.contains(&e.id()));
        let others = endpoints
            .iter()
            .enumerate()
            .filter(|(_, e)| e.is_usable() && !(fresh_only && tried.contains(&e.id())));
        Some(others.fold(first, |best, (position, _)| lesser(best, position, endpoints)))
    }
}

/// Whichever has less to do for its weight; of equals the first.
fn lesser(first: usize, second: usize, endpoints: &[Arc<Endpoint>]) -> usize {
    let (Some(a), Some(b)) = (endpoints.get(first), endpoints.get(second)) else {
        return first;
    };
    // Cross-multiplied, because a quotient would be rounded.
    let load_of_a = u64::from(a.in_flight()) * u64::from(b.weight());
    let load_of_b = u64::from(b.in_flight()) * u64::from(a.weight());
    match load_of_b.cmp(&load_of_a) {
        Ordering::Less => second,
        Ordering::Equal | Ordering::Greater => first,
    }
}
