//! The JSON Schema (2020-12) of the whole language, for editors: the types of the language with the
//! configurations of the linked filters put into the steps.

use serde_json::{Map, Value, json};

use adamant_filter::schema_of;

use super::steps::{GenericEntry, STEP};
use super::{File, Words};

/// The schema of `gateway.yaml` with these filters.
#[must_use]
pub fn schema(words: &dyn Words) -> Value {
    let mut root = schema_of::<File>().to_value();
    let mut generic = schema_of::<GenericEntry>().to_value();
    let mut definitions = take(&mut root, "$defs");
    definitions.append(&mut take(&mut generic, "$defs"));
    let beside = take(&mut generic, "properties");
    let mut ways = Vec::new();
    for name in words.names() {
        let Some(filter) = words.schema(name) else {
            continue;
        };
        let filter = hoist(name, filter.to_value(), &mut definitions);
        ways.push(step(name, filter, &beside));
    }
    let group = json!({ "type": "array", "minItems": 2, "items": { "$ref": format!("#/$defs/{STEP}") } });
    ways.push(step("any-of", described(&group, ANY_OF), &beside));
    ways.push(step(
        "all-of",
        described(&group, "Passes when all of its steps pass."),
        &beside,
    ));
    let policy = json!({ "type": "string", "description": "Name of a policy; stands only in a route." });
    ways.push(step("use", policy, &beside));
    let text = "One filter with its configuration, and the keys that go with any filter.";
    definitions.insert(STEP.to_owned(), json!({ "description": text, "oneOf": ways }));
    if let Some(map) = root.as_object_mut() {
        map.insert("title".to_owned(), "gateway.yaml".into());
        map.insert("$defs".to_owned(), definitions.into());
    }
    without_null(&mut root);
    with_numbers(&mut root);
    root
}

/// What `any-of` does, for people who write it.
const ANY_OF: &str = "Passes when one of its steps passes; they are asked in order, each with the request as \
    it came. What the others would have taken for a credential goes no further then, unless their `forward` is true. \
    When none passes, one answer is told: of a step that could not decide, else about a credential that was sent, else \
    a redirect to where people sign in, else that a credential is missing.";

fn take(schema: &mut Value, key: &str) -> Map<String, Value> {
    match schema.as_object_mut().and_then(|map| map.remove(key)) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn described(schema: &Value, text: &str) -> Value {
    let mut schema = schema.clone();
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".to_owned(), text.into());
    }
    schema
}

fn step(word: &str, config: Value, beside: &Map<String, Value>) -> Value {
    let mut properties = beside.clone();
    properties.insert(word.to_owned(), config);
    json!({ "type": "object", "properties": properties, "required": [word], "additionalProperties": false })
}

/// Moves a filter's own definitions to the root under names that no other filter has.
fn hoist(filter: &str, mut schema: Value, definitions: &mut Map<String, Value>) -> Value {
    let own = take(&mut schema, "$defs");
    if let Some(map) = schema.as_object_mut() {
        map.remove("$schema");
        map.remove("title");
    }
    rename(&mut schema, filter);
    for (name, mut definition) in own {
        rename(&mut definition, filter);
        definitions.insert(format!("{filter}.{name}"), definition);
    }
    schema
}

fn rename(schema: &mut Value, filter: &str) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(to) if key == "$ref" => {
                        if let Some(name) = to.strip_prefix("#/$defs/") {
                            *to = format!("#/$defs/{filter}.{name}");
                        }
                    }
                    value => rename(value, filter),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, filter)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is absent is not written, so `null` is nowhere allowed.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    map.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(words)) = map.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            if let Some(Value::Array(ways)) = map.get_mut("anyOf") {
                ways.retain(|way| way.get("type").and_then(Value::as_str) != Some("null"));
                if let [Value::Object(one)] = ways.as_slice() {
                    let one = one.clone();
                    map.remove("anyOf");
                    for (key, value) in one {
                        map.entry(key).or_insert(value);
                    }
                }
            }
            map.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A word that looks like a number, such as the `1` of `adamant: 1`, may be written without quotes. What an
/// editor then reads is a number, so the number is the same word.
fn with_numbers(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let word = map.get("const").and_then(Value::as_str);
            let number = word.and_then(|word| serde_json::from_str::<serde_json::Number>(word).ok());
            if let (Some(word), Some(number)) = (word.map(str::to_owned), number) {
                map.remove("const");
                map.remove("type");
                map.insert("enum".to_owned(), json!([number, word]));
            }
            map.values_mut().for_each(with_numbers);
        }
        Value::Array(items) => items.iter_mut().for_each(with_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
