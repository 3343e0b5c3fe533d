//! Active health checks: who answers them is used, who does not is left alone.
//!
//! Probes travel on connections of their own, straight to the endpoint, so they are in no access log and
//! no request metric. An endpoint is used until it has failed often enough, from the start on: a gateway
//! that waited for its first round would refuse everything meanwhile.

mod tally;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use adamant_policy::config;
use http::{HeaderName, HeaderValue, Method, header};
use tokio::time::{Instant, sleep, sleep_until};

use super::Upstream;
use super::background::Task;
use super::client::{Call, Client, Keep};
use super::endpoint::{Condition, Endpoint, EndpointId};
use super::spread::spread;
use crate::balance::draw;
use tally::Tally;

/// First probes are spread over this time, so that a large upstream is not asked all at once.
const FIRST_WITHIN: Duration = Duration::from_millis(200);

/// Who asks, for the endpoint's own logs.
const FIELDS: [(HeaderName, HeaderValue); 1] = [(
    header::USER_AGENT,
    HeaderValue::from_static("adamant-health-check"),
)];

/// Keeps one probe running per endpoint of the upstream. Ends when it is cancelled.
pub(super) async fn watch(upstream: Arc<Upstream>, checks: Arc<config::Health>, client: Arc<Client>) {
    let mut probes: HashMap<EndpointId, Task> = HashMap::new();
    loop {
        let pool = upstream.pool.load_full();
        probes.retain(|id, _| pool.endpoints().iter().any(|e| e.id() == *id));
        for endpoint in pool.endpoints() {
            probes.entry(endpoint.id()).or_insert_with(|| {
                let probe = Probe {
                    upstream: Arc::clone(&upstream),
                    checks: Arc::clone(&checks),
                    client: Arc::clone(&client),
                    endpoint: Arc::clone(endpoint),
                };
                Task(tokio::spawn(probe.repeat()))
            });
        }
        drop(pool);
        upstream.replaced.notified().await;
    }
}

/// The repeated check of one endpoint.
struct Probe {
    upstream: Arc<Upstream>,
    checks: Arc<config::Health>,
    client: Arc<Client>,
    endpoint: Arc<Endpoint>,
}

impl Probe {
    async fn repeat(self) {
        let mut tally = Tally::starting(self.endpoint.condition());
        sleep(FIRST_WITHIN.min(self.checks.every) * (draw::place(draw::next() as u32, 256) as u32) / 256)
            .await;
        loop {
            let begun = Instant::now();
            let outcome = self.ask().await;
            if let Some(condition) = tally.record(outcome.is_ok(), &self.checks) {
                self.change(condition, outcome.err());
            }
            sleep_until(begun + spread(self.checks.every)).await;
        }
    }

    /// Passes on a status of the 200s; what else came is the reason.
    async fn ask(&self) -> Result<(), String> {
        let host = self.checks.host.as_ref().unwrap_or(&self.upstream.name);
        let call = Call {
            peer: self.endpoint.peer(),
            method: Method::GET,
            target: &self.checks.path,
            host,
            fields: &FIELDS,
            body: bytes::Bytes::new(),
            answer_max: None,
            deadline: self.checks.timeout,
            keep: Keep::Never,
        };
        match self.client.send(call).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn change(&self, condition: Condition, reason: Option<String>) {
        let (upstream, address) = (&self.upstream.name, self.endpoint.address());
        match reason {
            Some(reason) => log::warn!("upstream {upstream}: endpoint {address} is down: {reason}"),
            None => log::info!("upstream {upstream}: endpoint {address} is up"),
        }
        self.upstream.set_condition(&self.endpoint, condition);
    }
}

#[cfg(test)]
mod tests;
