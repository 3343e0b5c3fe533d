//! The values of a body, by what its `content-type` says: fields of a form, parts of a multipart form, keys and texts
//! of JSON, or the whole.
//!
//! Judges nothing, and is no proof that a body is well formed: what cannot be read in its form is shown as a whole.

mod json;
mod multipart;

use adamant_filter::prelude::*;
use http::header;

use super::head::{Decoded, pairs};
use super::place::{Place, Value};

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Pairs,
    Multipart,
    Json,
    /// Text in a language that is not taken apart, such as XML.
    Text,
    /// Pictures, sound, archives: nothing that a rule could read.
    Binary,
}

/// What a head says about its body.
pub(super) fn form(request: &Request) -> Form {
    let declared = request.header(&header::CONTENT_TYPE);
    let declared = declared.map(HeaderValue::as_bytes).unwrap_or_default();
    let end = declared
        .iter()
        .position(|byte| *byte == b';')
        .unwrap_or(declared.len());
    let kind = declared.get(..end).unwrap_or_default().trim_ascii();
    let begins = |start: &[u8]| {
        kind.get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    let ends = |end: &[u8]| {
        let start = kind.len().saturating_sub(end.len());
        kind.get(start..).unwrap_or_default().eq_ignore_ascii_case(end)
    };
    let binary: [&[u8]; 8] = [
        b"image/png",
        b"image/jpeg",
        b"image/gif",
        b"image/webp",
        b"audio/",
        b"video/",
        b"font/",
        b"application/zip",
    ];
    if begins(b"application/x-www-form-urlencoded") {
        Form::Pairs
    } else if begins(b"multipart/") {
        Form::Multipart
    } else if ends(b"/json") || ends(b"+json") {
        Form::Json
    } else if binary.into_iter().any(begins) {
        Form::Binary
    } else {
        Form::Text
    }
}

/// Whether a body is compressed, so that no rule could read it.
pub(super) fn is_coded(request: &Request) -> bool {
    let codings = request
        .headers()
        .filter(|(name, _)| **name == header::CONTENT_ENCODING);
    let mut codings = codings.map(|(_, value)| value.as_bytes().trim_ascii());
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// Shows all values of a body until `see` says that it has seen enough.
pub(super) fn values(request: &Request, body: &[u8], see: &mut impl FnMut(Value<'_>) -> bool) {
    let mut decoded = Decoded::default();
    let is_read = match form(request) {
        Form::Binary => true,
        Form::Text => false,
        Form::Pairs => {
            pairs(body, (Place::FormName, Place::FormValue), &mut decoded, see);
            true
        }
        Form::Json => json::values(body, see),
        Form::Multipart => {
            let declared = request.header(&header::CONTENT_TYPE);
            let declared = declared.map(HeaderValue::as_bytes).unwrap_or_default();
            multipart::values(declared, body, see)
        }
    };
    if !is_read {
        see(Value {
            place: Place::Body,
            name: b"",
            bytes: body,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: &str, body: &str) -> Vec<(Place, String, String)> {
        let request = Request::build(Method::POST, "/")
            .unwrap()
            .with_header("content-type", kind);
        let mut all = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        values(&request, body.as_bytes(), &mut |value| {
            all.push((value.place, text(value.name), text(value.bytes)));
            true
        });
        all
    }

    fn check(kind: &str, body: &str, expected: &[(Place, &str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(place, name, value)| (*place, (*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(shown(kind, body), expected, "{kind}");
    }

    #[test]
    fn a_body_is_read_by_its_type() {
        check(
            "application/x-www-form-urlencoded; charset=utf-8",
            "a=1+2&b=%27",
            &[
                (Place::FormName, "a", "a"),
                (Place::FormValue, "a", "1 2"),
                (Place::FormName, "b", "b"),
                (Place::FormValue, "b", "'"),
            ],
        );
        check(
            "application/vnd.api+json",
            r#"{"a": [1, "x\u003cy"], "b": {"c": null}}"#,
            &[
                (Place::JsonKey, "a", "a"),
                (Place::JsonValue, "a", "1"),
                (Place::JsonValue, "a", "x<y"),
                (Place::JsonKey, "b", "b"),
                (Place::JsonKey, "c", "c"),
            ],
        );
        let form = "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; \
                    name=\"f\"; filename=\"../b\"\r\nContent-Type: text/plain\r\n\r\nfile\r\n--x--\r\n";
        check(
            "multipart/form-data; boundary=\"x\"",
            form,
            &[
                (Place::FormName, "a", "a"),
                (Place::FormValue, "a", "1"),
                (Place::FormName, "f", "f"),
                (Place::FileName, "f", "../b"),
                (Place::Body, "f", "file"),
            ],
        );
        check("text/xml", "<a/>", &[(Place::Body, "", "<a/>")]);
        check("image/png", "....", &[]);
    }

    #[test]
    fn what_cannot_be_read_is_shown_as_a_whole() {
        for (kind, body) in [
            ("application/json", "{\"a\": "),
            ("application/json", "' or 1=1"),
            ("multipart/form-data", "--x\r\n"),
            ("multipart/form-data; boundary=y", "--x\r\n\r\n"),
            ("", "a=b"),
        ] {
            let all = shown(kind, body);
            assert_eq!(
                all.last().map(|last| (last.0, last.2.as_str())),
                Some((Place::Body, body))
            );
        }
    }

    #[test]
    fn codings_are_known() {
        let coded = |coding| {
            let request = Request::build(Method::POST, "/").unwrap();
            is_coded(&request.with_header("content-encoding", coding))
        };
        assert!(coded("gzip") && coded("identity, br"));
        assert!(!coded("identity") && !coded(""));
    }
}
