//! What a policy author writes under `form`.
//!
//! Says nothing about values: whoever needs more describes them by a schema.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;

use crate::gate::{self, Otherwise};

/// Names that a list may have: each has a bit.
const NAMES_MAX: usize = 64;

/// Lets pass forms (`application/x-www-form-urlencoded`) that every receiver reads in the same way: each name once, whole
/// escapes, UTF-8, `&` as the only separator, nothing empty between separators, and nothing beyond the bounds.
///
/// The body is held back until it was judged.
///
/// Example: `form: { allowed: [user, password], required: [user, password] }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FormConfig {
    /// Longest body; at most `16MiB`. By default `64KiB`.
    #[serde(default = "default_held")]
    pub(crate) body_at_most: Size,
    /// Longest body when it is decoded, at most `16MiB`: bodies in gzip, deflate, br or zstd are decoded up to there to be
    /// judged, and reach the upstream as they came. By default they are refused with 415. Example: `256KiB`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decoded_at_most: Option<Size>,
    /// Pairs of name and value. By default `64`.
    #[serde(default = "default_fields")]
    pub(crate) fields: u32,
    /// Bytes of a name, decoded. By default `128B`.
    #[serde(default = "default_name")]
    pub(crate) name: Size,
    /// Bytes of a value, decoded. By default `4KiB`.
    #[serde(default = "default_value")]
    pub(crate) value: Size,
    /// The only names that pass; at most 64. By default, all do. Example: `[user, password]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allowed: Option<BTreeSet<String>>,
    /// Names that must be there; at most 64. Example: `[user]`
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) required: BTreeSet<String>,
    /// Names that may be there several times; at most 64. All others are refused when they occur twice. Example: `[tag]`
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) repeated: BTreeSet<String>,
    /// A body whose `Content-Type` is another one: `refuse` answers 415, `pass` lets it go by unjudged. By default
    /// `refuse`.
    #[serde(default)]
    pub(crate) other: Otherwise,
    /// A request without a body: `refuse` answers 400, `pass` lets it go on. By default `refuse`.
    #[serde(default)]
    pub(crate) empty: Otherwise,
}

impl FormConfig {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        gate::check_held(self.body_at_most, self.decoded_at_most)?;
        for (path, is_zero) in [
            ("fields", self.fields == 0),
            ("name", self.name.bytes() == 0),
            ("value", self.value.bytes() == 0),
        ] {
            if is_zero {
                return Err(Problem::at(path, "nothing would pass"));
            }
        }
        let lists = [
            ("allowed", self.allowed.as_ref()),
            ("required", Some(&self.required)),
            ("repeated", Some(&self.repeated)),
        ];
        for (path, names) in lists {
            let Some(names) = names else { continue };
            if names.len() > NAMES_MAX {
                return Err(Problem::at(
                    path,
                    format!("there are more than {NAMES_MAX} names"),
                ));
            }
            if path == "allowed" && names.is_empty() {
                return Err(Problem::at(path, "nothing would pass"));
            }
            if let Some(name) = names.iter().find(|name| name.len() as u64 > self.name.bytes()) {
                return Err(Problem::at(
                    path,
                    format!("`{name}` is longer than `name` permits"),
                ));
            }
            let is_refused = |name: &&String| {
                self.allowed
                    .as_ref()
                    .is_some_and(|allowed| !allowed.contains(*name))
            };
            if let Some(name) = names.iter().find(is_refused) {
                return Err(Problem::at(
                    path,
                    format!("`{name}` is not among those that are `allowed`"),
                ));
            }
        }
        if self.required.len() > self.fields as usize {
            return Err(Problem::at(
                "fields",
                "more names are required than fields are accepted",
            ));
        }
        Ok(())
    }
}

const fn default_held() -> Size {
    gate::HELD
}

const fn default_fields() -> u32 {
    64
}

const fn default_name() -> Size {
    Size::from_bytes(128)
}

const fn default_value() -> Size {
    Size::from_kib(4)
}
