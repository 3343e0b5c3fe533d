//! Claims at the edges of what is accepted, in virtual time.

use adamant_filter::Node;
use adamant_filter::serde_json::json;
use proptest::prelude::*;

use super::*;
use crate::consumer::CONSUMER_MAX;

/// Seconds of the wall clock in these tests: 2026-11-24T00:00:00Z.
const NOW: i64 = 1_795_478_400;

fn config(members: Value) -> JwtConfig {
    let mut config = json!({
        "keys": {"file": "jwks.json"},
        "issuer": "https://id.example.com/",
        "audience": ["orders", "billing"],
        "algorithms": ["ES256"],
        "type": "any",
    });
    for (name, value) in members.as_object().unwrap() {
        config[name] = value.clone();
    }
    adamant_filter::decode(&Node::from_json(&config)).unwrap()
}

fn claims() -> Value {
    json!({"iss": "https://id.example.com/", "aud": "orders", "sub": "acme", "exp": NOW + 300})
}

fn with(mut claims: Value, member: &str, value: impl Into<Value>) -> Value {
    claims[member] = value.into();
    claims
}

fn without(mut claims: Value, member: &str) -> Value {
    claims.as_object_mut().unwrap().remove(member);
    claims
}

fn prove(config: JwtConfig, claims: &Value, declared: Option<&str>) -> Result<Proof, &'static str> {
    let map = claims.as_object().unwrap().clone();
    let now = Wall(u64::try_from(NOW).unwrap() * 1000);
    Claims::new(config, Arc::default())
        .prove(&map, claims.to_string().as_bytes(), declared, now)
        .map_err(Reason::code)
}

fn code(config: JwtConfig, claims: &Value, declared: Option<&str>) -> &'static str {
    prove(config, claims, declared).map_or_else(|code| code, |_| "ok")
}

#[test]
fn each_claim_is_checked_for_what_it_says_and_how() {
    let cases = [
        (claims(), "ok"),
        (without(claims(), "iss"), "issuer"),
        (with(claims(), "iss", "https://id.example.com"), "issuer"),
        (with(claims(), "iss", "HTTPS://id.example.com/"), "issuer"),
        (
            with(claims(), "iss", json!(["https://id.example.com/"])),
            "issuer",
        ),
        (without(claims(), "aud"), "audience"),
        (with(claims(), "aud", "order"), "audience"),
        (with(claims(), "aud", "ORDERS"), "audience"),
        (with(claims(), "aud", json!([])), "audience"),
        (with(claims(), "aud", json!(["x", "billing"])), "ok"),
        (with(claims(), "aud", json!([["orders"]])), "audience"),
        (with(claims(), "aud", json!({"orders": 1})), "audience"),
        (without(claims(), "exp"), "claims"),
        (with(claims(), "exp", (NOW + 300).to_string()), "claims"),
        (with(claims(), "exp", -1), "claims"),
        (with(claims(), "exp", Value::Null), "claims"),
        (with(claims(), "exp", u64::MAX), "ok"),
        (with(claims(), "exp", 1e300), "ok"),
        (with(claims(), "nbf", "soon"), "claims"),
        (with(claims(), "iat", json!([NOW])), "claims"),
        (without(claims(), "sub"), "claims"),
        (with(claims(), "sub", ""), "claims"),
        (with(claims(), "sub", 7), "claims"),
        (with(claims(), "sub", "a\nb"), "claims"),
        (with(claims(), "sub", "x".repeat(CONSUMER_MAX)), "ok"),
        (with(claims(), "sub", "x".repeat(CONSUMER_MAX + 1)), "claims"),
        (with(claims(), "scope", 7), "claims"),
        (with(claims(), "scope", json!(["a", 7])), "claims"),
    ];
    for (claims, expected) in cases {
        assert_eq!(code(config(json!({})), &claims, None), expected, "{claims}");
    }
}

#[test]
fn times_are_exact_to_the_second_and_below() {
    // (claim, seconds from now, expected)
    let cases = [
        ("exp", json!(NOW - 59), "ok"),
        ("exp", json!(NOW - 60), "expired"),
        ("exp", json!(NOW - 61), "expired"),
        ("exp", json!(NOW as f64 - 59.5), "ok"),
        ("exp", json!(NOW as f64 - 59.999), "ok"),
        ("exp", json!(NOW as f64 - 60.001), "expired"),
        ("nbf", json!(NOW + 59), "ok"),
        ("nbf", json!(NOW + 60), "ok"),
        ("nbf", json!(NOW + 61), "not-yet-valid"),
        ("nbf", json!(NOW as f64 + 60.5), "not-yet-valid"),
        ("nbf", json!(0), "ok"),
        ("iat", json!(NOW + 60), "ok"),
        ("iat", json!(NOW + 61), "not-yet-valid"),
        ("iat", json!(u64::MAX), "not-yet-valid"),
    ];
    for (claim, value, expected) in cases {
        let claims = with(claims(), claim, value);
        assert_eq!(code(config(json!({})), &claims, None), expected, "{claims}");
    }
    let strict = || config(json!({"skew": "0s"}));
    assert_eq!(code(strict(), &with(claims(), "exp", NOW), None), "expired");
    assert_eq!(code(strict(), &with(claims(), "exp", NOW + 1), None), "ok");
    assert_eq!(code(strict(), &with(claims(), "nbf", NOW), None), "ok");
    assert_eq!(
        code(strict(), &with(claims(), "nbf", NOW + 1), None),
        "not-yet-valid"
    );
}

