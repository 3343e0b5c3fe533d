//! The file of users: a list `users` of entries, reviewed and hashed like the policy itself.
//!
//! Has no form into which a password would fit.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use adamant_filter::prelude::*;
use adamant_filter::{Consumers, Span, decode};

use super::Basic;
use super::hash::PasswordHash;
use super::users::{Record, Users};
use crate::consumer::is_consumer;
use crate::credential_file::{end_from, first_of};
use crate::scopes::is_scope;

/// Longest name of a user, in bytes.
const NAME_MAX: usize = 255;

/// The file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UserFile {
    /// All users.
    users: Vec<Spanned<Entry>>,
}

/// A user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    /// The name that the user signs in by; unique, without colons.
    name: String,
    /// The hash of the password: argon2id (`$argon2id$…`) or bcrypt (`$2b$…`).
    hash: Spanned<String>,
    /// What it grants.
    #[serde(default)]
    scopes: BTreeSet<String>,
    /// When it ends: a timestamp with its zone, such as `2027-01-01T00:00:00Z`.
    #[serde(default)]
    not_after: Option<Spanned<String>>,
}

impl UserFile {
    /// Reads the file. All that is wrong with it is one problem of the step that names it.
    pub(super) fn load(path: &Path, boot: &mut Boot<'_>) -> Result<Users, Problem> {
        let node = boot
            .document(path)
            .map_err(|problem| problem.with_path("users.file"))?;
        let file: Self = decode(&node).map_err(|problems| first_of(problems, path, "users.file"))?;
        let users = file.into_users(&boot.consumers());
        users.map_err(|problem| problem.within(path).with_path("users.file"))
    }

    fn into_users(self, consumers: &Consumers) -> Result<Users, Problem> {
        if self.users.is_empty() {
            return Err(Problem::at("users", "without a user nobody could pass"));
        }
        let mut numbers = HashMap::default();
        let mut records = Vec::with_capacity(self.users.len());
        for entry in self.users {
            let span = entry.span;
            let name: Box<str> = entry.name.as_str().into();
            records.push(entry.value.into_record(span, consumers)?);
            if numbers.insert(name.clone(), records.len() - 1).is_some() {
                let message = format!("two users are named `{name}`");
                return Err(Problem::at("name", message).with_span(span));
            }
        }
        Ok(Users { numbers, records })
    }
}

impl Entry {
    fn into_record(self, span: Span, consumers: &Consumers) -> Result<Record, Problem> {
        if !is_name(&self.name) {
            let message = "a name has 1 to 255 bytes, no colon and no control characters";
            return Err(Problem::at("name", message).with_span(span));
        }
        let hash = PasswordHash::parse(&self.hash).map_err(|error| {
            // Whoever wrote a password here instead of its hash must not find it in a log.
            Problem::at("hash", format!("user `{}`: {error}", self.name))
                .with_span(self.hash.span)
                .with_help("`adamant keygen --user NAME` makes one")
                .hidden()
        })?;
        let not_after = self.not_after.as_ref().map(end_from).transpose()?;
        if let Some(scope) = self.scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(Problem::at("scopes", format!("`{scope}` is not a scope")).with_span(span));
        }
        let identity = Identity::new(Basic::NAME, "", &self.name);
        let identity = identity.with_scopes(self.scopes.iter().map(String::as_str));
        Ok(Record {
            hash,
            identity: Arc::new(consumers.resolve(identity)),
            not_after,
            proved: Mutex::default(),
        })
    }
}

/// Whether a user may have this name.
pub(super) fn is_name(name: &str) -> bool {
    is_consumer(name) && name.len() <= NAME_MAX && !name.contains(':')
}
