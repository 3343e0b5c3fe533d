//! What a policy author writes under `jwt`.
//!
//! Nothing here decides about a token. Issuer, audience, algorithms and type have no defaults: a check
//! that nobody asked for would be a check that nobody knows of (RFC 8725 §3.8 to §3.11).

use std::collections::BTreeSet;

use adamant_filter::OneOrMany;
use adamant_filter::prelude::*;
use serde::Serializer;

use super::algorithm::{Algorithm, Algorithms};
use super::sender::SenderConfig;
use super::source::{KeySource, KeysConfig, filled};
use crate::challenge::default_realm;
use crate::credential::Source;

/// Proves the consumer by a signed token (JSON Web Token, RFC 7519).
///
/// The token is taken from the `Authorization` field as bearer token, unless one of `header`, `cookie`
/// and `query` names another place. Exactly one place is looked at, and it must hold one token.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JwtConfig {
    /// The keys that verify signatures: from one of `url`, `file`, `pem`, `secret`, `secret-base64`.
    #[serde(serialize_with = "filled")]
    pub keys: KeysConfig,
    /// Who must have issued the token: the claim `iss`, character by character.
    pub issuer: String,
    /// For whom the token must be issued: the claim `aud` has to name one of these.
    #[serde(serialize_with = "sorted")]
    pub audience: OneOrMany<String>,
    /// Signature algorithms that are accepted, such as `[RS256, ES256]`. A key further narrows them.
    pub algorithms: BTreeSet<Algorithm>,
    /// Which type the token must declare in its header: `at+jwt` (RFC 9068), `jwt`, or `any`.
    #[serde(rename = "type")]
    pub token_type: TokenType,
    /// The claim that names the consumer.
    #[serde(default = "default_consumer")]
    pub consumer: String,
    /// The claim that lists granted scopes, as text with spaces or as list. With the default, `scope`, the
    /// claim `scp` is read where `scope` is absent.
    #[serde(default = "default_scopes")]
    pub scopes: String,
    /// How far the clocks of issuer and gateway may differ; at most `5m`.
    #[serde(default = "default_skew")]
    pub skew: Period,
    /// Longest time from issue (`iat`) to expiry (`exp`). Without it, the issuer decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Period>,
    /// Take the token from this header field. `authorization` (the default) holds `Bearer TOKEN`, any other
    /// field holds the token alone.
    #[serde(
        default,
        skip_serializing_if = "is_default_header",
        serialize_with = "lower_case"
    )]
    pub header: Option<String>,
    /// Take the token from this cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// Take the token from this parameter of the query. Queries end up in logs: prefer a header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Pass the token on to the upstream. Otherwise it is taken out of the request once it is proved.
    #[serde(default)]
    pub forward: bool,
    /// How many proved tokens of usual size (4 KiB of memory with their claims) are remembered until they
    /// expire, so that their signatures need not be verified again; 0 remembers none.
    #[serde(default = "default_remember")]
    pub remember: u32,
    /// Demand that whoever sends a token proves to be the one to whom it was issued. Without it, tokens that
    /// are bound to their sender are refused, since nobody would check that they were not stolen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<SenderConfig>,
    /// Name of the protected area in `WWW-Authenticate`.
    #[serde(default = "default_realm")]
    pub realm: String,
}

/// What a token must declare itself to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TokenType {
    /// An access token by RFC 9068, with all claims that it demands.
    #[serde(rename = "at+jwt")]
    AccessToken,
    /// `JWT`.
    #[serde(rename = "jwt")]
    Jwt,
    /// Whatever it says, or nothing.
    #[serde(rename = "any")]
    Any,
}

fn default_consumer() -> String {
    "sub".to_owned()
}

/// The claim of RFC 8693 §4.2.
fn default_scopes() -> String {
    "scope".to_owned()
}

const fn default_skew() -> Period {
    Period::from_secs(60)
}

const fn default_remember() -> u32 {
    20_000
}

fn is_default_header(header: &Option<String>) -> bool {
    header
        .as_ref()
        .is_none_or(|name| name.eq_ignore_ascii_case("authorization"))
}

