//! `security-headers`: what browsers are told to forbid to the pages and answers of a service.
//!
//! Protects nobody who is no browser.

mod profile;

use std::collections::{BTreeMap, BTreeSet};

use adamant_filter::prelude::*;
use http::header::STRICT_TRANSPORT_SECURITY;

pub(crate) use profile::Profile;

/// The shortest time for which browsers take up a host in their lists of hosts that are known to use TLS.
const PRELOAD_MIN: u64 = 31_536_000;

/// Sets the header fields by which browsers protect their users.
///
/// A profile says which: `api` for answers that are read by programs and never shown, `site` for pages. Each of its fields
/// may be changed or left out. `Strict-Transport-Security` is sent over TLS alone, where browsers look at it.
///
/// Example: `security-headers: { profile: api, existing: replace }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SecurityHeadersConfig {
    /// `api` or `site`. Example: `api`
    profile: Profile,
    /// What becomes of a field that the upstream has set: `keep` or `replace`. Example: `replace`
    existing: Existing,
    /// Other values for fields of the profile. Example: `{ content-security-policy: "default-src 'self'" }`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    set: BTreeMap<String, String>,
    /// Fields of the profile that are not sent. Example: `[x-frame-options]`
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    leave_out: BTreeSet<String>,
    /// For how long browsers use TLS for this host. Default: a year, without other hosts.
    #[serde(default)]
    strict_transport: StrictTransport,
}

/// What becomes of a field that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Existing {
    /// It stays.
    Keep,
    /// It is replaced.
    Replace,
}

/// The field `Strict-Transport-Security` (RFC 6797).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StrictTransport {
    /// How long. Default: `365d`.
    #[serde(default = "a_year")]
    max_age: Period,
    /// Whether for all hosts below this one, too. Default: false.
    #[serde(default)]
    include_subdomains: bool,
    /// Whether browsers may put the host into their built-in lists, which takes months to undo. Default: false.
    #[serde(default)]
    preload: bool,
}

impl Default for StrictTransport {
    fn default() -> Self {
        Self {
            max_age: a_year(),
            include_subdomains: false,
            preload: false,
        }
    }
}

const fn a_year() -> Period {
    Period::from_secs(31_536_000)
}

/// The filter.
#[derive(Debug)]
pub(crate) struct SecurityHeaders {
    fields: Box<[(HeaderName, HeaderValue)]>,
    strict_transport: Option<HeaderValue>,
    existing: Existing,
}

impl Filter for SecurityHeaders {
    const NAME: &'static str = "security-headers";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[];
    type Config = SecurityHeadersConfig;

    fn build(config: SecurityHeadersConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let usual = config.profile.fields();
        let is_known = |name: &String| usual.iter().any(|(known, _)| known == name);
        if let Some(name) = config.set.keys().find(|name| !is_known(name)) {
            let problem = Problem::at(
                &format!("set.{name}"),
                format!("the profile has no field `{name}`"),
            );
            return Err(problem.with_help("set it with the filter `headers`"));
        }
        let transport = STRICT_TRANSPORT_SECURITY.as_str();
        if let Some(name) = config
            .leave_out
            .iter()
            .find(|name| !is_known(name) && *name != transport)
        {
            return Err(Problem::at(
                "leave-out",
                format!("the profile has no field `{name}`"),
            ));
        }
        if let Some(name) = config.set.keys().find(|name| config.leave_out.contains(*name)) {
            return Err(Problem::at(
                "leave-out",
                format!("`set` gives a value to `{name}`"),
            ));
        }
        let mut fields = Vec::new();
        for (name, value) in usual.iter().filter(|(name, _)| !config.leave_out.contains(*name)) {
            let value = config.set.get(*name).map_or(*value, String::as_str);
            let value = HeaderValue::from_str(value)
                .ok()
                .filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| {
                Problem::at(
                    &format!("set.{name}"),
                    "a value has one printable ASCII character at least, and no others",
                )
            })?;
            fields.push((HeaderName::from_static(name), value));
        }
        let strict_transport = config.strict_transport.value()?;
        Ok(Self {
            fields: fields.into(),
            strict_transport: (!config.leave_out.contains(transport)).then_some(strict_transport),
            existing: config.existing,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.response(Self::mark)
    }
}

impl StrictTransport {
    fn value(&self) -> Result<HeaderValue, Problem> {
        let seconds = self.max_age.millis() / 1000;
        if self.preload && (seconds < PRELOAD_MIN || !self.include_subdomains) {
            let problem = Problem::at(
                "strict-transport.preload",
                "browsers take up a host only for a year at least, and with all hosts below it",
            );
            return Err(
                problem.with_help("write `include-subdomains: true` and a `max-age` of `365d` or more")
            );
        }
        let below = if self.include_subdomains {
            "; includeSubDomains"
        } else {
            ""
        };
        let preload = if self.preload { "; preload" } else { "" };
        HeaderValue::try_from(format!("max-age={seconds}{below}{preload}"))
            .map_err(|_| Problem::at("strict-transport", "this is no value of a header field"))
    }
}

impl SecurityHeaders {
    fn mark(&self, response: &mut Response<'_>) -> Verdict {
        // Names and values share their bytes with the plan.
        for (name, value) in &self.fields {
            self.put(response, name, value);
        }
        if let Some(value) = &self.strict_transport
            && response.request().tls().is_some()
        {
            self.put(response, &STRICT_TRANSPORT_SECURITY, value);
        }
        Verdict::Pass
    }

    fn put(&self, response: &mut Response<'_>, name: &HeaderName, value: &HeaderValue) {
        if self.existing == Existing::Replace || response.header(name).is_none() {
            response.set_header(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests;
