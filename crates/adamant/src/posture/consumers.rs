//! Who is known by what, and what it has.
//!
//! Shows names alone; no credential stands in the file.

use adamant_policy::config::{Config, Consumer, KnownBy};
use serde::Serialize;

use crate::output::table;

/// A consumer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ConsumerPosture {
    consumer: String,
    plan: Option<String>,
    groups: Vec<String>,
    known_by: Vec<String>,
}

impl ConsumerPosture {
    pub(super) fn of(consumer: &Consumer, config: &Config) -> Self {
        let plan = consumer.plan.and_then(|id| config.plans.get(id.0));
        Self {
            consumer: consumer.name.to_string(),
            plan: plan.map(|plan| plan.name.to_string()),
            groups: consumer.groups.iter().map(ToString::to_string).collect(),
            known_by: consumer.known_by.iter().map(told).collect(),
        }
    }

    /// All consumers as a table for people.
    pub(super) fn text(consumers: &[Self]) -> String {
        let rows: Vec<_> = consumers.iter().map(Self::row).collect();
        table(&["CONSUMER", "PLAN", "GROUPS", "KNOWN BY"], &rows)
    }

    fn row(&self) -> Vec<String> {
        let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        vec![
            self.consumer.clone(),
            or_none(self.plan.clone().unwrap_or_default()),
            or_none(self.groups.join(", ")),
            self.known_by.join(", "),
        ]
    }
}

fn told(known: &KnownBy) -> String {
    let KnownBy {
        method, issuer, name, ..
    } = known;
    if issuer.is_empty() {
        format!("{method} {name}")
    } else {
        format!("{method} {name} ({issuer})")
    }
}
