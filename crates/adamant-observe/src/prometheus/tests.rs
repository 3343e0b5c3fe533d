//! The text as a whole, judged by promtool where it is installed.

use std::collections::HashSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::*;
use crate::attribute::{Failure, Protocol};
use crate::meters::tests::{exchange, meters};
use crate::meters::{AttemptCounts, ExchangeCounts, FilterCounter, Inventory, METRICS, Outcome};
use crate::{Durations, Worker};

const REFUSED: &[(&str, u64)] = &[("connections", 3), ("handshake", 0)];

fn surroundings<'s>(endpoints: &'s [EndpointState<'s>]) -> Surroundings<'s> {
    let delays = Durations::default();
    delays.record(Duration::from_millis(7));
    let mut shedding = Shedding {
        requests: [("low", 5), ("normal", 0), ("high", 0)],
        ratios: [("low", 250_000), ("normal", 0)],
        delays: DurationTotals::default(),
    };
    shedding.delays.add(&delays);
    Surroundings {
        shedding: Some(shedding),
        connections: Some(Connections {
            open: 2,
            accepted: 9,
            refused: REFUSED,
        }),
        endpoints,
        access_log: Some(LogCounts {
            written: 7,
            dropped: 1,
            failed: 2,
        }),
        process: Some(Process {
            started: Wall(1_795_435_200_042),
            cpu: Duration::from_micros(1_234_567),
            resident_bytes: 12 << 20,
            open_fds: 40,
            fds_max: 1024,
            threads: 6,
        }),
    }
}

/// A text in which every metric has a sample.
fn full() -> String {
    let (meters, [addresses, ..]) = meters(2, 2);
    meters.begin(Worker(0), Method::Post, Scheme::Https);
    for (route, status, failure) in [
        (Some(0), Some(200), None),
        (Some(0), Some(404), None),
        (Some(0), Some(502), Some(Failure::Reset)),
        (None, Some(503), None),
        (Some(0), None, Some(Failure::ClientAborted)),
    ] {
        let exchange = ExchangeCounts {
            route,
            status,
            failure,
            ..exchange()
        };
        meters.exchange(Worker(usize::from(route.is_none())), &exchange);
    }
    meters.attempt(Worker(0), &attempt());
    meters.decision(Worker(0), addresses, Outcome::WouldDeny, None);
    let address = SocketAddr::from(([10, 1, 0, 11], 8080));
    let twin = EndpointState {
        upstream: "orders",
        endpoint: address,
        is_healthy: false,
        in_flight: 1,
    };
    let endpoints = [
        twin,
        EndpointState {
            is_healthy: true,
            ..twin
        },
    ];
    let mut out = Vec::new();
    meters.expose(&mut out, &surroundings(&endpoints));
    String::from_utf8(out).expect("the text format is UTF-8")
}

fn attempt() -> AttemptCounts {
    AttemptCounts {
        upstream: 0,
        method: Method::Get,
        protocol: Protocol::Http11,
        scheme: Scheme::Http,
        status: Some(404),
        failure: None,
        duration: Duration::from_millis(40),
    }
}

/// Runs `promtool check metrics`; `None` where it is not installed.
fn promtool(text: &str) -> Option<(bool, String)> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    Some((
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

#[test]
fn promtool_finds_nothing_to_say() {
    let Some((is_good, said)) = promtool(&full()) else {
        println!("SKIPPED: promtool is not installed, so the text format was not checked by it");
        return;
    };
    assert!(is_good && said.is_empty(), "{said}");
}

#[test]
fn the_conventions_are_spelled_as_prometheus_wants() {
    let text = full();
    let expected = [
        "# TYPE http_server_request_duration_seconds histogram",
        "http_server_request_duration_seconds_bucket{http_route=\"/r0/{id}\",adamant_route=\"route-0\",\
         http_request_method=\"GET\",url_scheme=\"https\",http_response_status_code=\"200\",\
         network_protocol_version=\"1.1\",le=\"0.005\"} 1",
        "http_response_status_code=\"502\",network_protocol_version=\"1.1\",error_type=\"reset\",le=\"+Inf\"} 1",
        "_count{http_request_method=\"GET\",url_scheme=\"https\",http_response_status_code=\"503\",\
         network_protocol_version=\"1.1\",error_type=\"503\"} 1",
        "url_scheme=\"https\",network_protocol_version=\"1.1\",error_type=\"client_aborted\",le=\"10\"} 1",
        "http_server_response_body_size_bytes_sum{http_route=\"/r0/{id}\",adamant_route=\"route-0\",\
         http_request_method=\"GET\",url_scheme=\"https\"} 4096",
        "http_server_active_requests{http_request_method=\"POST\",url_scheme=\"https\"} 1",
        "http_client_request_duration_seconds_sum{adamant_upstream=\"orders\",http_request_method=\"GET\",\
         url_scheme=\"http\",http_response_status_code=\"404\",network_protocol_version=\"1.1\",\
         error_type=\"404\"} 0.040000",
        "adamant_decisions_total{filter=\"addresses\",decision=\"pass\"} 0",
        "adamant_decisions_total{filter=\"addresses\",decision=\"would-deny\",reason=\"_OTHER\"} 1",
        "adamant_head_refusals_total{listener=\"plain\",reason=\"exhausted\"} 0",
        "adamant_config_info{digest=\"12ab34cd\",version=\"1\"} 1",
        "adamant_shed_requests_total{priority=\"low\"} 5",
        "adamant_shed_ratio{priority=\"low\"} 0.250000",
        "adamant_queue_delay_seconds_bucket{le=\"0.01\"} 1",
        "adamant_connections_refused_total{reason=\"connections\"} 3",
        "adamant_upstream_endpoint_healthy{upstream=\"orders\",endpoint=\"10.1.0.11:8080\"} 1",
        "adamant_upstream_endpoint_in_flight{upstream=\"orders\",endpoint=\"10.1.0.11:8080\"} 2",
        "adamant_access_log_lost_lines_total{cause=\"sink\"} 2",
        "process_start_time_seconds 1795435200.042",
        "process_cpu_seconds_total 1.234567",
    ];
    for line in expected {
        assert!(text.contains(line), "missing: {line}\n{text}");
    }
}

#[test]
fn every_metric_of_the_table_is_written_and_nothing_else() {
    let text = full();
    let typed: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    let expected: Vec<_> = METRICS
        .iter()
        .map(|metric| format!("{} {}", metric.name, metric.kind.word()))
        .collect();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(
        sorted(typed.iter().map(|line| (*line).to_owned()).collect()),
        sorted(expected)
    );
}

#[test]
fn a_sample_stands_once() {
    let text = full();
    let samples: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .collect();
    let names: HashSet<_> = samples.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), samples.len());
}

#[test]
fn counters_of_one_name_are_one_counter() {
    let hits = |times: u64| {
        let counter = adamant_filter::Counter::default();
        (0..times).for_each(|_| counter.add_one());
        FilterCounter {
            name: "jwt_cache_hits",
            help: "Tokens found in the cache",
            counter,
        }
    };
    let inventory = Inventory {
        workers: 1,
        counters: vec![hits(2), hits(3)],
        ..Inventory::default()
    };
    let mut out = Vec::new();
    Meters::new(inventory).expose(&mut out, &Surroundings::default());
    let text = String::from_utf8(out).expect("text");
    assert_eq!(
        text.matches("adamant_jwt_cache_hits_total 5\n").count(),
        1,
        "{text}"
    );
    assert_eq!(
        text.matches("# TYPE adamant_jwt_cache_hits_total counter")
            .count(),
        1
    );
}

#[test]
fn an_overflow_is_marked() {
    let (meters, _) = meters(1, 1);
    for status in 100..=599 {
        meters.exchange(
            Worker(0),
            &ExchangeCounts {
                status: Some(status),
                ..exchange()
            },
        );
    }
    let mut out = Vec::new();
    meters.expose(&mut out, &Surroundings::default());
    let text = String::from_utf8(out).expect("text");
    assert!(
        text.contains("_seconds_count{otel_metric_overflow=\"true\"} 244\n"),
        "no overflow series"
    );
    if let Some((is_good, said)) = promtool(&text) {
        assert!(is_good, "{said}");
    }
}

/// Not a gate: prints what a scrape of a busy gateway costs on this machine, in this profile.
#[test]
fn the_price_of_a_scrape_is_printed() {
    let (meters, _) = meters(1_000, 2);
    for route in 0..1_000 {
        for status in [200, 404, 503] {
            meters.exchange(
                Worker(0),
                &ExchangeCounts {
                    route: Some(route),
                    status: Some(status),
                    ..exchange()
                },
            );
        }
    }
    let mut out = Vec::new();
    let start = Instant::now();
    meters.expose(&mut out, &surroundings(&[]));
    println!(
        "a scrape of 3,000 series: {} KiB in {} µs",
        out.len() / 1024,
        start.elapsed().as_micros()
    );
}
