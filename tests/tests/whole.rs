//! Exchanges whose bodies a filter sees whole, on every way through the gateway: what the filter makes of them is what
//! arrives, and framing, time-outs and ends are those of any other exchange.

use std::time::Duration;

use adamant_tests::client::{CARRIERS, exchange, request};
use adamant_tests::script::Step;
use adamant_tests::{Answer, Client, Gateway, H2Client, Origin, Policy, Seen};

const MASK: &str =
    "mask: { rules: [{ fields: [name], as: redact }], at-most: 1MiB, longer: refuse, others: pass }";
const JSON: &str = "json: { body-at-most: 1MiB, empty: pass, other: pass, string: 1MiB }";

fn json(body: impl Into<String>) -> Answer {
    Answer::of("application/json", body.into())
}

fn script(seen: &Seen) -> Answer {
    match seen.target.as_str() {
        "/none" => Answer::status(204),
        "/switch" => {
            Answer::raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n")
        }
        "/status" => Answer::status(200)
            .with("content-type", "application/grpc")
            .with("grpc-status", "12"),
        "/late" => json("{}").after(Duration::from_secs(3)),
        "/trailers" => Answer::stream(vec![Step::Data("x".into())])
            .with("content-type", "application/grpc")
            .trailers(&[("grpc-status", "0")]),
        "/broken" => Answer::stream(vec![Step::Data("{\"name\":".into()), Step::Reset])
            .with("content-type", "application/json"),
        "/long" => json(format!("{{\"more\":\"{}\"}}", "x".repeat(2 << 20))),
        _ => json(format!("{{\"name\":\"Ada\",\"bytes\":{}}}", seen.body.len())),
    }
}

async fn origins() -> [(Origin, &'static str); 2] {
    [
        (Origin::start(script).await, ""),
        (Origin::start_h2(script).await, "protocol: h2"),
    ]
}

async fn start(origin: &Origin, keys: &str) -> Gateway {
    let upstream = format!(
        "endpoints: [\"{}\"]\ntimeouts: {{ first-byte: 1s, idle: 5s }}\n{keys}",
        origin.address()
    );
    let policy = Policy::new()
        .listener("public", "protocols: [h1, h2]")
        .upstream("origin", &upstream)
        .route(&format!(
            "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {MASK}\n  - {JSON}"
        ));
    Gateway::start(&policy).await
}

#[tokio::test]
async fn what_a_filter_makes_of_an_answer_arrives_on_every_way() {
    let sent = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
    for (origin, keys) in origins().await {
        let gateway = start(&origin, keys).await;
        let at = gateway.address();
        for (body, bytes) in [("", 0), (&*sent, sent.len())] {
            let masked = format!("{{\"name\":\"***\",\"bytes\":{bytes}}}");
            let method = if body.is_empty() { "GET" } else { "POST" };
            let kind = "Content-Type: application/json";
            for carrier in CARRIERS {
                let mut client = Client::connect(at).await;
                // The connection goes on.
                for _ in 0..2 {
                    let lines = [&[kind], carrier].concat();
                    let answer = client.exchange(request(method, "/", &lines, body)).await;
                    assert_eq!(
                        (answer.status, answer.text()),
                        (200, masked.clone()),
                        "{keys} {carrier:?}"
                    );
                    assert_eq!(answer.field("content-length"), Some(&*masked.len().to_string()));
                }
            }
            let old = format!(
                "{method} / HTTP/1.0\r\nHost: api.test\r\n{kind}\r\nContent-Length: {bytes}\r\n\r\n{body}"
            );
            assert_eq!(exchange(at, old).await.text(), masked, "{keys}");
            let mut h2 = H2Client::connect(at).await;
            let fields = [("content-type", "application/json")];
            let answer = if body.is_empty() {
                h2.get("/", &[]).await
            } else {
                h2.post("/", &fields, body.as_bytes()).await
            };
            assert_eq!((answer.status, answer.text()), (200, masked), "{keys}");
        }
        let head = Client::connect(at)
            .await
            .exchange(request("HEAD", "/", &[], ""))
            .await;
        assert_eq!((head.status, head.field("content-length")), (200, None));
        let none = exchange(at, request("GET", "/none", &[], "")).await;
        assert_eq!((none.status, none.body.len()), (204, 0));
    }
}

#[tokio::test]
async fn what_goes_wrong_behind_the_gateway_is_told() {
    for (origin, keys) in origins().await {
        let gateway = start(&origin, keys).await;
        let broken = if keys.is_empty() {
            "upstream.reset"
        } else {
            "upstream.protocol"
        };
        let cases = [
            ("/late", 504, "upstream.timeout"),
            ("/broken", 502, broken),
            ("/long", 502, "mask.too-long"),
        ];
        for carrier in CARRIERS {
            for (target, status, reason) in cases {
                let answer = exchange(gateway.address(), request("GET", target, carrier, "")).await;
                assert_eq!(
                    (answer.status, answer.reason()),
                    (status, reason.to_owned()),
                    "{keys} {target} {carrier:?}"
                );
            }
            if keys.is_empty() {
                let answer = exchange(gateway.address(), request("GET", "/switch", carrier, "")).await;
                assert_eq!(
                    (answer.status, answer.reason()),
                    (502, "upstream.switch".to_owned()),
                    "{carrier:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn statuses_of_grpc_pass() {
    let origin = Origin::start_h2(script).await;
    let gateway = start(&origin, "protocol: h2").await;
    let mut client = H2Client::connect(gateway.address()).await;
    let fields = [("content-type", "application/grpc"), ("te", "trailers")];
    let alone = client.post("/status", &fields, b"\0\0\0\0\0").await;
    assert_eq!(
        (alone.status, alone.field("grpc-status"), alone.body.len()),
        (200, Some("12"), 0)
    );
    let behind = client.post("/trailers", &fields, b"\0\0\0\0\0").await;
    assert_eq!(
        (behind.text(), behind.trailers.get("grpc-status")),
        ("x".to_owned(), Some("0"))
    );
}

#[tokio::test]
async fn each_step_bounds_the_bodies_that_it_has_to_do_with() {
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin).route(
        "name: all\nmatch: { path: /** }\npublic: true\nto: origin\nfilters:\n\
         \x20 - json: { body-at-most: 100KiB, string: 1MiB }\n\
         \x20   when: { methods: [PUT, PATCH] }\n\
         \x20 - json: { body-at-most: 1KiB, string: 1MiB }\n\
         \x20   id: short\n\
         \x20   when: { methods: [PATCH] }",
    );
    let gateway = Gateway::start(&policy).await;
    let text = |length: usize| format!("{{\"text\":\"{}\"}}", "x".repeat(length));
    let cases = [
        ("POST", 200_000, 200),
        ("PUT", 90_000, 200),
        ("PUT", 200_000, 413),
        ("PATCH", 900, 200),
        ("PATCH", 2_000, 413),
    ];
    for carrier in CARRIERS {
        for (method, length, status) in cases {
            let lines = [&["Content-Type: application/json"], carrier].concat();
            let answer = exchange(gateway.address(), request(method, "/", &lines, &text(length))).await;
            assert_eq!(answer.status, status, "{method} {length} {carrier:?}");
        }
    }
}
