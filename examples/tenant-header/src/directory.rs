//! What the service has said of hosts, for a while and up to a bound.
//!
//! Calls nobody.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::prelude::*;
use quick_cache::sync::Cache;

use crate::Tenant;

/// Most memory of one entry: a host of 255 bytes, what is known of it, and its place in the cache.
const ENTRY: u64 = 768;

/// What is known of hosts.
#[derive(Debug)]
pub(crate) struct Directory {
    known: Cache<Box<str>, Known>,
    fresh_for: Duration,
}

/// What the service has said of a host.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Nobody's, when it is `None`.
    pub(crate) tenant: Option<Listed>,
    at: Tick,
}

/// A tenant, ready to be handed on without being written anew.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) value: HeaderValue,
}

impl Directory {
    /// For so many hosts, each believed for so long.
    pub(crate) fn new(hosts: u32, fresh_for: Period) -> Self {
        Self {
            known: Cache::new(hosts as usize),
            fresh_for: fresh_for.duration(),
        }
    }

    /// Most memory that so many hosts take.
    pub(crate) fn bound(hosts: u32) -> Size {
        Size::from_bytes(u64::from(hosts) * ENTRY)
    }

    /// What is known of a host and not too old. The cache locks one of its parts for the look, as every bounded
    /// cache must; nothing is allocated.
    pub(crate) fn look_up(&self, host: &str, now: Tick) -> Option<Known> {
        let known = self.known.get(host)?;
        (now.since(known.at) < self.fresh_for).then_some(known)
    }

    /// Keeps what the service has said.
    pub(crate) fn keep(&self, host: &str, tenant: Option<Listed>, now: Tick) -> Known {
        let known = Known { tenant, at: now };
        self.known.insert(host.into(), known.clone());
        known
    }
}
