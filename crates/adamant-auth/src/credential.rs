//! The one place of a request that carries the credential: where it is read, and how it is taken away.
//!
//! Never looks elsewhere for a credential, except to refuse a request that carries two. Does not know
//! what the bytes mean.

use adamant_filter::is_parameter;
use adamant_filter::prelude::*;

const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");
const COOKIE: HeaderName = HeaderName::from_static("cookie");
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The query parameter of RFC 6750 §2.3.
const ACCESS_TOKEN: &str = "access_token";

/// Where a credential stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `Authorization: Bearer …`.
    Bearer,
    /// The same, or `Authorization: DPoP …` (RFC 9449 §7.1).
    BearerOrProof,
    /// A header field that holds the credential alone.
    Header(HeaderName),
    /// The same for a token, beside which no other stands in `Authorization`.
    TokenHeader(HeaderName),
    /// A cookie.
    Cookie(Box<str>),
    /// A parameter of the query.
    Query(Box<str>),
}

/// What stands at the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'r> {
    /// No credential.
    Absent,
    /// Exactly one; its bytes are not checked yet.
    One(&'r [u8]),
    /// More than one, or one by another way as well.
    Several,
    /// The place is there, but no credential can be read from it.
    Unreadable,
}

impl Source {
    /// A header field by its name in the file.
    pub(crate) fn header(name: &str) -> Result<Self, Problem> {
        let wrong = || Problem::at("header", format!("`{name}` is not a header field name"));
        let field = HeaderName::try_from(name).map_err(|_| wrong())?;
        if field == COOKIE {
            return Err(Problem::at("header", "a cookie is named by the key `cookie`"));
        }
        Ok(if field == AUTHORIZATION {
            Self::Bearer
        } else {
            Self::Header(field)
        })
    }

    /// A header field that holds a token.
    pub(crate) fn token_header(name: &str) -> Result<Self, Problem> {
        Ok(match Self::header(name)? {
            Self::Header(field) => Self::TokenHeader(field),
            other => other,
        })
    }

    /// A cookie by its name in the file (RFC 6265 §4.1.1).
    pub(crate) fn cookie(name: &str) -> Result<Self, Problem> {
        if !name.is_empty() && name.bytes().all(is_token_byte) {
            return Ok(Self::Cookie(name.into()));
        }
        Err(Problem::at(
            "cookie",
            format!("`{name}` is not the name of a cookie"),
        ))
    }

    /// A parameter of the query by its name in the file.
    pub(crate) fn query(name: &str) -> Result<Self, Problem> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !name.is_empty() && name.bytes().all(plain) {
            return Ok(Self::Query(name.into()));
        }
        Err(
            Problem::at("query", format!("`{name}` is not a plain parameter name"))
                .with_help("use letters, digits, `-`, `.`, `_` and `~`"),
        )
    }

    /// What the request carries at this place.
    pub(crate) fn find<'r>(&self, request: &'r Request) -> Found<'r> {
        match self {
            Self::Bearer => by_one_way(request, bearer(request)),
            Self::BearerOrProof => match authorization(request, b"dpop") {
                Found::Absent => by_one_way(request, bearer(request)),
                found => by_one_way(request, found),
            },
            Self::Header(name) => field(request, name),
            Self::TokenHeader(name) => alone(request, field(request, name)),
            Self::Cookie(name) => alone(request, cookie(request, name)),
            Self::Query(name) => alone(request, parameter(request, name)),
        }
    }

    /// Takes the credential away, so that neither later filters nor the upstream see it.
    pub(crate) fn strip(&self, request: &mut Request) {
        match self {
            Self::Bearer => request.remove_header(&AUTHORIZATION),
            Self::BearerOrProof => {
                request.remove_header(&AUTHORIZATION);
                request.remove_header(&DPOP);
            }
            Self::Header(name) | Self::TokenHeader(name) => request.remove_header(name),
            Self::Cookie(name) => strip_cookie(request, name),
            Self::Query(name) => request.remove_query(name),
        }
    }

    /// Takes away what stands here as a credential, whatever it is worth. An upstream may know tokens with proofs
    /// where this step knows bearer tokens only.
    pub(crate) fn conceal(&self, request: &mut Request) {
        let is_sent = match self {
            Self::Bearer | Self::BearerOrProof => {
                request.came_to_group(&AUTHORIZATION)
                    && (bearer(request) != Found::Absent || is_proof_scheme(request))
            }
            Self::Header(name) | Self::TokenHeader(name) => request.came_to_group(name),
            Self::Cookie(_) | Self::Query(_) => true,
        };
        if is_sent {
            self.strip(request);
        }
    }
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn one(value: &[u8]) -> Found<'_> {
    if value.is_empty() {
        Found::Unreadable
    } else {
        Found::One(value)
    }
}

