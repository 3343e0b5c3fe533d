//! Policy and catalogue to an executable plan: instances built once, slots laid out, protections proved.
//!
//! Runs at boot and in `check`; never on the request path. Collects every problem it can find.

use std::collections::BTreeSet;
use std::sync::Arc;

use adamant_filter::{
    Built, CAPTURES_MAX, Catalogue, Host, Identity, Layout, Problem, Problems, Role, RouteFacts, Span,
};

use super::condition::Condition;
use super::limit_names;
use super::stage::{Instance, Placed, Stage, StepId, StepInfo, authenticates, certain_writes};
use super::{RoutePlan, Wiring, pattern};
use crate::config::{
    ClientCertificates, Config, Generic, ListenerId, Match, OnFault, PolicyId, Route, RouteStep, Step,
    StepKind,
};

/// Collects what the routes of a file compile to.
pub(crate) struct Compiler<'c> {
    catalogue: &'c Catalogue,
    host: &'c mut dyn Host,
    pub(super) config: &'c Config,
    pub(crate) layout: Layout,
    pub(crate) steps: Vec<StepInfo>,
    pub(crate) files: Vec<(String, Arc<[u8]>)>,
    pub(crate) budget: Vec<(String, u64)>,
    pub(crate) problems: Problems,
    /// Names of the stores that filters asked for.
    stores: Vec<Arc<str>>,
    listeners: Vec<Arc<str>>,
    /// By position in the file; `None` when one of the steps could not be built.
    policies: Vec<Option<Vec<Unplaced>>>,
}

/// A built step before the generic keys of its place are known.
enum Unplaced {
    One(Arc<Instance>, Generic),
    AnyOf(Vec<Unplaced>, Generic),
    AllOf(Vec<Unplaced>, Generic),
}

impl<'c> Compiler<'c> {
    pub(crate) fn new(catalogue: &'c Catalogue, host: &'c mut dyn Host, config: &'c Config) -> Self {
        Self {
            catalogue,
            host,
            config,
            layout: Layout::default(),
            steps: Vec::new(),
            files: Vec::new(),
            budget: Vec::new(),
            problems: Problems::default(),
            stores: Vec::new(),
            listeners: config
                .listeners
                .iter()
                .map(|listener| Arc::clone(&listener.name))
                .collect(),
            policies: Vec::new(),
        }
    }

    /// Reads who may vouch for the clients of each listener.
    pub(crate) fn client_authorities(&mut self) -> Vec<Option<Arc<[u8]>>> {
        let config = self.config;
        let asked = config
            .listeners
            .iter()
            .map(|listener| listener.tls.as_ref()?.clients.as_ref());
        asked
            .map(|clients| {
                let ClientCertificates {
                    authorities, span, ..
                } = clients?;
                let read = self.host.file(authorities);
                let bytes = self
                    .problems
                    .take(read.map_err(|problem| problem.with_span(*span)))?;
                self.files
                    .push((authorities.display().to_string(), Arc::clone(&bytes)));
                Some(bytes)
            })
            .collect()
    }

    /// Compiles every policy once, then every route.
    pub(crate) fn routes(&mut self) -> Vec<RoutePlan> {
        let config = self.config;
        let names = config.routes.iter().map(|route| Arc::clone(&route.name));
        self.layout.declare_routes(names.collect());
        for policy in &config.policies {
            let steps = self.build_all(&policy.steps, Some(&policy.name));
            self.policies.push(steps);
        }
        let routes = config.routes.iter().map(|route| self.route(route)).collect();
        // A filter that could not be built may be the one that would use a store.
        if self.problems.is_empty() {
            self.unused_stores();
        }
        routes
    }

    /// What no filter asks for has no effect, and whoever wrote it believes that it has.
    fn unused_stores(&mut self) {
        for store in &self.config.stores {
            if self.stores.contains(&store.name) {
                continue;
            }
            let problem = Problem::new(
                "names.unused",
                format!("no filter uses the store `{}`", store.name),
            );
            self.problems.push(
                problem
                    .with_span(store.span)
                    .with_help("name it in a filter that can share its state, or remove it"),
            );
        }
    }

