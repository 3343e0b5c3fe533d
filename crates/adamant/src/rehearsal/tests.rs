//! Tests of keys and tokens that are made for a run.

use adamant_auth::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::key::{Kind, SigningKey};

#[test]
fn public_parts_have_the_lengths_of_their_kind() {
    let cases = [
        (Kind::Rsa, "n", 256),
        (Kind::P256, "x", 32),
        (Kind::P384, "y", 48),
        (Kind::Ed25519, "x", 32),
    ];
    for (kind, member, length) in cases {
        let key = SigningKey::generate(kind).unwrap().unwrap();
        let jwk = key.jwk();
        let bytes = URL_SAFE_NO_PAD.decode(jwk[member].as_str().unwrap()).unwrap();
        assert_eq!(bytes.len(), length, "{jwk}");
        assert_eq!(jwk["kid"], kind.name());
        assert!(key.pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    }
}

#[test]
fn a_key_signs_by_the_algorithms_of_its_kind_alone() {
    let rsa = SigningKey::generate(Kind::Rsa).unwrap().unwrap();
    assert_eq!(
        rsa.sign(Algorithm::PS512, b"x")
            .map(|signature| signature.len())
            .ok(),
        Some(256)
    );
    assert!(rsa.sign(Algorithm::ES256, b"x").is_err());
    assert!(SigningKey::generate(Kind::Shared).unwrap().is_none());
}
