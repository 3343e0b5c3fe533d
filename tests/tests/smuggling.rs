//! Requests that two readers could read differently, and heads that nobody should accept.
//!
//! Each is a row: what is sent, what may be answered, and how often the origin may see a request. A refused
//! one never reaches the origin, not even in part, and its connection is closed where nobody can know
//! where the next request would begin.

use std::time::Duration;

use adamant_tests::client::request;
use adamant_tests::{Answer, Client, Gateway, Origin, Policy, Response, covers};

/// A request and what may come of it.
struct Row {
    name: &'static str,
    bytes: Vec<u8>,
    /// Statuses that may be answered; empty: only the close of the connection.
    statuses: &'static [u16],
    /// Requests that may reach the origin.
    reach: usize,
}

fn refused(name: &'static str, bytes: impl AsRef<[u8]>) -> Row {
    Row {
        name,
        bytes: bytes.as_ref().to_vec(),
        statuses: &[400],
        reach: 0,
    }
}

fn refused_with(name: &'static str, statuses: &'static [u16], bytes: impl AsRef<[u8]>) -> Row {
    Row {
        name,
        bytes: bytes.as_ref().to_vec(),
        statuses,
        reach: 0,
    }
}

/// A POST whose framing is the row's matter, with a second request behind it that must never be read.
fn framed(lines: &str, body: &str) -> String {
    format!(
        "POST /first HTTP/1.1\r\nHost: api.test\r\n{lines}\r\n{body}GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n"
    )
}

fn target(target: &str) -> String {
    request("GET", target, &[], "")
}

fn line(line: &str) -> String {
    request("GET", "/", &[line], "")
}

