//! Patterns for paths and hosts.
//!
//! A pattern is written as requests are after they were made canonical; one that no canonical request can
//! ever match is refused.

use std::sync::Arc;

use adamant_filter::{Problem, Spanned};

use super::field::host_name;
use crate::config::{HostPattern, PathPattern, Segment};

/// `/a/{id}/**`.
pub(super) fn path_pattern(written: &Spanned<String>) -> Result<PathPattern, Problem> {
    let text = written.as_str();
    let wrong = |message: String| Problem::new("values.path", message).with_span(written.span);
    let Some(inner) = text.strip_prefix('/') else {
        let problem = wrong(format!("the path `{text}` does not begin with a slash"));
        return Err(problem.with_help(format!("did you mean `/{text}`?")));
    };
    let (inner, open) = match inner.strip_suffix("**") {
        Some("") => ("", true),
        // One slash alone, so that `/a//**` keeps its empty segment and is refused.
        Some(rest) if rest.ends_with('/') => (rest.strip_suffix('/').unwrap_or(rest), true),
        _ => (inner, false),
    };
    if open && inner.is_empty() && text != "/**" {
        return Err(wrong(format!("`{text}` has an empty segment")).with_help("did you mean `/**`?"));
    }
    let parts: Vec<&str> = if open && inner.is_empty() {
        Vec::new()
    } else {
        inner.split('/').collect()
    };
    let mut segments: Vec<Segment> = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        // A slash at the end is a segment of its own: `/a/` is not `/a`.
        let may_be_empty = !open && at + 1 == parts.len();
        let segment =
            segment(part, may_be_empty).map_err(|(message, help)| wrong(message).with_help(help))?;
        if matches!(segment, Segment::Capture(_)) && segments.contains(&segment) {
            return Err(
                wrong(format!("`{part}` is captured twice")).with_help("give each segment its own name")
            );
        }
        segments.push(segment);
    }
    if segments.len() > SEGMENTS_MAX {
        return Err(wrong(format!("a path has at most {SEGMENTS_MAX} segments")));
    }
    let captures = segments
        .iter()
        .filter(|segment| matches!(segment, Segment::Capture(_)))
        .count();
    if captures > adamant_filter::CAPTURES_MAX {
        return Err(wrong(format!(
            "a path captures at most {} segments",
            adamant_filter::CAPTURES_MAX
        )));
    }
    Ok(PathPattern {
        text: text.into(),
        segments,
        open,
    })
}

const SEGMENTS_MAX: usize = 64;

type Complaint = (String, String);

fn segment(part: &str, may_be_empty: bool) -> Result<Segment, Complaint> {
    let wrong = |message: String, help: &str| Err((message, help.to_owned()));
    if part.is_empty() && !may_be_empty {
        return wrong(
            "two slashes without anything between them never match".to_owned(),
            "requests with `//` are refused",
        );
    }
    if part == "." || part == ".." {
        return wrong(
            format!("`{part}` never matches: it is resolved before"),
            "write the path that is meant",
        );
    }
    if part.contains(['{', '}']) {
        return capture(part);
    }
    if part.contains('*') {
        let help = "`**` stands alone at the end; for one segment write `{name}`";
        return wrong(format!("`{part}` is not a part of a path"), help);
    }
    literal(part).map(|text| Segment::Literal(text.into()))
}

fn capture(part: &str) -> Result<Segment, Complaint> {
    let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match name {
        Some(name) if is_capture_name(name) => Ok(Segment::Capture(name.into())),
        Some(name) if !name.contains(['{', '}']) => Err((
            format!("`{name}` cannot be the name of a segment"),
            "letters, digits, `-` and `_`, a letter first".to_owned(),
        )),
        _ => Err((
            format!("`{part}` is not a part of a path"),
            "braces hold a whole segment, such as `/orders/{id}`".to_owned(),
        )),
    }
}

fn is_capture_name(name: &str) -> bool {
    let body = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    body && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.len() <= 32
}

/// A segment as it is after decoding what need not be encoded (RFC 3986 §2.3), else what to write instead.
fn literal(part: &str) -> Result<&str, Complaint> {
    if let Some(c) = part.chars().find(|c| !is_path_char(*c)) {
        let message = format!("`{c}` never stands in a path");
        return Err(match c {
            '?' | '#' => (
                message,
                "query parameters are matched by the key `query`".to_owned(),
            ),
            ';' => (message, "requests with `;` in the path are refused".to_owned()),
            '\\' => (
                message,
                "requests with a backslash in the path are refused".to_owned(),
            ),
            c => (message, format!("write `{}`", encode(c))),
        });
    }
    let mut rest = part;
    while let Some((_, after)) = rest.split_once('%') {
        let digits = after
            .get(..2)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            return Err((
                "a percent sign begins an encoded byte".to_owned(),
                "write `%25` for the sign".to_owned(),
            ));
        };
        let shown = digits.unwrap_or_default();
        if is_unreserved(byte) {
            return Err((
                format!("`%{shown}` never matches: it is decoded before"),
                format!("write `{}`", char::from(byte)),
            ));
        }
        let twice = byte == b'%'
            && after
                .get(2..4)
                .is_some_and(|next| next.bytes().all(|b| b.is_ascii_hexdigit()));
        if byte < 0x20 || twice || matches!(byte, 0x7f | b'/' | b'\\' | b';') {
            let message = format!("`%{shown}` never matches");
            return Err((
                message,
                "requests with this byte in the path are refused".to_owned(),
            ));
        }
        if shown.bytes().any(|b| b.is_ascii_lowercase()) {
            return Err((
                format!("`%{shown}` never matches"),
                format!("write `%{}`", shown.to_ascii_uppercase()),
            ));
        }
        rest = after.get(2..).unwrap_or_default();
    }
    Ok(part)
}

