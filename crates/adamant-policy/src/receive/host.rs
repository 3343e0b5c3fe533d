//! The host that a request asks for: one name, without port, in a form that can be compared.
//!
//! Never looks at forwarding headers: they do not influence routing.

use adamant_filter::Reason;
use http::header::HOST;
use pingora_http::RequestHeader;

use super::reason;

/// The host's name as it stands in the head, without port.
pub(crate) fn of(head: &RequestHeader) -> Result<&[u8], &'static Reason> {
    let mut fields = head.headers.get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(&reason::HOST_SEVERAL);
    }
    // HTTP/2 carries the host in `:authority`, which the codec puts into the URI.
    let authority = match (head.uri.authority(), field) {
        (Some(authority), Some(field)) if field.as_bytes() != authority.as_str().as_bytes() => {
            return Err(&reason::HOST_SEVERAL);
        }
        (Some(authority), _) => authority.as_str().as_bytes(),
        (None, Some(field)) => field.as_bytes(),
        (None, None) => return Err(&reason::HOST_MISSING),
    };
    name(authority)
}

/// The name in `host[:port]`.
fn name(authority: &[u8]) -> Result<&[u8], &'static Reason> {
    if authority.is_empty() {
        return Err(&reason::HOST_MISSING);
    }
    let (name, port) = match authority.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !authority.ends_with(b"]") => authority.split_at(colon),
        _ => (authority, b"".as_slice()),
    };
    let port = port.strip_prefix(b":").unwrap_or(port);
    if (port.is_empty() || is_port(port)) && (is_name(name) || is_v6_literal(name)) {
        Ok(name)
    } else {
        Err(&reason::HOST_INVALID)
    }
}

fn is_port(digits: &[u8]) -> bool {
    let number = || str::from_utf8(digits).ok()?.parse::<u32>().ok();
    digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit) && number().is_some_and(|port| port <= 65_535)
}

/// Bytes that a label of a name may have.
const LABEL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends before 256")]
        let letter = byte as u8;
        #[expect(clippy::indexing_slicing, reason = "the table has 256 places")]
        {
            table[byte] = letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_';
        }
        byte += 1;
    }
    table
};

/// Labels of letters, digits, hyphens and underscores between single dots; at most 253 bytes.
fn is_name(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > 253 {
        return false;
    }
    let mut label = 0;
    for (place, byte) in name.iter().enumerate() {
        if *byte == b'.' {
            if !is_label(place - label) {
                return false;
            }
            label = place + 1;
        } else if !LABEL.get(usize::from(*byte)).copied().unwrap_or(false) {
            return false;
        }
    }
    is_label(name.len() - label)
}

/// RFC 1035 §2.3.4.
const fn is_label(length: usize) -> bool {
    0 < length && length <= 63
}

fn is_v6_literal(name: &[u8]) -> bool {
    let inner = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
    inner
        .and_then(|inner| str::from_utf8(inner).ok())
        .is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_valid_name() {
        let cases: &[(&str, Option<&str>)] = &[
            ("api.example.com", Some("api.example.com")),
            ("api.example.com:8443", Some("api.example.com")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("[::1]:80", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("a_b.example", Some("a_b.example")),
            ("", None),
            (":80", None),
            ("a..b", None),
            (".a", None),
            ("a.", None),
            ("a:b", None),
            ("a:65535", Some("a")),
            ("a:65536", None),
            ("a:123456", None),
            ("user@host", None),
            ("a b", None),
            ("[::1", None),
            ("[zz]", None),
            ("ex\u{e4}mple", None),
        ];
        for (given, expected) in cases {
            assert_eq!(
                name(given.as_bytes()).ok(),
                expected.map(str::as_bytes),
                "{given}"
            );
        }
    }

    #[test]
    fn labels_have_63_bytes_and_names_253() {
        let label = "a".repeat(63);
        let long = [label.as_str(); 4].join(".");
        let cases = [
            (label.clone(), true),
            (format!("{label}a"), false),
            (format!("b.{label}a"), false),
            (format!("{label}a.b"), false),
            (long[..253].to_owned(), true),
            (long[..254].to_owned(), false),
        ];
        for (given, fits) in cases {
            assert_eq!(name(given.as_bytes()).is_ok(), fits, "{given}");
        }
    }
}
