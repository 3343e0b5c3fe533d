//! The manual of the linked filters as Markdown: what each does, its keys, and the reasons for which it refuses.
//!
//! Made of what filters say about themselves, so that it cannot lag behind them. Adds no word of its own about any.

use std::fmt::Write as _;

use adamant_filter::schemars::SchemaGenerator;
use adamant_filter::{Catalogue, Registered, Role};
use serde_json::{Map, Value};

/// Deepest nesting that is written out; deeper keys are told by their parent.
const DEPTH_MAX: usize = 6;

const HEAD: &str = "\
# Filters

One word of a step each, in alphabetical order. Every step also takes `id`, `when`, `shadow` and `on-fault`. A refusal
names its reason as `FILTER.REASON` in the body, the access log and the metrics. This page is made by
`adamant schema --manual`.

Steps can be grouped. `all-of` passes when all of its steps pass. `any-of` asks its branches in order, each with the
request as it came, and passes with the first that passes. What the other branches would have taken for a credential
goes no further then, whether they have looked at it or not, unless their `forward` is true. When none passes, the
client learns one answer: of a branch that could not decide (503), else about a credential that was sent, else a
redirect to where people sign in, else that a credential is missing. One `when` beside a group or a `use` is asked once
for all of its steps.
";

/// The whole manual.
pub(crate) fn manual(catalogue: &Catalogue) -> String {
    let mut page = HEAD.to_owned();
    for filter in catalogue.iter() {
        describe(filter, &mut page);
    }
    page
}

fn describe(filter: &dyn Registered, page: &mut String) {
    let mut generator = SchemaGenerator::default();
    let schema = filter.schema(&mut generator).to_value();
    let definitions = generator.take_definitions(true);
    let book = Book {
        definitions: &definitions,
    };
    let schema = book.resolve(&schema);
    // Writing to a text cannot fail.
    let _ = writeln!(page, "\n## `{}`\n", filter.name());
    let _ = writeln!(page, "{}\n", description(schema).trim());
    let role = word(filter.role());
    let fault = if filter.role().denies_on_fault() {
        "deny"
    } else {
        "pass"
    };
    let _ = writeln!(
        page,
        "Role: {role}; `on-fault` is `{fault}` unless the step says otherwise.\n"
    );
    let mut rows = Vec::new();
    book.keys(schema, "", 0, &mut rows);
    if !rows.is_empty() {
        page.push_str("| key | meaning |\n|---|---|\n");
        rows.iter().for_each(|row| page.push_str(row));
    }
    if !filter.reasons().is_empty() {
        page.push_str("\n| reason | status | text |\n|---|---:|---|\n");
    }
    for reason in filter.reasons() {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            reason.code(),
            reason.status(),
            reason.text()
        );
    }
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Authenticate => "proves who is calling",
        Role::Authorize => "decides what a caller may do",
        Role::Limit => "decides how much",
        Role::Guard => "decides what may pass",
        Role::Shape => "changes requests or answers",
        Role::Observe => "only looks",
    }
}

/// The definitions to which a schema refers.
struct Book<'s> {
    definitions: &'s Map<String, Value>,
}

impl<'s> Book<'s> {
    /// The schema behind references.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..DEPTH_MAX {
            let name = schema.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|name| name.rsplit('/').next());
            match name.and_then(|name| self.definitions.get(name)) {
                Some(definition) => schema = definition,
                None => break,
            }
        }
        schema
    }

    /// A row for each key below `schema`, which stands at `path`.
    fn keys(&self, schema: &'s Value, path: &str, depth: usize, rows: &mut Vec<String>) {
        if depth > DEPTH_MAX {
            return;
        }
        let schema = self.resolve(schema);
        let required: Vec<&str> = list(schema, "required").filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, inner) in properties.into_iter().flatten() {
            let path = join(path, key);
            let needed = if required.contains(&key.as_str()) {
                ", required"
            } else {
                ""
            };
            let words = self.words(inner);
            let text = cell(&format!("{} {words}", self.told(inner)));
            rows.push(format!("| `{path}`{needed} | {text} |\n"));
            self.keys(inner, &path, depth + 1, rows);
        }
        if let Some(inner) = schema
            .get("additionalProperties")
            .filter(|inner| inner.is_object())
        {
            self.keys(inner, &join(path, "NAME"), depth + 1, rows);
        }
        if let Some(inner) = schema.get("items") {
            self.keys(inner, &format!("{path}[]"), depth + 1, rows);
        }
        for way in ["oneOf", "anyOf"].into_iter().flat_map(|key| list(schema, key)) {
            self.keys(way, path, depth + 1, rows);
        }
    }

    /// What a key says, or else what its type does.
    fn told(&self, schema: &'s Value) -> String {
        let own = description(schema);
        if own.is_empty() {
            description(self.resolve(schema))
        } else {
            own
        }
    }

    /// The words among which a value is chosen, with what each means.
    fn words(&self, schema: &'s Value) -> String {
        let mut told = Vec::new();
        self.gather(schema, 0, &mut told);
        told.join("; ")
    }

    fn gather(&self, schema: &'s Value, depth: usize, told: &mut Vec<String>) {
        let schema = self.resolve(schema);
        if let Some(word) = schema.get("const").and_then(Value::as_str) {
            let text = description(schema);
            let text = text.trim().trim_end_matches('.');
            told.push(if text.is_empty() {
                format!("`{word}`")
            } else {
                format!("`{word}`: {text}")
            });
        }
        told.extend(
            list(schema, "enum")
                .filter_map(Value::as_str)
                .map(|word| format!("`{word}`")),
        );
        if depth < 3 {
            for way in ["oneOf", "anyOf"].into_iter().flat_map(|key| list(schema, key)) {
                self.gather(way, depth + 1, told);
            }
            if let Some(items) = schema.get("items") {
                self.gather(items, depth + 1, told);
            }
        }
    }
}

fn list<'s>(schema: &'s Value, key: &str) -> impl Iterator<Item = &'s Value> + use<'s> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn description(schema: &Value) -> String {
    schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// A text that fits into a cell of a table.
fn cell(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
