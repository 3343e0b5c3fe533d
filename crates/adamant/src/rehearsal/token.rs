//! Tokens for tests: what the step that reads them asks for, changed by what the test wants.
//!
//! Signs with keys made for the run, or forges as somebody would who has none of them.

use std::collections::{BTreeMap, BTreeSet};

use adamant_auth::{Algorithm, JwtConfig, KeySource, TokenType};
use adamant_filter::{Filter, Wall, decode};
use adamant_policy::config::{Config, RouteStep, Step, StepKind};
use adamant_policy::trials::{Credential, IssueError, Issuer};
use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::key::{Kind, SigningKey};
use super::ring::{Ring, mac};

/// How long tokens live, unless the policy wants them to live shorter.
const LIFETIME_SECONDS: u64 = 300;

/// The keys could not be made.
#[derive(Debug, thiserror::Error)]
#[error("keys for the tests cannot be made")]
pub(crate) struct KeyError(#[from] Unspecified);

/// Issues tokens by the `jwt` steps of one file.
#[derive(Debug)]
pub(crate) struct TokenIssuer {
    /// By the name of their key source.
    rings: BTreeMap<String, (KeySource, Ring)>,
}

impl TokenIssuer {
    pub(super) fn new(config: &Config) -> Result<Self, KeyError> {
        let mut wanted: BTreeMap<String, (KeySource, BTreeSet<Algorithm>)> = BTreeMap::new();
        for jwt in all_steps(config).filter_map(as_jwt) {
            // A step whose keys have no source does not compile, which is told elsewhere.
            let Ok(source) = jwt.keys.source() else { continue };
            let (_, algorithms) = wanted
                .entry(name_of(&source))
                .or_insert_with(|| (source, BTreeSet::new()));
            algorithms.extend(&jwt.algorithms);
        }
        let mut rings = BTreeMap::new();
        for (name, (source, algorithms)) in wanted {
            let is_single = matches!(source, KeySource::Pem(_));
            let ring = Ring::generate(&algorithms, is_single)?;
            rings.insert(name, (source, ring));
        }
        Ok(Self { rings })
    }

    /// Key sources with the keys that stand for them.
    pub(super) fn rings(&self) -> impl Iterator<Item = (&KeySource, &Ring)> {
        self.rings.values().map(|(source, ring)| (source, ring))
    }

    /// The first ring that stands for a JWK set.
    pub(super) fn first_published(&self) -> Option<&Ring> {
        self.rings()
            .find(|(source, _)| matches!(source, KeySource::File(_)))
            .map(|(_, ring)| ring)
    }
}

impl Issuer for TokenIssuer {
    fn issue(
        &mut self,
        config: &Config,
        route: Option<usize>,
        wanted: &Map<String, Value>,
        now: Wall,
    ) -> Result<Credential, IssueError> {
        let on_route = route.and_then(|position| steps_of(config, position).find_map(as_jwt));
        let jwt = on_route.or_else(|| all_steps(config).find_map(as_jwt));
        let jwt = jwt.ok_or_else(|| IssueError("no step of the policy reads a token".to_owned()))?;
        let source = jwt
            .keys
            .source()
            .map_err(|problem| IssueError(problem.to_string()))?;
        let ring = self.rings.get(&name_of(&source)).map(|(_, ring)| ring);
        let ring = ring.ok_or_else(|| IssueError("the step has no keys in this run".to_owned()))?;
        let token = Draft {
            jwt: &jwt,
            source: &source,
            ring,
            wanted,
            now,
        }
        .sign()?;
        Ok(place(&jwt, token))
    }
}

/// A token before it is signed.
struct Draft<'t> {
    jwt: &'t JwtConfig,
    source: &'t KeySource,
    ring: &'t Ring,
    wanted: &'t Map<String, Value>,
    now: Wall,
}

