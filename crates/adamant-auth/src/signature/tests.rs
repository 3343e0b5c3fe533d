//! The whole filter: requests that pass, requests that were forged, and files that do not load.
//!
//! What is signed is written out by hand here, so that the filter's own idea of it is put to the test.

mod attacks;
mod bodies;
mod configuration;
mod vectors;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

const P256_KEY: &str = include_str!("../../tests/fixtures/p256.key.pem");
const P256_PUBLIC: &str = include_str!("../../tests/fixtures/p256.pub.pem");
const P384_KEY: &str = include_str!("../../tests/fixtures/p384.key.pem");
const P384_PUBLIC: &str = include_str!("../../tests/fixtures/p384.pub.pem");
const ED25519_KEY: &str = include_str!("../../tests/fixtures/ed25519.key.pem");
const ED25519_PUBLIC: &str = include_str!("../../tests/fixtures/ed25519.pub.pem");
const RSA_KEY: &str = include_str!("../../tests/fixtures/rsa2048.key.pem");
const RSA_PUBLIC: &str = include_str!("../../tests/fixtures/rsa2048.pub.pem");

/// A shared secret of 32 bytes.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Seconds of the wall clock in these tests: 2026-11-24T00:00:00Z.
const NOW: u64 = 1_795_478_400;

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(text).unwrap()
}

/// The signature of the private half of the key `id` over a text.
fn sign(id: &str, base: &str) -> Vec<u8> {
    let base = base.as_bytes();
    let random = SystemRandom::new();
    let curve = |algorithm: &'static EcdsaSigningAlgorithm, pem| {
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &der(pem)).unwrap();
        key.sign(&random, base).unwrap().as_ref().to_vec()
    };
    let rsa = |encoding: &'static dyn RsaEncoding| {
        let key = RsaKeyPair::from_pkcs8(&der(RSA_KEY)).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(encoding, &random, base, &mut signature).unwrap();
        signature
    };
    match id {
        "ed" => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(ED25519_KEY))
            .unwrap()
            .sign(base)
            .as_ref()
            .to_vec(),
        "p256" => curve(&ECDSA_P256_SHA256_FIXED_SIGNING, P256_KEY),
        "p384" => curve(&ECDSA_P384_SHA384_FIXED_SIGNING, P384_KEY),
        "pss" => rsa(&RSA_PSS_SHA512),
        "rsa" => rsa(&RSA_PKCS1_SHA256),
        _ => {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET);
            aws_lc_rs::hmac::sign(&key, base).as_ref().to_vec()
        }
    }
}

fn key_file() -> Value {
    json!({"keys": [
        {"id": "ed", "consumer": "acme", "algorithm": "ed25519", "pem": ED25519_PUBLIC, "scopes": ["orders:read"]},
        {"id": "p256", "consumer": "acme", "algorithm": "ecdsa-p256-sha256", "pem": P256_PUBLIC},
        {"id": "p384", "consumer": "acme", "algorithm": "ecdsa-p384-sha384", "pem": P384_PUBLIC},
        {"id": "pss", "consumer": "acme", "algorithm": "rsa-pss-sha512", "pem": RSA_PUBLIC},
        {"id": "rsa", "consumer": "acme", "algorithm": "rsa-v1_5-sha256", "pem": RSA_PUBLIC},
        {"id": "mac", "consumer": "beta", "algorithm": "hmac-sha256", "secret": {"env": "MAC"}},
    ]})
}

fn config() -> Value {
    json!({"keys": {"file": "signers.yaml"}, "replay": "allow"})
}

fn with(mut value: Value, member: &str, to: impl Into<Value>) -> Value {
    value[member] = to.into();
    value
}

fn host() -> TrialHost {
    TrialHost::new()
        .with_file("signers.yaml", key_file().to_string())
        .with_secret(SecretRef::Env("MAC".to_owned()), SECRET)
}

fn trial(config: &Value) -> Trial {
    Trial::with_host::<Signature>(config, &mut host())
}

/// A request at [`NOW`].
fn request(method: Method, target: &str) -> Request {
    Request::build(method, target)
        .unwrap()
        .at(Tick(0), Wall(NOW * 1000))
        .with_header("host", "api.test")
}

