//! `overload:` when requests are shed, so that those that matter most are still answered.

use adamant_filter::{Node, Period, Problem, Span, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use crate::config::Overload;

/// Shortest delay that can be told from the tick of a timer.
const DELAY_MIN: Period = Period::from_millis(5);

/// Beyond this, whoever waits has left.
const DELAY_MAX: Period = Period::from_secs(10);

/// Protection against more than the gateway can carry: requests of low priority are refused first, then those of
/// normal priority, with 503 and `Retry-After` and before any filter runs. Without it nothing is shed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct OverloadEntry {
    /// Most exchanges at a time in the process, such as `5000`; each worker has its equal part. From three
    /// quarters on nothing of low priority is begun, from seven eighths on nothing of normal priority, and
    /// beyond it nothing at all. An exchange counts from its head to its last byte, so streams and tunnels
    /// count as long as they last.
    #[schemars(range(min = 1, max = 10_000_000))]
    in_flight: u32,
    /// How long work that is ready may wait until its worker comes to it, such as `50ms`; from `5ms` to `10s`.
    /// Each worker measures it, and sheds a growing part of what has low priority, then of what has normal
    /// priority, while it stays above this. Never sheds what has high priority.
    queue_delay: Spanned<Period>,
}

pub(super) fn read(node: &Node, key_span: Span, context: &mut Context<'_>) -> Option<Overload> {
    let entry: OverloadEntry = context.read(node)?;
    let delay = entry.queue_delay;
    if !(DELAY_MIN..=DELAY_MAX).contains(&delay.value) {
        let message = format!(
            "`queue-delay` is from {DELAY_MIN} to {DELAY_MAX}, and this is {}",
            delay.value
        );
        context.tell(Problem::new("values.range", message).with_span(delay.span));
    }
    Some(Overload {
        in_flight: entry.in_flight,
        queue_delay: delay.duration(),
        span: key_span,
    })
}
