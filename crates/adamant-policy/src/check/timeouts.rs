//! Times that can never run out, because a shorter one runs out before.

use adamant_filter::Problem;

use crate::config::Action;
use crate::language::{Context, Draft};

/// `connect` and `first-byte` are shorter than `total`, unless a route lifts that.
pub(super) fn never_expires(draft: &Draft, context: &mut Context<'_>) {
    let streams = |at: usize| {
        let routes = draft.routes.iter().flatten().map(|draft| &draft.route);
        let mut to_here = routes.filter(|route| matches!(&route.action, Action::To(id) if id.0 == at));
        to_here.any(|route| route.stream)
    };
    for (at, upstream) in draft.upstreams.iter().enumerate() {
        let Some(upstream) = upstream else { continue };
        let times = &upstream.upstream.timeouts;
        let parts = [
            ("connect", times.connect, upstream.connect_span),
            ("first-byte", times.first_byte, upstream.first_byte_span),
        ];
        for (key, time, span) in parts {
            // What was not written is never longer than `total`.
            if time <= times.total || span.is_nowhere() || streams(at) {
                continue;
            }
            let total = adamant_filter::Period::from_millis(
                u64::try_from(times.total.as_millis()).unwrap_or(u64::MAX),
            );
            let message = format!("`{key}` never runs out: `total` is {total}");
            let problem = Problem::new("upstreams.timeout", message)
                .with_span(span)
                .with_second(upstream.total_span, "the time for all of it");
            context.tell(problem.with_help(format!("make `{key}` shorter or `total` longer")));
        }
    }
}