/// What a request to `/orders?page=2` of `api.test` signs when nothing else is said.
const ORDERS: &[(&str, &str)] = &[
    ("\"@method\"", "GET"),
    ("\"@authority\"", "api.test"),
    ("\"@path\"", "/orders"),
    ("\"@query\"", "?page=2"),
];

fn orders() -> Request {
    request(Method::GET, "/orders?page=2")
}

/// The value of `Signature-Input` without its label, and the signature by the key `id`.
fn written(id: &str, components: &[(&str, &str)], parameters: &str) -> (String, String) {
    let names: Vec<&str> = components.iter().map(|(name, _)| *name).collect();
    let input = format!("({}){parameters}", names.join(" "));
    let lines: String = components
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let signature = sign(id, &format!("{lines}\"@signature-params\": {input}"));
    (input, format!(":{}:", STANDARD.encode(signature)))
}

fn fresh(id: &str) -> String {
    format!(";created={NOW};keyid=\"{id}\"")
}

/// A request signed by the key `id` with these components and parameters.
fn signed_by(id: &str, request: Request, components: &[(&str, &str)], parameters: &str) -> Request {
    let (input, signature) = written(id, components, parameters);
    request
        .with_header("signature-input", &format!("sig={input}"))
        .with_header("signature", &format!("sig={signature}"))
}

/// A request signed by Ed25519.
fn signed(request: Request, components: &[(&str, &str)], parameters: &str) -> Request {
    signed_by("ed", request, components, parameters)
}

/// What became of a request: `pass`, `fault` with its code, or the code of the refusal.
fn outcome(trial: &Trial, request: Request) -> String {
    told(&trial.request(request).verdict)
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Deny(denial) => denial.reason.code().to_owned(),
        Verdict::Fault(fault) => format!("fault {}", fault.reason.code()),
        Verdict::Reply(_) => "reply".to_owned(),
    }
}

#[test]
fn every_algorithm_proves_the_consumer_of_its_key() {
    let trial = trial(&config());
    let all = [
        ("ed", "ed25519"),
        ("p256", "ecdsa-p256-sha256"),
        ("p384", "ecdsa-p384-sha384"),
        ("pss", "rsa-pss-sha512"),
        ("rsa", "rsa-v1_5-sha256"),
        ("mac", "hmac-sha256"),
    ];
    for (id, algorithm) in all {
        for named in all.map(|(_, named)| named) {
            let parameters = format!("{};alg=\"{named}\"", fresh(id));
            let expected = if named == algorithm {
                "pass"
            } else {
                "algorithm-refused"
            };
            let request = signed_by(id, orders(), ORDERS, &parameters);
            assert_eq!(outcome(&trial, request), expected, "{id} as {named}");
        }
        let request = signed_by(id, orders(), ORDERS, &fresh(id));
        assert_eq!(outcome(&trial, request), "pass", "{id} unnamed");
        for other in all.map(|(other, _)| other) {
            if other != id {
                let (input, _) = written(id, ORDERS, &fresh(id));
                let (_, signature) = written(other, ORDERS, &fresh(id));
                let request = orders()
                    .with_header("signature-input", &format!("sig={input}"))
                    .with_header("signature", &format!("sig={signature}"));
                assert_eq!(outcome(&trial, request), "signature", "{other} as {id}");
            }
        }
    }
}

#[test]
fn the_identity_is_that_of_the_key_and_the_signature_goes_no_further() {
    for forward in [false, true] {
        let trial = trial(&with(config(), "forward", forward));
        let mut request = trial.prepare(signed(orders(), ORDERS, &fresh("ed")));
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        // A trial lays the identity out first.
        let identity: &Identity = request.slot(0).unwrap();
        assert_eq!((identity.method(), identity.consumer()), (NAME, "acme"));
        assert!(identity.has_scope("orders:read"));
        assert_eq!(identity.claim("key-id"), Some(&Value::from("ed")));
        for name in [&input::SIGNATURE, &input::SIGNATURE_INPUT] {
            assert_eq!(request.header(name).is_some(), forward, "{name}");
        }
    }
}

