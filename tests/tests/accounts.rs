//! What is counted and logged is what happened: refusals, attempts, and exchanges that end in their middle.
//!
//! Not the place for the form of a line or a metric; see `log` and `admin`.

use std::time::Duration;

use adamant_tests::client::{CARRIERS, GENERAL, exchange, get, request};
use adamant_tests::script::Step;
use adamant_tests::{Answer, Client, Gateway, H2Client, Origin, Policy, frames, h2_client, wait};
use bytes::Bytes;
use http::Method;

const LOG: &str = "access-log: { to: stdout }";

/// An answer that begins and never ends.
fn endless() -> Answer {
    Answer::stream(vec![Step::Data(Bytes::from_static(b"begun")), Step::Hang])
}

/// Clients whose answers have begun: of `/lane` and of `/proxy`, each by the carrier of that name.
async fn begun(gateway: &Gateway) -> Vec<Client> {
    let mut clients = Vec::new();
    for (target, lines) in ["/lane", "/proxy"].into_iter().zip(CARRIERS) {
        let mut client = Client::connect(gateway.address()).await;
        client.send(request("POST", target, lines, "body")).await;
        assert_eq!(client.read_head().await.status, 200);
        clients.push(client);
    }
    clients
}

#[tokio::test]
async fn every_refusal_of_the_gateway_itself_is_counted_with_its_reason() {
    let origin = Origin::hello().await;
    let down = "endpoints: [127.0.0.1:1]";
    let policy = Policy::before(&origin)
        .upstream("down", down)
        .route("name: read\nmatch: { path: /read, methods: [GET] }\npublic: true\nto: origin")
        .route("name: down\nmatch: { path: /down }\npublic: true\nto: down");
    let gateway = Gateway::start(&policy).await;
    let cases = [
        (request("GET", "/absent", &[], ""), 404, "route", "unknown"),
        (request("DELETE", "/read", &[], ""), 405, "route", "method"),
        (
            request("GET", "/a/%2e%2e/b", &[], ""),
            400,
            "request",
            "path-encoded-dots",
        ),
        (request("GET", "/down", &[], ""), 502, "upstream", "connect"),
        (
            request("POST", "/down", GENERAL, "body"),
            502,
            "upstream",
            "connect",
        ),
        (
            "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
            400,
            "request",
            "bare-lf",
        ),
    ];
    for (bytes, status, _, _) in &cases {
        assert_eq!(
            exchange(gateway.address(), bytes).await.status,
            *status,
            "{bytes:?}"
        );
    }
    for (_, _, filter, reason) in cases {
        let labels = [
            format!("filter=\"{filter}\""),
            "decision=\"deny\"".to_owned(),
            format!("reason=\"{reason}\""),
        ];
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let expected = if reason == "connect" { 2.0 } else { 1.0 };
        gateway.counts("adamant_decisions_total", &labels, expected).await;
    }
    let other = gateway
        .metric("adamant_decisions_total", &["reason=\"_OTHER\""])
        .await;
    assert_eq!(other, None, "every reason of the gateway is one that it lists");
}

/// What a client does to its own stream is no failure of the gateway.
#[tokio::test]
async fn a_stream_that_is_reset_while_it_is_refused_is_a_refusal() {
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .observe(LOG)
        .route("name: read\nmatch: { path: /read }\npublic: true\nto: origin");
    let gateway = Gateway::start(&policy).await;
    let mut client = Client::connect(gateway.address()).await;
    let mut bytes = frames::preface();
    for (number, path) in (0..).zip(["/absent", "/absent", "/absent", "/absent", "/read", "/read"]) {
        let head = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "api.test"),
            (":path", path),
        ];
        bytes.extend(frames::headers(number * 2 + 1, &head, path == "/read"));
        bytes.extend(frames::cancel(number * 2 + 1));
    }
    client.send(bytes).await;
    for line in gateway.logged(6).await {
        let reason = line["reason"].as_str();
        assert!(matches!(reason, None | Some("route.unknown")), "{line:#}");
        assert_ne!(line["status"], 500, "{line:#}");
    }
}

