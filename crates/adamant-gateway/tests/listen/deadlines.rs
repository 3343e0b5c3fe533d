//! Slow and silent clients: every wait has an end.

use std::time::{Duration, Instant};

use adamant_filter::Size;
use adamant_policy::config::Bounds;

use crate::{BOUNDS, Gateway, listening};

const SHORT: Duration = Duration::from_millis(300);

fn with(bounds: Bounds) -> Gateway {
    Gateway::start(listening(bounds))
}

/// The wait has ended at the deadline: not before it, and not much later.
fn assert_about(start: Instant, expected: Duration) {
    let elapsed = start.elapsed();
    assert!(elapsed >= expected - Duration::from_millis(20), "{elapsed:?}");
    assert!(elapsed < expected + Duration::from_secs(3), "{elapsed:?}");
}

#[test]
fn a_silent_connection_is_closed_at_the_idle_time() {
    let gateway = with(Bounds {
        idle_time: SHORT,
        ..BOUNDS
    });
    let start = Instant::now();
    assert_eq!(gateway.connect().rest().unwrap(), b"");
    assert_about(start, SHORT);
    let mut client = gateway.connect();
    assert_eq!(client.get("/a").status, 200);
    let start = Instant::now();
    assert_eq!(client.rest().unwrap(), b"");
    assert_about(start, SHORT);
}

#[test]
fn the_idle_time_begins_anew_after_every_exchange() {
    let gateway = with(Bounds {
        idle_time: SHORT,
        ..BOUNDS
    });
    let mut client = gateway.connect();
    for _ in 0..5 {
        std::thread::sleep(SHORT / 2);
        assert_eq!(client.get("/a").status, 200);
    }
}

#[test]
fn a_dripping_head_is_answered_408_at_the_head_time() {
    let gateway = with(Bounds {
        header_time: SHORT,
        ..BOUNDS
    });
    let mut client = gateway.connect();
    let mut writer = client.stream.try_clone().unwrap();
    let start = Instant::now();
    let drip = std::thread::spawn(move || {
        for byte in b"GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
            if std::io::Write::write_all(&mut writer, &[*byte]).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let answer = client.answer();
    assert_about(start, SHORT);
    assert_eq!((answer.status, answer.text()), (408, "head-too-slow"));
    drop(client);
    drip.join().unwrap();
}

#[test]
fn a_silent_body_is_answered_408() {
    let gateway = with(Bounds {
        body_idle: SHORT,
        ..BOUNDS
    });
    let mut client = gateway.connect();
    let start = Instant::now();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    assert_eq!(client.answer().status, 408);
    assert_about(start, SHORT);
    assert_eq!(client.rest().unwrap(), b"");
}

#[test]
fn a_body_below_the_rate_is_answered_408() {
    let gateway = with(Bounds {
        body_idle: SHORT,
        body_rate: Size::from_bytes(1000),
        ..BOUNDS
    });
    let mut client = gateway.connect();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    let mut writer = client.stream.try_clone().unwrap();
    let start = Instant::now();
    let drip = std::thread::spawn(move || {
        while std::io::Write::write_all(&mut writer, b"x").is_ok() && start.elapsed() < SHORT * 10 {
            std::thread::sleep(SHORT / 10);
        }
    });
    assert_eq!(client.answer().status, 408);
    assert!(start.elapsed() < SHORT * 8, "{:?}", start.elapsed());
    drop(client);
    drip.join().unwrap();
}

#[test]
fn a_slow_endpoint_is_not_the_clients_fault() {
    let short = Duration::from_millis(100);
    let gateway = with(Bounds {
        idle_time: short,
        header_time: short,
        body_idle: short,
        body_rate: Size::from_mib(1),
        ..BOUNDS
    });
    let mut client = gateway.connect();
    assert_eq!(client.get("/slow").status, 200);
    client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(client.answer().text(), "hi");
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    let gateway = with(Bounds {
        send_idle: SHORT,
        ..BOUNDS
    });
    let mut client = gateway.connect();
    let requests = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n".repeat(4);
    client.send(requests);
    gateway.await_open(1);
    gateway.await_open(0);
}

#[test]
fn a_slow_tls_handshake_and_a_silent_http2_client_are_cut() {
    let bounds = Bounds {
        handshake_time: SHORT,
        header_time: SHORT,
        ..BOUNDS
    };
    let gateway = Gateway::start(crate::tls::listening(bounds.clone()));
    let start = Instant::now();
    assert_eq!(gateway.connect().rest().unwrap_or_default(), b"");
    assert_about(start, SHORT);
    let clear = with(bounds);
    let mut client = clear.connect();
    let start = Instant::now();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let _ = client.rest();
    assert_about(start, SHORT);
}

#[test]
fn an_http2_client_that_stops_inside_a_frame_is_cut() {
    let gateway = with(Bounds {
        body_idle: SHORT,
        ..BOUNDS
    });
    let mut client = gateway.connect();
    let start = Instant::now();
    // An empty SETTINGS frame, then a HEADERS frame that promises 100 bytes and brings one.
    client
        .send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .send([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    client.send([0, 0, 100, 1, 4, 0, 0, 0, 1, 0x82]);
    let _ = client.rest();
    assert_about(start, SHORT);
}
