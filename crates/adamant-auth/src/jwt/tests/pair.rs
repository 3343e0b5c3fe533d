//! A key pair that was made for one test, with its public half as a JWK.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

use super::*;

pub(super) struct Pair {
    pub(super) name: String,
    pub(super) jwk: Value,
    pub(super) signer: EncodingKey,
}

impl Pair {
    /// A pair on P-256 under this name.
    pub(super) fn new(name: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let private = pair.to_pkcs8v1().unwrap();
        Self {
            name: name.to_owned(),
            jwk: json!({"kty": "EC", "crv": "P-256", "kid": name, "x": x, "y": y}),
            signer: EncodingKey::from_ec_der(private.as_ref()),
        }
    }

    /// A token with these claims that names this key.
    pub(super) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.name});
        sign(&header, claims, Algorithm::ES256, &self.signer)
    }

    /// The public half without a name, as it stands in a proof.
    pub(super) fn public(&self) -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": self.jwk["x"], "y": self.jwk["y"]})
    }

    /// The hash of RFC 7638.
    pub(super) fn thumbprint(&self) -> String {
        let (x, y) = (&self.jwk["x"], &self.jwk["y"]);
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":{x},"y":{y}}}"#);
        URL_SAFE_NO_PAD.encode(Sha256::digest(text))
    }
}
