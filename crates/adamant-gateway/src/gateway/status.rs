//! What the gateway tells operators of itself: health, metrics, version.
//!
//! Reads counters and flags; changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adamant_filter::Readiness;
use adamant_observe::{Connections, EndpointState, Surroundings};

use crate::admin::{self, AdminState, Check, Probe};
use crate::engine::Engine;
use crate::listen::WorkersWatch;
use crate::overload::Overload;
use crate::upstream::Condition;

/// The state of a running gateway.
pub(super) struct Status {
    pub(super) engine: Arc<Engine>,
    pub(super) workers: WorkersWatch,
    /// Every listener accepts and nothing drains.
    pub(super) ready: Arc<AtomicBool>,
    /// What filters wait for before requests may come.
    pub(super) awaited: Vec<(String, Readiness)>,
    pub(super) filters: Vec<(String, String)>,
}

impl Status {
    fn is_draining(&self) -> bool {
        !self.ready.load(Ordering::Acquire)
    }
}

impl AdminState for Status {
    fn digest(&self) -> &str {
        self.engine.plan.digest().as_str()
    }

    fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    fn language(&self) -> u32 {
        1
    }

    fn filters(&self) -> Vec<(String, String)> {
        self.filters.clone()
    }

    fn checks(&self, probe: Probe) -> Vec<Check> {
        let check = |name, is_good, detail: String| Check {
            name,
            is_good,
            detail,
        };
        match probe {
            Probe::Live => vec![check("process", true, "the process works".to_owned())],
            Probe::Startup => vec![check("listeners", true, "every listener is open".to_owned())],
            Probe::Ready => {
                let draining = self.is_draining();
                let detail = if draining { "draining" } else { "accepting" };
                let mut checks = vec![check("listeners", !draining, detail.to_owned())];
                checks.extend(self.awaited.iter().map(|(what, readiness)| {
                    let is_ready = readiness.is_ready();
                    let state = if is_ready { "there" } else { "awaited" };
                    check("filter", is_ready, format!("{what}: {state}"))
                }));
                // An upstream that is down never makes the gateway unready: its routes answer 503.
                checks.extend(self.engine.upstreams.iter().map(|upstream| {
                    let readiness = upstream.readiness();
                    let detail = format!(
                        "{}: {} of {} endpoints usable",
                        upstream.name(),
                        readiness.usable,
                        readiness.known
                    );
                    check("upstream", true, detail)
                }));
                checks
            }
        }
    }

    fn metrics(&self, into: &mut Vec<u8>) {
        let counts = self.workers.counts();
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let refused = [
            ("connections", load(&counts.over_connections)),
            ("connections-per-client", load(&counts.over_client)),
            ("handshake", load(&counts.handshakes_failed)),
            ("exhausted", load(&counts.exhausted)),
        ];
        let connections = Connections {
            open: self.workers.open() as u64,
            accepted: load(&counts.accepted),
            refused: &refused,
        };
        let known: Vec<_> = self.engine.upstreams.endpoints().collect();
        let endpoints: Vec<_> = known
            .iter()
            .map(|endpoint| EndpointState {
                upstream: &endpoint.upstream,
                endpoint: endpoint.address,
                is_healthy: endpoint.condition != Condition::Down,
                in_flight: u64::from(endpoint.in_flight),
            })
            .collect();
        let surroundings = Surroundings {
            shedding: self.engine.overload.as_ref().map(Overload::told),
            connections: Some(connections),
            endpoints: &endpoints,
            access_log: self.engine.observation.log.as_ref().map(|log| log.counts()),
            process: admin::process(),
        };
        self.engine.observation.meters.expose(into, &surroundings);
    }
}
