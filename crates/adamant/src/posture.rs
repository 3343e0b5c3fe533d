//! The posture of a policy: which route can be reached under which protection, and where it leads, and who is
//! known by what.
//!
//! Reads the validated file and the roles of filters; judges nothing.

mod consumers;

use adamant_filter::{Catalogue, Role};
use adamant_policy::config::{
    Action, Config, Generic, Match, OnFault, Origin, Priority, Route, RouteStep, Step, StepKind,
};
use serde::Serialize;

use crate::output::table;
use consumers::ConsumerPosture;

/// All routes, in the order in which they match, and all consumers.
#[derive(Debug, Serialize)]
pub(crate) struct Posture {
    routes: Vec<RoutePosture>,
    consumers: Vec<ConsumerPosture>,
}

/// A route.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct RoutePosture {
    route: String,
    matches: String,
    public: bool,
    authentication: Vec<String>,
    limits: Vec<String>,
    guards: Vec<String>,
    /// Steps whose fault lets the request pass, though they protect.
    pass_on_fault: Vec<String>,
    to: String,
    marks: Vec<String>,
}

impl Posture {
    /// The posture of a file.
    pub(crate) fn of(config: &Config, catalogue: &Catalogue) -> Self {
        let routes = config
            .routes
            .iter()
            .map(|route| RoutePosture::of(route, config, catalogue));
        let consumers = config.consumers.iter();
        Self {
            routes: routes.collect(),
            consumers: consumers
                .map(|consumer| ConsumerPosture::of(consumer, config))
                .collect(),
        }
    }

    /// As a table of so many routes for people; the others are counted. What is public stands out in capitals.
    pub(crate) fn summary(&self, most: usize) -> String {
        let others = self.routes.get(most..).unwrap_or_default();
        let shown = Self {
            routes: self.routes.iter().take(most).cloned().collect(),
            consumers: Vec::new(),
        };
        let mut text = shown.text();
        if !others.is_empty() {
            let public = others.iter().filter(|route| route.public).count();
            text.push_str(&format!(
                "and {} more routes, {public} of them PUBLIC: see `adamant show --posture`\n",
                others.len()
            ));
        }
        text
    }

    /// As a table for people. What is public stands out in capitals.
    pub(crate) fn text(&self) -> String {
        let head = [
            "ROUTE",
            "MATCHES",
            "AUTHENTICATION",
            "LIMITS",
            "GUARDS",
            "ON FAULT",
            "TO",
            "MARKS",
        ];
        let rows: Vec<_> = self.routes.iter().map(RoutePosture::row).collect();
        let mut text = table(&head, &rows);
        if !self.consumers.is_empty() {
            text.push('\n');
            text.push_str(&ConsumerPosture::text(&self.consumers));
        }
        text
    }
}

impl RoutePosture {
    fn of(route: &Route, config: &Config, catalogue: &Catalogue) -> Self {
        let mut seen = Seen {
            catalogue,
            posture: Self::empty(route, config),
        };
        for step in &route.filters {
            match step {
                RouteStep::Inline(step) => seen.step(step, &Generic::default()),
                RouteStep::Use { policy, generic, .. } => {
                    let steps = config
                        .policies
                        .get(policy.0)
                        .map(|policy| policy.steps.as_slice());
                    steps
                        .unwrap_or_default()
                        .iter()
                        .for_each(|step| seen.step(step, generic));
                }
            }
        }
        seen.posture
    }

    fn empty(route: &Route, config: &Config) -> Self {
        let mut marks = Vec::new();
        if route.public {
            marks.push("public".to_owned());
        }
        if route.stream {
            marks.push("stream".to_owned());
        }
        if route.websocket {
            marks.push("websocket".to_owned());
        }
        if config.overload.is_some() && route.priority != Priority::Normal {
            marks.push(format!("priority: {}", route.priority.word()));
        }
        Self {
            route: route.name.to_string(),
            matches: matched(&route.matches),
            public: route.public,
            authentication: Vec::new(),
            limits: Vec::new(),
            guards: Vec::new(),
            pass_on_fault: Vec::new(),
            to: destination(&route.action, config),
            marks,
        }
    }

