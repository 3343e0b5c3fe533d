//! Streams: the first byte at once, flat memory for any size, and every end passed on in both directions.

use std::time::Duration;

use adamant_tests::client::{get, request};
use adamant_tests::policy::to;
use adamant_tests::script::{Framing, Gate, Step};
use adamant_tests::{Answer, Client, Gateway, H2Client, Origin, Policy, covers, h2_client, procinfo, wait};
use bytes::Bytes;
use http::Method;

const STREAM: &str =
    "name: all\nmatch: { path: /** }\npublic: true\nto: origin\nstream: true\nbody: { at-most: 2GiB }";
const GIB: u64 = 1 << 30;

fn streaming(origin: &Origin) -> Policy {
    Policy::before(origin).public("protocols: [h1, h2]").route(STREAM)
}

#[tokio::test]
async fn an_event_arrives_when_it_is_sent() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = Origin::start(move |_| {
        let steps = vec![
            Step::Data("data: first\n\n".into()),
            Step::Gate(held.clone()),
            Step::Data("data: last\n\n".into()),
        ];
        Answer::stream(steps).with("content-type", "text/event-stream")
    })
    .await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/", &[], "")).await;
    let head = client.read_head().await;
    assert_eq!(head.field("content-type"), Some("text/event-stream"));
    client.bytes_with("data: first\n\n").await;
    gate.open();
    client.bytes_with("data: last\n\n").await;
}

