//! The fields of each profile, and their usual values.
//!
//! Decides nothing: what a file changes is applied elsewhere.

use adamant_filter::prelude::*;

/// What the answers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Profile {
    /// Data for programs: nothing may be loaded, shown in a frame or run.
    Api,
    /// Pages for people.
    Site,
}

/// Nothing is ever shown, so nothing has to be allowed.
const API: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// What nearly every site can live with. Scripts and styles are for the site itself to restrict.
const SITE: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "base-uri 'self'; frame-ancestors 'self'; object-src 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
];

impl Profile {
    pub(crate) const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Api => API,
            Self::Site => SITE,
        }
    }
}
