//! Upstreams in canonical form.

use serde_json::{Value, json};

use super::{Object, text, time};
use crate::config::{
    Balance, Endpoint, Health, Origin, Retry, Timeouts, Upstream, UpstreamHost, UpstreamLimits,
    UpstreamProtocol, UpstreamRate, UpstreamTls,
};

pub(super) fn of_upstream(upstream: &Upstream) -> Value {
    let Upstream {
        name: _,
        origin,
        balance,
        health,
        timeouts,
        retry,
        limits,
        tls,
        protocol,
        keep_idle,
        host,
        span: _,
    } = upstream;
    let mut object = Object::default();
    let Origin::Endpoints(endpoints) = origin else {
        object.put("built-in", "echo");
        return object.into();
    };
    object.put("endpoints", endpoints.iter().map(of_endpoint).collect::<Vec<_>>());
    object.put(
        "balance",
        match balance {
            Balance::RoundRobin => "round-robin",
            Balance::LeastRequests => "least-requests",
        },
    );
    object.put_some("health", health.as_ref().map(of_health));
    object.put("timeouts", of_timeouts(timeouts));
    object.put_some("retry", of_retry(retry));
    object.put_some("limits", of_limits(limits));
    object.put_some("tls", tls.as_ref().map(of_upstream_tls));
    object.put(
        "protocol",
        match protocol {
            UpstreamProtocol::H1 => "h1",
            UpstreamProtocol::H2 => "h2",
        },
    );
    object.put("keep-idle", time(keep_idle));
    object.put(
        "host",
        match host {
            UpstreamHost::Client => "client",
            UpstreamHost::Fixed(name) => name,
        },
    );
    object.into()
}

fn of_timeouts(timeouts: &Timeouts) -> Value {
    let Timeouts {
        connect,
        first_byte,
        idle,
        total,
    } = timeouts;
    json!({ "connect": time(connect), "first-byte": time(first_byte), "idle": time(idle), "total": time(total) })
}

fn of_limits(limits: &UpstreamLimits) -> Option<Value> {
    let UpstreamLimits { in_flight, rate } = limits;
    let mut object = Object::default();
    object.put_some("in-flight", in_flight.map(Value::from));
    if let Some(UpstreamRate { allow, burst }) = rate {
        object.put("allow", allow.to_string());
        object.put("burst", *burst);
    }
    (*limits != UpstreamLimits::default()).then(|| object.into())
}

pub(super) fn of_upstream_tls(tls: &UpstreamTls) -> Value {
    let UpstreamTls {
        server_name,
        ca,
        span: _,
    } = tls;
    let mut object = Object::default();
    object.put("server-name", text(server_name));
    object.put_some("ca", ca.as_ref().map(|ca| json!(ca)));
    object.into()
}

fn of_endpoint(endpoint: &Endpoint) -> Value {
    let Endpoint {
        host,
        port,
        weight,
        span: _,
    } = endpoint;
    let address = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    json!({ "address": address, "weight": weight })
}

fn of_health(health: &Health) -> Value {
    let Health {
        path,
        every,
        timeout,
        up_after,
        down_after,
        host,
    } = health;
    let mut object = Object::default();
    object.put("path", text(path));
    object.put("every", time(every));
    object.put("timeout", time(timeout));
    object.put("up-after", *up_after);
    object.put("down-after", *down_after);
    object.put_some("host", host.as_ref().map(text));
    object.into()
}

fn of_retry(retry: &Retry) -> Option<Value> {
    let Retry {
        attempts,
        on_connect,
        on_reset,
        on_status,
    } = retry;
    let words = [("connect", on_connect), ("reset", on_reset)]
        .into_iter()
        .filter(|(_, on)| **on);
    let words = words.map(|(word, _)| word.to_owned());
    let on: Vec<String> = words.chain(on_status.iter().map(u16::to_string)).collect();
    (*attempts > 1).then(|| json!({ "attempts": attempts, "on": on }))
}
