//! One public key in PEM: SubjectPublicKeyInfo (`PUBLIC KEY`, RFC 5280 §4.1.2.7) or `RSA PUBLIC KEY`.
//!
//! Knows the few encodings that verify tokens, and no general ASN.1. Never reads a private key or a
//! certificate, which would pretend to a check that nobody makes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::algorithm::Algorithms;
use super::keys::{Key, Material, Unfit};

/// What is wrong with a PEM file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemError {
    /// No block, or no base64 in it.
    #[error("is not a PEM file with one public key")]
    Malformed,
    /// Private keys and certificates among others.
    #[error("holds a block `{0}`: only `PUBLIC KEY` and `RSA PUBLIC KEY` are read")]
    Label(String),
    /// A key, but none for here.
    #[error("holds a key that cannot be used: {0}")]
    Unfit(#[from] Unfit),
}

const P256: &[u8] = b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384: &[u8] = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// The key of a file.
pub(super) fn key(bytes: &[u8], allowed: Algorithms) -> Result<Key, PemError> {
    let material = material(bytes)?;
    let algorithms = material.algorithms().and(allowed);
    if algorithms.is_empty() {
        return Err(Unfit::Algorithm.into());
    }
    Ok(Key {
        id: None,
        algorithms,
        mark: material.mark(None, algorithms),
        material: Some(material.into_key()?),
    })
}

/// What the key of a file is made of; strong enough to be used.
pub(crate) fn material(bytes: &[u8]) -> Result<Material, PemError> {
    let (label, der) = block(bytes).ok_or(PemError::Malformed)?;
    let material = match label.as_str() {
        "PUBLIC KEY" => info(&der)?,
        "RSA PUBLIC KEY" => rsa(&der).ok_or(PemError::Malformed)?,
        _ => return Err(PemError::Label(label)),
    };
    Ok(material.check()?)
}

/// The only block of a file. Text before it is allowed, a second block is not (RFC 7468 §2).
fn block(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let text = str::from_utf8(bytes).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once(&format!("-----END {label}-----"))?;
    if rest.contains("-----BEGIN ") {
        return None;
    }
    let letters: String = body.split_ascii_whitespace().collect();
    Some((label.to_owned(), STANDARD.decode(letters).ok()?))
}

/// SubjectPublicKeyInfo: an algorithm with its parameters, then the key as a bit string.
fn info(der: &[u8]) -> Result<Material, PemError> {
    let (content, []) = element(der, SEQUENCE).ok_or(PemError::Malformed)? else {
        return Err(PemError::Malformed);
    };
    let (algorithm, bits) = content
        .split_at_checked(whole(content).unwrap_or(0))
        .ok_or(PemError::Malformed)?;
    let (bits, []) = element(bits, BIT_STRING).ok_or(PemError::Malformed)? else {
        return Err(PemError::Malformed);
    };
    let Some([0, key @ ..]) = Some(bits) else {
        return Err(PemError::Malformed);
    };
    let uncompressed = key.first() == Some(&4);
    match algorithm {
        P256 if uncompressed => Ok(Material::P256(key.to_vec())),
        P384 if uncompressed => Ok(Material::P384(key.to_vec())),
        ED25519 => Ok(Material::Ed25519(key.to_vec())),
        RSA => rsa(key).ok_or(PemError::Malformed),
        _ => Err(Unfit::Kind.into()),
    }
}

/// RSAPublicKey of RFC 8017 appendix A.1.1.
fn rsa(der: &[u8]) -> Option<Material> {
    let (numbers, []) = element(der, SEQUENCE)? else {
        return None;
    };
    let (modulus, numbers) = element(numbers, INTEGER)?;
    let (exponent, []) = element(numbers, INTEGER)? else {
        return None;
    };
    let unsigned = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect();
    Some(Material::Rsa(unsigned(modulus), unsigned(exponent)))
}

/// The content of the first element, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (head, length) = header(der)?;
    if der.first() != Some(&tag) {
        return None;
    }
    der.get(head..)?.split_at_checked(length)
}

