//! What a policy author writes under `oidc-login`.
//!
//! Nothing here decides about a request. Whatever would have to be guessed (under which origin browsers see the
//! gateway, by which algorithms tokens are signed) has no default.

use std::collections::BTreeSet;
use std::path::PathBuf;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{self, Value, json};

use super::place::{Place, is_local};
use crate::jwt::{Algorithm, JwtConfig};

/// Longest time for which a session may last.
const ABSOLUTE_MAX: Period = Period::from_secs(30 * 24 * 3600);

/// Longest time for one call to the issuer.
const TIMEOUT_MAX: Period = Period::from_secs(60);

/// Most logins that are completed at once.
const AT_ONCE_MAX: u32 = 1000;

/// Signs people in at an OpenID provider (OpenID Connect Core 1.0, authorization code with PKCE) and proves the
/// consumer by a session, which is kept in an encrypted cookie.
///
/// A page that is opened without a session is redirected to the issuer (in `any-of`, when no other branch passes);
/// any other request is refused. The step must
/// stand on a route that matches `callback` (and `logout`), before every step that refuses: the filter answers on
/// these two paths itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OidcLoginConfig {
    /// The issuer: the claim `iss` of its tokens, character by character.
    pub issuer: String,
    /// Where the issuer serves logins. Without it, that is read from `/.well-known/openid-configuration` at the
    /// issuer; the gateway is not ready before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<EndpointsConfig>,
    /// The name under which the issuer knows this gateway (`client_id`).
    pub client: String,
    /// The secret that the issuer shares with this gateway (`client_secret`).
    pub secret: SecretRef,
    /// How the gateway proves itself to the issuer: `basic` (the default) or `post`.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    /// The keys that verify the issuer's tokens.
    pub keys: IssuerKeys,
    /// Signature algorithms of tokens that are accepted, such as `[RS256, ES256]`.
    pub algorithms: BTreeSet<Algorithm>,
    /// The origin under which browsers see this gateway, such as `https://app.example.com`. `http` is for a
    /// loopback address only.
    pub origin: String,
    /// The path to which the issuer sends browsers back. The issuer must know origin and path as redirect URI.
    #[serde(default = "default_callback")]
    pub callback: String,
    /// The path that ends the session in the browser, by `GET` or `POST` from a page of this origin. Without it
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout: Option<String>,
    /// What is asked for at the issuer (`scope`); `openid` must be among it.
    #[serde(default = "default_ask")]
    pub ask: BTreeSet<String>,
    /// The claim that names the consumer.
    #[serde(default = "default_consumer")]
    pub consumer: String,
    /// The claim that lists granted scopes, as text with spaces or as list.
    #[serde(default = "default_scopes")]
    pub scopes: String,
    /// Further claims of the token that the session keeps, such as `[email]`. A cookie holds some 2.5 KiB of them.
    #[serde(default)]
    pub claims: BTreeSet<String>,
    /// How far the clocks of issuer and gateway may differ; at most `5m`.
    #[serde(default = "default_skew")]
    pub skew: Period,
    /// Longest time for one call to the issuer; at most `1m`.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// How many logins are completed at once, 1 to 1000 (100 by default): so many codes are exchanged at the issuer
    /// at a time, and each login's only once. One more is a fault.
    #[serde(default = "default_at_once")]
    pub at_once: u32,
    /// How many completed logins are remembered for ten minutes, so that none is completed twice.
    #[serde(default = "default_remember")]
    pub remember: u32,
    /// The session.
    pub session: SessionConfig,
}

/// Where an issuer serves logins.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EndpointsConfig {
    /// Where browsers are sent, such as `https://id.example.com/authorize`.
    pub authorization: String,
    /// Where the gateway asks for tokens, such as `https://id.example.com/token`.
    pub token: String,
}

/// Where the issuer's keys come from: exactly one of `file` and `url`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IssuerKeys {
    /// A JWK set (RFC 7517) with public keys; its contents enter the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The place where the issuer publishes its JWK set, such as `https://id.example.com/jwks.json`. It is fetched
    /// beside requests, as the filter `jwt` does by its defaults; the gateway is not ready before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How the gateway proves itself to the issuer (OpenID Connect Core 1.0 §9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuthentication {
    /// By `Authorization: Basic`.
    #[default]
    Basic,
    /// In the form that is sent.
    Post,
}

/// The session and its cookie.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionConfig {
    /// The secret that encrypts cookies, at least 32 random bytes. Instances that share it share sessions.
    pub secret: SecretRef,
    /// The secret before that one: sessions under it are still accepted, while it is being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<SecretRef>,
    /// Name of the cookie; it begins with `__Host-`, so that no other host can set it.
    #[serde(default = "default_cookie")]
    pub cookie: String,
    /// How long a session lasts from the login on; at most `30d`.
    #[serde(default = "default_absolute")]
    pub absolute: Period,
    /// How long a session lasts without being used.
    #[serde(default = "default_idle")]
    pub idle: Period,
}

fn default_callback() -> String {
    "/callback".to_owned()
}

