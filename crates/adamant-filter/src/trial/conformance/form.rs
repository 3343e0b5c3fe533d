//! What a filter says of itself: its word, its reasons, and the form of what is written under the word.
//!
//! Runs no hook.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::node::Node;
use crate::problem::Problems;
use crate::{Filter, schema_of};

/// The word and the codes of the reasons.
pub(super) fn words<F: Filter>() {
    assert!(is_kebab_case(F::NAME), "the word `{}` is not kebab-case", F::NAME);
    let mut codes = BTreeSet::new();
    for reason in F::REASONS {
        let code = reason.code();
        assert!(
            is_kebab_case(code),
            "`{code}`: the code of a reason is kebab-case"
        );
        assert!(
            codes.insert(code),
            "`{code}`: two reasons have the same code, and nobody can tell them apart"
        );
        let text = reason.text();
        assert!(
            !text.is_empty() && !text.ends_with('.'),
            "`{code}`: a reason is a sentence without a full stop"
        );
    }
}

fn is_kebab_case(word: &str) -> bool {
    let starts = word.starts_with(|first: char| first.is_ascii_lowercase());
    let of = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    starts && word.chars().all(of) && !word.ends_with('-') && !word.contains("--")
}

/// What is read, written out and read again is the same, however it was spelled.
pub(super) fn canonical<F: Filter>(config: &Value) {
    let told = format!("from {config}");
    let first = written::<F>(config).unwrap_or_else(|problems| panic!("{told}: {problems:?}"));
    let second = written::<F>(&first)
        .unwrap_or_else(|problems| panic!("{told}: its own canonical form {first} is refused: {problems:?}"));
    assert_eq!(
        first, second,
        "{told}: the canonical form changes when it is read again, and the digest with it"
    );
    let turned = written::<F>(&turned(config));
    let turned = turned.unwrap_or_else(|problems| panic!("{told}, in another order of keys: {problems:?}"));
    assert_eq!(first, turned, "{told}: the order of keys changes the meaning");
}

fn written<F: Filter>(config: &Value) -> Result<Value, Problems> {
    let catalogue = Catalogue::new().filter::<F>("conformance");
    match catalogue.get(F::NAME) {
        Some(registered) => registered.canonical(&Node::from_json(config)),
        None => Err(Problems::default()),
    }
}

/// The same with the keys of every map in the opposite order.
fn turned(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().rev();
            entries
                .map(|(key, value)| (key.clone(), turned(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(turned).collect(),
        other => other.clone(),
    }
}

/// A key that nobody knows is refused, wherever it stands.
pub(super) fn unknown_keys<F: Filter>(config: &Value) {
    if let Value::Object(entries) = config {
        let mut entries = entries.clone();
        entries.insert("no-such-key".to_owned(), Value::Bool(true));
        assert!(
            written::<F>(&Value::Object(entries)).is_err(),
            "a key that nobody knows is accepted under `{}`: say #[serde(deny_unknown_fields)]",
            F::NAME
        );
    }
    each_object(&schema_of::<F::Config>().to_value(), &mut |object, place| {
        let is_closed = object.get("additionalProperties") == Some(&Value::Bool(false));
        assert!(
            is_closed,
            "{place} accepts keys that nobody knows: say #[serde(deny_unknown_fields)]"
        );
    });
}

/// Every key has a word for those who write policies.
pub(super) fn explained<F: Filter>() {
    each_object(&schema_of::<F::Config>().to_value(), &mut |object, place| {
        let properties = object.get("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flatten();
        // A way to choose among several is explained where it is named.
        let is_choice = object.get("description").is_some() && properties.clone().count() == 1;
        for (key, property) in properties {
            assert!(
                property.get("description").is_some() || is_choice,
                "{place} does not say what `{key}` is: write a doc comment on the field"
            );
        }
    });
}

/// Calls `each` with every schema of a map with known keys.
fn each_object(schema: &Value, each: &mut dyn FnMut(&Map<String, Value>, &str)) {
    walk(schema, "the configuration", each);
}

fn walk(schema: &Value, place: &str, each: &mut dyn FnMut(&Map<String, Value>, &str)) {
    match schema {
        Value::Object(entries) => {
            if entries.get("properties").is_some_and(Value::is_object) {
                each(entries, place);
            }
            for (key, inner) in entries {
                // Examples and defaults are values, not schemas.
                if !matches!(key.as_str(), "default" | "examples" | "const" | "enum") {
                    walk(inner, &format!("{place} / {key}"), each);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|inner| walk(inner, place, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
