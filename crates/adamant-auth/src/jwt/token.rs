//! The compact form of a signed token (RFC 7515 §7.1): three parts, each with exactly one spelling.
//!
//! Nothing here is proved: a [`Token`] is what someone claims. `jku`, `jwk`, `x5u` and `x5c` are not even
//! read, so that nothing in a token can name a key or cause a fetch.

use std::borrow::Cow;
use std::fmt;

use adamant_filter::{Reason, serde_json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::reason::{MALFORMED, TOO_LONG, UNREADABLE};

/// Longest token that is looked at, in bytes.
pub(super) const TOKEN_MAX: usize = 8 * 1024;

/// Most members of a header. RFC 7515 registers eleven; without a bound, finding a repeated name among
/// unknown ones would cost the square of their number.
const MEMBERS_MAX: usize = 32;

/// Longest signature, in bytes: that of an RSA key of 8192 bits.
const SIGNATURE_MAX: usize = 1024;

/// A token taken apart. Its parts are decoded but prove nothing.
#[derive(Debug)]
pub(super) struct Token<'t> {
    /// What is signed: the first two parts with their dot.
    pub(super) message: &'t [u8],
    /// The third part, well spelled but not decoded.
    pub(super) signature: &'t str,
    header: Vec<u8>,
    /// The second part, decoded.
    pub(super) payload: Vec<u8>,
}

impl<'t> Token<'t> {
    /// Takes the bytes of a credential apart.
    pub(super) fn split(credential: &'t [u8]) -> Result<Self, &'static Reason> {
        if credential.len() > TOKEN_MAX {
            return Err(&TOO_LONG);
        }
        // Two credentials in one field, or a parameter list: the request is wrong, not the token.
        if credential.iter().any(|byte| matches!(byte, b' ' | b',' | b'\t')) {
            return Err(&UNREADABLE);
        }
        let text = str::from_utf8(credential).map_err(|_| &MALFORMED)?;
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(&MALFORMED);
        };
        let message = credential
            .get(..header.len() + 1 + payload.len())
            .ok_or(&MALFORMED)?;
        let mut proof = [0; SIGNATURE_MAX];
        URL_SAFE_NO_PAD
            .decode_slice(signature, &mut proof)
            .map_err(|_| &MALFORMED)?;
        Ok(Self {
            message,
            signature,
            header: decode(header)?,
            payload: decode(payload)?,
        })
    }

    /// The first part, decoded.
    pub(super) fn header_text(&self) -> &[u8] {
        &self.header
    }

    /// The header (RFC 7515 §4).
    pub(super) fn header(&self) -> Result<Header<'_>, &'static Reason> {
        serde_json::from_slice(&self.header).map_err(|_| &MALFORMED)
    }
}

/// Strict base64url: no padding, no other alphabet, no bits left over.
fn decode(part: &str) -> Result<Vec<u8>, &'static Reason> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| &MALFORMED)
}

/// What is read of a header; everything else is ignored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header<'t> {
    /// `alg`; required.
    pub(super) algorithm: Cow<'t, str>,
    /// `kid`.
    pub(super) key: Option<Cow<'t, str>>,
    /// `typ`.
    pub(super) kind: Option<Cow<'t, str>>,
    /// Whether there is a `crit`, whatever it lists: no extension is known here.
    pub(super) is_critical: bool,
}

impl<'t> Deserialize<'t> for Header<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'t> Visitor<'t> for HeaderVisitor {
    type Value = Header<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header of a signed token")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut entries: A) -> Result<Header<'t>, A::Error> {
        let mut header = Header::default();
        let mut names: Vec<Cow<'t, str>> = Vec::with_capacity(4);
        while let Some(Text(name)) = entries.next_key()? {
            if names.contains(&name) || names.len() == MEMBERS_MAX {
                return Err(A::Error::custom("a name occurs twice, or there are too many"));
            }
            match name.as_ref() {
                "alg" => header.algorithm = entries.next_value::<Text<'t>>()?.0,
                "kid" => header.key = Some(entries.next_value::<Text<'t>>()?.0),
                "typ" => header.kind = Some(entries.next_value::<Text<'t>>()?.0),
                "crit" => {
                    entries.next_value::<IgnoredAny>()?;
                    header.is_critical = true;
                }
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
            names.push(name);
        }
        if names.iter().any(|name| name == "alg") {
            return Ok(header);
        }
        Err(A::Error::missing_field("alg"))
    }
}

/// A string that is borrowed when it has no escapes.
struct Text<'t>(Cow<'t, str>);

impl<'t> Deserialize<'t> for Text<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'t> Visitor<'t> for TextVisitor {
    type Value = Text<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'t str) -> Result<Text<'t>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'t>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(credential: &str) -> &'static str {
        match Token::split(credential.as_bytes()).and_then(|token| token.header().map(|_| ())) {
            Ok(()) => "ok",
            Err(reason) => reason.code(),
        }
    }

