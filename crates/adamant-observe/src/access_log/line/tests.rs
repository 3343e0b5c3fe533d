//! Lines as a reader of JSON sees them, whatever the network sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adamant_filter::{Consumer, Consumers, Identity, KnownBy, Request, TlsFacts, Wall};
use http::{HeaderValue, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::attribute::Failure;

/// 2026-11-23T12:00:00.042Z
const NOON: Wall = Wall(1_795_435_200_042);

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn line(fields: &[&str], redact: &[&str], record: &Record<'_>) -> Value {
    let shape = Shape::new(&names(fields), &names(redact)).expect("valid names");
    let mut out = Vec::new();
    shape.write(&mut out, &mut Second::default(), record);
    assert_eq!(
        out.iter().filter(|byte| **byte == b'\n').count(),
        1,
        "a record is one line"
    );
    serde_json::from_slice(&out).expect("a line is JSON")
}

fn request() -> Request {
    let mut request = Request::build(Method::GET, "/v1/orders/7?page=2&token=s3cret&bare")
        .expect("a target")
        .with_header("user-agent", "curl/8.5")
        .with_header("x-tenant", "a")
        .with_header("x-tenant", "b \"quoted\"")
        .with_header("authorization", "Bearer abc");
    request.origin_mut().listener = "public".into();
    request.origin_mut().wall = NOON;
    request.origin_mut().client = IpAddr::V6(Ipv6Addr::LOCALHOST);
    request.origin_mut().tls = Some(Arc::new(TlsFacts {
        version: "TLSv1.3",
        cipher: "TLS13_AES_128_GCM_SHA256".into(),
        server_name: Some("api.example.com".into()),
        client_chain: Vec::new(),
    }));
    request.note("cache-hit");
    request
}

const SHADOW: &[Step<'static>] = &[Step {
    filter: "rules",
    reason: "sql-injection",
}];

fn full<'a>(request: &'a Request, identity: &'a Identity) -> Record<'a> {
    Record {
        request_id: "019ab0c4-7e2f-7000-8000-0123456789ab",
        digest: "12ab34cd",
        instance: "edge-1",
        route: Some("orders-read"),
        status: Some(502),
        failure: Some(Failure::Reset),
        refusal: Some(Step {
            filter: "gateway",
            reason: "upstream-reset",
        }),
        identity: Some(identity),
        upstream: Some(UpstreamUse {
            name: "orders",
            endpoint: Some(SocketAddr::from((Ipv4Addr::new(10, 1, 0, 11), 8080))),
            status: Some(502),
            attempts: 2,
            connect: Some(Duration::from_micros(412)),
            first_byte: Some(Duration::from_micros(3_007)),
        }),
        bytes_in: 12,
        bytes_out: 345_678,
        duration: Duration::from_micros(12_345),
        shadow: SHADOW,
        ..Record::of(request)
    }
}

#[test]
fn a_full_line_says_everything() {
    let (request, identity) = (request(), Identity::new("jwt", "https://id.example.com/", "acme"));
    let expected = json!({
        "ts": "2026-11-23T12:00:00.042Z",
        "request_id": "019ab0c4-7e2f-7000-8000-0123456789ab",
        "digest": "12ab34cd", "instance": "edge-1", "listener": "public",
        "client_ip": "::1", "peer_ip": "192.0.2.1", "proto": "HTTP/1.1",
        "tls": { "version": "TLSv1.3", "cipher": "TLS13_AES_128_GCM_SHA256", "sni": "api.example.com" },
        "method": "GET", "host": "example.test", "route": "orders-read",
        "path": "/v1/orders/7", "query": "page=***&token=***&***",
        "status": 502, "reason": "gateway.upstream-reset", "error_type": "reset",
        "consumer": "acme", "auth": { "method": "jwt", "issuer": "https://id.example.com/" },
        "upstream": { "name": "orders", "addr": "10.1.0.11:8080", "status": 502, "attempts": 2,
                      "connect_ms": 0.412, "first_byte_ms": 3.007 },
        "bytes_in": 12, "bytes_out": 345_678, "duration_ms": 12.345,
        "user_agent": "curl/8.5",
        "headers": { "x-tenant": "a, b \"quoted\"", "authorization": "***" },
        "notes": ["cache-hit"], "shadow": ["rules.sql-injection"],
    });
    let fields = ["x-tenant", "authorization", "x-absent"];
    assert_eq!(
        line(&fields, &["authorization", "cookie"], &full(&request, &identity)),
        expected
    );
}

#[test]
fn a_consumer_of_the_file_has_its_name_and_its_plan() {
    let acme = Arc::new(Consumer {
        name: "acme".into(),
        plan: Some("gold".into()),
        groups: Vec::new(),
    });
    let known = KnownBy {
        method: "api-key",
        issuer: "",
        name: "acme-1",
    };
    let consumers = Consumers::new(vec!["gold".into()], [(known, acme)]);
    let identity = consumers.resolve(Identity::new("api-key", "", "acme-1"));
    let written = line(&[], &[], &full(&request(), &identity));
    assert_eq!(
        (&written["consumer"], &written["plan"]),
        (&json!("acme"), &json!("gold"))
    );
    assert_eq!(
        written["auth"],
        json!({ "method": "api-key", "subject": "acme-1" })
    );
}

