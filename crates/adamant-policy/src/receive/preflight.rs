//! Routes of preflights: by the method that they ask for, where the route answers them.
//!
//! Answers nothing: a filter of the route does that.

use adamant_filter::{Request, Single};
use http::Method;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};

use crate::config::ListenerId;
use crate::plan::{Found, Plan};

impl Plan {
    /// The route of the request that a preflight asks for, if it answers preflights. Where it does not, a preflight is
    /// a request by `OPTIONS` like others, which the upstream may answer.
    pub(super) fn preflight_route(&self, request: &Request, listener: ListenerId) -> Option<usize> {
        if *request.method() != Method::OPTIONS || !self.answers_preflights() {
            return None;
        }
        let asked = asked_method(request)?;
        match self.router.find_for(request, &asked, listener) {
            Found::Route(position) => self
                .route_plan(position)?
                .wiring
                .answers_preflights
                .then_some(position),
            Found::OtherMethods(_) | Found::Nothing => None,
        }
    }
}

/// The method that a preflight asks for; `None` for everything else.
fn asked_method(request: &Request) -> Option<Method> {
    let (Single::One(_), Single::One(method)) = (
        request.single(&ORIGIN),
        request.single(&ACCESS_CONTROL_REQUEST_METHOD),
    ) else {
        return None;
    };
    Method::from_bytes(method.as_bytes()).ok()
}
