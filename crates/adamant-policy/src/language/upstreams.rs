//! `upstreams:` named groups of endpoints, and how the gateway deals with them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Entry, Node, Period, Problem, Problems, Rate, ShortOrLong, Span, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Context;
use super::context::check_name;
use super::field::{host_name, positive};
use super::listeners::ProtocolWord;
use crate::config::{
    Balance, Endpoint, Health, Origin, Retry, Timeouts, Upstream, UpstreamHost, UpstreamLimits,
    UpstreamProtocol, UpstreamRate, UpstreamTls,
};

/// A named group of endpoints: `endpoints` on the network, or one that is `built-in`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UpstreamEntry {
    /// Addresses with ports: `10.1.0.11:8080`, `[2001:db8::7]:8080`, `orders.internal:8080`. Names are
    /// resolved again and again; the last good answer is kept.
    #[schemars(length(min = 1))]
    endpoints: Option<Vec<ShortOrLong<Spanned<String>, EndpointEntry>>>,
    /// A small origin inside the process instead of endpoints.
    built_in: Option<Spanned<BuiltIn>>,
    /// How an endpoint is chosen. Default: `round-robin`.
    balance: Option<Spanned<BalanceWord>>,
    /// Active health checks. Without them every endpoint counts as up.
    health: Option<HealthEntry>,
    /// Maxima of time.
    timeouts: Option<TimeoutsEntry>,
    /// When another attempt is made. Default: never.
    retry: Option<RetryEntry>,
    /// What all routes together may send. Default: no limit.
    limits: Option<Spanned<LimitsEntry>>,
    /// TLS towards the endpoints. The certificate is always verified.
    tls: Option<UpstreamTlsEntry>,
    /// Version of HTTP spoken to the endpoints. Default: `h1`.
    protocol: Option<Spanned<ProtocolWord>>,
    /// Longest time that an idle connection is kept for reuse; keep it below that of the endpoints.
    /// Default: `30s`.
    keep_idle: Option<Spanned<Period>>,
    /// What `Host` says: `client` for what the client asked for, or a name. Default: `client`.
    host: Option<Spanned<String>>,
}

/// An endpoint with more than its address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EndpointEntry {
    /// Address with port.
    address: Spanned<String>,
    /// Share of requests relative to its siblings. Default: 1.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(default = "one")]
    weight: u32,
}

const fn one() -> u32 {
    1
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum BuiltIn {
    /// Answers with what it received.
    Echo,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum BalanceWord {
    /// One after the other, by weight.
    RoundRobin,
    /// The one with the fewest requests in flight for its weight.
    LeastRequests,
}

/// Active health checks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct HealthEntry {
    /// Path that is asked for, such as `/healthz`. An answer of 200 to 299 is a success; every other one is a
    /// failure, also 429 and 503 with `Retry-After`: who asks for a pause gets no new requests after
    /// `down-after` of them, and ends those that it has.
    path: Spanned<String>,
    /// Time between probes, spread by a fifth. Default: `5s`.
    every: Option<Spanned<Period>>,
    /// Time for one probe. Default: `2s`, or `every` if that is less.
    timeout: Option<Spanned<Period>>,
    /// Successes that bring an endpoint back. Default: 2.
    #[schemars(range(min = 1, max = 100))]
    up_after: Option<u32>,
    /// Failures that take an endpoint out. Default: 3.
    #[schemars(range(min = 1, max = 100))]
    down_after: Option<u32>,
    /// `Host` of the probe. Default: the upstream's name.
    host: Option<Spanned<String>>,
}

/// Maxima of time towards endpoints.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct TimeoutsEntry {
    /// TCP connect and TLS handshake.
    connect: Spanned<Period>,
    /// From the request sent to the first byte of the answer.
    first_byte: Spanned<Period>,
    /// Longest silence inside a body, and in a tunnel.
    idle: Spanned<Period>,
    /// From the request received to the last byte of the answer, all attempts together. Lifted by
    /// `stream: true` on a route.
    total: Spanned<Period>,
}

impl Default for TimeoutsEntry {
    fn default() -> Self {
        let seconds = |n| Period::from_secs(n).into();
        Self {
            connect: seconds(2),
            first_byte: seconds(15),
            idle: seconds(60),
            total: seconds(30),
        }
    }
}

