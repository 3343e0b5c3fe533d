//! The access log as its readers find it: one line of JSON for every exchange, in a file, whatever came of it.
//!
//! How a line is encoded is held beside the code that writes it.

use std::path::Path;

use adamant_tests::client::{exchange, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::{Answer, Client, Gateway, Origin, Policy, covers, wait};
use serde_json::Value;

/// The lines of a file once there are so many.
async fn lines(gateway: &Gateway, name: &str, count: usize) -> Vec<Value> {
    let path = gateway.folder().path().join(name);
    wait::some(format!("{count} lines in {name}"), || {
        Some(whole(&path)).filter(|lines| lines.len() >= count)
    })
    .await
}

/// All lines, each of which must be JSON; the last may be half written.
fn whole(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let end = text.rfind('\n').map_or(0, |end| end + 1);
    let parsed = text[..end]
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}")));
    parsed.collect()
}

/// The only line.
async fn only(gateway: &Gateway, name: &str) -> Value {
    let found = lines(gateway, name, 1).await;
    assert_eq!(found.len(), 1, "one exchange, one line: {found:#?}");
    found.into_iter().next().expect("just counted")
}

/// The keys of an object, in no order.
fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn a_line_tells_the_whole_exchange() {
    covers(&[
        "observe.access-log.to",
        "observe.access-log.format",
        "observe.access-log.fields",
    ]);
    let origin = Origin::hello().await;
    let log = "access-log: { to: { file: access.log }, format: json, fields: [x-team] }";
    let gateway = Gateway::start(&Policy::proxy(&origin).observe(log)).await;
    let fields = ["X-Team: blue", "X-Other: green", "User-Agent: test/1"];
    let answer = exchange(gateway.address(), request("POST", "/a/b?q=1", &fields, "12345")).await;
    assert_eq!(answer.status, 200);
    let line = only(&gateway, "access.log").await;
    let origin_at = origin.address().to_string();
    let expected = [
        ("digest", Value::from(&gateway.digest()[..8])),
        ("listener", "public".into()),
        ("client_ip", "127.0.0.1".into()),
        ("peer_ip", "127.0.0.1".into()),
        ("proto", "HTTP/1.1".into()),
        ("method", "POST".into()),
        ("host", "api.test".into()),
        ("route", "all".into()),
        ("path", "/a/b".into()),
        ("status", 200.into()),
        ("bytes_in", 5.into()),
        ("bytes_out", 5.into()),
        ("user_agent", "test/1".into()),
    ];
    for (key, value) in expected {
        assert_eq!(line[key], value, "{key}: {line:#}");
    }
    assert_eq!(
        line["request_id"].as_str(),
        answer.field("x-request-id"),
        "{line:#}"
    );
    assert_eq!(line["headers"], serde_json::json!({ "x-team": "blue" }));
    let upstream = &line["upstream"];
    assert_eq!(upstream["name"], "origin", "{line:#}");
    assert_eq!(upstream["addr"], *origin_at, "{line:#}");
    assert_eq!(
        (&upstream["status"], &upstream["attempts"]),
        (&200.into(), &1.into()),
        "{line:#}"
    );
    assert!(
        line["duration_ms"].as_f64().is_some_and(|time| time > 0.0),
        "{line:#}"
    );
    let moment = line["ts"].as_str().expect("a time");
    assert!(
        moment.len() == 24 && moment.ends_with('Z') && moment.as_bytes()[10] == b'T',
        "{moment}"
    );
    assert!(!keys(&line).contains(&"reason"), "nothing was refused: {line:#}");
}

