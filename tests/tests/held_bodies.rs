//! Requests that a filter sees whole: of any size within its bound, by every carrier, for every attempt, and within
//! the memory that all of them share.

use adamant_tests::client::{CARRIERS, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::now;
use adamant_tests::policy::{to, to_all};
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Authority, Client, Gateway, H2Client, Origin, Policy, Response, covers, wait};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const KEY: &[u8] = b"01234567890123456789012345678901";

/// Sizes around what the carriers hold by themselves, and far beyond.
const SIZES: [usize; 5] = [1, 60_000, 65_537, 300_000, 3_000_000];

/// A gateway with a route that holds bodies of up to so much, and one beside it that holds none.
async fn holding(origins: Policy, at_most: &str, protocols: &str) -> Gateway {
    setup(origins, at_most, protocols).start().await
}

fn setup(origins: Policy, at_most: &str, listener: &str) -> Setup {
    let policy = origins
        .public(listener)
        .route(&format!(
            "name: held\nmatch: {{ path: /held }}\npublic: true\nto: origin\nbody: {{ at-most: 8MiB }}\nfilters:\n  - webhook-signature: {{ secrets: [{{ file: one.secret }}], replay: allow, body-at-most: {at_most} }}"
        ))
        .route("name: other\nmatch: { path: /other }\npublic: true\nto: origin\nbody: { at-most: 8MiB }");
    Setup::new(&policy).file("one.secret", format!("whsec_{}", STANDARD.encode(KEY)))
}

/// A text in which every place is different from its neighbours.
fn text(size: usize) -> String {
    (0..size).map(|at| char::from(b'a' + (at % 23) as u8)).collect()
}

/// The fields of a message with this body.
fn signed(body: &str) -> [(&'static str, String); 3] {
    let sent = now();
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
    let code = hmac::sign(&key, format!("m.{sent}.{body}").as_bytes());
    [
        ("webhook-id", "m".to_owned()),
        ("webhook-timestamp", sent.to_string()),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(code))),
    ]
}

/// A message as HTTP/1.1 writes it, with these lines beside its own.
fn message(more: &[&str], body: &str) -> String {
    let lines = signed(body).map(|(name, value)| format!("{name}: {value}"));
    let lines: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    request("POST", "/held", &lines, body)
}

/// One message over HTTP/1.1 and one over HTTP/2, to a listener with TLS.
async fn over_tls(body: &str, expected: &Arrived) {
    let (authority, origin) = (Authority::new("ours"), Origin::hello().await);
    let site = authority.site(&["api.test"]);
    let keys = "protocols: [h1, h2]\ntls: { certificate: a.pem, key: { file: a.key } }";
    let gateway = setup(Policy::before(&origin), "4MiB", keys)
        .file("a.pem", site.certificate)
        .file("a.key", site.key)
        .start()
        .await;
    let at = gateway.address();
    let mut client = Client::connect_tls(at, "api.test", authority.client(&["http/1.1"]))
        .await
        .expect("verified");
    assert_eq!(client.exchange(message(&[], body)).await.status, 200);
    assert_eq!(&arrived(&origin), expected);
    let mut client = H2Client::connect_tls(at, "api.test", authority.client(&["h2"]))
        .await
        .expect("verified");
    assert_eq!(deliver_by_h2(&mut client, body).await.status, 200);
    assert_eq!((&arrived(&origin), origin.count()), (expected, 2));
}

async fn deliver_by_h2(client: &mut H2Client, body: &str) -> Response {
    let fields = signed(body);
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    client.post("/held", &fields, body.as_bytes()).await
}

type Arrived = (u64, bool, Option<String>);

/// How long the body was that came last, whether it is the one that was sent as far as the origin keeps it, and the
/// length that its head declared.
fn arrived(origin: &Origin) -> Arrived {
    let seen = origin.last();
    let is_same = seen.body == text(seen.body.len()).as_bytes();
    (
        seen.body_length,
        is_same && seen.complete,
        seen.field("content-length").map(str::to_owned),
    )
}

#[tokio::test]
async fn a_body_of_any_size_is_seen_whole_and_arrives_whole() {
    let origin = Origin::hello().await;
    let gateway = holding(Policy::before(&origin), "4MiB", "protocols: [h1, h2]").await;
    for size in SIZES {
        let body = text(size);
        let expected = (size as u64, true, Some(size.to_string()));
        for carrier in CARRIERS {
            let mut client = Client::connect(gateway.address()).await;
            for _ in 0..2 {
                let answer = client.exchange(message(carrier, &body)).await;
                assert_eq!(answer.status, 200, "{size} {carrier:?}: {}", answer.text());
                assert_eq!(arrived(&origin), expected, "{carrier:?}");
            }
            // Without a declared length, in two chunks.
            let head = message(carrier, &body);
            let (head, _) = head.split_once("Content-Length").expect("a length");
            let (one, two) = body.split_at(size / 2);
            let chunk = |part: &str| match part.len() {
                0 => String::new(),
                length => format!("{length:x}\r\n{part}\r\n"),
            };
            let chunks = [chunk(one), chunk(two), "0\r\n\r\n".to_owned()].concat();
            let answer = client
                .exchange(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}"))
                .await;
            assert_eq!(answer.status, 200, "{size} {carrier:?}: {}", answer.text());
            assert_eq!(arrived(&origin), expected, "{carrier:?}");
        }
        let mut client = H2Client::connect(gateway.address()).await;
        let answer = deliver_by_h2(&mut client, &body).await;
        assert_eq!(answer.status, 200, "{size}: {}", answer.text());
        assert_eq!(arrived(&origin), expected);
    }
    let long = text(5 * 1024 * 1024);
    let refused = deliver_by_h2(&mut H2Client::connect(gateway.address()).await, &long).await;
    assert_eq!(refused.refused(413), "request.body-exceeded");
}

