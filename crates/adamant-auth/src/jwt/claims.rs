//! The claims of a token whose signature is good: for us, by whom, from when to when, for whom.
//!
//! Compares with the wall clock of the request, never with that of the system, so that offline runs
//! decide as the gateway did. RFC 7519 §4.1, RFC 8725 §3, RFC 9068 §4.

use std::sync::Arc;

use adamant_filter::Consumers;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::{Map, Value};

use super::binding::{Accepted, Binding};
use super::config::{JwtConfig, TokenType};
use super::reason::{AUDIENCE, CLAIMS, EXPIRED, ISSUER, LIFETIME, NOT_YET_VALID, TYPE};
use crate::claim;
use crate::consumer::is_consumer;

/// What the claims of every token of a step must be.
#[derive(Debug)]
pub(super) struct Claims {
    issuer: Box<str>,
    audience: Box<[String]>,
    token_type: TokenType,
    consumer: Box<str>,
    scopes: Box<str>,
    skew: u64,
    lifetime: Option<u64>,
    binding: Accepted,
    consumers: Arc<Consumers>,
}

/// From when to when a token is good, in milliseconds since the Unix epoch, skew included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    from: u64,
    until: u64,
}

impl Window {
    /// Whether a token is good at this time.
    pub(super) fn check(self, now: Wall) -> Result<(), &'static Reason> {
        if now.0 >= self.until {
            return Err(&EXPIRED);
        }
        if now.0 < self.from {
            Err(&NOT_YET_VALID)
        } else {
            Ok(())
        }
    }
}

/// A token that is good, at least within its window.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    /// Who it stands for.
    pub(super) identity: Arc<Identity>,
    /// When it is good.
    pub(super) window: Window,
    /// What its sender has to prove each time.
    pub(super) binding: Option<Arc<Binding>>,
}

impl Proof {
    /// Whether its sender has to sign each request.
    pub(super) fn needs_signature(&self) -> bool {
        self.binding.as_ref().is_some_and(|binding| binding.key.is_some())
    }
}

impl Claims {
    pub(super) fn new(config: JwtConfig, consumers: Arc<Consumers>) -> Self {
        Self {
            binding: Accepted::by(config.sender.as_ref()),
            consumers,
            issuer: config.issuer.into(),
            audience: config.audience.0.into(),
            token_type: config.token_type,
            consumer: config.consumer.into(),
            scopes: config.scopes.into(),
            skew: config.skew.millis(),
            lifetime: config.lifetime.map(Period::millis),
        }
    }

    /// Checks everything that a token claims, in the order of importance. `payload` is the text of `claims`.
    pub(super) fn prove(
        &self,
        claims: &Map<String, Value>,
        payload: &[u8],
        declared: Option<&str>,
        now: Wall,
    ) -> Result<Proof, &'static Reason> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(&ISSUER);
        }
        if !claim::is_meant(claims.get("aud"), &self.audience) {
            return Err(&AUDIENCE);
        }
        let window = self.window(claims)?;
        window.check(now)?;
        self.check_lifetime(claims)?;
        self.check_type(claims, declared)?;
        let consumer = claims
            .get(&*self.consumer)
            .and_then(Value::as_str)
            .ok_or(&CLAIMS)?;
        if !is_consumer(consumer) {
            return Err(&CLAIMS);
        }
        let binding = self.binding.read(claims.get("cnf"))?;
        let scopes = self.scopes(claims)?;
        let identity = Identity::new(super::NAME, &self.issuer, consumer).with_scopes(scopes);
        Ok(Proof {
            identity: Arc::new(self.consumers.resolve(identity.with_claims_text(payload))),
            window,
            binding,
        })
    }

    /// Whether claims that nobody has proved name another issuer.
    pub(super) fn are_foreign(&self, claims: &Map<String, Value>) -> bool {
        let issuer = claims.get("iss").and_then(Value::as_str);
        issuer.is_some_and(|issuer| issuer != &*self.issuer)
    }

    fn window(&self, claims: &Map<String, Value>) -> Result<Window, &'static Reason> {
        let until = date(claims, "exp")?.ok_or(&CLAIMS)?;
        let starts = date(claims, "nbf")?.max(date(claims, "iat")?).unwrap_or(0);
        Ok(Window {
            from: starts.saturating_sub(self.skew),
            until: until.saturating_add(self.skew),
        })
    }

    fn check_lifetime(&self, claims: &Map<String, Value>) -> Result<(), &'static Reason> {
        let Some(most) = self.lifetime else { return Ok(()) };
        let (Some(from), Some(until)) = (date(claims, "iat")?, date(claims, "exp")?) else {
            return Err(&CLAIMS);
        };
        if until.saturating_sub(from) > most {
            Err(&LIFETIME)
        } else {
            Ok(())
        }
    }

    fn check_type(&self, claims: &Map<String, Value>, declared: Option<&str>) -> Result<(), &'static Reason> {
        let declares = |names: [&str; 2]| {
            declared.is_some_and(|declared| names.iter().any(|name| declared.eq_ignore_ascii_case(name)))
        };
        match self.token_type {
            TokenType::Any => Ok(()),
            TokenType::Jwt if declares(["jwt", "application/jwt"]) => Ok(()),
            TokenType::AccessToken if declares(["at+jwt", "application/at+jwt"]) => {
                // RFC 9068 §2.2; `iss`, `exp` and `aud` are required anyway.
                let texts = ["sub", "client_id", "jti"];
                let complete = texts
                    .into_iter()
                    .all(|name| claims.get(name).is_some_and(Value::is_string));
                if complete && claims.contains_key("iat") {
                    Ok(())
                } else {
                    Err(&CLAIMS)
                }
            }
            TokenType::Jwt | TokenType::AccessToken => Err(&TYPE),
        }
    }

    /// Scopes as text with spaces (RFC 8693 §4.2) or as list (`scp` of some issuers).
    fn scopes<'c>(&self, claims: &'c Map<String, Value>) -> Result<Vec<&'c str>, &'static Reason> {
        let other = if &*self.scopes == "scope" {
            "scp"
        } else {
            &self.scopes
        };
        let granted = claims.get(&*self.scopes).or_else(|| claims.get(other));
        claim::scopes(granted).map_err(|_| &CLAIMS)
    }
}

/// The claim of this name as a time in milliseconds.
pub(super) fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, &'static Reason> {
    claim::date(claims.get(name)).map_err(|_| &CLAIMS)
}

#[cfg(test)]
mod tests;
