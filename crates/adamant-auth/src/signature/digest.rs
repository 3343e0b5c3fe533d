//! `Content-Digest` (RFC 9530 §2): the hash of a body as it was sent.
//!
//! Knows no weak algorithm. Every digest that it knows must be right, not just one of them.

use std::sync::Arc;

use adamant_filter::prelude::*;
use sfv::{Dictionary, ListEntry, Parser};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::input::has_each_once;
use super::reason::{DIGEST_MALFORMED, DIGEST_UNSUPPORTED};

/// The name of the field.
pub(super) const FIELD: &str = "content-digest";

const CONTENT_DIGEST: HeaderName = HeaderName::from_static(FIELD);

/// What a signed body must hash to. It travels with the exchange, since later steps may change the field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BodyDigest {
    sha256: Option<[u8; 32]>,
    sha512: Option<[u8; 64]>,
}

impl Slot for BodyDigest {
    const NAME: &'static str = "body digest";
}

impl BodyDigest {
    /// The digests that a request declares.
    pub(super) fn of(request: &Request) -> Result<Arc<Self>, &'static Reason> {
        let lines = request.headers().filter(|(name, _)| **name == CONTENT_DIGEST);
        let lines: Vec<&[u8]> = lines.map(|(_, value)| value.as_bytes().trim_ascii()).collect();
        let value = lines.join(&b", "[..]);
        let read: Dictionary = Parser::new(&value).parse().map_err(|_| &DIGEST_MALFORMED)?;
        if !has_each_once(&value) {
            return Err(&DIGEST_MALFORMED);
        }
        let declared = Self {
            sha256: bytes(&read, "sha-256")?,
            sha512: bytes(&read, "sha-512")?,
        };
        if declared.sha256.is_none() && declared.sha512.is_none() {
            return Err(&DIGEST_UNSUPPORTED);
        }
        Ok(Arc::new(declared))
    }

    /// Whether this is the body.
    pub(super) fn fits(&self, body: &[u8]) -> bool {
        let first = self
            .sha256
            .is_none_or(|declared| declared[..].ct_eq(&Sha256::digest(body)).into());
        let second = self
            .sha512
            .is_none_or(|declared| declared[..].ct_eq(&Sha512::digest(body)).into());
        first && second
    }
}

fn bytes<const LENGTH: usize>(
    digests: &Dictionary,
    name: &str,
) -> Result<Option<[u8; LENGTH]>, &'static Reason> {
    match digests.get(name) {
        None => Ok(None),
        Some(ListEntry::Item(item)) => {
            let bytes = item.bare_item.as_byte_sequence().ok_or(&DIGEST_MALFORMED)?;
            bytes.try_into().map(Some).map_err(|_| &DIGEST_MALFORMED)
        }
        Some(ListEntry::InnerList(_)) => Err(&DIGEST_MALFORMED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_digest_must_be_right() {
        // RFC 9530 appendix B, over `{"hello": "world"}` with a line feed.
        let body = b"{\"hello\": \"world\"}\n";
        let sha256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        let sha512 = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";
        let wrong = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
        let cases = [
            (sha256.to_owned(), "fits"),
            (sha512.to_owned(), "fits"),
            (format!("{sha256}, {sha512}"), "fits"),
            (format!("{sha256}, {wrong}"), "differs"),
            (wrong.to_owned(), "differs"),
            (format!("md5=:AAAA:, {sha256}"), "fits"),
            ("md5=:AAAA:".to_owned(), "digest-unsupported"),
            (String::new(), "digest-unsupported"),
            (format!("{wrong}, {sha512}"), "digest-malformed"),
            ("sha-256=:AAAA:".to_owned(), "digest-malformed"),
            ("sha-256=AAAA".to_owned(), "digest-malformed"),
            ("sha-256".to_owned(), "digest-malformed"),
            ("sha-256=:AAAA".to_owned(), "digest-malformed"),
            (sha256.to_uppercase(), "digest-malformed"),
        ];
        for (value, expected) in cases {
            let request = Request::build(Method::POST, "/").unwrap();
            let request = request.with_header(FIELD, &value);
            let outcome = match BodyDigest::of(&request) {
                Ok(digest) if digest.fits(body) => "fits",
                Ok(_) => "differs",
                Err(reason) => reason.code(),
            };
            assert_eq!(outcome, expected, "{value}");
        }
    }
}
