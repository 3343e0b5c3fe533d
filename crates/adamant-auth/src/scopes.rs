//! `scopes`: what an identity was granted against what a route needs.
//!
//! Asks the identity alone, however it was proved; never reads the credential.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;

use crate::challenge::{Challenge, default_realm};

/// Lets an identity pass that was granted the scopes which this route needs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScopesConfig {
    /// Every one of these scopes is needed: `[orders:read, orders:list]`.
    #[serde(default)]
    pub all: BTreeSet<String>,
    /// At least one of these scopes is needed.
    #[serde(default)]
    pub any: BTreeSet<String>,
    /// Name of the protected area in `WWW-Authenticate`.
    #[serde(default = "default_realm")]
    pub realm: String,
}

/// Scopes that are needed, checked for being scopes.
#[derive(Debug)]
pub(crate) struct ScopeRule {
    all: Box<[String]>,
    any: Box<[String]>,
}

impl ScopeRule {
    /// A rule from the lists `all` and `any` below `path` of the configuration.
    pub(crate) fn of(all: BTreeSet<String>, any: BTreeSet<String>, path: &str) -> Result<Self, Problem> {
        if all.is_empty() && any.is_empty() {
            return Err(Problem::at(
                path,
                "`scopes` needs at least one scope under `all` or `any`",
            ));
        }
        for (key, scopes) in [("all", &all), ("any", &any)] {
            if let Some(scope) = scopes.iter().find(|scope| !is_scope(scope)) {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{key}");
                return Err(Problem::at(&path, format!("`{scope}` is not a scope"))
                    .with_help("a scope is one word of printable ASCII without quotes and backslashes"));
            }
        }
        Ok(Self {
            all: all.into_iter().collect(),
            any: any.into_iter().collect(),
        })
    }

    /// What tells a client which scopes are needed (RFC 6750 §3.1).
    pub(crate) fn insufficient(&self, realm: &str) -> Result<Challenge, Problem> {
        let named: BTreeSet<&str> = self.all.iter().chain(&self.any).map(String::as_str).collect();
        let named: Vec<&str> = named.into_iter().collect();
        let parameters = [("error", "insufficient_scope"), ("scope", &named.join(" "))];
        Challenge::new("Bearer", realm, &parameters)
    }

    /// Whether the identity was granted what is needed.
    pub(crate) fn holds(&self, identity: &Identity) -> bool {
        self.all.iter().all(|scope| identity.has_scope(scope))
            && (self.any.is_empty() || self.any.iter().any(|scope| identity.has_scope(scope)))
    }
}

/// The filter `scopes`.
#[derive(Debug)]
pub struct Scopes {
    rule: ScopeRule,
    identity: Reads<Identity>,
    insufficient: Challenge,
}

impl Filter for Scopes {
    const NAME: &'static str = "scopes";
    const ROLE: Role = Role::Authorize;
    const REASONS: &'static [&'static Reason] = &[&Self::MISSING];
    type Config = ScopesConfig;

    fn build(config: ScopesConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let rule = ScopeRule::of(config.all, config.any, "")?;
        Ok(Self {
            insufficient: rule.insufficient(&config.realm)?,
            rule,
            identity: boot.reads::<Identity>(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl Scopes {
    const MISSING: Reason = Reason::new("missing", 403, "the credential does not grant what this needs");

    fn check(&self, request: &mut Request) -> Verdict {
        // Nobody was granted anything when authentication runs in shadow.
        let granted = request
            .get(&self.identity)
            .is_some_and(|identity| self.rule.holds(identity));
        if granted {
            Verdict::Pass
        } else {
            self.insufficient.deny(&Self::MISSING)
        }
    }
}

/// One `scope-token` of RFC 6749 §3.3.
pub(crate) fn is_scope(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;
    use adamant_filter::trial::{Trial, TrialHost};

    use super::*;

    fn ask(config: &serde_json::Value, scopes: &[&str]) -> Verdict {
        let mut trial = Trial::of::<Scopes>(config);
        let identity = Identity::new("jwt", "issuer", "acme").with_scopes(scopes.iter().copied());
        let mut request = trial.prepare_with(Request::build(Method::GET, "/").unwrap(), identity);
        trial.ask(&mut request)
    }

    #[test]
    fn all_needs_each_and_any_needs_one() {
        let cases: [(serde_json::Value, &[&str], bool); 9] = [
            (json!({"all": ["a"]}), &["a"], true),
            (json!({"all": ["a"]}), &["aa", "b"], false),
            (json!({"all": ["a", "b"]}), &["b", "c", "a"], true),
            (json!({"all": ["a", "b"]}), &["a"], false),
            (json!({"any": ["a", "b"]}), &["b"], true),
            (json!({"any": ["a", "b"]}), &[], false),
            (json!({"all": ["a"], "any": ["b", "c"]}), &["a", "c"], true),
            (json!({"all": ["a"], "any": ["b", "c"]}), &["a"], false),
            (json!({"all": ["a"], "any": ["b", "c"]}), &["b", "c"], false),
        ];
        for (config, scopes, passes) in cases {
            let verdict = ask(&config, scopes);
            assert_eq!(matches!(verdict, Verdict::Pass), passes, "{config} {scopes:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_scopes_that_are_needed() {
        let Verdict::Deny(denial) = ask(&json!({"all": ["b", "a"], "realm": "orders"}), &[]) else {
            panic!("nothing was granted");
        };
        assert_eq!((denial.reason.code(), denial.reason.status()), ("missing", 403));
        let [(name, value)] = denial.fields.as_slice() else {
            panic!("one field: {:?}", denial.fields)
        };
        assert_eq!(name.as_str(), "www-authenticate");
        assert_eq!(
            value,
            "Bearer realm=\"orders\", error=\"insufficient_scope\", scope=\"a b\""
        );
    }

    #[test]
    fn nobody_has_no_scopes() {
        let trial = Trial::of::<Scopes>(&json!({"all": ["a"]}));
        trial
            .request(Request::build(Method::GET, "/").unwrap())
            .denied("scopes.missing");
    }

    #[test]
    fn a_rule_that_asks_nothing_or_the_impossible_is_a_problem() {
        for config in [
            json!({}),
            json!({"all": [], "any": []}),
            json!({"all": ["a b"]}),
            json!({"any": ["\""]}),
        ] {
            assert!(
                Trial::try_build::<Scopes>(&config, &mut TrialHost::new()).is_err(),
                "{config}"
            );
        }
    }
}