#[tokio::test]
async fn old_clients_and_endpoints_of_http_2_get_the_same() {
    let body = text(300_000);
    let expected = (300_000, true, Some("300000".to_owned()));
    let origin = Origin::hello().await;
    let gateway = holding(Policy::before(&origin), "4MiB", "protocols: [h1, h2]").await;
    let old = message(&[], &body).replacen("HTTP/1.1", "HTTP/1.0", 1);
    let answer = Client::connect(gateway.address()).await.exchange(old).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(arrived(&origin), expected);
    over_tls(&body, &expected).await;
    let origin = Origin::start_h2(|_| Answer::ok("hello")).await;
    let keys = format!("{}\nprotocol: h2", to(&origin));
    let policy = Policy::new().listener("public", "").upstream("origin", &keys);
    let gateway = holding(policy, "4MiB", "protocols: [h1, h2]").await;
    for carrier in CARRIERS {
        let mut client = Client::connect(gateway.address()).await;
        for _ in 0..2 {
            let answer = client.exchange(message(carrier, &body)).await;
            assert_eq!(answer.status, 200, "{carrier:?}: {}", answer.text());
            assert_eq!(arrived(&origin), expected);
        }
    }
    let mut client = H2Client::connect(gateway.address()).await;
    let answer = deliver_by_h2(&mut client, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(arrived(&origin), expected);
}

#[tokio::test]
async fn a_held_body_is_sent_again_with_every_attempt() {
    let sorry = Origin::start(|_| Answer::status(503)).await;
    let good = Origin::hello().await;
    let keys = format!(
        "{}\nbalance: round-robin\nretry: {{ attempts: 2, on: [\"503\"] }}",
        to_all(&[&sorry, &good])
    );
    let policy = Policy::new().listener("public", "").upstream("origin", &keys);
    let gateway = holding(policy, "4MiB", "protocols: [h1, h2]").await;
    for size in SIZES {
        let body = text(size);
        for carrier in CARRIERS {
            for _ in 0..2 {
                let mut client = Client::connect(gateway.address()).await;
                // An answer is waited for once more only where that does no harm.
                let put = message(carrier, &body).replacen("POST", "PUT", 1);
                let answer = client.exchange(put).await;
                assert_eq!(answer.status, 200, "{size} {carrier:?}: {}", answer.text());
                assert_eq!(arrived(&good), (size as u64, true, Some(size.to_string())));
            }
        }
    }
    assert!(sorry.count() > 0, "some went to the other one first");
    assert_eq!(arrived(&sorry).0, arrived(&good).0);
}

#[tokio::test]
async fn bodies_share_their_memory_and_others_need_none_of_it() {
    covers(&["bodies.memory"]);
    let gate = Gate::new();
    let closed = gate.clone();
    let origin = Origin::start(move |seen| match seen.field("x-late") {
        Some(_) => Answer::stream(vec![Step::Gate(closed.clone()), Step::Data("late".into())]),
        None => Answer::ok(""),
    })
    .await;
    let policy = Policy::before(&origin).top("bodies: { memory: 1MiB }");
    let gateway = holding(policy, "1MiB", "protocols: [h1, h2]").await;
    let at = gateway.address();
    let body = text(700_000);
    let mut late = Client::connect(at).await;
    assert!(late.send(message(&["X-Late: yes"], &body)).await);
    // Its body is held until its answer has left.
    origin.received(1).await;
    let refused = deliver_by_h2(&mut H2Client::connect(at).await, &body).await;
    assert_eq!(refused.field("retry-after"), Some("10"));
    assert_eq!(refused.refused(503), "gateway.bodies-full");
    for carrier in CARRIERS {
        let answer = Client::connect(at).await.exchange(message(carrier, &body)).await;
        assert_eq!(answer.refused(503), "gateway.bodies-full", "{carrier:?}");
        let small = Client::connect(at)
            .await
            .exchange(message(carrier, "small"))
            .await;
        assert_eq!(small.status, 200, "what fits is served");
        let other = request("POST", "/other", carrier, &body);
        assert_eq!(Client::connect(at).await.exchange(other).await.status, 200);
        assert_eq!(get(at, "/other", carrier).await.status, 200);
    }
    gate.open();
    assert_eq!(late.read().await.text(), "late");
    wait::polled("the memory is given back", || async {
        let answer = deliver_by_h2(&mut H2Client::connect(at).await, &body).await;
        (answer.status == 200).then_some(())
    })
    .await;
}
