//! The table of metrics: name, kind, labels and help of everything that `/metrics` can say.
//!
//! The text, the manual and the naming lint come from these rows; nothing is counted here. Filters add
//! counters of their own through `Boot::counter`.

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of values below bounds, with their sum.
    Histogram,
}

impl Kind {
    /// The word of the text format.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Full name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Labels that its samples may have.
    pub labels: &'static [&'static str],
    /// One sentence without a full stop.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($name:ident = $kind:ident $text:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) static $name: Metric =
            Metric { name: $text, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// All metrics of the gateway, in the order in which they are written.
        pub static METRICS: &[&Metric] = &[$(&$name),*];
    };
}

metrics! {
    SERVER_DURATION = Histogram "http_server_request_duration_seconds"
        ["http_request_method", "url_scheme", "http_response_status_code", "http_route", "adamant_route",
         "network_protocol_version", "error_type", "otel_metric_overflow"]
        "Time from the arrival of a request to the last byte of its answer";
    SERVER_REQUEST_BODY = Histogram "http_server_request_body_size_bytes"
        ["http_request_method", "url_scheme", "http_route", "adamant_route", "otel_metric_overflow"]
        "Body bytes received from clients";
    SERVER_RESPONSE_BODY = Histogram "http_server_response_body_size_bytes"
        ["http_request_method", "url_scheme", "http_route", "adamant_route", "otel_metric_overflow"]
        "Body bytes sent to clients";
    SERVER_ACTIVE = Gauge "http_server_active_requests" ["http_request_method", "url_scheme"]
        "Requests in progress";
    CLIENT_DURATION = Histogram "http_client_request_duration_seconds"
        ["http_request_method", "url_scheme", "http_response_status_code", "adamant_upstream",
         "network_protocol_version", "error_type", "otel_metric_overflow"]
        "Time of one attempt at an endpoint, from its beginning to the end of its answer";
    DECISIONS = Counter "adamant_decisions_total" ["filter", "decision", "reason"]
        "What steps of policy decided, and what the gateway itself refused";
    HEAD_REFUSALS = Counter "adamant_head_refusals_total" ["listener", "reason"]
        "Requests refused before routing because their head was malformed or beyond a bound";
    SHED_REQUESTS = Counter "adamant_shed_requests_total" ["priority"]
        "Requests that were refused because there was more to do than could be done in time";
    SHED_RATIO = Gauge "adamant_shed_ratio" ["priority"]
        "Part of the requests that is being refused because work waits too long: 0 to 1";
    QUEUE_DELAY = Histogram "adamant_queue_delay_seconds" []
        "Time for which work that is ready waits until its worker comes to it, as measured now and then";
    CONNECTIONS_OPEN = Gauge "adamant_connections_open" [] "Client connections that are open";
    CONNECTIONS_ACCEPTED = Counter "adamant_connections_accepted_total" []
        "Client connections that were accepted and admitted";
    CONNECTIONS_REFUSED = Counter "adamant_connections_refused_total" ["reason"]
        "Client connections that were closed before their first request";
    ENDPOINT_HEALTHY = Gauge "adamant_upstream_endpoint_healthy" ["upstream", "endpoint"]
        "Whether the endpoint is given requests: 1 or 0";
    ENDPOINT_IN_FLIGHT = Gauge "adamant_upstream_endpoint_in_flight" ["upstream", "endpoint"]
        "Attempts in progress at the endpoint";
    LOG_LINES = Counter "adamant_access_log_lines_total" [] "Access log lines that were written";
    LOG_LOST = Counter "adamant_access_log_lost_lines_total" ["cause"]
        "Access log lines that were not written: the queue was full, or the sink failed";
    CONFIG_INFO = Gauge "adamant_config_info" ["digest", "version"]
        "The policy in force, by its digest, and the version of its language";
    BUILD_INFO = Gauge "adamant_build_info" ["version"] "The version of the gateway";
    PROCESS_START = Gauge "process_start_time_seconds" [] "Unix time at which the process started";
    PROCESS_CPU = Counter "process_cpu_seconds_total" [] "User and system CPU time of the process";
    PROCESS_MEMORY = Gauge "process_resident_memory_bytes" [] "Memory of the process that is resident";
    PROCESS_FDS = Gauge "process_open_fds" [] "File descriptors that are open";
    PROCESS_FDS_MAX = Gauge "process_max_fds" [] "File descriptors that may be open";
    PROCESS_THREADS = Gauge "process_threads" [] "Threads of the process";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn is_snake_case(name: &str) -> bool {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    }

    #[test]
    fn names_follow_the_rules_of_the_house() {
        let prefixes = ["adamant_", "http_server_", "http_client_", "process_"];
        for metric in METRICS {
            let name = metric.name;
            assert!(is_snake_case(name), "{name}");
            assert!(
                prefixes.iter().any(|prefix| name.starts_with(prefix)),
                "{name} has a known prefix"
            );
            assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            if metric.kind == Kind::Histogram {
                assert!(
                    name.ends_with("_seconds") || name.ends_with("_bytes"),
                    "{name} names its unit"
                );
            }
            assert!(metric.labels.iter().all(|label| is_snake_case(label)), "{name}");
            assert!(!metric.help.is_empty() && !metric.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn a_name_stands_once() {
        let names: HashSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
    }
}
