//! Small parts that several keys share: header fields, hosts, times that must not be zero.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Period, Problem, Problems, Size, Spanned};
use http::HeaderName;

/// A header field name in lower case.
pub(super) fn header_name(name: &str) -> Option<Arc<str>> {
    HeaderName::from_bytes(name.as_bytes())
        .ok()
        .map(|name| Arc::from(name.as_str()))
}

/// A time that is not zero.
pub(super) fn positive(key: &str, period: &Spanned<Period>, problems: &mut Problems) -> Duration {
    if period.is_zero() {
        let problem = Problem::new(
            "values.range",
            format!("`{key}` must not be zero: nothing would have time"),
        );
        problems.push(problem.with_span(period.span));
    }
    period.duration()
}

/// A size that is neither zero nor more than `most`.
pub(super) fn size_within(key: &str, size: &Spanned<Size>, most: Size, problems: &mut Problems) -> Size {
    if size.bytes() == 0 || size.value > most {
        let message = format!("`{key}` is from 1B to {most}, and this is {}", size.value);
        problems.push(Problem::new("values.range", message).with_span(size.span));
    }
    size.value
}

/// A DNS name or an IP literal without port, in lower case.
pub(super) fn host_name(text: &str) -> Result<Arc<str>, &'static str> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(inner) = bare {
        let known = inner
            .parse::<std::net::Ipv6Addr>()
            .map(|address| Arc::from(format!("[{address}]")));
        return known.map_err(|_| "between the brackets stands no IPv6 address");
    }
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Err("an IPv6 address stands between brackets, such as `[::1]`");
    }
    if text.contains("://") || text.contains('/') {
        return Err("write the name alone, without scheme or path");
    }
    if text.contains(':') {
        return Err("write the name without a port");
    }
    if !text.is_ascii() {
        return Err("write the name as it is on the wire, in ASCII (`xn--…`)");
    }
    let name = text.to_ascii_lowercase();
    let fits = |label: &str| {
        let ends = !label.starts_with('-') && !label.ends_with('-');
        let letters = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (1..=63).contains(&label.len()) && ends && letters
    };
    if name.len() <= 253 && name.split('.').all(fits) {
        return Ok(name.into());
    }
    Err("a host name has labels of letters, digits and `-` with dots between them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_without_anything_else() {
        for (text, name) in [
            ("API.Example.com", "api.example.com"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::0:1]", "[::1]"),
            ("a_b", "a_b"),
        ] {
            assert_eq!(host_name(text).as_deref(), Ok(name), "{text}");
        }
        for text in [
            "", "a..b", "-a", "a-", "::1", "a:80", "http://a", "a/b", "ä.de", "*.a", "a b", "[x]", "a.",
        ] {
            assert!(host_name(text).is_err(), "{text}");
        }
    }
}
