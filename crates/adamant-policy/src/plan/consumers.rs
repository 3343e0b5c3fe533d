//! The consumers of the file as filters see them.

use std::sync::Arc;

use adamant_filter::{Consumer, Consumers, KnownBy};

use crate::config::{self, Config};

/// Consumers by the identities that stand for them, with the plans that there are.
pub(super) fn of(config: &Config) -> Consumers {
    let plan = |id: config::PlanId| config.plans.get(id.0).map(|plan| Arc::clone(&plan.name));
    let known = config.consumers.iter().flat_map(|declared| {
        let consumer = Arc::new(Consumer {
            name: Arc::clone(&declared.name),
            plan: declared.plan.and_then(plan),
            groups: declared.groups.clone(),
        });
        declared.known_by.iter().map(move |known| {
            let by = KnownBy {
                method: &known.method,
                issuer: &known.issuer,
                name: &known.name,
            };
            (by, Arc::clone(&consumer))
        })
    });
    Consumers::new(
        config.plans.iter().map(|plan| Arc::clone(&plan.name)).collect(),
        known,
    )
}
