//! The keys of one issuer: what each permits, and which one a token means.
//!
//! A key permits what its JWK says, or what its kind can do, cut down to the list in the file. The token
//! only picks among them.

use std::fmt;

use adamant_filter::prelude::*;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey, VerificationAlgorithm,
};
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::DecodingKey;
use sha2::{Digest, Sha256};

use super::algorithm::{Algorithm, Algorithms};
use super::reason::{ALGORITHM_REFUSED, KEY_UNKNOWN, KEY_WITHHELD, SIGNATURE};
use super::source::KeySource;
use super::token::{Header, Token};
use super::{jwks, pem};

/// A key with what it may be used for.
#[derive(Debug)]
pub(super) struct Key {
    /// `kid` of its JWK.
    pub(super) id: Option<Box<str>>,
    /// What it verifies here; never empty.
    pub(super) algorithms: Algorithms,
    /// `None` when the secret is withheld from this command.
    pub(super) material: Option<Prepared>,
    /// Tells keys of a JWK set apart: the same key with the same permissions has the same mark in every set.
    pub(super) mark: Mark,
}

/// The start of a hash over all that a key is.
pub(super) type Mark = [u8; 16];

/// A key as it verifies.
pub(super) enum Prepared {
    /// By the library, which reads a key anew for every signature: that is nothing beside RSA, Ed25519 and HMAC.
    ByLibrary(DecodingKey),
    /// A point of an elliptic curve, read once: reading it costs 1.5 of 50 µs. The library's own backend.
    Point(ParsedPublicKey),
}

impl From<DecodingKey> for Prepared {
    fn from(key: DecodingKey) -> Self {
        Self::ByLibrary(key)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared")
    }
}

impl Prepared {
    fn point(curve: &'static dyn VerificationAlgorithm, point: &[u8]) -> Result<Self, Unfit> {
        ParsedPublicKey::new(curve, point)
            .map(Self::Point)
            .map_err(|_| Unfit::Member("x"))
    }

    /// Whether the signature is this key's.
    pub(super) fn verifies(&self, token: &Token<'_>, algorithm: Algorithm) -> bool {
        match self {
            Self::ByLibrary(key) => {
                let verified = jsonwebtoken::crypto::verify(
                    token.signature,
                    token.message,
                    key,
                    algorithm.verified_as(),
                );
                matches!(verified, Ok(true))
            }
            Self::Point(key) => {
                let mut signature = [0; POINT_SIGNATURE_MAX];
                URL_SAFE_NO_PAD
                    .decode_slice(token.signature, &mut signature)
                    .ok()
                    .and_then(|length| signature.get(..length))
                    .is_some_and(|signature| key.verify_sig(token.message, signature).is_ok())
            }
        }
    }
}

/// Bytes of the longest signature of the curves here: two numbers of P-384.
const POINT_SIGNATURE_MAX: usize = 96 + 2;

/// What a key is made of, read from a JWK or a PEM file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Material {
    /// Modulus and exponent, big-endian.
    Rsa(Vec<u8>, Vec<u8>),
    /// Uncompressed point on P-256.
    P256(Vec<u8>),
    /// Uncompressed point on P-384.
    P384(Vec<u8>),
    /// Public key of Ed25519.
    Ed25519(Vec<u8>),
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// A part is absent or badly written.
    #[error("its member `{0}` is missing or badly written")]
    Member(&'static str),
    /// A kind of key that cannot verify here.
    #[error("its kind is not supported")]
    Kind,
    /// Meant for encryption or for signing.
    #[error("it is not meant for the verification of signatures")]
    Purpose,
    /// It permits nothing that the file lists.
    #[error("it fits none of the listed algorithms")]
    Algorithm,
    /// RSA outside of 2048 to 8192 bits.
    #[error("it has {0} bits, and RSA keys of 2048 to 8192 bits are accepted")]
    Bits(usize),
}