/// RFC 3986 §3.3 `pchar` without `;`, which we refuse in requests.
fn is_path_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,=:@%".contains(c)
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encode(c: char) -> String {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes)
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect()
}

/// `api.example.com` or `*.example.com`.
pub(super) fn host_pattern(written: &Spanned<String>) -> Result<HostPattern, Problem> {
    let text = written.as_str();
    let wrong = |help: &str| {
        let problem = Problem::new("values.host", format!("`{text}` is not a host")).with_span(written.span);
        problem.with_help(help)
    };
    if text == "*" {
        return Err(wrong("leave out `host` where every host is meant"));
    }
    let Some(suffix) = text.strip_prefix("*.") else {
        if text.contains('*') {
            return Err(wrong(
                "one `*.` may stand at the beginning, for one or more labels",
            ));
        }
        return host_name(text).map(HostPattern::Exact).map_err(wrong);
    };
    if suffix.contains('*') || suffix.starts_with('[') {
        return Err(wrong(
            "one `*.` may stand at the beginning, for one or more labels",
        ));
    }
    let name = host_name(suffix).map_err(wrong)?;
    Ok(HostPattern::Suffix(Arc::clone(&name)))
}

#[cfg(test)]
mod tests {
    use adamant_filter::Span;

    use super::*;

    fn path(text: &str) -> Result<String, String> {
        let shown = |pattern: PathPattern| {
            let parts = pattern.segments.iter().map(|segment| match segment {
                Segment::Literal(text) => format!("'{text}'"),
                Segment::Capture(name) => format!("<{name}>"),
            });
            format!(
                "{}{}",
                parts.collect::<Vec<_>>().join(" "),
                if pattern.open { " …" } else { "" }
            )
        };
        let written = Spanned::new(text.to_owned(), Span::NOWHERE);
        path_pattern(&written)
            .map(shown)
            .map_err(|problem| problem.help().unwrap_or_default().to_owned())
    }

    #[test]
    fn paths_are_segments_between_slashes() {
        for (text, expected) in [
            ("/", "''"),
            ("/**", " …"),
            ("/a", "'a'"),
            ("/a/", "'a' ''"),
            ("/a/**", "'a' …"),
            ("/a/{id}/b", "'a' <id> 'b'"),
            ("/{x}/{y}/**", "<x> <y> …"),
            ("/a%20b/%C3%A9", "'a%20b' '%C3%A9'"),
            ("/v1/items:batch", "'v1' 'items:batch'"),
        ] {
            assert_eq!(path(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn paths_that_never_match_are_refused() {
        for (text, help) in [
            ("a", "`/a`"),
            ("", "`/`"),
            ("//a", "`//`"),
            ("/a//b", "`//`"),
            ("/a//**", "`//`"),
            ("//**", "`/**`"),
            ("/a/../b", "meant"),
            ("/./b", "meant"),
            ("/a*", "alone at the end"),
            ("/**/a", "alone at the end"),
            ("/a/*", "alone at the end"),
            ("/a/b**", "alone at the end"),
            ("/{id}/{id}", "own name"),
            ("/{id", "whole segment"),
            ("/x{id}", "whole segment"),
            ("/{}", "letter first"),
            ("/{1}", "letter first"),
            ("/a?b", "`query`"),
            ("/a;b", "refused"),
            ("/a b", "`%20`"),
            ("/é", "`%C3%A9`"),
            ("/%41", "`A`"),
            ("/%2f", "refused"),
            ("/%3B", "refused"),
            ("/%2541", "refused"),
            ("/%1F", "refused"),
            ("/%c3", "`%C3`"),
            ("/%zz", "`%25`"),
            ("/%", "`%25`"),
        ] {
            let refused = path(text).unwrap_err();
            assert!(refused.contains(help), "{text}: {refused}");
        }
    }

    #[test]
    fn hosts_are_exact_or_have_one_star() {
        let host = |text: &str| host_pattern(&Spanned::new(text.to_owned(), Span::NOWHERE));
        assert_eq!(
            host("API.example.com"),
            Ok(HostPattern::Exact("api.example.com".into()))
        );
        assert_eq!(
            host("*.Example.com"),
            Ok(HostPattern::Suffix("example.com".into()))
        );
        for text in ["*", "*.*.com", "a.*.com", "*a.com", "a:80", "*.", "https://a", ""] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
