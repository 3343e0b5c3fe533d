//! The keys that stand for one key source of the policy: a JWK set, a PEM file or a shared secret.
//!
//! A ring holds as many keys as the algorithms of the steps that read it need, one of a kind.

use std::collections::BTreeSet;

use adamant_auth::Algorithm;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::key::{Kind, SigningKey};

/// Long enough for HS512 (RFC 7518 §3.2).
const SECRET_BYTES: usize = 64;

/// The made keys of one source.
#[derive(Debug)]
pub(super) struct Ring {
    keys: Vec<SigningKey>,
    secret: [u8; SECRET_BYTES],
}

impl Ring {
    /// Makes keys for these algorithms; only the first kind where the source holds one key.
    pub(super) fn generate(algorithms: &BTreeSet<Algorithm>, is_single: bool) -> Result<Self, Unspecified> {
        let kinds: BTreeSet<Kind> = algorithms.iter().copied().map(Kind::of).collect();
        let most = if is_single { 1 } else { kinds.len() };
        let mut keys = Vec::new();
        for kind in kinds.into_iter().take(most) {
            keys.extend(SigningKey::generate(kind)?);
        }
        let mut secret = [0; SECRET_BYTES];
        rand::fill(&mut secret)?;
        Ok(Self { keys, secret })
    }

    /// The key that signs by this algorithm.
    pub(super) fn key_for(&self, algorithm: Algorithm) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.kind() == Kind::of(algorithm))
    }

    /// What a forger who knows only what is published would use as a shared secret.
    pub(super) fn public_bytes(&self) -> Vec<u8> {
        self.keys
            .first()
            .map(SigningKey::pem)
            .unwrap_or_default()
            .into_bytes()
    }

    /// The name of the first key.
    pub(super) fn first_name(&self) -> Option<&'static str> {
        self.keys.first().map(|key| key.kind().name())
    }

    pub(super) fn jwks(&self) -> String {
        json!({ "keys": self.keys.iter().map(SigningKey::jwk).collect::<Vec<_>>() }).to_string()
    }

    pub(super) fn pem(&self) -> String {
        self.keys.first().map(SigningKey::pem).unwrap_or_default()
    }

    pub(super) const fn secret(&self) -> &[u8] {
        &self.secret
    }

    pub(super) fn secret_base64(&self) -> String {
        STANDARD.encode(self.secret)
    }
}

/// The code of a message under a shared secret.
pub(super) fn mac(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    let kind = match algorithm {
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    hmac::sign(&hmac::Key::new(kind, secret), message)
        .as_ref()
        .to_vec()
}