impl Material {
    /// The mark of a key of this material.
    pub(super) fn mark(&self, id: Option<&str>, algorithms: Algorithms) -> Mark {
        let mut hash = Sha256::new();
        // Lengths stand in front, and a name that is absent is no name that is empty.
        let mut part = |bytes: &[u8]| {
            hash.update(bytes.len().to_be_bytes());
            hash.update(bytes);
        };
        part(format!("{algorithms:?}").as_bytes());
        part(if id.is_some() { b"named" } else { b"nameless" });
        part(id.unwrap_or_default().as_bytes());
        match self {
            Self::Rsa(modulus, exponent) => {
                part(modulus);
                part(exponent);
            }
            // Their sizes tell them apart.
            Self::P256(bytes) | Self::P384(bytes) | Self::Ed25519(bytes) => part(bytes),
        }
        hash.finalize().first_chunk().copied().unwrap_or_default()
    }

    /// What such a key can do.
    pub(super) const fn algorithms(&self) -> Algorithms {
        match self {
            Self::Rsa(..) => Algorithms::RSA,
            Self::P256(_) => Algorithms::only(Algorithm::ES256),
            Self::P384(_) => Algorithms::only(Algorithm::ES384),
            Self::Ed25519(_) => Algorithms::only(Algorithm::EdDSA),
        }
    }

    /// Refuses keys that are too weak, or too large to be verified.
    pub(crate) fn check(self) -> Result<Self, Unfit> {
        let (rightly_long, member) = match &self {
            Self::Rsa(modulus, exponent) => {
                let bits =
                    modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
                if !(2048..=8192).contains(&bits) {
                    return Err(Unfit::Bits(bits));
                }
                // An even or tiny exponent is no RSA key at all.
                let odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
                (odd && exponent.len() <= 8 && exponent.as_slice() != [1], "e")
            }
            Self::P256(point) => (point.len() == 65, "x"),
            Self::P384(point) => (point.len() == 97, "x"),
            Self::Ed25519(key) => (key.len() == 32, "x"),
        };
        if rightly_long {
            Ok(self)
        } else {
            Err(Unfit::Member(member))
        }
    }

    /// Refuses a point that is not on its curve.
    pub(super) fn into_key(self) -> Result<Prepared, Unfit> {
        match self {
            Self::Rsa(modulus, exponent) => {
                Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent).into())
            }
            Self::P256(point) => Prepared::point(&ECDSA_P256_SHA256_FIXED, &point),
            Self::P384(point) => Prepared::point(&ECDSA_P384_SHA384_FIXED, &point),
            Self::Ed25519(key) => Ok(DecodingKey::from_ed_der(&key).into()),
        }
    }
}

/// All keys of a step.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Box<[Key]>,
}

impl KeySet {
    /// Reads what the file names; `None` when the keys are to be fetched.
    pub(super) fn load(
        source: &KeySource,
        algorithms: Algorithms,
        boot: &mut Boot<'_>,
    ) -> Result<Option<Self>, Problem> {
        let keys = match source {
            KeySource::Url(_) => return Ok(None),
            KeySource::File(path) => jwks::keys(&boot.file(path)?, algorithms)
                .map_err(|error| Problem::at("keys.file", format!("`{}` {error}", path.display())))?,
            KeySource::Pem(path) => {
                let key = pem::key(&boot.file(path)?, algorithms)
                    .map_err(|error| Problem::at("keys.pem", format!("`{}` {error}", path.display())))?;
                vec![key]
            }
            KeySource::Secret(at) => vec![shared(boot.secret(at)?.reveal(), algorithms, "keys.secret")?],
            KeySource::SecretBase64(at) => {
                let secret = boot.secret(at)?;
                let bytes = secret.reveal().map(from_base64).transpose()?;
                vec![shared(bytes.as_deref(), algorithms, "keys.secret-base64")?]
            }
        };
        Ok(Some(Self { keys: keys.into() }))
    }

    pub(super) fn of(keys: Vec<Key>) -> Self {
        Self { keys: keys.into() }
    }

    /// Whether this very key is among them.
    pub(super) fn has(&self, mark: &Mark) -> bool {
        self.keys.iter().any(|key| key.mark == *mark)
    }