#[tokio::test]
async fn secrets_of_a_request_are_not_written() {
    covers(&["observe.access-log.redact"]);
    let origin = Origin::hello().await;
    let log = "access-log:\n  to: { file: access.log }\n  fields: [authorization, cookie, x-api-key, x-team]\n  \
               redact: [Authorization, cookie, x-api-key, user-agent]";
    let gateway = Gateway::start(&Policy::proxy(&origin).observe(log)).await;
    let fields = [
        "Authorization: Bearer hunter2",
        "Cookie: session=hunter2",
        "Cookie: other=hunter2",
        "X-API-Key: hunter2",
        "X-Hidden: hunter2",
        "User-Agent: hunter2",
        "X-Team: blue",
    ];
    let answer = get(gateway.address(), "/a?token=hunter2&b=hunter2", &fields).await;
    assert_eq!(answer.status, 200);
    let line = only(&gateway, "access.log").await;
    assert!(!line.to_string().contains("hunter2"), "{line:#}");
    let masked =
        serde_json::json!({ "authorization": "***", "cookie": "***", "x-api-key": "***", "x-team": "blue" });
    assert_eq!(line["headers"], masked);
    assert_eq!(
        line["query"], "token=***&b=***",
        "the names of a query are written, its values never"
    );
    assert!(!(gateway.stdout() + &gateway.stderr()).contains("hunter2"));
}