fn default_ask() -> BTreeSet<String> {
    ["openid".to_owned()].into()
}

fn default_consumer() -> String {
    "sub".to_owned()
}

fn default_scopes() -> String {
    "scope".to_owned()
}

const fn default_skew() -> Period {
    Period::from_secs(60)
}

const fn default_timeout() -> Period {
    Period::from_secs(5)
}

const fn default_at_once() -> u32 {
    100
}

const fn default_remember() -> u32 {
    10_000
}

fn default_cookie() -> String {
    "__Host-session".to_owned()
}

const fn default_absolute() -> Period {
    Period::from_secs(8 * 3600)
}

const fn default_idle() -> Period {
    Period::from_secs(30 * 60)
}

impl OidcLoginConfig {
    /// Refuses what cannot be meant. The keys and algorithms are checked where tokens are.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.check_paths()?;
        self.check_words()?;
        self.check_session()?;
        if self.timeout.is_zero() || self.timeout > TIMEOUT_MAX {
            let message = format!("a time of {} is not between 1ms and {TIMEOUT_MAX}", self.timeout);
            return Err(Problem::at("timeout", message));
        }
        if !(1..=AT_ONCE_MAX).contains(&self.at_once) {
            return Err(Problem::at(
                "at-once",
                format!("it is a number from 1 to {AT_ONCE_MAX}"),
            ));
        }
        if self.remember == 0 {
            return Err(Problem::at(
                "remember",
                "without memory no login could be completed",
            ));
        }
        Ok(())
    }

    fn check_paths(&self) -> Result<(), Problem> {
        if Place::origin(&self.origin).as_ref() != Some(&self.origin) {
            let message = format!("`{}` is not an origin as browsers write it", self.origin);
            return Err(Problem::at("origin", message)
                .with_help("write `https://`, the host in lower case, and a port that is not 443"));
        }
        let logout = self.logout.as_deref().map(|path| ("logout", path));
        for (key, path) in [("callback", self.callback.as_str())].into_iter().chain(logout) {
            if !is_local(path) || path.contains(['?', '#', '%', ';']) {
                return Err(Problem::at(key, format!("`{path}` is not a plain path")));
            }
        }
        if self.logout.as_ref() == Some(&self.callback) {
            return Err(Problem::at("logout", "this path is the callback already"));
        }
        Ok(())
    }

    fn check_words(&self) -> Result<(), Problem> {
        let is_plain = |text: &str| {
            !text.is_empty() && text.len() <= 1024 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        for (key, text) in [("issuer", &self.issuer), ("client", &self.client)] {
            if !is_plain(text) {
                return Err(Problem::at(
                    key,
                    "this is empty, longer than 1024 bytes or not printable",
                ));
            }
        }
        if !self.ask.contains("openid") {
            return Err(Problem::at(
                "ask",
                "without `openid` the issuer tells nobody's identity",
            ));
        }
        if let Some(scope) = self
            .ask
            .iter()
            .find(|scope| !is_plain(scope) || scope.contains(' '))
        {
            return Err(Problem::at("ask", format!("`{scope}` is not a scope")));
        }
        if let Some(claim) = self
            .claims
            .iter()
            .find(|claim| matches!(claim.as_str(), "" | "iss" | "sub"))
        {
            return Err(Problem::at("claims", format!("`{claim}` need not be listed")));
        }
        Ok(())
    }

    fn check_session(&self) -> Result<(), Problem> {
        let session = &self.session;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let rest = session.cookie.strip_prefix("__Host-");
        if !rest.is_some_and(|rest| !rest.is_empty() && rest.len() <= 64 && rest.bytes().all(is_token)) {
            let message = format!("`{}` is not `__Host-` and the name of a cookie", session.cookie);
            return Err(Problem::at("session.cookie", message));
        }
        if session.previous.as_ref() == Some(&session.secret) {
            return Err(Problem::at("session.previous", "this secret is the current one"));
        }
        if session.absolute < Period::from_secs(1) || session.absolute > ABSOLUTE_MAX {
            let message = format!(
                "a session of {} is not between 1s and {ABSOLUTE_MAX}",
                session.absolute
            );
            return Err(Problem::at("session.absolute", message));
        }
        if session.idle < Period::from_secs(1) || session.idle > session.absolute {
            let message = format!(
                "an idle time of {} is not between 1s and the {} of the whole session",
                session.idle, session.absolute
            );
            return Err(Problem::at("session.idle", message));
        }
        Ok(())
    }

    /// How the issuer's tokens are verified: as the filter `jwt` does.
    pub(super) fn tokens(&self) -> Result<JwtConfig, Problem> {
        let value = json!({
            "keys": self.keys,
            "issuer": self.issuer,
            "audience": self.client,
            "algorithms": self.algorithms,
            "type": "any",
            "consumer": self.consumer,
            "scopes": self.scopes,
            "skew": self.skew,
            "remember": 0,
        });
        read(value).ok_or_else(|| Problem::at("keys", "these keys cannot verify tokens"))
    }
}

fn read(value: Value) -> Option<JwtConfig> {
    serde_json::from_value(value).ok()
}
