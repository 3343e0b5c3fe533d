//! Priorities: they mean something only where requests are shed.

use adamant_filter::Problem;

use crate::language::{Context, Draft};

/// Without `overload` nothing is shed, so whoever wrote a priority believes in a protection that is not there.
pub(super) fn without_overload(draft: &Draft, context: &mut Context<'_>) {
    if draft.has_overload {
        return;
    }
    for route in draft.routes.iter().flatten() {
        let Some(span) = route.priority_span else { continue };
        let problem = Problem::new(
            "keys.misplaced",
            "`priority` means nothing while there is no `overload`",
        );
        context.tell(problem.with_span(span).with_help(
            "write when requests are shed, such as `overload: { in-flight: 5000, queue-delay: 50ms }`, or remove it",
        ));
    }
}
