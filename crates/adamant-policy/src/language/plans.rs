//! `plans:` names that consumers have and limits tell apart.

use std::sync::Arc;

use adamant_filter::Entry;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use super::context::check_name;
use crate::config::ConsumerPlan;

/// A plan. It has a name and nothing else, so it is written `{}`: what it is worth stands at the limits that
/// tell plans apart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PlanEntry {}

pub(super) fn read(written: &Entry, context: &mut Context<'_>) -> Option<ConsumerPlan> {
    context.keep(check_name("plan", &written.key, written.key_span));
    let PlanEntry {} = context.read(&written.value)?;
    Some(ConsumerPlan {
        name: Arc::clone(&written.key),
        span: written.key_span,
    })
}