    fn row(&self) -> Vec<String> {
        let list = |names: &[String]| {
            if names.is_empty() {
                "-".to_owned()
            } else {
                names.join(", ")
            }
        };
        let authentication = match (self.public, self.authentication.is_empty()) {
            (true, true) => "PUBLIC".to_owned(),
            (true, false) => format!("PUBLIC, {}", self.authentication.join(", ")),
            (false, _) => list(&self.authentication),
        };
        let on_fault = match self.pass_on_fault.as_slice() {
            [] => "deny".to_owned(),
            names => format!("PASS: {}", names.join(", ")),
        };
        vec![
            self.route.clone(),
            self.matches.clone(),
            authentication,
            list(&self.limits),
            list(&self.guards),
            on_fault,
            self.to.clone(),
            list(&self.marks),
        ]
    }
}

/// Collects what the steps of one route do.
struct Seen<'c> {
    catalogue: &'c Catalogue,
    posture: RoutePosture,
}

impl Seen<'_> {
    fn step(&mut self, step: &Step, outer: &Generic) {
        let generic = Generic {
            when: step.generic.when.clone().or_else(|| outer.when.clone()),
            shadow: step.generic.shadow.or(outer.shadow),
            on_fault: step.generic.on_fault.or(outer.on_fault),
            id: step.generic.id.clone(),
        };
        match &step.kind {
            StepKind::Filter { name, .. } => self.filter(name, &generic),
            StepKind::AnyOf(steps) | StepKind::AllOf(steps) => {
                steps.iter().for_each(|step| self.step(step, &generic));
            }
        }
    }

    fn filter(&mut self, name: &str, generic: &Generic) {
        let Some(role) = self.catalogue.get(name).map(|filter| filter.role()) else {
            return;
        };
        let mut told = generic.id.as_deref().unwrap_or(name).to_owned();
        if generic.when.is_some() {
            told.push_str(" (when)");
        }
        if generic.shadow == Some(true) {
            self.posture.marks.push(format!("shadow: {told}"));
            told.push_str(" (shadow)");
        }
        if role.denies_on_fault() && generic.on_fault == Some(OnFault::Pass) {
            self.posture.pass_on_fault.push(told.clone());
        }
        match role {
            Role::Authenticate => self.posture.authentication.push(told),
            Role::Limit => self.posture.limits.push(told),
            Role::Authorize | Role::Guard => self.posture.guards.push(told),
            Role::Shape | Role::Observe => {}
        }
    }
}

/// What a route takes, as short as it can be said.
fn matched(matches: &Match) -> String {
    let mut parts = Vec::new();
    let methods: Vec<_> = matches.methods.iter().map(ToString::to_string).collect();
    if !methods.is_empty() {
        parts.push(methods.join(","));
    }
    let hosts: Vec<_> = matches.hosts.iter().map(ToString::to_string).collect();
    let path = matches
        .path
        .as_ref()
        .map_or_else(|| "/**".to_owned(), |path| path.text.to_string());
    parts.push(if hosts.is_empty() {
        format!("*{path}")
    } else {
        format!("{}{path}", hosts.join("|"))
    });
    if !matches.headers.is_empty() || !matches.query.is_empty() || !matches.listeners.is_empty() {
        parts.push("…".to_owned());
    }
    parts.join(" ")
}

fn destination(action: &Action, config: &Config) -> String {
    match action {
        Action::To(id) => config.upstreams.get(id.0).map_or_else(String::new, |upstream| {
            let echo = matches!(upstream.origin, Origin::Echo);
            format!("{}{}", upstream.name, if echo { " (built-in echo)" } else { "" })
        }),
        Action::Respond(respond) => format!("respond {}", respond.status),
        Action::Redirect(redirect) => format!("redirect {} {}", redirect.status, redirect.to),
    }
}
