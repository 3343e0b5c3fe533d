//! `policies:` named, reusable lists of filters.

use std::sync::Arc;

use adamant_filter::{Entry, Problem};

use super::Context;
use super::context::check_name;
use super::steps;
use crate::config::Policy;

pub(super) fn read(written: &Entry, context: &mut Context<'_>) -> Option<Policy> {
    context.keep(check_name("policy", &written.key, written.key_span));
    let items = written.value.as_sequence()?;
    if items.is_empty() {
        let message = format!("the policy `{}` has no filters", written.key);
        context.tell(Problem::new("policies.empty", message).with_span(written.key_span));
    }
    let steps = items
        .iter()
        .map(|node| steps::read(node, context))
        .collect::<Vec<_>>();
    let steps = steps.into_iter().collect::<Option<_>>()?;
    Some(Policy {
        name: Arc::clone(&written.key),
        steps,
        span: written.key_span,
    })
}
