//! The config in canonical form: the shape of the file with every default written out, sets sorted, and one
//! spelling for each meaning. Loaded again it gives itself; it is what the digest is made of and what `show`
//! prints.
//!
//! Every struct is taken apart by name, so that a part of the config cannot be forgotten here.

mod consumers;
mod listeners;
mod routes;
mod stores;
mod upstreams;

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::Period;
use serde_json::{Map, Value, json};

use crate::config::{AccessLog, Admin, Config, Expose, ListenerId, LogTarget, Observe, Overload, Policy};
use stores::of_store;
use upstreams::of_upstream;

/// Writes a config out.
pub(super) fn canonical(config: &Config) -> Value {
    let Config {
        listeners,
        admin,
        bodies,
        overload,
        plans: _,
        consumers: _,
        upstreams,
        stores,
        policies,
        routes,
        observe,
    } = config;
    let names = Names(config);
    let mut file = Object::default();
    file.put("adamant", 1);
    file.put(
        "listeners",
        named(listeners, |listener| (&listener.name, names.listener(listener))),
    );
    file.put_some("admin", admin.as_ref().map(of_admin));
    file.put("bodies", json!({ "memory": bodies.memory.to_string() }));
    file.put_some("overload", overload.as_ref().map(of_overload));
    file.put_some("plans", names.plans());
    file.put_some("consumers", names.consumers());
    file.put(
        "upstreams",
        named(upstreams, |upstream| (&upstream.name, of_upstream(upstream))),
    );
    if !stores.is_empty() {
        file.put("stores", named(stores, |store| (&store.name, of_store(store))));
    }
    file.put(
        "policies",
        named(policies, |Policy { name, steps, span: _ }| {
            (name, names.steps(steps))
        }),
    );
    file.put(
        "routes",
        routes.iter().map(|route| names.route(route)).collect::<Vec<_>>(),
    );
    file.put_some("observe", of_observe(observe));
    file.into()
}

fn named<T>(entries: &[T], write: impl Fn(&T) -> (&Arc<str>, Value)) -> Value {
    entries
        .iter()
        .map(write)
        .map(|(name, value)| (name.to_string(), value))
        .collect::<Map<_, _>>()
        .into()
}

/// A mapping that grows.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn put_some(&mut self, key: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

fn time(duration: &Duration) -> String {
    Period::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).to_string()
}

fn text(value: &Arc<str>) -> Value {
    Value::from(&**value)
}

fn texts(values: &[Arc<str>]) -> Value {
    values.iter().map(text).collect::<Vec<_>>().into()
}

fn of_admin(admin: &Admin) -> Value {
    let Admin {
        bind,
        expose,
        span: _,
    } = admin;
    let mut object = Object::default();
    object.put("bind", bind.to_string());
    if let Some(Expose {
        bind,
        health,
        metrics,
    }) = expose
    {
        let serve = [("health", health), ("metrics", metrics)]
            .into_iter()
            .filter(|(_, serves)| **serves);
        let serve: Vec<&str> = serve.map(|(word, _)| word).collect();
        object.put("expose", json!({ "bind": bind.to_string(), "serve": serve }));
    }
    object.into()
}

fn of_overload(overload: &Overload) -> Value {
    let Overload {
        in_flight,
        queue_delay,
        span: _,
    } = overload;
    json!({ "in-flight": in_flight, "queue-delay": time(queue_delay) })
}

/// Positions back to names.
struct Names<'c>(&'c Config);

impl Names<'_> {
    fn listener_name(&self, id: ListenerId) -> Value {
        self.0
            .listeners
            .get(id.0)
            .map_or(Value::Null, |listener| text(&listener.name))
    }
}

fn of_observe(observe: &Observe) -> Option<Value> {
    let Observe { access_log } = observe;
    access_log
        .as_ref()
        .map(|log| json!({ "access-log": of_access_log(log) }))
}

fn of_access_log(log: &AccessLog) -> Value {
    let AccessLog {
        to,
        fields,
        redact,
        queue,
        span: _,
    } = log;
    let to = match to {
        LogTarget::Stdout => json!("stdout"),
        LogTarget::File(path) => json!({ "file": path }),
    };
    json!({ "to": to, "format": "json", "fields": texts(fields), "redact": texts(redact), "queue": queue })
}
