//! The vector of the specification, forged messages, and files that do not load.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use pingora_http::ResponseHeader;

use super::*;

const SECRET: &str = "whsec_YWRhbWFudC10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5YWI=";
const OTHER: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
const SENT: u64 = 1_795_464_000;
const BODY: &str = r#"{"type":"anomaly.firing","timestamp":"2026-11-23T20:00:00Z","data":{"alertname":"AuthFailureBurst","route":"login"}}"#;
const SIGNED: &str = "v1,RWhy4BY41V3VQJzj3omrhbEI9aaa+eildDZxWrPz/LI=";

fn secret_of(name: &str) -> SecretRef {
    SecretRef::Env(name.to_owned())
}

fn host() -> TrialHost {
    TrialHost::new()
        .with_secret(secret_of("ONE"), SECRET.as_bytes())
        .with_secret(secret_of("TWO"), OTHER.as_bytes())
        .with_secret(secret_of("SHORT"), b"whsec_YWJj")
        .with_secret(secret_of("BROKEN"), b"whsec_?")
}

fn config() -> Value {
    json!({"secrets": [{"env": "ONE"}], "replay": "refuse"})
}

fn with(mut value: Value, member: &str, to: impl Into<Value>) -> Value {
    value[member] = to.into();
    value
}

fn trial(config: &Value) -> Trial {
    Trial::with_host::<WebhookSignature>(config, &mut host())
}

fn message(id: &str, timestamp: &str, signatures: &str) -> Request {
    Request::build(Method::POST, "/hooks")
        .unwrap()
        .at(Tick(0), Wall(SENT * 1000))
        .with_header("webhook-id", id)
        .with_header("webhook-timestamp", timestamp)
        .with_header("webhook-signature", signatures)
}

fn vector() -> Request {
    message("msg_01HZX0", "1795464000", SIGNED)
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Deny(denial) => denial.reason.code().to_owned(),
        Verdict::Fault(fault) => format!("fault {}", fault.reason.code()),
        Verdict::Reply(_) => "reply".to_owned(),
    }
}

/// What becomes of a message with this body, whose answer has this status.
fn outcome(trial: &Trial, request: Request, body: &str, status: u16) -> String {
    let mut request = trial.prepare(request);
    let first = told(&trial.ask(&mut request));
    if first != "pass" {
        return first;
    }
    let mut chunk = Chunk::new(body.as_bytes().to_vec().into(), true);
    let second = told(&trial.body(&mut request, &mut chunk));
    if second == "pass" {
        let mut head = ResponseHeader::build(status.max(200), None).unwrap();
        if status != 0 {
            let _ = trial.response(&request, &mut head, false);
        }
        trial.finish(&Finished {
            request: &request,
            status,
            reason: None,
            duration: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
        });
    }
    second
}

fn code(id: &str, timestamp: &str, secret: &str, body: &str) -> String {
    let secret = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let code = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(code))
}

#[test]
fn the_vector_of_the_specification_passes_once() {
    let trial = trial(&config());
    assert_eq!(outcome(&trial, vector(), BODY, 200), "pass");
    assert_eq!(outcome(&trial, vector(), BODY, 200), "duplicate");
    // The same message, sent again later with a new signature.
    let again = message(
        "msg_01HZX0",
        "1795464100",
        &code("msg_01HZX0", "1795464100", SECRET, BODY),
    );
    assert_eq!(outcome(&trial, again, BODY, 200), "duplicate");
}

#[test]
fn a_message_that_the_upstream_did_not_take_may_come_again() {
    let trial = trial(&config());
    for status in [500, 503, 404, 0] {
        assert_eq!(outcome(&trial, vector(), BODY, status), "pass", "{status}");
    }
    assert_eq!(outcome(&trial, vector(), BODY, 204), "pass");
    assert_eq!(outcome(&trial, vector(), BODY, 204), "duplicate");
    let allowing = self::trial(&with(config(), "replay", "allow"));
    for _ in 0..2 {
        assert_eq!(outcome(&allowing, vector(), BODY, 200), "pass");
    }
    let small = self::trial(&with(config(), "remember", 1));
    assert_eq!(outcome(&small, vector(), BODY, 200), "pass");
    let other = message("msg_2", "1795464000", &code("msg_2", "1795464000", SECRET, BODY));
    assert_eq!(outcome(&small, other, BODY, 200), "fault replay-full");
}

