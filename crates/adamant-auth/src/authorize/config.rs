//! What a policy author writes under `authorize`.
//!
//! Nothing here decides about an identity.

use std::collections::{BTreeMap, BTreeSet};

use adamant_filter::prelude::*;
use adamant_filter::{OneOrMany, ShortOrLong};
use serde::Serializer;

use crate::challenge::default_realm;

/// Lets an identity pass that fulfils every part which is written here.
///
/// The identity was proved by an earlier step, by whichever method. Each part that is not fulfilled refuses
/// with a reason of its own: `authorize.scope`, `authorize.role`, and so on.
///
/// Example: `authorize: { scopes: { all: [orders:write] }, bind: { tenant: tenant_id } }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthorizeConfig {
    /// Granted scopes that are needed. Example: `{ all: [orders:read], any: [eu, us] }`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<NeededScopes>,
    /// Roles that are needed, and the claim that lists them.
    /// Example: `{ claim: realm_access.roles, any: [admin, support] }`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<NeededRoles>,
    /// Claims, each with the value that it must have, a list of values of which it must have one, or
    /// `{ present: true }` or `{ present: false }`. A name with dots is a claim of that name or else one below
    /// others; of a claim that is a list, one item must fit. Whole numbers and truth values are compared as
    /// they are written in decimals and as `true` or `false`.
    /// Example: `{ tenant: acme, tier: [gold, silver], email: { present: true } }`
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "sorted_values"
    )]
    pub claims: Option<BTreeMap<String, ClaimValue>>,
    /// Groups of the file's consumers; being in one of them suffices. Example: `[partners]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<BTreeSet<String>>,
    /// Methods of proof, by the words of their filters; one of them must have proved the identity.
    /// Example: `[jwt]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved_by: Option<BTreeSet<String>>,
    /// Consumers by name; others may not pass. Example: `[acme, globex]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<BTreeSet<String>>,
    /// Parameters of the path, each with what it must equal once its escapes are decoded: the word `consumer`,
    /// or the name of a claim (`claim:consumer` is the claim of that name). Of a claim that is a list, one item
    /// must fit. Example for the path `/users/{id}`: `{ id: sub }`
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "plain_sources"
    )]
    pub bind: Option<BTreeMap<String, String>>,
    /// A condition in the Common Expression Language (CEL) that must be true.
    ///
    /// It may use `request.method`, `request.path`, `request.host`, `request.client`,
    /// `request.headers["x-name"]`, `request.query.name`, `path.name` for parameters of the path,
    /// `identity.consumer`, `identity.method`, `identity.plan` (empty without one), `identity.scopes`,
    /// `identity.groups` and `identity.claims.name`; the operators of the language, `has(…)`, `in`, `size`,
    /// `contains`, `startsWith`, `endsWith`, `string`, `int` and `double`. Values of queries and of the path's
    /// parameters are decoded once. What cannot be evaluated, such as a claim that is not there, is a fault:
    /// the request is refused unless the step says `on-fault: pass`. At most 1,024 bytes.
    /// Example: `"identity.plan == 'gold' || request.method in ['GET', 'HEAD']"`
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "trimmed")]
    pub expression: Option<String>,
    /// Name of the protected area in `WWW-Authenticate`, which tells a client that lacks scopes which ones are
    /// needed.
    #[serde(default = "default_realm")]
    pub realm: String,
}

/// Scopes that are needed.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NeededScopes {
    /// Every one of these is needed. Example: `[orders:read]`
    #[serde(default)]
    pub all: BTreeSet<String>,
    /// At least one of these is needed. Example: `[eu, us]`
    #[serde(default)]
    pub any: BTreeSet<String>,
}

/// Roles that are needed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NeededRoles {
    /// The claim that lists the roles, as a list of texts or as one text with spaces. A name with dots is a
    /// claim of that name or else one below others. Example: `realm_access.roles`
    pub claim: String,
    /// Every one of these is needed. Example: `[staff]`
    #[serde(default)]
    pub all: BTreeSet<String>,
    /// At least one of these is needed. Example: `[admin, support]`
    #[serde(default)]
    pub any: BTreeSet<String>,
}

/// What a claim must be: this value, one of these values, or there at all.
pub type ClaimValue = ShortOrLong<OneOrMany<String>, ClaimPresence>;

/// Whether a claim is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClaimPresence {
    /// `true`: it must be there, whatever it is. `false`: it must not be there, or be null.
    pub present: bool,
}

/// The order of values means nothing, so it must not change the digest.
fn sorted_values<S: Serializer>(
    claims: &Option<BTreeMap<String, ClaimValue>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let canonical = |value: &ClaimValue| match value {
        ShortOrLong::Short(values) => {
            let values: BTreeSet<String> = values.0.iter().cloned().collect();
            ShortOrLong::Short(OneOrMany(values.into_iter().collect()))
        }
        ShortOrLong::Long(presence) => ShortOrLong::Long(*presence),
    };
    let claims = claims.iter().flatten();
    let claims: BTreeMap<_, ClaimValue> = claims.map(|(name, value)| (name, canonical(value))).collect();
    claims.serialize(serializer)
}

/// `claim:sub` is `sub`, except where that would be another word.
fn plain_sources<S: Serializer>(
    bind: &Option<BTreeMap<String, String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let plain = |source: &str| match source.strip_prefix("claim:") {
        Some(name) if name != "consumer" && !name.starts_with("claim:") => name.to_owned(),
        Some(_) | None => source.to_owned(),
    };
    let bind = bind.iter().flatten();
    let bind: BTreeMap<_, _> = bind.map(|(name, source)| (name, plain(source))).collect();
    bind.serialize(serializer)
}

fn trimmed<S: Serializer>(expression: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    expression.as_ref().map(|text| text.trim()).serialize(serializer)
}
