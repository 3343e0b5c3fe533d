//! Counters and histograms of the gateway: recorded by workers without lock, hash or allocation.
//!
//! Everything that may be a label is told once, by an [`Inventory`]; recording takes positions. Nothing
//! here reads a clock or writes text: durations are handed in, `prometheus` writes.

mod counters;
mod decisions;
mod definition;
mod durations;
mod inventory;
mod series;

use std::time::Duration;

use adamant_filter::Reason;

use counters::{Cell, Counters, Places};
pub(crate) use decisions::DecisionTotal;
use decisions::Decisions;
pub use decisions::Outcome;
pub(crate) use definition::{
    BUILD_INFO, CLIENT_DURATION, CONFIG_INFO, CONNECTIONS_ACCEPTED, CONNECTIONS_OPEN, CONNECTIONS_REFUSED,
    DECISIONS, ENDPOINT_HEALTHY, ENDPOINT_IN_FLIGHT, HEAD_REFUSALS, LOG_LINES, LOG_LOST, PROCESS_CPU,
    PROCESS_FDS, PROCESS_FDS_MAX, PROCESS_MEMORY, PROCESS_START, PROCESS_THREADS, QUEUE_DELAY, SERVER_ACTIVE,
    SERVER_DURATION, SERVER_REQUEST_BODY, SERVER_RESPONSE_BODY, SHED_RATIO, SHED_REQUESTS,
};
pub use definition::{Kind, METRICS, Metric};
pub use durations::{DurationTotals, Durations};
pub use inventory::{FilterCounter, FilterMeter, Filters, Inventory, RouteName};
pub(crate) use series::{BOUNDS, Labels, Total};
use series::{Histograms, Sample};

use crate::Worker;
use crate::attribute::{Failure, Method, Protocol, Scheme};

/// Everything that is counted.
#[derive(Debug)]
pub struct Meters {
    pub(crate) inventory: Inventory,
    server: Histograms,
    client: Histograms,
    counters: Counters,
    decisions: Decisions,
    /// One cell per scheme and method.
    active: Cell,
    /// One cell per listener and reason.
    head_refusals: Cell,
}

/// A finished exchange as numbers.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeCounts {
    /// Position of the matched route.
    pub route: Option<usize>,
    /// The method.
    pub method: Method,
    /// Version of HTTP.
    pub protocol: Protocol,
    /// Scheme of the listener.
    pub scheme: Scheme,
    /// Status that the client saw; `None` when it went away before an answer.
    pub status: Option<u16>,
    /// What broke on the way.
    pub failure: Option<Failure>,
    /// From arrival to the last byte.
    pub duration: Duration,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
}

/// A finished attempt at an endpoint as numbers.
#[derive(Clone, Copy, Debug)]
pub struct AttemptCounts {
    /// Position of the upstream.
    pub upstream: usize,
    /// The method.
    pub method: Method,
    /// Version of HTTP spoken to the endpoint.
    pub protocol: Protocol,
    /// Scheme spoken to the endpoint.
    pub scheme: Scheme,
    /// Status of its answer.
    pub status: Option<u16>,
    /// What broke.
    pub failure: Option<Failure>,
    /// From the beginning of the attempt to the end of its answer.
    pub duration: Duration,
}

impl Meters {
    /// Meters for what the inventory names, at zero.
    #[must_use]
    pub fn new(mut inventory: Inventory) -> Self {
        let mut places = Places::default();
        let active = places.reserve(Method::ALL.len() * Scheme::ALL.len());
        let head_refusals = places.reserve(inventory.listeners.len() * inventory.head_reasons.len());
        let decisions = Decisions::new(std::mem::take(&mut inventory.filters.labels), &mut places);
        let workers = inventory.workers;
        Self {
            // The last owner is what matched no route.
            server: Histograms::new(inventory.routes.len() + 1, workers),
            client: Histograms::new(inventory.upstreams.len(), workers),
            counters: Counters::new(&places, workers),
            decisions,
            active,
            head_refusals,
            inventory,
        }
    }

    /// A request began; [`Meters::exchange`] with the same method and scheme ends it.
    pub fn begin(&self, worker: Worker, method: Method, scheme: Scheme) {
        self.counters.add(worker, self.active_cell(method, scheme), 1);
    }

    /// A request that began has ended.
    pub fn exchange(&self, worker: Worker, exchange: &ExchangeCounts) {
        self.counters
            .subtract(worker, self.active_cell(exchange.method, exchange.scheme), 1);
        let labels = Labels {
            method: exchange.method,
            scheme: exchange.scheme,
            protocol: exchange.protocol,
            status: exchange.status,
            failure: exchange.failure,
        };
        let sample = Sample {
            duration: exchange.duration,
            bytes_in: exchange.bytes_in,
            bytes_out: exchange.bytes_out,
        };
        let owner = exchange.route.unwrap_or(self.inventory.routes.len());
        self.server.record(worker, owner, labels, &sample);
    }

    /// An attempt at an endpoint has ended.
    pub fn attempt(&self, worker: Worker, attempt: &AttemptCounts) {
        let labels = Labels {
            method: attempt.method,
            scheme: attempt.scheme,
            protocol: attempt.protocol,
            status: attempt.status,
            failure: attempt.failure,
        };
        let sample = Sample {
            duration: attempt.duration,
            bytes_in: 0,
            bytes_out: 0,
        };
        self.client.record(worker, attempt.upstream, labels, &sample);
    }

    /// A step of policy decided.
    pub fn decision(&self, worker: Worker, step: FilterMeter, outcome: Outcome, reason: Option<&Reason>) {
        if let Some(cell) = self.decisions.cell(step, outcome, reason) {
            self.counters.add(worker, cell, 1);
        }
    }

    /// A head was refused before routing. A reason that the inventory does not name is not counted.
    pub fn head_refused(&self, worker: Worker, listener: usize, reason: &Reason) {
        let reasons = self.inventory.head_reasons;
        let known = reasons
            .iter()
            .position(|known| std::ptr::eq(*known, reason) || known.code() == reason.code());
        if let Some(position) = known.filter(|_| listener < self.inventory.listeners.len()) {
            self.counters.add(
                worker,
                self.head_refusals.plus(listener * reasons.len() + position),
                1,
            );
        }
    }

    fn active_cell(&self, method: Method, scheme: Scheme) -> Cell {
        self.active
            .plus(scheme.index() * Method::ALL.len() + method.index())
    }

    /// Requests in progress.
    pub(crate) fn active(&self, method: Method, scheme: Scheme) -> u64 {
        self.counters.level(self.active_cell(method, scheme))
    }

    /// Refused heads: listener, reason, count.
    pub(crate) fn head_refusals(&self) -> impl Iterator<Item = (&str, &'static str, u64)> {
        let reasons = self.inventory.head_reasons;
        self.inventory
            .listeners
            .iter()
            .enumerate()
            .flat_map(move |(row, listener)| {
                reasons.iter().enumerate().map(move |(column, reason)| {
                    let cell = self.head_refusals.plus(row * reasons.len() + column);
                    (listener.as_ref(), reason.code(), self.counters.sum(cell))
                })
            })
    }

    pub(crate) fn decisions(&self) -> Vec<DecisionTotal<'_>> {
        self.decisions.totals(&self.counters)
    }

    pub(crate) fn server_totals(&self) -> Vec<Total> {
        self.server.totals()
    }

    pub(crate) fn client_totals(&self) -> Vec<Total> {
        self.client.totals()
    }
}

#[cfg(test)]
pub(crate) mod tests;
