//! The parameters that a request has: decoded, and told apart by where they stand.
//!
//! Judges no value. What receivers could decode differently is an error.

use std::borrow::Cow;

use adamant_filter::prelude::*;
use http::header::COOKIE;

use super::parameter::{In, Parameter};

/// A query that has no single reading.
pub(super) const QUERY: Reason = Reason::new("query", 400, "the query has no single reading");
/// Cookies that have no single reading.
pub(super) const COOKIES: Reason = Reason::new("cookies", 400, "the cookies have no single reading");

/// Pairs that a query may have.
const PAIRS_MAX: usize = 256;

/// What a request has.
#[derive(Debug)]
pub(super) struct Sent<'r> {
    request: &'r Request,
    path: Vec<(&'r str, Cow<'r, str>)>,
    query: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    cookies: Vec<(&'r str, &'r str)>,
}

impl<'r> Sent<'r> {
    /// Reads a request, whose path has these values under these names.
    pub(super) fn of(
        request: &'r Request,
        (names, values): (&'r [Box<str>], &[&'r str]),
        parameters: &[Parameter],
    ) -> Result<Self, &'static Reason> {
        let has_cookies = parameters.iter().any(|parameter| parameter.place == In::Cookie);
        let path = names.iter().zip(values).map(|(name, value)| {
            // The path is canonical, so that its escapes are whole.
            decoded(value, false).map(|value| (&**name, value)).ok_or(&QUERY)
        });
        let pairs = request
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty());
        let query = pairs.enumerate().map(|(position, pair)| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let pair = decoded(name, true).zip(decoded(value, true));
            pair.filter(|_| position < PAIRS_MAX).ok_or(&QUERY)
        });
        Ok(Self {
            path: path.collect::<Result<_, _>>()?,
            query: query.collect::<Result<_, _>>()?,
            // Those of others are not this operation's business.
            cookies: if has_cookies {
                cookies(request)?
            } else {
                Vec::new()
            },
            request,
        })
    }

    /// Whether the query has a parameter that is not among these.
    pub(super) fn has_undeclared(&self, parameters: &[Parameter]) -> bool {
        let is_known = |name: &str| {
            let mut known = parameters.iter().filter(|parameter| parameter.place == In::Query);
            known.any(|parameter| *parameter.name == *name)
        };
        self.query.iter().any(|(name, _)| !is_known(name))
    }

    /// The values of a parameter, in order.
    pub(super) fn values<'s>(&'s self, parameter: &Parameter, into: &mut Vec<Cow<'s, str>>) {
        let name = &*parameter.name;
        match parameter.place {
            In::Path => into.extend(self.path.iter().filter(|(known, _)| *known == name).map(borrowed)),
            In::Query => into.extend(self.query.iter().filter(|(known, _)| known == name).map(borrowed)),
            In::Cookie => into.extend(
                self.cookies
                    .iter()
                    .filter(|(known, _)| *known == name)
                    .map(|(_, value)| Cow::Borrowed(*value)),
            ),
            In::Header => {
                let fields = self
                    .request
                    .headers()
                    .filter(|(known, _)| known.as_str().eq_ignore_ascii_case(name));
                into.extend(fields.map(|(_, value)| String::from_utf8_lossy(value.as_bytes())));
            }
        }
    }
}

fn borrowed<'s, T>((_, value): &'s (T, Cow<'_, str>)) -> Cow<'s, str> {
    Cow::Borrowed(value)
}

/// The cookies, by RFC 6265 §4.2: `name=value`, separated by `; `.
fn cookies(request: &Request) -> Result<Vec<(&str, &str)>, &'static Reason> {
    let mut all = Vec::new();
    for (_, value) in request.headers().filter(|(name, _)| *name == COOKIE) {
        let text = value.to_str().map_err(|_| &COOKIES)?;
        for pair in text.split(';').map(|pair| pair.trim_matches(' ')) {
            if all.len() == PAIRS_MAX {
                return Err(&COOKIES);
            }
            if let Some((name, value)) = pair.split_once('=') {
                all.push((name, value));
            }
        }
    }
    Ok(all)
}

/// Decodes escapes; in forms, `+` is a blank. `None` when an escape is not whole or the text is not UTF-8.
fn decoded(text: &str, is_form: bool) -> Option<Cow<'_, str>> {
    let is_escaped = text.contains('%') || (is_form && text.contains('+'));
    if !is_escaped {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => (hex(*high)? << 4 | hex(*low)?, after),
            (b'%', _) => return None,
            (b'+', _) if is_form => (b' ', after),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once_and_whole() {
        let cases = [
            ("a", Some("a")),
            ("a%20b+c", Some("a b c")),
            ("%2541", Some("%41")),
            ("%C3%A9", Some("é")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%ff", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decoded(text, true).as_deref(), expected, "{text}");
        }
        assert_eq!(decoded("a+b", false).as_deref(), Some("a+b"));
    }
}
