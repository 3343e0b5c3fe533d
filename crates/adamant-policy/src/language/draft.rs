//! The file on its way to a [`Config`]: every part that could be read, in its place among those that could not.

use adamant_filter::{Node, Span};

use super::admin::{self, AdminDraft};
use super::listeners::{self, ListenerDraft};
use super::routes::{self, RouteDraft};
use super::upstreams::{self, UpstreamDraft, entries};
use super::{Context, bodies, consumers, observe, overload, plans, policies, stores};
use crate::config::{Bodies, Config, Consumer, ConsumerPlan, Observe, Overload, Policy, Store};

/// All parts of the file. `None`: not readable, and told.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) listeners: Vec<Option<ListenerDraft>>,
    pub(crate) admin: Option<AdminDraft>,
    pub(crate) bodies: Bodies,
    pub(crate) overload: Option<Overload>,
    /// The file has the key, readable or not.
    pub(crate) has_overload: bool,
    pub(crate) plans: Vec<Option<ConsumerPlan>>,
    pub(crate) plan_names: Vec<(String, Span)>,
    pub(crate) consumers: Vec<Option<Consumer>>,
    pub(crate) upstreams: Vec<Option<UpstreamDraft>>,
    /// Names and places of all upstreams and policies, readable or not.
    pub(crate) upstream_names: Vec<(String, Span)>,
    pub(crate) stores: Vec<Option<Store>>,
    pub(crate) policies: Vec<Option<Policy>>,
    pub(crate) policy_names: Vec<(String, Span)>,
    pub(crate) routes: Vec<Option<RouteDraft>>,
    pub(crate) observe: Observe,
}

pub(super) fn read(root: &Node, context: &mut Context<'_>) -> Draft {
    let names = |key: &str| -> Vec<(String, Span)> {
        entries(root.get(key))
            .iter()
            .map(|entry| (entry.key.to_string(), entry.key_span))
            .collect()
    };
    let listeners = entries(root.get("listeners"))
        .iter()
        .map(|entry| listeners::read(entry, context))
        .collect();
    let admin = root
        .entry("admin")
        .and_then(|entry| admin::read(&entry.value, entry.key_span, context));
    let overload = root
        .entry("overload")
        .and_then(|entry| overload::read(&entry.value, entry.key_span, context));
    let plans = entries(root.get("plans"))
        .iter()
        .map(|entry| plans::read(entry, context))
        .collect();
    let consumers = entries(root.get("consumers"))
        .iter()
        .map(|entry| consumers::read(entry, context))
        .collect();
    let upstreams = entries(root.get("upstreams"))
        .iter()
        .map(|entry| upstreams::read(entry, context))
        .collect();
    let stores = entries(root.get("stores"))
        .iter()
        .map(|entry| stores::read(entry, context))
        .collect();
    let policies = entries(root.get("policies"))
        .iter()
        .map(|entry| policies::read(entry, context))
        .collect();
    let routes = root.get("routes").and_then(Node::as_sequence).unwrap_or_default();
    let routes = routes.iter().map(|node| routes::read(node, context)).collect();
    let observe = root
        .get("observe")
        .and_then(|node| observe::read(node, context))
        .unwrap_or_default();
    let (upstream_names, policy_names) = (names("upstreams"), names("policies"));
    Draft {
        listeners,
        admin,
        bodies: read_bodies(root, context),
        overload,
        has_overload: root.entry("overload").is_some(),
        plans,
        plan_names: names("plans"),
        consumers,
        upstreams,
        upstream_names,
        stores,
        policies,
        policy_names,
        routes,
        observe,
    }
}

fn read_bodies(root: &Node, context: &mut Context<'_>) -> Bodies {
    let written = root.entry("bodies");
    written
        .and_then(|entry| bodies::read(&entry.value, entry.key_span, context))
        .unwrap_or_default()
}

impl Draft {
    /// The config, when every part is there.
    pub(super) fn finish(self) -> Option<Config> {
        Some(Config {
            listeners: self
                .listeners
                .into_iter()
                .map(|draft| Some(draft?.listener))
                .collect::<Option<_>>()?,
            admin: self.admin.map(|draft| draft.admin),
            bodies: self.bodies,
            overload: self.overload,
            plans: self.plans.into_iter().collect::<Option<_>>()?,
            consumers: self.consumers.into_iter().collect::<Option<_>>()?,
            upstreams: self
                .upstreams
                .into_iter()
                .map(|draft| Some(draft?.upstream))
                .collect::<Option<_>>()?,
            stores: self.stores.into_iter().collect::<Option<_>>()?,
            policies: self.policies.into_iter().collect::<Option<_>>()?,
            routes: self
                .routes
                .into_iter()
                .map(|draft| Some(draft?.route))
                .collect::<Option<_>>()?,
            observe: self.observe,
        })
    }
}
