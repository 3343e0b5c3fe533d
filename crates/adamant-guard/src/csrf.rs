//! `csrf`: requests that change something come from pages of the service itself, or of sites that it trusts.
//!
//! Goes by what browsers say of themselves and pages cannot change (Fetch Metadata, `Origin`); it needs no tokens. It
//! protects nobody whose credentials a browser does not send by itself.

use adamant_filter::prelude::*;
use http::header::{COOKIE, ORIGIN, REFERER, UPGRADE};

use crate::cors::{Asker, Origins};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests with 403 that a page of another site made in the name of its visitor.
///
/// It looks at requests that may change something (all but `GET`, `HEAD` and `OPTIONS`) or open a WebSocket, and that
/// carry a cookie. `Sec-Fetch-Site` decides; where it is missing, `Origin`, and where that is missing, too, the host in
/// `Referer`: it has to be the host that was asked for, or that of an origin in `origins`. A request without all three is
/// refused, since every browser of the last years sends one of them.
///
/// Example: `csrf: { same-site: deny }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CsrfConfig {
    /// Whether pages of other hosts under the same registered domain may: `allow` or `deny`. Example: `deny`
    same_site: SameSite,
    /// Origins of other pages that may, written as in `cors`. Default: none. Example: `["https://app.example.com"]`
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "crate::cors::sorted"
    )]
    origins: Vec<String>,
    /// Whether requests without a cookie are looked at, too, for services that know their callers by address, `Basic`
    /// or client certificate. Programs that are no browsers are refused then. Default: false.
    #[serde(default)]
    without_cookies: bool,
}

/// What pages of other hosts under the same registered domain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum SameSite {
    Allow,
    Deny,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Csrf {
    same_site: SameSite,
    origins: Option<Origins>,
    without_cookies: bool,
}

impl Filter for Csrf {
    const NAME: &'static str = "csrf";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::FOREIGN, &Self::UNPROVED, &Self::AMBIGUOUS];
    type Config = CsrfConfig;

