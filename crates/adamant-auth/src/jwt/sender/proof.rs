//! DPoP proofs (RFC 9449 §4.3): a token that the client signs for one request, with the key in its header.
//!
//! The key in a proof proves nothing by itself: it must be the one to which the access token is bound.

use std::time::Duration;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{Map, Value};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Uri;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::used::{Use, Used};
use super::{DpopConfig, PublicOrigin};
use crate::jwt::algorithm::{Algorithm, Algorithms};
use crate::jwt::binding::Hash;
use crate::jwt::claims::date;
use crate::jwt::keys::Key;
use crate::jwt::reason::{
    PROOF_ALGORITHM, PROOF_CLAIMS, PROOF_KEY, PROOF_MALFORMED, PROOF_METHOD, PROOF_MISSING, PROOF_REPLAYED,
    PROOF_SEVERAL, PROOF_SIGNATURE, PROOF_STRANGER, PROOF_TARGET, PROOF_TIME, PROOF_TOKEN, PROOF_TYPE,
    PROOFS_EXCEEDED, PROOFS_FULL,
};
use crate::jwt::token::Token;
use crate::jwt::{json, jwks};
use crate::replay::Mark;

/// The field of a proof.
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// Longest name of a proof, `jti`, in bytes.
const NAME_MAX: usize = 256;

/// Times are in milliseconds and proofs are forgotten by another clock: this is added to how long they are kept.
const MARGIN: Duration = Duration::from_secs(1);

/// Checks proofs.
#[derive(Debug)]
pub(super) struct Proofs {
    origins: Box<[PublicOrigin]>,
    accepted: Algorithms,
    /// Their names, with spaces between.
    names: Box<str>,
    /// Milliseconds.
    within: u64,
    used: Used,
}

impl Proofs {
    pub(super) fn build(config: &DpopConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        boot.reserve("proofs that were used", Used::bound(config.remember));
        let names: Vec<String> = config.algorithms.iter().map(|one| format!("{one:?}")).collect();
        Ok(Self {
            origins: config.origins()?.into(),
            accepted: config.algorithms.iter().copied().collect(),
            names: names.join(" ").into(),
            within: config.within.millis(),
            used: Used::new(config.remember, config.within.duration() * 2 + MARGIN),
        })
    }

    pub(super) fn algorithms(&self) -> &str {
        &self.names
    }

    /// Whether the request carries a proof for itself and for its token, by the key of this thumbprint.
    pub(super) fn check(
        &self,
        request: &Request,
        key: &Hash,
        credential: &[u8],
    ) -> Result<(), &'static Reason> {
        let proof = match request.single(&DPOP) {
            Single::Absent => return Err(&PROOF_MISSING),
            Single::Several => return Err(&PROOF_SEVERAL),
            Single::One(value) => value.as_bytes(),
        };
        let token = Token::split(proof).map_err(|_| &PROOF_MALFORMED)?;
        self.check_signature(&token, key)?;
        let claims = json::object(&token.payload).ok_or(&PROOF_MALFORMED)?;
        let name = self.check_claims(request, &claims, credential)?;
        match self.used.take(key, used(key, name), request.now()) {
            Use::First => Ok(()),
            Use::Again => Err(&PROOF_REPLAYED),
            Use::TooMany => Err(&PROOFS_EXCEEDED),
            Use::NoRoom => Err(&PROOFS_FULL),
        }
    }

    /// The header must hold a public key, the proof must be signed by it, and it must be the right one.
    fn check_signature(&self, token: &Token<'_>, expected: &Hash) -> Result<(), &'static Reason> {
        let header = token.header().map_err(|_| &PROOF_MALFORMED)?;
        let kind = header.kind.as_deref().unwrap_or_default();
        if !kind.eq_ignore_ascii_case("dpop+jwt") {
            return Err(&PROOF_TYPE);
        }
        if header.is_critical {
            return Err(&PROOF_MALFORMED);
        }
        let algorithm = Algorithm::named(&header.algorithm)
            .filter(|named| self.accepted.contains(*named))
            .ok_or(&PROOF_ALGORITHM)?;
        let members = json::object(token.header_text()).ok_or(&PROOF_MALFORMED)?;
        let jwk = members.get("jwk").and_then(Value::as_object).ok_or(&PROOF_KEY)?;
        let key = public_key(jwk, algorithm)?;
        // Before the signature, since strangers are found out at a thousandth of its cost.
        if !bool::from(thumbprint(jwk)?.ct_eq(expected)) {
            return Err(&PROOF_STRANGER);
        }
        key.verify(token, algorithm).map_err(|_| &PROOF_SIGNATURE)
    }

    /// The proof must be for this request, made now, and for this token. Gives its name.
    fn check_claims<'c>(
        &self,
        request: &Request,
        claims: &'c Map<String, Value>,
        credential: &[u8],
    ) -> Result<&'c str, &'static Reason> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(&PROOF_CLAIMS);
        let (name, method, target) = (text("jti")?, text("htm")?, text("htu")?);
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(&PROOF_CLAIMS);
        }
        if method != request.method().as_str() {
            return Err(&PROOF_METHOD);
        }
        if !self.is_target(request, target) {
            return Err(&PROOF_TARGET);
        }
        let made = date(claims, "iat").ok().flatten().ok_or(&PROOF_CLAIMS)?;
        if request.wall().0.abs_diff(made) > self.within {
            return Err(&PROOF_TIME);
        }
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(credential));
        if !bool::from(text("ath")?.as_bytes().ct_eq(hash.as_bytes())) {
            return Err(&PROOF_TOKEN);
        }
        Ok(name)
    }

    /// Whether a target is that of the request: an origin of this gateway at the host that was asked for, and the
    /// path in one of its spellings. Query and fragment are not compared (RFC 9449 §4.3).
    fn is_target(&self, request: &Request, target: &str) -> bool {
        let target = target.split('#').next().unwrap_or_default();
        let Ok(uri) = target.parse::<Uri>() else {
            return false;
        };
        let is_ours = PublicOrigin::of(&uri)
            .is_some_and(|origin| origin.host == request.host() && self.origins.contains(&origin));
        is_ours && spelled_alike(uri.path(), request.path())
    }
}

