//! The numbers of this process as Prometheus text.
//!
//! Reads meters and what the gateway tells of its surroundings; counts nothing and opens nothing.

mod text;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use adamant_filter::Wall;

use crate::DurationTotals;
use crate::access_log::LogCounts;
use crate::attribute::{Method, Scheme};
use crate::meters::{
    BUILD_INFO, CLIENT_DURATION, CONFIG_INFO, CONNECTIONS_ACCEPTED, CONNECTIONS_OPEN, CONNECTIONS_REFUSED,
    DECISIONS, ENDPOINT_HEALTHY, ENDPOINT_IN_FLIGHT, HEAD_REFUSALS, LOG_LINES, LOG_LOST, Labels, Meters,
    PROCESS_CPU, PROCESS_FDS, PROCESS_FDS_MAX, PROCESS_MEMORY, PROCESS_START, PROCESS_THREADS, QUEUE_DELAY,
    SERVER_ACTIVE, SERVER_DURATION, SERVER_REQUEST_BODY, SERVER_RESPONSE_BODY, SHED_RATIO, SHED_REQUESTS,
    Total,
};
use text::{Number, Text, push_head, push_value};

/// Media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the gateway knows besides the meters, at the moment of a scrape.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'s> {
    /// Overload protection, where the file has it.
    pub shedding: Option<Shedding>,
    /// Client connections.
    pub connections: Option<Connections<'s>>,
    /// Endpoints in use. Those of the same upstream and address are told as one.
    pub endpoints: &'s [EndpointState<'s>],
    /// Lines of the access log.
    pub access_log: Option<LogCounts>,
    /// The process.
    pub process: Option<Process>,
}

/// What overload protection does.
#[derive(Clone, Copy, Debug)]
pub struct Shedding {
    /// Requests that were shed, by priority.
    pub requests: [(&'static str, u64); 3],
    /// Which part of requests is being shed because work waits too long, by priority, in millionths.
    pub ratios: [(&'static str, u64); 2],
    /// How long work waits.
    pub delays: DurationTotals,
}

/// Client connections since boot.
#[derive(Clone, Copy, Debug)]
pub struct Connections<'s> {
    /// Open now.
    pub open: u64,
    /// Accepted and admitted.
    pub accepted: u64,
    /// Closed before their first request, by reason.
    pub refused: &'s [(&'static str, u64)],
}

/// One address of an upstream.
#[derive(Clone, Copy, Debug)]
pub struct EndpointState<'s> {
    /// Name of the upstream.
    pub upstream: &'s str,
    /// Its address.
    pub endpoint: SocketAddr,
    /// Whether it is given requests.
    pub is_healthy: bool,
    /// Attempts in progress.
    pub in_flight: u64,
}

/// What the system tells of the process.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// When it started.
    pub started: Wall,
    /// User and system CPU time.
    pub cpu: Duration,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// File descriptors that may be open.
    pub fds_max: u64,
    /// Threads.
    pub threads: u64,
}

impl Meters {
    /// Appends everything as text. Takes some µs per series; not for a thread that carries requests.
    pub fn expose(&self, out: &mut Vec<u8>, surroundings: &Surroundings<'_>) {
        self.expose_server(out);
        self.expose_client(out);
        self.expose_policy(out);
        self.expose_counters(out);
        expose_shedding(out, surroundings.shedding.as_ref());
        expose_connections(out, surroundings);
        expose_endpoints(out, surroundings.endpoints);
        expose_log(out, surroundings.access_log);
        expose_process(out, surroundings.process);
    }