#[test]
fn an_exchange_without_a_head_still_has_a_line() {
    let record = Record::unread("plain", IpAddr::V4(Ipv4Addr::LOCALHOST), Wall(0));
    let expected = json!({
        "ts": "1970-01-01T00:00:00.000Z", "listener": "plain",
        "client_ip": "127.0.0.1", "peer_ip": "127.0.0.1", "proto": "HTTP/1.1",
        "bytes_in": 0, "bytes_out": 0, "duration_ms": 0.0,
    });
    assert_eq!(line(&[], &[], &record), expected);
}

#[test]
fn the_user_agent_can_be_redacted() {
    let request = request();
    assert_eq!(
        line(&[], &["User-Agent"], &Record::of(&request)).get("user_agent"),
        Some(&json!("***"))
    );
}

#[test]
fn a_name_that_no_field_can_have_is_refused() {
    let refused = Shape::new(&names(&["x tenant"]), &[]).map(|_| ());
    assert_eq!(
        refused,
        Err(InvalidFieldName {
            name: "x tenant".into()
        })
    );
}

#[test]
fn values_of_a_query_are_never_written() {
    let cases: [(&str, &str); 8] = [
        ("a=1", "a=***"),
        ("a=1&b=2&a=", "a=***&b=***&a=***"),
        ("secret", "***"),
        ("", ""),
        ("&&a=1", "&&a=***"),
        ("a=b=c", "a=***"),
        ("=x", "=***"),
        ("na%22me\"=1", "na%22me\\\"=***"),
    ];
    for (query, expected) in cases {
        let mut out = Vec::new();
        push_masked_query(&mut out, query.as_bytes());
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected, "{query}");
    }
    let mut out = Vec::new();
    push_masked_query(&mut out, "a=1&".repeat(1000).as_bytes());
    assert_eq!(out.len(), PARAMETERS_MAX * 6 - 1 + "&…".len());
}

#[test]
fn endpoints_of_both_families_are_written_like_the_standard_library_does() {
    for address in [
        "10.1.0.11:8080",
        "255.255.255.255:65535",
        "[2001:db8::1]:443",
        "[::]:0",
    ] {
        let parsed: SocketAddr = address.parse().expect("an address");
        let mut out = Vec::new();
        push_socket(&mut out, parsed);
        assert_eq!(String::from_utf8(out).expect("text"), address);
    }
}

#[test]
fn a_clock_gone_mad_does_not_break_the_line() {
    let record = Record::unread("plain", IpAddr::V4(Ipv4Addr::LOCALHOST), Wall(u64::MAX));
    assert!(line(&[], &[], &record).get("ts").is_some_and(Value::is_string));
}

proptest! {
    #[test]
    fn any_bytes_anywhere_give_one_line_of_json(path: Vec<u8>, query: Vec<u8>, host: Vec<u8>, method: Vec<u8>) {
        let record = Record {
            path: &path,
            query: Some(&query),
            host: &host,
            method: &method,
            ..Record::unread("plain", IpAddr::V4(Ipv4Addr::LOCALHOST), NOON)
        };
        let read = line(&[], &[], &record);
        let text = read.get("path").and_then(Value::as_str).unwrap_or_default();
        prop_assert_eq!(text, String::from_utf8_lossy(&path));
    }

    #[test]
    fn any_field_value_gives_one_line_of_json(value: Vec<u8>) {
        let mut request = request();
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            request.set_header(HeaderName::from_static("x-tenant"), value);
        }
        let _ = line(&["x-tenant"], &[], &Record::of(&request));
    }

    #[test]
    fn timestamps_equal_those_of_the_calendar(seconds in 0_u64..253_402_300_800, millis in 0_u64..1000) {
        let mut out = Vec::new();
        Second::default().push(&mut out, Wall(seconds * 1000 + millis));
        let moment = jiff::Timestamp::from_millisecond((seconds * 1000 + millis) as i64).expect("in range");
        prop_assert_eq!(String::from_utf8(out).expect("text"), format!("{moment:.3}"));
    }
}

/// Not a gate: prints what a line costs on this machine, in this profile.
#[test]
fn the_price_of_a_line_is_printed() {
    let (request, identity) = (request(), Identity::new("jwt", "https://id.example.com/", "acme"));
    let mut request = request;
    request.origin_mut().client = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
    let shape = Shape::new(&names(&["x-tenant"]), &[]).expect("a name");
    let record = full(&request, &identity);
    let (mut out, mut second) = (Vec::with_capacity(1 << 20), Second::default());
    let rounds = 20_000_u32;
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        for _ in 0..rounds {
            if out.len() > 1 << 19 {
                out.clear();
            }
            shape.write(&mut out, &mut second, std::hint::black_box(&record));
        }
        best = best.min(start.elapsed());
    }
    out.clear();
    shape.write(&mut out, &mut second, &record);
    println!(
        "access log line of {} bytes: {} ns",
        out.len(),
        best.as_nanos() / u128::from(rounds)
    );
}