/// A message that has passed and is on its way to the upstream.
fn sent(trial: &Trial) -> Request {
    let mut request = trial.prepare(vector());
    assert_eq!(told(&trial.ask(&mut request)), "pass");
    let mut chunk = Chunk::new(BODY.into(), true);
    assert_eq!(told(&trial.body(&mut request, &mut chunk)), "pass");
    request
}

fn answered(trial: &Trial, request: &Request, status: u16) {
    let mut head = ResponseHeader::build(status, None).unwrap();
    assert_eq!(told(&trial.response(request, &mut head, false)), "pass");
}

#[test]
fn a_message_under_way_is_neither_delivered_nor_failed() {
    let trial = trial(&config());
    let first = sent(&trial);
    let mut second = trial.prepare(vector());
    assert_eq!(told(&trial.ask(&mut second)), "pass");
    let Verdict::Deny(denial) = trial.body(&mut second, &mut Chunk::new(BODY.into(), true)) else {
        panic!("one try at a time")
    };
    assert_eq!((denial.reason.code(), denial.reason.status()), ("under-way", 409));
    assert_eq!(denial.fields, [(RETRY_AFTER, HeaderValue::from_static("5"))]);
    // The sender may come again as soon as it is told, before the exchange has ended.
    answered(&trial, &first, 502);
    let second = sent(&trial);
    // The first exchange has nothing to say about the second one any more.
    drop(first);
    assert_eq!(outcome(&trial, vector(), BODY, 200), "under-way");
    // An exchange that nobody finishes has failed.
    drop(second);
    let third = sent(&trial);
    answered(&trial, &third, 204);
    assert_eq!(outcome(&trial, vector(), BODY, 200), "duplicate");
    drop(third);
    assert_eq!(outcome(&trial, vector(), BODY, 200), "duplicate");
}

#[test]
fn what_was_changed_is_refused() {
    let trial = trial(&config());
    let by_other = code("m", "1795464000", OTHER, BODY);
    let cases = [
        (vector(), "{}", "signature"),
        (vector(), "", "body-missing"),
        (message("msg_01HZX1", "1795464000", SIGNED), BODY, "signature"),
        (message("msg_01HZX0", "1795464001", SIGNED), BODY, "signature"),
        (message("msg_01HZX0", "01795464000", SIGNED), BODY, "signature"),
        (message("m", "1795464000", &by_other), BODY, "signature"),
        (message("msg_01HZX0", "1795464000", ""), BODY, "signature"),
        (message("msg_01HZX0", "1795464000", "v1,"), BODY, "signature"),
        (message("msg_01HZX0", "1795464000", "v1,?"), BODY, "signature"),
        (
            message("msg_01HZX0", "1795464000", &SIGNED.replace("v1,", "v2,")),
            BODY,
            "signature",
        ),
        (
            message("msg_01HZX0", "1795464000", &SIGNED.replace("v1,", "v1a,")),
            BODY,
            "signature",
        ),
        (
            message("msg_01HZX0", "1795464000", &SIGNED.replace("v1,", "")),
            BODY,
            "signature",
        ),
        (message("", "1795464000", SIGNED), BODY, "malformed"),
        (message("a.b", "1795464000", SIGNED), BODY, "malformed"),
        (message("a b", "1795464000", SIGNED), BODY, "malformed"),
        (message(&"a".repeat(257), "1795464000", SIGNED), BODY, "malformed"),
        (message("msg_01HZX0", "", SIGNED), BODY, "malformed"),
        (message("msg_01HZX0", "-1795464000", SIGNED), BODY, "malformed"),
        (message("msg_01HZX0", "1795464000.0", SIGNED), BODY, "malformed"),
        (message("msg_01HZX0", "9999999999999", SIGNED), BODY, "malformed"),
        (
            message("msg_01HZX0", "1795464000", &format!("{SIGNED} ").repeat(20)),
            BODY,
            "too-many",
        ),
        (vector().with_header("webhook-id", "msg_01HZX0"), BODY, "several"),
        (vector().with_header("webhook-signature", SIGNED), BODY, "several"),
        (Request::build(Method::POST, "/hooks").unwrap(), BODY, "missing"),
    ];
    for (number, (request, body, expected)) in cases.into_iter().enumerate() {
        assert_eq!(outcome(&trial, request, body, 200), expected, "{number}");
    }
    let mut request = trial.prepare(vector());
    assert_eq!(told(&trial.ask(&mut request)), "pass");
    let mut piece = Chunk::new("{".into(), false);
    assert_eq!(told(&trial.body(&mut request, &mut piece)), "body-in-pieces");
    let mut head = Request::build(Method::POST, "/hooks").unwrap();
    let sent = trial.attempt(&request, head.head_mut(), 1, "origin");
    assert_eq!(sent.unwrap_err().reason.code(), "body-missing");
}