#[tokio::test]
async fn an_exchange_that_its_client_leaves_is_over_and_in_the_log() {
    let origin = Origin::start(|_| endless()).await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .observe(LOG)
        .route("name: all\nmatch: { path: /** }\npublic: true\nstream: true\nto: origin");
    let gateway = Gateway::start(&policy).await;
    drop(begun(&gateway).await);
    let mut lost = H2Client::connect(gateway.address()).await;
    let head = lost.head(Method::GET, "api.test", "/h2", &[]);
    let (answer, stream) = lost.open(head, true).await.expect("a stream opens");
    let begun = wait::soon("the answer begins", answer).await.expect("an answer");
    drop((lost, begun, stream));
    let lines = gateway.logged(3).await;
    for path in ["/lane", "/proxy", "/h2"] {
        assert!(
            lines.iter().any(|line| line["path"] == path),
            "{path}: {lines:#?}"
        );
    }
    gateway.counts("http_server_active_requests", &[], 0.0).await;
    assert_eq!(gateway.access_log().len(), 3, "one line for each: {lines:#?}");
}

#[tokio::test]
async fn a_second_signal_cuts_what_is_in_progress_and_every_line_is_written() {
    let origin = Origin::start(|_| endless()).await;
    let policy = Policy::before(&origin)
        .observe(LOG)
        .route("name: all\nmatch: { path: /** }\npublic: true\nstream: true\nto: origin");
    for first in [libc::SIGTERM, libc::SIGINT] {
        let mut gateway = Gateway::start(&policy).await;
        let _clients = begun(&gateway).await;
        gateway.signal(first);
        gateway.signal(libc::SIGTERM);
        wait::until("it drains", || gateway.stderr().contains("draining")).await;
        assert!(
            wait::stays(Duration::from_millis(1200), || gateway.is_running()).await,
            "a signal that comes twice is one request: {}",
            gateway.stderr()
        );
        gateway.counts("http_server_active_requests", &[], 2.0).await;
        gateway.terminate();
        assert_eq!(gateway.ended().await.code(), Some(130), "{}", gateway.stderr());
        let lines = gateway.access_log();
        for path in ["/lane", "/proxy"] {
            let line = lines.iter().find(|line| line["path"] == path);
            let line = line.unwrap_or_else(|| panic!("{path}: {lines:#?}"));
            assert!(line.to_string().contains("shutdown"), "{line}");
        }
        assert_eq!(lines.len(), 2, "{lines:#?}");
    }
}

#[tokio::test]
async fn sigquit_ends_at_once() {
    let origin = Origin::start(|_| endless()).await;
    let mut gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/", &[], "")).await;
    assert_eq!(client.read_head().await.status, 200);
    gateway.signal(libc::SIGQUIT);
    assert_eq!(gateway.ended().await.code(), Some(130), "{}", gateway.stderr());
}

