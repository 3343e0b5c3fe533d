//! What a policy author writes under `introspection`.
//!
//! Nothing here decides about a token. How long an answer is believed has no default: it is the time for which a
//! revoked token still passes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use adamant_filter::OneOrMany;
use adamant_filter::prelude::*;
use serde::Serializer;

use crate::challenge::default_realm;

/// Proves the consumer by a token that the authorization server is asked about (RFC 7662).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IntrospectionConfig {
    /// The introspection endpoint, such as `https://id.example.com/introspect`. Plain `http` is possible to
    /// loopback addresses only.
    pub url: String,
    /// The authorities that may vouch for the endpoint, as a file in PEM. Without it, those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Longest time for one question, such as `2s` (the default); at most `30s`.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// How the gateway proves itself to the endpoint.
    pub client: IntrospectionClient,
    /// Who must have issued the token: what the endpoint says under `iss`, character by character. Without it, `iss`
    /// is not looked at, and the consumer is qualified by the `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// For whom the token must be issued: `aud` has to name one of these.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "sorted")]
    pub audience: Option<OneOrMany<String>>,
    /// Accept tokens for whomever they were issued; in place of `audience`, for servers that do not tell it.
    #[serde(default)]
    pub any_audience: bool,
    /// What names the consumer: `sub` (the default), `client_id`, `username` or another member of the answer.
    #[serde(default = "default_consumer")]
    pub consumer: String,
    /// The member that lists granted scopes, as text with spaces or as list.
    #[serde(default = "default_scopes")]
    pub scopes: String,
    /// How far the clocks of server and gateway may differ, such as `60s` (the default); at most `5m`.
    #[serde(default = "default_skew")]
    pub skew: Period,
    /// How long a token that is active is believed without asking again, such as `30s`; at most `1h`, never beyond
    /// its `exp`, and `0s` asks about each request. A token that is revoked passes for so long.
    pub active_for: Period,
    /// How long a token that was refused is refused without asking again, such as `5s` (the default); at most `10s`.
    #[serde(default = "default_inactive_for")]
    pub inactive_for: Period,
    /// How many active tokens of usual size (4 KiB of memory with what is known of them) are remembered.
    #[serde(default = "default_remember")]
    pub remember: u32,
    /// How many tokens are asked about at once, 1 to 1000. All who bring the same token share one question; when
    /// all are taken, a request with a new token is a fault.
    #[serde(default = "default_at_once")]
    pub at_once: u32,
    /// The header field that holds the token. `authorization` (the default) holds `Bearer TOKEN`, any other field
    /// the token alone.
    #[serde(default = "default_header", serialize_with = "lower_case")]
    pub header: String,
    /// Pass the token on to the upstream. Otherwise it is taken out of the request once it is proved.
    #[serde(default)]
    pub forward: bool,
    /// Name of the protected area in `WWW-Authenticate`.
    #[serde(default = "default_realm")]
    pub realm: String,
}

/// The gateway as a client of the authorization server (RFC 6749 §2.3.1).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IntrospectionClient {
    /// Its id.
    pub id: String,
    /// Its secret: `{ env: NAME }` or `{ file: path }`.
    pub secret: SecretRef,
    /// Where both are sent: `basic` (the `Authorization` field, the default) or `body` (the form).
    #[serde(default)]
    pub by: ClientBy,
}

/// Where the gateway proves itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientBy {
    /// In the `Authorization` field.
    #[default]
    Basic,
    /// In the form, as `client_id` and `client_secret`.
    Body,
}

const fn default_timeout() -> Period {
    Period::from_secs(2)
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

const fn default_inactive_for() -> Period {
    Period::from_secs(5)
}

const fn default_remember() -> u32 {
    20_000
}

const fn default_at_once() -> u32 {
    100
}

fn default_header() -> String {
    "authorization".to_owned()
}

fn lower_case<S: Serializer>(header: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&header.to_ascii_lowercase())
}

/// The order of audiences means nothing, so it must not change the digest.
fn sorted<S: Serializer>(audience: &Option<OneOrMany<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    let names = audience.iter().flat_map(|audience| &audience.0);
    names.collect::<BTreeSet<_>>().serialize(serializer)
}

/// Largest name; longer ones fit into no key of a limit.
const NAME_MAX: usize = 1024;

impl IntrospectionConfig {
    /// What only needs this configuration to be judged.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let named = |path: &str, name: &str| match name.len() {
            0 => Err(Problem::at(path, "an empty name is nobody's")),
            1..=NAME_MAX => Ok(()),
            _ => Err(Problem::at(path, format!("a name has at most {NAME_MAX} bytes"))),
        };
        named("client.id", &self.client.id)?;
        named("consumer", &self.consumer)?;
        named("scopes", &self.scopes)?;
        if let Some(issuer) = &self.issuer {
            named("issuer", issuer)?;
        }
        self.check_audience()?;
        for (path, period, at_most) in [
            ("timeout", self.timeout, 30),
            ("skew", self.skew, 300),
            ("active-for", self.active_for, 3600),
            ("inactive-for", self.inactive_for, 10),
        ] {
            let at_most = Period::from_secs(at_most);
            if period > at_most {
                return Err(Problem::at(path, format!("it is {at_most} at most")));
            }
        }
        if self.timeout.is_zero() {
            return Err(Problem::at("timeout", "no server answers in no time"));
        }
        for (path, number, at_most) in [
            ("at-once", self.at_once, 1000),
            ("remember", self.remember, 10_000_000),
        ] {
            if !(1..=at_most).contains(&number) {
                return Err(Problem::at(path, format!("it is a number from 1 to {at_most}")));
            }
        }
        Ok(())
    }

    fn check_audience(&self) -> Result<(), Problem> {
        match (&self.audience, self.any_audience) {
            (None, false) => Err(Problem::at(
                "audience",
                "without an audience, tokens for other services would pass",
            )
            .with_help("write `audience: NAME`, or `any-audience: true` when the server does not tell it")),
            (Some(_), true) => Err(Problem::at(
                "any-audience",
                "`audience` would have no effect beside `any-audience`",
            )),
            (Some(names), false) if names.0.iter().any(String::is_empty) => {
                Err(Problem::at("audience", "an empty name is nobody's"))
            }
            (Some(_), false) | (None, true) => Ok(()),
        }
    }
}