    fn expose_server(&self, out: &mut Vec<u8>) {
        let totals = self.server_totals();
        let mut text = Text::new(out, &SERVER_DURATION);
        for total in &totals {
            self.label_route(&mut text, total);
            if let Some(labels) = total.labels {
                label_common(&mut text, labels, labels.status.filter(|status| *status >= 500));
            }
            text.durations(&total.buckets, total.micros);
        }
        let sizes = sizes(&totals);
        for (metric, is_received) in [(&SERVER_REQUEST_BODY, true), (&SERVER_RESPONSE_BODY, false)] {
            text.family(metric);
            for (total, method_and_scheme) in &sizes {
                self.label_route(&mut text, total);
                if let Some((method, scheme)) = method_and_scheme {
                    text.label("http_request_method", method.label())
                        .label("url_scheme", scheme.label());
                }
                let sum = if is_received {
                    total.bytes_in
                } else {
                    total.bytes_out
                };
                text.sum_and_count(Number::Whole(sum), total.count());
            }
        }
        text.family(&SERVER_ACTIVE);
        for scheme in Scheme::ALL {
            for method in Method::ALL {
                text.label("http_request_method", method.label())
                    .label("url_scheme", scheme.label());
                text.value(Number::Whole(self.active(*method, *scheme)));
            }
        }
    }

    /// The route of a series; none for what matched no route, a mark for what found no place.
    fn label_route(&self, text: &mut Text<'_>, total: &Total) {
        let Some(owner) = total.owner else {
            text.label("otel_metric_overflow", "true");
            return;
        };
        if let Some(route) = self.inventory.routes.get(owner) {
            text.label("http_route", &route.pattern)
                .label("adamant_route", &route.name);
        }
    }

    fn expose_client(&self, out: &mut Vec<u8>) {
        let mut text = Text::new(out, &CLIENT_DURATION);
        for total in self.client_totals() {
            match total.owner.and_then(|owner| self.inventory.upstreams.get(owner)) {
                Some(upstream) => text.label("adamant_upstream", upstream),
                None => text.label("otel_metric_overflow", "true"),
            };
            if let Some(labels) = total.labels {
                label_common(&mut text, labels, labels.status.filter(|status| *status >= 400));
            }
            text.durations(&total.buckets, total.micros);
        }
    }

    fn expose_policy(&self, out: &mut Vec<u8>) {
        let mut text = Text::new(out, &DECISIONS);
        for total in self.decisions() {
            text.label("filter", total.filter)
                .label("decision", total.decision)
                .label("reason", total.reason);
            text.value(Number::Whole(total.count));
        }
        text.family(&HEAD_REFUSALS);
        for (listener, reason, count) in self.head_refusals() {
            text.label("listener", listener)
                .label("reason", reason)
                .value(Number::Whole(count));
        }
        text.family(&CONFIG_INFO);
        let language = self.inventory.language.to_string();
        text.label("digest", &self.inventory.digest)
            .label("version", &language)
            .value(Number::Whole(1));
        text.family(&BUILD_INFO);
        text.label("version", self.inventory.version)
            .value(Number::Whole(1));
    }

    /// The counters that filters asked for; instances of one name are one counter.
    fn expose_counters(&self, out: &mut Vec<u8>) {
        let mut sums: BTreeMap<&str, (&str, u64)> = BTreeMap::new();
        for counter in &self.inventory.counters {
            let (_, sum) = sums.entry(counter.name).or_insert((counter.help, 0));
            *sum = sum.wrapping_add(counter.counter.value());
        }
        for (name, (help, sum)) in sums {
            let full = format!("adamant_{name}_total");
            push_head(out, &full, help, "counter");
            out.extend_from_slice(full.as_bytes());
            push_value(out, Number::Whole(sum));
        }
    }
}

/// The labels that server and client have in common. `error_type` is what broke, else a status that is
/// an error.
fn label_common(text: &mut Text<'_>, labels: Labels, error_status: Option<u16>) {
    text.label("http_request_method", labels.method.label())
        .label("url_scheme", labels.scheme.label())
        .label_number("http_response_status_code", labels.status)
        .label("network_protocol_version", labels.protocol.label());
    match labels.failure {
        Some(failure) => text.label("error_type", failure.label()),
        None => text.label_number("error_type", error_status),
    };
}