    fn route(&mut self, route: &Route) -> RoutePlan {
        let mut stages = Vec::new();
        let mut is_whole = true;
        for step in &route.filters {
            let placed = match step {
                RouteStep::Use { policy, generic, .. } => self.place_policy(*policy, generic),
                RouteStep::Inline(step) => {
                    let built = self.build(step, None);
                    built.map(|built| vec![self.place(&built, &Generic::default(), None)])
                }
            };
            is_whole &= placed.is_some();
            stages.extend(placed.into_iter().flatten());
        }
        // What a step that could not be built would have provided is not missing besides.
        if is_whole {
            self.check_order(route, &stages);
            self.check_captures(route, &stages);
            self.check_protection(route, &stages);
            self.check_client_certificates(route, &stages);
            self.check_bodies(route, &stages);
            self.check_preflights(route, &stages);
            self.check_held_answers(route, &stages);
            let problems = limit_names::problems(route, &stages, &self.steps);
            problems
                .into_iter()
                .for_each(|problem| self.problems.push(problem));
        }
        RoutePlan {
            facts: Arc::new(self.facts(route)),
            wiring: Wiring::of(&stages),
            stages,
        }
    }

    fn facts(&mut self, route: &Route) -> RouteFacts {
        let Some(path) = &route.matches.path else {
            return RouteFacts::default();
        };
        let captures: Vec<Arc<str>> = pattern::captures(path).cloned().collect();
        if captures.len() > CAPTURES_MAX {
            let text = format!(
                "a path has at most {CAPTURES_MAX} captures, this one has {}",
                captures.len()
            );
            self.problems
                .push(Problem::new("routes.captures", text).with_span(route.span));
        }
        RouteFacts {
            name: Arc::clone(&route.name),
            pattern: Arc::clone(&path.text),
            captures,
        }
    }

    /// Builds every step, so that all problems are told; `None` when one of them could not be built.
    fn build_all(&mut self, steps: &[Step], policy: Option<&Arc<str>>) -> Option<Vec<Unplaced>> {
        let built: Vec<_> = steps.iter().map(|step| self.build(step, policy)).collect();
        built.into_iter().collect()
    }

    fn build(&mut self, step: &Step, policy: Option<&Arc<str>>) -> Option<Unplaced> {
        match &step.kind {
            StepKind::AnyOf(branches) | StepKind::AllOf(branches) => {
                self.check_group(branches);
                if matches!(step.kind, StepKind::AnyOf(_)) {
                    self.check_branches(branches);
                    self.check_deciders(branches);
                }
                let built = self.build_all(branches, policy)?;
                let generic = step.generic.clone();
                Some(match &step.kind {
                    StepKind::AnyOf(_) => Unplaced::AnyOf(built, generic),
                    StepKind::AllOf(_) | StepKind::Filter { .. } => Unplaced::AllOf(built, generic),
                })
            }
            StepKind::Filter { name, config, .. } => {
                // Unknown names were reported when the file was decoded.
                let registered = self.catalogue.get(name)?;
                let id = step
                    .generic
                    .id
                    .clone()
                    .unwrap_or_else(|| registered.name().into());
                let built = registered.build_as(&id, config, self.host, &mut self.layout);
                let built = self.problems.take(built)?;
                let number = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
                self.account(&id, &built);
                self.steps.push(StepInfo {
                    filter: registered.name(),
                    id,
                    role: registered.role(),
                    reasons: registered.reasons(),
                    limits: built.needs.limits.clone(),
                    policy: policy.cloned(),
                    span: step.span,
                });
                let instance = Instance {
                    step: StepId(number),
                    role: registered.role(),
                    filter: registered.name(),
                    wired: built.wired,
                    needs: built.needs,
                };
                Some(Unplaced::One(Arc::new(instance), step.generic.clone()))
            }
        }
    }

    /// A group may be asked twice (once from memory, once with waiting), so nothing in it may charge.
    fn check_group(&mut self, branches: &[Step]) {
        for branch in branches {
            let StepKind::Filter { name, .. } = &branch.kind else {
                continue;
            };
            if self
                .catalogue
                .get(name)
                .is_some_and(|filter| filter.role() == Role::Limit)
            {
                let text = format!(
                    "`{name}` charges, so it cannot stand in a group whose other branches may decide"
                );
                let problem = Problem::new("groups.limit", text).with_span(branch.span);
                self.problems
                    .push(problem.with_help("put the limit before or behind the group"));
            }
        }
    }

    /// A branch that does not run, or only watches, or passes when it cannot decide would let its whole group pass.
    fn check_branches(&mut self, branches: &[Step]) {
        for branch in branches {
            let Generic {
                when,
                shadow,
                on_fault,
                id: _,
            } = &branch.generic;
            let words = [
                ("when", when.is_some()),
                ("shadow", *shadow == Some(true)),
                ("on-fault: pass", *on_fault == Some(OnFault::Pass)),
            ];
            for (word, _) in words.into_iter().filter(|(_, is_there)| *is_there) {
                let text = format!("`{word}` on a branch of `any-of` would let the whole group pass");
                self.problems.push(
                    Problem::new("groups.open-branch", text)
                        .with_span(branch.span)
                        .with_help("write it beside `any-of`, for all of its branches"),
                );
            }
            if let StepKind::AnyOf(inner) | StepKind::AllOf(inner) = &branch.kind {
                self.check_branches(inner);
            }
        }
    }

