//! Signed messages (Standard Webhooks) on both ways through the gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use adamant_tests::client::{CARRIERS, exchange, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::now;
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Client, Gateway, Origin, Policy, Response, covers};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const ONE: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
const TWO: &str = "whsec_YWRhbWFudC10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5YWI=";
const BODY: &str = "{\"type\":\"order.paid\"}";

/// A gateway whose only route takes messages, with these keys of the filter.
async fn taking(origin: &Origin, keys: &str) -> Gateway {
    let route = format!(
        "name: hooks\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - webhook-signature: {{ {keys} }}"
    );
    Setup::new(&Policy::before(origin).route(&route))
        .file("one.secret", ONE)
        .variable("TWO", TWO)
        .start()
        .await
}

fn code(secret: &str, id: &str, sent: u64, body: &str) -> String {
    let secret = STANDARD
        .decode(secret.trim_start_matches("whsec_"))
        .expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let code = hmac::sign(&key, format!("{id}.{sent}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(code))
}

/// The fields of a message: its name, its time and its signatures.
type Fields<'f> = (&'f str, u64, &'f str);

async fn deliver(
    gateway: &Gateway,
    (id, sent, signatures): Fields<'_>,
    more: &[&str],
    body: &str,
) -> Response {
    let lines = [
        format!("webhook-id: {id}"),
        format!("webhook-timestamp: {sent}"),
        format!("webhook-signature: {signatures}"),
    ];
    let lines: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    exchange(gateway.address(), request("POST", "/", &lines, body)).await
}

/// The status of an answer, and the reason of a refusal.
fn told(answer: &Response) -> (u16, String) {
    let reason = if answer.status < 400 {
        String::new()
    } else {
        answer.reason()
    };
    (answer.status, reason)
}

fn refused(status: u16, reason: &str) -> (u16, String) {
    (status, format!("webhook-signature.{reason}"))
}

#[tokio::test]
async fn a_message_reaches_the_upstream_only_as_it_was_signed() {
    covers(&[
        "policies.*[].webhook-signature.secrets[].file",
        "policies.*[].webhook-signature.secrets[].env",
        "policies.*[].webhook-signature.body-at-most",
    ]);
    let origin = Origin::hello().await;
    let keys = "secrets: [{ file: one.secret }, { env: TWO }], replay: allow, body-at-most: 1KiB";
    let gateway = taking(&origin, keys).await;
    for more in CARRIERS {
        origin.forget();
        for secret in [ONE, TWO] {
            let sent = now();
            let signatures = format!("v9,x {}", code(secret, "m", sent, BODY));
            let answer = deliver(&gateway, ("m", sent, &signatures), more, BODY).await;
            assert_eq!(told(&answer), (200, String::new()), "{more:?}");
            assert_eq!(origin.last().body, BODY.as_bytes());
        }
        let sent = now();
        let good = code(ONE, "m", sent, BODY);
        let changed = deliver(&gateway, ("m", sent, &good), more, "{\"type\":\"order.gone\"}").await;
        assert_eq!(told(&changed), refused(401, "signature"), "{more:?}");
        let other = deliver(&gateway, ("n", sent, &good), more, BODY).await;
        assert_eq!(told(&other), refused(401, "signature"), "{more:?}");
        let empty = deliver(&gateway, ("m", sent, &code(ONE, "m", sent, "")), more, "").await;
        assert_eq!(told(&empty), refused(400, "body-missing"), "{more:?}");
        let long = "a".repeat(2000);
        let long = deliver(&gateway, ("m", sent, &code(ONE, "m", sent, &long)), more, &long).await;
        assert_eq!(told(&long), (413, "request.body-exceeded".to_owned()), "{more:?}");
        let bare = exchange(gateway.address(), request("POST", "/", more, BODY)).await;
        assert_eq!(told(&bare), refused(401, "missing"), "{more:?}");
        assert_eq!(origin.count(), 2, "nothing of that left");
    }
}

#[tokio::test]
async fn a_public_key_is_enough() {
    covers(&["policies.*[].webhook-signature.public-keys"]);
    let pair = Ed25519KeyPair::generate().expect("a key can be made");
    let public = STANDARD.encode(pair.public_key());
    let origin = Origin::hello().await;
    let gateway = taking(
        &origin,
        &format!("public-keys: [\"whpk_{public}\"], replay: allow"),
    )
    .await;
    let sent = now();
    let signature = STANDARD.encode(pair.sign(format!("m.{sent}.{BODY}").as_bytes()));
    let answer = deliver(&gateway, ("m", sent, &format!("v1a,{signature}")), &[], BODY).await;
    assert_eq!(told(&answer), (200, String::new()));
    let answer = deliver(&gateway, ("m", sent, &format!("v1,{signature}")), &[], BODY).await;
    assert_eq!(told(&answer), refused(401, "signature"));
}

#[tokio::test]
async fn a_message_is_as_fresh_as_the_file_demands() {
    covers(&["policies.*[].webhook-signature.tolerance"]);
    let origin = Origin::hello().await;
    let usual = taking(&origin, "secrets: [{ file: one.secret }], replay: allow").await;
    let wide = taking(
        &origin,
        "secrets: [{ file: one.secret }], replay: allow, tolerance: 30m",
    )
    .await;
    let cases = [
        (now() - 200, "", ""),
        (now() - 900, "too-old", ""),
        (now() + 900, "not-yet-valid", ""),
        (now() - 4000, "too-old", "too-old"),
    ];
    for (sent, by_usual, by_wide) in cases {
        for (gateway, reason) in [(&usual, by_usual), (&wide, by_wide)] {
            let answer = deliver(gateway, ("m", sent, &code(ONE, "m", sent, BODY)), &[], BODY).await;
            let expected = if reason.is_empty() {
                (200, String::new())
            } else {
                refused(401, reason)
            };
            assert_eq!(told(&answer), expected, "{sent}");
        }
    }
}

#[tokio::test]
async fn a_message_is_delivered_once_where_the_file_says_so() {
    covers(&[
        "policies.*[].webhook-signature.replay",
        "policies.*[].webhook-signature.remember",
    ]);
    let status = Arc::new(AtomicU16::new(500));
    let answers = Arc::clone(&status);
    let origin = Origin::start(move |_| Answer::status(answers.load(Ordering::Relaxed))).await;
    let once = taking(
        &origin,
        "secrets: [{ file: one.secret }], replay: refuse, remember: 2",
    )
    .await;
    let again = taking(&origin, "secrets: [{ file: one.secret }], replay: allow").await;
    let sent = now();
    let signed = |id: &str| code(ONE, id, sent, BODY);
    // As long as the upstream fails, the sender may try again, and at once.
    for _ in 0..2 {
        let count = origin.count();
        assert_eq!(
            deliver(&once, ("m", sent, &signed("m")), &[], BODY).await.status,
            500
        );
        assert_eq!(origin.count(), count + 1);
    }
    status.store(204, Ordering::Relaxed);
    assert_eq!(
        deliver(&once, ("m", sent, &signed("m")), &[], BODY).await.status,
        204
    );
    let answer = deliver(&once, ("m", sent, &signed("m")), &[], BODY).await;
    assert_eq!(told(&answer), refused(409, "duplicate"));
    assert_eq!(
        deliver(&once, ("n", sent, &signed("n")), &[], BODY).await.status,
        204
    );
    let answer = deliver(&once, ("o", sent, &signed("o")), &[], BODY).await;
    assert_eq!(told(&answer), refused(503, "replay-full"));
    for _ in 0..2 {
        assert_eq!(
            deliver(&again, ("m", sent, &signed("m")), &[], BODY).await.status,
            204
        );
    }
}

#[tokio::test]
async fn a_message_under_way_is_not_told_as_delivered() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = Origin::start(move |_| {
        Answer::raw_steps(vec![
            Step::Gate(held.clone()),
            Step::Data("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".into()),
            Step::Close,
        ])
    })
    .await;
    let gateway = taking(&origin, "secrets: [{ file: one.secret }], replay: refuse").await;
    let sent = now();
    let signed = code(ONE, "m", sent, BODY);
    let lines = [
        "webhook-id: m".to_owned(),
        format!("webhook-timestamp: {sent}"),
        format!("webhook-signature: {signed}"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut first = Client::connect(gateway.address()).await;
    first.send(request("POST", "/", &lines, BODY)).await;
    origin.received(1).await;
    let answer = deliver(&gateway, ("m", sent, &signed), &[], BODY).await;
    assert_eq!(told(&answer), refused(409, "under-way"));
    assert_eq!(answer.field("retry-after"), Some("5"));
    gate.open();
    assert_eq!(first.read().await.status, 502);
    assert_eq!(
        deliver(&gateway, ("m", sent, &signed), &[], BODY).await.status,
        502
    );
    assert_eq!(origin.count(), 2);
}

/// What the log tells of the step, oldest first.
async fn decided(gateway: &Gateway, count: usize) -> Vec<String> {
    let lines = gateway.logged(count).await;
    lines.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn in_shadow_no_body_is_held_or_refused() {
    let origin = Origin::hello().await;
    let step = "webhook-signature: { secrets: [{ file: one.secret }], replay: allow, body-at-most: 1KiB }";
    let route = format!(
        "name: hooks\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {step}\n    shadow: true"
    );
    let policy = Policy::before(&origin)
        .route(&route)
        .observe("access-log: { to: stdout, format: json }");
    let gateway = Setup::new(&policy).file("one.secret", ONE).start().await;
    let sent = now();
    let good = |body: &str| code(ONE, "m", sent, body);
    let long = "a".repeat(200_000);
    let middle = "a".repeat(2000);
    let mut count = 0;
    for more in CARRIERS {
        let cases = [
            (BODY, good(BODY), None),
            (BODY, good("other"), Some("webhook-signature.signature")),
            (&*middle, good(&middle), Some("webhook-signature.body-in-pieces")),
            (&*long, good(&long), Some("webhook-signature.body-in-pieces")),
            ("", good(""), Some("webhook-signature.body-missing")),
        ];
        for (body, signature, expected) in cases {
            let answer = deliver(&gateway, ("m", sent, &signature), more, body).await;
            assert_eq!(told(&answer), (200, String::new()), "{more:?} {expected:?}");
            assert_eq!(origin.last().body_length, body.len() as u64);
            count += 1;
            let lines = decided(&gateway, count).await;
            let line = lines.last().expect("a line");
            let would: Vec<&str> = ["signature", "body-in-pieces", "body-missing"]
                .into_iter()
                .filter(|code| line.contains(&format!("webhook-signature.{code}")))
                .collect();
            let expected: Vec<&str> = expected
                .iter()
                .filter_map(|code| code.split('.').nth(1))
                .collect();
            assert_eq!(would, expected, "{more:?} {line}");
        }
    }
    let body = format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len());
    let text = format!(
        "POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\nwebhook-id: m\r\nwebhook-timestamp: {sent}\r\nwebhook-signature: {}\r\n\r\n{body}",
        good(BODY)
    );
    assert_eq!(exchange(gateway.address(), text).await.status, 200);
    let lines = decided(&gateway, count + 1).await;
    assert!(!lines[count].contains("webhook-signature."), "{}", lines[count]);
}

#[tokio::test]
async fn a_step_in_shadow_takes_no_delivery_from_another() {
    let origin = Origin::hello().await;
    let step = "webhook-signature: { secrets: [{ file: one.secret }], replay: refuse }";
    let route = format!(
        "name: hooks\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {step}\n  - {step}\n    id: next\n    shadow: true"
    );
    let gateway = Setup::new(&Policy::before(&origin).route(&route))
        .file("one.secret", ONE)
        .start()
        .await;
    for (number, more) in CARRIERS.into_iter().enumerate() {
        let (id, sent) = (format!("m{number}"), now());
        let signature = code(ONE, &id, sent, BODY);
        let first = deliver(&gateway, (&id, sent, &signature), more, BODY).await;
        assert_eq!(told(&first), (200, String::new()), "{more:?}");
        let again = deliver(&gateway, (&id, sent, &signature), more, BODY).await;
        assert_eq!(told(&again), refused(409, "duplicate"), "{more:?}");
    }
}