#[tokio::test]
async fn a_piece_of_an_upload_arrives_when_it_is_sent() {
    let origin = Origin::start(|_| Answer::ok("early").early()).await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    let mut client = Client::connect(gateway.address()).await;
    client
        .send("POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 1000000\r\n\r\nfirst")
        .await;
    origin.received(1).await;
    let answer = client.read().await;
    assert_eq!(
        answer.text(),
        "early",
        "an answer before the end of the body is passed on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_of_1_gib_takes_no_memory() {
    covers(&["routes[].stream"]);
    let origin = Origin::start(|_| Answer::stream(vec![Step::Fill(GIB)]).framed(Framing::Length(GIB))).await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    assert_eq!(
        get(gateway.address(), "/warm", &["Range: none", "Connection: close"])
            .await
            .status,
        200
    );
    let before = procinfo::resident_bytes(gateway.pid());
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/", &[], "")).await;
    assert_eq!(
        client.read_head().await.field("content-length"),
        Some("1073741824")
    );
    let whole = wait::within("1 GiB arrives", Duration::from_secs(120), client.skip(GIB)).await;
    assert!(whole, "the download is whole");
    let grown = procinfo::peak_resident_bytes(gateway.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "grew by {} KiB", grown >> 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_1_gib_takes_no_memory() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    assert_eq!(get(gateway.address(), "/warm", &[]).await.status, 200);
    origin.forget();
    let before = procinfo::resident_bytes(gateway.pid());
    let mut client = Client::connect(gateway.address()).await;
    client
        .send(format!(
            "PUT / HTTP/1.1\r\nHost: api.test\r\nContent-Length: {GIB}\r\n\r\n"
        ))
        .await;
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..GIB >> 20 {
        assert!(client.send(&piece).await, "the gateway takes the body");
    }
    assert_eq!(client.read().await.status, 200);
    assert_eq!((origin.only().body_length, origin.only().complete), (GIB, true));
    let grown = procinfo::peak_resident_bytes(gateway.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "grew by {} KiB", grown >> 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_upload_over_http2_takes_no_memory() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    assert_eq!(get(gateway.address(), "/warm", &[]).await.status, 200);
    origin.forget();
    let before = procinfo::resident_bytes(gateway.pid());
    let mut h2 = H2Client::connect(gateway.address()).await;
    let head = h2.head(Method::PUT, "api.test", "/", &[]);
    let (answer, mut stream) = h2.open(head, false).await.unwrap();
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    for number in 1..=256 {
        h2_client::send(&mut stream, piece.clone(), number == 256)
            .await
            .unwrap();
    }
    assert_eq!(h2_client::read(answer, false).await.unwrap().status, 200);
    assert_eq!(
        (origin.only().body_length, origin.only().complete),
        (256 << 20, true)
    );
    let grown = procinfo::peak_resident_bytes(gateway.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "grew by {} KiB", grown >> 10);
}

#[tokio::test]
async fn a_slow_reader_holds_the_origin_back() {
    let origin = Origin::start(|_| Answer::stream(vec![Step::Fill(GIB)])).await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    let mut client = Client::connect(gateway.address()).await;
    let before = procinfo::resident_bytes(gateway.pid());
    client.send(request("GET", "/", &[], "")).await;
    client.read_head().await;
    let calm = wait::stays(Duration::from_millis(700), || {
        procinfo::resident_bytes(gateway.pid()).saturating_sub(before) < 16 << 20
    });
    assert!(calm.await, "what the client does not take is not collected");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_upstream() {
    let steps = || vec![Step::Data("data: first\n\n".into()), Step::Hang];
    let origin = Origin::start(move |_| Answer::stream(steps())).await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/", &[], "")).await;
    client.bytes_with("data: first\n\n").await;
    drop(client);
    wait::until("the origin is told", || origin.only().gone).await;
}

#[tokio::test]
async fn a_client_that_breaks_its_upload_off_never_completes_it_upstream() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    for framing in [
        "Content-Length: 1000000\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let mut client = Client::connect(gateway.address()).await;
        client
            .send(format!("POST / HTTP/1.1\r\nHost: api.test\r\n{framing}"))
            .await;
        client.finish().await;
        client.closed().await;
    }
    wait::until("the origin's connections end", || origin.open_connections() == 0).await;
    assert!(
        origin.seen().iter().all(|seen| !seen.complete),
        "{:?}",
        origin.seen()
    );
}

/// A truncated answer must look truncated: an end without its last chunk, or too few bytes.
#[tokio::test]
async fn a_truncated_answer_is_never_made_whole() {
    let origin = Origin::start(|seen| match seen.target.as_str() {
        "/length" => Answer::stream(vec![Step::Data("abc".into()), Step::Close]).framed(Framing::Length(10)),
        "/reset" => Answer::stream(vec![
            Step::Data("abc".into()),
            Step::Pause(Duration::from_millis(50)),
            Step::Reset,
        ]),
        _ => Answer::stream(vec![Step::Data("abc".into()), Step::Close]),
    })
    .await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    for target in ["/length", "/chunked", "/reset"] {
        let answer = get(gateway.address(), target, &[]).await;
        assert!(answer.truncated || answer.status == 502, "{target}: {answer:?}");
        let mut h2 = H2Client::connect(gateway.address()).await;
        let answer = h2.get(target, &[]).await;
        assert!(
            answer.truncated || answer.status == 502,
            "{target} over HTTP/2: {answer:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_the_end_of_the_connection_ends_arrives_whole() {
    let origin =
        Origin::start(|_| Answer::stream(vec![Step::Data("abc".into())]).framed(Framing::Close)).await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    let answer = get(gateway.address(), "/", &[]).await;
    assert_eq!((answer.text().as_str(), answer.truncated), ("abc", false));
}

/// Class 7 of the failures: the upstream is not trusted either.
#[tokio::test]
async fn broken_answers_become_errors_and_never_reach_the_next_client() {
    let heads: &'static [(&str, &str)] = &[
        ("/garbage", "garbage\r\n\r\n"),
        ("/no-status", "HTTP/1.1 abc OK\r\n\r\n"),
        (
            "/two-lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        ),
        (
            "/length-and-coding",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "/bad-chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "/doubled",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale",
        ),
        ("/nothing", ""),
        (
            "/folded",
            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
        ),
        (
            "/nul",
            "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 3\r\n\r\nabc",
        ),
    ];
    let origin = Origin::start(|seen| {
        let known = heads.iter().find(|(target, _)| *target == seen.target);
        known.map_or_else(
            || Answer::ok("next"),
            |(_, bytes)| {
                Answer::raw_steps(vec![
                    Step::Data((*bytes).into()),
                    Step::Pause(Duration::from_millis(50)),
                    Step::Close,
                ])
            },
        )
    })
    .await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    for (target, _) in heads {
        let answer = get(gateway.address(), target, &[]).await;
        let fine = match *target {
            "/doubled" => answer.text() == "abc",
            // Accepted as RFC 9112 §6.3 reads it, or refused; never with five bytes or a bare length.
            "/length-and-coding" | "/folded" => answer.status == 502 || answer.text() == "abc",
            _ => answer.status == 502 || answer.truncated,
        };
        assert!(fine, "{target}: {answer:?} {}", answer.text());
        assert_eq!(
            get(gateway.address(), "/next", &[]).await.text(),
            "next",
            "after {target}"
        );
    }
}

#[tokio::test]
async fn rfc9110_10_1_1_continue_is_said_only_after_the_policy_allowed() {
    let origin = Origin::start(|seen| Answer::ok(seen.body.clone())).await;
    let policy = Policy::before(&origin).route("name: in\nmatch: { path: /in }\npublic: true\nto: origin");
    let gateway = Gateway::start(&policy).await;
    let mut client = Client::connect(gateway.address()).await;
    client
        .send("POST /in HTTP/1.1\r\nHost: api.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        .await;
    let interim = client.bytes_with("\r\n\r\n").await;
    assert!(interim.starts_with("HTTP/1.1 100"), "{interim:?}");
    client.send("abc").await;
    assert_eq!(client.read().await.text(), "abc");
    let mut client = Client::connect(gateway.address()).await;
    client
        .send("POST /out HTTP/1.1\r\nHost: api.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        .await;
    let refused = client.read().await;
    assert_eq!(
        (refused.status, refused.interim.len()),
        (404, 0),
        "no `100 Continue` before a refusal"
    );
}

#[tokio::test]
async fn early_hints_are_passed_on_or_dropped_but_never_the_answer() {
    let origin = Origin::start(|_| {
        Answer::raw(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal",
        )
    })
    .await;
    let gateway = Gateway::start(&streaming(&origin)).await;
    let answer = get(gateway.address(), "/", &[]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "final"));
}

#[tokio::test]
async fn an_answer_without_stream_has_a_total_time() {
    covers(&["upstreams.*.timeouts.total"]);
    let slow = || {
        vec![
            Step::Data("a".into()),
            Step::Pause(Duration::from_millis(900)),
            Step::Data("b".into()),
        ]
    };
    let origin = Origin::start(move |_| Answer::stream(slow())).await;
    let keys = format!(
        "{}\ntimeouts: {{ connect: 200ms, first-byte: 300ms, total: 400ms }}",
        to(&origin)
    );
    let policy = Policy::new()
        .listener("public", "")
        .upstream("origin", &keys)
        .route("name: bounded\nmatch: { path: /bounded }\npublic: true\nto: origin")
        .route("name: free\nmatch: { path: /free }\npublic: true\nto: origin\nstream: true");
    let gateway = Gateway::start(&policy).await;
    let bounded = get(gateway.address(), "/bounded", &[]).await;
    assert!(bounded.truncated || bounded.status == 504, "{bounded:?}");
    assert_eq!(get(gateway.address(), "/free", &[]).await.text(), "ab");
}

#[tokio::test]
async fn a_body_that_falls_silent_upstream_is_cut() {
    covers(&["upstreams.*.timeouts.idle"]);
    let steps = || vec![Step::Data("a".into()), Step::Hang];
    let origin = Origin::start(move |_| Answer::stream(steps())).await;
    let keys = format!("{}\ntimeouts: {{ idle: 300ms }}", to(&origin));
    let policy = Policy::new()
        .listener("public", "")
        .upstream("origin", &keys)
        .route(STREAM);
    let gateway = Gateway::start(&policy).await;
    let answer = get(gateway.address(), "/", &[]).await;
    assert!(answer.truncated, "{answer:?}");
}
