//! The endpoints of an upstream at one moment, with the algorithm that chooses between them.
//!
//! Immutable: a new list of addresses or a change of condition makes a new pool, which carries over the
//! endpoints that stay, with their counters. It resolves nothing and checks nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use adamant_policy::config;

use super::endpoint::{Endpoint, EndpointId};
use crate::balance::{Balance, balance};

/// Endpoints in a fixed order.
#[derive(Debug)]
pub(super) struct Pool {
    endpoints: Box<[Arc<Endpoint>]>,
    balance: Box<dyn Balance>,
}

/// An address that belongs to the upstream now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Where it is.
    pub(super) address: SocketAddr,
    /// Its share.
    pub(super) weight: u32,
}

impl Pool {
    /// A pool of these endpoints; those that are down now take no part in the choice.
    pub(super) fn new(kind: config::Balance, endpoints: Box<[Arc<Endpoint>]>) -> Self {
        Self {
            balance: balance(kind, &endpoints),
            endpoints,
        }
    }

    /// All endpoints, down ones included.
    pub(super) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The endpoint for the next attempt.
    pub(super) fn pick(&self, tried: &[EndpointId]) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(self.balance.pick(&self.endpoints, tried)?)
    }

    /// The endpoint that already stands for this member.
    pub(super) fn find(&self, member: Member) -> Option<&Arc<Endpoint>> {
        self.endpoints
            .iter()
            .find(|e| e.address() == member.address && e.weight() == member.weight)
    }
}
