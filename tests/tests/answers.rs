//! Answers of endpoints that break the rules, and clients that could misread them.
//!
//! Every row goes through both carriers: a request that is here whole takes another way through the gateway
//! than one that asks for an upgrade, and the client must not be able to tell.

use std::time::Duration;

use adamant_tests::client::{CARRIERS, GENERAL, exchange, request};
use adamant_tests::policy::to;
use adamant_tests::script::Step;
use adamant_tests::{Answer, Gateway, Origin, Policy, Response};

/// An origin that sends the bytes of the row whose target was asked for and, unless `stays`, closes.
async fn origin_of(rows: &'static [(&'static str, &'static str)], stays: bool) -> Origin {
    Origin::start(move |seen| {
        let known = rows.iter().find(|(target, _)| *target == seen.target);
        known.map_or_else(
            || Answer::ok("next"),
            |(_, bytes)| {
                let mut steps = vec![Step::Data((*bytes).into())];
                if !stays {
                    steps.push(Step::Close);
                }
                Answer::raw_steps(steps)
            },
        )
    })
    .await
}

/// Asks once for the row's answer by each carrier, on a connection to the origin that was used before.
async fn ask(gateway: &Gateway, target: &str) -> Vec<Response> {
    let mut answers = Vec::new();
    for lines in CARRIERS {
        let next = exchange(gateway.address(), request("GET", "/next", lines, "")).await;
        assert_eq!(next.text(), "next", "before {target}");
        answers.push(exchange(gateway.address(), request("GET", target, lines, "")).await);
    }
    answers
}

#[tokio::test]
async fn rfc9112_6_3_an_answer_whose_end_is_in_doubt_is_refused() {
    const ROWS: &[(&str, &str)] = &[
        ("/nothing", ""),
        ("/half-a-head", "HTTP/1.1 200 OK\r\nX: y\r\n"),
        (
            "/gzip",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "/identity",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc",
        ),
        (
            "/unknown",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "/twice",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
    ];
    let origin = origin_of(ROWS, false).await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    for (target, _) in ROWS {
        for answer in ask(&gateway, target).await {
            assert_eq!(answer.status, 502, "{target}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn rfc9110_8_6_an_answer_says_one_length_or_none() {
    const ROWS: &[(&str, &str)] = &[
        ("/list", "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc"),
        (
            "/lines",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        ),
        ("/none", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n"),
        (
            "/chunks",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
    ];
    let origin = origin_of(ROWS, true).await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    for (target, _) in ROWS {
        for answer in ask(&gateway, target).await {
            let lengths: Vec<_> = answer.fields.all("content-length");
            let codings: Vec<_> = answer.fields.all("transfer-encoding");
            let expected: &[&str] = if answer.status == 200 { &["3"] } else { &[] };
            assert_eq!(lengths, expected, "{target}: {answer:?}");
            assert!(codings.is_empty(), "{target}: {answer:?}");
        }
    }
}

/// RFC 9110 §15.2 and RFC 9112 §6.1: HTTP/1.0 knows neither interim answers nor chunks.
#[tokio::test]
async fn a_client_of_http_1_0_gets_an_answer_of_http_1_0() {
    const ROWS: &[(&str, &str)] = &[(
        "/",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    )];
    let origin = origin_of(ROWS, true).await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    for lines in ["", "Connection: keep-alive\r\n"] {
        let bytes = format!("GET / HTTP/1.0\r\nHost: api.test\r\n{lines}\r\n");
        let answer = exchange(gateway.address(), bytes).await;
        assert_eq!((answer.text().as_str(), answer.interim.len()), ("abc", 0));
        assert_eq!(answer.field("transfer-encoding"), None, "{answer:?}");
    }
}

#[tokio::test]
async fn interim_answers_carry_no_fields_of_the_connection() {
    const ROWS: &[(&str, &str)] = &[(
        "/",
        "HTTP/1.1 103 Early Hints\r\nConnection: x-hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\nLink: </a>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    )];
    let origin = origin_of(ROWS, true).await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let mut client = adamant_tests::Client::connect(gateway.address()).await;
    client.send(request("GET", "/", GENERAL, "")).await;
    let head = client.bytes_with("\r\n\r\n").await.to_ascii_lowercase();
    let interim = head.split("\r\n\r\n").next().unwrap_or_default();
    assert!(interim.contains("link: </a>"), "{interim:?}");
    assert!(
        !interim.contains("hop") && !interim.contains("transfer-encoding"),
        "{interim:?}"
    );
}

/// An answer that cannot be read is an answer: the endpoint has acted, and is not asked again.
#[tokio::test]
async fn an_unreadable_answer_on_a_kept_connection_is_not_a_stale_connection() {
    const ROWS: &[(&str, &str)] = &[
        ("/garbage", "garbage\r\n\r\n"),
        (
            "/nul",
            "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 3\r\n\r\nabc",
        ),
    ];
    let origin = origin_of(ROWS, true).await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    for (target, _) in ROWS {
        origin.forget();
        for answer in ask(&gateway, target).await {
            assert_eq!(answer.status, 502, "{target}");
        }
        let asked = origin.seen().iter().filter(|seen| seen.target == *target).count();
        assert_eq!(asked, CARRIERS.len(), "{target}");
    }
}

/// An endpoint that never falls silent for long and never gets to its answer.
#[tokio::test]
async fn interim_answers_do_not_outlast_the_total_time() {
    let origin = Origin::start(|_| {
        let interim = || Step::Data("HTTP/1.1 102 Processing\r\n\r\n".into());
        let pause = || Step::Pause(Duration::from_millis(50));
        Answer::raw_steps((0..200).flat_map(|_| [interim(), pause()]).collect())
    })
    .await;
    let keys = format!("{}\ntimeouts: {{ first-byte: 300ms, total: 400ms }}", to(&origin));
    let policy = Policy::new()
        .listener("public", "")
        .upstream("origin", &keys)
        .route(adamant_tests::policy::ALL);
    let gateway = Gateway::start(&policy).await;
    for lines in CARRIERS {
        let answer = exchange(gateway.address(), request("GET", "/", lines, "")).await;
        assert_eq!(answer.refused(504), "upstream.total-timeout");
        assert_eq!(origin.only().target, "/");
        origin.forget();
    }
}

/// Each byte begins the wait of one read anew, but not that of the exchange.
#[tokio::test]
async fn a_head_that_comes_byte_by_byte_does_not_outlast_the_total_time() {
    let origin = Origin::start(|_| {
        let mut steps = vec![Step::Data("HTTP/1.1 200 OK\r\nX: ".into())];
        steps.extend((0..200).flat_map(|_| [Step::Data("y".into()), Step::Pause(Duration::from_millis(50))]));
        Answer::raw_steps(steps)
    })
    .await;
    let keys = format!("{}\ntimeouts: {{ first-byte: 300ms, total: 400ms }}", to(&origin));
    let policy = Policy::new()
        .listener("public", "")
        .upstream("origin", &keys)
        .route(adamant_tests::policy::ALL);
    let gateway = Gateway::start(&policy).await;
    for bytes in [request("GET", "/", &[], ""), request("PUT", "/", &[], "body")] {
        let answer = exchange(gateway.address(), bytes).await;
        assert_eq!(answer.refused(504), "upstream.total-timeout");
    }
}