/// Body sizes know less labels than durations: one sum per route, method and scheme.
fn sizes(totals: &[Total]) -> Vec<(Total, Option<(Method, Scheme)>)> {
    let mut sums: Vec<(Total, Option<(Method, Scheme)>)> = Vec::new();
    for total in totals {
        let key = total.labels.map(|labels| (labels.method, labels.scheme));
        // Series of an owner are neighbours, so the search ends within its few sums.
        let mut of_owner = sums
            .iter_mut()
            .rev()
            .take_while(|(sum, _)| sum.owner == total.owner);
        let Some((sum, _)) = of_owner.find(|(_, known)| *known == key) else {
            sums.push((total.clone(), key));
            continue;
        };
        sum.bytes_in += total.bytes_in;
        sum.bytes_out += total.bytes_out;
        for (bucket, count) in sum.buckets.iter_mut().zip(total.buckets) {
            *bucket += count;
        }
    }
    sums
}

fn expose_shedding(out: &mut Vec<u8>, shedding: Option<&Shedding>) {
    let Some(shedding) = shedding else { return };
    let mut text = Text::new(out, &SHED_REQUESTS);
    for (priority, count) in shedding.requests {
        text.label("priority", priority).value(Number::Whole(count));
    }
    text.family(&SHED_RATIO);
    for (priority, millionths) in shedding.ratios {
        text.label("priority", priority)
            .value(Number::Millionths(millionths));
    }
    text.family(&QUEUE_DELAY);
    text.durations(&shedding.delays.buckets, shedding.delays.micros);
}

fn expose_connections(out: &mut Vec<u8>, surroundings: &Surroundings<'_>) {
    let Some(connections) = surroundings.connections else {
        return;
    };
    let mut text = Text::new(out, &CONNECTIONS_OPEN);
    text.value(Number::Whole(connections.open));
    text.family(&CONNECTIONS_ACCEPTED);
    text.value(Number::Whole(connections.accepted));
    text.family(&CONNECTIONS_REFUSED);
    for (reason, count) in connections.refused {
        text.label("reason", reason).value(Number::Whole(*count));
    }
}

fn expose_endpoints(out: &mut Vec<u8>, endpoints: &[EndpointState<'_>]) {
    let mut states: BTreeMap<(&str, SocketAddr), (bool, u64)> = BTreeMap::new();
    for state in endpoints {
        let (is_healthy, in_flight) = states.entry((state.upstream, state.endpoint)).or_default();
        *is_healthy |= state.is_healthy;
        *in_flight += state.in_flight;
    }
    let mut text = Text::new(out, &ENDPOINT_HEALTHY);
    for ((upstream, endpoint), (is_healthy, _)) in &states {
        text.label("upstream", upstream)
            .label("endpoint", &endpoint.to_string());
        text.value(Number::Whole(u64::from(*is_healthy)));
    }
    text.family(&ENDPOINT_IN_FLIGHT);
    for ((upstream, endpoint), (_, in_flight)) in &states {
        text.label("upstream", upstream)
            .label("endpoint", &endpoint.to_string());
        text.value(Number::Whole(*in_flight));
    }
}

fn expose_log(out: &mut Vec<u8>, counts: Option<LogCounts>) {
    let Some(counts) = counts else { return };
    let mut text = Text::new(out, &LOG_LINES);
    text.value(Number::Whole(counts.written));
    text.family(&LOG_LOST);
    text.label("cause", "queue").value(Number::Whole(counts.dropped));
    text.label("cause", "sink").value(Number::Whole(counts.failed));
}

fn expose_process(out: &mut Vec<u8>, process: Option<Process>) {
    let Some(process) = process else { return };
    let mut text = Text::new(out, &PROCESS_START);
    text.value(Number::Thousandths(process.started.0));
    text.family(&PROCESS_CPU);
    text.value(Number::Millionths(
        u64::try_from(process.cpu.as_micros()).unwrap_or(u64::MAX),
    ));
    for (metric, value) in [
        (&PROCESS_MEMORY, process.resident_bytes),
        (&PROCESS_FDS, process.open_fds),
        (&PROCESS_FDS_MAX, process.fds_max),
        (&PROCESS_THREADS, process.threads),
    ] {
        text.family(metric);
        text.value(Number::Whole(value));
    }
}

#[cfg(test)]
mod tests;