/// When another attempt is made, at another endpoint where there is one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RetryEntry {
    /// Attempts in all, the first included. Default: 2.
    #[schemars(range(min = 2, max = 10))]
    attempts: Option<u32>,
    /// `connect`: nothing was sent. `reset`: the connection broke before the first byte of the answer. A
    /// status such as `"503"`. The last two only for idempotent methods. Default: `[connect]`.
    #[schemars(length(min = 1))]
    on: Option<Vec<Spanned<String>>>,
}

/// What all routes together may send to the endpoints, health checks apart. Every attempt counts, so that a retry is
/// one more. What is too much is refused with status 503 and `Retry-After`, and no endpoint is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitsEntry {
    /// How many attempts may be in progress at once, to all endpoints together; a WebSocket is one until it is closed.
    /// Example: `200`
    #[schemars(range(min = 1))]
    in_flight: Option<u32>,
    /// How often attempts may begin in the long run. Example: `1000/s`
    allow: Option<Rate>,
    /// How many attempts may begin at once. Default: the number in `allow`. Example: `100`
    #[schemars(range(min = 1))]
    burst: Option<Spanned<u64>>,
}

/// TLS towards endpoints. There is no key that switches verification off.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UpstreamTlsEntry {
    /// Name (or IP address) that the certificate must carry; also the SNI.
    server_name: Spanned<String>,
    /// PEM file with the trusted authorities. Default: those of the system.
    #[schemars(with = "Option<String>", length(min = 1))]
    ca: Option<Spanned<PathBuf>>,
}

/// An upstream with the places that checks point at.
#[derive(Debug)]
pub(crate) struct UpstreamDraft {
    pub(crate) upstream: Upstream,
    pub(crate) connect_span: Span,
    pub(crate) first_byte_span: Span,
    pub(crate) total_span: Span,
}

pub(super) fn read(written: &Entry, context: &mut Context<'_>) -> Option<UpstreamDraft> {
    context.keep(check_name("upstream", &written.key, written.key_span));
    let mut entry: UpstreamEntry = context.read(&written.value)?;
    let mut problems = Problems::new();
    let origin = origin_of(&mut entry, written, context, &mut problems);
    let timeouts = entry.timeouts.unwrap_or_default();
    let upstream = Upstream {
        name: Arc::clone(&written.key),
        origin: origin.unwrap_or(Origin::Echo),
        balance: match entry.balance.map(|balance| balance.value) {
            Some(BalanceWord::LeastRequests) => Balance::LeastRequests,
            Some(BalanceWord::RoundRobin) | None => Balance::RoundRobin,
        },
        health: entry.health.map(|health| health_of(health, &mut problems)),
        timeouts: timeouts_of(&timeouts, &mut problems),
        retry: retry_of(entry.retry, &mut problems),
        limits: limits_of(entry.limits, &mut problems),
        tls: entry.tls.map(|tls| tls_of(&tls, &mut problems)),
        protocol: match entry.protocol.map(|protocol| protocol.value) {
            Some(ProtocolWord::H2) => UpstreamProtocol::H2,
            Some(ProtocolWord::H1) | None => UpstreamProtocol::H1,
        },
        keep_idle: entry
            .keep_idle
            .map_or(Duration::from_secs(30), |keep| keep.duration()),
        host: match entry.host {
            Some(host) if &*host.value != "client" => {
                host_of(&host, &mut problems).map_or(UpstreamHost::Client, UpstreamHost::Fixed)
            }
            Some(_) | None => UpstreamHost::Client,
        },
        span: written.key_span,
    };
    context.tell_all(problems);
    Some(UpstreamDraft {
        upstream,
        connect_span: timeouts.connect.span,
        first_byte_span: timeouts.first_byte.span,
        total_span: timeouts.total.span,
    })
}