#[test]
fn signatures_that_cost_much_are_few() {
    let trial = trial(&with(config(), "replay", "allow"));
    for (count, expected) in [(4, "pass"), (5, "too-many")] {
        let signatures = format!("{SIGNED}{}", " v1a,AAAA".repeat(count));
        let request = message("msg_01HZX0", "1795464000", &signatures);
        assert_eq!(outcome(&trial, request, BODY, 200), expected, "{count}");
    }
}

#[test]
fn time_is_checked_on_the_clock_of_the_request() {
    let trial = trial(&with(config(), "replay", "allow"));
    for (now, expected) in [
        (SENT + 300, "pass"),
        (SENT + 301, "too-old"),
        (SENT - 300, "pass"),
        (SENT - 301, "not-yet-valid"),
    ] {
        let request = vector().at(Tick(0), Wall(now * 1000));
        assert_eq!(outcome(&trial, request, BODY, 200), expected, "{now}");
    }
}

#[test]
fn any_signature_by_any_key_is_enough() {
    let two = trial(&with(
        config(),
        "secrets",
        json!([{"env": "ONE"}, {"env": "TWO"}]),
    ));
    let sign = |id: &str, secret: &str| code(id, "1795464000", secret, BODY);
    for (id, secret) in [("a", SECRET), ("b", OTHER)] {
        let signatures = format!("v1,AAAA v9,x {} v1,?", sign(id, secret));
        assert_eq!(
            outcome(&two, message(id, "1795464000", &signatures), BODY, 200),
            "pass",
            "{id}"
        );
    }
    let pair = Ed25519KeyPair::generate().unwrap();
    let public = format!("whpk_{}", STANDARD.encode(pair.public_key()));
    let asymmetric = trial(&json!({"public-keys": [public], "replay": "refuse"}));
    let signature = pair.sign(format!("c.1795464000.{BODY}").as_bytes());
    let signature = STANDARD.encode(signature);
    let good = message("c", "1795464000", &format!("v1a,{signature}"));
    assert_eq!(outcome(&asymmetric, good, BODY, 200), "pass");
    // A public key is no secret.
    let forged = message("d", "1795464000", &format!("v1,{signature}"));
    assert_eq!(outcome(&asymmetric, forged, BODY, 200), "signature");
    let withheld = Trial::with_host::<WebhookSignature>(&config(), &mut TrialHost::new());
    assert_eq!(outcome(&withheld, vector(), BODY, 200), "fault key-withheld");
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let cases = [
        ("secrets", json!([]), "without a key"),
        ("secrets", json!([{"env": "SHORT"}]), "shorter than 24"),
        ("secrets", json!([{"env": "BROKEN"}]), "not base64"),
        ("public-keys", json!(["whpk_AAAA"]), "not a public key"),
        ("public-keys", json!(["AAAA"]), "not a public key"),
        (
            "public-keys",
            json!(["a", "b", "c", "d", "e", "f", "g", "h"]),
            "too many",
        ),
        ("tolerance", json!("0s"), "tolerance"),
        ("tolerance", json!("2h"), "tolerance"),
        ("body-at-most", json!("17MiB"), "cannot be held"),
        ("remember", json!(0), "without memory"),
        ("replay", json!("maybe"), "replay"),
    ];
    for (key, value, expected) in cases {
        let config = with(config(), key, value.clone());
        let told = match Trial::try_build::<WebhookSignature>(&config, &mut host()) {
            Ok(_) => "loads".to_owned(),
            Err(problems) => format!("{problems:?}"),
        };
        assert!(told.contains(expected), "{key}: {value}: {told}");
        assert!(!told.contains("YWJj"), "{told}");
    }
}
