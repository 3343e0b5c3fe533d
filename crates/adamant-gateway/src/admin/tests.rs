//! The operators' listeners over real sockets.

use std::io::{Read as _, Write as _};
use std::net::TcpStream as Client;
use std::sync::atomic::{AtomicBool, Ordering};

use adamant_policy::config::Expose;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::*;

/// A gateway that is ready unless it drains.
#[derive(Default)]
struct Played {
    is_draining: AtomicBool,
}

impl AdminState for Played {
    fn digest(&self) -> &str {
        "12ab34cd"
    }

    fn version(&self) -> &str {
        "0.1.0"
    }

    fn language(&self) -> u32 {
        1
    }

    fn filters(&self) -> Vec<(String, String)> {
        vec![("jwt".to_owned(), "0.1.0".to_owned())]
    }

    fn checks(&self, probe: Probe) -> Vec<Check> {
        let is_draining = self.is_draining.load(Ordering::Relaxed);
        match probe {
            Probe::Live => Vec::new(),
            Probe::Startup => vec![Check {
                name: "listeners",
                is_good: true,
                detail: "2 open".to_owned(),
            }],
            Probe::Ready => vec![
                Check {
                    name: "listeners",
                    is_good: true,
                    detail: "2 open".to_owned(),
                },
                Check {
                    name: "drain",
                    is_good: !is_draining,
                    detail: String::new(),
                },
            ],
        }
    }

    fn metrics(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(b"# TYPE a counter\na 1\n");
    }
}

struct Playing {
    _runtime: Runtime,
    state: Arc<Played>,
    at: AdminAddresses,
}

