//! What a type takes, as far as its form goes: its JSON Schema, taken apart once so that files with
//! thousands of entries are inspected quickly.
//!
//! Knows that part of JSON Schema which `schemars` writes for serde types, and the formats of our units.
//! Patterns are for editors: what they say is checked by the type that declares them. `null` is dropped
//! everywhere, as what is absent is not written.

use std::collections::HashMap;

use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use super::schema_of;
use crate::units::SECRET_FORMAT;

/// What a type takes.
#[derive(Debug)]
pub struct Form {
    rules: Vec<Rule>,
    root: RuleId,
}

/// Position of a rule; types may contain themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleId(usize);

/// What a value must be.
#[derive(Debug)]
pub(super) enum Rule {
    Anything,
    /// What another rule says.
    Same(RuleId),
    /// What another rule says; where it is no mapping, somebody may have written a secret.
    Secret(RuleId),
    /// All of these.
    All(Vec<RuleId>),
    /// One of these.
    Choice(Vec<RuleId>),
    /// One of these words.
    Words(Vec<String>),
    Mapping(Mapping),
    List(List),
    Text(Text),
    Number(Number),
    Truth,
}

#[derive(Debug)]
pub(super) struct Mapping {
    /// Few enough to be looked through.
    pub(super) known: Vec<(String, RuleId)>,
    pub(super) others: Others,
    pub(super) required: Vec<String>,
    pub(super) least: usize,
}

/// Keys that are not known by name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Others {
    Ignored,
    Refused,
    Take(RuleId),
}

#[derive(Debug)]
pub(super) struct List {
    /// The rules of the first items, for tuples.
    pub(super) first: Vec<RuleId>,
    pub(super) items: Option<RuleId>,
    pub(super) least: Option<usize>,
    pub(super) most: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Text {
    pub(super) format: Option<String>,
    pub(super) least: Option<usize>,
    pub(super) most: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Number {
    pub(super) whole: bool,
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
}

impl Form {
    /// What `T` takes.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Self {
        Self::from(&schema_of::<T>())
    }

    pub(super) const fn root(&self) -> RuleId {
        self.root
    }

    /// The rule at a position, through all that only point to another.
    pub(super) fn rule(&self, id: RuleId) -> &Rule {
        let mut id = id;
        // As long as types are nested in name only; a circle would be a type that contains nothing but itself.
        for _ in 0..16 {
            match self.rules.get(id.0) {
                Some(Rule::Same(next)) => id = *next,
                Some(rule) => return rule,
                None => break,
            }
        }
        &Rule::Anything
    }
}

impl From<&Schema> for Form {
    fn from(schema: &Schema) -> Self {
        let mut reader = Reader {
            schema: schema.as_value(),
            rules: Vec::new(),
            named: HashMap::new(),
        };
        let root = reader.put(schema.as_value());
        Self {
            rules: reader.rules,
            root,
        }
    }
}

struct Reader<'s> {
    schema: &'s Value,
    rules: Vec<Rule>,
    named: HashMap<&'s str, RuleId>,
}

impl<'s> Reader<'s> {
    fn put(&mut self, schema: &'s Value) -> RuleId {
        let Some(Value::String(to)) = schema.get("$ref") else {
            let rule = self.read(schema);
            self.rules.push(rule);
            return RuleId(self.rules.len() - 1);
        };
        if let Some(known) = self.named.get(to.as_str()) {
            return *known;
        }
        // The place is taken before the type is read, as it may contain itself.
        let id = RuleId(self.rules.len());
        self.rules.push(Rule::Anything);
        self.named.insert(to, id);
        let target = to
            .strip_prefix('#')
            .and_then(|pointer| self.schema.pointer(pointer));
        let rule = target.map_or(Rule::Anything, |target| Rule::Same(self.put(target)));
        if let Some(place) = self.rules.get_mut(id.0) {
            *place = rule;
        }
        id
    }

    fn put_all(&mut self, schemas: Option<&'s Value>) -> Vec<RuleId> {
        let schemas = schemas.and_then(Value::as_array);
        schemas
            .into_iter()
            .flatten()
            .map(|schema| self.put(schema))
            .collect()
    }

