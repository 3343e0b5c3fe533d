//! The address of a service that a filter asks, as the file writes it.
//!
//! Only its form is judged here; which addresses may be called at all is for the host to say.

use adamant_filter::prelude::*;

/// Longest address.
const LENGTH_MAX: usize = 2048;

/// An address in the two parts that calls need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Scheme, host and port, in lower case.
    pub(crate) origin: String,
    /// Path and query.
    pub(crate) target: String,
}

impl Address {
    /// Reads the value of the key `url`.
    pub(crate) fn parse(url: &str) -> Result<Self, Problem> {
        let wrong = |message: &str| {
            let problem = Problem::at("url", message);
            let problem = problem.with_help("write it like `https://id.example.com/introspect`");
            // Whoever writes a user may have written a password, too.
            Err(if url.contains('@') {
                problem.hidden()
            } else {
                problem
            })
        };
        let lower = url.to_ascii_lowercase();
        let Some(scheme) = ["https://", "http://"]
            .into_iter()
            .find(|scheme| lower.starts_with(scheme))
        else {
            return wrong("an address begins with `https://` or `http://`");
        };
        if url.len() > LENGTH_MAX || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("an address is printable ASCII without spaces, of at most 2048 bytes");
        }
        let rest = url.get(scheme.len()..).unwrap_or_default();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(end);
        if host.is_empty() || host.contains('@') {
            return wrong("an address names a host, and no user");
        }
        if target.contains('#') {
            return wrong("an address of a service has no fragment");
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            origin: format!("{scheme}{}", host.to_ascii_lowercase()),
            target: format!("{slash}{target}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_parts() {
        let cases = [
            ("https://id.test/a?b=c", Some(("https://id.test", "/a?b=c"))),
            ("HTTPS://ID.test:8443", Some(("https://id.test:8443", "/"))),
            ("http://[::1]:9000?x", Some(("http://[::1]:9000", "/?x"))),
            ("http://127.0.0.1:9000/A", Some(("http://127.0.0.1:9000", "/A"))),
            ("id.test/a", None),
            ("ftp://id.test/", None),
            ("https://", None),
            ("https:///a", None),
            ("https://user@id.test/", None),
            ("https://id.test/#a", None),
            ("https://id.test/a b", None),
            ("https://id.test/\u{e4}", None),
        ];
        for (url, expected) in cases {
            let parsed = Address::parse(url)
                .ok()
                .map(|address| (address.origin, address.target));
            let expected = expected.map(|(origin, target)| (origin.to_owned(), target.to_owned()));
            assert_eq!(parsed, expected, "{url}");
        }
    }
}