    /// Whether every key of `other` is among them.
    pub(super) fn has_all_of(&self, other: &Self) -> bool {
        other.keys.iter().all(|key| self.has(&key.mark))
    }

    /// Whether a header names one of them.
    pub(super) fn names(&self, header: &Header<'_>) -> bool {
        let named = header.key.as_deref();
        named.is_some_and(|name| self.keys.iter().any(|key| key.id.as_deref() == Some(name)))
    }

    /// The one key that a header means: by `kid` and by what the key permits.
    pub(super) fn select(&self, header: &Header<'_>, algorithm: Algorithm) -> Result<&Key, &'static Reason> {
        let named = header.key.as_deref();
        // A key without a name, such as that of a PEM file, stands in for every name that is not known.
        let named = named.filter(|name| self.keys.iter().any(|key| key.id.as_deref() == Some(name)));
        let meant = |key: &&Key| match (named, &header.key) {
            (Some(name), _) => key.id.as_deref() == Some(name),
            (None, Some(_)) => key.id.is_none(),
            (None, None) => true,
        };
        if !self.keys.iter().any(|key| meant(&key)) {
            return Err(&KEY_UNKNOWN);
        }
        let mut fitting = self
            .keys
            .iter()
            .filter(meant)
            .filter(|key| key.algorithms.contains(algorithm));
        match (fitting.next(), fitting.next()) {
            (None, _) => Err(&ALGORITHM_REFUSED),
            (Some(key), None) => Ok(key),
            // Trying one after the other would let a token choose its key by the cost of it.
            (Some(_), Some(_)) => Err(&KEY_UNKNOWN),
        }
    }
}

impl Key {
    /// Checks the signature over the first two parts.
    pub(super) fn verify(&self, token: &Token<'_>, algorithm: Algorithm) -> Result<(), &'static Reason> {
        let Some(material) = &self.material else {
            return Err(&KEY_WITHHELD);
        };
        if material.verifies(token, algorithm) {
            Ok(())
        } else {
            Err(&SIGNATURE)
        }
    }
}

/// A key that both sides share. Its length is checked when this command may see it.
fn shared(secret: Option<&[u8]>, algorithms: Algorithms, path: &str) -> Result<Key, Problem> {
    let listed = [Algorithm::HS512, Algorithm::HS384, Algorithm::HS256];
    let least = listed
        .into_iter()
        .find(|one| algorithms.contains(*one))
        .map_or(0, Algorithm::secret_min);
    if let Some(secret) = secret.filter(|secret| secret.len() < least) {
        let message = format!(
            "the secret has {} bytes, and these algorithms need {least}",
            secret.len()
        );
        return Err(Problem::at(path, message).with_code("secrets.weak").hidden());
    }
    Ok(Key {
        id: None,
        algorithms,
        material: secret.map(|secret| DecodingKey::from_secret(secret).into()),
        mark: Mark::default(),
    })
}

/// Base64 in any of its spellings: a secret is written by people, not by attackers.
fn from_base64(text: &[u8]) -> Result<Vec<u8>, Problem> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engines =
        [&alphabet::STANDARD, &alphabet::URL_SAFE].map(|letters| GeneralPurpose::new(letters, lenient));
    let decoded = engines
        .iter()
        .find_map(|engine| engine.decode(text.trim_ascii()).ok());
    decoded.ok_or_else(|| {
        Problem::at("keys.secret-base64", "the secret is not base64")
            .with_code("secrets.malformed")
            .hidden()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: Option<&str>, algorithms: &[Algorithm]) -> Key {
        Key {
            id: id.map(Box::from),
            algorithms: algorithms.iter().copied().collect(),
            material: None,
            mark: Mark::default(),
        }
    }

    /// The place of the key that is selected, or the code of the refusal.
    fn select(keys: Vec<Key>, named: Option<&str>, algorithm: Algorithm) -> Result<usize, &'static str> {
        let set = KeySet::of(keys);
        let header = Header {
            key: named.map(Into::into),
            ..Header::default()
        };
        let key = set.select(&header, algorithm).map_err(Reason::code)?;
        Ok(set.keys.iter().position(|one| std::ptr::eq(one, key)).unwrap())
    }

