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

/// The filter `scopes`.
#[derive(Debug)]
pub struct Scopes {
    all: Box<[String]>,
    any: Box<[String]>,
    identity: Reads<Identity>,
    insufficient: Challenge,
}

impl Filter for Scopes {
    const NAME: &'static str = "scopes";
    const ROLE: Role = Role::Authorize;
    const REASONS: &'static [&'static Reason] = &[&Self::MISSING];
    type Config = ScopesConfig;

    fn build(config: ScopesConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.all.is_empty() && config.any.is_empty() {
            return Err(Problem::at(
                "",
                "`scopes` needs at least one scope under `all` or `any`",
            ));
        }
        for (path, scopes) in [("all", &config.all), ("any", &config.any)] {
            if let Some(scope) = scopes.iter().find(|scope| !is_scope(scope)) {
                return Err(Problem::at(path, format!("`{scope}` is not a scope"))
                    .with_help("a scope is one word of printable ASCII without quotes and backslashes"));
            }
        }
        let named: Vec<&str> = config.all.union(&config.any).map(String::as_str).collect();
        let parameters = [("error", "insufficient_scope"), ("scope", &named.join(" "))];
        Ok(Self {
            insufficient: Challenge::new("Bearer", &config.realm, &parameters)?,
            all: config.all.into_iter().collect(),
            any: config.any.into_iter().collect(),
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
            .is_some_and(|identity| self.suffices(identity));
        if granted {
            Verdict::Pass
        } else {
            self.insufficient.deny(&Self::MISSING)
        }
    }

    fn suffices(&self, identity: &Identity) -> bool {
        self.all.iter().all(|scope| identity.has_scope(scope))
            && (self.any.is_empty() || self.any.iter().any(|scope| identity.has_scope(scope)))
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
