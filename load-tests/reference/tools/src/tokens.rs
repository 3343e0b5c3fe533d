//! Signed tokens, and the keys that verify them as a JSON Web Key Set.
//!
//! It makes test material: its keys guard nothing.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{hmac, rsa};
use serde_json::{Value, json};

/// A key that could not be read or used.
#[derive(Debug)]
pub struct BadKey(pub &'static str);

impl std::fmt::Display for BadKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the {} key cannot be used", self.0)
    }
}

impl std::error::Error for BadKey {}

/// One issuer's key with its algorithm.
#[derive(Debug)]
pub enum Signer {
    /// HMAC with SHA-256.
    Hs256(Box<hmac::Key>, Vec<u8>),
    /// ECDSA on P-256 with SHA-256.
    Es256(Box<EcdsaKeyPair>),
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256(Box<RsaKeyPair>),
}

impl Signer {
    /// From a secret.
    pub fn hs256(secret: &[u8]) -> Self {
        Self::Hs256(
            Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)),
            secret.to_vec(),
        )
    }

    /// From PKCS #8.
    pub fn es256(key: &[u8]) -> Result<Self, BadKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &SystemRandom::new());
        pair.map(|pair| Self::Es256(Box::new(pair)))
            .map_err(|_| BadKey("ES256"))
    }

    /// From PKCS #8.
    pub fn rs256(key: &[u8]) -> Result<Self, BadKey> {
        RsaKeyPair::from_pkcs8(key)
            .map(|pair| Self::Rs256(Box::new(pair)))
            .map_err(|_| BadKey("RS256"))
    }

    /// The algorithm's registered name.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256(..) => "HS256",
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
        }
    }

    /// A token for consumer number `number`, in compact form.
    pub fn token(&self, number: usize) -> Result<String, BadKey> {
        let head = json!({ "alg": self.algorithm(), "typ": "JWT", "kid": "one" });
        let claims = json!({
            "iss": "https://issuer.test",
            "aud": "api",
            "sub": format!("consumer-{number:06}"),
            "iat": 1_795_000_000,
            "nbf": 1_795_000_000,
            "exp": 4_102_444_800_u64,
            "jti": format!("{:016x}", (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            "scope": "items:read items:write",
        });
        let mut token = format!("{}.{}", encoded(head.to_string()), encoded(claims.to_string()));
        let signature = self.sign(token.as_bytes())?;
        // Writing to a string cannot fail.
        let _ = write!(token, ".{}", encoded(signature));
        Ok(token)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BadKey> {
        match self {
            Self::Hs256(key, _) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Es256(pair) => {
                let signature = pair
                    .sign(&SystemRandom::new(), message)
                    .map_err(|_| BadKey("ES256"))?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
                signed.map(|()| signature).map_err(|_| BadKey("RS256"))
            }
        }
    }

    /// The key set that verifies this signer's tokens: RFC 7517.
    pub fn key_set(&self) -> Value {
        let mut key = match self {
            Self::Hs256(_, secret) => json!({ "kty": "oct", "k": encoded(secret) }),
            Self::Es256(pair) => {
                // An uncompressed point: a tag, then the two coordinates.
                let point = pair.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Self::Rs256(pair) => {
                let public = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": encoded(public.n), "e": encoded(public.e) })
            }
        };
        if let Some(fields) = key.as_object_mut() {
            fields.insert("kid".into(), json!("one"));
            fields.insert("use".into(), json!("sig"));
            fields.insert("alg".into(), json!(self.algorithm()));
        }
        json!({ "keys": [key] })
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
