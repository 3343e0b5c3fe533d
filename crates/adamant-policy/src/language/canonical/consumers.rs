//! Plans and consumers in canonical form.

use serde_json::{Map, Value, json};

use super::{Names, Object, named, text, texts};
use crate::config::{Consumer, ConsumerPlan, KnownBy};

impl Names<'_> {
    /// `None` when the file has none.
    pub(super) fn plans(&self) -> Option<Value> {
        let plans = &self.0.plans;
        let written = || named(plans, |ConsumerPlan { name, span: _ }| (name, json!({})));
        (!plans.is_empty()).then(written)
    }

    /// `None` when the file has none.
    pub(super) fn consumers(&self) -> Option<Value> {
        let consumers = &self.0.consumers;
        let written = || named(consumers, |consumer| (&consumer.name, self.consumer(consumer)));
        (!consumers.is_empty()).then(written)
    }

    fn consumer(&self, consumer: &Consumer) -> Value {
        let Consumer {
            name: _,
            plan,
            groups,
            known_by,
            span: _,
        } = consumer;
        let mut object = Object::default();
        let plan = plan.and_then(|id| self.0.plans.get(id.0));
        object.put_some("plan", plan.map(|plan| text(&plan.name)));
        object.put("groups", texts(groups));
        object.put("known-by", known_by.iter().map(of_known_by).collect::<Vec<_>>());
        object.into()
    }
}

fn of_known_by(known_by: &KnownBy) -> Value {
    let KnownBy {
        method,
        issuer,
        name,
        span: _,
    } = known_by;
    let mut proof = Object::default();
    proof.put_some("issuer", (!issuer.is_empty()).then(|| text(issuer)));
    proof.put("name", text(name));
    Value::Object(Map::from_iter([(method.to_string(), proof.into())]))
}