    #[test]
    fn a_key_is_meant_by_its_name_and_by_what_it_permits() {
        use Algorithm::{ES256, PS256, RS256};
        let set = || {
            vec![
                key(Some("a"), &[RS256]),
                key(Some("b"), &[RS256, PS256]),
                key(Some("b"), &[ES256]),
                key(Some("c"), &[PS256]),
            ]
        };
        assert_eq!(select(set(), Some("a"), RS256), Ok(0));
        assert_eq!(select(set(), Some("b"), RS256), Ok(1));
        assert_eq!(select(set(), Some("b"), ES256), Ok(2));
        assert_eq!(select(set(), Some("a"), ES256), Err("algorithm-refused"));
        assert_eq!(select(set(), Some("x"), RS256), Err("key-unknown"));
        assert_eq!(select(set(), Some(""), RS256), Err("key-unknown"));
        assert_eq!(select(set(), None, ES256), Ok(2), "exactly one key fits");
        assert_eq!(select(set(), None, RS256), Err("key-unknown"), "two keys fit");
        assert_eq!(
            select(vec![key(Some("a"), &[RS256])], None, ES256),
            Err("algorithm-refused")
        );
    }

    #[test]
    fn a_key_without_a_name_stands_in_for_unknown_names_only() {
        use Algorithm::{ES256, RS256};
        let set = || vec![key(Some("a"), &[RS256]), key(None, &[RS256, ES256])];
        assert_eq!(select(set(), Some("x"), RS256), Ok(1));
        assert_eq!(select(set(), Some("a"), RS256), Ok(0));
        assert_eq!(select(set(), Some("a"), ES256), Err("algorithm-refused"));
        assert_eq!(select(set(), None, RS256), Err("key-unknown"));
    }

    #[test]
    fn material_must_have_the_size_of_its_kind() {
        let rsa = |bytes: usize, exponent: &[u8]| {
            let mut modulus = vec![0xff; bytes];
            modulus[0] = 0x80;
            Material::Rsa(modulus, exponent.to_vec()).check().map(|_| ())
        };
        assert_eq!(rsa(256, &[1, 0, 1]), Ok(()));
        assert_eq!(rsa(255, &[1, 0, 1]), Err(Unfit::Bits(2040)));
        assert_eq!(rsa(1025, &[1, 0, 1]), Err(Unfit::Bits(8200)));
        assert_eq!(rsa(256, &[1]), Err(Unfit::Member("e")));
        assert_eq!(rsa(256, &[2]), Err(Unfit::Member("e")));
        assert_eq!(rsa(256, &[]), Err(Unfit::Member("e")));
        assert!(Material::P256(vec![4; 64]).check().is_err());
        assert!(Material::P384(vec![4; 65]).check().is_err());
        assert!(Material::Ed25519(vec![4; 33]).check().is_err());
    }

    #[test]
    fn a_shared_secret_is_as_long_as_the_longest_hash() {
        use Algorithm::{HS256, HS512};
        let check = |length: usize, algorithms: &[Algorithm]| {
            let secret = vec![7; length];
            shared(Some(&secret), algorithms.iter().copied().collect(), "keys.secret").is_ok()
        };
        assert!(check(32, &[HS256]) && check(64, &[HS256, HS512]));
        assert!(!check(31, &[HS256]) && !check(32, &[HS256, HS512]));
        assert!(
            shared(None, Algorithms::only(HS512), "keys.secret").is_ok(),
            "withheld"
        );
    }

    #[test]
    fn base64_of_a_secret_may_be_spelled_in_any_way() {
        for text in ["+/+/", "-_-_", "-_-_\n"] {
            assert_eq!(
                from_base64(text.as_bytes()).unwrap(),
                [0xfb, 0xff, 0xbf],
                "{text:?}"
            );
        }
        assert_eq!(from_base64(b"YQ==").unwrap(), from_base64(b"YQ").unwrap());
        assert!(from_base64(b"a b").is_err());
    }
}