    fn read(&mut self, schema: &'s Value) -> Rule {
        let Some(rules) = schema.as_object() else {
            return Rule::Anything;
        };
        let rule = self.read_own(schema, rules);
        let rule = match rules.get("allOf") {
            Some(_) => {
                let mut parts = self.put_all(rules.get("allOf"));
                parts.push(self.keep(rule));
                Rule::All(parts)
            }
            None => rule,
        };
        match rules.get("format").and_then(Value::as_str) {
            Some(SECRET_FORMAT) => Rule::Secret(self.keep(rule)),
            _ => rule,
        }
    }

    fn keep(&mut self, rule: Rule) -> RuleId {
        self.rules.push(rule);
        RuleId(self.rules.len() - 1)
    }

    fn read_own(&mut self, schema: &'s Value, rules: &'s Map<String, Value>) -> Rule {
        if let Some(words) = words(schema) {
            return Rule::Words(words.into_iter().map(str::to_owned).collect());
        }
        if let Some(ways) = ways(schema) {
            let ways: Vec<RuleId> = ways.into_iter().map(|way| self.put(way)).collect();
            return match ways.as_slice() {
                [one] => Rule::Same(*one),
                _ => Rule::Choice(ways),
            };
        }
        let bound = |name: &str| {
            rules
                .get(name)
                .and_then(Value::as_u64)
                .and_then(|n| usize::try_from(n).ok())
        };
        let format = rules.get("format").and_then(Value::as_str);
        match kind(rules) {
            Some("object") => Rule::Mapping(self.read_mapping(rules, bound("minProperties").unwrap_or(0))),
            Some("array") => Rule::List(List {
                first: self.put_all(rules.get("prefixItems")),
                items: rules.get("items").map(|items| self.put(items)),
                least: bound("minItems"),
                most: bound("maxItems"),
            }),
            Some("string") => Rule::Text(Text {
                format: format.map(str::to_owned),
                least: bound("minLength"),
                most: bound("maxLength"),
            }),
            Some(kind @ ("integer" | "number")) => Rule::Number(Number {
                whole: kind == "integer",
                least: rules
                    .get("minimum")
                    .and_then(Value::as_f64)
                    .or(format.and_then(lowest)),
                most: rules
                    .get("maximum")
                    .and_then(Value::as_f64)
                    .or(format.and_then(highest)),
            }),
            Some("boolean") => Rule::Truth,
            Some(_) | None => Rule::Anything,
        }
    }

    fn read_mapping(&mut self, rules: &'s Map<String, Value>, least: usize) -> Mapping {
        let properties = rules.get("properties").and_then(Value::as_object);
        let known = properties
            .into_iter()
            .flatten()
            .map(|(key, schema)| (key.clone(), self.put(schema)));
        let known = known.collect();
        let required = rules.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        Mapping {
            known,
            others: match rules.get("additionalProperties") {
                None | Some(Value::Bool(true)) => Others::Ignored,
                Some(Value::Bool(false)) => Others::Refused,
                Some(schema) => Others::Take(self.put(schema)),
            },
            required: required.map(str::to_owned).collect(),
            least,
        }
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

/// The forms of a choice.
fn ways(schema: &Value) -> Option<Vec<&Value>> {
    let ways = schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array()?;
    Some(ways.iter().filter(|way| !is_null(way)).collect())
}

/// The words of a choice between words.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(one) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![one]);
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return Some(list.iter().filter_map(Value::as_str).collect());
    }
    // An enum with documented words is written as `oneOf: [{const: …}, …]`.
    let parts: Option<Vec<Vec<&str>>> = ways(schema)?.into_iter().map(words).collect();
    parts.map(|parts| parts.into_iter().flatten().collect())
}

/// The type that is not `null`.
fn kind(rules: &Map<String, Value>) -> Option<&str> {
    match rules.get("type")? {
        Value::String(one) => Some(one),
        Value::Array(many) => many.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn lowest(format: &str) -> Option<f64> {
    format.starts_with("uint").then_some(0.0)
}

fn highest(format: &str) -> Option<f64> {
    match format {
        "uint8" => Some(f64::from(u8::MAX)),
        "uint16" => Some(f64::from(u16::MAX)),
        "uint32" => Some(f64::from(u32::MAX)),
        "int32" => Some(f64::from(i32::MAX)),
        _ => None,
    }
}
