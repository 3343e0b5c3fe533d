//! A parameter of an operation: how it is written, and the schema that its value must fit.
//!
//! Tells its own name and a keyword when a value does not fit, and never the value.

use std::borrow::Cow;
use std::sync::Arc;

use adamant_filter::serde_json::{Number, Value};

use super::document::{Document, Place};
use crate::schema::compiled::Compiled;

/// Schemas that are looked into for a type.
const DEPTH_MAX: usize = 16;

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum In {
    Path,
    Query,
    Header,
    Cookie,
}

impl In {
    fn of(word: &str) -> Option<Self> {
        [Self::Path, Self::Query, Self::Header, Self::Cookie]
            .into_iter()
            .find(|place| place.word() == word)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }

    /// The style that parameters have there unless they tell another one, and whether it repeats them.
    const fn usual(self) -> (&'static str, bool) {
        match self {
            Self::Path | Self::Header => ("simple", false),
            Self::Query | Self::Cookie => ("form", true),
        }
    }
}

/// How often a parameter comes, and how its values are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    One,
    /// A list with commas.
    Commas,
    /// A list, one value each time.
    Repeated,
}

/// What a text may stand for.
#[derive(Clone, Copy, Debug, Default)]
struct Kinds {
    number: bool,
    truth: bool,
    null: bool,
    list: bool,
    object: bool,
}

/// A parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) place: In,
    pub(super) name: Box<str>,
    /// Where and which, as a client is told: `query.limit`.
    pub(super) label: Box<str>,
    pub(super) required: bool,
    shape: Shape,
    /// Of the value, or of the items of a list.
    kinds: Kinds,
    /// Whether the empty text passes whatever the schema says.
    empty: bool,
    schema: Arc<Compiled>,
}

/// Why a parameter is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    Several,
    Schema(&'static str),
}

impl Parameter {
    /// Reads the parameter at a pointer of the description. `None` for a header that OpenAPI leaves to others.
    pub(super) fn read(document: &mut Document, pointer: &str) -> Result<Option<Self>, String> {
        let at = document.at(pointer);
        let (Some(name), Some(place)) = (at.text("name"), at.text("in")) else {
            return Err(format!("the parameter at `{pointer}` lacks `name` or `in`"));
        };
        let unread = |what: &str| format!("the parameter `{name}` has {what}, which is not enforced");
        let place = In::of(place).ok_or_else(|| unread("an unknown `in`"))?;
        // OpenAPI 3.1 §4.8.12.1: these fields are described elsewhere.
        let left = ["accept", "content-type", "authorization"];
        if place == In::Header && left.contains(&name.to_ascii_lowercase().as_str()) {
            return Ok(None);
        }
        let (style, explodes) = place.usual();
        if at.text("style").unwrap_or(style) != style {
            return Err(unread("another `style` than the usual one"));
        }
        let explodes = at
            .value
            .get("explode")
            .and_then(Value::as_bool)
            .unwrap_or(explodes);
        let schema = at.get("schema").ok_or_else(|| unread("no `schema`"))?;
        let schema = document.resolve(schema)?;
        let kinds = Kinds::of(document, &schema, 0)?;
        if kinds.object || (kinds.list && place == In::Cookie) {
            return Err(unread(
                "an object or a list for which there is no single spelling",
            ));
        }
        let (shape, kinds) = match (kinds.list, schema.get("items")) {
            (false, _) => (Shape::One, kinds),
            (true, items) => {
                let is_repeated = place == In::Query && explodes;
                let shape = if is_repeated {
                    Shape::Repeated
                } else {
                    Shape::Commas
                };
                let items = items.map(|items| document.resolve(items)).transpose()?;
                let items = items.map(|items| Kinds::of(document, &items, 0)).transpose()?;
                (shape, items.unwrap_or_default())
            }
        };
        if shape != Shape::One && (kinds.list || kinds.object) {
            return Err(unread("lists in a list"));
        }
        let (label, name) = (format!("{}.{name}", place.word()).into(), name.into());
        let (required, empty) = (at.is("required") || place == In::Path, at.is("allowEmptyValue"));
        let target = schema.pointer;
        Ok(Some(Self {
            place,
            name,
            label,
            required,
            shape,
            kinds,
            empty,
            schema: document.compile(&target)?,
        }))
    }

    /// Judges what was sent, at least one value.
    pub(super) fn judge(&self, sent: &[Cow<'_, str>]) -> Result<(), Misfit> {
        let value = match (self.shape, sent) {
            (Shape::Repeated, _) => sent.iter().map(|text| self.kinds.read(text)).collect(),
            (Shape::One | Shape::Commas, [text]) if text.is_empty() && self.empty => return Ok(()),
            (Shape::One, [text]) => self.kinds.read(text),
            (Shape::Commas, [text]) => text
                .split(',')
                .map(|item| self.kinds.read(item.trim_matches(' ')))
                .collect(),
            (Shape::One | Shape::Commas, _) => return Err(Misfit::Several),
        };
        self.schema.judge(&value).map_err(|details| {
            let code = details.iter().next().map_or("schema", |detail| detail.code);
            Misfit::Schema(code)
        })
    }
}

impl Kinds {
    /// What a schema says about types, by itself or by those that it is made of.
    fn of(document: &Document, schema: &Place<'_>, depth: usize) -> Result<Self, String> {
        let mut kinds = Self::default();
        if depth > DEPTH_MAX {
            return Err(format!("the schema at `{}` has no end", schema.pointer));
        }
        let named = schema.value.get("type");
        let named = named.into_iter().flat_map(|kind| match kind {
            Value::Array(kinds) => kinds.iter().collect(),
            one => vec![one],
        });
        for kind in named.filter_map(Value::as_str) {
            kinds.number |= matches!(kind, "integer" | "number");
            kinds.truth |= kind == "boolean";
            kinds.null |= kind == "null";
            kinds.list |= kind == "array";
            kinds.object |= kind == "object";
        }
        let values = schema
            .value
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for value in values.chain(schema.value.get("const")) {
            kinds.number |= value.is_number();
            kinds.truth |= value.is_boolean();
            kinds.null |= value.is_null();
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for part in schema.get(keyword).iter().flat_map(Place::items) {
                let part = Self::of(document, &document.resolve(part)?, depth + 1)?;
                kinds.number |= part.number;
                kinds.truth |= part.truth;
                kinds.null |= part.null;
                kinds.list |= part.list;
                kinds.object |= part.object;
            }
        }
        Ok(kinds)
    }

    /// What a text stands for. A text that cannot be what the schema wants stays one, and does not fit.
    fn read(self, text: &str) -> Value {
        match text {
            "true" if self.truth => Value::Bool(true),
            "false" if self.truth => Value::Bool(false),
            "null" if self.null => Value::Null,
            // Spelled as in JSON: blanks, signs and leading zeros are none.
            _ if self.number
                && text.len() <= 64
                && !text.starts_with(' ')
                && text.ends_with(|last: char| last.is_ascii_digit()) =>
            {
                adamant_filter::serde_json::from_str::<Number>(text)
                    .map_or_else(|_| Value::from(text), Value::Number)
            }
            _ => Value::from(text),
        }
    }
}