#[tokio::test]
async fn every_attempt_is_counted_and_a_success_is_none_of_its_failures() {
    let bad = Origin::start(|_| Answer::status(503)).await;
    let good = Origin::hello().await;
    let endpoints = format!(
        "endpoints: [127.0.0.1:1, \"{}\", \"{}\"]\nretry: {{ attempts: 3, on: [connect, \"503\"] }}",
        bad.address(),
        good.address()
    );
    let policy = Policy::new()
        .public("")
        .upstream("several", &endpoints)
        .observe(LOG)
        .route("name: all\nmatch: { path: /** }\npublic: true\nto: several");
    let gateway = Gateway::start(&policy).await;
    let mut attempts = 0;
    for (number, method) in ["GET", "GET", "GET", "PUT", "PUT", "PUT"].iter().enumerate() {
        let (lines, body) = if *method == "PUT" {
            (GENERAL, "body")
        } else {
            (&[][..], "")
        };
        let answer = exchange(gateway.address(), request(method, "/", lines, body)).await;
        assert_eq!(answer.status, 200, "{number}: {}", answer.text());
        let line = gateway.logged(number + 1).await.pop().expect("just waited for");
        assert!(
            !line.to_string().contains("\"connect\""),
            "a success did not fail: {line}"
        );
        attempts += line["upstream"]["attempts"].as_u64().expect("attempts are told");
    }
    let name = "http_client_request_duration_seconds_count";
    gateway.counts(name, &[], attempts as f64).await;
    gateway
        .counts(name, &["http_response_status_code=\"200\""], 6.0)
        .await;
    assert!(
        gateway
            .metric(name, &["error_type=\"connect\""])
            .await
            .unwrap_or(0.0)
            > 0.0
    );
    assert!(gateway.metric(name, &["error_type=\"503\""]).await.unwrap_or(0.0) > 0.0);
    let server = "http_server_request_duration_seconds_count";
    assert_eq!(
        gateway.metric(server, &["error_type"]).await,
        None,
        "clients saw no error"
    );
}

