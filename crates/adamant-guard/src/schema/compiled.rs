//! A JSON Schema, compiled: judges values, and tells where they do not fit.
//!
//! Fetches nothing, and tells no name that the schema does not have.

use std::collections::BTreeSet;

use adamant_filter::DETAILS_MAX;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::Value;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{Draft, PatternOptions, Retrieve, Uri, ValidationError, Validator};

/// The version of the language that is read.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Bytes of one compiled pattern.
const PATTERN_MAX: usize = 1 << 20;

/// Keywords that may stand in a detail.
const KEYWORDS: [&str; 31] = [
    "additionalProperties",
    "anyOf",
    "const",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "false schema",
    "format",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "propertyNames",
    "required",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// A schema with all that it refers to.
#[derive(Debug)]
pub(crate) struct Compiled {
    validator: Validator,
    /// Names of properties that the schema has; sorted.
    names: Box<[Box<str>]>,
}

/// Which formats are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Formats {
    /// None: they only describe.
    Ignored,
    /// Those that are known; others only describe.
    Known,
    /// All, and one that is not known is a problem.
    All,
}

/// A document and the URI by which others refer to it.
pub(crate) type Document = (String, Value);

/// The only documents that there are.
struct Known(Vec<Document>);

impl Retrieve for Known {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let wanted = uri.as_str().trim_end_matches('#');
        let found = self.0.iter().find(|(known, _)| known == wanted);
        found
            .map(|(_, value)| value.clone())
            .ok_or_else(|| "it is not among the files of the policy".into())
    }
}

impl Compiled {
    /// Compiles `schema`, which may refer to `others`.
    ///
    /// # Errors
    /// What is wrong with the schema, as one sentence.
    pub(crate) fn new(
        (uri, schema): Document,
        others: Vec<Document>,
        formats: Formats,
    ) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        for value in others.iter().map(|(_, value)| value).chain([&schema]) {
            if let Some(dialect) = value.get("$schema")
                && dialect
                    .as_str()
                    .is_none_or(|dialect| dialect.trim_end_matches('#') != DIALECT)
            {
                return Err(format!("`$schema` is not `{DIALECT}`"));
            }
            collect(value, &mut names);
        }
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_base_uri(uri)
            .with_retriever(Known(others))
            .should_validate_formats(formats != Formats::Ignored)
            .should_ignore_unknown_formats(formats != Formats::All)
            // An engine without backtracking: no body makes a pattern take more than linear time.
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_MAX))
            .build(&schema)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            validator,
            names: names.into_iter().map(Into::into).collect(),
        })
    }

    /// Judges a value.
    ///
    /// # Errors
    /// Where it does not fit, and by which keywords.
    pub(crate) fn judge(&self, value: &Value) -> Result<(), Details> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let mut details = Details::default();
        for error in self.validator.iter_errors(value).take(DETAILS_MAX) {
            details.add(
                Place::Pointer(self.pointer(value, &error).into()),
                keyword(&error),
            );
        }
        Err(details)
    }

    /// The place of an error, as far as the schema has its names: behind that it would tell what the client sent.
    fn pointer(&self, body: &Value, error: &ValidationError<'_>) -> String {
        let (mut pointer, mut value) = (String::new(), Some(body));
        for segment in error.instance_path() {
            // A location cannot tell the position in a list from a name made of digits, but the body can.
            let (text, next) = match (segment, value) {
                (LocationSegment::Index(index), Some(Value::Array(items))) => {
                    pointer += &format!("/{index}");
                    value = items.get(index);
                    continue;
                }
                (LocationSegment::Index(index), Some(value)) => (index.to_string(), value),
                (LocationSegment::Property(name), Some(value)) => (name.into_owned(), value),
                (_, None) => return pointer,
            };
            if !self.has(&text) {
                return pointer;
            }
            push(&mut pointer, &text);
            value = next.get(&text);
        }
        if let ValidationErrorKind::Required { property } = error.kind()
            && let Some(name) = property.as_str().filter(|name| self.has(name))
        {
            push(&mut pointer, name);
        }
        pointer
    }

    fn has(&self, name: &str) -> bool {
        self.names.binary_search_by(|known| (**known).cmp(name)).is_ok()
    }
}

/// Adds a name to a JSON pointer (RFC 6901 §3).
fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    *pointer += &name.replace('~', "~0").replace('/', "~1");
}

/// The keyword that a value does not fit.
fn keyword(error: &ValidationError<'_>) -> &'static str {
    let word = error.kind().keyword();
    KEYWORDS
        .iter()
        .find(|known| **known == word)
        .copied()
        .unwrap_or("schema")
}

/// Names of properties anywhere in a schema.
fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for (keyword, value) in members {
                if keyword == "properties"
                    && let Value::Object(properties) = value
                {
                    names.extend(properties.keys().cloned());
                }
                if keyword == "required"
                    && let Value::Array(required) = value
                {
                    names.extend(required.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                collect(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}