/// RFC 9112 §6.1 and §6.3: lengths and transfer codings.
fn framing() -> Vec<Row> {
    let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
    let mut rows = vec![
        refused("length and coding", framed(both, "0\r\n\r\n")),
        refused(
            "coding and length",
            framed("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"),
        ),
        refused(
            "coding in 1.0",
            "POST / HTTP/1.0\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ];
    let codings: &[(&'static str, &str)] = &[
        ("two codings", "Transfer-Encoding: gzip, chunked\r\n"),
        (
            "two lines of coding",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ),
        ("identity", "Transfer-Encoding: identity\r\n"),
        ("chunked, identity", "Transfer-Encoding: chunked, identity\r\n"),
        ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n"),
        ("unknown coding", "Transfer-Encoding: xchunked\r\n"),
        ("coding with vertical tab", "Transfer-Encoding: \x0bchunked\r\n"),
        ("coding with a parameter", "Transfer-Encoding: chunked;q=1\r\n"),
        ("quoted coding", "Transfer-Encoding: \"chunked\"\r\n"),
        ("empty coding", "Transfer-Encoding:\r\n"),
        ("space before the colon", "Transfer-Encoding : chunked\r\n"),
        ("coding behind a fold", "X: y\r\n Transfer-Encoding: chunked\r\n"),
        ("coding on a folded line", "Transfer-Encoding:\r\n chunked\r\n"),
        ("underscore for a hyphen", "Transfer_Encoding: chunked\r\n"),
    ];
    rows.extend(
        codings
            .iter()
            .map(|&(name, lines)| refused(name, framed(lines, "0\r\n\r\n"))),
    );
    let lengths: &[(&'static str, &str)] = &[
        (
            "two different lengths",
            "Content-Length: 3\r\nContent-Length: 4\r\n",
        ),
        ("two equal lengths", "Content-Length: 3\r\nContent-Length: 3\r\n"),
        ("a list of lengths", "Content-Length: 3, 3\r\n"),
        ("plus", "Content-Length: +3\r\n"),
        ("minus", "Content-Length: -3\r\n"),
        ("hexadecimal", "Content-Length: 0x3\r\n"),
        ("fraction", "Content-Length: 3.0\r\n"),
        ("empty length", "Content-Length: \r\n"),
        ("inner space", "Content-Length: 3 3\r\n"),
        ("more than 64 bits", "Content-Length: 18446744073709551619\r\n"),
    ];
    rows.extend(
        lengths
            .iter()
            .map(|&(name, lines)| refused(name, framed(lines, "abc"))),
    );
    rows
}

/// RFC 9112 §2.2, §5.1, §5.2; RFC 9110 §5.5: lines and fields.
#[expect(clippy::too_many_lines, reason = "a table is as long as its cases")]
fn lines() -> Vec<Row> {
    vec![
        refused(
            "LF after the request line",
            "GET / HTTP/1.1\nHost: api.test\r\n\r\n",
        ),
        refused(
            "LF after a field",
            "GET / HTTP/1.1\r\nHost: api.test\nX: y\r\n\r\n",
        ),
        refused("LF LF at the end", "GET / HTTP/1.1\r\nHost: api.test\n\n"),
        refused("CR inside a value", line("X: a\rb")),
        refused("CR LF CR X", "GET / HTTP/1.1\r\nHost: api.test\r\n\rX: y\r\n\r\n"),
        refused("NUL in a value", line("X: a\0b")),
        refused("NUL in a name", line("X\0: a")),
        refused("a control byte in a value", line("X: a\x01b")),
        refused("DEL in a value", line("X: a\x7fb")),
        refused("a folded field", line("X: a\r\n b")),
        refused(
            "a fold before the first field",
            "GET / HTTP/1.1\r\n Host: api.test\r\nHost: api.test\r\n\r\n",
        ),
        refused("space before the colon", line("X : a")),
        refused("tab before the colon", line("X\t: a")),
        refused("an empty name", line(": a")),
        refused("a line without a colon", line("nonsense")),
        refused("a name that is no token", line("X(y): a")),
        refused("a name with an underscore", line("X_User: root")),
        refused("no method", " / HTTP/1.1\r\nHost: api.test\r\n\r\n"),
        refused(
            "a method that is no token",
            "G(T / HTTP/1.1\r\nHost: api.test\r\n\r\n",
        ),
        refused(
            "two spaces before the target",
            "GET  / HTTP/1.1\r\nHost: api.test\r\n\r\n",
        ),
        refused(
            "a tab before the target",
            "GET\t/ HTTP/1.1\r\nHost: api.test\r\n\r\n",
        ),
        refused("HTTP/0.9", "GET /\r\n\r\n"),
        refused_with(
            "HTTP/1.2",
            &[400, 505],
            "GET / HTTP/1.2\r\nHost: api.test\r\n\r\n",
        ),
        refused_with(
            "HTTP/2.0 in a request line",
            &[400, 505],
            "GET / HTTP/2.0\r\nHost: api.test\r\n\r\n",
        ),
        refused_with(
            "http/1.1 in lower case",
            &[400, 505],
            "GET / http/1.1\r\nHost: api.test\r\n\r\n",
        ),
        refused_with(
            "words behind the version",
            &[400, 505],
            "GET / HTTP/1.1 x\r\nHost: api.test\r\n\r\n",
        ),
        refused_with(
            "TLS to a listener in clear text",
            &[400],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        ),
    ]
}

/// RFC 9112 §3.2: which host and which target.
fn targets() -> Vec<Row> {
    let targets: &[(&'static str, &str)] = &[
        ("no leading slash", "admin"),
        ("a scheme that is none", "foo:bar"),
        ("a space", "/a b"),
        ("a control byte", "/a\x01b"),
        ("NUL", "/a\0b"),
        ("raw UTF-8", "/ä"),
        ("a fragment", "/a#b"),
        ("a backslash", "/a\\b"),
        ("two slashes", "/a//b"),
        ("two leading slashes", "//a"),
        ("an encoded slash", "/a%2fb"),
        ("an encoded slash in upper case", "/a%2Fb"),
        ("an encoded backslash", "/a%5cb"),
        ("an encoded NUL", "/a%00b"),
        ("encoded dots", "/a/%2e%2e/b"),
        ("half encoded dots", "/a/.%2e/b"),
        ("dots above the root", "/../a"),
        ("dots above the root behind a segment", "/a/../../b"),
        ("a broken percent sign", "/a%zz"),
        ("a lonely percent sign", "/a%"),
        ("a slash encoded twice", "/a%252fb"),
        ("dots encoded twice", "/a/%252e%252e/b"),
        ("an overlong slash", "/a%c0%afb"),
        ("segment parameters", "/a;x=1/b"),
        ("the asterisk of OPTIONS", "*"),
        ("absolute form of another host", "http://other.test/a"),
        ("absolute form with user information", "http://user@api.test/a"),
        ("absolute form of another scheme", "ftp://api.test/a"),
    ];
    let mut rows: Vec<Row> = targets
        .iter()
        .map(|&(name, text)| refused(name, target(text)))
        .collect();
    rows.extend([
        refused("no Host", "GET / HTTP/1.1\r\n\r\n"),
        refused("no Host in 1.0", "GET / HTTP/1.0\r\n\r\n"),
        refused("an empty Host", line("Host:")),
        refused("two Hosts", line("Host: api.test\r\nHost: other.test")),
        refused("the same Host twice", line("Host: api.test\r\nHost: api.test")),
        refused("a list of Hosts", line("Host: api.test, other.test")),
        refused("a path in Host", line("Host: api.test/a")),
        refused("user information in Host", line("Host: user@api.test")),
        refused("a space in Host", line("Host: api test")),
        refused("a port that is none", line("Host: api.test:http")),
        refused("a port out of range", line("Host: api.test:65536")),
        refused_with(
            "CONNECT",
            &[400, 405, 501],
            "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n",
        ),
        refused_with("TRACE", &[405, 501], request("TRACE", "/", &[], "")),
        refused_with("an expectation nobody knows", &[417], line("Expect: 200-maybe")),
    ]);
    rows
}

/// RFC 9110 §7.6.1: nothing but hop-by-hop fields may be nominated.
fn nominations() -> Vec<Row> {
    let named: &[(&'static str, &str)] = &[
        ("nominated: authorization", "authorization"),
        ("nominated: an identity field", "x-consumer"),
        ("nominated: host", "Host"),
        ("nominated: content-length", "content-length"),
        ("nominated: transfer-encoding", "transfer-encoding"),
        ("nominated: forwarding", "x-forwarded-for"),
        ("nominated: request id", "x-request-id"),
        ("nominated behind close", "close, x-consumer"),
        ("nominated: no token", "x y"),
    ];
    named
        .iter()
        .map(|&(name, token)| refused(name, line(&format!("Connection: {token}"))))
        .collect()
}

/// Sends a row; the answers that came before the connection ended or fell silent.
async fn play(gateway: &Gateway, row: &Row) -> Vec<Response> {
    let mut client = Client::connect(gateway.address()).await;
    client.send(&row.bytes).await;
    let mut answers = Vec::new();
    // Whoever waits for more than was sent gets the end of our direction; others answer before it.
    let first = tokio::time::timeout(Duration::from_millis(300), client.try_read("GET")).await;
    answers.extend(first.ok().flatten());
    client.finish().await;
    while let Some(answer) = client.try_read("GET").await {
        answers.push(answer);
    }
    answers
}

async fn check(rows: Vec<Row>) {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let mut wrong = Vec::new();
    for row in &rows {
        origin.forget();
        let answers = play(&gateway, row).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let fine = statuses.iter().all(|status| row.statuses.contains(status));
        if !fine || origin.count() > row.reach {
            let seen: Vec<String> = origin
                .seen()
                .iter()
                .map(|seen| format!("{:?}", String::from_utf8_lossy(&seen.head)))
                .collect();
            wrong.push(format!(
                "{}: answered {statuses:?}, expected {:?}, origin saw {seen:?}",
                row.name, row.statuses
            ));
        } else if let Some(answer) = answers.first() {
            // Every refusal is a complete problem document.
            let _ = answer.reason();
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    let after = adamant_tests::client::get(gateway.address(), "/", &[]).await;
    assert_eq!(after.status, 200, "an honest client is still served");
}

#[tokio::test]
async fn rfc9112_6_a_message_has_exactly_one_length() {
    check(framing()).await;
}

#[tokio::test]
async fn rfc9112_2_and_5_lines_are_read_in_one_way() {
    check(lines()).await;
}

#[tokio::test]
async fn rfc9112_3_a_target_names_one_resource_of_one_host() {
    check(targets()).await;
}

#[tokio::test]
async fn rfc9110_7_6_1_a_client_cannot_take_fields_away() {
    check(nominations()).await;
}

/// RFC 9112 §7.1. The head is in order, so the exchange may have begun; the origin must never see the
/// body end well, nor a second request.
#[tokio::test]
async fn rfc9112_7_1_a_broken_chunk_never_ends_a_body() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let bodies: &[(&str, &str)] = &[
        ("no digits", "\r\nabc\r\n0\r\n\r\n"),
        ("not hexadecimal", "g\r\nabc\r\n0\r\n\r\n"),
        ("a sign", "+3\r\nabc\r\n0\r\n\r\n"),
        ("a prefix", "0x3\r\nabc\r\n0\r\n\r\n"),
        ("a leading space", " 3\r\nabc\r\n0\r\n\r\n"),
        ("bare LF after the size", "3\nabc\r\n0\r\n\r\n"),
        ("bare LF after the data", "3\r\nabc\n0\r\n\r\n"),
        ("bare CR after the size", "3\rabc\r\n0\r\n\r\n"),
        ("data longer than the size", "3\r\nabcd\r\n0\r\n\r\n"),
        ("data shorter than the size", "5\r\nabc\r\n0\r\n\r\n"),
        ("a size of 68 bits", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
        ("LF inside an extension", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
        ("NUL inside an extension", "3;a\0b\r\nabc\r\n0\r\n\r\n"),
        ("bare LF after the last chunk", "3\r\nabc\r\n0\n\n"),
        ("a negative last chunk", "3\r\nabc\r\n-0\r\n\r\n"),
        ("no last chunk", "3\r\nabc\r\n"),
    ];
    let mut wrong = Vec::new();
    for (name, body) in bodies {
        origin.forget();
        let row = refused("chunks", framed("Transfer-Encoding: chunked\r\n", body));
        let answers = play(&gateway, &row).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let seen = origin.seen();
        let whole = seen
            .iter()
            .any(|seen| seen.complete || seen.target == "/smuggled");
        if whole || !matches!(statuses.as_slice(), [] | [400 | 408]) {
            let seen: Vec<_> = seen
                .iter()
                .map(|seen| (&seen.target, seen.complete, seen.body.len()))
                .collect();
            wrong.push(format!("{name}: answered {statuses:?}, origin saw {seen:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} bodies:\n{}",
        wrong.len(),
        bodies.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn chunks_in_every_honest_spelling_arrive() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    for body in [
        "3\r\nabc\r\n0\r\n\r\n",
        "003\r\nabc\r\n0\r\n\r\n",
        "3;a=\"b\"\r\nabc\r\n0\r\n\r\n",
        "1\r\na\r\n2\r\nbc\r\n0\r\nX-T: y\r\n\r\n",
    ] {
        origin.forget();
        let bytes = format!("POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let answer = adamant_tests::client::exchange(gateway.address(), bytes).await;
        assert_eq!(answer.status, 200, "{body:?}");
        assert_eq!(origin.only().body, b"abc", "{body:?}");
    }
}

#[tokio::test]
async fn targets_arrive_in_one_canonical_spelling() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let table = [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/", "/a/"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/%61%7e", "/a~"),
        ("/a%c3%a4", "/a%C3%A4"),
        ("/a?x=%2f&y=//..;z", "/a?x=%2f&y=//..;z"),
        ("/a?", "/a?"),
        ("http://api.test/a?b", "/a?b"),
        ("http://api.test", "/"),
        ("/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="),
    ];
    for (sent, arrives) in table {
        origin.forget();
        let answer = adamant_tests::client::get(gateway.address(), sent, &[]).await;
        assert_eq!(answer.status, 200, "{sent}: {}", answer.text());
        assert_eq!(origin.only().target, arrives, "{sent}");
    }
}

/// RFC 9112 §9.3.2: answers come in the order of the requests, and no request is read as another's body.
#[tokio::test]
async fn rfc9112_9_3_2_pipelined_requests_are_answered_in_order_or_the_connection_ends() {
    let origin = Origin::start(|seen| Answer::ok(seen.target.clone())).await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let mut client = Client::connect(gateway.address()).await;
    let all = request("GET", "/1", &[], "")
        + &request("POST", "/2", &[], "abc")
        + &request("GET", "/3", &["Connection: close"], "");
    client.send(all).await;
    let mut texts = Vec::new();
    while let Some(answer) = client.try_read("GET").await {
        assert_eq!(answer.status, 200);
        texts.push(answer.text());
    }
    assert!(
        !texts.is_empty()
            && ["/1", "/2", "/3"].starts_with(&texts.iter().map(String::as_str).collect::<Vec<_>>()),
        "{texts:?}"
    );
    assert_eq!(
        origin.count(),
        texts.len(),
        "what was not answered was not forwarded"
    );
}

/// What the gateway answers by itself leaves an unread body behind, which must not become a request.
#[tokio::test]
async fn the_body_of_a_refused_request_is_not_the_next_request() {
    let origin = Origin::hello().await;
    let policy =
        Policy::before(&origin).route("name: a\nmatch: { path: /open/** }\npublic: true\nto: origin");
    let gateway = Gateway::start(&policy).await;
    let inner = request("GET", "/open/smuggled", &[], "");
    for body in [
        request("POST", "/closed", &[], &inner),
        request("POST", "/closed", &["Expect: 100-continue"], &inner),
    ] {
        let mut client = Client::connect(gateway.address()).await;
        client.send(body).await;
        let answer = client.read().await;
        assert_eq!(answer.refused(404), "route.unknown");
        client
            .send(request("GET", "/open/next", &["Connection: close"], ""))
            .await;
        while client.try_read("GET").await.is_some() {}
        assert!(
            origin.seen().iter().all(|seen| seen.target == "/open/next"),
            "{:?}",
            origin.seen()
        );
    }
}

#[tokio::test]
async fn heads_have_bounds() {
    covers(&[
        "listeners.*.bounds.header-bytes",
        "listeners.*.bounds.header-fields",
        "listeners.*.bounds.target-bytes",
    ]);
    let origin = Origin::hello().await;
    let policy = Policy::proxy(&origin)
        .public("bounds: { header-bytes: 4KiB, header-fields: 20, target-bytes: 1KiB }");
    let gateway = Gateway::start(&policy).await;
    let many: Vec<String> = (0..21).map(|number| format!("X-{number}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let rows = [
        (414, request("GET", &format!("/{}", "a".repeat(1024)), &[], "")),
        (
            431,
            request("GET", "/", &[&format!("X: {}", "a".repeat(4096))], ""),
        ),
        (431, request("GET", "/", &many, "")),
    ];
    for (status, bytes) in rows {
        let mut client = Client::connect(gateway.address()).await;
        client.send(bytes).await;
        let answer = client.read().await;
        assert!(answer.refused(status).starts_with("request."), "{answer:?}");
        client.closed().await;
    }
    assert_eq!(origin.count(), 0);
    let fits = request(
        "GET",
        &format!("/{}", "a".repeat(1000)),
        &[&format!("X: {}", "a".repeat(2048))],
        "",
    );
    assert_eq!(
        adamant_tests::client::exchange(gateway.address(), fits)
            .await
            .status,
        200
    );
}
