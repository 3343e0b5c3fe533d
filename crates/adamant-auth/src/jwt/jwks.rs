//! A JWK set (RFC 7517) as a policy file: the public keys that an issuer publishes.
//!
//! Keys that are broken, of an unknown kind, or meant for something else are passed over, since such
//! files are copies of what others publish; a set without any usable key is an error that tells why for
//! each. Never reads a private or a shared key: those are secrets, and this file enters the digest.

use adamant_filter::serde_json::{Map, Value};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::{Algorithm, Algorithms};
use super::json;
use super::keys::{Key, Material, Unfit};

/// Most keys of a set: issuers publish two to ten.
const KEYS_MAX: usize = 100;

/// What is wrong with a JWK set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JwksError {
    /// Not JSON, or a repeated name.
    #[error("is not a JSON object without repeated names")]
    Malformed,
    /// Neither a set nor a key.
    #[error("has no list `keys`")]
    NoList,
    /// Too long.
    #[error("lists more than {KEYS_MAX} keys")]
    TooMany,
    /// Something that must not stand in a policy file.
    #[error("contains the secret part of key {0}: publish only its public part")]
    Secret(String),
    /// No token could mean one of them.
    #[error("has two keys that no token can tell apart: {0} and {1}")]
    Ambiguous(String, String),
    /// Nothing to verify with.
    #[error("has no usable key{}", told(.0))]
    Unusable(Vec<(String, Unfit)>),
}

fn told(unfit: &[(String, Unfit)]) -> String {
    let all: Vec<_> = unfit
        .iter()
        .map(|(name, why)| format!("key {name}: {why}"))
        .collect();
    if all.is_empty() {
        String::new()
    } else {
        format!(" ({})", all.join("; "))
    }
}

/// The usable keys of a set, or of a single JWK.
pub(super) fn keys(bytes: &[u8], allowed: Algorithms) -> Result<Vec<Key>, JwksError> {
    let document = json::object(bytes).ok_or(JwksError::Malformed)?;
    let single = document
        .contains_key("kty")
        .then(|| vec![Value::Object(document.clone())]);
    let listed = document.get("keys").and_then(Value::as_array).cloned();
    let listed = single.or(listed).ok_or(JwksError::NoList)?;
    if listed.len() > KEYS_MAX {
        return Err(JwksError::TooMany);
    }
    let mut usable: Vec<Key> = Vec::new();
    let mut unfit = Vec::new();
    for (index, jwk) in listed.iter().enumerate() {
        let empty = Map::new();
        let jwk = jwk.as_object().unwrap_or(&empty);
        let name = name_of(jwk.get("kid").and_then(Value::as_str), index);
        if ["d", "p", "q", "k"]
            .into_iter()
            .any(|member| jwk.contains_key(member))
        {
            return Err(JwksError::Secret(name));
        }
        match read(jwk, allowed) {
            Ok(key) => match usable.iter().position(|other| is_confusable(other, &key)) {
                Some(other) => {
                    let other = usable.get(other).and_then(|key| key.id.as_deref());
                    return Err(JwksError::Ambiguous(name_of(other, index), name));
                }
                None => usable.push(key),
            },
            Err(why) => unfit.push((name, why)),
        }
    }
    if usable.is_empty() {
        Err(JwksError::Unusable(unfit))
    } else {
        Ok(usable)
    }
}

fn name_of(id: Option<&str>, index: usize) -> String {
    id.map_or_else(|| format!("number {}", index + 1), |id| format!("`{id}`"))
}

/// RFC 7517 §4.5 lets keys of different kinds share a name.
fn is_confusable(one: &Key, other: &Key) -> bool {
    one.id == other.id && !one.algorithms.and(other.algorithms).is_empty()
}

