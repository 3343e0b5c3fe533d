//! What the authorization server says about a token, against what the file demands of tokens.
//!
//! Knows no call. The server's `active` is necessary and not sufficient: issuer, audience and times are checked
//! here, on the clock of the request.

use std::sync::Arc;

use adamant_filter::Consumers;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::{Map, Value};

use super::config::IntrospectionConfig;
use super::reason::{AUDIENCE, BINDING_UNCHECKED, CLAIMS, EXPIRED, INACTIVE, ISSUER, NOT_YET_VALID};
use crate::claim;
use crate::consumer::is_consumer;

/// What the answers of every token of a step must be.
#[derive(Debug)]
pub(super) struct Rules {
    issuer: Option<Box<str>>,
    audience: Option<Box<[String]>>,
    consumer: Box<str>,
    scopes: Box<str>,
    skew: u64,
    /// Who vouches for the consumers.
    vouching: Box<str>,
    consumers: Arc<Consumers>,
}

/// A token that is good.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    /// Who it stands for.
    pub(super) identity: Arc<Identity>,
    /// When it ends, in milliseconds since the Unix epoch, if the server says so.
    pub(super) ends: Option<u64>,
}

impl Rules {
    pub(super) fn new(config: &IntrospectionConfig, consumers: Arc<Consumers>) -> Self {
        Self {
            issuer: config.issuer.as_deref().map(Box::from),
            audience: config.audience.as_ref().map(|names| names.0.clone().into()),
            consumer: config.consumer.as_str().into(),
            scopes: config.scopes.as_str().into(),
            skew: config.skew.millis(),
            vouching: config.issuer.as_deref().unwrap_or(&config.url).into(),
            consumers,
        }
    }

    /// Judges an answer, of which `text` is the text.
    pub(super) fn judge(
        &self,
        answer: &Map<String, Value>,
        text: &[u8],
        now: Wall,
    ) -> Result<Proof, &'static Reason> {
        if answer.get("active") != Some(&Value::Bool(true)) {
            return Err(&INACTIVE);
        }
        if let Some(issuer) = &self.issuer
            && answer.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(&ISSUER);
        }
        if self
            .audience
            .as_ref()
            .is_some_and(|ours| !claim::is_meant(answer.get("aud"), ours))
        {
            return Err(&AUDIENCE);
        }
        // RFC 8705 §3.2, RFC 9449 §6.2: whoever stole such a token must not be able to use it.
        if known(answer, "cnf").is_some() {
            return Err(&BINDING_UNCHECKED);
        }
        let ends = claim::date(known(answer, "exp")).map_err(|_| &CLAIMS)?;
        if ends.is_some_and(|ends| now.0 >= ends.saturating_add(self.skew)) {
            return Err(&EXPIRED);
        }
        let begins = claim::date(known(answer, "nbf")).map_err(|_| &CLAIMS)?;
        if begins.is_some_and(|begins| now.0.saturating_add(self.skew) < begins) {
            return Err(&NOT_YET_VALID);
        }
        let consumer = answer.get(&*self.consumer).and_then(Value::as_str);
        let consumer = consumer.filter(|name| is_consumer(name)).ok_or(&CLAIMS)?;
        let scopes = claim::scopes(known(answer, &self.scopes)).map_err(|_| &CLAIMS)?;
        let identity = Identity::new(super::NAME, &self.vouching, consumer)
            .with_scopes(scopes)
            .with_claims_text(text);
        Ok(Proof {
            identity: Arc::new(self.consumers.resolve(identity)),
            ends,
        })
    }
}

/// A member of an answer. Servers write what they do not know as `null`.
fn known<'a>(answer: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    answer.get(name).filter(|value| !value.is_null())
}
