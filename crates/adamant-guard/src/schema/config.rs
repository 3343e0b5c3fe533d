//! What a policy author writes under `schema`.
//!
//! The schema itself stands in a file of its own, which is a part of the policy.

use std::collections::BTreeSet;
use std::path::PathBuf;

use adamant_filter::prelude::*;

use crate::gate::{self, Otherwise};

/// Lets pass bodies of JSON that fit a JSON Schema (draft 2020-12), which is compiled before the gateway serves.
///
/// The body must first be JSON that `json` would pass with its default bounds; a step `json` in front of this one sets
/// tighter ones. What does not fit is refused with the places and the keywords, at most eight of them, and never with
/// a value; names stand in the places only if the schema has them. Patterns are read by an engine that takes linear
/// time and knows no look-around. The body is held back until it was judged. Nothing is fetched: `$ref` reaches this
/// file and those under `references`.
///
/// Example: `schema: { file: order.json, references: [address.json] }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SchemaConfig {
    /// The schema, a file of JSON. Example: `order.json`
    pub(crate) file: PathBuf,
    /// Further files that a `$ref` may name, by their `$id` or by their path beside `file`; at most 64. Example:
    /// `[address.json]`
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) references: BTreeSet<PathBuf>,
    /// Whether `format` is checked; otherwise it only describes. A format that is not known is a problem then. By default
    /// `false`.
    #[serde(default)]
    pub(crate) formats: bool,
    /// Status of the refusal of JSON that does not fit: `422` or `400`. By default `422`.
    #[serde(default = "default_status")]
    pub(crate) status: u16,
    /// Longest body; at most `16MiB`. By default `64KiB`.
    #[serde(default = "default_held")]
    pub(crate) body_at_most: Size,
    /// Longest body when it is decoded, at most `16MiB`: bodies in gzip, deflate, br or zstd are decoded up to there to be
    /// judged, and reach the upstream as they came. By default they are refused with 415. Example: `256KiB`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decoded_at_most: Option<Size>,
    /// A body whose `Content-Type` is neither `application/json` nor ends with `+json`: `refuse` answers 415, `pass` lets
    /// it go by unjudged. By default `refuse`.
    #[serde(default)]
    pub(crate) other: Otherwise,
    /// A request without a body: `refuse` answers 400, `pass` lets it go on. By default `refuse`.
    #[serde(default)]
    pub(crate) empty: Otherwise,
}

impl SchemaConfig {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        gate::check_held(self.body_at_most, self.decoded_at_most)?;
        if !matches!(self.status, 400 | 422) {
            return Err(Problem::at(
                "status",
                format!("{} is neither 400 nor 422", self.status),
            ));
        }
        if self.references.len() > 64 {
            return Err(Problem::at("references", "there are more than 64 files"));
        }
        if self.references.contains(&self.file) {
            return Err(Problem::at("references", "the schema knows itself without that"));
        }
        Ok(())
    }
}

const fn default_status() -> u16 {
    422
}

const fn default_held() -> Size {
    gate::HELD
}
