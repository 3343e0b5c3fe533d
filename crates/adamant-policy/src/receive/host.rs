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
    let number = str::from_utf8(port)
        .ok()
        .and_then(|port| port.parse::<u32>().ok());
    let port_fits = port.is_empty()
        || (port.len() <= 5
            && port.iter().all(u8::is_ascii_digit)
            && number.is_some_and(|port| port <= 65_535));
    if port_fits && (is_name(name) || is_v6_literal(name)) {
        Ok(name)
    } else {
        Err(&reason::HOST_INVALID)
    }
}

/// Labels of letters, digits, hyphens and underscores between single dots; at most 253 bytes.
fn is_name(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > 253 {
        return false;
    }
    let mut label = 0usize;
    for byte in name {
        match byte {
            b'.' if label == 0 => return false,
            b'.' => label = 0,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
            _ => return false,
        }
        if label > 63 {
            return false;
        }
    }
    label > 0
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
}