fn lower_case<S: Serializer>(header: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    header
        .as_ref()
        .map(|name| name.to_ascii_lowercase())
        .serialize(serializer)
}

/// The order of audiences means nothing, so it must not change the digest.
fn sorted<S: Serializer>(audience: &OneOrMany<String>, serializer: S) -> Result<S::Ok, S::Error> {
    audience.0.iter().collect::<BTreeSet<_>>().serialize(serializer)
}

/// Largest issuer and audience; longer ones fit into no key of a limit.
const NAME_MAX: usize = 1024;

/// More than this is no difference of clocks but a second lifetime.
const SKEW_MAX: Period = Period::from_secs(300);

impl JwtConfig {
    /// The listed algorithms, when they go together with each other and with the keys.
    pub(super) fn algorithms(&self, source: &KeySource) -> Result<Algorithms, Problem> {
        let is_shared = matches!(source, KeySource::Secret(_) | KeySource::SecretBase64(_));
        let symmetric = self.algorithms.iter().filter(|one| one.is_symmetric()).count();
        if self.algorithms.is_empty() {
            return Err(Problem::at(
                "algorithms",
                "without an algorithm no token could be accepted",
            ));
        }
        if symmetric != 0 && symmetric != self.algorithms.len() {
            let message = "shared secrets (HS…) and public keys must not serve the same issuer";
            return Err(Problem::at("algorithms", message)
                .with_help("whoever knows the public key could otherwise sign with it (RFC 8725 §3.1)"));
        }
        match (is_shared, symmetric != 0) {
            (true, false) => Err(Problem::at(
                "algorithms",
                "a shared secret verifies HS256, HS384 and HS512 only",
            )),
            (false, true) => Err(
                Problem::at("algorithms", "HS… needs a shared secret, not a public key")
                    .with_help("write `keys: { secret: { env: NAME } }`"),
            ),
            (true, true) | (false, false) => Ok(self.algorithms.iter().copied().collect()),
        }
    }

    /// The one place that is looked at.
    pub(super) fn source(&self) -> Result<Source, Problem> {
        let source = match (&self.header, &self.cookie, &self.query) {
            (None, None, None) => Source::Bearer,
            (Some(name), None, None) => Source::token_header(name)?,
            (None, Some(name), None) => Source::cookie(name)?,
            (None, None, Some(name)) => Source::query(name)?,
            (_, _, query) => {
                let path = if query.is_some() { "query" } else { "cookie" };
                return Err(Problem::at(path, "the token is taken from exactly one place")
                    .with_help("keep one of `header`, `cookie` and `query`"));
            }
        };
        let has_proofs = self.sender.as_ref().is_some_and(|sender| sender.dpop.is_some());
        match source {
            Source::Bearer if has_proofs => Ok(Source::BearerOrProof),
            other if has_proofs => {
                let message = format!("a token with proofs stands in `Authorization`, not in {other:?}");
                Err(Problem::at("sender.dpop", message))
            }
            other => Ok(other),
        }
    }

    /// What only needs this configuration to be judged.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let named = |path: &str, name: &str| match name.len() {
            0 => Err(Problem::at(path, "an empty name is nobody's")),
            1..=NAME_MAX => Ok(()),
            _ => Err(Problem::at(path, format!("a name has at most {NAME_MAX} bytes"))),
        };
        named("issuer", &self.issuer)?;
        named("consumer", &self.consumer)?;
        named("scopes", &self.scopes)?;
        for (index, audience) in self.audience.0.iter().enumerate() {
            named(&format!("audience[{index}]"), audience)?;
        }
        if self.audience.0.is_empty() {
            return Err(Problem::at(
                "audience",
                "without an audience no token could be accepted",
            ));
        }
        if self.skew > SKEW_MAX {
            let message = format!(
                "a skew of {} would be a second lifetime; at most {SKEW_MAX}",
                self.skew
            );
            return Err(Problem::at("skew", message));
        }
        if let Some(sender) = &self.sender {
            sender.check()?;
        }
        if self.lifetime.is_some_and(Period::is_zero) {
            return Err(Problem::at("lifetime", "a token must live for some time"));
        }
        Ok(())
    }
}
