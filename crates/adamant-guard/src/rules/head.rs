//! The values of a head: the path, the query, fields and cookies, each as the program behind the gateway reads it.
//!
//! Judges nothing. What the gateway itself has read and checked, such as `host`, is no value here.

use adamant_filter::prelude::*;
use http::header;

use super::marks::Marks;
use super::place::{Place, Value};
use super::transform;

/// Most of one pair of a list is its name and its value; what is decoded of them stands here meanwhile.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Shows all values of a head until `see` says that it has seen enough.
pub(super) fn values(request: &Request, decoded: &mut Decoded, see: &mut impl FnMut(Value<'_>) -> bool) {
    let _ = path(request.path().as_bytes(), decoded, see)
        && request.query().is_none_or(|query| {
            pairs(
                query.as_bytes(),
                (Place::QueryName, Place::QueryValue),
                decoded,
                see,
            )
        })
        && fields(request, see);
}

fn path(path: &[u8], decoded: &mut Decoded, see: &mut impl FnMut(Value<'_>) -> bool) -> bool {
    let path = read(path, false, &mut decoded.value);
    let of = |bytes| Value {
        place: Place::Path,
        name: b"",
        bytes,
    };
    if !see(of(path)) {
        return false;
    }
    // A segment may be data of its own; those that are plain hold nothing that the whole has not shown.
    path.split(|byte| *byte == b'/')
        .filter(|segment| segment.len() + 1 < path.len() && is_shown(segment))
        .all(|segment| see(of(segment)))
}

fn is_shown(segment: &[u8]) -> bool {
    let marks = Marks::of(segment);
    !marks.are_plain() || transform::may_be_base64(segment, marks)
}

/// Pairs such as `a=1&b=2`, of a query or a form.
pub(super) fn pairs(
    text: &[u8],
    (names, values): (Place, Place),
    decoded: &mut Decoded,
    see: &mut impl FnMut(Value<'_>) -> bool,
) -> bool {
    text.split(|byte| *byte == b'&').all(|pair| {
        let equal = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = match equal {
            Some(at) => (
                pair.get(..at).unwrap_or_default(),
                pair.get(at + 1..).unwrap_or_default(),
            ),
            // A word alone is what some programs take for the value.
            None => (pair, pair),
        };
        let name = read(name, true, &mut decoded.name);
        let value = read(value, true, &mut decoded.value);
        let of = |place, bytes| Value { place, name, bytes };
        (name.is_empty() || see(of(names, name))) && (value.is_empty() || see(of(values, value)))
    })
}

/// A text without its first layer of escapes. Only a text that has some is copied.
fn read<'t>(text: &'t [u8], is_form: bool, room: &'t mut Vec<u8>) -> &'t [u8] {
    let is_escape = |byte: &u8| *byte == b'%' || (is_form && *byte == b'+');
    if !text.iter().any(is_escape) {
        return text;
    }
    room.clear();
    transform::url(text, room);
    if is_form && text.contains(&b'+') {
        // A plus that was escaped stays one, so the others have to be told from it before.
        let spaced: Vec<u8> = text
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect();
        room.clear();
        transform::url(&spaced, room);
    }
    room
}

fn fields(request: &Request, see: &mut impl FnMut(Value<'_>) -> bool) -> bool {
    request.headers().all(|(name, value)| match kind(name) {
        Kind::Skipped => true,
        Kind::Cookies => cookies(value.as_bytes(), see),
        Kind::Field(place) => see(Value {
            place,
            name: name.as_str().as_bytes(),
            bytes: value.as_bytes(),
        }),
    })
}

fn cookies(text: &[u8], see: &mut impl FnMut(Value<'_>) -> bool) -> bool {
    text.split(|byte| *byte == b';').all(|pair| {
        let pair = pair.trim_ascii();
        let equal = pair.iter().position(|byte| *byte == b'=').unwrap_or(0);
        let (name, value) = pair.split_at(equal);
        let value = value.strip_prefix(b"=").unwrap_or(value);
        let of = |place, bytes| Value { place, name, bytes };
        see(of(Place::CookieName, name)) && see(of(Place::CookieValue, value))
    })
}

enum Kind {
    Skipped,
    Cookies,
    Field(Place),
}

fn kind(name: &HeaderName) -> Kind {
    match *name {
        // The gateway has read these, and nobody else acts on what they say.
        header::HOST
        | header::CONTENT_LENGTH
        | header::TRANSFER_ENCODING
        | header::CONNECTION
        | header::TE => Kind::Skipped,
        header::COOKIE => Kind::Cookies,
        header::ACCEPT
        | header::ACCEPT_ENCODING
        | header::ACCEPT_LANGUAGE
        | header::AUTHORIZATION
        | header::CACHE_CONTROL
        | header::CONTENT_TYPE
        | header::IF_MATCH
        | header::IF_NONE_MATCH
        | header::IF_MODIFIED_SINCE
        | header::RANGE
        | header::UPGRADE_INSECURE_REQUESTS => Kind::Field(Place::FormalValue),
        header::REFERER | header::ORIGIN => Kind::Field(Place::PageValue),
        _ if name.as_str().starts_with("sec-") => Kind::Field(Place::FormalValue),
        _ => Kind::Field(Place::HeaderValue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(request: &Request) -> Vec<(Place, String, String)> {
        let mut all = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        values(request, &mut Decoded::default(), &mut |value| {
            all.push((value.place, text(value.name), text(value.bytes)));
            true
        });
        all
    }

    #[test]
    fn every_value_is_shown_as_a_program_reads_it() {
        let request = Request::build(Method::GET, "/a%27b/c?q=1%2b1+2&flag&x%5B%5D=%2527")
            .unwrap()
            .with_header("cookie", "a=1; b=c=d")
            .with_header("x-note", "n")
            .with_header("accept", "*/*")
            .with_header("content-length", "5");
        let expected = [
            (Place::Path, "", "/a'b/c"),
            (Place::Path, "", "a'b"),
            (Place::QueryName, "q", "q"),
            (Place::QueryValue, "q", "1+1 2"),
            (Place::QueryName, "flag", "flag"),
            (Place::QueryValue, "flag", "flag"),
            (Place::QueryName, "x[]", "x[]"),
            (Place::QueryValue, "x[]", "%27"),
            (Place::CookieName, "a", "a"),
            (Place::CookieValue, "a", "1"),
            (Place::CookieName, "b", "b"),
            (Place::CookieValue, "b", "c=d"),
            (Place::HeaderValue, "x-note", "n"),
            (Place::FormalValue, "accept", "*/*"),
        ];
        let expected = expected.map(|(place, name, value)| (place, name.to_owned(), value.to_owned()));
        assert_eq!(shown(&request), expected);
    }

    #[test]
    fn whoever_has_seen_enough_sees_no_more() {
        let request = Request::build(Method::GET, "/a?b=c&d=e").unwrap();
        let mut seen = 0;
        values(&request, &mut Decoded::default(), &mut |_| {
            seen += 1;
            seen < 2
        });
        assert_eq!(seen, 2);
    }
}
