//! Smooth weighted round robin: exact shares over a cycle, without bursts.
//!
//! It does not look at load; `least_requests` does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Balance;
use super::cycle::Cycle;
use crate::upstream::{Endpoint, EndpointId};

/// Walks along the cycle, one turn per pick.
#[derive(Debug)]
pub(super) struct RoundRobin {
    cycle: Cycle,
    next: AtomicUsize,
}

impl RoundRobin {
    /// Starts at the first turn.
    pub(super) const fn new(cycle: Cycle) -> Self {
        Self {
            cycle,
            next: AtomicUsize::new(0),
        }
    }
}

impl Balance for RoundRobin {
    fn pick(&self, endpoints: &[Arc<Endpoint>], tried: &[EndpointId]) -> Option<usize> {
        let turn = self
            .next
            .fetch_add(1, Ordering::Relaxed)
            .checked_rem(self.cycle.len())?;
        self.cycle.from(turn, endpoints, tried)
    }
}
