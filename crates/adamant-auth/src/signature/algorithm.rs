//! The signature algorithms of RFC 9421 §3.3, each with the one kind of key that it has.
//!
//! Never chosen by a request: a key has one algorithm. There is none without a key.

use std::fmt;

use adamant_filter::prelude::*;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents, VerificationAlgorithm,
};

use crate::jwt::keys::{Material, Unfit};

/// A signature algorithm of RFC 9421 §3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SigningAlgorithm {
    /// Ed25519.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ecdsa-p384-sha384")]
    EcdsaP384Sha384,
    /// RSA PSS with SHA-512.
    #[serde(rename = "rsa-pss-sha512")]
    RsaPssSha512,
    /// RSA PKCS #1 v1.5 with SHA-256.
    #[serde(rename = "rsa-v1_5-sha256")]
    RsaV15Sha256,
    /// HMAC with SHA-256.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
}

impl SigningAlgorithm {
    /// How the parameter `alg` spells it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::EcdsaP384Sha384 => "ecdsa-p384-sha384",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::RsaV15Sha256 => "rsa-v1_5-sha256",
            Self::HmacSha256 => "hmac-sha256",
        }
    }
}

/// A key as it verifies.
pub(super) enum Verifying {
    /// The public half of a pair.
    Public(ParsedPublicKey),
    /// A secret that is shared with the signer.
    Shared(Box<hmac::Key>),
    /// A shared secret that is withheld from this command.
    Withheld,
}

impl fmt::Debug for Verifying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public(_) => "Public",
            Self::Shared(_) => "Shared",
            Self::Withheld => "Withheld",
        })
    }
}

impl Verifying {
    /// A public key for an algorithm of its kind.
    pub(super) fn public(algorithm: SigningAlgorithm, material: &Material) -> Result<Self, Unfit> {
        use SigningAlgorithm::{EcdsaP256Sha256, EcdsaP384Sha384, RsaPssSha512, RsaV15Sha256};
        match (algorithm, material) {
            (SigningAlgorithm::Ed25519, Material::Ed25519(key)) => parsed(&ED25519, key),
            (EcdsaP256Sha256, Material::P256(point)) => parsed(&ECDSA_P256_SHA256_FIXED, point),
            (EcdsaP384Sha384, Material::P384(point)) => parsed(&ECDSA_P384_SHA384_FIXED, point),
            (RsaPssSha512 | RsaV15Sha256, Material::Rsa(n, e)) => {
                let parameters = if algorithm == RsaPssSha512 {
                    &RSA_PSS_2048_8192_SHA512
                } else {
                    &RSA_PKCS1_2048_8192_SHA256
                };
                let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters);
                key.map(Self::Public).map_err(|_| Unfit::Member("n"))
            }
            (_, Material::Rsa(..) | Material::P256(_) | Material::P384(_) | Material::Ed25519(_)) => {
                Err(Unfit::Algorithm)
            }
        }
    }

    /// A shared secret.
    pub(super) fn shared(secret: &[u8]) -> Self {
        Self::Shared(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Whether a check costs more than all the rest of a request.
    pub(super) const fn is_costly(&self) -> bool {
        matches!(self, Self::Public(_))
    }

    /// Whether the signature is this key's; `None` when that cannot be known here. Takes the same time for
    /// every wrong code of a shared secret.
    pub(super) fn verifies(&self, base: &[u8], signature: &[u8]) -> Option<bool> {
        match self {
            Self::Public(key) => Some(key.verify_sig(base, signature).is_ok()),
            Self::Shared(key) => Some(hmac::verify(key, base, signature).is_ok()),
            Self::Withheld => None,
        }
    }
}

fn parsed(algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> Result<Verifying, Unfit> {
    let key = ParsedPublicKey::new(algorithm, key);
    key.map(Verifying::Public).map_err(|_| Unfit::Member("x"))
}
