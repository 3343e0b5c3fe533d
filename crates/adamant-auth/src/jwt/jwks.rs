//! A JWK set (RFC 7517): the public keys of an issuer, from a policy file or from where it publishes them.
//!
//! Keys that are broken, of an unknown kind, or meant for something else are passed over, since such
//! files are copies of what others publish; a set without any usable key is an error that tells why for
//! each. Never reads a private or a shared key: in a file, which enters the digest, it is an error.

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

/// What is wrong with one entry of a set.
enum Flaw {
    Secret(String),
    Ambiguous(String, String),
    Unfit(String, Unfit),
}

impl Flaw {
    /// Whether the issuer made a mistake. Keys for something else are none.
    const fn is_mistake(&self) -> bool {
        match self {
            Self::Secret(_) | Self::Ambiguous(..) => true,
            Self::Unfit(_, why) => match why {
                Unfit::Member(_) | Unfit::Bits(_) => true,
                Unfit::Kind | Unfit::Purpose | Unfit::Algorithm => false,
            },
        }
    }
}

/// The usable keys of a set in a policy file, or of a single JWK.
pub(super) fn keys(bytes: &[u8], allowed: Algorithms) -> Result<Vec<Key>, JwksError> {
    let document = json::object(bytes).ok_or(JwksError::Malformed)?;
    let mut usable = Vec::new();
    let mut unfit = Vec::new();
    for (index, jwk) in listed(document)?.iter().enumerate() {
        match entry(jwk, index, allowed, &usable) {
            Ok(key) => usable.push(key),
            Err(Flaw::Secret(name)) => return Err(JwksError::Secret(name)),
            Err(Flaw::Ambiguous(one, other)) => return Err(JwksError::Ambiguous(one, other)),
            Err(Flaw::Unfit(name, why)) => unfit.push((name, why)),
        }
    }
    if usable.is_empty() {
        Err(JwksError::Unusable(unfit))
    } else {
        Ok(usable)
    }
}

/// The usable keys of a set that an issuer publishes, and how many entries are mistakes. No entry takes the
/// others with it: what cannot be used, must not be public or could be taken for an earlier key is passed over.
/// A set without any usable key counts where it has no mistakes: the issuer has taken its keys back.
pub(super) fn published(bytes: &[u8], allowed: Algorithms) -> Result<(Vec<Key>, usize), JwksError> {
    let document = json::object_with_gaps(bytes).ok_or(JwksError::Malformed)?;
    let mut usable = Vec::new();
    let mut mistakes = 0;
    for (index, jwk) in listed(document)?.iter().enumerate() {
        match entry(jwk, index, allowed, &usable) {
            Ok(key) => usable.push(key),
            Err(flaw) => mistakes += usize::from(flaw.is_mistake()),
        }
    }
    if usable.is_empty() && mistakes != 0 {
        Err(JwksError::Unusable(Vec::new()))
    } else {
        Ok((usable, mistakes))
    }
}

/// The entries of a set; a single JWK is a set of one.
fn listed(mut document: Map<String, Value>) -> Result<Vec<Value>, JwksError> {
    if document.contains_key("kty") {
        return Ok(vec![Value::Object(document)]);
    }
    match document.remove("keys") {
        Some(Value::Array(listed)) if listed.len() > KEYS_MAX => Err(JwksError::TooMany),
        Some(Value::Array(listed)) => Ok(listed),
        Some(_) | None => Err(JwksError::NoList),
    }
}

fn entry(jwk: &Value, index: usize, allowed: Algorithms, before: &[Key]) -> Result<Key, Flaw> {
    let empty = Map::new();
    let jwk = jwk.as_object().unwrap_or(&empty);
    let name = name_of(jwk.get("kid").and_then(Value::as_str), index);
    if is_secret(jwk) {
        return Err(Flaw::Secret(name));
    }
    match read(jwk, allowed) {
        Ok(key) => match before.iter().find(|other| is_confusable(other, &key)) {
            Some(other) => Err(Flaw::Ambiguous(name_of(other.id.as_deref(), index), name)),
            None => Ok(key),
        },
        Err(why) => Err(Flaw::Unfit(name, why)),
    }
}