#[tokio::test]
async fn a_refused_request_is_written_with_its_reason() {
    let origin = Origin::hello().await;
    let hidden = "name: hidden\nmatch: { path: /hidden/** }\npublic: true\n\
                  filters: [ { addresses: { allow: [192.0.2.0/24] } } ]\nto: origin";
    let policy = Policy::before(&origin)
        .route(hidden)
        .observe("access-log: { to: { file: access.log } }");
    let gateway = Gateway::start(&policy).await;
    for (number, (path, status, reason, route)) in [
        ("/hidden/7", 403, "addresses.outside", Some("hidden")),
        ("/absent", 404, "route.unknown", None),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = get(gateway.address(), path, &[]).await;
        assert_eq!(answer.refused(status), reason);
        let line = lines(&gateway, "access.log", number + 1)
            .await
            .pop()
            .expect("a line");
        assert_eq!(line["reason"], reason, "{line:#}");
        assert_eq!(
            (&line["status"], &line["path"]),
            (&status.into(), &path.into()),
            "{line:#}"
        );
        assert_eq!(line["route"].as_str(), route, "{line:#}");
        assert_eq!(line["digest"], gateway.digest()[..8], "{line:#}");
        assert_eq!(line["digest"], answer.json()["digest"]);
        assert_eq!(line["request_id"], answer.json()["request_id"]);
        assert_eq!(line["bytes_out"], answer.body.len(), "{line:#}");
        assert!(line.get("upstream").is_none(), "no upstream was asked: {line:#}");
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn a_malformed_head_is_written_too() {
    let origin = Origin::hello().await;
    let gateway =
        Gateway::start(&Policy::proxy(&origin).observe("access-log: { to: { file: access.log } }")).await;
    let cases = [
        ("nonsense\r\n\r\n", "request.request-line"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n",
            "request.field-name",
        ),
        ("GET / HTTP/1.1\r\n\r\n", "request.host-missing"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "request.length-and-coding",
        ),
    ];
    for (number, (bytes, reason)) in cases.into_iter().enumerate() {
        let answer = exchange(gateway.address(), bytes).await;
        assert_eq!(answer.refused(400), reason, "{bytes:?}");
        let line = lines(&gateway, "access.log", number + 1)
            .await
            .pop()
            .expect("a line");
        assert_eq!(
            (&line["status"], &line["reason"]),
            (&400.into(), &reason.into()),
            "{line:#}"
        );
        assert_eq!(
            (&line["listener"], &line["peer_ip"]),
            (&"public".into(), &"127.0.0.1".into()),
            "{line:#}"
        );
        assert_eq!(line["request_id"], answer.json()["request_id"], "{line:#}");
        assert_eq!(line["digest"], gateway.digest()[..8], "{line:#}");
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn what_a_client_writes_stays_inside_its_line() {
    let origin = Origin::hello().await;
    let log = "access-log: { to: { file: access.log }, fields: [x-team] }";
    let gateway = Gateway::start(&Policy::proxy(&origin).observe(log)).await;
    let value = "X-Team: a\"}\\\t{\"status\":200";
    assert_eq!(get(gateway.address(), "/a%22b", &[value]).await.status, 200);
    let line = only(&gateway, "access.log").await;
    assert_eq!(line["headers"]["x-team"], "a\"}\\\t{\"status\":200", "{line:#}");
    let torn = get(gateway.address(), "/a%0a%22b", &[]).await;
    assert_eq!(torn.refused(400), "request.path-character");
    let written = lines(&gateway, "access.log", 2).await;
    assert_eq!(written.len(), 2, "{written:#?}");
    assert_eq!(written[1]["path"], "/a%0a%22b", "as it was sent: {written:#?}");
}

#[tokio::test]
async fn an_upstream_that_breaks_is_written() {
    let origin = Origin::start(|_| Answer::reset()).await;
    let gateway =
        Gateway::start(&Policy::proxy(&origin).observe("access-log: { to: { file: access.log } }")).await;
    let answer = get(gateway.address(), "/", &[]).await;
    assert_eq!(answer.status, 502);
    let line = only(&gateway, "access.log").await;
    assert_eq!(
        (&line["status"], &line["upstream"]["name"]),
        (&502.into(), &"origin".into()),
        "{line:#}"
    );
    assert_eq!(line["reason"], answer.reason(), "{line:#}");
}

#[tokio::test]
async fn a_moved_file_is_opened_anew_and_no_line_is_lost() {
    covers(&["observe.access-log.to.file"]);
    let origin = Origin::hello().await;
    let gateway =
        Gateway::start(&Policy::proxy(&origin).observe("access-log: { to: { file: access.log } }")).await;
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/before", &[]).await.status, 200);
    assert_eq!(only(&gateway, "access.log").await["path"], "/before");
    let folder = gateway.folder().path();
    std::fs::rename(folder.join("access.log"), folder.join("access.log.1")).expect("the file is ours");
    assert_eq!(client.get("/after", &[]).await.status, 200);
    assert_eq!(only(&gateway, "access.log").await["path"], "/after");
    assert_eq!(whole(&folder.join("access.log.1")).len(), 1);
}

#[tokio::test]
async fn lines_that_wait_are_written_before_the_end() {
    let origin = Origin::hello().await;
    let log = "access-log: { to: { file: access.log }, queue: 4096 }";
    let mut gateway = Gateway::start(&Policy::proxy(&origin).observe(log)).await;
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..50 {
        assert_eq!(client.get("/", &[]).await.status, 200);
    }
    gateway.terminate();
    assert!(gateway.ended().await.success());
    assert_eq!(whole(&gateway.folder().path().join("access.log")).len(), 50);
}

#[tokio::test]
async fn more_lines_than_the_queue_holds_are_dropped_and_counted() {
    covers(&["observe.access-log.queue"]);
    for (queue, loses) in [(16, true), (4096, false)] {
        let origin = Origin::hello().await;
        let log = format!("access-log: {{ to: {{ file: access.log }}, queue: {queue} }}");
        let setup = Setup::new(&Policy::proxy(&origin).observe(&log));
        // A pipe that nobody reads holds 64 KiB, and then whoever writes to it waits.
        let pipe = setup.path().join("access.log");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("a command of every system").success());
        let reader = std::fs::File::options().read(true).write(true).open(&pipe);
        let gateway = setup.start().await;
        let mut client = Client::connect(gateway.address()).await;
        for _ in 0..400 {
            assert_eq!(
                client.get("/", &[]).await.status,
                200,
                "a full queue holds up nobody"
            );
        }
        let lost = gateway.metric("adamant_access_log_lost_lines_total", &[]).await;
        assert_eq!(lost.unwrap_or(0.0) > 0.0, loses, "{queue} {lost:?}");
        drop(reader);
    }
}
