//! `tenants`: who may pass, by the tenant that `tenant-header` has found.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;

use crate::Tenant;

/// Lets only the hosts of these tenants pass. Needs `tenant-header` above it: without that, the file does not load.
///
/// Example: `tenants: { allow: [acme, globex] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantsConfig {
    /// Tenants that may pass. Example: `[acme, globex]`
    allow: BTreeSet<String>,
}

/// The filter.
#[derive(Debug)]
pub struct Tenants {
    allow: BTreeSet<String>,
    tenant: Reads<Tenant>,
}

impl Filter for Tenants {
    const NAME: &'static str = "tenants";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::OTHER, &Self::NOBODY];
    type Config = TenantsConfig;

    fn build(config: TenantsConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.allow.is_empty() {
            return Err(Problem::at("allow", "an empty list would refuse everyone"));
        }
        Ok(Self {
            allow: config.allow,
            tenant: boot.reads(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

impl Tenants {
    const OTHER: Reason = Reason::new("other", 403, "this is not served to this tenant");
    const NOBODY: Reason = Reason::new("nobody", 503, "nobody has found out whose host this is");

    fn check(&self, request: &mut Request) -> Verdict {
        match request.get(&self.tenant) {
            Some(tenant) if self.allow.contains(&*tenant.0) => Verdict::Pass,
            Some(_) => Self::OTHER.deny(),
            // The filter above runs in shadow, or could not decide and the file lets that pass.
            None => Self::NOBODY.fault(),
        }
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;
    use adamant_filter::trial::{Trial, conformance};

    use super::*;

    conformance!(conformance: Tenants, [json!({ "allow": ["acme", "globex"] })]);

    #[test]
    fn only_listed_tenants_pass() {
        let mut trial = Trial::of::<Tenants>(&json!({ "allow": ["acme"] }));
        let mut ask = |tenant: &str| {
            let request = Request::build(Method::GET, "/").unwrap();
            let mut request = trial.prepare_with(request, Tenant(tenant.into()));
            trial.ask(&mut request)
        };
        assert!(matches!(ask("acme"), Verdict::Pass));
        assert!(matches!(ask("globex"), Verdict::Deny(denial) if denial.reason == &Tenants::OTHER));
    }

    #[test]
    fn without_a_tenant_nothing_can_be_decided() {
        let trial = Trial::of::<Tenants>(&json!({ "allow": ["acme"] }));
        let verdict = trial.request(Request::build(Method::GET, "/").unwrap()).verdict;
        assert!(matches!(verdict, Verdict::Fault(fault) if fault.reason == &Tenants::NOBODY));
    }
}
