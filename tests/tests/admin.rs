//! The operators' listener on a real socket: health, version and metrics, for this machine and to read only.
//!
//! What each metric means is held beside the code that counts it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use adamant_tests::client::{exchange, get, request};
use adamant_tests::{Client, Gateway, Origin, Policy, covers};

const LOCAL: &str = "Host: localhost";

const PROBES: [&str; 3] = ["/livez", "/readyz", "/startupz"];

/// A route to an origin, and one that lets nobody of loopback in.
fn policy(origin: &Origin) -> Policy {
    let nobody = "name: hidden\nmatch: { path: /hidden/** }\npublic: true\n\
                  filters: [ { addresses: { allow: [192.0.2.0/24] } } ]\nto: origin";
    let open = "name: open\nmatch: { path: /open/** }\npublic: true\n\
                filters: [ { addresses: { allow: [127.0.0.0/8] } } ]\nto: origin";
    Policy::before(origin).route(nobody).route(open)
}

#[tokio::test]
async fn probes_tell_that_all_is_well() {
    covers(&["admin.bind"]);
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    for path in PROBES {
        let answer = get(gateway.admin(), path, &[LOCAL]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.field("content-type"), Some("application/json"));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.json()["status"], "pass", "{path}");
    }
    let verbose = get(gateway.admin(), "/readyz?verbose", &[LOCAL]).await.json();
    let checks = verbose["checks"]
        .as_array()
        .expect("checks are told when asked for");
    assert!(
        checks.iter().any(|check| check["name"] == "listeners"),
        "{verbose}"
    );
    assert_eq!(origin.count(), 0, "a probe is no request to an upstream");
}

#[tokio::test]
async fn a_dead_upstream_does_not_end_the_life_of_the_process() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    drop(origin);
    assert_eq!(get(gateway.address(), "/open/", &[]).await.status, 502);
    assert_eq!(get(gateway.admin(), "/livez", &[LOCAL]).await.status, 200);
}

#[tokio::test]
async fn one_digest_is_told_everywhere() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin).observe("access-log: { to: stdout }")).await;
    let digest = gateway.digest().to_owned();
    assert!(
        digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{digest}"
    );
    for path in PROBES.into_iter().chain(["/version", "/absent"]) {
        let answer = get(gateway.admin(), path, &[LOCAL]).await;
        assert_eq!(answer.json()["digest"], *digest, "{path}");
    }
    let labels = [format!("digest=\"{digest}\"")];
    gateway.counts("adamant_config_info", &[&labels[0]], 1.0).await;
    assert!(
        gateway.stderr().contains(&digest),
        "the start tells it: {}",
        gateway.stderr()
    );
    let refusal = get(gateway.address(), "/absent", &[]).await;
    assert_eq!(refusal.refused(404), "route.unknown");
    assert_eq!(refusal.json()["digest"], digest[..8]);
    assert_eq!(gateway.logged(1).await[0]["digest"], digest[..8]);
    let printed = adamant_tests::Adamant::run(gateway.folder().path(), &["digest"])
        .await
        .exits(0);
    assert!(printed.stdout.contains(&digest), "{}", printed.text());
}

#[tokio::test]
async fn version_tells_what_is_linked() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    let version = get(gateway.admin(), "/version", &[LOCAL]).await.json();
    assert_eq!(version["language"], 1, "{version}");
    assert!(
        version["version"].as_str().is_some_and(|text| !text.is_empty()),
        "{version}"
    );
    for filter in [
        "addresses",
        "api-key",
        "body-size",
        "headers",
        "jwt",
        "methods",
        "rate",
        "scopes",
    ] {
        assert!(version["filters"][filter].is_string(), "{filter}: {version}");
    }
}

#[tokio::test]
async fn nothing_but_reading_is_answered() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    for path in PROBES.into_iter().chain(["/version", "/metrics", "/absent"]) {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let answer = exchange(gateway.admin(), request(method, path, &[LOCAL], "")).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.field("allow"), Some("GET, HEAD"), "{method} {path}");
            assert_eq!(answer.json()["reason"], "admin.method", "{method} {path}");
        }
        let body = exchange(gateway.admin(), request("GET", path, &[LOCAL], "body")).await;
        assert_eq!(body.status, 405, "a body is nothing to read: {path}");
    }
    assert_eq!(
        get(gateway.address(), "/open/", &[]).await.status,
        200,
        "nothing has changed"
    );
}

#[tokio::test]
async fn a_head_is_an_answer_without_a_body() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    for path in ["/livez", "/metrics"] {
        let mut client = Client::connect(gateway.admin()).await;
        let answer = client.exchange(request("HEAD", path, &[LOCAL], "")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            client.bytes().await.is_empty(),
            "{path}: no byte follows the head"
        );
    }
}

#[tokio::test]
async fn only_names_of_this_machine_are_answered() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    let port = gateway.admin().port();
    for host in [
        "evil.test",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "192.0.2.1",
        "10.0.0.1",
    ] {
        for path in ["/livez", "/version", "/metrics"] {
            let answer = get(gateway.admin(), path, &[&format!("Host: {host}:{port}")]).await;
            assert_eq!(answer.status, 403, "{host} {path}");
            assert_eq!(answer.json()["reason"], "admin.host", "{host} {path}");
        }
    }
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.0.0.2", "[::1]"] {
        for authority in [host.to_owned(), format!("{host}:{port}")] {
            let answer = get(gateway.admin(), "/livez", &[&format!("Host: {authority}")]).await;
            assert_eq!(answer.status, 200, "{authority}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_and_closed() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    let cases = [
        "GET /livez HTTP/1.1\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "nonsense\r\n\r\n",
    ];
    for case in cases {
        let mut client = Client::connect(gateway.admin()).await;
        assert_eq!(client.exchange(case).await.status, 400, "{case:?}");
        client.closed().await;
    }
}