/// Bytes of the first element with its header.
fn whole(der: &[u8]) -> Option<usize> {
    header(der).map(|(head, length)| head + length)
}

/// Bytes of the first element's header, and of its content; up to 64 KiB.
fn header(der: &[u8]) -> Option<(usize, usize)> {
    match *der {
        [_, short @ 0..=0x7f, ..] => Some((2, short.into())),
        [_, 0x81, length @ 0x80..=0xff, ..] => Some((3, length.into())),
        [_, 0x82, high @ 1..=0xff, low, ..] => Some((4, u16::from_be_bytes([high, low]).into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jwt::algorithm::Algorithm;

    const P256_KEY: &[u8] = include_bytes!("../../tests/fixtures/p256.pub.pem");
    const P384_KEY: &[u8] = include_bytes!("../../tests/fixtures/p384.pub.pem");
    const ED25519_KEY: &[u8] = include_bytes!("../../tests/fixtures/ed25519.pub.pem");
    const RSA_KEY: &[u8] = include_bytes!("../../tests/fixtures/rsa2048.pub.pem");
    const RSA_PKCS1: &[u8] = include_bytes!("../../tests/fixtures/rsa2048.pkcs1.pub.pem");
    const RSA_1024: &[u8] = include_bytes!("../../tests/fixtures/rsa1024.pub.pem");
    const SECP256K1: &[u8] = include_bytes!("../../tests/fixtures/secp256k1.pub.pem");
    const PRIVATE: &[u8] = include_bytes!("../../tests/fixtures/p256.key.pem");

    fn all() -> Algorithms {
        use Algorithm::{ES256, ES384, EdDSA, RS256};
        [RS256, ES256, ES384, EdDSA].into_iter().collect()
    }

    #[test]
    fn a_public_key_permits_what_its_kind_can_do() {
        use Algorithm::{ES256, ES384, EdDSA, PS256, RS256};
        let cases = [
            (P256_KEY, ES256),
            (P384_KEY, ES384),
            (ED25519_KEY, EdDSA),
            (RSA_KEY, RS256),
            (RSA_PKCS1, RS256),
        ];
        for (pem, algorithm) in cases {
            let key = key(pem, all()).unwrap();
            for one in [ES256, ES384, EdDSA, RS256, PS256] {
                assert_eq!(
                    key.algorithms.contains(one),
                    one == algorithm,
                    "{one:?} by {algorithm:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_one_public_key_is_refused() {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let label = |label: &str| PemError::Label(label.to_owned());
        let cases = [
            (String::new(), PemError::Malformed),
            (
                "-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----".to_owned(),
                PemError::Malformed,
            ),
            (
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----".to_owned(),
                PemError::Malformed,
            ),
            (
                text(P256_KEY).replace("END PUBLIC", "END OTHER"),
                PemError::Malformed,
            ),
            (text(P256_KEY) + &text(RSA_KEY), PemError::Malformed),
            (text(P256_KEY) + &text(PRIVATE), PemError::Malformed),
            (text(PRIVATE), label("PRIVATE KEY")),
            (
                text(P256_KEY).replace("PUBLIC KEY", "CERTIFICATE"),
                label("CERTIFICATE"),
            ),
            (text(SECP256K1), PemError::Unfit(Unfit::Kind)),
            (text(RSA_1024), PemError::Unfit(Unfit::Bits(1024))),
        ];
        for (pem, expected) in cases {
            assert_eq!(key(pem.as_bytes(), all()).unwrap_err(), expected, "{pem:.40}");
        }
        let unlisted = key(P256_KEY, Algorithms::only(Algorithm::RS256)).unwrap_err();
        assert_eq!(unlisted, PemError::Unfit(Unfit::Algorithm));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(der in proptest::collection::vec(any::<u8>(), 0..80), cut in 0..300_usize) {
            let _ = info(&der);
            let _ = rsa(&der);
            let (_, der) = block(RSA_KEY).unwrap();
            let _ = info(&der[..cut.min(der.len())]);
        }
    }
}
