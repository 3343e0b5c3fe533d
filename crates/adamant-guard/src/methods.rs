//! `methods`: which HTTP methods are served.
//!
//! Says nothing about where a request goes: routes match methods, this refuses them.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;
use http::header::ALLOW;

/// Lets only the listed methods pass; others get 405 with the field `Allow`.
///
/// A method is allowed when it is listed and not otherwise: `GET` does not bring `HEAD` with it, and a
/// preflight needs `OPTIONS` (or the filter `cors` above).
///
/// Example: `methods: { allow: [GET, HEAD, POST] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MethodsConfig {
    /// Methods that may pass, in capital letters. Example: `[GET, HEAD, POST, PUT, DELETE]`
    allow: BTreeSet<String>,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Methods {
    allow: Box<[Method]>,
    /// Value of the field `Allow`.
    listed: HeaderValue,
}

impl Filter for Methods {
    const NAME: &'static str = "methods";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::REFUSED];
    type Config = MethodsConfig;

    fn build(config: MethodsConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        boot.refuses_preflights();
        let listed = config
            .allow
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        if listed.is_empty() {
            return Err(Problem::at("allow", "an empty list would refuse every request"));
        }
        let allow: Result<_, _> = config.allow.iter().map(|name| method(name)).collect();
        let listed =
            HeaderValue::try_from(listed).map_err(|_| Problem::at("allow", "a method is one word"))?;
        Ok(Self {
            allow: allow?,
            listed,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

fn method(name: &str) -> Result<Method, Problem> {
    let method = Method::from_bytes(name.as_bytes())
        .map_err(|_| Problem::at("allow", format!("`{name}` is not a method")))?;
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        // RFC 9110 §9.1: methods are case-sensitive, and none of the registered ones has a small letter.
        let problem = Problem::at("allow", format!("`{name}` is never the method of a request"));
        return Err(problem.with_help(format!("did you mean `{}`?", name.to_ascii_uppercase())));
    }
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(Problem::at("allow", format!("`{name}` is never forwarded")));
    }
    Ok(method)
}

impl Methods {
    const REFUSED: Reason = Reason::new("refused", 405, "this method is not served here");

    fn check(&self, request: &mut Request) -> Verdict {
        if self.allow.contains(request.method()) {
            return Verdict::Pass;
        }
        Self::REFUSED.deny_with(vec![(ALLOW, self.listed.clone())])
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::{Value, json};
    use adamant_filter::trial::{Trial, TrialHost};

    use super::*;

    fn request(method: &str) -> Request {
        Request::build(Method::from_bytes(method.as_bytes()).unwrap(), "/").unwrap()
    }

    fn problem(config: &Value) -> Problem {
        let problems = Trial::try_build::<Methods>(config, &mut TrialHost::new()).expect_err("it is broken");
        problems.iter().next().unwrap().clone()
    }

    #[test]
    fn only_listed_methods_pass() {
        let trial = Trial::of::<Methods>(&json!({"allow": ["PUT", "GET", "PROPFIND"]}));
        for method in ["GET", "PUT", "PROPFIND"] {
            trial.request(request(method)).passes();
        }
        for method in ["HEAD", "POST", "OPTIONS", "get", "TRACE"] {
            let denial = trial.request(request(method)).denied("methods.refused");
            assert_eq!(denial.reason.status(), 405);
            assert_eq!(
                denial.fields,
                [(ALLOW, HeaderValue::from_static("GET, PROPFIND, PUT"))]
            );
        }
    }

    #[test]
    fn the_order_of_the_list_means_nothing_and_is_not_in_the_canonical_form() {
        let canonical = |config: Value| {
            let node = adamant_filter::Node::from_json(&config);
            let config: MethodsConfig = adamant_filter::decode(&node).unwrap();
            adamant_filter::serde_json::to_value(&config).unwrap()
        };
        assert_eq!(
            canonical(json!({"allow": ["PUT", "GET"]})),
            canonical(json!({"allow": ["GET", "PUT"]}))
        );
    }

    #[test]
    fn what_is_no_method_of_a_request_is_refused_at_boot() {
        for method in ["get", "Post", "GE T", "", "TRACE", "CONNECT"] {
            assert_eq!(
                problem(&json!({"allow": [method]})).path(),
                Some("allow"),
                "{method}"
            );
        }
        assert_eq!(
            problem(&json!({"allow": ["get"]})).help(),
            Some("did you mean `GET`?")
        );
        assert_eq!(problem(&json!({"allow": []})).path(), Some("allow"));
    }
}