#[tokio::test]
async fn requests_and_decisions_are_counted() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    let decisions = "adamant_decisions_total";
    let (pass, deny) = (
        ["filter=\"addresses\"", "decision=\"pass\""],
        ["filter=\"addresses\"", "reason=\"outside\""],
    );
    for labels in [&pass, &deny] {
        assert_eq!(
            gateway.metric(decisions, labels).await,
            Some(0.0),
            "{labels:?} is there from the start"
        );
    }
    for _ in 0..3 {
        assert_eq!(get(gateway.address(), "/open/7", &[]).await.status, 200);
    }
    for _ in 0..2 {
        assert_eq!(
            get(gateway.address(), "/hidden/7", &[]).await.refused(403),
            "addresses.outside"
        );
    }
    assert_eq!(
        get(gateway.address(), "/absent", &[]).await.refused(404),
        "route.unknown"
    );
    let malformed = exchange(
        gateway.address(),
        "GET / HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n",
    )
    .await;
    assert_eq!(malformed.refused(400), "request.field-name");
    gateway.counts(decisions, &pass, 3.0).await;
    gateway.counts(decisions, &deny, 2.0).await;
    let requests = "http_server_request_duration_seconds_count";
    let of = |route: &str, status: u16| {
        [
            format!("adamant_route=\"{route}\""),
            format!("http_response_status_code=\"{status}\""),
        ]
    };
    for (route, status, count) in [("open", 200, 3.0), ("hidden", 403, 2.0)] {
        let [route, status] = of(route, status);
        gateway.counts(requests, &[&route, &status], count).await;
    }
    let not_found = "http_response_status_code=\"404\"";
    gateway.counts(requests, &[not_found], 1.0).await;
    let upstream = "http_client_request_duration_seconds_count";
    let to_origin = "adamant_upstream=\"origin\"";
    gateway.counts(upstream, &[to_origin], 3.0).await;
    let heads = "adamant_head_refusals_total";
    let named = ["listener=\"public\"", "reason=\"field-name\""];
    gateway.counts(heads, &named, 1.0).await;
    let accepted = "adamant_connections_accepted_total";
    gateway.counts(accepted, &[], 7.0).await;
    gateway.counts("adamant_connections_open", &[], 0.0).await;
}

#[tokio::test]
async fn what_clients_choose_makes_no_metric() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    for number in 0..20 {
        let path = format!("/marker-{number}?marker-query={number}");
        get(
            gateway.address(),
            &path,
            &[&format!("Host: marker-{number}.test")],
        )
        .await;
        exchange(
            gateway.address(),
            request(&format!("MARKER{number}"), "/open/", &[], ""),
        )
        .await;
    }
    let text = get(gateway.admin(), "/metrics", &[LOCAL]).await.text();
    assert!(!text.to_ascii_lowercase().contains("marker"), "{text}");
}

#[tokio::test]
async fn metrics_are_what_prometheus_reads() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    for path in ["/open/", "/hidden/", "/absent"] {
        get(gateway.address(), path, &[]).await;
    }
    let answer = get(gateway.admin(), "/metrics", &[LOCAL]).await;
    assert_eq!(answer.status, 200);
    let media = answer.field("content-type").unwrap_or_default();
    assert!(media.starts_with("text/plain; version=0.0.4"), "{media}");
    let text = answer.text();
    for line in text.lines() {
        let value = line.rsplit(' ').next().and_then(|word| word.parse::<f64>().ok());
        assert!(line.starts_with("# ") || value.is_some(), "{line}");
    }
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        println!("SKIPPED: promtool is not installed, so the text was only read line by line");
        return;
    };
    let mut input = promtool.stdin.take().expect("it is a pipe");
    input.write_all(text.as_bytes()).expect("promtool reads");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");
    let told =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.trim().is_empty(),
        "promtool check metrics: {told}"
    );
}

#[tokio::test]
async fn a_part_is_shown_to_the_network_and_nothing_else() {
    covers(&["admin.expose.bind", "admin.expose.serve"]);
    let origin = Origin::hello().await;
    for (serve, shown, hidden) in [
        ("[health]", ["/livez", "/readyz"], ["/metrics", "/version"]),
        ("[metrics]", ["/metrics", "/metrics"], ["/livez", "/version"]),
    ] {
        // Whoever binds port 0 and lets it go has a port that is free, for a moment at least.
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let at = free.local_addr().expect("a bound address");
        drop(free);
        let admin = format!("{{ bind: 127.0.0.1:0, expose: {{ bind: \"{at}\", serve: {serve} }} }}");
        let _gateway = Gateway::start(&policy(&origin).admin(&admin)).await;
        for path in shown {
            assert_eq!(get(at, path, &[]).await.status, 200, "{serve} {path}");
        }
        for path in hidden {
            assert_eq!(get(at, path, &[]).await.status, 404, "{serve} {path}");
        }
    }
}
