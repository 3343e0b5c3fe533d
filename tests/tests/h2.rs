//! HTTP/2 at the listener: by prior knowledge and by ALPN, with the same policy as HTTP/1.1.

use std::time::Duration;

use adamant_tests::frames::{self, Frame};
use adamant_tests::gateway::Setup;
use adamant_tests::{
    Answer, Authority, Client, Gateway, H2Client, Origin, Policy, covers, h2_client, procinfo, wait,
};
use bytes::Bytes;
use http::Method;

const BOTH: &str = "protocols: [h1, h2]";

async fn proxy(origin: &Origin) -> Gateway {
    Gateway::start(&Policy::proxy(origin).public(BOTH)).await
}

#[tokio::test]
async fn both_versions_are_spoken_on_one_listener() {
    covers(&["listeners.*.protocols"]);
    let origin = Origin::hello().await;
    let gateway = proxy(&origin).await;
    let mut h2 = H2Client::connect(gateway.address()).await;
    assert_eq!(h2.get("/a?b", &[("x-a", "b")]).await.text(), "hello");
    let seen = origin.only();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str(), seen.host.as_str()),
        ("GET", "/a?b", "api.test")
    );
    assert_eq!(seen.field("x-a"), Some("b"));
    assert_eq!(
        adamant_tests::client::get(gateway.address(), "/", &[])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_version_that_is_not_listed_is_not_spoken() {
    let origin = Origin::hello().await;
    let policy = Policy::proxy(&origin)
        .public("protocols: [h1]")
        .listener("new", "protocols: [h2]");
    let gateway = Gateway::start(&policy).await;
    let mut old = Client::connect(gateway.address()).await;
    old.send(frames::preface()).await;
    let answer = old.try_read("PRI").await;
    assert!(
        answer
            .as_ref()
            .is_none_or(|answer| (400..600).contains(&answer.status)),
        "{answer:?}"
    );
    let mut new = Client::connect(gateway.listener("new")).await;
    new.send("GET / HTTP/1.1\r\nHost: api.test\r\n\r\n").await;
    let bytes = new.bytes().await;
    assert!(
        !bytes.starts_with(b"HTTP/1.1 200"),
        "{:?}",
        String::from_utf8_lossy(&bytes)
    );
    new.closed().await;
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn rfc7301_alpn_chooses_the_version() {
    covers(&["listeners.*.tls.certificate", "listeners.*.tls.key.file"]);
    let origin = Origin::hello().await;
    let authority = Authority::new("alpn");
    let site = authority.site(&["api.test"]);
    let tls = "tls: { certificate: site.pem, key: { file: site.key } }";
    let setup = Setup::new(&Policy::proxy(&origin).public(tls)).file("site.pem", &site.certificate);
    let gateway = setup.file("site.key", &site.key).start().await;
    let at = gateway.address();
    let mut h2 = H2Client::connect_tls(at, "api.test", authority.client(&["h2", "http/1.1"]))
        .await
        .unwrap();
    assert_eq!(h2.get("/", &[]).await.status, 200);
    for alpn in [&["http/1.1"][..], &[]] {
        let mut h1 = Client::connect_tls(at, "api.test", authority.client(alpn))
            .await
            .unwrap();
        assert_eq!(h1.get("/", &[]).await.status, 200, "{alpn:?}");
    }
    let protos: Vec<String> = origin
        .seen()
        .iter()
        .filter_map(|seen| seen.field("x-forwarded-proto").map(str::to_owned))
        .collect();
    assert_eq!(protos, ["https", "https", "https"]);
}

#[tokio::test]
async fn bodies_and_cookies_become_one_http1_message() {
    let origin = Origin::start(|seen| Answer::ok(seen.body.clone())).await;
    let gateway = proxy(&origin).await;
    let mut h2 = H2Client::connect(gateway.address()).await;
    let body = vec![b'x'; 200_000];
    let answer = h2.post("/", &[("cookie", "a=1"), ("cookie", "b=2")], &body).await;
    assert_eq!((answer.status, answer.body.len()), (200, body.len()));
    let seen = origin.only();
    assert!(seen.complete);
    // RFC 9113 §8.2.3
    assert_eq!(seen.fields.all("cookie"), ["a=1; b=2"]);
}

#[tokio::test]
async fn a_body_without_a_length_is_counted() {
    covers(&["routes[].body.at-most"]);
    let origin = Origin::hello().await;
    let route = "name: small\nmatch: { path: /** }\npublic: true\nto: origin\nbody: { at-most: 10KiB }";
    let gateway = Gateway::start(&Policy::before(&origin).public(BOTH).route(route)).await;
    let mut h2 = H2Client::connect(gateway.address()).await;
    let refused = h2.post("/", &[], &vec![b'x'; 11 * 1024]).await;
    assert_eq!(refused.refused(413), "request.body-exceeded");
    let told = h2
        .post("/", &[("content-length", "11264")], &vec![b'x'; 11 * 1024])
        .await;
    assert_eq!(told.refused(413), "request.body-exceeded");
    assert_eq!(h2.post("/", &[], &vec![b'x'; 10 * 1024]).await.status, 200);
    assert!(
        origin
            .seen()
            .iter()
            .filter(|seen| seen.complete)
            .all(|seen| seen.body_length == 10 * 1024)
    );
}

#[tokio::test]
async fn many_streams_share_a_connection() {
    covers(&["listeners.*.bounds.streams"]);
    let origin = Origin::start(|seen| Answer::ok(seen.target.clone()).after(Duration::from_millis(20))).await;
    let policy = Policy::proxy(&origin).public("protocols: [h1, h2]\nbounds: { streams: 20 }");
    let gateway = Gateway::start(&policy).await;
    let mut h2 = H2Client::connect(gateway.address()).await;
    assert_eq!(h2.get("/first", &[]).await.status, 200);
    let mut answers = Vec::new();
    for number in 0..20 {
        let head = h2.head(Method::GET, "api.test", &format!("/{number}"), &[]);
        answers.push(h2.open(head, true).await.unwrap().0);
    }
    for (number, answer) in answers.into_iter().enumerate() {
        let answer = h2_client::read(answer, false).await.unwrap();
        assert_eq!((answer.status, answer.text()), (200, format!("/{number}")));
    }
    // By hand, without waiting for the gateway's consent (RFC 9113 §5.1.2).
    let mut raw = Raw::connect(&gateway).await;
    let before = origin.count();
    let all: Vec<u8> = (0..40)
        .flat_map(|number| frames::headers(2 * number + 1, &good("/more"), true))
        .collect();
    raw.client.send(all).await;
    raw.frames_until(|frame| matches!(frame.kind, frames::RST_STREAM | frames::GOAWAY))
        .await;
    assert!(
        origin.count() - before <= 20,
        "{} streams reached the origin at once",
        origin.count() - before
    );
}

/// A connection whose frames are made by hand.
struct Raw {
    client: Client,
    read: Vec<u8>,
}

impl Raw {
    async fn connect(gateway: &Gateway) -> Self {
        let mut client = Client::connect(gateway.address()).await;
        client.send(frames::preface()).await;
        client.send(frames::frame(frames::SETTINGS, 1, 0, &[])).await;
        Self {
            client,
            read: Vec::new(),
        }
    }

    /// Frames until this one has come or the connection has ended.
    async fn frames_until(&mut self, done: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let mut all = Vec::new();
        loop {
            let bytes = self.client.bytes().await;
            self.read.extend(&bytes);
            let new = frames::take(&mut self.read);
            let found = new.iter().any(&done);
            all.extend(new);
            if found || bytes.is_empty() {
                return all;
            }
        }
    }
}

fn good(path: &str) -> [(&'static str, &str); 4] {
    [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "api.test"),
        (":path", path),
    ]
}

/// RFC 9113 §8.2 and §8.3: each of these makes the request malformed.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table is as long as its cases")]
async fn rfc9113_8_malformed_requests_never_reach_the_origin() {
    let origin = Origin::hello().await;
    let gateway = proxy(&origin).await;
    let pseudo: &[(&str, &str)] = &good("/");
    let with = |extra: &[(&'static str, &'static str)]| [pseudo, extra].concat();
    let rows: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("connection", with(&[("connection", "close")])),
        ("keep-alive", with(&[("keep-alive", "timeout=5")])),
        ("proxy-connection", with(&[("proxy-connection", "close")])),
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("upgrade", with(&[("upgrade", "websocket")])),
        ("te other than trailers", with(&[("te", "gzip")])),
        ("an upper case name", with(&[("X-User", "root")])),
        ("an empty name", with(&[("", "a")])),
        ("a colon inside a name", with(&[("x:y", "a")])),
        ("a space inside a name", with(&[("x y", "a")])),
        ("CR LF inside a value", with(&[("x", "a\r\nhost: evil.test")])),
        ("LF inside a value", with(&[("x", "a\nb")])),
        ("NUL inside a value", with(&[("x", "a\0b")])),
        ("an unknown pseudo field", with(&[(":x", "a")])),
        ("a status", with(&[(":status", "200")])),
        (
            "a pseudo field behind a field",
            vec![
                (":method", "GET"),
                (":scheme", "http"),
                ("x", "y"),
                (":authority", "api.test"),
                (":path", "/"),
            ],
        ),
        ("no method", pseudo[1..].to_vec()),
        ("no path", pseudo[..3].to_vec()),
        ("no scheme", vec![pseudo[0], pseudo[2], pseudo[3]]),
        ("no authority and no host", vec![pseudo[0], pseudo[1], pseudo[3]]),
        ("two paths", with(&[(":path", "/b")])),
        ("two authorities", with(&[(":authority", "other.test")])),
        ("host differs from authority", with(&[("host", "other.test")])),
        (
            "an empty path",
            vec![pseudo[0], pseudo[1], pseudo[2], (":path", "")],
        ),
        (
            "a path without a slash",
            vec![pseudo[0], pseudo[1], pseudo[2], (":path", "admin")],
        ),
        (
            "an absolute path form",
            vec![pseudo[0], pseudo[1], pseudo[2], (":path", "http://other.test/")],
        ),
        (
            "a space in the path",
            vec![pseudo[0], pseudo[1], pseudo[2], (":path", "/a b")],
        ),
        (
            "CR LF in the path",
            vec![pseudo[0], pseudo[1], pseudo[2], (":path", "/ HTTP/1.1\r\nx: y")],
        ),
        (
            "a space in the method",
            vec![(":method", "GET /x"), pseudo[1], pseudo[2], pseudo[3]],
        ),
        (
            "user information in the authority",
            vec![pseudo[0], pseudo[1], (":authority", "u@api.test"), pseudo[3]],
        ),
        ("a nominated field", with(&[("connection", "x-consumer")])),
        ("an underscore in a name", with(&[("x_user", "root")])),
        ("a length that is none", with(&[("content-length", "x")])),
        (
            "two lengths",
            with(&[("content-length", "0"), ("content-length", "1")]),
        ),
        (
            "an encoded slash",
            vec![pseudo[0], pseudo[1], pseudo[2], (":path", "/a%2fb")],
        ),
        (
            "two slashes",
            vec![pseudo[0], pseudo[1], pseudo[2], (":path", "//a")],
        ),
    ];
    let mut wrong = Vec::new();
    for (name, fields) in &rows {
        origin.forget();
        let mut raw = Raw::connect(&gateway).await;
        raw.client.send(frames::headers(1, fields, true)).await;
        let ends = |frame: &Frame| {
            frame.kind == frames::GOAWAY
                || frame.stream == 1
                    && (frame.kind == frames::RST_STREAM || frame.flags & frames::END_STREAM != 0)
        };
        let answered = raw.frames_until(ends).await;
        // 0x88 is `:status: 200` in the static table (RFC 7541 Appendix A).
        let ok = answered
            .iter()
            .any(|frame| frame.kind == frames::HEADERS && frame.payload.first() == Some(&0x88));
        if ok || origin.count() > 0 {
            wrong.push(format!(
                "{name}: origin saw {:?}",
                origin
                    .seen()
                    .iter()
                    .map(|seen| String::from_utf8_lossy(&seen.head).into_owned())
                    .collect::<Vec<_>>()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    assert_eq!(
        H2Client::connect(gateway.address())
            .await
            .get("/", &[])
            .await
            .status,
        200
    );
}

/// RFC 9113 §8.1.1: the body must be as long as `content-length` says.
#[tokio::test]
async fn rfc9113_8_1_1_a_body_of_another_length_than_told_is_never_whole() {
    let origin = Origin::hello().await;
    let gateway = proxy(&origin).await;
    for (told, sent) in [("5", "abc"), ("2", "abc"), ("3", "")] {
        let mut raw = Raw::connect(&gateway).await;
        let mut fields = good("/").to_vec();
        fields[0] = (":method", "POST");
        fields.push(("content-length", told));
        raw.client.send(frames::headers(1, &fields, false)).await;
        raw.client
            .send(frames::frame(
                frames::DATA,
                frames::END_STREAM,
                1,
                sent.as_bytes(),
            ))
            .await;
        let ends = |frame: &Frame| {
            matches!(frame.kind, frames::GOAWAY | frames::RST_STREAM) || frame.kind == frames::HEADERS
        };
        raw.frames_until(ends).await;
        assert!(
            origin.seen().iter().all(|seen| !seen.complete),
            "{told} told, {} sent: {:?}",
            sent.len(),
            origin.seen()
        );
    }
}

/// CVE-2023-44487: streams that are opened and reset at once.
#[tokio::test]
async fn rapid_resets_are_bounded() {
    let origin = Origin::start(|_| Answer::silence()).await;
    let gateway = proxy(&origin).await;
    let before = procinfo::resident_bytes(gateway.pid());
    let mut raw = Raw::connect(&gateway).await;
    for batch in 0..100_u32 {
        let flood: Vec<u8> = (0..100_u32)
            .flat_map(|number| {
                let stream = 2 * (batch * 100 + number) + 1;
                [frames::headers(stream, &good("/"), true), frames::cancel(stream)].concat()
            })
            .collect();
        if !raw.client.send(flood).await {
            break;
        }
    }
    raw.frames_until(|frame| frame.kind == frames::GOAWAY).await;
    let grown = procinfo::resident_bytes(gateway.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "grew by {} KiB", grown >> 10);
    assert!(
        origin.count() < 2_000,
        "{} of 10,000 streams reached the origin",
        origin.count()
    );
    assert!(
        origin.open_connections() < 300,
        "{} connections to the origin",
        origin.open_connections()
    );
}

/// CVE-2024-27316: a field block without an end.
#[tokio::test]
async fn endless_continuations_are_cut() {
    let origin = Origin::hello().await;
    let gateway = proxy(&origin).await;
    let mut raw = Raw::connect(&gateway).await;
    raw.client
        .send(frames::frame(
            frames::HEADERS,
            frames::END_STREAM,
            1,
            &frames::block(&good("/")),
        ))
        .await;
    let piece = frames::frame(
        frames::CONTINUATION,
        0,
        1,
        &frames::block(&[("x", &"y".repeat(8_000))]),
    );
    let mut sent = 0;
    while sent < 20_000_000 && raw.client.send(&piece).await {
        sent += piece.len();
    }
    raw.frames_until(|frame| frame.kind == frames::GOAWAY).await;
    raw.client.closed().await;
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let origin = Origin::hello().await;
    let policy = Policy::proxy(&origin)
        .public("protocols: [h2]\nbounds: { header-bytes: 8KiB, header-fields: 30, target-bytes: 2KiB }");
    let gateway = Gateway::start(&policy).await;
    let long = "y".repeat(9 * 1024);
    let names: Vec<String> = (0..31).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "y")).collect();
    let target = format!("/{}", "a".repeat(3 * 1024));
    for (status, path, fields) in [
        (431, "/", &[("x", long.as_str())][..]),
        (431, "/", &many),
        (414, target.as_str(), &[]),
    ] {
        let mut h2 = H2Client::connect(gateway.address()).await;
        let head = h2.head(Method::GET, "api.test", path, fields);
        // The bound on the field block may end the stream before there is anything to answer.
        if let Ok(answer) = h2.exchange(head, b"").await {
            assert_eq!(answer.status, status);
        }
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn a_stream_that_is_reset_cancels_its_request_upstream() {
    let origin = Origin::start(|_| Answer::silence()).await;
    let gateway = proxy(&origin).await;
    let mut h2 = H2Client::connect(gateway.address()).await;
    let head = h2.head(Method::GET, "api.test", "/", &[]);
    let (answer, mut stream) = h2.open(head, true).await.unwrap();
    origin.received(1).await;
    stream.send_reset(h2::Reason::CANCEL);
    drop(answer);
    wait::until("the origin is told", || origin.only().gone).await;
}

#[tokio::test]
async fn a_body_that_drips_is_refused() {
    let origin = Origin::hello().await;
    let gateway =
        Gateway::start(&Policy::proxy(&origin).public("protocols: [h2]\nbounds: { body-idle: 400ms }")).await;
    let mut h2 = H2Client::connect(gateway.address()).await;
    let head = h2.head(Method::POST, "api.test", "/", &[("content-length", "100000")]);
    let (answer, mut stream) = h2.open(head, false).await.unwrap();
    stream.send_data(Bytes::from_static(b"abc"), false).unwrap();
    let answer = h2_client::read(answer, false).await;
    assert!(
        answer.as_ref().map_or(true, |answer| answer.status == 408),
        "{answer:?}"
    );
    assert!(origin.seen().iter().all(|seen| !seen.complete));
}
