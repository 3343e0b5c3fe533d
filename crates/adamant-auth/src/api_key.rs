//! `api-key`: proves who is calling by a random key of which the gateway keeps only the hash.
//!
//! The hash is plain SHA-256, which is right for keys of 256 random bits and wrong for passwords: what
//! people invent does not belong here. Never stores, prints or forwards a key.

mod generated;
mod key_file;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use adamant_filter::prelude::*;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use self::generated::GeneratedKey;
pub(crate) use self::generated::{grants, quoted};

use self::key_file::KeyFile;
use crate::challenge::{Challenges, default_realm};
use crate::credential::{Found, Source};

/// Proves the consumer by a key of which the file holds the hash; `adamant keygen` makes both.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ApiKeyConfig {
    /// The header field that holds the key. `authorization` holds `Bearer KEY`, any other field the key
    /// alone.
    #[serde(default = "default_header", serialize_with = "lower_case")]
    pub header: String,
    /// Where the hashes are.
    pub keys: KeyList,
    /// Pass the key on to the upstream. Otherwise it is taken out of the request once it is proved.
    #[serde(default)]
    pub forward: bool,
    /// Name of the protected area in `WWW-Authenticate`.
    #[serde(default = "default_realm")]
    pub realm: String,
}

/// The list of keys.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyList {
    /// A file with the list `keys`; each entry has `id`, `consumer`, `hash`, and may have `scopes` and
    /// `not-after`. Its contents enter the digest.
    pub file: PathBuf,
}

fn default_header() -> String {
    "x-api-key".to_owned()
}

fn lower_case<S: serde::Serializer>(header: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&header.to_ascii_lowercase())
}

/// SHA-256 of a key.
type Hash = [u8; 32];

/// What is known of a key.
#[derive(Debug)]
struct Record {
    hash: Hash,
    identity: Arc<Identity>,
    /// Milliseconds since the Unix epoch.
    not_after: Option<u64>,
}

/// Records by the first bytes of their hash: the table finds a candidate, the comparison of the whole
/// hash takes the same time whatever differs.
type Records = HashMap<u64, Record, foldhash::fast::RandomState>;

/// The filter `api-key`.
#[derive(Debug)]
pub struct ApiKey {
    source: Source,
    forward: bool,
    records: Records,
    challenges: Challenges,
    identity: Writes<Identity>,
}

impl Filter for ApiKey {
    const NAME: &'static str = "api-key";
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = &[
        &Self::MISSING,
        &Self::SEVERAL,
        &Self::UNREADABLE,
        &Self::UNKNOWN,
        &Self::EXPIRED,
    ];
    type Config = ApiKeyConfig;

    fn build(config: ApiKeyConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let source = Source::header(&config.header)?;
        let scheme = if source == Source::Bearer {
            "Bearer"
        } else {
            "ApiKey"
        };
        let consumers = boot.consumers();
        Ok(Self {
            source,
            forward: config.forward,
            records: KeyFile::load(&config.keys.file, boot)?.into_records(&config.keys.file, &consumers)?,
            challenges: Challenges::new(scheme, &config.realm)?,
            identity: boot.writes::<Identity>(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check).conceal(Self::conceal)
    }
}

impl ApiKey {
    const MISSING: Reason = Reason::new("missing", 401, "an API key is required");
    const SEVERAL: Reason = Reason::new("several", 400, "the API key must be sent once");
    const UNREADABLE: Reason = Reason::new("unreadable", 400, "the API key is empty");
    const UNKNOWN: Reason = Reason::new("unknown", 401, "the API key is not known");
    const EXPIRED: Reason = Reason::new("expired", 401, "the API key has expired");

    /// Makes a key from 37 bytes of a cryptographic random source.
    #[must_use]
    pub fn generate(random: &[u8; 37]) -> GeneratedKey {
        GeneratedKey::from_random(random)
    }

    /// Whether a key file may name this consumer.
    #[must_use]
    pub fn is_consumer(text: &str) -> bool {
        crate::consumer::is_consumer(text)
    }

    /// Whether a key file may grant this scope.
    #[must_use]
    pub fn is_scope(text: &str) -> bool {
        crate::scopes::is_scope(text)
    }

    fn check(&self, request: &mut Request) -> Verdict {
        let known = match self.source.find(request) {
            Found::Absent => return self.challenges.missing(&Self::MISSING),
            Found::Several => Err(&Self::SEVERAL),
            Found::Unreadable => Err(&Self::UNREADABLE),
            Found::One(key) => self.look_up(key, request.wall()),
        };
        match known {
            Ok(identity) => {
                request.put(&self.identity, Arc::clone(identity));
                if !self.forward {
                    self.source.strip(request);
                }
                Verdict::Pass
            }
            Err(reason) => self.challenges.refuse(reason),
        }
    }

    fn conceal(&self, request: &mut Request) {
        if !self.forward {
            self.source.conceal(request);
        }
    }

    fn look_up(&self, key: &[u8], now: Wall) -> Result<&Arc<Identity>, &'static Reason> {
        let hash: Hash = Sha256::digest(key).into();
        let record = self.records.get(&start_of(&hash)).ok_or(&Self::UNKNOWN)?;
        if !bool::from(record.hash.ct_eq(&hash)) {
            return Err(&Self::UNKNOWN);
        }
        if record.not_after.is_some_and(|end| now.0 >= end) {
            return Err(&Self::EXPIRED);
        }
        Ok(&record.identity)
    }
}

fn start_of(hash: &Hash) -> u64 {
    hash.first_chunk().map_or(0, |start| u64::from_be_bytes(*start))
}

#[cfg(test)]
mod tests;
