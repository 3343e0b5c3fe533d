//! `headers`: fields that are set, added or taken away, on requests and on answers.
//!
//! Never touches what frames a message, names its host or belongs to one connection: that is the gateway's.

mod changes;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use adamant_filter::prelude::*;
use serde::Serializer;

use changes::{Changes, Direction, Plan};
use rules::Rules;

/// Changes header fields of requests before they are forwarded, and of answers before they are sent.
///
/// In each direction fields are removed first, then set, then added, so that `remove: [x-internal-*]` with
/// `set: { x-internal-route: orders }` leaves exactly ours. Later filters see the request as it was changed.
/// Answers of the gateway itself are changed like those of an upstream. Rules for requests come before all changes.
///
/// Fields of the connection and of framing (`connection`, `content-length`, `host`, `te`, `transfer-encoding`,
/// `upgrade` and their like) cannot be named, nor those that the gateway writes itself (`forwarded`,
/// `x-forwarded-*`, `x-request-id`). No secret belongs in a file, so credentials can be removed but not set.
///
/// Example: `headers: { request: { remove: [x-consumer, x-internal-*] }, hide-software: true }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HeadersConfig {
    /// Changes to requests. Example: `{ set: { x-gateway: adamant }, remove: [x-internal-*] }`
    #[serde(default)]
    request: Changes,
    /// Changes to answers. Example: `{ set: { x-frame-options: DENY }, remove: [server] }`
    #[serde(default)]
    response: Changes,
    /// Whether fields of answers are taken away that only tell which software made them, such as `server`,
    /// `x-powered-by`, `x-aspnet-version` and `x-generator`. Default: false. Example: `true`
    #[serde(default)]
    hide_software: bool,
    /// Fields that a request must have; others get 400. Default: none. Example: `[x-tenant]`
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "lower_case_names"
    )]
    require: BTreeSet<String>,
    /// Regular expressions that the whole value of a field of a request fits, if the field is there; others get 400.
    /// Default: none. Example: `{ x-tenant: "[a-z]{2,16}" }`
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        serialize_with = "changes::lower_case_keys"
    )]
    patterns: BTreeMap<String, String>,
    /// The only fields of requests that go on to later filters and to the upstream, besides those that frame a message
    /// and those that the gateway itself writes. A `*` at the end stands for any rest. Credentials that a filter below
    /// reads are to be listed, too. Default: all. Example: `[accept, content-type, x-tenant]`
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "lower_case_some"
    )]
    forward: Option<BTreeSet<String>>,
}

/// Names of fields have no case, so the canonical form has none.
fn lower_case_names<S: Serializer>(names: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let names: BTreeSet<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde hands over what the field is")]
fn lower_case_some<S: Serializer>(
    names: &Option<BTreeSet<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let lower = |names: &BTreeSet<String>| names.iter().map(|name| name.to_ascii_lowercase()).collect();
    names
        .as_ref()
        .map(lower)
        .map(|names: BTreeSet<String>| names)
        .serialize(serializer)
}

/// Fields that tell which software made an answer.
const SOFTWARE: [HeaderName; 14] = [
    HeaderName::from_static("liferay-portal"),
    HeaderName::from_static("server"),
    HeaderName::from_static("x-application-context"),
    HeaderName::from_static("x-aspnet-version"),
    HeaderName::from_static("x-aspnetmvc-version"),
    HeaderName::from_static("x-backend-server"),
    HeaderName::from_static("x-drupal-cache"),
    HeaderName::from_static("x-generator"),
    HeaderName::from_static("x-jenkins"),
    HeaderName::from_static("x-owa-version"),
    HeaderName::from_static("x-php-version"),
    HeaderName::from_static("x-powered-by"),
    HeaderName::from_static("x-runtime"),
    HeaderName::from_static("x-server"),
];

/// The filter.
#[derive(Debug)]
pub(crate) struct Headers {
    request: Plan,
    response: Plan,
    hide_software: bool,
    rules: Rules,
}

impl Filter for Headers {
    const NAME: &'static str = "headers";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[&Self::MISSING, &Self::UNFIT];
    type Config = HeadersConfig;

    fn build(config: HeadersConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let request = Plan::of(&config.request, Direction::Request)?;
        let response = Plan::of(&config.response, Direction::Response)?;
        let hide_software = config.hide_software;
        if hide_software && let Some(name) = SOFTWARE.iter().find(|name| response.removes(name)) {
            return Err(Problem::at(
                "response.remove",
                format!("`hide-software` takes `{name}` away already"),
            ));
        }
        let rules = Rules::of(&config.require, &config.patterns, config.forward.as_ref())?;
        if rules.requires() {
            boot.refuses_preflights();
        }
        if request.is_empty() && response.is_empty() && !hide_software && rules.is_empty() {
            let problem = Problem::at("", "this changes nothing");
            return Err(
                problem.with_help("write what to `set`, `add` or `remove` under `request` or `response`")
            );
        }
        Ok(Self {
            request,
            response,
            hide_software,
            rules,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = if self.request.is_empty() && self.rules.is_empty() {
            hooks
        } else {
            hooks.request(Self::change_request)
        };
        if self.response.is_empty() && !self.hide_software {
            hooks
        } else {
            hooks.response(Self::change_response)
        }
    }
}

impl Headers {
    const MISSING: Reason = Reason::new("missing", 400, "a header field is missing");
    const UNFIT: Reason = Reason::new("unfit", 400, "a header field is not of the expected form");

    fn change_request(&self, request: &mut Request) -> Verdict {
        if !self.rules.has_all(request) {
            return Self::MISSING.deny();
        }
        if !self.rules.fit(request) {
            return Self::UNFIT.deny();
        }
        self.rules.drop_others(request);
        let plan = &self.request;
        plan.remove.iter().for_each(|name| request.remove_header(name));
        if plan.has_prefixes() {
            request.remove_headers(|name| plan.removes_by_prefix(name));
        }
        // Names and values share their bytes with the plan.
        plan.set
            .iter()
            .cloned()
            .for_each(|(name, value)| request.set_header(name, value));
        plan.add
            .iter()
            .cloned()
            .for_each(|(name, value)| request.append_header(name, value));
        Verdict::Pass
    }

    fn change_response(&self, response: &mut Response<'_>) -> Verdict {
        let plan = &self.response;
        if self.hide_software {
            SOFTWARE.iter().for_each(|name| response.remove_header(name));
        }
        plan.remove.iter().for_each(|name| response.remove_header(name));
        if plan.has_prefixes() {
            response.remove_headers(|name| plan.removes_by_prefix(name));
        }
        plan.set
            .iter()
            .cloned()
            .for_each(|(name, value)| response.set_header(name, value));
        plan.add
            .iter()
            .cloned()
            .for_each(|(name, value)| response.append_header(name, value));
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests;