impl Draft<'_> {
    fn sign(&self) -> Result<String, IssueError> {
        let name = match self.wanted.get("alg") {
            None => None,
            Some(Value::String(name)) => Some(name.as_str()),
            Some(other) => return Err(IssueError(format!("`{other}` is not an algorithm"))),
        };
        if name == Some("none") {
            return Ok(format!("{}.", self.message("none", None)));
        }
        let algorithm = match name {
            None => preferred(self.jwt, self.ring),
            Some(name) => serde_json::from_value(name.into()).ok(),
        };
        let name = name.unwrap_or("an algorithm for the key of this step");
        let algorithm = algorithm.ok_or_else(|| IssueError(format!("no token can be signed by {name}")))?;
        let message = self.message(&text_of(algorithm), self.key_name(algorithm));
        let signature = self.signature(algorithm, message.as_bytes());
        let signature =
            signature.map_err(|_| IssueError(format!("no token can be signed by {algorithm:?}")))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Signed as the issuer would, or as a stranger must who has no such key.
    fn signature(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        if Kind::of(algorithm) == Kind::Shared {
            let public = self.ring.public_bytes();
            let secret = if self.is_shared() {
                self.ring.secret()
            } else {
                &public
            };
            return Ok(mac(algorithm, secret, message));
        }
        match self.ring.key_for(algorithm) {
            Some(key) => key.sign(algorithm, message),
            None => SigningKey::generate(Kind::of(algorithm))?
                .ok_or(Unspecified)?
                .sign(algorithm, message),
        }
    }

    fn is_shared(&self) -> bool {
        matches!(self.source, KeySource::Secret(_) | KeySource::SecretBase64(_))
    }

    /// Only keys of a set have names. A forger names the first one.
    fn key_name(&self, algorithm: Algorithm) -> Option<&'static str> {
        if !matches!(self.source, KeySource::File(_) | KeySource::Url(_)) {
            return None;
        }
        self.ring
            .key_for(algorithm)
            .map_or_else(|| self.ring.first_name(), |key| Some(key.kind().name()))
    }

    /// Header and claims, joined as they are signed.
    fn message(&self, algorithm: &str, key: Option<&str>) -> String {
        let declared = match self.jwt.token_type {
            TokenType::AccessToken => "at+jwt",
            TokenType::Jwt | TokenType::Any => "JWT",
        };
        let mut header = Map::new();
        header.insert("alg".to_owned(), algorithm.into());
        header.insert("typ".to_owned(), declared.into());
        header.extend(key.map(|key| ("kid".to_owned(), key.into())));
        let mut claims = self.claims();
        for (name, value) in self.wanted.iter().filter(|(name, _)| *name != "alg") {
            let part = if ["typ", "kid"].contains(&name.as_str()) {
                &mut header
            } else {
                &mut claims
            };
            if value.is_null() {
                part.remove(name);
            } else {
                part.insert(name.clone(), value.clone());
            }
        }
        let encoded = |part: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::from(part).to_string());
        format!("{}.{}", encoded(header), encoded(claims))
    }

    /// What the step asks for.
    fn claims(&self) -> Map<String, Value> {
        let now = self.now.seconds();
        let lifetime = self.jwt.lifetime.map_or(LIFETIME_SECONDS, |most| {
            (most.millis() / 1000).min(LIFETIME_SECONDS)
        });
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), self.jwt.issuer.clone().into());
        claims.insert("aud".to_owned(), self.jwt.audience.0.first().cloned().into());
        claims.insert("iat".to_owned(), now.into());
        claims.insert("exp".to_owned(), now.saturating_add(lifetime).into());
        claims.insert("sub".to_owned(), "tester".into());
        claims.insert(self.jwt.consumer.clone(), "tester".into());
        if self.jwt.token_type == TokenType::AccessToken {
            // RFC 9068 §2.2 demands them.
            claims.insert("client_id".to_owned(), "tester".into());
            claims.insert("jti".to_owned(), "1".into());
        }
        claims
    }
}

/// Of the algorithms for which there is a key, the one that signs fastest.
fn preferred(jwt: &JwtConfig, ring: &Ring) -> Option<Algorithm> {
    let fast = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::ES384];
    let listed = fast
        .into_iter()
        .filter(|one| jwt.algorithms.contains(one))
        .chain(jwt.algorithms.iter().copied());
    let mut usable = listed.filter(|one| Kind::of(*one) == Kind::Shared || ring.key_for(*one).is_some());
    usable.next()
}

/// Where the step looks for the token.
fn place(jwt: &JwtConfig, token: String) -> Credential {
    match (&jwt.header, &jwt.cookie, &jwt.query) {
        (Some(name), _, _) if !name.eq_ignore_ascii_case("authorization") => {
            Credential::Header(name.clone(), token)
        }
        (None, Some(name), _) => Credential::Header("cookie".to_owned(), format!("{name}={token}")),
        (None, None, Some(name)) => Credential::Query(name.clone(), token),
        _ => Credential::Header("authorization".to_owned(), format!("Bearer {token}")),
    }
}

fn text_of(algorithm: Algorithm) -> String {
    format!("{algorithm:?}")
}

/// One source, one name. How a set is fetched does not make it another one.
fn name_of(source: &KeySource) -> String {
    match source {
        KeySource::Url(published) => format!("Url({}{})", published.target.origin, published.path),
        other => format!("{other:?}"),
    }
}

/// The configuration of a step that reads tokens.
fn as_jwt(step: &Step) -> Option<JwtConfig> {
    match &step.kind {
        StepKind::Filter { name, config, .. } if **name == *adamant_auth::Jwt::NAME => decode(config).ok(),
        StepKind::Filter { .. } => None,
        StepKind::AnyOf(steps) | StepKind::AllOf(steps) => steps.iter().find_map(as_jwt),
    }
}

/// Steps of a route, in order, those of its policies in their places.
fn steps_of(config: &Config, route: usize) -> impl Iterator<Item = &Step> {
    let filters = config
        .routes
        .get(route)
        .map(|route| route.filters.as_slice())
        .unwrap_or_default();
    filters.iter().flat_map(|step| match step {
        RouteStep::Inline(step) => std::slice::from_ref(step),
        RouteStep::Use { policy, .. } => config
            .policies
            .get(policy.0)
            .map(|policy| policy.steps.as_slice())
            .unwrap_or_default(),
    })
}

/// Every step that stands on a route.
fn all_steps(config: &Config) -> impl Iterator<Item = &Step> {
    (0..config.routes.len()).flat_map(|route| steps_of(config, route))
}