/// Whether a JWK holds more than a public key.
pub(super) fn is_secret(jwk: &Map<String, Value>) -> bool {
    let mut members = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].into_iter();
    members.any(|member| jwk.contains_key(member))
}

fn name_of(id: Option<&str>, index: usize) -> String {
    id.map_or_else(|| format!("number {}", index + 1), |id| format!("`{id}`"))
}

/// RFC 7517 §4.5 lets keys of different kinds share a name.
fn is_confusable(one: &Key, other: &Key) -> bool {
    one.id == other.id && !one.algorithms.and(other.algorithms).is_empty()
}

/// Reads one JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
pub(super) fn read(jwk: &Map<String, Value>, allowed: Algorithms) -> Result<Key, Unfit> {
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
    let id: Option<Box<str>> = text(jwk, "kid")?.map(Box::from);
    Ok(Key {
        mark: material.mark(id.as_deref(), algorithms),
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
        (Some("EC" | "OKP"), None) => Err(Unfit::Member("crv")),
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
    fn no_entry_of_a_published_set_takes_the_others_with_it() {
        let good = || with(p256(), "kid", "good");
        let cases = [
            (json!("text"), 1),
            (json!(null), 1),
            (with(rsa(), "n", "AQAB"), 1),
            (with(rsa(), "kid", 7), 1),
            (with(p256(), "d", "AQAB"), 1),
            (json!({"kty": "oct", "k": "AQAB"}), 1),
            (good(), 1),
            (json!({"kty": "OKP", "crv": "X25519"}), 0),
            (with(rsa(), "use", "enc"), 0),
            (with(rsa(), "kid", "other"), 0),
        ];
        for (entry, mistakes) in cases {
            let set = json!({"keys": [good(), entry, with(rsa(), "kid", "last")]});
            let (keys, found) = published(set.to_string().as_bytes(), all()).unwrap();
            assert_eq!(found, mistakes, "{entry}");
            for name in ["good", "last"] {
                let named = keys.iter().filter(|key| key.id.as_deref() == Some(name));
                assert_eq!(named.count(), 1, "{entry}");
            }
        }
        let twice = format!(r#"{{"keys":[{{"kty":"EC","kty":"EC"}},{}]}}"#, good());
        assert_eq!(published(twice.as_bytes(), all()).unwrap().1, 1);
        for set in [
            json!([]),
            json!({}),
            json!({"keys": {}}),
            json!({"keys": [{"kty": "EC"}]}),
            json!({"keys": vec![rsa(); 101]}),
        ] {
            assert!(published(set.to_string().as_bytes(), all()).is_err(), "{set:.40}");
        }
        // Nothing is wrong with these: the issuer has no key that counts here.
        for set in [
            json!([]),
            json!([with(rsa(), "use", "enc")]),
            json!([{"kty": "OKP", "crv": "X25519"}]),
        ] {
            let set = json!({ "keys": set }).to_string();
            let (keys, mistakes) = published(set.as_bytes(), all()).unwrap();
            assert_eq!((keys.len(), mistakes), (0, 0), "{set}");
        }
    }

    #[test]
    fn a_mark_tells_keys_apart_by_all_that_they_are() {
        let mark = |jwk: Value| read_all(&json!({ "keys": [jwk] })).unwrap()[0].mark;
        let usual = mark(with(rsa(), "kid", "a"));
        assert_eq!(usual, mark(with(with(rsa(), "kid", "a"), "x5t", "ignored")));
        let others = [
            rsa(),
            with(rsa(), "kid", ""),
            with(rsa(), "kid", "b"),
            with(with(rsa(), "kid", "a"), "alg", "RS256"),
            with(with(rsa(), "kid", "a"), "n", URL_SAFE_NO_PAD.encode([0xc3; 256])),
            with(p256(), "kid", "a"),
        ];
        for other in others {
            assert_ne!(usual, mark(other.clone()), "{other}");
        }
    }

    #[test]
    fn keys_of_different_kinds_may_share_a_name_and_a_single_key_is_a_set() {
        let shared = json!({"keys": [with(rsa(), "kid", "a"), with(p256(), "kid", "a")]});
        assert_eq!(read_all(&shared).unwrap().len(), 2);
        assert_eq!(read_all(&rsa()).unwrap().len(), 1);
    }
}