    /// Nor may one stand alone that has nothing to decide.
    fn check_deciders(&mut self, branches: &[Step]) {
        for branch in branches
            .iter()
            .filter(|branch| self.never_refuses(branch))
            .collect::<Vec<_>>()
        {
            let text = "a branch of `any-of` that only changes or watches requests lets the whole group pass";
            self.problems.push(
                Problem::new("groups.open-branch", text)
                    .with_span(branch.span)
                    .with_help(
                        "write it before or behind `any-of`, or into an `all-of` beside a step that decides",
                    ),
            );
        }
    }

    fn never_refuses(&self, branch: &Step) -> bool {
        match &branch.kind {
            StepKind::Filter { name, .. } => self
                .catalogue
                .get(name)
                .is_some_and(|filter| matches!(filter.role(), Role::Shape | Role::Observe)),
            StepKind::AllOf(inner) => inner.iter().all(|step| self.never_refuses(step)),
            StepKind::AnyOf(inner) => inner.iter().any(|step| self.never_refuses(step)),
        }
    }

    fn account(&mut self, id: &str, built: &Built) {
        for (what, size) in &built.needs.reserved {
            self.budget.push((format!("{id}: {what}"), size.bytes()));
        }
        self.stores.extend(built.needs.stores.iter().cloned());
        for (path, bytes) in &built.needs.files {
            self.files.push((path.display().to_string(), Arc::clone(bytes)));
        }
    }

    fn place_policy(&self, policy: PolicyId, outer: &Generic) -> Option<Vec<Stage>> {
        let unplaced = self.policies.get(policy.0)?.as_ref()?;
        let when = self.condition(outer);
        Some(
            unplaced
                .iter()
                .map(|step| self.place(step, outer, when.as_ref()))
                .collect(),
        )
    }

    fn condition(&self, own: &Generic) -> Option<Arc<Condition>> {
        let when: &Match = own.when.as_ref()?;
        Some(Arc::new(Condition::of(when, &self.listeners)))
    }

    /// Gives a built step its generic keys: its own win over those of the `use` around it.
    /// One condition holds for all steps that inherit it, since the first of them may change what it asks for.
    fn place(&self, step: &Unplaced, outer: &Generic, around: Option<&Arc<Condition>>) -> Stage {
        let inherit = |own: &Generic| Generic {
            when: None,
            shadow: own.shadow.or(outer.shadow),
            on_fault: own.on_fault.or(outer.on_fault),
            id: None,
        };
        let place_all = |branches: &[Unplaced], own: &Generic| {
            let generic = inherit(own);
            let when = self.condition(own).or_else(|| around.cloned());
            branches
                .iter()
                .map(|branch| self.place(branch, &generic, when.as_ref()))
                .collect()
        };
        match step {
            Unplaced::One(instance, own) => {
                let generic = inherit(own);
                let denies = if instance.role.denies_on_fault() {
                    OnFault::Deny
                } else {
                    OnFault::Pass
                };
                Stage::One(Placed {
                    instance: Arc::clone(instance),
                    when: self.condition(own).or_else(|| around.cloned()),
                    shadow: generic.shadow.unwrap_or(false),
                    on_fault: generic.on_fault.unwrap_or(denies),
                })
            }
            Unplaced::AnyOf(branches, own) => Stage::AnyOf(place_all(branches, own)),
            Unplaced::AllOf(branches, own) => Stage::AllOf(place_all(branches, own)),
        }
    }

    /// Every slot that a step reads must certainly have been written before.
    fn check_order(&mut self, route: &Route, stages: &[Stage]) {
        let mut written = Vec::new();
        for stage in stages {
            self.check_reads(route, stage, &written);
            certain_writes(stage, &mut written);
        }
    }

    fn check_reads(&mut self, route: &Route, stage: &Stage, written: &[usize]) {
        match stage {
            Stage::One(placed) => {
                for slot in placed
                    .instance
                    .needs
                    .reads
                    .iter()
                    .filter(|slot| !written.contains(slot))
                {
                    let problem = self.unwritten(route, placed, *slot);
                    self.problems.push(problem);
                }
            }
            Stage::AnyOf(branches) => branches
                .iter()
                .for_each(|branch| self.check_reads(route, branch, written)),
            Stage::AllOf(branches) => {
                let mut written = written.to_vec();
                for branch in branches {
                    self.check_reads(route, branch, &written);
                    certain_writes(branch, &mut written);
                }
            }
        }
    }

