//! A session: who signed in and when, in a cookie that only the gateway can read.
//!
//! Nothing of it is kept in the gateway, so that it outlives restarts and works on every instance; for the same
//! reason a logout can only make a browser forget it. Holds no token.

use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{self, Map, Value};

use super::reason::{SESSION_EXPIRED, SESSION_IDLE, SESSION_INVALID, SESSION_TOO_LARGE};
use super::sealed::Sealer;

/// Longest cookie that browsers keep, with its name and its attributes (RFC 6265 §6.1).
const COOKIE_MAX: usize = 4096;

/// Part of the idle time after which a session that is used is written anew.
const RENEWALS: u64 = 10;

/// What a cookie says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Session {
    /// The consumer's name at the issuer.
    pub(super) subject: String,
    /// What was granted, as text with spaces.
    pub(super) scopes: String,
    /// `sub`, and the claims that the file keeps.
    pub(super) claims: Map<String, Value>,
    /// When it began, in milliseconds since the Unix epoch.
    pub(super) began: u64,
    /// When it was last written.
    pub(super) used: u64,
}

/// How long sessions last, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// From the login on.
    pub(super) absolute: u64,
    /// Without being used.
    pub(super) idle: u64,
}

impl Session {
    /// Reads a cookie, if it is one of ours and still good.
    pub(super) fn open(
        cookie: &[u8],
        sealer: &Sealer,
        lifetime: Lifetime,
        now: Wall,
    ) -> Result<Self, &'static Reason> {
        let plain = sealer.open(cookie).ok_or(&SESSION_INVALID)?;
        let session: Self = serde_json::from_slice(&plain).map_err(|_| &SESSION_INVALID)?;
        if now.0 >= session.began.saturating_add(lifetime.absolute) {
            return Err(&SESSION_EXPIRED);
        }
        if now.0 >= session.used.saturating_add(lifetime.idle) {
            return Err(&SESSION_IDLE);
        }
        Ok(session)
    }

    /// Whether it should be written anew, so that it does not end while it is used.
    pub(super) const fn is_due(&self, lifetime: Lifetime, now: Wall) -> bool {
        now.0.saturating_sub(self.used) >= lifetime.idle / RENEWALS
    }

    /// The field that gives it to the browser.
    pub(super) fn cookie(
        &self,
        name: &str,
        sealer: &Sealer,
        lifetime: Lifetime,
    ) -> Result<HeaderValue, &'static Reason> {
        let plain = serde_json::to_vec(self).map_err(|_| &SESSION_TOO_LARGE)?;
        let value = sealer.seal(&plain).ok_or(&SESSION_TOO_LARGE)?;
        let end = self.began.saturating_add(lifetime.absolute);
        let rest = end.saturating_sub(self.used).min(lifetime.idle) / 1000;
        set(name, &value, rest).ok_or(&SESSION_TOO_LARGE)
    }
}

/// A field that sets a cookie for so many seconds; `None` when browsers would not keep it.
pub(super) fn set(name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    if text.len() > COOKIE_MAX {
        return None;
    }
    HeaderValue::try_from(text).ok()
}

/// What is written at the end of a request that renewed its session.
#[derive(Debug)]
pub(super) struct Renewed(pub(super) HeaderValue);

impl Slot for Renewed {
    const NAME: &'static str = "renewed session";
}

impl From<HeaderValue> for Renewed {
    fn from(value: HeaderValue) -> Self {
        Self(value)
    }
}

/// The identity that a session stands for.
pub(super) fn identity(
    session: &Session,
    issuer: &str,
    consumers: &adamant_filter::Consumers,
) -> Arc<Identity> {
    let mut claims = session.claims.clone();
    claims.insert("iss".to_owned(), Value::from(issuer));
    let scopes = session.scopes.split(' ').filter(|scope| !scope.is_empty());
    let identity = Identity::new(super::NAME, issuer, &session.subject)
        .with_scopes(scopes)
        .with_claims(claims);
    Arc::new(consumers.resolve(identity))
}
