//! An identity provider: keys of every kind, the JWKS with their public halves, and tokens.
//!
//! Its keys are made for one test. It also makes tokens that no honest provider would.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Answer, Origin};

/// A key pair, or a secret, with its name in the JWKS.
#[derive(Debug)]
pub struct Key {
    /// Its `kid`.
    pub id: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its public half as PEM, if it has one.
    pub public_pem: Option<String>,
    jwk: Value,
    signer: Signer,
}

struct Signer(EncodingKey);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

/// An issuer with its keys.
#[derive(Debug)]
pub struct Idp {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Its keys; the first signs unless a test says otherwise.
    pub keys: Vec<Key>,
}

/// Encodes as a part of a token.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The entry of a key file for this API key.
#[must_use]
pub fn api_key_entry(id: &str, key: &str, consumer: &str, more: &str) -> String {
    let hash: String = Sha256::digest(key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let comma = if more.is_empty() { "" } else { ", " };
    format!("  - {{ id: {id}, consumer: {consumer}, hash: \"sha256:{hash}\"{comma}{more} }}\n")
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970")
        .as_secs()
}

impl Idp {
    /// A provider whose keys are for these algorithms.
    #[must_use]
    pub fn new(algorithms: &[Algorithm]) -> Self {
        let key = |(number, &algorithm): (usize, &Algorithm)| Key::new(&format!("key-{number}"), algorithm);
        let keys = algorithms.iter().enumerate().map(key).collect();
        Self {
            issuer: "https://id.test/".to_owned(),
            keys,
        }
    }

    /// The document for the key `keys: { file: … }`.
    #[must_use]
    pub fn jwks(&self) -> String {
        let keys: Vec<&Value> = self.keys.iter().map(|key| &key.jwk).collect();
        json!({ "keys": keys }).to_string()
    }

    /// Claims of an access token (RFC 9068) for the audience `orders`.
    #[must_use]
    pub fn claims(&self, subject: &str, scope: &str) -> Value {
        json!({
            "iss": self.issuer, "sub": subject, "aud": "orders", "client_id": subject, "scope": scope,
            "iat": now(), "exp": now() + 300, "jti": format!("{subject}-{}", now()),
        })
    }

    /// An access token that should be accepted.
    #[must_use]
    pub fn token(&self, subject: &str, scope: &str) -> String {
        self.keys[0].sign(&self.claims(subject, scope))
    }
}

/// The place where an issuer publishes its keys: a real server whose answer a test changes.
#[derive(Debug)]
pub struct Publisher {
    origin: Origin,
    answer: Arc<Mutex<Answer>>,
}

impl Publisher {
    /// One that gives this answer.
    pub async fn start(answer: Answer) -> Self {
        let answer = Arc::new(Mutex::new(answer));
        let given = Arc::clone(&answer);
        let origin = Origin::start(move |_| given.lock().expect("no test panics in here").clone()).await;
        Self { origin, answer }
    }

    /// One that publishes the keys of this provider.
    pub async fn of(idp: &Idp) -> Self {
        Self::start(Answer::ok(idp.jwks())).await
    }

    /// Gives another answer from now on.
    pub fn give(&self, answer: Answer) {
        *self.answer.lock().expect("no test panics in here") = answer;
    }

    /// Publishes the keys of this provider from now on.
    pub fn publish(&self, idp: &Idp) {
        self.give(Answer::ok(idp.jwks()));
    }

    /// Where the keys are.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/jwks.json", self.origin.address())
    }

    /// The server.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Key {
    /// A new key.
    #[must_use]
    pub fn new(id: &str, algorithm: Algorithm) -> Self {
        let name = format!("{algorithm:?}");
        let common = json!({ "kid": id, "alg": name, "use": "sig" });
        let (jwk, signer, public_pem) = match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                let secret = secret();
                (
                    json!({ "kty": "oct", "k": encode(secret) }),
                    EncodingKey::from_secret(&secret),
                    None,
                )
            }
            Algorithm::ES256 => elliptic("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => elliptic("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::EdDSA => edwards(),
            _ => rsa(),
        };
        let mut whole = jwk;
        let more = common.as_object().expect("just made").clone();
        whole.as_object_mut().expect("just made").extend(more);
        Self {
            id: id.to_owned(),
            algorithm,
            public_pem,
            jwk: whole,
            signer: Signer(signer),
        }
    }

    /// Its entry in a JWKS.
    #[must_use]
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// A token of type `at+jwt` with these claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": format!("{:?}", self.algorithm), "kid": self.id, "typ": "at+jwt" });
        self.sign_with(&header, claims)
    }

    /// A token with this header, whatever it claims.
    #[must_use]
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &self.signer.0, self.algorithm);
        format!("{text}.{}", signature.expect("a key signs with its algorithm"))
    }
}

fn secret() -> [u8; 64] {
    let mut bytes = [0; 64];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has randomness");
    bytes
}

type Parts = (Value, EncodingKey, Option<String>);

fn elliptic(curve: &str, algorithm: &'static EcdsaSigningAlgorithm) -> Parts {
    let pair = EcdsaKeyPair::generate(algorithm).expect("a key can be made");
    // An uncompressed point: 4, x, y.
    let point = pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(point.len() / 2);
    let jwk = json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) });
    let private = pair.to_pkcs8v1().expect("a key has a form");
    let public = pair.public_key().as_der().expect("a key has a form");
    (
        jwk,
        EncodingKey::from_ec_der(private.as_ref()),
        Some(pem("PUBLIC KEY", public.as_ref())),
    )
}

fn edwards() -> Parts {
    let pair = Ed25519KeyPair::generate().expect("a key can be made");
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) });
    let private = pair.to_pkcs8().expect("a key has a form");
    let public = pair.public_key().as_der().expect("a key has a form");
    (
        jwk,
        EncodingKey::from_ed_der(private.as_ref()),
        Some(pem("PUBLIC KEY", public.as_ref())),
    )
}

fn rsa() -> Parts {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let (n, e) = (
        n.big_endian_without_leading_zero(),
        e.big_endian_without_leading_zero(),
    );
    let jwk = json!({ "kty": "RSA", "n": encode(n), "e": encode(e) });
    let private = pair.as_der().expect("a key has a form");
    let private = pem("PRIVATE KEY", private.as_ref());
    let public = pair.public_key().as_der().expect("a key has a form");
    let signer = EncodingKey::from_rsa_pem(private.as_bytes()).expect("our own key");
    (jwk, signer, Some(pem("PUBLIC KEY", public.as_ref())))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
