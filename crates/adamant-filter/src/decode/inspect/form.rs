//! What a part of a JSON Schema says about the form of a value, and how messages call it.

use std::fmt;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::node::{Content, Node, Plain};

/// What a value belongs to, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'o> {
    /// A phrase such as `the file`.
    Phrase(&'o str),
    /// The value of a key.
    Key(&'o str),
    /// An item of the list under a key.
    Item(&'o str),
}

impl<'o> Owner<'o> {
    /// The owner of an item of this value.
    pub(super) const fn item(self) -> Self {
        match self {
            Self::Key(key) => Self::Item(key),
            Self::Phrase(_) | Self::Item(_) => self,
        }
    }

    /// The key alone, for messages about what may stand there.
    pub(super) const fn key(self) -> Self {
        match self {
            Self::Item(key) => Self::Key(key),
            Self::Phrase(_) | Self::Key(_) => self,
        }
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phrase(phrase) => f.write_str(phrase),
            Self::Key(key) => write!(f, "`{key}`"),
            Self::Item(key) => write!(f, "an item of `{key}`"),
        }
    }
}

pub(super) fn plain(node: &Node) -> Option<Plain> {
    match node.content() {
        Content::Scalar { text, plain: true } => Some(Plain::of(text)),
        Content::Scalar { .. } | Content::Sequence(_) | Content::Mapping(_) => None,
    }
}

/// The forms of a choice without `null`; `None` when it is no choice.
pub(super) fn ways(schema: &Value) -> Option<Vec<&Value>> {
    let ways = schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array()?;
    if words(schema).is_some() && ways.len() > 1 {
        return None;
    }
    Some(
        ways.iter()
            .filter(|way| way.get("type").and_then(Value::as_str) != Some("null"))
            .collect(),
    )
}

/// The words of a choice between words.
pub(super) fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(one) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![one]);
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return Some(list.iter().filter_map(Value::as_str).collect());
    }
    // An enum with documented words is written as `oneOf: [{const: …}, …]`.
    let ways = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    let parts: Option<Vec<Vec<&str>>> = ways
        .iter()
        .filter(|way| way.get("type").and_then(Value::as_str) != Some("null"))
        .map(|way| {
            if way.get("oneOf").is_some() {
                None
            } else {
                words(way)
            }
        })
        .collect();
    parts.map(|parts| parts.into_iter().flatten().collect())
}

pub(super) fn types(rules: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match rules.get("type") {
        Some(Value::String(one)) => (Some(one.as_str()), None),
        Some(Value::Array(many)) => (None, Some(many)),
        _ => (None, None),
    };
    one.into_iter()
        .chain(many.into_iter().flatten().filter_map(Value::as_str))
}

pub(super) fn format_of(rules: &Map<String, Value>) -> Option<&str> {
    rules.get("format").and_then(Value::as_str)
}

pub(super) fn bound(rules: &Map<String, Value>, name: &str) -> Option<usize> {
    rules
        .get(name)
        .and_then(Value::as_u64)
        .and_then(|n| usize::try_from(n).ok())
}

/// Whether a form takes nodes of this kind at all.
pub(super) fn takes(schema: &Value, node: &Node) -> bool {
    if words(schema).is_some() {
        return node.as_text().is_some();
    }
    let Some(rules) = schema.as_object() else {
        return true;
    };
    match types(rules).find(|name| *name != "null") {
        Some("object") => node.as_mapping().is_some(),
        Some("array") => node.as_sequence().is_some(),
        Some(_) => node.as_text().is_some(),
        None => ways(schema).is_none_or(|ways| ways.iter().any(|way| takes(way, node))),
    }
}

/// The key by which a form is told apart: the only one that it needs.
pub(super) fn tag(schema: &Value) -> Option<&str> {
    match schema.get("required")?.as_array()?.as_slice() {
        [one] => one.as_str(),
        _ => None,
    }
}

pub(super) fn kind_for(schema: &Value) -> String {
    if let Some(words) = words(schema) {
        return format!("one of {}", listed(&words));
    }
    let Some(rules) = schema.as_object() else {
        return "anything".to_owned();
    };
    match types(rules).find(|name| *name != "null") {
        Some("object") => "a mapping".to_owned(),
        Some("array") => "a list".to_owned(),
        Some("string") => text_for(rules),
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        _ => "something else".to_owned(),
    }
}

pub(super) fn text_for(rules: &Map<String, Value>) -> String {
    match format_of(rules) {
        Some("size") => "a size such as `64KiB`".to_owned(),
        Some("rate") => "a rate such as `100/s`".to_owned(),
        Some("period") => "a length of time such as `10s`".to_owned(),
        Some("percent") => "a share such as `50%`".to_owned(),
        Some("cidr") => "a network such as `10.0.0.0/8`".to_owned(),
        _ => "a text".to_owned(),
    }
}

pub(super) fn lowest(format: &str) -> Option<f64> {
    format.starts_with("uint").then_some(0.0)
}

pub(super) fn highest(format: &str) -> Option<f64> {
    match format {
        "uint8" => Some(f64::from(u8::MAX)),
        "uint16" => Some(f64::from(u16::MAX)),
        "uint32" => Some(f64::from(u32::MAX)),
        "int32" => Some(f64::from(i32::MAX)),
        _ => None,
    }
}

pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

pub(super) const fn be(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// `a`, `b` and `c`.
pub(super) fn listed(words: &[&str]) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == words.len() => " and ",
            _ => ", ",
        };
        let _ = write!(text, "{separator}`{word}`");
    }
    text
}

pub(super) fn cut(text: &str) -> &str {
    text.char_indices()
        .nth(60)
        .and_then(|(end, _)| text.get(..end))
        .unwrap_or(text)
}

/// Whether a text is a number with zeros in front.
pub(super) fn starts_with_zero(text: &str) -> bool {
    let rest = text.trim_start_matches('0');
    rest.len() < text.len() && !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())
}
