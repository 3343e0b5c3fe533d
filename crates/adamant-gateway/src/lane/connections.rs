//! Idle connections of one worker to its endpoints: a short stack per endpoint, newest first.
//!
//! Pingora's own pool spawns a task for every idle connection and asks the kernel for its peer on every
//! reuse. A stack needs neither: whether a connection still lives is seen when it is taken.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use pingora::Result;
use pingora::connectors::{ConnectorOptions, TransportConnector};
use pingora::upstreams::peer::HttpPeer;

use super::joined::Joined;
use crate::upstream::EndpointId;

/// Idle connections kept for one endpoint by one worker.
const IDLE_MAX: usize = 128;

/// Name of an endpoint across upstreams: its group is its upstream's, its id its own.
type Name = (u64, EndpointId);

/// Opens connections and keeps those that are idle.
pub(super) struct Connections {
    connector: TransportConnector,
    // One worker uses it, so the lock is never contended; the type must be `Sync` all the same.
    idle: Mutex<HashMap<Name, Vec<Idle>, RandomState>>,
}

struct Idle {
    stream: Box<Joined>,
    since: Instant,
}

impl Connections {
    pub(super) fn new(ca_file: Option<&'static str>) -> Self {
        let mut options = ConnectorOptions::new(1);
        options.ca_file = ca_file.map(str::to_owned);
        Self {
            connector: TransportConnector::new(Some(options)),
            idle: Mutex::default(),
        }
    }

    /// The connection that was used last and still lives.
    pub(super) fn take(&self, endpoint: EndpointId, peer: &HttpPeer) -> Option<Box<Joined>> {
        let limit = peer.options.idle_timeout.unwrap_or(Duration::MAX);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let stack = idle.get_mut(&(peer.group_key, endpoint))?;
        while let Some(mut candidate) = stack.pop() {
            if candidate.since.elapsed() < limit && candidate.stream.is_quiet() {
                return Some(candidate.stream);
            }
        }
        None
    }

    /// Opens a new connection, TLS included.
    pub(super) async fn open(&self, peer: &HttpPeer, left: Option<Duration>) -> Result<Box<Joined>> {
        let opening = self.connector.new_stream(peer);
        let opened = match left {
            None => opening.await,
            Some(left) => match tokio::time::timeout(left, opening).await {
                Ok(opened) => opened,
                Err(_) => {
                    pingora::Error::e_explain(pingora::ErrorType::ConnectTimedout, "no time left to connect")
                }
            },
        };
        opened.map(Joined::over)
    }

    /// Keeps a connection for the next exchange.
    pub(super) fn put(&self, endpoint: EndpointId, group: u64, stream: Box<Joined>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let stack = idle.entry((group, endpoint)).or_default();
        if stack.len() < IDLE_MAX {
            stack.push(Idle {
                stream,
                since: Instant::now(),
            });
        }
    }

    /// Closes what has been idle for longer than `limit`, for endpoints that are not asked any more.
    pub(super) fn sweep(&self, limit: Duration) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for stack in idle.values_mut() {
            stack.retain(|entry| entry.since.elapsed() < limit);
        }
        idle.retain(|_, stack| !stack.is_empty());
    }
}
