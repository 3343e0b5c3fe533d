//! The whole filter: tokens that pass, tokens that were forged, and files that do not load.

mod configuration;
mod forgery;
mod memory;
mod pair;
mod remote;
mod sender;
mod table;
mod vectors;

use adamant_filter::serde_json::{self, Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;

use super::algorithm::Algorithms;
use super::*;

const P256_KEY: &[u8] = include_bytes!("../../tests/fixtures/p256.key.pem");
const P256_PUBLIC: &[u8] = include_bytes!("../../tests/fixtures/p256.pub.pem");
const P384_KEY: &[u8] = include_bytes!("../../tests/fixtures/p384.key.pem");
const P384_PUBLIC: &[u8] = include_bytes!("../../tests/fixtures/p384.pub.pem");
const ED25519_KEY: &[u8] = include_bytes!("../../tests/fixtures/ed25519.key.pem");
const ED25519_PUBLIC: &[u8] = include_bytes!("../../tests/fixtures/ed25519.pub.pem");
const RSA_KEY: &[u8] = include_bytes!("../../tests/fixtures/rsa2048.key.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../../tests/fixtures/rsa2048.pub.pem");

/// Seconds of the wall clock in these tests: 2026-11-24T00:00:00Z.
const NOW: u64 = 1_795_478_400;

/// The private half of the key that signs with this algorithm.
fn signer(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(P256_KEY),
        Algorithm::ES384 => EncodingKey::from_ec_pem(P384_KEY),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ED25519_KEY),
        _ => EncodingKey::from_rsa_pem(RSA_KEY),
    }
    .unwrap()
}

fn public(algorithm: Algorithm) -> &'static [u8] {
    match algorithm {
        Algorithm::ES256 => P256_PUBLIC,
        Algorithm::ES384 => P384_PUBLIC,
        Algorithm::EdDSA => ED25519_PUBLIC,
        _ => RSA_PUBLIC,
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token over any text in place of header and payload.
fn sign_text(header: &str, payload: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm.verified_as()).unwrap();
    format!("{message}.{signature}")
}

fn sign(header: &Value, payload: &Value, algorithm: Algorithm, key: &EncodingKey) -> String {
    sign_text(&header.to_string(), &payload.to_string(), algorithm, key)
}

fn claims() -> Value {
    json!({"iss": "https://id.example.com/", "aud": "orders", "sub": "acme", "exp": NOW + 300, "scope": "orders:read"})
}

fn config() -> Value {
    json!({
        "keys": {"pem": "key.pem"},
        "issuer": "https://id.example.com/",
        "audience": "orders",
        "algorithms": ["ES256"],
        "type": "any",
    })
}

fn with(mut value: Value, member: &str, to: impl Into<Value>) -> Value {
    value[member] = to.into();
    value
}

fn host() -> TrialHost {
    TrialHost::new().with_file("key.pem", P256_PUBLIC)
}

fn trial() -> Trial {
    Trial::with_host::<Jwt>(&config(), &mut host())
}

fn get(target: &str) -> Request {
    Request::build(Method::GET, target)
        .unwrap()
        .at(Tick(0), Wall(NOW * 1000))
}

fn bearing(token: &str) -> Request {
    get("/").with_header("authorization", &format!("Bearer {token}"))
}

fn good() -> String {
    sign(
        &json!({"alg": "ES256"}),
        &claims(),
        Algorithm::ES256,
        &signer(Algorithm::ES256),
    )
}

fn code(trial: &Trial, token: &str) -> &'static str {
    match trial.request(bearing(token)).verdict {
        Verdict::Pass => "ok",
        Verdict::Deny(denial) => denial.reason.code(),
        Verdict::Fault(fault) => fault.reason.code(),
        Verdict::Reply(_) => "reply",
    }
}

#[test]
fn every_algorithm_proves_an_identity_by_its_key() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    for algorithm in [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA] {
        let name = format!("{algorithm:?}");
        let config = with(config(), "algorithms", json!([name]));
        let mut host = TrialHost::new().with_file("key.pem", public(algorithm));
        let trial = Trial::with_host::<Jwt>(&config, &mut host);
        let token = sign(&json!({"alg": name}), &claims(), algorithm, &signer(algorithm));
        assert_eq!(code(&trial, &token), "ok", "{name}");
        let other = sign(
            &json!({"alg": name}),
            &with(claims(), "sub", "other"),
            algorithm,
            &signer(algorithm),
        );
        let (message, _) = other.rsplit_once('.').unwrap();
        let (_, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(
            code(&trial, &format!("{message}.{signature}")),
            "signature",
            "{name}"
        );
    }
}

