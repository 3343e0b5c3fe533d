//! The executable policy: what the live gateway, `explain` and `test` run alike.
//!
//! Immutable after [`Plan::compile`]; knows no socket, file or clock.

mod aside;
mod compile;
mod condition;
mod consumers;
mod exchange;
mod group;
mod pattern;
mod route;
mod run;
mod stage;
mod words;

use std::sync::Arc;

use adamant_filter::{Catalogue, Host, Layout, Problems, RouteFacts};
use serde_json::Value;

pub use exchange::{Decided, Decision, Exchange, Holding, Outcome, Refusal};
pub(crate) use pattern::captured;
pub(crate) use route::Found;
use route::Router;
pub use run::{End, Progress, Waiting};
use stage::{Placed, Stage};
pub use stage::{StepId, StepInfo};

use crate::config::Config;
use crate::digest::Digest;
use compile::Compiler;

/// The compiled file.
#[derive(Debug)]
pub struct Plan {
    config: Config,
    digest: Digest,
    layout: Layout,
    steps: Vec<StepInfo>,
    routes: Vec<RoutePlan>,
    pub(crate) router: Router,
    budget: Vec<(String, u64)>,
    client_authorities: Vec<Option<Arc<[u8]>>>,
}

/// A compiled route.
#[derive(Debug)]
pub(crate) struct RoutePlan {
    pub(crate) facts: Arc<RouteFacts>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) wiring: Wiring,
}

/// The filters of a route by moment. An empty list costs one comparison.
#[derive(Debug, Default)]
pub(crate) struct Wiring {
    request_body: Vec<Placed>,
    attempt: Vec<Placed>,
    response: Vec<Placed>,
    response_body: Vec<Placed>,
    finish: Vec<Placed>,
    buffer: Option<u64>,
    hold: Option<u64>,
    /// As `buffer`, for steps in shadow: they see a copy, and the body is not held.
    aside: Option<u64>,
}

impl Wiring {
    fn of(stages: &[Stage]) -> Self {
        let mut leaves = Vec::new();
        stages.iter().for_each(|stage| stage.leaves(&mut leaves));
        let with =
            |has: fn(&Placed) -> bool| leaves.iter().filter(|p| has(p)).map(|p| (*p).clone()).collect();
        let holds = |shadow: bool| {
            let placed = leaves.iter().filter(|placed| placed.shadow == shadow);
            let held = placed.filter_map(|placed| placed.instance.needs.buffer_request);
            held.map(|size| size.bytes()).max()
        };
        Self {
            request_body: with(|placed| !placed.instance.wired.request_body.is_empty()),
            attempt: with(|placed| !placed.instance.wired.attempt.is_empty()),
            response: with(|placed| !placed.instance.wired.response.is_empty()),
            response_body: with(|placed| !placed.instance.wired.response_body.is_empty()),
            finish: with(|placed| !placed.instance.wired.finish.is_empty()),
            buffer: holds(false),
            aside: holds(true),
            hold: leaves
                .iter()
                .filter_map(|p| p.instance.needs.hold_response)
                .map(|s| s.bytes())
                .max(),
        }
    }
}

/// Which moments of a route have hooks, for carriers that skip work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// Request body.
    pub request_body: bool,
    /// Attempt.
    pub attempt: bool,
    /// Response.
    pub response: bool,
    /// Response body.
    pub response_body: bool,
    /// Finish.
    pub finish: bool,
    /// Bytes of request body to hold before the upstream is contacted.
    pub buffer: Option<u64>,
    /// Bytes of an answer's body that may be held before its head leaves.
    pub hold: Option<u64>,
}

impl Plan {
    /// Compiles a validated file. `canonical` is its canonical form, which enters the digest.
    ///
    /// # Errors
    /// Everything that is wrong with the filters and their order.
    pub fn compile(
        config: Config,
        canonical: &Value,
        catalogue: &Catalogue,
        host: &mut dyn Host,
    ) -> Result<Self, Problems> {
        host.declare(Arc::new(consumers::of(&config)));
        let mut compiler = Compiler::new(catalogue, host, &config);
        let client_authorities = compiler.client_authorities();
        let routes = compiler.routes();
        let Compiler {
            layout,
            steps,
            files,
            budget,
            problems,
            ..
        } = compiler;
        if !problems.is_empty() {
            return Err(problems);
        }
        let filters: Vec<_> = catalogue
            .iter()
            .map(|filter| (filter.name().to_owned(), filter.version().to_owned()))
            .collect();
        let digest = Digest::of(canonical, &files, &filters);
        let router = Router::new(&config.routes);
        Ok(Self {
            config,
            digest,
            layout,
            steps,
            routes,
            router,
            budget,
            client_authorities,
        })
    }

    /// The validated file.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Identity of policy and binary.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Every use of a filter in the file, by [`StepId`].
    #[must_use]
    pub fn steps(&self) -> &[StepInfo] {
        &self.steps
    }

    /// Slots and words of an exchange.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Declared bounds of memory: what, bytes.
    #[must_use]
    pub fn budget(&self) -> &[(String, u64)] {
        &self.budget
    }

    /// The authorities that may vouch for clients of the listener at `position`, as the text of their file.
    /// They are the very bytes that the digest stands for.
    #[must_use]
    pub fn client_authorities(&self, position: usize) -> Option<&Arc<[u8]>> {
        self.client_authorities.get(position)?.as_ref()
    }

    /// Which moments of the route at `position` have hooks.
    #[must_use]
    pub fn moments(&self, position: usize) -> Moments {
        let Some(RoutePlan { wiring, .. }) = self.routes.get(position) else {
            return Moments::default();
        };
        Moments {
            request_body: !wiring.request_body.is_empty(),
            attempt: !wiring.attempt.is_empty(),
            response: !wiring.response.is_empty(),
            response_body: !wiring.response_body.is_empty(),
            finish: !wiring.finish.is_empty(),
            buffer: wiring.buffer,
            hold: wiring.hold,
        }
    }

    pub(crate) fn route_plan(&self, position: usize) -> Option<&RoutePlan> {
        self.routes.get(position)
    }
}
