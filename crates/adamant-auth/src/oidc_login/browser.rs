//! What a request says about the browser that sends it: whether a person is waiting for a page, and whether the
//! request was made by this site.
//!
//! Proves nothing about who is calling: it only chooses between a redirect and a refusal.

use adamant_filter::prelude::*;

const ACCEPT: HeaderName = HeaderName::from_static("accept");
const ORIGIN: HeaderName = HeaderName::from_static("origin");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a redirect to a login makes sense: a page is loaded into a window of its own.
pub(super) fn is_navigation(request: &Request) -> bool {
    let says = |name: &HeaderName, value: &str| match request.single(name) {
        Single::Absent => true,
        Single::One(said) => said.as_bytes() == value.as_bytes(),
        Single::Several => false,
    };
    *request.method() == Method::GET
        && accepts_html(request)
        && says(&SEC_FETCH_MODE, "navigate")
        && says(&SEC_FETCH_DEST, "document")
}

fn accepts_html(request: &Request) -> bool {
    let lines = request.headers().filter(|(name, _)| **name == ACCEPT);
    let mut kinds = lines.flat_map(|(_, value)| value.as_bytes().split(|byte| *byte == b','));
    kinds.any(|kind| {
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"text/html")
    })
}

/// Whether a request was made by a page of this origin, or by the person at the browser.
pub(super) fn is_from_here(request: &Request, origin: &str) -> bool {
    match request.single(&SEC_FETCH_SITE) {
        Single::One(site) => matches!(site.as_bytes(), b"same-origin" | b"none"),
        Single::Several => false,
        Single::Absent => match request.single(&ORIGIN) {
            Single::One(from) => from.as_bytes() == origin.as_bytes(),
            Single::Absent | Single::Several => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, fields: &[(&'static str, &str)]) -> Request {
        let request = Request::build(method, "/").unwrap();
        fields
            .iter()
            .fold(request, |request, (name, value)| request.with_header(name, value))
    }

    #[test]
    fn a_page_in_a_window_is_a_navigation() {
        let html = ("accept", "application/xml, Text/HTML;q=0.9, */*");
        let cases: [(&[(&'static str, &str)], bool); 9] = [
            (&[html], true),
            (
                &[
                    html,
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                true,
            ),
            (&[html, ("sec-fetch-mode", "cors")], false),
            (
                &[html, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
                false,
            ),
            (
                &[
                    html,
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-mode", "navigate"),
                ],
                false,
            ),
            (&[], false),
            (&[("accept", "*/*")], false),
            (&[("accept", "application/json")], false),
            (&[("accept", "text/html-x")], false),
        ];
        for (fields, expected) in cases {
            assert_eq!(
                is_navigation(&request(Method::GET, fields)),
                expected,
                "{fields:?}"
            );
        }
        assert!(!is_navigation(&request(Method::POST, &[html])));
        assert!(!is_navigation(&request(Method::HEAD, &[html])));
    }

    #[test]
    fn this_site_is_told_by_the_browser() {
        let cases: [(&[(&'static str, &str)], bool); 8] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (
                &[("sec-fetch-site", "cross-site"), ("origin", "https://app.test")],
                false,
            ),
            (&[("origin", "https://app.test")], true),
            (&[("origin", "https://evil.test")], false),
            (&[("origin", "null")], false),
            (&[], false),
        ];
        for (fields, expected) in cases {
            let request = request(Method::POST, fields);
            assert_eq!(is_from_here(&request, "https://app.test"), expected, "{fields:?}");
        }
    }
}
