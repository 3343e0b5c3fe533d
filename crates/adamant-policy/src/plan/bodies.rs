//! What filters that see bodies whole ask of the file: memory for these bodies, and routes that have them.

use adamant_filter::Problem;

use super::RoutePlan;
use super::compile::Compiler;
use super::stage::Stage;
use crate::config::{Action, Route};

impl Compiler<'_> {
    /// Adds the memory of held bodies to the budget, and refuses one in which a body can never fit.
    pub(super) fn reserve_bodies(&mut self, routes: &[RoutePlan]) {
        let Some(largest) = routes.iter().filter_map(|route| route.wiring.whole()).max() else {
            return;
        };
        let bodies = self.config.bodies;
        self.budget
            .push(("bodies that filters see whole".to_owned(), bodies.memory.bytes()));
        if largest > bodies.memory.bytes() {
            let text = format!(
                "a filter holds bodies of up to {largest} bytes, and all of them have {}",
                bodies.memory
            );
            self.problems.push(
                Problem::new("bodies.never-fits", text)
                    .with_span(bodies.span)
                    .with_help("write `bodies: { memory: … }` with room for several of them"),
            );
        }
    }

    /// A step that proves bodies needs a route that reads them.
    pub(super) fn check_bodies(&mut self, route: &Route, stages: &[Stage]) {
        if matches!(route.action, Action::To(_)) {
            return;
        }
        let mut leaves = Vec::new();
        stages.iter().for_each(|stage| stage.leaves(&mut leaves));
        for placed in leaves
            .into_iter()
            .filter(|placed| placed.instance.needs.buffer_request.is_some())
        {
            let text = format!(
                "`{}` proves bodies, and route `{}` answers without reading one",
                placed.instance.filter, route.name
            );
            self.problems.push(
                Problem::new("routes.unread-body", text)
                    .with_span(self.span(placed.instance.step))
                    .with_second(route.span, "on this route")
                    .with_help("put it on a route that has an upstream"),
            );
        }
    }

    /// An answer that is held is no stream.
    pub(super) fn check_held_answers(&mut self, route: &Route, stages: &[Stage]) {
        if !route.stream && !route.websocket {
            return;
        }
        let mut leaves = Vec::new();
        stages.iter().for_each(|stage| stage.leaves(&mut leaves));
        for placed in leaves
            .into_iter()
            .filter(|placed| placed.instance.needs.hold_response.is_some())
        {
            let text = format!(
                "`{}` has to see answers whole, and those of route `{}` are streams",
                placed.instance.filter, route.name
            );
            self.problems.push(
                Problem::new("routes.held-stream", text)
                    .with_span(self.span(placed.instance.step))
                    .with_second(route.span, "on this route")
                    .with_help("take `stream` and `upgrade` away, or give the streams a route of their own"),
            );
        }
    }
}
