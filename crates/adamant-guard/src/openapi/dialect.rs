//! Translates the schemas of OpenAPI 3.0 into JSON Schema draft 2020-12, where they differ.
//!
//! Looks only where a description has schemas, so that a property called `nullable` stays one.

use adamant_filter::serde_json::{Map, Value};

/// Translates all schemas of a description.
pub(super) fn translate(document: &mut Value) {
    if let Some(components) = document.get_mut("components") {
        each(components.get_mut("schemas"), schema);
        each(components.get_mut("parameters"), described);
        each(components.get_mut("requestBodies"), with_content);
        each(components.get_mut("responses"), with_content);
    }
    each(document.get_mut("paths"), path_item);
}

fn path_item(item: &mut Value) {
    items(item.get_mut("parameters"), described);
    for method in super::document::METHODS {
        if let Some(operation) = item.get_mut(method) {
            items(operation.get_mut("parameters"), described);
            operation
                .get_mut("requestBody")
                .into_iter()
                .for_each(with_content);
            each(operation.get_mut("responses"), with_content);
        }
    }
}

fn with_content(body: &mut Value) {
    each(body.get_mut("content"), described);
}

/// Something that has a schema.
fn described(thing: &mut Value) {
    thing.get_mut("schema").into_iter().for_each(schema);
}

fn schema(value: &mut Value) {
    let Value::Object(members) = value else { return };
    if let Some(reference) = members.remove("$ref") {
        // What stands beside a reference has no meaning in 3.0.
        members.clear();
        members.insert("$ref".to_owned(), reference);
        return;
    }
    bound(members, "minimum", "exclusiveMinimum");
    bound(members, "maximum", "exclusiveMaximum");
    if members.remove("nullable") == Some(Value::Bool(true))
        && let Some(Value::String(kind)) = members.get("type")
    {
        let kinds = Value::from(vec![kind.clone(), "null".to_owned()]);
        members.insert("type".to_owned(), kinds);
    }
    for keyword in ["example", "xml", "externalDocs", "discriminator"] {
        members.remove(keyword);
    }
    for keyword in ["items", "not", "additionalProperties"] {
        members.get_mut(keyword).into_iter().for_each(schema);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        items(members.get_mut(keyword), schema);
    }
    each(members.get_mut("properties"), schema);
}

/// In 3.0 a bound is made exclusive by a truth beside it.
fn bound(members: &mut Map<String, Value>, inclusive: &str, exclusive: &str) {
    let Some(Value::Bool(is_exclusive)) = members.get(exclusive) else {
        return;
    };
    let is_exclusive = *is_exclusive;
    members.remove(exclusive);
    if is_exclusive && let Some(value) = members.remove(inclusive) {
        members.insert(exclusive.to_owned(), value);
    }
}

fn each(map: Option<&mut Value>, act: impl Fn(&mut Value)) {
    if let Some(Value::Object(members)) = map {
        members.values_mut().for_each(act);
    }
}

fn items(list: Option<&mut Value>, act: impl Fn(&mut Value)) {
    if let Some(Value::Array(items)) = list {
        items.iter_mut().for_each(act);
    }
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::json;

    use super::*;

    #[test]
    fn schemas_of_3_0_are_translated_and_nothing_else_is() {
        let cases = [
            (
                json!({"type": "string", "nullable": true}),
                json!({"type": ["string", "null"]}),
            ),
            (
                json!({"type": "string", "nullable": false}),
                json!({"type": "string"}),
            ),
            (
                json!({"minimum": 1, "exclusiveMinimum": true}),
                json!({"exclusiveMinimum": 1}),
            ),
            (
                json!({"minimum": 1, "exclusiveMinimum": false}),
                json!({"minimum": 1}),
            ),
            (
                json!({"maximum": 1, "exclusiveMaximum": true}),
                json!({"exclusiveMaximum": 1}),
            ),
            (
                json!({"$ref": "#/a", "nullable": true, "type": "string"}),
                json!({"$ref": "#/a"}),
            ),
            (
                json!({"properties": {"nullable": {"type": "string", "nullable": true}, "example": {}}, "example": 1}),
                json!({"properties": {"nullable": {"type": ["string", "null"]}, "example": {}}}),
            ),
            (
                json!({"items": {"allOf": [{"not": {"type": "integer", "nullable": true}}]}}),
                json!({"items": {"allOf": [{"not": {"type": ["integer", "null"]}}]}}),
            ),
        ];
        for (before, after) in cases {
            let mut document = json!({
                "components": {"schemas": {"a": before.clone()}, "parameters": {"a": {"schema": before.clone()}}},
                "paths": {"/": {"post": {"requestBody": {"content": {"application/json": {"schema": before}}}}}},
            });
            translate(&mut document);
            assert_eq!(document["components"]["schemas"]["a"], after);
            assert_eq!(document["components"]["parameters"]["a"]["schema"], after);
            let content = &document["paths"]["/"]["post"]["requestBody"]["content"];
            assert_eq!(content["application/json"]["schema"], after);
        }
    }
}
