//! Heads that are refused before anything else reads them, and connections that are not admitted.

use std::sync::atomic::Ordering;

use adamant_policy::config::Bounds;

use crate::{BOUNDS, Gateway, listening};

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let gateway = Gateway::start(listening(BOUNDS));
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(17_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(51));
    let long = format!("GET /{}", "x".repeat(5_000));
    for (request, status, code) in [
        ("GET / HTTP/1.1\nHost: a\n\n", 400, "bare-lf"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400, "bare-cr"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
            400,
            "control-byte",
        ),
        ("GET /\r\n", 400, "request-line"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "host-missing"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-user\r\n\r\n",
            400,
            "nomination",
        ),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method-unsupported"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "length-and-coding",
        ),
        (large.as_str(), 431, "head-too-large"),
        (many.as_str(), 431, "too-many-fields"),
        (long.as_str(), 414, "target-too-long"),
    ] {
        let mut client = gateway.connect();
        client.send(request);
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (status, code), "{request:.80}");
        assert_eq!(client.rest().unwrap(), b"", "{request:.80}");
    }
    assert_eq!(gateway.origin.requests.load(Ordering::Relaxed), 0);
}

#[test]
fn a_malformed_chunk_is_answered_and_ends_the_connection() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    assert_eq!(client.rest().unwrap(), b"");
}

#[test]
fn connections_over_the_bound_are_closed_at_once() {
    let gateway = Gateway::start(listening(Bounds {
        connections: 2,
        ..BOUNDS
    }));
    let mut first = gateway.connect();
    let mut second = gateway.connect();
    assert_eq!((first.get("/1").status, second.get("/2").status), (200, 200));
    let mut third = gateway.connect();
    assert_eq!(third.rest().unwrap_or_default(), b"");
    assert_eq!(
        gateway
            .workers()
            .counts()
            .over_connections
            .load(Ordering::Relaxed),
        1
    );
    drop(first);
    gateway.await_open(1);
    assert_eq!(gateway.connect().get("/4").status, 200);
}

#[test]
fn one_client_cannot_take_all_connections() {
    let gateway = Gateway::start(listening(Bounds {
        connections_per_client: 1,
        ..BOUNDS
    }));
    let mut first = gateway.connect();
    assert_eq!(first.get("/1").status, 200);
    assert_eq!(gateway.connect().rest().unwrap_or_default(), b"");
    assert_eq!(gateway.workers().counts().over_client.load(Ordering::Relaxed), 1);
}

#[test]
fn a_burst_of_long_connections_spreads_over_the_workers() {
    let gateway = Gateway::start_with(listening(BOUNDS), 4);
    let clients: Vec<_> = (0..80).map(|_| gateway.connect()).collect();
    gateway.await_open(80);
    let loads: Vec<_> = gateway.workers().loads().collect();
    assert!(loads.iter().all(|load| (15..=25).contains(load)), "{loads:?}");
    drop(clients);
    gateway.await_open(0);
}
