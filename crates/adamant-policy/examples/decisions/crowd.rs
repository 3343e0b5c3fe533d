//! Ten thousand callers who come in turn, so that neither a credential nor its entry in a table is still near.
//!
//! Their keys and signatures are made anew each time, so these cases are for times and not for counts.

use adamant_auth::ApiKey;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

/// How many callers there are.
const CALLERS: usize = 10_000;

/// A secret of HS256, as the trial host keeps it.
pub(crate) const SECRET: &[u8] = b"a secret of thirty-two bytes or more";

/// The field in which a caller names itself, where nothing has to be proved.
pub(crate) const CLIENT: &str = "x-client";

/// Who calls, and what proves it.
pub(crate) struct Crowd {
    /// A field for each caller.
    pub(crate) credentials: Vec<(&'static str, String)>,
    /// Files with what proves it.
    pub(crate) files: Vec<(&'static str, String)>,
}

fn claims(caller: usize) -> Value {
    json!({
        "iss": "https://id.test/", "sub": format!("caller-{caller}"), "aud": "orders",
        "client_id": format!("caller-{caller}"), "scope": "orders:read",
        "iat": 1_735_689_600, "exp": 4_102_444_800_u64, "jti": format!("{caller}"),
    })
}

fn bearers(header: &Header, key: &EncodingKey) -> Vec<(&'static str, String)> {
    let token = |caller| jsonwebtoken::encode(header, &claims(caller), key).expect("a key signs");
    (0..CALLERS)
        .map(|caller| ("authorization", format!("Bearer {}", token(caller))))
        .collect()
}

fn header(algorithm: Algorithm) -> Header {
    Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some("key-0".to_owned()),
        ..Header::new(algorithm)
    }
}

/// Tokens of ES256, and the key set that proves them.
pub(crate) fn tokens() -> Crowd {
    let (credentials, x, y) = signed();
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwks = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "key-0", "x": x, "y": y}]});
    Crowd {
        credentials,
        files: vec![("jwks.json", jwks.to_string())],
    }
}

fn signed() -> (Vec<(&'static str, String)>, Vec<u8>, Vec<u8>) {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).expect("a key can be made");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).expect("it was just made");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let key = EncodingKey::from_ec_der(document.as_ref());
    (bearers(&header(Algorithm::ES256), &key), x.to_vec(), y.to_vec())
}

/// Tokens of HS256.
pub(crate) fn shared_secret() -> Crowd {
    Crowd {
        credentials: bearers(&header(Algorithm::HS256), &EncodingKey::from_secret(SECRET)),
        files: Vec::new(),
    }
}

/// API keys.
pub(crate) fn keys() -> Crowd {
    let mut entries = Vec::new();
    let mut credentials = Vec::new();
    for caller in 0..CALLERS {
        let mut random = [7; 37];
        random[..8].copy_from_slice(&caller.to_le_bytes());
        let key = ApiKey::generate(&random);
        entries.push(json!({"id": key.id(), "consumer": format!("caller-{caller}"), "hash": key.hash()}));
        credentials.push(("x-api-key", key.key().to_owned()));
    }
    Crowd {
        credentials,
        files: vec![("keys.json", json!({ "keys": entries }).to_string())],
    }
}

/// Callers who only name themselves.
pub(crate) fn names() -> Crowd {
    Crowd {
        credentials: (0..CALLERS)
            .map(|caller| (CLIENT, format!("caller-{caller}")))
            .collect(),
        files: Vec::new(),
    }
}

/// What the library alone does for each token: it is decoded so many times.
pub(crate) fn decode(rounds: u64) {
    let (credentials, x, y) = signed();
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let key = DecodingKey::from_ec_components(&x, &y).expect("a key");
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&["orders"]);
    rules.set_issuer(&["https://id.test/"]);
    for (_, (_, bearer)) in (0..rounds).zip(credentials.iter().cycle()) {
        let token = bearer.trim_start_matches("Bearer ");
        jsonwebtoken::decode::<Value>(token, &key, &rules).expect("a good token");
    }
}