fn field<'r>(request: &'r Request, name: &HeaderName) -> Found<'r> {
    match request.single(name) {
        Single::Absent => Found::Absent,
        Single::Several => Found::Several,
        Single::One(value) => one(value.as_bytes()),
    }
}

/// A token elsewhere beside one in `Authorization`: the upstream could believe the one that nobody checked.
fn alone<'r>(request: &'r Request, found: Found<'r>) -> Found<'r> {
    match found {
        Found::One(_) if bearer(request) != Found::Absent || is_proof_scheme(request) => Found::Several,
        found => found,
    }
}

/// RFC 6750 §2: no more than one way to carry the token.
fn by_one_way<'r>(request: &'r Request, found: Found<'r>) -> Found<'r> {
    match found {
        Found::One(_) if parameter(request, ACCESS_TOKEN) != Found::Absent => Found::Several,
        found => found,
    }
}

/// The token of `Authorization: Bearer`, RFC 6750 §2.1.
fn bearer(request: &Request) -> Found<'_> {
    authorization(request, b"bearer")
}

/// Whether the token stands in `Authorization` after the word `DPoP`.
pub(crate) fn is_proof_scheme(request: &Request) -> bool {
    authorization(request, b"dpop") != Found::Absent
}

/// The token after this scheme, which is written in lower case here. Another scheme is no token at all.
fn authorization<'r>(request: &'r Request, scheme: &[u8]) -> Found<'r> {
    let value = match request.single(&AUTHORIZATION) {
        Single::Absent => return Found::Absent,
        Single::Several => return Found::Several,
        Single::One(value) => value.as_bytes(),
    };
    let Some((word, rest)) = value.split_at_checked(scheme.len()) else {
        return Found::Absent;
    };
    if !word.eq_ignore_ascii_case(scheme) {
        return Found::Absent;
    }
    match rest {
        [b' ', token @ ..] => one(token.trim_ascii_start()),
        [] => Found::Unreadable,
        // `Bearerish abc` is another scheme.
        _ => Found::Absent,
    }
}

/// The value of a query parameter, as sent.
fn parameter<'r>(request: &'r Request, name: &str) -> Found<'r> {
    // Bytes, since parameters are short and the machinery that searches texts is not.
    let query = request.query().unwrap_or_default().as_bytes();
    let pairs = query.split(|byte| *byte == b'&');
    only(pairs.filter_map(|pair| {
        let (written, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(end) => (pair.get(..end)?, pair.get(end + 1..)?),
            None => (pair, &[][..]),
        };
        // The upstream decodes names, so another spelling is the same parameter.
        is_parameter(written, name).then_some(value)
    }))
}

/// The value of a cookie. HTTP/2 may spread cookies over several fields (RFC 9113 §8.2.3).
pub(crate) fn cookie<'r>(request: &'r Request, name: &str) -> Found<'r> {
    only(cookie_pairs(request).filter_map(|pair| value_of(pair, name)))
}

/// Bytes, since other cookies may hold anything and must survive.
fn cookie_pairs(request: &Request) -> impl Iterator<Item = &[u8]> {
    let fields = request.headers().filter(|(name, _)| **name == COOKIE);
    let pairs = fields.flat_map(|(_, value)| value.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii)
}

fn value_of<'p>(pair: &'p [u8], name: &str) -> Option<&'p [u8]> {
    match pair.strip_prefix(name.as_bytes())? {
        [] => Some(&[]),
        rest => rest.strip_prefix(b"="),
    }
}

fn only<'r>(mut values: impl Iterator<Item = &'r [u8]>) -> Found<'r> {
    match (values.next(), values.next()) {
        (None, _) => Found::Absent,
        (Some(value), None) => one(value),
        (Some(_), Some(_)) => Found::Several,
    }
}

/// Writes the cookies that are left into one field; this source pays an allocation for it.
pub(crate) fn strip_cookie(request: &mut Request, name: &str) {
    if !cookie_pairs(request).any(|pair| value_of(pair, name).is_some()) {
        return;
    }
    let kept: Vec<&[u8]> = cookie_pairs(request)
        .filter(|pair| value_of(pair, name).is_none())
        .collect();
    // Parts of a valid field value make a valid one.
    let left = HeaderValue::from_bytes(&kept.join(&b"; "[..]))
        .ok()
        .filter(|value| !value.is_empty());
    match left {
        Some(value) => request.set_header(COOKIE, value),
        None => request.remove_header(&COOKIE),
    }
}

#[cfg(test)]
mod tests;