#[tokio::test]
async fn a_body_over_http2_must_keep_up_its_speed() {
    let origin = Origin::hello().await;
    let bounds = "protocols: [h1, h2]\nbounds: { body-idle: 500ms, body-rate: 10KiB/s }";
    let gateway = Gateway::start(&Policy::proxy(&origin).public(bounds)).await;
    for length in [None, Some("100000")] {
        let mut client = H2Client::connect(gateway.address()).await;
        let fields: Vec<_> = length
            .map(|length| ("content-length", length))
            .into_iter()
            .collect();
        let head = client.head(Method::POST, "api.test", "/", &fields);
        let (answer, mut stream) = client.open(head, false).await.expect("a stream opens");
        let drip = async {
            loop {
                let _ = stream.send_data(Bytes::from_static(b"x"), false);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let answer = wait::soon("the drip is ended", async {
            tokio::select! {
                answer = h2_client::read(answer, false) => answer,
                () = drip => unreachable!("it drips for ever"),
            }
        });
        if let Ok(answer) = answer.await {
            assert_eq!(answer.refused(408), "request.body-timeout");
        }
    }
    assert_eq!(origin.count(), 0, "no body ended well");
}

#[tokio::test]
async fn a_client_that_never_opens_the_window_is_cut_off() {
    let origin = Origin::start(|_| Answer::stream(vec![Step::Fill(1 << 30)])).await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]\nbounds: { send-idle: 500ms }")
        .observe(LOG)
        .route("name: all\nmatch: { path: /** }\npublic: true\nstream: true\nto: origin");
    let gateway = Gateway::start(&policy).await;
    let mut client = H2Client::connect(gateway.address()).await;
    let head = client.head(Method::GET, "api.test", "/", &[]);
    let (answer, _stream) = client.open(head, true).await.expect("a stream opens");
    let _unread = wait::soon("the answer begins", answer).await.expect("an answer");
    let line = gateway.logged(1).await.remove(0);
    assert!(line.to_string().contains("client_timeout"), "{line}");
    wait::until("the gateway gives the answer up", || {
        origin.seen().iter().any(|seen| seen.gone)
    })
    .await;
    gateway.counts("http_server_active_requests", &[], 0.0).await;
    assert_eq!(
        get(gateway.admin(), "/livez", &["Host: localhost"]).await.status,
        200
    );
}

#[tokio::test]
async fn an_undeclared_body_that_passes_its_bound_late_is_never_whole_at_the_origin() {
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .route("name: all\nmatch: { path: /** }\npublic: true\nbody: { at-most: 256KiB }\nto: origin");
    let gateway = Gateway::start(&policy).await;
    let body = Bytes::from(vec![b'x'; 400 * 1024]);
    let mut old = Client::connect(gateway.address()).await;
    old.send("POST /h1 HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    for piece in body.chunks(32 * 1024) {
        old.send(format!("{:x}\r\n", piece.len())).await;
        old.send(piece).await;
        old.send("\r\n").await;
    }
    old.send("0\r\n\r\n").await;
    let answer = old.try_read("POST").await.expect("an answer comes");
    assert_eq!(answer.refused(413), "request.body-exceeded");
    let mut new = H2Client::connect(gateway.address()).await;
    let head = new.head(Method::POST, "api.test", "/h2", &[]);
    let answer = new.exchange(head, &body).await.expect("an answer comes");
    assert_eq!(answer.refused(413), "request.body-exceeded");
    let seen = origin.seen();
    assert!(seen.iter().all(|seen| !seen.complete), "{seen:?}");
    let labels = ["filter=\"request\"", "reason=\"body-exceeded\""];
    gateway.counts("adamant_decisions_total", &labels, 2.0).await;
}

#[tokio::test]
async fn of_several_limits_the_problem_document_names_the_one_that_refused() {
    let origin = Origin::hello().await;
    let limits = "limits: [{ id: second, allow: 2/s, burst: 2, by: method }, { id: hour, allow: 4/h, burst: 4, by: address }, { id: slide, allow: 1/m, by: \"header:x-slow\", algorithm: sliding }]";
    let filters = format!(
        "filters:\n  - rate: {{ {limits}, missing: skip }}\n    id: multi\n  - quota: {{ by: address, allow: 3, per: day, keep-local: true }}"
    );
    let policy = Policy::before(&origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\n{filters}"
    ));
    let gateway = Gateway::start(&policy).await;
    let ask = async |method: &str, lines: &[&str]| {
        let bytes = request(method, "/", lines, "");
        exchange(gateway.address(), bytes).await
    };
    let named = |answer: &adamant_tests::Response| {
        let names = answer.json()["violated-policies"].clone();
        let policy = answer.field("ratelimit-policy").expect("the policies").to_owned();
        let names: Vec<String> = serde_json::from_value(names).expect("names");
        assert!(
            names.iter().all(|name| policy.contains(&format!("\"{name}\";"))),
            "{names:?} {policy}"
        );
        names
    };
    for method in ["GET", "PUT", "PATCH"] {
        let lines: &[&str] = if method == "GET" { &["X-Slow: a"] } else { &[] };
        assert_eq!(ask(method, lines).await.status, 200);
    }
    // What the later filter refuses was charged by the limits above it.
    assert_eq!(named(&ask("POST", &[]).await), ["quota"]);
    assert_eq!(named(&ask("DELETE", &[]).await), ["hour"]);
    assert_eq!(
        named(&ask("DELETE", &["X-Slow: a"]).await),
        ["hour"],
        "which has to be waited for longest"
    );
    assert_eq!(named(&ask("DELETE", &["X-Slow: b"]).await), ["hour"]);
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_named_in_the_problem_document() {
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin).route(
        "name: all\nmatch: { path: /** }\npublic: true\nto: origin\n\
         filters: [ { id: few, rate: { by: address, allow: 1/h, burst: 1 } } ]",
    );
    let gateway = Gateway::start(&policy).await;
    assert_eq!(get(gateway.address(), "/", &[]).await.status, 200);
    let refused = get(gateway.address(), "/", &[]).await;
    assert_eq!(refused.refused(429), "rate.exhausted");
    let body = refused.json();
    assert_eq!(body["violated-policies"], serde_json::json!(["few"]), "{body}");
    let kind = body["type"].as_str().unwrap_or_default();
    assert!(kind.ends_with("http-problem-types#quota-exceeded"), "{body}");
    let absent = get(gateway.address(), "/%00", &[]).await;
    assert!(
        absent.json().get("violated-policies").is_none(),
        "other refusals name none"
    );
}
