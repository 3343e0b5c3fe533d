//! The media type of a body, read from `Content-Type` in the one way that all receivers share.
//!
//! What two receivers could read differently is an error here, never a guess.

use adamant_filter::prelude::*;
use http::header::CONTENT_TYPE;

/// A `Content-Type` that is there twice, or that has more than one reading.
pub(crate) const CONTENT_TYPE_WRONG: Reason =
    Reason::new("content-type", 400, "the content type has no single reading");

/// Parameters that a media type may have.
const PARAMETERS_MAX: usize = 8;

/// A media type with its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Media<'h> {
    kind: &'h str,
    subtype: &'h str,
    parameters: &'h str,
}

impl<'h> Media<'h> {
    /// What the request says about its body.
    pub(crate) fn of(request: &'h Request) -> Result<Option<Self>, &'static Reason> {
        match request.single(&CONTENT_TYPE) {
            Single::Absent => Ok(None),
            Single::Several => Err(&CONTENT_TYPE_WRONG),
            Single::One(value) => {
                let text = value.to_str().map_err(|_| &CONTENT_TYPE_WRONG)?;
                Self::parse(text).map(Some).ok_or(&CONTENT_TYPE_WRONG)
            }
        }
    }

    /// Reads a media type (RFC 9110 §8.3.1). A parameter that is there twice, or a quoted one with escapes, is none.
    pub(crate) fn parse(text: &'h str) -> Option<Self> {
        let (essence, parameters) = match text.find(';') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let (kind, subtype) = essence.trim_matches([' ', '\t']).split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut names = [""; PARAMETERS_MAX];
        let mut count = 0;
        let mut rest = parameters;
        while !rest.is_empty() {
            let (parameter, after) = next_parameter(rest)?;
            rest = after;
            if let Some((name, _)) = parameter {
                if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                    return None;
                }
                *names.get_mut(count)? = name;
                count += 1;
            }
        }
        Some(Self {
            kind,
            subtype,
            parameters,
        })
    }

    /// Whether this is `kind/subtype`.
    pub(crate) fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether this is a media type of the kind, such as `multipart`.
    pub(crate) fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// Whether the body is JSON: `application/json`, or a subtype that ends with `+json` (RFC 6839).
    pub(crate) fn is_json(&self) -> bool {
        let suffix = self
            .subtype
            .len()
            .checked_sub(5)
            .and_then(|at| self.subtype.get(at..));
        self.is("application", "json") || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
    }

    /// The value of a parameter, without quotation marks.
    pub(crate) fn parameter(&self, wanted: &str) -> Option<&'h str> {
        let mut rest = self.parameters;
        while let Some((parameter, after)) = next_parameter(rest) {
            rest = after;
            if let Some((name, value)) = parameter
                && name.eq_ignore_ascii_case(wanted)
            {
                return Some(value);
            }
        }
        None
    }

    /// Whether the text of the body is said to be in UTF-8, or nothing is said about it.
    pub(crate) fn is_utf8(&self) -> bool {
        self.parameter("charset").is_none_or(|charset| {
            ["utf-8", "us-ascii"]
                .iter()
                .any(|known| charset.eq_ignore_ascii_case(known))
        })
    }
}

/// A parameter behind `;`, with its name and value.
pub(crate) type Parameter<'h> = Option<(&'h str, &'h str)>;

/// Reads one `; name=value`, where the parameter itself may be missing. `None` when this is something else.
pub(crate) fn next_parameter(text: &str) -> Option<(Parameter<'_>, &str)> {
    let blank = [' ', '\t'];
    let text = text
        .trim_start_matches(blank)
        .strip_prefix(';')?
        .trim_start_matches(blank);
    if text.is_empty() || text.starts_with(';') {
        return Some((None, text));
    }
    let (name, text) = text.split_once('=')?;
    // A name with `*` may be one part of several, or in another character set (RFC 2231): two readings.
    if !is_token(name) || name.contains('*') {
        return None;
    }
    let (value, rest) = if let Some(quoted) = text.strip_prefix('"') {
        let (value, rest) = quoted.split_once('"')?;
        if value.contains('\\') {
            return None;
        }
        (value, rest.trim_start_matches(blank))
    } else {
        let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let value = value.trim_end_matches(blank);
        if !is_token(value) {
            return None;
        }
        (value, rest)
    };
    (rest.is_empty() || rest.starts_with(';')).then_some((Some((name, value)), rest))
}

/// A token of RFC 9110 §5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_has_one_reading_or_none() {
        let json = [
            "application/json",
            "Application/JSON",
            "application/json;charset=utf-8",
            "application/json ; Charset=\"UTF-8\" ;",
            "application/problem+json",
            "application/vnd.api+JSON; profile=\"a;b\"; ext=x",
        ];
        for text in json {
            let media = Media::parse(text).unwrap();
            assert!(media.is_json() && media.is_utf8(), "{text}");
        }
        let others = [
            "text/plain",
            "application/jsonp",
            "application/json5",
            "application/+jso",
        ];
        for text in others {
            assert!(!Media::parse(text).unwrap().is_json(), "{text}");
        }
        let wrong = [
            "",
            "json",
            "application/json, text/plain",
            "application/ json",
            "application/json charset=utf-8",
            "application/json; charset",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; charset=utf-8; Charset=utf-8",
            "application/json; charset=\"utf-8",
            "application/json; charset=\"utf\\-8\"",
            "application/json; charset=\"utf-8\"x",
            "application/json; a=b c",
            "application/json; =b",
            "application/json; a*=b",
            "application/json; a*0=b",
        ];
        for text in wrong {
            assert!(Media::parse(text).is_none(), "{text}");
        }
        assert!(
            !Media::parse("application/json; charset=utf-16")
                .unwrap()
                .is_utf8()
        );
        let media = Media::parse("a/b; x=1; boundary=\"= ?\"").unwrap();
        assert_eq!(media.parameter("Boundary"), Some("= ?"));
        assert_eq!(media.parameter("y"), None);
    }
}