#[test]
fn a_lifetime_is_counted_from_the_issue() {
    let short = || config(json!({"lifetime": "10m"}));
    let cases = [
        (with(claims(), "iat", NOW - 300), "ok"),
        (with(claims(), "iat", NOW - 301), "lifetime"),
        (claims(), "claims"),
    ];
    for (claims, expected) in cases {
        assert_eq!(code(short(), &claims, None), expected, "{claims}");
    }
}

#[test]
fn a_type_is_declared_in_the_header_and_brings_its_claims() {
    let access = ["client_id", "jti"]
        .into_iter()
        .fold(claims(), |all, name| with(all, name, "x"));
    let access = with(access, "iat", NOW);
    let cases: [(&str, Option<&str>, &Value, &str); 14] = [
        ("any", None, &claims(), "ok"),
        ("any", Some("id_token"), &claims(), "ok"),
        ("jwt", Some("JWT"), &claims(), "ok"),
        ("jwt", Some("application/jwt"), &claims(), "ok"),
        ("jwt", None, &claims(), "type"),
        ("jwt", Some("at+jwt"), &access, "type"),
        ("at+jwt", Some("at+jwt"), &access, "ok"),
        ("at+jwt", Some("application/AT+JWT"), &access, "ok"),
        ("at+jwt", Some("JWT"), &access, "type"),
        ("at+jwt", None, &access, "type"),
        ("at+jwt", Some("at+jwt"), &claims(), "claims"),
        (
            "at+jwt",
            Some("at+jwt"),
            &without(access.clone(), "jti"),
            "claims",
        ),
        (
            "at+jwt",
            Some("at+jwt"),
            &without(access.clone(), "iat"),
            "claims",
        ),
        (
            "at+jwt",
            Some("at+jwt"),
            &with(access.clone(), "client_id", 7),
            "claims",
        ),
    ];
    for (wanted, declared, claims, expected) in cases {
        assert_eq!(
            code(config(json!({"type": wanted})), claims, declared),
            expected,
            "{wanted} {declared:?}"
        );
    }
}

#[test]
fn consumer_and_scopes_come_from_the_claims_that_the_file_names() {
    let cases: [(Value, Value, &[&str]); 7] = [
        (json!({}), json!({}), &[]),
        (json!({}), json!({"scope": "a  b "}), &["a", "b"]),
        (json!({}), json!({"scope": ["a", "b"]}), &["a", "b"]),
        (json!({}), json!({"scp": ["a"]}), &["a"]),
        (json!({}), json!({"scope": "a", "scp": ["b"]}), &["a"]),
        (
            json!({"scopes": "roles"}),
            json!({"scope": "a", "scp": "b", "roles": ["c"]}),
            &["c"],
        ),
        (json!({"scopes": "roles"}), json!({"scp": "b"}), &[]),
    ];
    for (members, extra, expected) in cases {
        let all = extra
            .as_object()
            .unwrap()
            .iter()
            .fold(claims(), |all, (name, value)| with(all, name, value.clone()));
        let proof = prove(config(members), &all, None).unwrap();
        assert_eq!(proof.identity.scopes().collect::<Vec<_>>(), expected, "{all}");
    }
    let other = config(json!({"consumer": "client_id"}));
    let proof = prove(other, &with(claims(), "client_id", "robot"), None).unwrap();
    assert_eq!(
        (proof.identity.consumer(), proof.identity.issuer()),
        ("robot", "https://id.example.com/")
    );
    assert_eq!(proof.identity.claim("sub"), Some(&json!("acme")));
}

proptest! {
    #[test]
    fn a_proof_is_good_exactly_within_its_window(exp in 0..4_000_000_000_u64, nbf in 0..4_000_000_000_u64, at in 0..4_000_000_000_u64) {
        let claims = with(with(claims(), "exp", exp), "nbf", nbf).as_object().unwrap().clone();
        let all = Claims::new(config(json!({})), Arc::default());
        let good = at * 1000 < (exp + 60) * 1000 && (at + 60) * 1000 >= nbf * 1000;
        prop_assert_eq!(all.prove(&claims, b"{}", None, Wall(at * 1000)).is_ok(), good);
    }
}