#[test]
fn a_signature_counts_once() {
    let trial = trial(&with(config(), "replay", "refuse"));
    let good = || signed(orders(), ORDERS, &fresh("ed"));
    assert_eq!(outcome(&trial, good()), "pass");
    assert_eq!(outcome(&trial, good()), "replayed");
    // Curves give another signature each time, over the same request.
    let curve = || signed_by("p256", orders(), ORDERS, &fresh("p256"));
    assert_eq!(outcome(&trial, curve()), "pass");
    assert_eq!(outcome(&trial, curve()), "replayed");
    // One nonce, two requests.
    let nonce = format!("{};nonce=\"n1\"", fresh("ed"));
    let other = [
        ("\"@method\"", "GET"),
        ("\"@authority\"", "api.test"),
        ("\"@path\"", "/"),
        ("\"@query\"", "?"),
    ];
    assert_eq!(outcome(&trial, signed(orders(), ORDERS, &nonce)), "pass");
    assert_eq!(
        outcome(&trial, signed(request(Method::GET, "/"), &other, &nonce)),
        "replayed"
    );
    // The same nonce of another key is another one.
    let nonce = format!("{};nonce=\"n1\"", fresh("mac"));
    assert_eq!(
        outcome(&trial, signed_by("mac", orders(), ORDERS, &nonce)),
        "pass"
    );
    // What was refused is not remembered.
    let late = || signed(orders(), ORDERS, &format!(";created={};keyid=\"ed\"", NOW + 60));
    assert_eq!(outcome(&trial, late()), "not-yet-valid");
    let at = late().at(Tick(60_000_000_000), Wall((NOW + 60) * 1000));
    assert_eq!(outcome(&trial, at), "pass");
}

#[test]
fn a_full_memory_is_a_fault() {
    let config = with(with(config(), "replay", "refuse"), "remember", 1);
    let trial = trial(&config);
    assert_eq!(outcome(&trial, signed(orders(), ORDERS, &fresh("ed"))), "pass");
    let other = format!("{};nonce=\"n\"", fresh("ed"));
    assert_eq!(
        outcome(&trial, signed(orders(), ORDERS, &other)),
        "fault replay-full"
    );
    let later = signed(orders(), ORDERS, &format!(";created={};keyid=\"ed\"", NOW + 67));
    let later = later.at(Tick(67_000_000_000), Wall((NOW + 67) * 1000));
    assert_eq!(outcome(&trial, later), "pass");
}

#[test]
fn a_withheld_secret_is_a_fault() {
    let mut host = TrialHost::new().with_file("signers.yaml", key_file().to_string());
    let trial = Trial::with_host::<Signature>(&config(), &mut host);
    let request = signed_by("mac", orders(), ORDERS, &fresh("mac"));
    assert_eq!(outcome(&trial, request), "fault key-withheld");
}

#[test]
fn time_is_checked_on_the_clock_of_the_request() {
    let demanding = with(config(), "require", json!(["expires", "nonce"]));
    let (trial, demanding) = (trial(&config()), trial(&demanding));
    let cases = [
        (format!("created={}", NOW - 60), "pass"),
        (format!("created={}", NOW - 61), "too-old"),
        (format!("created={}", NOW + 5), "pass"),
        (format!("created={}", NOW + 6), "not-yet-valid"),
        ("created=0".to_owned(), "too-old"),
        ("created=999999999999999".to_owned(), "not-yet-valid"),
        ("created=-1".to_owned(), "parameter"),
        ("created=1.5".to_owned(), "parameter"),
        (format!("created=\"{NOW}\""), "parameter"),
        (format!("created=@{NOW}"), "parameter"),
        ("created".to_owned(), "parameter"),
        ("x=1".to_owned(), "created-missing"),
        (format!("created={NOW};expires={}", NOW + 1), "pass"),
        (format!("created={NOW};expires={NOW}"), "expired"),
        (format!("created={NOW};expires=0"), "expired"),
        (format!("created={NOW};expires=\"never\""), "parameter"),
    ];
    for (parameters, expected) in cases {
        let request = signed(orders(), ORDERS, &format!(";{parameters};keyid=\"ed\""));
        assert_eq!(outcome(&trial, request), expected, "{parameters}");
    }
    let cases = [
        (String::new(), "expires-missing"),
        (format!(";expires={}", NOW + 9), "nonce-missing"),
        (format!(";expires={};nonce=\"n\"", NOW + 9), "pass"),
        (format!(";expires={};nonce=n", NOW + 9), "parameter"),
    ];
    for (parameters, expected) in cases {
        let request = signed(orders(), ORDERS, &format!("{}{parameters}", fresh("ed")));
        assert_eq!(outcome(&demanding, request), expected, "{parameters}");
    }
}