fn play(expose: Option<(bool, bool)>) -> Playing {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let admin = Admin {
        bind: loopback,
        expose: expose.map(|(health, metrics)| Expose {
            bind: loopback,
            health,
            metrics,
        }),
        span: adamant_filter::Span::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let server = AdminServer::bind(&admin).expect("free ports");
    let at = server.addresses().expect("bound");
    let state = Arc::new(Played::default());
    server
        .serve(runtime.handle(), Arc::clone(&state) as Arc<dyn AdminState>)
        .expect("serves");
    Playing {
        _runtime: runtime,
        state,
        at,
    }
}

/// Sends bytes and reads until the end; empty when the connection is closed without an answer.
fn send(at: SocketAddr, bytes: &[u8]) -> String {
    let mut client = Client::connect(at).expect("listens");
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    client.write_all(bytes).expect("writes");
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    String::from_utf8(answer).expect("text")
}

fn get(at: SocketAddr, target: &str) -> (u16, String) {
    parse(&send(
        at,
        format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes(),
    ))
}

fn parse(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    (status, body.to_owned())
}

fn json_of(body: &str) -> Value {
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn probes_tell_state_and_digest() {
    let playing = play(None);
    for path in ["/livez", "/readyz", "/startupz"] {
        let (status, body) = get(playing.at.local, path);
        assert_eq!(
            (status, json_of(&body)),
            (200, json!({ "status": "pass", "digest": "12ab34cd" })),
            "{path}"
        );
    }
    let (status, body) = get(playing.at.local, "/readyz?verbose");
    let expected = json!({ "status": "pass", "digest": "12ab34cd", "checks": [
        { "name": "listeners", "status": "pass", "detail": "2 open" },
        { "name": "drain", "status": "pass", "detail": "" },
    ]});
    assert_eq!((status, json_of(&body)), (200, expected));
}

#[test]
fn a_draining_gateway_is_alive_but_not_ready() {
    let playing = play(None);
    playing.state.is_draining.store(true, Ordering::Relaxed);
    let (status, body) = get(playing.at.local, "/readyz");
    let failed = json!([{ "name": "drain", "status": "fail", "detail": "" }]);
    assert_eq!((status, json_of(&body).get("checks")), (503, Some(&failed)));
    assert_eq!(get(playing.at.local, "/livez").0, 200);
    assert_eq!(get(playing.at.local, "/startupz").0, 200);
}

#[test]
fn version_and_metrics_are_told() {
    let playing = play(None);
    let expected =
        json!({ "version": "0.1.0", "digest": "12ab34cd", "language": 1, "filters": { "jwt": "0.1.0" } });
    assert_eq!(json_of(&get(playing.at.local, "/version").1), expected);
    let answer = send(
        playing.at.local,
        b"GET /metrics HTTP/1.1\r\nhost: [::1]:9900\r\n\r\n",
    );
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n# TYPE a counter\na 1\n"), "{answer}");
}

#[test]
fn head_has_the_length_of_get_and_no_body() {
    let playing = play(None);
    let answer = send(
        playing.at.local,
        b"HEAD /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n",
    );
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("content-length: 21\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn nothing_can_be_changed() {
    let playing = play(None);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = send(
            playing.at.local,
            format!("{method} /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
        assert!(answer.contains("allow: GET, HEAD\r\n"), "{method}: {answer}");
    }
    let with_body = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc";
    assert_eq!(parse(&send(playing.at.local, with_body)).0, 405);
    assert_eq!(get(playing.at.local, "/config").0, 404);
}

#[test]
fn a_page_under_a_foreign_name_learns_nothing() {
    let playing = play(None);
    for host in ["evil.example", "127.0.0.1.nip.io", "10.0.0.1:9900"] {
        let answer = send(
            playing.at.local,
            format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes(),
        );
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("admin.host"),
            "{host}: {answer}"
        );
    }
    let absolute = b"GET http://localhost/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert_eq!(parse(&send(playing.at.local, absolute)).0, 404);
}

#[test]
fn the_second_listener_serves_what_it_lists() {
    let health = play(Some((true, false))).at;
    let metrics = play(Some((false, true)));
    drop(play(None));
    let status = |at: Option<SocketAddr>, path| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: 10.2.3.4:9901\r\n\r\n");
        at.map(|at| parse(&send(at, request.as_bytes())).0)
    };
    assert_eq!(status(metrics.at.exposed, "/metrics"), Some(200));
    assert_eq!(status(metrics.at.exposed, "/readyz"), Some(404));
    assert_eq!(status(metrics.at.exposed, "/version"), Some(404));
    let playing = play(Some((true, false)));
    assert_ne!(health.exposed, playing.at.exposed);
    assert_eq!(status(playing.at.exposed, "/readyz"), Some(200));
    assert_eq!(status(playing.at.exposed, "/metrics"), Some(404));
}

#[test]
fn malformed_heads_are_refused_and_closed() {
    let playing = play(None);
    let long = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(2_000));
    let fat = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "a".repeat(9_000)
    );
    let cases: [(&[u8], u16); 8] = [
        (b"GET /livez HTTP/1.1\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\nhost: localhost\n\n", 400),
        (b"GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n", 400),
        (b"GET /livez HTTP/2.0\r\nhost: localhost\r\n\r\n", 505),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (long.as_bytes(), 414),
        (fat.as_bytes(), 431),
    ];
    for (bytes, expected) in cases {
        assert_eq!(
            parse(&send(playing.at.local, bytes)).0,
            expected,
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn connections_are_bounded() {
    let playing = play(None);
    let held: Vec<_> = (0..CONNECTIONS_MAX)
        .map(|_| Client::connect(playing.at.local).expect("listens"))
        .collect();
    // Accepted in order, so all places are taken when this one is looked at.
    assert_eq!(send(playing.at.local, b""), "");
    drop(held);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while get(playing.at.local, "/livez").0 != 200 {
        assert!(
            std::time::Instant::now() < deadline,
            "places become free when connections end"
        );
    }
}

#[test]
fn an_address_in_use_is_told_with_its_key() {
    let playing = play(None);
    let admin = Admin {
        bind: playing.at.local,
        expose: None,
        span: adamant_filter::Span::default(),
    };
    let error = AdminServer::bind(&admin).expect_err("taken");
    assert!(
        error
            .to_string()
            .starts_with(&format!("admin.bind: {} cannot be bound", playing.at.local)),
        "{error}"
    );
}
