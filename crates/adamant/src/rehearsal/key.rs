//! One signing key made for the run: what it signs, and its public part as a JWK and as PEM.
//!
//! Knows the algorithms of RFC 7518 and RFC 8037 that Adamant verifies, and nothing of tokens.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use adamant_auth::Algorithm;

/// Which family of keys an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// RS… and PS….
    Rsa,
    /// ES256.
    P256,
    /// ES384.
    P384,
    /// `EdDSA`.
    Ed25519,
    /// HS….
    Shared,
}

impl Kind {
    pub(super) const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 => Self::Rsa,
            Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 => Self::Rsa,
            Algorithm::ES256 => Self::P256,
            Algorithm::ES384 => Self::P384,
            Algorithm::EdDSA => Self::Ed25519,
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => Self::Shared,
        }
    }

    /// The name of the key, `kid`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "run-rsa",
            Self::P256 => "run-p256",
            Self::P384 => "run-p384",
            Self::Ed25519 => "run-ed25519",
            Self::Shared => "run-shared",
        }
    }
}

/// A key pair.
#[derive(Debug)]
pub(super) enum SigningKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a key pair; `None` for shared secrets, which are no pairs.
    pub(super) fn generate(kind: Kind) -> Result<Option<Self>, Unspecified> {
        Ok(Some(match kind {
            Kind::Rsa => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?),
            Kind::P256 => Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            Kind::P384 => Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?),
            Kind::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate()?),
            Kind::Shared => return Ok(None),
        }))
    }

    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Rsa(_) => Kind::Rsa,
            Self::P256(_) => Kind::P256,
            Self::P384(_) => Kind::P384,
            Self::Ed25519(_) => Kind::Ed25519,
        }
    }

    /// The signature over a message.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(encoding(algorithm)?, &random, message, &mut bytes)?;
                Ok(bytes)
            }
            Self::P256(pair) | Self::P384(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public part as a JWK (RFC 7517).
    pub(super) fn jwk(&self) -> Value {
        let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let curve = |name: &str, point: &[u8]| {
            // An uncompressed point is 4, x, y.
            let (x, y) = point
                .get(1..)
                .map(|both| both.split_at(both.len() / 2))
                .unwrap_or_default();
            json!({ "kty": "EC", "crv": name, "x": base64(x), "y": base64(y) })
        };
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let (n, e) = modulus_and_exponent(pair.public_key().as_ref()).unwrap_or_default();
                json!({ "kty": "RSA", "n": base64(n), "e": base64(e) })
            }
            Self::P256(pair) => curve("P-256", pair.public_key().as_ref()),
            Self::P384(pair) => curve("P-384", pair.public_key().as_ref()),
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(pair.public_key().as_ref()) })
            }
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), self.kind().name().into());
            members.insert("use".to_owned(), "sig".into());
        }
        jwk
    }

    /// The public part as PEM.
    pub(super) fn pem(&self) -> String {
        let der = match self {
            Self::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Self::P256(pair) | Self::P384(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Self::Ed25519(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
        };
        let body = der.map(|der| STANDARD.encode(der.as_ref())).unwrap_or_default();
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }
}

fn encoding(algorithm: Algorithm) -> Result<&'static dyn RsaEncoding, Unspecified> {
    Ok(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_SHA512,
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA => return Err(Unspecified),
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return Err(Unspecified),
    })
}

/// The two numbers of an RSAPublicKey (RFC 8017 appendix A.1.1), without leading zeros.
fn modulus_and_exponent(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, _) = element(der)?;
    let (modulus, rest) = element(numbers)?;
    let (exponent, _) = element(rest)?;
    Some((modulus.strip_prefix(&[0]).unwrap_or(modulus), exponent))
}

/// Content of the first element of DER that we made ourselves, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, length) = match *der {
        [_, short @ 0..=0x7f, ..] => (2, usize::from(short)),
        [_, 0x81, length, ..] => (3, usize::from(length)),
        [_, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    der.get(head..)?.split_at_checked(length)
}