#[test]
fn shared_secrets_verify_when_they_are_known_and_fault_when_withheld() {
    let secret = [7; 64];
    let at = SecretRef::Env("KEY".to_owned());
    let algorithms = json!(["HS256", "HS384", "HS512"]);
    let plain = with(
        with(config(), "algorithms", algorithms),
        "keys",
        json!({"secret": {"env": "KEY"}}),
    );
    let encoded = with(plain.clone(), "keys", json!({"secret-base64": {"env": "KEY"}}));
    let text = URL_SAFE_NO_PAD.encode(secret);
    for (config, bytes) in [(&plain, &secret[..]), (&encoded, text.as_bytes())] {
        let trial = Trial::with_host::<Jwt>(config, &mut TrialHost::new().with_secret(at.clone(), bytes));
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = json!({"alg": format!("{algorithm:?}")});
            let token = sign(&header, &claims(), algorithm, &EncodingKey::from_secret(&secret));
            assert_eq!(code(&trial, &token), "ok", "{algorithm:?}");
            let forged = sign(&header, &claims(), algorithm, &EncodingKey::from_secret(&[8; 64]));
            assert_eq!(code(&trial, &forged), "signature", "{algorithm:?}");
        }
    }
    let blind = Trial::with_host::<Jwt>(&plain, &mut TrialHost::new());
    let token = sign(
        &json!({"alg": "HS256"}),
        &claims(),
        Algorithm::HS256,
        &EncodingKey::from_secret(&secret),
    );
    assert!(
        matches!(blind.request(bearing(&token)).verdict, Verdict::Fault(_)),
        "withheld: no decision"
    );
}

#[test]
fn a_proved_token_leaves_an_identity_and_is_taken_away() {
    let trial = trial();
    let mut request = trial.prepare(bearing(&good()).with_header("x-other", "1"));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let identity: &Identity = request.slot(0).unwrap();
    assert_eq!(
        (identity.method(), identity.issuer()),
        ("jwt", "https://id.example.com/")
    );
    assert_eq!(
        (identity.consumer(), identity.has_scope("orders:read")),
        ("acme", true)
    );
    assert_eq!(request.header(&HeaderName::from_static("authorization")), None);
    assert!(request.header(&HeaderName::from_static("x-other")).is_some());
}

#[test]
fn a_token_is_forwarded_only_when_the_file_says_so() {
    let trial = Trial::with_host::<Jwt>(&with(config(), "forward", true), &mut host());
    let mut request = trial.prepare(bearing(&good()));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    assert!(
        request
            .header(&HeaderName::from_static("authorization"))
            .is_some()
    );
}

#[test]
fn a_token_is_taken_from_the_one_place_that_the_file_names() {
    let token = good();
    let cases: [(Value, Request); 4] = [
        (json!({"header": "Authorization"}), bearing(&token)),
        (
            json!({"header": "x-token"}),
            get("/").with_header("x-token", &token),
        ),
        (
            json!({"cookie": "session"}),
            get("/").with_header("cookie", &format!("a=1; session={token}")),
        ),
        (json!({"query": "token"}), get(&format!("/?a=1&token={token}"))),
    ];
    for (place, carrying) in cases {
        let (name, value) = place.as_object().unwrap().iter().next().unwrap();
        let trial = Trial::with_host::<Jwt>(&with(config(), name, value.clone()), &mut host());
        let mut request = trial.prepare(carrying);
        assert!(matches!(trial.ask(&mut request), Verdict::Pass), "{place}");
        assert!(
            !format!("{:?}", request.head()).contains(&token),
            "{place}: taken away"
        );
        if name != "header" || value == "x-token" {
            trial.request(bearing(&token)).denied("jwt.missing");
        }
    }
}

#[test]
fn refusals_tell_clients_what_rfc_6750_foresees_and_no_more() {
    let trial = trial();
    let token = good();
    let twice = bearing(&token).with_header("authorization", &format!("Bearer {token}"));
    let both =
        get(&format!("/?access_token={token}")).with_header("authorization", &format!("Bearer {token}"));
    let cases = [
        (get("/"), "jwt.missing", 401, "Bearer realm=\"api\""),
        (
            get("/").with_header("authorization", "Basic YTpi"),
            "jwt.missing",
            401,
            "Bearer realm=\"api\"",
        ),
        (
            twice,
            "jwt.several",
            400,
            "Bearer realm=\"api\", error=\"invalid_request\"",
        ),
        (
            both,
            "jwt.several",
            400,
            "Bearer realm=\"api\", error=\"invalid_request\"",
        ),
        (
            bearing(""),
            "jwt.unreadable",
            400,
            "Bearer realm=\"api\", error=\"invalid_request\"",
        ),
        (
            bearing("a b"),
            "jwt.unreadable",
            400,
            "Bearer realm=\"api\", error=\"invalid_request\"",
        ),
        (
            bearing("a.b"),
            "jwt.malformed",
            401,
            "Bearer realm=\"api\", error=\"invalid_token\"",
        ),
    ];
    for (request, code, status, challenge) in cases {
        let denial = trial.request(request).denied(code);
        assert_eq!(denial.reason.status(), status, "{code}");
        let [(name, value)] = denial.fields.as_slice() else {
            panic!("{code}: one field")
        };
        assert_eq!(
            (name.as_str(), value.to_str().unwrap()),
            ("www-authenticate", challenge),
            "{code}"
        );
    }
}
