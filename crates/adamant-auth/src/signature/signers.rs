//! The file of signers: a list `keys` of entries, reviewed and hashed like the policy itself.
//!
//! Has no form into which a private key or a shared secret would fit: secrets are named, not written.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{Map, Value};
use adamant_filter::{Consumers, Span, decode};

use super::algorithm::{SigningAlgorithm, Verifying};
use crate::consumer::is_consumer;
use crate::credential_file::first_of;
use crate::jwt::keys::{Material, Unfit};
use crate::jwt::{jwks, pem};
use crate::scopes::is_scope;

/// Bytes of a shared secret at least: the length of the hash (RFC 2104 §3).
const SECRET_MIN: usize = 32;

/// Most keys of a file.
const KEYS_MAX: usize = 10_000;

/// Someone who may sign.
#[derive(Debug)]
pub(super) struct Signer {
    /// What its key signs by.
    pub(super) algorithm: SigningAlgorithm,
    /// Its key.
    pub(super) key: Verifying,
    /// Who it is.
    pub(super) identity: Arc<Identity>,
}

/// Signers by the names of their keys.
pub(super) type Signers = HashMap<Box<str>, Signer, foldhash::fast::RandomState>;

/// The file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SignerFile {
    /// All keys.
    keys: Vec<Spanned<Entry>>,
}

/// A key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    /// Names the key; unique. Signatures name it in `keyid`.
    id: String,
    /// Whose key it is.
    consumer: String,
    /// What it signs by.
    algorithm: SigningAlgorithm,
    /// The public key in PEM.
    #[serde(default)]
    pem: Option<String>,
    /// The public key as JWK.
    #[serde(default)]
    jwk: Option<Jwk>,
    /// The shared secret of `hmac-sha256`: where it is found.
    #[serde(default)]
    secret: Option<SecretRef>,
    /// What it grants.
    #[serde(default)]
    scopes: BTreeSet<String>,
}

/// The public members of a JWK (RFC 7517, RFC 7518 §6).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Jwk {
    /// `EC`, `OKP` or `RSA`.
    kty: String,
    /// The curve.
    #[serde(default)]
    crv: Option<String>,
    /// First coordinate, or the key of a curve that has one.
    #[serde(default)]
    x: Option<String>,
    /// Second coordinate.
    #[serde(default)]
    y: Option<String>,
    /// Modulus.
    #[serde(default)]
    n: Option<String>,
    /// Exponent.
    #[serde(default)]
    e: Option<String>,
}

/// Reads the file. All that is wrong with it is one problem of the step that names it.
pub(super) fn load(path: &Path, boot: &mut Boot<'_>) -> Result<Signers, Problem> {
    let node = boot
        .document(path)
        .map_err(|problem| problem.with_path("keys.file"))?;
    let within = |problem: Problem| problem.within(path).with_path("keys.file");
    let file: SignerFile = decode(&node).map_err(|problems| first_of(problems, path, "keys.file"))?;
    if file.keys.is_empty() {
        return Err(within(Problem::at("keys", "without a key nobody could pass")));
    }
    if file.keys.len() > KEYS_MAX {
        return Err(within(Problem::at(
            "keys",
            format!("more than {KEYS_MAX} keys are not read"),
        )));
    }
    let consumers = boot.consumers();
    let mut signers = Signers::default();
    for entry in file.keys {
        let (span, entry) = (entry.span, entry.value);
        let id = entry.id.clone();
        let signer = entry.into_signer(span, boot, &consumers).map_err(within)?;
        if signers.insert(id.as_str().into(), signer).is_some() {
            let message = format!("two keys are named `{id}`");
            return Err(within(Problem::at("id", message).with_span(span)));
        }
    }
    Ok(signers)
}

impl Entry {
    fn into_signer(self, span: Span, boot: &mut Boot<'_>, consumers: &Consumers) -> Result<Signer, Problem> {
        let wrong = |name: &str, message: String| Problem::at(name, message).with_span(span);
        for (name, text) in [("id", &self.id), ("consumer", &self.consumer)] {
            if !is_consumer(text) {
                let message = format!("`{name}` is empty, too long or not printable");
                return Err(wrong(name, message));
            }
        }
        if sfv::StringRef::from_str(&self.id).is_err() {
            return Err(wrong(
                "id",
                format!("no signature can name the key `{}`", self.id),
            ));
        }
        if let Some(scope) = self.scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(wrong("scopes", format!("`{scope}` is not a scope")));
        }
        let key = self.key(span, boot)?;
        let mut claims = Map::new();
        claims.insert("key-id".to_owned(), Value::from(self.id));
        let identity = Identity::new(super::NAME, "", &self.consumer)
            .with_scopes(self.scopes.iter().map(String::as_str))
            .with_claims(claims);
        Ok(Signer {
            algorithm: self.algorithm,
            key,
            identity: Arc::new(consumers.resolve(identity)),
        })
    }

    fn key(&self, span: Span, boot: &mut Boot<'_>) -> Result<Verifying, Problem> {
        let wrong = |path: &str, message: String| Problem::at(path, message).with_span(span);
        let id = &self.id;
        let is_shared = self.algorithm == SigningAlgorithm::HmacSha256;
        let unfit = |path: &str, why: Unfit| {
            let message = format!(
                "the key `{id}` cannot be used by {}: {why}",
                self.algorithm.word()
            );
            wrong(path, message)
        };
        match (&self.pem, &self.jwk, &self.secret) {
            (Some(text), None, None) if !is_shared => {
                let material = pem::material(text.as_bytes())
                    .map_err(|why| wrong("pem", format!("`pem` of the key `{id}` {why}")))?;
                Verifying::public(self.algorithm, &material).map_err(|why| unfit("pem", why))
            }
            (None, Some(jwk), None) if !is_shared => {
                let material = jwk.material().map_err(|why| unfit("jwk", why))?;
                Verifying::public(self.algorithm, &material).map_err(|why| unfit("jwk", why))
            }
            (None, None, Some(at)) if is_shared => match boot.secret(at)?.reveal() {
                None => Ok(Verifying::Withheld),
                Some(secret) if secret.len() < SECRET_MIN => {
                    let message = format!("the secret of the key `{id}` is shorter than {SECRET_MIN} bytes");
                    Err(wrong("secret", message).with_code("secrets.weak").hidden())
                }
                Some(secret) => Ok(Verifying::shared(secret)),
            },
            _ => {
                let form = if is_shared {
                    "`secret`"
                } else {
                    "one of `pem` and `jwk`"
                };
                let message = format!("a key for {} has {form}, and nothing else", self.algorithm.word());
                Err(wrong("algorithm", message))
            }
        }
    }
}

impl Jwk {
    fn material(&self) -> Result<Material, Unfit> {
        let members = [
            ("kty", Some(&self.kty)),
            ("crv", self.crv.as_ref()),
            ("x", self.x.as_ref()),
            ("y", self.y.as_ref()),
            ("n", self.n.as_ref()),
            ("e", self.e.as_ref()),
        ];
        let written = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?.as_str()))));
        jwks::material(&written.collect())?.check()
    }
}
