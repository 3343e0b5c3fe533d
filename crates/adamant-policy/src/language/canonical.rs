//! The config in canonical form: the shape of the file with every default written out, sets sorted, and one
//! spelling for each meaning. Loaded again it gives itself; it is what the digest is made of and what `show`
//! prints.
//!
//! Every struct is taken apart by name, so that a part of the config cannot be forgotten here.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Period, SecretRef};
use serde_json::{Map, Value, json};

use crate::config::{
    AccessLog, Action, Admin, Balance, Bounds, Certificate, Config, Endpoint, Expose, FieldMatch, FieldValue,
    ForwardingHeader, Generic, Health, HostPattern, Listener, ListenerId, ListenerTls, LogTarget, Match,
    Observe, OnFault, Origin, Policy, Protocols, Redirect, Respond, Retry, Rewrite, Route, RouteStep, Step,
    StepKind, Timeouts, TlsVersion, Trust, Upstream, UpstreamHost, UpstreamProtocol, UpstreamTls,
};

/// Writes a config out.
pub(super) fn canonical(config: &Config) -> Value {
    let Config {
        listeners,
        admin,
        upstreams,
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
    file.put(
        "upstreams",
        named(upstreams, |upstream| (&upstream.name, of_upstream(upstream))),
    );
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

fn of_bounds(bounds: &Bounds) -> Value {
    let Bounds {
        connections,
        connections_per_client,
        header_bytes,
        header_fields,
        target_bytes,
        header_time,
        idle_time,
        handshake_time,
        body_idle,
        body_rate,
        send_idle,
        streams,
    } = bounds;
    json!({
        "connections": connections,
        "connections-per-client": connections_per_client,
        "header-bytes": header_bytes,
        "header-fields": header_fields,
        "target-bytes": target_bytes,
        "header-time": time(header_time),
        "idle-time": time(idle_time),
        "handshake-time": time(handshake_time),
        "body-idle": time(body_idle),
        "body-rate": format!("{body_rate}/s"),
        "send-idle": time(send_idle),
        "streams": streams,
    })
}

fn of_tls(tls: &ListenerTls) -> Value {
    let ListenerTls {
        certificates,
        at_least,
    } = tls;
    let certificates: Vec<Value> = certificates
        .iter()
        .map(
            |Certificate {
                 chain,
                 key,
                 span: _,
                 key_span: _,
             }| json!({ "certificate": chain, "key": of_secret(key) }),
        )
        .collect();
    let at_least = match at_least {
        TlsVersion::V1_2 => "1.2",
        TlsVersion::V1_3 => "1.3",
    };
    json!({ "certificates": certificates, "at-least": at_least })
}

fn of_secret(secret: &SecretRef) -> Value {
    match secret {
        SecretRef::Env(name) => json!({ "env": name }),
        SecretRef::File(path) => json!({ "file": path }),
    }
}

fn of_trust(trust: &Trust) -> Option<Value> {
    let Trust {
        header,
        proxies,
        request_id,
    } = trust;
    let header = match header {
        ForwardingHeader::XForwardedFor => "x-forwarded-for",
        ForwardingHeader::Forwarded => "forwarded",
    };
    let value = json!({ "header": header, "proxies": proxies, "request-id": request_id });
    (!proxies.is_empty()).then_some(value)
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

fn of_upstream(upstream: &Upstream) -> Value {
    let Upstream {
        name: _,
        origin,
        balance,
        health,
        timeouts,
        retry,
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

fn of_upstream_tls(tls: &UpstreamTls) -> Value {
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

/// Positions back to names.
struct Names<'c>(&'c Config);

impl Names<'_> {
    fn listener_name(&self, id: ListenerId) -> Value {
        self.0
            .listeners
            .get(id.0)
            .map_or(Value::Null, |listener| text(&listener.name))
    }

    fn listener(&self, listener: &Listener) -> Value {
        let Listener {
            name: _,
            bind,
            protocols,
            tls,
            bounds,
            trust,
            redirect_to,
            span: _,
        } = listener;
        let Protocols { h1, h2 } = *protocols;
        let protocols = [("h1", h1), ("h2", h2)].into_iter().filter(|(_, speaks)| *speaks);
        let mut object = Object::default();
        object.put("bind", bind.to_string());
        object.put("protocols", protocols.map(|(word, _)| word).collect::<Vec<_>>());
        object.put_some("tls", tls.as_ref().map(of_tls));
        object.put("bounds", of_bounds(bounds));
        object.put_some("trust", of_trust(trust));
        object.put_some("redirect-to", redirect_to.map(|id| self.listener_name(id)));
        object.into()
    }

    fn steps(&self, steps: &[Step]) -> Value {
        steps
            .iter()
            .map(|step| self.step(step))
            .collect::<Vec<_>>()
            .into()
    }

    fn step(&self, step: &Step) -> Value {
        let Step {
            kind,
            generic,
            span: _,
        } = step;
        let mut object = Object::default();
        match kind {
            StepKind::Filter {
                name,
                config: _,
                canonical,
            } => object.put(name, Value::clone(canonical)),
            StepKind::AnyOf(steps) => object.put("any-of", self.steps(steps)),
            StepKind::AllOf(steps) => object.put("all-of", self.steps(steps)),
        }
        self.generic(generic, &mut object);
        object.into()
    }

    fn generic(&self, generic: &Generic, object: &mut Object) {
        let Generic {
            when,
            shadow,
            on_fault,
            id,
        } = generic;
        object.put_some("when", when.as_ref().map(|when| self.conditions(when)));
        object.put_some("shadow", shadow.map(Value::from));
        object.put_some(
            "on-fault",
            on_fault.map(|fault| match fault {
                OnFault::Deny => "deny".into(),
                OnFault::Pass => "pass".into(),
            }),
        );
        object.put_some("id", id.as_ref().map(text));
    }

    fn conditions(&self, conditions: &Match) -> Value {
        let Match {
            hosts,
            path,
            methods,
            headers,
            query,
            listeners,
        } = conditions;
        let mut object = Object::default();
        let hosts: Vec<String> = hosts.iter().map(HostPattern::to_string).collect();
        let methods: Vec<&str> = methods.iter().map(http::Method::as_str).collect();
        let listeners: Vec<Value> = listeners.iter().map(|id| self.listener_name(*id)).collect();
        object.put_some("host", (!hosts.is_empty()).then(|| hosts.into()));
        object.put_some("path", path.as_ref().map(|path| text(&path.text)));
        object.put_some("methods", (!methods.is_empty()).then(|| methods.into()));
        object.put_some("headers", of_fields(headers));
        object.put_some("query", of_fields(query));
        object.put_some("listener", (!listeners.is_empty()).then(|| listeners.into()));
        object.into()
    }

    fn route(&self, route: &Route) -> Value {
        let Route {
            name,
            matches,
            public,
            filters,
            action,
            rewrite,
            websocket,
            stream,
            body_max,
            span: _,
        } = route;
        let mut object = Object::default();
        object.put("name", text(name));
        object.put("match", self.conditions(matches));
        object.put("public", *public);
        object.put(
            "filters",
            filters
                .iter()
                .map(|step| self.route_step(step))
                .collect::<Vec<_>>(),
        );
        match action {
            Action::To(id) => {
                object.put_some(
                    "to",
                    self.0.upstreams.get(id.0).map(|upstream| text(&upstream.name)),
                );
                object.put("stream", *stream);
                object.put_some("upgrade", websocket.then(|| "websocket".into()));
                object.put_some("rewrite", of_rewrite(rewrite));
            }
            Action::Respond(respond) => object.put("respond", of_respond(respond)),
            Action::Redirect(Redirect {
                to,
                status,
                keep_query,
            }) => {
                object.put(
                    "redirect",
                    json!({ "to": &**to, "status": status, "keep-query": keep_query }),
                );
            }
        }
        object.put("body", json!({ "at-most": body_max }));
        object.into()
    }

    fn route_step(&self, step: &RouteStep) -> Value {
        match step {
            RouteStep::Inline(step) => self.step(step),
            RouteStep::Use {
                policy,
                generic,
                span: _,
            } => {
                let mut object = Object::default();
                object.put_some(
                    "use",
                    self.0.policies.get(policy.0).map(|policy| text(&policy.name)),
                );
                self.generic(generic, &mut object);
                object.into()
            }
        }
    }
}

fn of_fields(fields: &[FieldMatch]) -> Option<Value> {
    let write = |FieldMatch { name, value }: &FieldMatch| {
        let value = match value {
            FieldValue::Present => json!({ "present": true }),
            FieldValue::Absent => json!({ "present": false }),
            FieldValue::Exact(value) => text(value),
        };
        (name.to_string(), value)
    };
    (!fields.is_empty()).then(|| fields.iter().map(write).collect::<Map<_, _>>().into())
}

fn of_rewrite(rewrite: &Rewrite) -> Option<Value> {
    let Rewrite { strip, prefix, host } = rewrite;
    let mut object = Object::default();
    object.put_some("strip", strip.as_ref().map(text));
    object.put_some("prefix", prefix.as_ref().map(text));
    object.put_some("host", host.as_ref().map(text));
    (!object.0.is_empty()).then(|| object.into())
}

fn of_respond(respond: &Respond) -> Value {
    let Respond {
        status,
        content_type,
        body,
        headers,
    } = respond;
    let fields = headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)));
    let kind = content_type
        .iter()
        .map(|kind| ("content-type".to_owned(), text(kind)));
    let fields: Map<_, _> = kind.chain(fields).collect();
    let mut object = Object::default();
    object.put("status", *status);
    // A body is text or JSON, so it is UTF-8; an answer without a body has no type of its own either.
    let has_body = content_type.is_some() || !body.is_empty();
    object.put_some("text", has_body.then(|| String::from_utf8_lossy(body).into()));
    object.put("headers", fields);
    object.into()
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
