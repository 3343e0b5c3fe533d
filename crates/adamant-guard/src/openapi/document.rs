//! An OpenAPI description as a tree of values, with its references and its schemas.
//!
//! Refers to nothing outside of itself, and judges no request.

use std::collections::BTreeMap;
use std::sync::Arc;

use adamant_filter::serde_json::{self, Map, Number, Value};
use adamant_filter::{Content, Node};

use super::dialect;
use crate::schema::compiled::{Compiled, Formats};

/// Keys of a path item that are operations.
pub(super) const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// References that may follow each other.
const REFERENCES_MAX: usize = 16;

/// A description.
#[derive(Debug)]
pub(super) struct Document {
    value: Value,
    uri: String,
    formats: bool,
    compiled: BTreeMap<String, Arc<Compiled>>,
}

/// A value of the description with its JSON pointer.
#[derive(Clone, Debug)]
pub(super) struct Place<'d> {
    pub(super) value: &'d Value,
    pub(super) pointer: String,
}

impl<'d> Place<'d> {
    /// A member.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        Some(Self {
            value: self.value.get(name)?,
            pointer: format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1")),
        })
    }

    /// The members of an object.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'d str, Self)> {
        let members = self.value.as_object().into_iter().flat_map(Map::keys);
        members.filter_map(|name| Some((name.as_str(), self.get(name)?)))
    }

    /// The items of a list.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| Self {
            value,
            pointer: format!("{}/{index}", self.pointer),
        })
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&'d str> {
        self.value.get(name)?.as_str()
    }

    /// A member that is a truth, `false` when it is absent.
    pub(super) fn is(&self, name: &str) -> bool {
        self.value.get(name) == Some(&Value::Bool(true))
    }
}

impl Document {
    /// Reads a description.
    pub(super) fn read(node: &Node, uri: String, formats: bool) -> Result<Self, String> {
        let mut value = value_of(node);
        let version = value.get("openapi").and_then(Value::as_str).unwrap_or_default();
        if version.starts_with("3.0.") {
            dialect::translate(&mut value);
        } else if !version.starts_with("3.1.") {
            return Err("`openapi` is neither 3.0 nor 3.1".to_owned());
        }
        let dialect = value.get("jsonSchemaDialect").and_then(Value::as_str);
        let known = [
            "https://spec.openapis.org/oas/3.1/dialect/base",
            "https://json-schema.org/draft/2020-12/schema",
        ];
        if dialect.is_some_and(|dialect| !known.contains(&dialect)) {
            return Err("`jsonSchemaDialect` is not draft 2020-12".to_owned());
        }
        Ok(Self {
            value,
            uri,
            formats,
            compiled: BTreeMap::new(),
        })
    }

    /// The whole description.
    pub(super) fn root(&self) -> Place<'_> {
        Place {
            value: &self.value,
            pointer: String::new(),
        }
    }

    /// What stands at a pointer; null where nothing does.
    pub(super) fn at(&self, pointer: &str) -> Place<'_> {
        Place {
            value: self.value.pointer(pointer).unwrap_or(&Value::Null),
            pointer: pointer.to_owned(),
        }
    }

    /// Follows references to what is meant.
    pub(super) fn resolve<'d>(&'d self, place: Place<'d>) -> Result<Place<'d>, String> {
        let mut place = place;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = place.text("$ref") else {
                return Ok(place);
            };
            // Names in references are escaped as JSON pointers and, rarely, as URIs.
            let pointer = reference
                .strip_prefix('#')
                .filter(|pointer| !pointer.contains('%'));
            let target = pointer.and_then(|pointer| Some((pointer, self.value.pointer(pointer)?)));
            let Some((pointer, value)) = target else {
                return Err(format!("`{reference}` is not in this file"));
            };
            place = Place {
                value,
                pointer: pointer.to_owned(),
            };
        }
        Err(format!("the references at `{}` have no end", place.pointer))
    }

    /// Compiles the schema at a place, once.
    pub(super) fn compile(&mut self, pointer: &str) -> Result<Arc<Compiled>, String> {
        if let Some(known) = self.compiled.get(pointer) {
            return Ok(Arc::clone(known));
        }
        let schema = self.value.pointer(pointer).unwrap_or(&Value::Null);
        jsonschema::draft202012::meta::validate(schema)
            .map_err(|error| format!("at `{pointer}`: {error}"))?;
        let mut fragment = String::new();
        for byte in pointer.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                fragment.push(char::from(byte));
            } else {
                fragment += &format!("%{byte:02X}");
            }
        }
        let reference = serde_json::json!({ "$ref": format!("{}#{fragment}", self.uri) });
        let document = (self.uri.clone(), self.value.clone());
        let formats = if self.formats {
            Formats::Known
        } else {
            Formats::Ignored
        };
        let compiled = Compiled::new(("file:///".to_owned(), reference), vec![document], formats);
        let compiled = Arc::new(compiled.map_err(|error| format!("at `{pointer}`: {error}"))?);
        self.compiled.insert(pointer.to_owned(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// The tree as JSON. Words without quotation marks are what JSON would have them be, or texts.
fn value_of(node: &Node) -> Value {
    match node.content() {
        Content::Scalar { text, plain: true } => match &**text {
            "null" | "~" | "" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            other => serde_json::from_str::<Number>(other).map_or_else(|_| Value::from(other), Value::Number),
        },
        Content::Scalar { text, plain: false } => Value::from(&**text),
        Content::Sequence(items) => items.iter().map(value_of).collect(),
        Content::Mapping(entries) => {
            let members = entries
                .iter()
                .map(|entry| (entry.key.to_string(), value_of(&entry.value)));
            Value::Object(members.collect())
        }
    }
}