    fn with_header(json: &str) -> String {
        format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(json))
    }

    #[test]
    fn a_token_has_three_parts_with_one_spelling_each() {
        let good = with_header(r#"{"alg":"ES256"}"#);
        let header = good.split('.').next().unwrap().to_owned();
        let cases = [
            (good.clone(), "ok"),
            (format!("{header}.e30."), "ok"),
            (format!("{header}.e30"), "malformed"),
            (format!("{header}.e30.AA.AA"), "malformed"),
            (format!("{header}.e30.AA.AA.AA"), "malformed"),
            (format!(".{good}"), "malformed"),
            (format!("{good}."), "malformed"),
            (".e30.AA".to_owned(), "malformed"),
            (format!("{header}.e30.AA=="), "malformed"),
            (format!("{header}.e30.A"), "malformed"),
            (format!("{header}.e30.AB"), "malformed"),
            (format!("{header}.e31.AA"), "malformed"),
            (format!("{header}.e30=.AA"), "malformed"),
            (format!("{header}.e30.A+"), "malformed"),
            (format!("{header}.e30.A/"), "malformed"),
            (format!("{header}.e30.A\n"), "malformed"),
            (format!("{header}.e30.Ä"), "malformed"),
            (format!("{good} {good}"), "unreadable"),
            (format!("{good},{good}"), "unreadable"),
            (format!("{header}.e30.{}", "A".repeat(TOKEN_MAX)), "too-long"),
            (
                format!("{header}.e30.{}", "A".repeat(4 * SIGNATURE_MAX / 3 + 8)),
                "malformed",
            ),
        ];
        for (credential, expected) in cases {
            assert_eq!(code(&credential), expected, "{credential:.80}");
        }
    }

    #[test]
    fn a_header_is_an_object_with_one_reading() {
        let many = |count: usize| {
            let members: String = (0..count).map(|i| format!(",\"x{i}\":0")).collect();
            format!(r#"{{"alg":"a"{members}}}"#)
        };
        let cases = [
            (
                r#"{"alg":"a","x":{"y":[1]},"jku":"https://evil.example"}"#.to_owned(),
                "ok",
            ),
            (r#"{"alg":"a","alg":"a"}"#.to_owned(), "malformed"),
            (r#"{"alg":"a","\u0061lg":"b"}"#.to_owned(), "malformed"),
            (r#"{"alg":"a","x":1,"x":1}"#.to_owned(), "malformed"),
            (r#"{"kid":"a"}"#.to_owned(), "malformed"),
            (r#"{"alg":null}"#.to_owned(), "malformed"),
            (r#"{"alg":["a"]}"#.to_owned(), "malformed"),
            (r#"{"alg":"a","kid":7}"#.to_owned(), "malformed"),
            (r#"{"alg":"a"}x"#.to_owned(), "malformed"),
            (r#"["alg"]"#.to_owned(), "malformed"),
            ("{}".to_owned(), "malformed"),
            (String::new(), "malformed"),
            (many(MEMBERS_MAX - 1), "ok"),
            (many(MEMBERS_MAX), "malformed"),
        ];
        for (json, expected) in cases {
            assert_eq!(code(&with_header(&json)), expected, "{json:.80}");
        }
    }

    #[test]
    fn escapes_in_a_header_are_read_once() {
        let credential = with_header(r#"{"alg":"\u0045S256","kid":"a\/b","crit":[]}"#);
        let token = Token::split(credential.as_bytes()).unwrap();
        let header = token.header().unwrap();
        assert_eq!(
            (&*header.algorithm, header.key.as_deref(), header.is_critical),
            ("ES256", Some("a/b"), true)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(token) = Token::split(&bytes) {
                let _ = token.header();
            }
        }

        #[test]
        fn no_header_makes_it_panic(json in r#"[{}\[\]":,a-z0-9\\]{0,60}"#) {
            let _ = code(&with_header(&json));
        }
    }
}
