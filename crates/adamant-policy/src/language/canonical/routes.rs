//! Routes and steps in canonical form.

use serde_json::{Map, Value, json};

use super::{Names, Object, text};
use crate::config::{
    Action, FieldMatch, FieldValue, Generic, HostPattern, Match, OnFault, Redirect, Respond, Rewrite, Route,
    RouteStep, Step, StepKind,
};

impl Names<'_> {
    pub(super) fn steps(&self, steps: &[Step]) -> Value {
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

    pub(super) fn route(&self, route: &Route) -> Value {
        let Route {
            name,
            matches,
            public,
            priority,
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
        // Without `overload` a priority has no meaning, and is refused.
        object.put_some(
            "priority",
            self.0.overload.as_ref().map(|_| priority.word().into()),
        );
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
