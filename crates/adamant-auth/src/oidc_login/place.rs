//! Places on the web as the file and the issuer write them: an origin, and what is asked for there.
//!
//! Knows `https`, and `http` on this machine alone. Never a place with a user, a fragment or a blank.

use std::net::IpAddr;

/// A place, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Scheme, host, and port where it is not that of the scheme.
    pub(super) origin: String,
    /// Path and query; empty where none was written.
    pub(super) target: String,
}

impl Place {
    /// Reads an absolute address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end)?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte);
        if authority.is_empty() || authority.contains('@') || !rest.bytes().all(is_plain) {
            return None;
        }
        let authority = authority.to_ascii_lowercase();
        let (host, port) = split_port(&authority);
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0));
        let is_host = host.starts_with('[')
            || host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        if host.is_empty() || !is_port || !is_host {
            return None;
        }
        let own = match scheme {
            "https" => ":443",
            "http" if is_loopback(host) => ":80",
            _ => return None,
        };
        let authority = authority.strip_suffix(own).unwrap_or(&authority);
        Some(Self {
            origin: format!("{scheme}://{authority}"),
            target: target.to_owned(),
        })
    }

    /// Reads an origin alone.
    pub(super) fn origin(text: &str) -> Option<String> {
        let place = Self::parse(text)?;
        place.target.is_empty().then_some(place.origin)
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || literal
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether a text is a path and query of this host and of nothing else: browsers take `//` and `/\` for the
/// beginning of another host.
pub(super) fn is_local(target: &str) -> bool {
    let is_plain = target
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_plain && target.starts_with('/') && !target.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_absolute_and_safe() {
        let cases = [
            (
                "https://id.test/authorize",
                Some(("https://id.test", "/authorize")),
            ),
            ("https://ID.test:443/A?b=c", Some(("https://id.test", "/A?b=c"))),
            ("https://id.test:8443", Some(("https://id.test:8443", ""))),
            ("https://id.test?x", Some(("https://id.test", "?x"))),
            ("http://127.0.0.1:80/", Some(("http://127.0.0.1", "/"))),
            ("http://[::1]:8080/", Some(("http://[::1]:8080", "/"))),
            ("http://localhost:1", Some(("http://localhost:1", ""))),
            ("http://id.test/", None),
            ("ftp://id.test/", None),
            ("javascript://id.test/", None),
            ("//id.test/", None),
            ("/authorize", None),
            ("https://", None),
            ("https://u@id.test/", None),
            ("https://id.test:0/", None),
            ("https://id.test:x/", None),
            ("https://id.test/#f", None),
            ("https://id.test/a b", None),
            ("https://id.test\\evil", None),
            ("https://id.test/\r\nx", None),
            ("https://id_x\u{e4}.test/", None),
        ];
        for (text, expected) in cases {
            let place = Place::parse(text);
            let parts = place
                .as_ref()
                .map(|place| (place.origin.as_str(), place.target.as_str()));
            assert_eq!(parts, expected, "{text}");
        }
    }

    #[test]
    fn only_paths_of_this_host_are_local() {
        for target in ["/", "/a?b=//c", "/a//b", "/%2F"] {
            assert!(is_local(target), "{target}");
        }
        for target in [
            "",
            "a",
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "https://evil.test",
            "/a\nb",
            "/ä",
        ] {
            assert!(!is_local(target), "{target:?}");
        }
    }
}