/// The name of a proof in the memory of used ones. A client can only use up names of its own key.
fn used(key: &Hash, name: &str) -> Mark {
    Sha256::new()
        .chain_update(key)
        .chain_update(name)
        .finalize()
        .into()
}

fn public_key(jwk: &Map<String, Value>, algorithm: Algorithm) -> Result<Key, &'static Reason> {
    if jwks::is_secret(jwk) {
        return Err(&PROOF_KEY);
    }
    jwks::read(jwk, Algorithms::only(algorithm)).map_err(|_| &PROOF_KEY)
}

/// The hash over the members that make a key, in the order of their names (RFC 7638 §3).
fn thumbprint(jwk: &Map<String, Value>) -> Result<Hash, &'static Reason> {
    let members: &[&str] = match jwk.get("kty").and_then(Value::as_str) {
        Some("RSA") => &["e", "kty", "n"],
        Some("EC") => &["crv", "kty", "x", "y"],
        Some("OKP") => &["crv", "kty", "x"],
        _ => return Err(&PROOF_KEY),
    };
    let mut hash = Sha256::new();
    for (index, name) in members.iter().enumerate() {
        let value = jwk
            .get(*name)
            .filter(|value| value.is_string())
            .ok_or(&PROOF_KEY)?;
        let mark = if index == 0 { '{' } else { ',' };
        hash.update(format!("{mark}\"{name}\":{value}"));
    }
    hash.update("}");
    Ok(hash.finalize().into())
}

/// Whether two paths differ only in how characters are escaped that need no escape, and in the case of escapes
/// (RFC 3986 §6.2.2). `canonical` is written in the gateway's own spelling.
fn spelled_alike(path: &str, canonical: &str) -> bool {
    let mut one = Spelled(path.as_bytes());
    let mut other = Spelled(canonical.as_bytes());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (one, other) if one != other => return false,
            _ => {}
        }
    }
}

/// A path by what its bytes mean: an escape of an unreserved character is that character.
struct Spelled<'p>(&'p [u8]);

/// A byte, and whether it is escaped.
impl Iterator for Spelled<'_> {
    type Item = (u8, bool);

    fn next(&mut self) -> Option<(u8, bool)> {
        if let [b'%', high, low, rest @ ..] = self.0
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
        {
            self.0 = rest;
            let byte = u8::try_from(high * 16 + low).ok()?;
            let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            return Some((byte, !is_plain));
        }
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some((*first, false))
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;

    use super::*;

    #[test]
    fn rfc7638_3_1_the_example_has_its_thumbprint() {
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = json!({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        let hash = thumbprint(jwk.as_object().unwrap()).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(hash),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn paths_may_be_spelled_in_several_ways_but_mean_one_thing() {
        let alike = [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/%61/%7Eb", "/a/~b"),
            ("/a%c3%a9", "/a%C3%A9"),
            ("/a%", "/a%"),
        ];
        for (one, other) in alike {
            assert!(spelled_alike(one, other), "{one} {other}");
        }
        let different = [
            ("/a", "/a/"),
            ("/a", "/b"),
            ("/A", "/a"),
            ("/a%2Fb", "/a/b"),
            ("/a%25", "/a%"),
            ("/a/../b", "/b"),
            ("", "/"),
        ];
        for (one, other) in different {
            assert!(!spelled_alike(one, other), "{one} {other}");
        }
    }
}