    fn build(config: CsrfConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let origins = if config.origins.is_empty() {
            None
        } else {
            Some(Origins::of(&config.origins, "origins")?)
        };
        if origins.as_ref().is_some_and(Origins::are_all)
            || config.origins.iter().any(|origin| origin == "null")
        {
            let problem = Problem::at("origins", "every site could act in the name of its visitors");
            return Err(problem.with_help("list the sites that you trust, or remove the filter"));
        }
        Ok(Self {
            same_site: config.same_site,
            origins,
            without_cookies: config.without_cookies,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

/// Where a request comes from.
enum From {
    Here,
    SameSite,
    Elsewhere,
    Unknown,
}

impl Csrf {
    const FOREIGN: Reason = Reason::new(
        "foreign",
        403,
        "another site may not do this in the name of its visitor",
    );
    const UNPROVED: Reason = Reason::new(
        "unproved",
        403,
        "the request does not say which site it comes from",
    );
    const AMBIGUOUS: Reason = Reason::new(
        "ambiguous",
        403,
        "the request says several times which site it comes from",
    );

    fn check(&self, request: &mut Request) -> Verdict {
        let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if is_safe && request.header(&UPGRADE).is_none() {
            return Verdict::Pass;
        }
        if !self.without_cookies && request.header(&COOKIE).is_none() {
            return Verdict::Pass;
        }
        let fields = [&SEC_FETCH_SITE, &ORIGIN, &REFERER];
        if fields.iter().any(|name| request.single(name) == Single::Several) {
            return Self::AMBIGUOUS.deny();
        }
        let is_trusted = || {
            let asker = self
                .origins
                .as_ref()
                .map(|origins| origins.asker(request.single(&ORIGIN)));
            matches!(asker, Some(Asker::Listed(_) | Asker::ByPattern))
        };
        match origin_of(request) {
            From::Here => Verdict::Pass,
            From::SameSite if self.same_site == SameSite::Allow => Verdict::Pass,
            From::SameSite | From::Elsewhere if is_trusted() => Verdict::Pass,
            From::SameSite | From::Elsewhere => Self::FOREIGN.deny(),
            From::Unknown => Self::UNPROVED.deny(),
        }
    }
}

fn origin_of(request: &Request) -> From {
    if let Some(site) = request.header(&SEC_FETCH_SITE) {
        return match site.as_bytes() {
            // `none`: the user did it, by an address or a bookmark.
            b"same-origin" | b"none" => From::Here,
            b"same-site" => From::SameSite,
            _ => From::Elsewhere,
        };
    }
    // Browsers that send no `Sec-Fetch-Site` do not say either what is the same site.
    let Some(page) = request.header(&ORIGIN).or_else(|| request.header(&REFERER)) else {
        return From::Unknown;
    };
    let authority = page.to_str().ok().and_then(authority);
    match authority {
        // The scheme is left out: behind a proxy that ends TLS it is not known here.
        Some(authority) if authority.eq_ignore_ascii_case(request.authority()) => From::Here,
        Some(_) | None => From::Elsewhere,
    }
}

/// Host and port of an origin or an address.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::{Value, json};
    use adamant_filter::trial::{Trial, TrialHost};

    use super::*;

    /// The code of the refusal; nothing when the request passes.
    fn code(config: &Value, method: Method, lines: &[(&'static str, &str)]) -> &'static str {
        let request = Request::build(method, "/")
            .unwrap()
            .with_header("host", "App.test:8443");
        let request = lines
            .iter()
            .fold(request, |request, (name, value)| request.with_header(name, value));
        match Trial::of::<Csrf>(config).request(request).verdict {
            Verdict::Pass => "",
            Verdict::Deny(denial) => denial.reason.code(),
            other => panic!("{other:?}"),
        }
    }

    /// Fields of a request with a cookie, and the code of its refusal.
    const CASES: &[(&[(&str, &str)], &str)] = &[
        (&[("sec-fetch-site", "same-origin")], ""),
        (&[("sec-fetch-site", "none")], ""),
        (&[("sec-fetch-site", "same-site")], "foreign"),
        (&[("sec-fetch-site", "cross-site")], "foreign"),
        (&[("sec-fetch-site", "Same-Origin")], "foreign"),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://app.test:8443"),
            ],
            "foreign",
        ),
        (
            &[("sec-fetch-site", "cross-site"), ("origin", "https://other.test")],
            "",
        ),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://other.test.evil.test"),
            ],
            "foreign",
        ),
        (&[("origin", "https://app.test:8443")], ""),
        (&[("origin", "https://app.test")], "foreign"),
        (&[("origin", "null")], "foreign"),
        (
            &[("origin", "null"), ("referer", "https://app.test:8443/")],
            "foreign",
        ),
        (&[("origin", "https://other.test")], ""),
        (&[("referer", "https://app.test:8443/form?x")], ""),
        (
            &[("referer", "https://evil.test/https://app.test:8443/")],
            "foreign",
        ),
        (&[("referer", "https://app.test:8443@evil.test/")], "foreign"),
        (&[], "unproved"),
        (
            &[
                ("origin", "https://app.test:8443"),
                ("origin", "https://evil.test"),
            ],
            "ambiguous",
        ),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
            "ambiguous",
        ),
    ];

    #[test]
    fn only_pages_of_the_service_and_of_trusted_sites_act_for_their_visitors() {
        let config = json!({"same-site": "deny", "origins": ["https://other.test"]});
        for (lines, expected) in CASES {
            let lines: Vec<_> = lines.iter().copied().chain([("cookie", "a=b")]).collect();
            assert_eq!(code(&config, Method::POST, &lines), *expected, "{lines:?}");
        }
        let same = json!({"same-site": "allow"});
        assert_eq!(
            code(
                &same,
                Method::PUT,
                &[("cookie", "a"), ("sec-fetch-site", "same-site")]
            ),
            ""
        );
    }

    #[test]
    fn what_a_page_could_do_anyway_is_not_looked_at() {
        let config = json!({"same-site": "deny"});
        let foreign = ("sec-fetch-site", "cross-site");
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(code(&config, method, &[("cookie", "a"), foreign]), "");
        }
        assert_eq!(
            code(
                &config,
                Method::GET,
                &[("cookie", "a"), foreign, ("upgrade", "websocket")]
            ),
            "foreign"
        );
        assert_eq!(code(&config, Method::POST, &[foreign]), "");
        let all = json!({"same-site": "deny", "without-cookies": true});
        assert_eq!(code(&all, Method::POST, &[foreign]), "foreign");
    }

    #[test]
    fn trusting_everyone_is_refused_at_boot() {
        for origins in [json!(["*"]), json!(["null"]), json!(["app.test"])] {
            let config = json!({"same-site": "deny", "origins": origins});
            assert!(
                Trial::try_build::<Csrf>(&config, &mut TrialHost::new()).is_err(),
                "{config}"
            );
        }
    }
}
