//! Protocol switches: only where both sides can make them.

use adamant_filter::Problem;

use crate::config::{Action, UpstreamProtocol};
use crate::language::{Context, Draft};

/// A WebSocket needs HTTP/1.1 to the endpoint.
pub(super) fn websockets(draft: &Draft, context: &mut Context<'_>) {
    for route in draft.routes.iter().flatten() {
        let Action::To(id) = &route.route.action else {
            continue;
        };
        let upstream = draft.upstreams.get(id.0).and_then(Option::as_ref);
        let speaks_h2 = upstream.is_some_and(|draft| draft.upstream.protocol == UpstreamProtocol::H2);
        if route.route.websocket && speaks_h2 {
            let message = format!(
                "the upstream of the route `{}` speaks HTTP/2, where nothing is upgraded",
                route.route.name
            );
            let problem = Problem::new("routes.upgrade", message).with_span(route.upgrade_span);
            context.tell(problem.with_help("name an upstream with `protocol: h1`"));
        }
    }
}