/// Reads one JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
fn read(jwk: &Map<String, Value>, allowed: Algorithms) -> Result<Key, Unfit> {
    let material = material(jwk)?.check()?;
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") || !may_verify(jwk)? {
        return Err(Unfit::Purpose);
    }
    let own = match text(jwk, "alg")? {
        None => material.algorithms(),
        Some(name) => {
            let named = Algorithm::named(name).ok_or(Unfit::Algorithm)?;
            material.algorithms().and(Algorithms::only(named))
        }
    };
    let algorithms = own.and(allowed);
    if algorithms.is_empty() {
        return Err(Unfit::Algorithm);
    }
    let id = text(jwk, "kid")?.map(Box::from);
    Ok(Key {
        id,
        algorithms,
        material: Some(material.into_key()?),
    })
}

/// What a public key is made of; not checked yet.
pub(crate) fn material(jwk: &Map<String, Value>) -> Result<Material, Unfit> {
    let curve = text(jwk, "crv")?;
    match (text(jwk, "kty")?, curve) {
        (Some("RSA"), _) => Ok(Material::Rsa(unsigned(jwk, "n")?, unsigned(jwk, "e")?)),
        (Some("EC"), Some("P-256")) => Ok(Material::P256(point(jwk, 32)?)),
        (Some("EC"), Some("P-384")) => Ok(Material::P384(point(jwk, 48)?)),
        (Some("OKP"), Some("Ed25519")) => Ok(Material::Ed25519(bytes(jwk, "x")?)),
        (None, _) => Err(Unfit::Member("kty")),
        (Some(_), _) => Err(Unfit::Kind),
    }
}

fn may_verify(jwk: &Map<String, Value>) -> Result<bool, Unfit> {
    match jwk.get("key_ops") {
        None => Ok(true),
        Some(Value::Array(operations)) => Ok(operations.iter().any(|one| one == "verify")),
        Some(_) => Err(Unfit::Member("key_ops")),
    }
}

fn text<'j>(jwk: &'j Map<String, Value>, member: &'static str) -> Result<Option<&'j str>, Unfit> {
    match jwk.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unfit::Member(member)),
    }
}

fn bytes(jwk: &Map<String, Value>, member: &'static str) -> Result<Vec<u8>, Unfit> {
    let text = text(jwk, member)?.ok_or(Unfit::Member(member))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unfit::Member(member))
}

