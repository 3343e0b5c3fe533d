//! The paths of all keys that take a value, out of the JSON Schema of the language.
//!
//! Names of maps are written `*`, items of lists `[]`; a list of scalars is one key. A step is spelt out
//! where policies hold it, and not again in routes, whose steps are the same but for `use`.

use serde_json::Value;

/// The definition of a step, which every list of filters refers to.
const STEP: &str = "#/$defs/Step";

/// The word that stands in routes only.
const USE: &str = "use";

/// All paths, in the order of the schema, each once.
pub(crate) fn leaves(schema: &Value) -> Vec<String> {
    let mut walk = Walk {
        root: schema,
        open: Vec::new(),
        has_step: false,
        found: Vec::new(),
    };
    walk.enter(schema, String::new());
    walk.found
}

struct Walk<'s> {
    root: &'s Value,
    /// Definitions on the way from the root; a definition inside itself is a leaf.
    open: Vec<&'s str>,
    has_step: bool,
    found: Vec<String>,
}

impl<'s> Walk<'s> {
    fn enter(&mut self, schema: &'s Value, path: String) {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.follow(name, path);
        }
        let before = self.found.len();
        let mut is_inner = false;
        for (key, value) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            is_inner = true;
            if key != USE {
                self.enter(value, join(&path, key));
            }
        }
        for (key, mark) in [("additionalProperties", ".*"), ("items", "[]")] {
            if let Some(inner) = schema.get(key).filter(|inner| inner.is_object()) {
                is_inner = true;
                self.enter(inner, format!("{path}{mark}"));
            }
        }
        let ways = ["oneOf", "anyOf"]
            .into_iter()
            .filter_map(|key| schema.get(key)?.as_array());
        for way in ways.flatten() {
            is_inner = true;
            self.enter(way, path.clone());
        }
        if !is_inner {
            self.leaf(path);
        } else if self
            .found
            .get(before..)
            .is_some_and(|new| new == [format!("{path}[]")])
        {
            self.found.truncate(before);
            self.leaf(path);
        }
    }

    fn follow(&mut self, name: &'s str, path: String) {
        if name == STEP && self.has_step {
            let is_group = self.open.contains(&name);
            return self.leaf(if is_group { path } else { join(&path, USE) });
        }
        let pointer = name
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer));
        match pointer {
            Some(definition) if !self.open.contains(&name) => {
                self.has_step |= name == STEP;
                self.open.push(name);
                self.enter(definition, path);
                self.open.pop();
            }
            Some(_) | None => self.leaf(path),
        }
    }

    fn leaf(&mut self, path: String) {
        if !self.found.contains(&path) {
            self.found.push(path);
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_key_that_takes_a_value_is_found_once() {
        let schema = json!({
            "properties": {
                "version": { "type": "integer" },
                "listeners": { "additionalProperties": { "$ref": "#/$defs/Listener" } },
                "policies": { "additionalProperties": { "type": "array", "items": { "$ref": "#/$defs/Step" } } },
                "routes": { "items": { "properties": {
                    "host": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] },
                    "filters": { "items": { "$ref": "#/$defs/Step" } },
                } } },
            },
            "$defs": {
                "Listener": { "properties": { "bind": { "type": "string" }, "protocols": { "items": { "enum": ["h1"] } } } },
                "Step": { "oneOf": [
                    { "properties": { "rate": { "properties": { "allow": {} } }, "id": {} } },
                    { "properties": { "any-of": { "items": { "$ref": "#/$defs/Step" } }, "id": {} } },
                    { "properties": { "use": {}, "id": {} } },
                ] },
            },
        });
        let expected = [
            "version",
            "listeners.*.bind",
            "listeners.*.protocols",
            "policies.*[].rate.allow",
            "policies.*[].id",
            "policies.*[].any-of",
            "routes[].host",
            "routes[].filters[].use",
        ];
        assert_eq!(leaves(&schema), expected);
    }
}
