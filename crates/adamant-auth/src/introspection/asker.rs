//! Asks the authorization server about a token, and remembers what it said for the stated time.
//!
//! Never remembers a fault, and never keeps a token: tables know tokens by their SHA-256, compared whole. Refused
//! tokens have a table of their own, so that inventing tokens pushes no good one out.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::prelude::*;
use adamant_filter::{Answer, Call, Target, Transport};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::answer::{Proof, Rules};
use super::config::{ClientBy, IntrospectionConfig};
use super::reason::BAD_ANSWER;
use crate::flight::Topic;
use crate::jwt::json;
use crate::service::Address;

/// Largest answer that is read.
const ANSWER_MAX: u64 = 64 * 1024;

/// Memory of an active token of usual size.
const USUAL: u64 = 4096;

/// Refused tokens that are remembered, and the memory of one.
const REFUSED_MAX: usize = 10_000;
const REFUSED_SIZE: u64 = 128;

/// What became of a question.
#[derive(Clone, Debug)]
pub(super) enum Judged {
    /// The token is good.
    Good(Proof),
    /// It is not.
    Refused(&'static Reason),
    /// Nobody knows.
    Fault(&'static Reason),
}

/// What is known of a good token.
#[derive(Clone)]
struct Known {
    identity: Arc<Identity>,
    until: Tick,
    weight: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Topic, Known> for Weight {
    fn weight(&self, _topic: &Topic, known: &Known) -> u64 {
        known.weight
    }
}

/// The server, and what it said.
pub(super) struct Asker {
    transport: Arc<dyn Transport>,
    target: String,
    client: Credentials,
    rules: Rules,
    /// SHA-256 of the client and the endpoint, to be continued with the token.
    prefix: Sha256,
    active: Cache<Topic, Known, Weight>,
    refused: Cache<Topic, (&'static Reason, Tick)>,
    active_for: Duration,
    inactive_for: Duration,
}

/// How the gateway proves itself: what every call carries.
#[derive(Default)]
struct Credentials {
    authorization: Option<HeaderValue>,
    form: String,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker")
            .field("active", &self.active.len())
            .finish_non_exhaustive()
    }
}

impl Asker {
    pub(super) fn build(config: &IntrospectionConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let address = Address::parse(&config.url)?;
        let bound = u64::from(config.remember) * USUAL;
        boot.reserve("active tokens", Size::from_bytes(bound));
        boot.reserve(
            "refused tokens",
            Size::from_bytes(REFUSED_MAX as u64 * REFUSED_SIZE),
        );
        boot.reserve(
            "answers",
            Size::from_bytes(u64::from(config.at_once) * ANSWER_MAX),
        );
        let secret = boot.secret(&config.client.secret)?;
        // Where secrets are withheld, nothing leaves the process either.
        let client = secret.reveal().map(|secret| Credentials::new(config, secret));
        let client = client.transpose()?.unwrap_or_default();
        let target = Target {
            origin: address.origin,
            timeout: config.timeout.duration(),
            answer_max: ANSWER_MAX,
            authorities: config.ca.clone(),
        };
        let room = usize::try_from(config.remember).unwrap_or(usize::MAX);
        Ok(Self {
            transport: boot
                .outbound(&target)
                .map_err(|problem| problem.with_path("url"))?,
            target: address.target,
            client,
            rules: Rules::new(config, boot.consumers()),
            prefix: prefix(config),
            active: Cache::with_weighter(room, bound, Weight),
            refused: Cache::new(REFUSED_MAX),
            active_for: config.active_for.duration(),
            inactive_for: config.inactive_for.duration(),
        })
    }

    /// What stands for a token in all tables.
    pub(super) fn topic(&self, token: &[u8]) -> Topic {
        self.prefix.clone().chain_update(token).finalize().into()
    }

    /// What was said of a token lately.
    pub(super) fn recall(&self, topic: &Topic, now: Tick) -> Option<Result<Arc<Identity>, &'static Reason>> {
        if let Some(known) = self.active.get(topic) {
            return (now < known.until).then_some(Ok(known.identity));
        }
        let (reason, until) = self.refused.get(topic)?;
        (now < until).then_some(Err(reason))
    }

    /// Asks, and remembers the answer.
    pub(super) async fn ask(&self, topic: Topic, token: &[u8], now: Tick, wall: Wall) -> Judged {
        let answer = match self.transport.call(self.call(token)).await {
            Ok(answer) => answer,
            Err(fault) => return Judged::Fault(fault.reason),
        };
        let Some(claims) = is_json(&answer).then(|| json::object(&answer.body)).flatten() else {
            return Judged::Fault(&BAD_ANSWER);
        };
        match self.rules.judge(&claims, &answer.body, wall) {
            Ok(proof) => {
                self.remember(topic, &proof, weight(&answer.body), (now, wall));
                Judged::Good(proof)
            }
            Err(reason) => {
                // A token that was active has a place in the other table until it is asked about again.
                self.active.remove(&topic);
                self.refused.insert(topic, (reason, now + self.inactive_for));
                Judged::Refused(reason)
            }
        }
    }

    fn call(&self, token: &[u8]) -> Call {
        let mut form = "token=".to_owned();
        push_encoded(&mut form, token);
        form.push_str("&token_type_hint=access_token");
        form.push_str(&self.client.form);
        let json = HeaderValue::from_static("application/json");
        let mut fields = vec![
            (
                HeaderName::from_static("content-type"),
                HeaderValue::from_static(FORM),
            ),
            (HeaderName::from_static("accept"), json),
        ];
        if let Some(value) = &self.client.authorization {
            fields.push((HeaderName::from_static("authorization"), value.clone()));
        }
        Call {
            method: Method::POST,
            target: self.target.clone(),
            fields,
            body: form.into(),
        }
    }

    /// Keeps what is known until the stated time is over or the token ends, whichever comes first. The time counts
    /// from the arrival of the request, so that a slow answer is not believed for longer.
    fn remember(&self, topic: Topic, proof: &Proof, weight: u64, (now, wall): (Tick, Wall)) {
        let left = proof
            .ends
            .map(|ends| Duration::from_millis(ends.saturating_sub(wall.0)));
        let time = left.map_or(self.active_for, |left| left.min(self.active_for));
        self.refused.remove(&topic);
        if time.is_zero() {
            self.active.remove(&topic);
            return;
        }
        let known = Known {
            identity: Arc::clone(&proof.identity),
            until: now + time,
            weight,
        };
        self.active.insert(topic, known);
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Credentials {
    fn new(config: &IntrospectionConfig, secret: &[u8]) -> Result<Self, Problem> {
        let (mut id, mut encoded) = (String::new(), String::new());
        push_encoded(&mut id, config.client.id.as_bytes());
        push_encoded(&mut encoded, secret);
        if config.client.by == ClientBy::Body {
            return Ok(Self {
                authorization: None,
                form: format!("&client_id={id}&client_secret={encoded}"),
            });
        }
        // RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
        let value = format!("Basic {}", STANDARD.encode(format!("{id}:{encoded}")));
        let value = HeaderValue::try_from(value);
        let mut value = value.map_err(|_| Problem::at("client.secret", "no field can hold this secret"))?;
        value.set_sensitive(true);
        Ok(Self {
            authorization: Some(value),
            form: String::new(),
        })
    }
}

fn prefix(config: &IntrospectionConfig) -> Sha256 {
    let mut prefix = Sha256::new();
    for part in [&config.url, &config.client.id] {
        prefix.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        prefix.update(part);
    }
    prefix
}

/// Anything else is an error of the server and says nothing about the token (RFC 7662 §2.3).
fn is_json(answer: &Answer) -> bool {
    let mut types = answer.fields.iter().filter(|(name, _)| name == "content-type");
    let (Some((_, value)), None) = (types.next(), types.next()) else {
        return false;
    };
    let essence = value
        .as_bytes()
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    answer.status == StatusCode::OK && essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Memory that an answer takes when its claims have been read: each value has one of these signs before it.
fn weight(text: &[u8]) -> u64 {
    let values = text.iter().filter(|byte| b",[{".contains(byte)).count() as u64;
    512 + 2 * text.len() as u64 + 256 * values
}

/// Writes bytes as a form does (URL Standard §5.2, what RFC 6749 appendix B demands).
fn push_encoded(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b' ' => text.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"*-._".contains(byte) => text.push(char::from(*byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_any_bytes() {
        let mut text = String::new();
        push_encoded(&mut text, b"aZ0*-._ ~+&=%:\xff");
        assert_eq!(text, "aZ0*-._+%7E%2B%26%3D%25%3A%FF");
    }
}
