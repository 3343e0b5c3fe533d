//! `errors`: what clients see of the errors of an upstream: a problem document of the gateway, and nothing else.
//!
//! Never reads the body that it replaces: stack traces, queries and names of hosts stand there.

use std::collections::{BTreeMap, BTreeSet};

use adamant_filter::prelude::*;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::media_range::{MediaRange, all_of, essence};
use crate::statuses::Statuses;

/// Fields that belong to a status and say nothing of the upstream.
const KEPT: [HeaderName; 3] = [ALLOW, RETRY_AFTER, WWW_AUTHENTICATE];

/// Replaces answers of the upstream that are errors by a problem document (RFC 9457) of the gateway.
///
/// The body of the upstream and all its fields but `Allow`, `Retry-After` and `WWW-Authenticate` are dropped; the status
/// that it sent stands in the access log. A status that has no name in the standard becomes 400 or 502.
///
/// Example: `errors: { replace: [5xx] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ErrorsConfig {
    /// Statuses from 400 on; `5xx` is all from 500 to 599. Example: `[5xx, 404]`
    replace: BTreeSet<String>,
    /// Statuses that clients see as another one. Default: as they are. Example: `{ 500: 502 }`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    show: BTreeMap<String, u16>,
    /// Media types of bodies that stay, since the upstream makes them for clients. Default: none.
    /// Example: `[application/problem+json]`
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "crate::media_range::canonical"
    )]
    keep: Vec<String>,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Errors {
    replace: Statuses,
    show: Box<[(u16, &'static Reason)]>,
    keep: Box<[MediaRange]>,
}

macro_rules! reasons {
    ($($status:literal $code:literal,)*) => {
        /// One reason for each status of the standard, in their order.
        const STATUSES: &[&Reason] = &[$(&Reason::new($code, $status, "the service could not answer this request"),)*];
    };
}

reasons! {
    400 "status-400", 401 "status-401", 402 "status-402", 403 "status-403", 404 "status-404", 405 "status-405",
    406 "status-406", 407 "status-407", 408 "status-408", 409 "status-409", 410 "status-410", 411 "status-411",
    412 "status-412", 413 "status-413", 414 "status-414", 415 "status-415", 416 "status-416", 417 "status-417",
    421 "status-421", 422 "status-422", 423 "status-423", 424 "status-424", 425 "status-425", 426 "status-426",
    428 "status-428", 429 "status-429", 431 "status-431", 451 "status-451", 500 "status-500", 501 "status-501",
    502 "status-502", 503 "status-503", 504 "status-504", 505 "status-505", 506 "status-506", 507 "status-507",
    508 "status-508", 510 "status-510", 511 "status-511",
}

fn reason_of(status: u16) -> Option<&'static Reason> {
    let found = STATUSES.binary_search_by_key(&status, |reason| reason.status());
    found.ok().and_then(|position| STATUSES.get(position).copied())
}

impl Filter for Errors {
    const NAME: &'static str = "errors";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = STATUSES;
    type Config = ErrorsConfig;

    fn build(config: ErrorsConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let replace = Statuses::of("replace", &config.replace, 400)?;
        let mut show = Vec::new();
        for (sent, shown) in &config.show {
            let path = format!("show.{sent}");
            let status = sent.parse().ok().filter(|status| replace.has(*status));
            let Some(status) = status else {
                return Err(Problem::at(
                    &path,
                    format!("answers with `{sent}` are not replaced"),
                ));
            };
            let Some(reason) = reason_of(*shown) else {
                return Err(Problem::at(&path, format!("{shown} is no status of an error")));
            };
            if status == *shown {
                return Err(Problem::at(&path, "it is shown as what it is anyway"));
            }
            show.push((status, reason));
        }
        let keep = if config.keep.is_empty() {
            Box::default()
        } else {
            all_of("keep", &config.keep)?
        };
        Ok(Self {
            replace,
            show: show.into(),
            keep,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.response(Self::look)
    }
}

impl Errors {
    fn look(&self, response: &mut Response<'_>) -> Verdict {
        let status = response.status().as_u16();
        if response.is_ours() || !self.replace.has(status) || self.is_kept(response) {
            return Verdict::Pass;
        }
        let shown = self
            .show
            .iter()
            .find(|(sent, _)| *sent == status)
            .map(|(_, reason)| *reason);
        let usual = if status < 500 { 400 } else { 502 };
        let Some(reason) = shown.or_else(|| reason_of(status)).or_else(|| reason_of(usual)) else {
            return Verdict::Pass;
        };
        let mut fields = Fields::new();
        for name in &KEPT {
            fields.extend(
                response
                    .header_all(name)
                    .map(|value| (name.clone(), value.clone())),
            );
        }
        reason.deny_with(fields)
    }

    fn is_kept(&self, response: &Response<'_>) -> bool {
        let media = response.header(&CONTENT_TYPE).map(essence);
        media.is_some_and(|media| self.keep.iter().any(|range| range.holds(media)))
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::{Value, json};
    use adamant_filter::trial::{Trial, TrialHost};
    use pingora_http::ResponseHeader;

    use super::*;

    fn answered(config: &Value, status: u16, fields: &[(&'static str, &'static str)], ours: bool) -> Verdict {
        let trial = Trial::of::<Errors>(config);
        let request = trial.prepare(Request::build(Method::GET, "/").unwrap());
        let mut head = ResponseHeader::build_no_case(status, None).unwrap();
        for (name, value) in fields {
            head.append_header(*name, *value).unwrap();
        }
        trial.response(&request, &mut head, ours)
    }

    #[test]
    fn every_status_of_an_error_has_a_reason_with_it() {
        for pair in STATUSES.windows(2) {
            assert!(pair[0].status() < pair[1].status());
        }
        for reason in STATUSES {
            assert_eq!(reason.code(), format!("status-{}", reason.status()));
        }
    }

    #[test]
    fn errors_are_replaced_and_keep_what_belongs_to_their_status() {
        let config =
            json!({"replace": ["5xx", "405"], "show": {"500": 503}, "keep": ["application/problem+json"]});
        let fields = [
            ("retry-after", "7"),
            ("allow", "GET"),
            ("x-debug", "1"),
            ("content-type", "text/html"),
        ];
        for (sent, shown) in [(500, 503), (502, 502), (405, 405), (599, 502), (504, 504)] {
            let Verdict::Deny(denial) = answered(&config, sent, &fields, false) else {
                panic!("{sent} is replaced")
            };
            assert_eq!(denial.reason.status(), shown, "{sent}");
            let names: Vec<_> = denial.fields.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["allow", "retry-after"]);
        }
        let problem = [("content-type", "application/problem+json; charset=utf-8")];
        for (status, fields, ours) in [
            (404, &fields[..], false),
            (200, &fields, false),
            (500, &fields, true),
            (500, &problem, false),
        ] {
            assert!(
                matches!(answered(&config, status, fields, ours), Verdict::Pass),
                "{status} {ours}"
            );
        }
    }

    #[test]
    fn what_never_happens_is_refused_at_boot() {
        for config in [
            json!({"replace": []}),
            json!({"replace": ["3xx"]}),
            json!({"replace": ["500"], "show": {"502": 500}}),
            json!({"replace": ["500"], "show": {"500": 200}}),
            json!({"replace": ["500"], "show": {"500": 500}}),
            json!({"replace": ["500"], "keep": ["json"]}),
        ] {
            assert!(
                Trial::try_build::<Errors>(&config, &mut TrialHost::new()).is_err(),
                "{config}"
            );
        }
    }
}