    fn unwritten(&self, route: &Route, placed: &Placed, slot: usize) -> Problem {
        let slot = self.layout.name(slot);
        let filter = placed.instance.filter;
        let text = format!(
            "`{filter}` needs the {slot}, but nothing before it on route `{}` certainly provides one",
            route.name
        );
        Problem::new("order.unwritten-slot", text)
            .with_span(self.span(placed.instance.step))
            .with_label(format!("needs `{slot}`"))
            .with_second(route.span, "on this route")
            .with_help("put an authentication filter (jwt, api-key) above it, without `when`, `shadow` or `on-fault: pass`")
    }

    /// Every parameter that a step reads must stand in the path of the route.
    fn check_captures(&mut self, route: &Route, stages: &[Stage]) {
        let mut leaves = Vec::new();
        stages.iter().for_each(|stage| stage.leaves(&mut leaves));
        let path = route.matches.path.as_ref();
        let known: Vec<&str> = path.map_or_else(Vec::new, |path| {
            pattern::captures(path).map(|name| &**name).collect()
        });
        for placed in leaves {
            let names = placed.instance.needs.captures.iter();
            for name in names.filter(|name| !known.contains(&&***name)) {
                let filter = placed.instance.filter;
                let text = format!(
                    "`{filter}` needs the parameter `{name}`, which the path of route `{}` does not have",
                    route.name
                );
                let help =
                    format!("write `{{{name}}}` in the path of the route, such as `/things/{{{name}}}`");
                self.problems.push(
                    Problem::new("routes.unknown-capture", text)
                        .with_span(self.span(placed.instance.step))
                        .with_label(format!("needs `{{{name}}}`"))
                        .with_second(route.span, "on this route")
                        .with_help(help),
                );
            }
        }
    }

    pub(super) fn span(&self, step: StepId) -> Span {
        self.steps
            .get(step.0 as usize)
            .map_or(Span::default(), |info| info.span)
    }

    /// A step that looks at certificates of clients needs a listener that asks for them, and the same authorities
    /// wherever the route is served: those of one listener could else vouch for the names of another's.
    fn check_client_certificates(&mut self, route: &Route, stages: &[Stage]) {
        let bound = &route.matches.listeners;
        let listeners = self.config.listeners.iter().enumerate();
        let authorities: BTreeSet<_> = listeners
            .filter(|(at, one)| {
                one.redirect_to.is_none() && (bound.is_empty() || bound.contains(&ListenerId(*at)))
            })
            .filter_map(|(_, one)| Some(&one.tls.as_ref()?.clients.as_ref()?.authorities))
            .collect();
        let mut leaves = Vec::new();
        stages.iter().for_each(|stage| stage.leaves(&mut leaves));
        let looking = leaves
            .into_iter()
            .filter(|placed| placed.instance.needs.client_certificate);
        for placed in looking {
            let (filter, name) = (placed.instance.filter, &route.name);
            let problem = match authorities.len() {
                0 => Problem::new(
                    "listeners.no-client-certificates",
                    format!(
                        "`{filter}` can never see a certificate: no listener that serves route `{name}` asks clients for one"
                    ),
                )
                .with_help("give a listener `tls: { clients: { authorities: clients-ca.pem } }`"),
                1 => continue,
                _ => Problem::new(
                    "listeners.mixed-client-authorities",
                    format!(
                        "`{filter}` would take the word of one listener's authorities for the names of another's: route `{name}` is served by both"
                    ),
                )
                .with_help("bind the route to one of them with `match: { listener: … }`, or give both the same authorities"),
            };
            self.problems.push(
                problem
                    .with_span(self.span(placed.instance.step))
                    .with_second(route.span, "on this route"),
            );
        }
    }

    /// A route is authenticated or says that it is public.
    fn check_protection(&mut self, route: &Route, stages: &[Stage]) {
        let identity = self.layout.find::<Identity>();
        let protected = stages.iter().any(|stage| authenticates(stage, identity));
        if protected || route.public {
            return;
        }
        let text = format!("route `{}` has no authentication", route.name);
        self.problems.push(
            Problem::new("routes.unprotected", text)
                .with_span(route.span)
                .with_label("anyone may call this")
                .with_help(
                    "add an authentication filter that always runs (jwt, api-key), or write `public: true`",
                ),
        );
    }
}
