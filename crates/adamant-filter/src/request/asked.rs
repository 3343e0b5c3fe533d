//! The scheme by which a client asked, when it did so before trusted proxies, and the host.
//!
//! Believes nobody by itself: whether a proxy may be believed was decided when the request was received.

use http::header::{FORWARDED, HeaderMap, HeaderName};

use super::{Request, Told};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

impl Request {
    /// The scheme by which the client asked, `https` or `http`: that of the connection, or of the client's own one
    /// when a trusted proxy tells it.
    #[must_use]
    pub fn asked_scheme(&self) -> &'static str {
        let told = self.told(&X_FORWARDED_PROTO, "proto").and_then(|told| {
            let is = |scheme: &str| told.eq_ignore_ascii_case(scheme);
            if is("https") || is("wss") {
                Some("https")
            } else {
                (is("http") || is("ws")).then_some("http")
            }
        });
        told.unwrap_or(if self.tls().is_some() { "https" } else { "http" })
    }

    /// The host for which the client asked, as it was sent and with its port if it has one. Routes go by it, so that
    /// nobody is told of another one: a proxy that does not write `X-Forwarded-Host` itself passes on the client's.
    #[must_use]
    pub fn asked_authority(&self) -> &str {
        let authority = Some(self.authority()).filter(|authority| !authority.is_empty());
        authority.unwrap_or_else(|| self.host())
    }

    /// What a trusted proxy tells in the last value of a field, or in a parameter of `Forwarded`.
    fn told(&self, field: &HeaderName, parameter: &str) -> Option<&str> {
        let headers = &self.head.headers;
        match self.origin.told {
            Told::Nothing => None,
            Told::XForwarded => from_the_right(headers, field, 0).map(str::trim),
            Told::Forwarded { element } => {
                let element = from_the_right(headers, &FORWARDED, element.into())?;
                element.split(';').find_map(|pair| {
                    let (name, value) = pair.split_once('=')?;
                    let is_meant = name.trim().eq_ignore_ascii_case(parameter);
                    is_meant.then(|| value.trim().trim_matches('"'))
                })
            }
        }
    }
}

/// A value of a list, which may stand in several lines, counted from 0 at the right.
fn from_the_right<'h>(headers: &'h HeaderMap, name: &HeaderName, position: usize) -> Option<&'h str> {
    let lines = headers.get_all(name).iter().rev();
    let values = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    values.into_iter().nth(position)
}

#[cfg(all(test, feature = "engine"))]
mod tests {
    use http::Method;

    use super::*;

    const ONE: Told = Told::Forwarded { element: 1 };
    const LAST: Told = Told::Forwarded { element: 0 };

    /// Who is believed, the fields that came, and the scheme and authority that the client asked for.
    type Case = (
        Told,
        &'static [(&'static str, &'static str)],
        (&'static str, &'static str),
    );

    const CASES: &[Case] = &[
        (
            Told::Nothing,
            &[("x-forwarded-proto", "https"), ("x-forwarded-host", "a.test")],
            ("http", "own.test:81"),
        ),
        (
            Told::XForwarded,
            &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "A.test:8443"),
            ],
            ("https", "own.test:81"),
        ),
        (
            Told::XForwarded,
            &[
                ("x-forwarded-proto", "http, HTTPS"),
                ("x-forwarded-host", "evil.test, a.test"),
            ],
            ("https", "own.test:81"),
        ),
        (
            Told::XForwarded,
            &[("x-forwarded-host", "evil.test"), ("x-forwarded-host", "a.test")],
            ("http", "own.test:81"),
        ),
        (
            Told::XForwarded,
            &[("x-forwarded-proto", "gopher"), ("x-forwarded-host", "a.test/@b")],
            ("http", "own.test:81"),
        ),
        (
            Told::XForwarded,
            &[("x-forwarded-proto", "wss"), ("x-forwarded-host", "")],
            ("https", "own.test:81"),
        ),
        (
            Told::XForwarded,
            &[("forwarded", "proto=https;host=a.test")],
            ("http", "own.test:81"),
        ),
        (
            LAST,
            &[("forwarded", "for=192.0.2.1;Proto=https;host=\"a.test:1\"")],
            ("https", "own.test:81"),
        ),
        (
            ONE,
            &[
                ("forwarded", "host=evil.test, proto=https;host=a.test"),
                ("forwarded", "host=b.test"),
            ],
            ("https", "own.test:81"),
        ),
        (ONE, &[("forwarded", "host=a.test")], ("http", "own.test:81")),
    ];

    #[test]
    fn only_what_may_be_believed_is_told() {
        for (told, fields, (scheme, authority)) in CASES {
            let mut request = Request::build(Method::GET, "/")
                .unwrap()
                .with_header("host", "own.test:81");
            for &(name, value) in *fields {
                let _ = request.head.append_header(name.to_owned(), value);
            }
            request.origin.told = *told;
            assert_eq!(
                (request.asked_scheme(), request.asked_authority()),
                (*scheme, *authority),
                "{fields:?}"
            );
        }
    }
}
