//! The canonical form of a path: one spelling that is matched, authorised, limited, logged and forwarded.
//!
//! Refuses what two receivers could read differently (encoded separators, encoded dots, empty segments,
//! segment parameters); never guesses. Queries are not touched.

use adamant_filter::Reason;

use super::reason;

/// What canonicalisation came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Canonical {
    /// The path is canonical as it stands.
    Same,
    /// The path in canonical form.
    Changed(String),
}

/// Bytes that stand for themselves in a canonical path (RFC 3986 §3.3 without `;`).
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
                | b'/'
        )
}

/// [`is_plain`] for every byte.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends before 256")]
        let is = is_plain(byte as u8);
        #[expect(clippy::indexing_slicing, reason = "the table has 256 places")]
        {
            table[byte] = is;
        }
        byte += 1;
    }
    table
};

/// The canonical form of `path`, which starts with a slash and has no query.
pub(crate) fn canonical(path: &[u8]) -> Result<Canonical, &'static Reason> {
    if is_canonical(path) {
        return Ok(Canonical::Same);
    }
    let decoded = decode(path)?;
    let resolved = resolve(&decoded)?;
    Ok(if resolved.as_bytes() == path {
        Canonical::Same
    } else {
        Canonical::Changed(resolved)
    })
}

/// One pass over a path that needs nothing, which is nearly every path.
fn is_canonical(path: &[u8]) -> bool {
    let mut after_slash = false;
    for &byte in path {
        if !PLAIN.get(usize::from(byte)).copied().unwrap_or(false)
            || (after_slash && matches!(byte, b'/' | b'.'))
        {
            return false;
        }
        after_slash = byte == b'/';
    }
    true
}

/// Decodes unreserved characters and writes other escapes in capitals.
fn decode(path: &[u8]) -> Result<String, &'static Reason> {
    let mut out = String::with_capacity(path.len());
    let mut escaped = Vec::new();
    let mut rest = path.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'%' => {
                let value = escape(rest.next().copied(), rest.next().copied())?;
                check_escape(value, rest.as_slice())?;
                if value >= 0x80 {
                    escaped.push(value);
                }
                push_escape(&mut out, value);
            }
            b';' => return Err(&reason::PATH_PARAMETERS),
            _ if is_plain(byte) => out.push(char::from(byte)),
            _ => return Err(&reason::PATH_CHARACTER),
        }
    }
    // Escapes of characters beyond ASCII must be UTF-8; overlong forms are not.
    if str::from_utf8(&escaped).is_err() {
        return Err(&reason::PATH_ENCODING);
    }
    Ok(out)
}

fn escape(high: Option<u8>, low: Option<u8>) -> Result<u8, &'static Reason> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let (Some(high), Some(low)) = (digit(high), digit(low)) else {
        return Err(&reason::PATH_ENCODING);
    };
    u8::try_from(high * 16 + low).map_err(|_| &reason::PATH_ENCODING)
}

/// Refuses escapes that some receiver would turn into structure.
fn check_escape(value: u8, after: &[u8]) -> Result<(), &'static Reason> {
    match value {
        b'/' | b'\\' => Err(&reason::PATH_ENCODED_SEPARATOR),
        b'.' => Err(&reason::PATH_ENCODED_DOTS),
        b';' => Err(&reason::PATH_PARAMETERS),
        0x00..0x20 | 0x7f => Err(&reason::PATH_CHARACTER),
        b'%' => match (after.first().copied(), after.get(1).copied()) {
            (Some(high), Some(low)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                Err(&reason::PATH_DOUBLE_ENCODING)
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn push_escape(out: &mut String, value: u8) {
    if value.is_ascii_alphanumeric() || matches!(value, b'-' | b'_' | b'~') {
        out.push(char::from(value));
        return;
    }
    out.push('%');
    for digit in [value >> 4, value & 15] {
        out.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
    }
}

/// Resolves plain dot segments (RFC 3986 §5.2.4) and refuses empty segments.
fn resolve(path: &str) -> Result<String, &'static Reason> {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "" if !last => return Err(&reason::PATH_EMPTY_SEGMENT),
            "." | ".." => {
                if part == ".." && kept.pop().is_none() {
                    return Err(&reason::PATH_CLIMBS);
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(part),
        }
    }
    Ok(format!("/{}", kept.join("/")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_spelling_for_each_path() {
        let cases: &[(&str, Result<&str, &str>)] = &[
            ("/", Ok("/")),
            ("/a/b.c", Ok("/a/b.c")),
            ("/.well-known/x", Ok("/.well-known/x")),
            ("/a/./b", Ok("/a/b")),
            ("/a/../b", Ok("/b")),
            ("/a/b/..", Ok("/a/")),
            ("/a/...", Ok("/a/...")),
            ("/%61%2D%7e", Ok("/a-~")),
            ("/%c3%a4", Ok("/%C3%A4")),
            ("/a%20b", Ok("/a%20b")),
            ("/..", Err("path-climbs")),
            ("/a/../../b", Err("path-climbs")),
            ("//a", Err("path-empty-segment")),
            ("/a//b", Err("path-empty-segment")),
            ("/a//", Err("path-empty-segment")),
            ("/a%2fb", Err("path-encoded-separator")),
            ("/a%5Cb", Err("path-encoded-separator")),
            ("/a\\b", Err("path-character")),
            ("/%2e%2e/b", Err("path-encoded-dots")),
            ("/a;x=1", Err("path-parameters")),
            ("/a%3bx", Err("path-parameters")),
            ("/%00", Err("path-character")),
            ("/%", Err("path-encoding")),
            ("/%zz", Err("path-encoding")),
            ("/%252e", Err("path-double-encoding")),
            ("/%25", Ok("/%25")),
            ("/%c0%af", Err("path-encoding")),
            ("/a b", Err("path-character")),
            ("/ä", Err("path-character")),
        ];
        for (given, expected) in cases {
            let found = match canonical(given.as_bytes()) {
                Ok(Canonical::Same) => Ok((*given).to_owned()),
                Ok(Canonical::Changed(path)) => Ok(path),
                Err(reason) => Err(reason.code()),
            };
            assert_eq!(found.as_deref().map_err(|code| *code), *expected, "{given}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_path_is_its_own_canonical_form(path in "/[a-z./%0-9A-F;~-]{0,40}") {
            if let Ok(Canonical::Changed(once)) = canonical(path.as_bytes()) {
                prop_assert_eq!(canonical(once.as_bytes()), Ok(Canonical::Same), "{}", once);
            }
        }

        #[test]
        fn no_path_has_dot_segments_or_empty_segments_afterwards(path in "/[a./%2eEfF5c-]{0,30}") {
            let form = match canonical(path.as_bytes()) {
                Ok(Canonical::Same) => path.clone(),
                Ok(Canonical::Changed(form)) => form,
                Err(_) => return Ok(()),
            };
            let inner: Vec<_> = form.split('/').skip(1).collect();
            prop_assert!(inner.iter().all(|part| *part != "." && *part != ".."));
            prop_assert!(inner.iter().rev().skip(1).all(|part| !part.is_empty()), "{}", form);
        }
    }
}
