//! Stores in canonical form.

use serde_json::{Value, json};

use super::listeners::of_secret;
use super::upstreams::of_upstream_tls;
use super::{Object, text, time};
use crate::config::Store;

pub(super) fn of_store(store: &Store) -> Value {
    let Store {
        name: _,
        address: (host, port),
        tls,
        user,
        password,
        database,
        timeout,
        connections,
        span: _,
    } = store;
    let mut object = Object::default();
    let address = match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    object.put("address", address);
    object.put_some("tls", tls.as_ref().map(of_upstream_tls));
    object.put_some("user", user.as_ref().map(text));
    object.put_some("password", password.as_ref().map(of_secret));
    object.put("database", *database);
    object.put("timeout", time(timeout));
    object.put("connections", *connections);
    json!({ "redis": Value::from(object) })
}
