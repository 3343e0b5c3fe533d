//! The file of key hashes: a list `keys` of entries, reviewed and hashed like the policy itself.
//!
//! Has no form into which a key would fit. A consumer may have several keys, so that a new one can be
//! handed out before the old one ends.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{Map, Value};
use adamant_filter::{Consumers, Span, decode};

use super::{ApiKey, Hash, Record, Records, start_of};
use crate::consumer::is_consumer;
use crate::credential_file::{end_from, first_of};
use crate::scopes::is_scope;

/// How the hash was made.
pub(super) const HASH_PREFIX: &str = "sha256:";

/// The file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct KeyFile {
    /// All keys.
    keys: Vec<Spanned<Entry>>,
}

/// A key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    /// Names the key; unique.
    id: String,
    /// Whose key it is.
    consumer: String,
    /// `sha256:` and 64 hexadecimal digits: the hash of the whole key.
    hash: Spanned<String>,
    /// What it grants.
    #[serde(default)]
    scopes: BTreeSet<String>,
    /// When it ends: a timestamp with its zone, such as `2027-01-01T00:00:00Z`.
    #[serde(default)]
    not_after: Option<Spanned<String>>,
}

impl KeyFile {
    /// Reads the file. All that is wrong with it is one problem of the step that names it.
    pub(super) fn load(path: &Path, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let node = boot
            .document(path)
            .map_err(|problem| problem.with_path("keys.file"))?;
        decode(&node).map_err(|problems| first_of(problems, path, "keys.file"))
    }

    /// The records by the start of their hash.
    pub(super) fn into_records(self, path: &Path, consumers: &Consumers) -> Result<Records, Problem> {
        let within = |problem: Problem| problem.within(path).with_path("keys.file");
        if self.keys.is_empty() {
            return Err(within(Problem::at("keys", "without a key nobody could pass")));
        }
        let mut ids = HashMap::new();
        let mut records = Records::default();
        for entry in self.keys {
            let span = entry.span;
            if ids.insert(entry.id.clone(), ()).is_some() {
                return Err(within(
                    Problem::at("id", format!("two keys are named `{}`", entry.id)).with_span(span),
                ));
            }
            let id = entry.id.clone();
            let record = entry.value.into_record(span, consumers).map_err(within)?;
            if records.insert(start_of(&record.hash), record).is_some() {
                let message = format!("the key `{id}` has the hash of another key");
                return Err(within(Problem::at("hash", message).with_span(span)));
            }
        }
        Ok(records)
    }
}

impl Entry {
    fn into_record(self, span: Span, consumers: &Consumers) -> Result<Record, Problem> {
        let hash = hash_from(&self.hash).ok_or_else(|| {
            // Whoever wrote a key here instead of its hash must not find it in a log.
            Problem::at("hash", "a hash is `sha256:` and 64 hexadecimal digits")
                .with_span(self.hash.span)
                .hidden()
        })?;
        let not_after = self.not_after.as_ref().map(end_from).transpose()?;
        for (name, text) in [("id", &self.id), ("consumer", &self.consumer)] {
            if !is_consumer(text) {
                return Err(
                    Problem::at(name, format!("`{name}` is empty, too long or not printable"))
                        .with_span(span),
                );
            }
        }
        if let Some(scope) = self.scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(Problem::at("scopes", format!("`{scope}` is not a scope")).with_span(span));
        }
        let mut claims = Map::new();
        claims.insert("key-id".to_owned(), Value::from(self.id));
        let identity = Identity::new(ApiKey::NAME, "", &self.consumer)
            .with_scopes(self.scopes.iter().map(String::as_str))
            .with_claims(claims);
        Ok(Record {
            hash,
            identity: Arc::new(consumers.resolve(identity)),
            not_after,
        })
    }
}

fn hash_from(text: &str) -> Option<Hash> {
    let digits = text.strip_prefix(HASH_PREFIX)?.as_bytes();
    let mut hash = Hash::default();
    if digits.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
    }
    Some(hash)
}