/// A whole number, most significant byte first, without the zeros that some issuers put in front.
fn unsigned(jwk: &Map<String, Value>, member: &'static str) -> Result<Vec<u8>, Unfit> {
    let bytes = bytes(jwk, member)?;
    Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

/// An uncompressed point; both coordinates have the full length (RFC 7518 §6.2.1.2).
fn point(jwk: &Map<String, Value>, length: usize) -> Result<Vec<u8>, Unfit> {
    let mut point = vec![4];
    for member in ["x", "y"] {
        let coordinate = bytes(jwk, member)?;
        if coordinate.len() != length {
            return Err(Unfit::Member(member));
        }
        point.extend(coordinate);
    }
    Ok(point)
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;

    use super::*;

    fn all() -> Algorithms {
        use Algorithm::{ES256, ES384, EdDSA, PS256, RS256};
        [RS256, PS256, ES256, ES384, EdDSA].into_iter().collect()
    }

    fn read_all(jwks: &Value) -> Result<Vec<Key>, JwksError> {
        keys(jwks.to_string().as_bytes(), all())
    }

    fn rsa() -> Value {
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xc1; 256]), "e": "AQAB"})
    }

    /// The key of RFC 7515, appendix A.3.
    fn p256() -> Value {
        json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    fn with(mut jwk: Value, member: &str, value: impl Into<Value>) -> Value {
        jwk[member] = value.into();
        jwk
    }

    #[test]
    fn a_key_permits_what_it_says_or_what_its_kind_can_do() {
        use Algorithm::{ES256, ES384, PS256, RS256, RS512};
        let cases: [(Value, &[Algorithm], &[Algorithm]); 5] = [
            (rsa(), &[RS256, PS256], &[ES256, RS512]),
            (with(rsa(), "alg", "PS256"), &[PS256], &[RS256]),
            (with(rsa(), "use", "sig"), &[RS256], &[]),
            (with(rsa(), "key_ops", json!(["verify"])), &[RS256], &[]),
            (p256(), &[ES256], &[ES384, RS256]),
        ];
        for (jwk, permitted, refused) in cases {
            let keys = read_all(&json!({ "keys": [jwk] })).unwrap();
            let key = &keys[0];
            assert!(permitted.iter().all(|one| key.algorithms.contains(*one)), "{jwk}");
            assert!(!refused.iter().any(|one| key.algorithms.contains(*one)), "{jwk}");
        }
    }

    #[test]
    fn an_unfit_key_is_passed_over_and_told_when_none_is_left() {
        let cases = [
            (json!({}), Unfit::Member("kty")),
            (json!("text"), Unfit::Member("kty")),
            (json!({"kty": "oct"}), Unfit::Kind),
            (json!({"kty": "EC", "crv": "secp256k1"}), Unfit::Kind),
            (json!({"kty": "OKP", "crv": "X25519"}), Unfit::Kind),
            (json!({"kty": 7}), Unfit::Member("kty")),
            (with(rsa(), "n", "not base64"), Unfit::Member("n")),
            (with(rsa(), "n", "AQAB"), Unfit::Bits(17)),
            (with(rsa(), "e", "AQ"), Unfit::Member("e")),
            (with(p256(), "y", "AQAB"), Unfit::Member("y")),
            (
                with(p256(), "y", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                Unfit::Member("x"),
            ),
            (with(p256(), "alg", "ES384"), Unfit::Algorithm),
            (with(rsa(), "alg", "RSA-OAEP"), Unfit::Algorithm),
            (with(rsa(), "alg", "RS512"), Unfit::Algorithm),
            (with(rsa(), "alg", "HS256"), Unfit::Algorithm),
            (with(rsa(), "use", "enc"), Unfit::Purpose),
            (
                with(rsa(), "key_ops", json!(["encrypt", "wrapKey"])),
                Unfit::Purpose,
            ),
            (with(rsa(), "kid", 7), Unfit::Member("kid")),
        ];
        for (jwk, why) in cases {
            let name = "number 1".to_owned();
            let alone = read_all(&json!({ "keys": [jwk] })).unwrap_err();
            assert_eq!(alone, JwksError::Unusable(vec![(name, why)]), "{jwk}");
            let beside = read_all(&json!({ "keys": [jwk, with(rsa(), "kid", "good")] })).unwrap();
            assert_eq!(beside.len(), 1, "{jwk}");
        }
    }

    #[test]
    fn what_is_not_a_set_of_public_keys_is_refused() {
        let named = |jwk| with(jwk, "kid", "a");
        let cases = [
            (json!([]), JwksError::Malformed),
            (json!({}), JwksError::NoList),
            (json!({"keys": {}}), JwksError::NoList),
            (json!({"keys": []}), JwksError::Unusable(vec![])),
            (json!({"keys": vec![rsa(); 101]}), JwksError::TooMany),
            (
                json!({"keys": [with(rsa(), "d", "AQAB")]}),
                JwksError::Secret("number 1".into()),
            ),
            (
                json!({"keys": [{"kty": "oct", "k": "AQAB", "kid": "s"}]}),
                JwksError::Secret("`s`".into()),
            ),
            (
                json!({"keys": [named(rsa()), named(rsa())]}),
                JwksError::Ambiguous("`a`".into(), "`a`".into()),
            ),
        ];
        for (jwks, expected) in cases {
            assert_eq!(read_all(&jwks).unwrap_err(), expected);
        }
        assert_eq!(
            keys(br#"{"keys":[],"keys":[]}"#, all()).unwrap_err(),
            JwksError::Malformed
        );
    }

    #[test]
    fn keys_of_different_kinds_may_share_a_name_and_a_single_key_is_a_set() {
        let shared = json!({"keys": [with(rsa(), "kid", "a"), with(p256(), "kid", "a")]});
        assert_eq!(read_all(&shared).unwrap().len(), 2);
        assert_eq!(read_all(&rsa()).unwrap().len(), 1);
    }
}