fn origin_of(
    entry: &mut UpstreamEntry,
    written: &Entry,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<Origin> {
    match (entry.endpoints.take(), entry.built_in) {
        (Some(endpoints), None) => Some(Origin::Endpoints(endpoints_of(endpoints, problems))),
        (None, Some(built_in)) => {
            for other in written.value.as_mapping().unwrap_or_default() {
                if &*other.key != "built-in" {
                    let message = format!("`{}` means nothing to an upstream that is built in", other.key);
                    let problem = Problem::new("keys.misplaced", message).with_span(other.key_span);
                    problems.push(
                        problem
                            .with_second(built_in.span, "built in here")
                            .with_help("remove it"),
                    );
                }
            }
            Some(Origin::Echo)
        }
        (Some(_), Some(built_in)) => {
            let problem = Problem::new("keys.exclusive", "`endpoints` and `built-in` exclude each other");
            problems.push(problem.with_span(built_in.span));
            None
        }
        (None, None) => {
            if context.is_clean(written.value.span()) {
                let message = format!(
                    "the upstream `{}` has neither `endpoints` nor `built-in`",
                    written.key
                );
                problems.push(Problem::new("keys.missing", message).with_span(written.key_span));
            }
            None
        }
    }
}

fn endpoints_of(
    written: Vec<ShortOrLong<Spanned<String>, EndpointEntry>>,
    problems: &mut Problems,
) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(written.len());
    for entry in written {
        let (address, weight) = match entry {
            ShortOrLong::Short(address) => (address, 1),
            ShortOrLong::Long(entry) => (entry.address, entry.weight),
        };
        let Some((host, port)) = problems.take(host_and_port(&address)) else {
            continue;
        };
        if let Some(first) = endpoints
            .iter()
            .find(|known| known.host == host && known.port == port)
        {
            let message = format!("the endpoint `{}` is written twice", address.value);
            let problem = Problem::new("values.duplicate", message).with_span(address.span);
            problems.push(
                problem
                    .with_second(first.span, "first written here")
                    .with_help("give it a `weight`"),
            );
            continue;
        }
        endpoints.push(Endpoint {
            host,
            port,
            weight,
            span: address.span,
        });
    }
    endpoints
}

pub(super) fn host_and_port(address: &Spanned<String>) -> Result<(Arc<str>, u16), Problem> {
    let text = address.as_str();
    let wrong = |help: String| {
        let problem = Problem::new("values.address", format!("`{text}` is not an endpoint"));
        problem.with_span(address.span).with_help(help)
    };
    // Whoever writes a user writes a password, too.
    if text.contains('@') {
        let problem = Problem::new(
            "values.address",
            "an endpoint is a host and its port, without a user",
        );
        return Err(problem.with_span(address.span).hidden());
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let bare = rest.trim_end_matches('/');
        return Err(wrong(match scheme {
            "https" => format!("write `{bare}` and `tls: {{ server-name: … }}` beside `endpoints`"),
            _ => format!("write `{bare}` without scheme"),
        }));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(wrong(format!("add the port, such as `{text}:8080`")));
    };
    let port = port.parse().ok().filter(|port| *port > 0);
    let port = port.ok_or_else(|| wrong("the port is a number from 1 to 65535".to_owned()))?;
    let host = host_name(host).map_err(|help| wrong(help.to_owned()))?;
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .map(Arc::from);
    Ok((bare.unwrap_or(host), port))
}

fn health_of(entry: HealthEntry, problems: &mut Problems) -> Health {
    let path = &entry.path;
    if !path.starts_with('/') || path.bytes().any(|b| !b.is_ascii_graphic() || b == b'#') {
        let problem =
            Problem::new("values.path", format!("`{}` is not a path", path.value)).with_span(path.span);
        problems.push(problem.with_help("write what stands in the request, such as `/healthz`"));
    }
    let every = entry.every.unwrap_or_else(|| Period::from_secs(5).into());
    let timeout = entry
        .timeout
        .unwrap_or_else(|| Period::from_secs(2).min(every.value).into());
    if timeout.value > every.value {
        let problem = Problem::new(
            "values.range",
            "a probe would last longer than the time between probes",
        );
        problems.push(
            problem
                .with_span(timeout.span)
                .with_second(every.span, "the time between probes"),
        );
    }
    Health {
        path: path.as_str().into(),
        every: positive("every", &every, problems),
        timeout: positive("timeout", &timeout, problems),
        up_after: entry.up_after.unwrap_or(2),
        down_after: entry.down_after.unwrap_or(3),
        host: entry.host.and_then(|host| host_of(&host, problems)),
    }
}

