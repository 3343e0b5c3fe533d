//! What a policy author writes under `multipart`.
//!
//! Says nothing about what stands in a part beyond its size and its type.

use std::collections::BTreeMap;

use adamant_filter::prelude::*;

use crate::gate::{self, Otherwise};
use crate::media::Media;

/// Names that may be declared: each has a bit.
const FIELDS_MAX: usize = 64;

/// Lets pass forms with parts (`multipart/form-data`, RFC 7578) that every receiver takes apart in the same way, and of
/// these the parts that are declared.
///
/// Refused are: bytes before the first and behind the last boundary, boundaries behind a bare line feed, parts in parts,
/// transfer encodings, names and file names with escapes, `name*` and `filename*`, and file names that could lead out
/// of a folder. The body is held back until it was judged.
///
/// Example: `multipart: { fields: { title: {}, photo: { file: true, types: [image/png], at-most: 32KiB } } }`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MultipartConfig {
    /// Longest body; at most `16MiB`. By default `64KiB`.
    #[serde(default = "default_held")]
    pub(crate) body_at_most: Size,
    /// Longest body when it is decoded, at most `16MiB`: bodies in gzip, deflate, br or zstd are decoded up to there to be
    /// judged, and reach the upstream as they came. By default they are refused with 415. Example: `256KiB`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decoded_at_most: Option<Size>,
    /// Parts in all. By default `32`.
    #[serde(default = "default_parts")]
    pub(crate) parts: u32,
    /// The parts that may come, by name; at most 64 names of at most 256 bytes.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, FieldConfig>,
    /// A part whose name is not among `fields`: `refuse` answers 400, `pass` lets it be a text or a file of any type. By
    /// default `refuse`.
    #[serde(default)]
    pub(crate) undeclared: Otherwise,
    /// A body whose `Content-Type` is another one: `refuse` answers 415, `pass` lets it go by unjudged. By default
    /// `refuse`.
    #[serde(default)]
    pub(crate) other: Otherwise,
    /// A request without a body: `refuse` answers 400, `pass` lets it go on. By default `refuse`.
    #[serde(default)]
    pub(crate) empty: Otherwise,
}

/// A part that may come.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FieldConfig {
    /// Whether it is a file, which has a file name; a text has none. By default `false`.
    #[serde(default)]
    pub(crate) file: bool,
    /// Media types that it may have, such as `image/png` or `image/*`. A file needs at least one. By default a text is
    /// `text/plain`, which is also the type of a part that tells none.
    #[serde(default = "default_types", skip_serializing_if = "is_default_types")]
    pub(crate) types: Vec<String>,
    /// Its longest content. By default only the bound of the body holds. Example: `32KiB`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_most: Option<Size>,
    /// Whether it must come. By default `false`.
    #[serde(default)]
    pub(crate) required: bool,
    /// Whether it may come several times. By default `false`.
    #[serde(default)]
    pub(crate) repeated: bool,
}

impl MultipartConfig {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        gate::check_held(self.body_at_most, self.decoded_at_most)?;
        if self.parts == 0 {
            return Err(Problem::at("parts", "nothing would pass"));
        }
        if self.fields.is_empty() && self.undeclared == Otherwise::Refuse {
            return Err(Problem::at("fields", "nothing would pass")
                .with_help("name the parts that may come, or write `undeclared: pass`"));
        }
        if self.fields.len() > FIELDS_MAX {
            return Err(Problem::at(
                "fields",
                format!("there are more than {FIELDS_MAX} names"),
            ));
        }
        let required = self.fields.values().filter(|field| field.required).count();
        if required > self.parts as usize {
            return Err(Problem::at("parts", "more parts are required than are accepted"));
        }
        self.fields
            .iter()
            .try_for_each(|(name, field)| self.check_field(name, field))
    }

    fn check_field(&self, name: &str, field: &FieldConfig) -> Result<(), Problem> {
        let at = |key: &str, message: String| Problem::at(&format!("fields.{name}{key}"), message);
        if let Err(reason) = super::disposition::check_name(name) {
            return Err(at(
                "",
                format!("no part can have the name `{name}`: {}", reason.text()),
            ));
        }
        if field.types.is_empty() {
            return Err(at(".types", "nothing would pass".to_owned()));
        }
        if field.file && is_default_types(&field.types) {
            return Err(at(".types", "a file has no media type by default".to_owned())
                .with_help("write those that are accepted, such as `types: [image/png, image/jpeg]`"));
        }
        for written in &field.types {
            let media = Media::parse(written).filter(|_| !written.contains(';'));
            let Some(media) = media else {
                return Err(at(".types", format!("`{written}` is not a media type")));
            };
            if media.is_kind("multipart") {
                return Err(at(".types", "a part with parts has no single reading".to_owned()));
            }
        }
        if field.at_most.is_some_and(|at_most| at_most > self.body_at_most) {
            return Err(at(
                ".at-most",
                "it can never be reached, since `body-at-most` is smaller".to_owned(),
            ));
        }
        Ok(())
    }
}

const fn default_held() -> Size {
    gate::HELD
}

const fn default_parts() -> u32 {
    32
}

fn default_types() -> Vec<String> {
    vec!["text/plain".to_owned()]
}

fn is_default_types(types: &[String]) -> bool {
    types == default_types()
}
