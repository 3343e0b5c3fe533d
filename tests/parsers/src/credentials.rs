//! What clients bring to prove who they are: tokens, passwords, cookies and signatures. Nothing that is made up proves
//! anything.

use std::sync::LazyLock;

use adamant_auth::{Basic, Jwt, OidcLogin, Signature};
use adamant_filter::SecretRef;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::json;
use adamant_filter::trial::{Trial, TrialHost};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const JWKS: &str = r#"{"keys": [{"kty": "EC", "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const SIGNERS: &str = r#"{"keys": [{"id": "mac", "consumer": "beta", "algorithm": "hmac-sha256",
    "secret": {"env": "S"}}]}"#;
const USERS: &str = r#"{"users": [{"name": "alice", "hash": "$2b$10$abcdefghijklmnopqrstuu7Zz0cGVcGxDmAqPrkJeLWFjT0QKXpmy"}]}"#;

fn world() -> TrialHost {
    TrialHost::new()
        .with_file("jwks.json", JWKS)
        .with_file("signers.yaml", SIGNERS)
        .with_file("users.yaml", USERS)
        .with_secret(SecretRef::Env("S".to_owned()), &[b'7'; 32])
}

static JWT: LazyLock<Trial> = LazyLock::new(|| {
    let config = json!({"keys": {"file": "jwks.json"}, "issuer": "https://id.test/", "audience": "orders",
        "algorithms": ["ES256"], "type": "any", "remember": 10});
    Trial::with_host::<Jwt>(&config, &mut world())
});

static BASIC: LazyLock<Trial> =
    LazyLock::new(|| Trial::with_host::<Basic>(&json!({"users": {"file": "users.yaml"}}), &mut world()));

static LOGIN: LazyLock<Trial> = LazyLock::new(|| {
    let config = json!({"issuer": "https://id.test/",
        "endpoints": {"authorization": "https://id.test/authorize", "token": "https://id.test/token"},
        "client": "app", "secret": {"env": "S"}, "keys": {"file": "jwks.json"}, "algorithms": ["ES256"],
        "origin": "https://app.test", "session": {"secret": {"env": "S"}}});
    Trial::with_host::<OidcLogin>(&config, &mut world())
});

static SIGNATURE: LazyLock<Trial> = LazyLock::new(|| {
    let config = json!({"keys": {"file": "signers.yaml"}, "replay": "allow"});
    Trial::with_host::<Signature>(&config, &mut world())
});

/// Asks with these fields. Nobody passes.
fn refused(trial: &Trial, target: &str, fields: &[(&'static str, &[u8])]) {
    let Ok(mut request) = Request::build(Method::GET, target) else {
        return;
    };
    for (name, value) in fields {
        let Ok(value) = HeaderValue::from_bytes(value) else {
            return;
        };
        request.append_header(HeaderName::from_static(name), value);
    }
    let verdict = trial.request(request).verdict;
    assert!(
        !matches!(verdict, Verdict::Pass),
        "bytes that nobody signed have proved somebody"
    );
}

/// As a whole token, and as each of its parts.
pub(crate) fn jwt(bytes: &[u8]) {
    refused(&JWT, "/", &[("authorization", &[b"Bearer ", bytes].concat())]);
    let part = URL_SAFE_NO_PAD.encode(bytes);
    let good = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#);
    for token in [
        format!("{part}.e30.AA"),
        format!("{good}.{part}.AA"),
        format!("{good}.e30.{part}"),
    ] {
        refused(
            &JWT,
            "/",
            &[("authorization", format!("Bearer {token}").as_bytes())],
        );
    }
}

/// As the whole field. What would be hashed is not: hashing is slow by design, and not a parser.
pub(crate) fn basic(bytes: &[u8]) {
    refused(&BASIC, "/", &[("authorization", bytes)]);
    let pair: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b':').collect();
    refused(
        &BASIC,
        "/",
        &[(
            "authorization",
            format!("Basic {}", STANDARD.encode(pair)).as_bytes(),
        )],
    );
}

/// As the field `Cookie`, and as the cookies of a login.
pub(crate) fn cookie(bytes: &[u8]) {
    let host = ("host", b"app.test".as_slice());
    refused(&LOGIN, "/", &[host, ("cookie", bytes)]);
    for name in ["__Host-adamant-session", "__Host-adamant-login"] {
        let value = [name.as_bytes(), b"=", bytes].concat();
        refused(&LOGIN, "/", &[host, ("cookie", &value)]);
    }
}

/// As `Signature-Input`, as `Signature`, and as both.
pub(crate) fn signature(bytes: &[u8]) {
    const INPUT: &[u8] = b"sig=(\"@method\" \"@path\");created=1;keyid=\"mac\"";
    for (input, signature) in [(bytes, b"sig=:AA==:".as_slice()), (INPUT, bytes), (bytes, bytes)] {
        refused(
            &SIGNATURE,
            "/?a=b",
            &[("signature-input", input), ("signature", signature)],
        );
    }
}