fn timeouts_of(entry: &TimeoutsEntry, problems: &mut Problems) -> Timeouts {
    let total = positive("total", &entry.total, problems);
    // A default gives way to what was written; what was written is checked.
    let mut part = |key: &str, period: &Spanned<Period>| {
        let time = positive(key, period, problems);
        if period.span.is_nowhere() {
            time.min(total)
        } else {
            time
        }
    };
    Timeouts {
        connect: part("connect", &entry.connect),
        first_byte: part("first-byte", &entry.first_byte),
        idle: positive("idle", &entry.idle, problems),
        total,
    }
}

/// Statuses of the endpoint after which trying again may help: its own failures, not what it cannot do.
const RETRY_ON: [&str; 5] = ["connect", "reset", "502", "503", "504"];

fn retry_of(entry: Option<RetryEntry>, problems: &mut Problems) -> Retry {
    let mut retry = Retry {
        attempts: 1,
        on_connect: false,
        on_reset: false,
        on_status: Vec::new(),
    };
    let Some(entry) = entry else { return retry };
    retry.attempts = entry.attempts.unwrap_or(2);
    retry.on_connect = entry.on.is_none();
    for word in entry.on.unwrap_or_default() {
        match (word.as_str(), word.parse::<u16>()) {
            ("connect", _) => retry.on_connect = true,
            ("reset", _) => retry.on_reset = true,
            (_, Ok(status @ (500 | 502..=504 | 507..=509 | 520..=599))) => retry.on_status.push(status),
            (_, Ok(status)) => {
                let problem = Problem::new(
                    "values.choice",
                    format!("trying again after {status} does not help"),
                );
                problems.push(
                    problem
                        .with_span(word.span)
                        .with_help("only failures of the endpoint are tried again, such as 502, 503 and 504"),
                );
            }
            (text, Err(_)) => {
                let guess = adamant_filter::did_you_mean(text, RETRY_ON);
                let guess = guess
                    .map(|word| format!("; did you mean `{word}`?"))
                    .unwrap_or_default();
                let problem = Problem::new(
                    "values.choice",
                    format!("`{text}` is not a choice of `on`{guess}"),
                );
                let help = "the choices are `connect`, `reset` and statuses such as `\"503\"`";
                problems.push(problem.with_span(word.span).with_help(help));
            }
        }
    }
    retry.on_status.sort_unstable();
    retry.on_status.dedup();
    retry
}

fn limits_of(entry: Option<Spanned<LimitsEntry>>, problems: &mut Problems) -> UpstreamLimits {
    let Some(Spanned { value: entry, span }) = entry else {
        return UpstreamLimits::default();
    };
    if entry.in_flight.is_none() && entry.allow.is_none() {
        let problem = Problem::new("keys.missing", "`limits` has neither `in-flight` nor `allow`");
        problems.push(
            problem
                .with_span(span)
                .with_help("write what is limited, or remove it"),
        );
    }
    if let (Some(burst), None) = (&entry.burst, entry.allow) {
        let problem = Problem::new("keys.misplaced", "`burst` means nothing without `allow`");
        problems.push(
            problem
                .with_span(burst.span)
                .with_help("add `allow`, or remove it"),
        );
    }
    UpstreamLimits {
        in_flight: entry.in_flight,
        rate: entry.allow.map(|allow| UpstreamRate {
            allow,
            burst: entry.burst.map_or(allow.count(), |burst| burst.value),
        }),
    }
}

pub(super) fn tls_of(entry: &UpstreamTlsEntry, problems: &mut Problems) -> UpstreamTls {
    let name = &entry.server_name;
    // An IPv6 address stands here without brackets: it is compared with a name in the certificate.
    let server_name = match name.parse::<std::net::IpAddr>() {
        Ok(address) => Some(Arc::from(address.to_string())),
        Err(_) => host_of(name, problems),
    };
    UpstreamTls {
        server_name: server_name.unwrap_or_default(),
        span: entry.ca.as_ref().map_or(name.span, |ca| ca.span),
        ca: entry.ca.as_ref().map(|ca| ca.value.clone()),
    }
}

fn host_of(host: &Spanned<String>, problems: &mut Problems) -> Option<Arc<str>> {
    problems.take(host_name(host).map_err(|help| {
        let problem = Problem::new("values.host", format!("`{}` is not a host name", host.value));
        problem.with_span(host.span).with_help(help)
    }))
}

/// Entries of a mapping, or none.
pub(super) fn entries(node: Option<&Node>) -> &[Entry] {
    node.and_then(Node::as_mapping).unwrap_or_default()
}
