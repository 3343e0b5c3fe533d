//! What the decoder reads, and what it says about trees of the wrong form.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::units::{Cidr, Period, Rate, SecretRef, Size};

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sample {
    name: Spanned<String>,
    #[serde(default)]
    size: Option<Size>,
    #[serde(default = "second")]
    wait_time: Period,
    #[serde(default)]
    rates: Vec<Rate>,
    #[serde(default)]
    weight: u8,
    #[serde(default)]
    on: bool,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    key: Option<SecretRef>,
    #[serde(default)]
    hosts: OneOrMany<Spanned<String>>,
    #[serde(default)]
    to: Option<ShortOrLong<String, Long>>,
    #[serde(default)]
    any: Value,
    #[serde(default)]
    nets: std::collections::BTreeMap<String, Cidr>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Long {
    address: String,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Documented words are written differently in the schema.
    #[default]
    RoundRobin,
    LeastRequests,
}

fn second() -> Period {
    Period::from_secs(1)
}

/// All complaints about a sample, as `code: message`.
fn complaints(value: &Value) -> Vec<String> {
    match decode::<Sample>(&Node::from_json(value)) {
        Ok(sample) => panic!("{value} was read as {sample:?}"),
        Err(problems) => problems.iter().map(|p| format!("{}: {p}", p.code())).collect(),
    }
}

#[test]
fn a_whole_sample_is_read() {
    let node = Node::from_json(&json!({
        "name": "a", "size": "64KiB", "rates": ["5/m"], "weight": 7, "on": true, "mode": "least-requests",
        "key": {"env": "K"}, "hosts": "h", "to": {"address": "x"}, "any": {"n": [1, null]},
        "nets": {"lan": "10.0.0.0/8"},
    }));
    let sample: Sample = decode(&node).unwrap();
    assert_eq!(sample.size, Some(Size::from_kib(64)));
    assert_eq!(sample.wait_time, second());
    assert_eq!(sample.mode, Mode::LeastRequests);
    assert_eq!(sample.key, Some(SecretRef::Env("K".to_owned())));
    assert_eq!(sample.hosts, OneOrMany(vec![Spanned::from("h".to_owned())]));
    assert_eq!(
        sample.to,
        Some(ShortOrLong::Long(Long {
            address: "x".to_owned()
        }))
    );
    assert_eq!(sample.any, json!({"n": [1, null]}));
}

#[test]
fn the_schema_decides_what_a_scalar_is() {
    for (text, plain) in [
        ("no", true),
        ("0777", true),
        ("1.10", true),
        ("null", true),
        ("12", false),
    ] {
        let entry = |key: &str, text, plain| crate::node::Entry {
            key: key.into(),
            key_span: Span::NOWHERE,
            value: Node::scalar(Span::NOWHERE, text, plain),
        };
        let entries = [
            entry("name", text, plain),
            entry("hosts", text, plain),
            entry("to", text, plain),
        ];
        let node = Node::new(Span::NOWHERE, crate::node::Content::Mapping(entries.into()));
        let sample: Sample = decode(&node).unwrap();
        assert_eq!(*sample.name, text);
        assert_eq!(*sample.hosts.0[0], text);
        assert_eq!(sample.to, Some(ShortOrLong::Short(text.to_owned())));
    }
}

#[test]
fn a_short_form_may_have_lists_beside_a_long_one() {
    #[derive(Deserialize, JsonSchema)]
    struct Lists {
        to: ShortOrLong<OneOrMany<String>, Long>,
    }
    for (written, expected) in [
        (json!({"to": "a"}), vec!["a"]),
        (json!({"to": ["a", "b"]}), vec!["a", "b"]),
    ] {
        let lists: Lists = decode(&Node::from_json(&written)).unwrap();
        let expected = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(lists.to, ShortOrLong::Short(OneOrMany(expected)));
    }
    let long: Lists = decode(&Node::from_json(&json!({"to": {"address": "a"}}))).unwrap();
    assert!(matches!(long.to, ShortOrLong::Long(_)));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let told = complaints(&json!({
        "nmae": "a", "size": 64, "wait-time": "10", "rates": ["5", "1/s", 7], "weight": 300, "on": "yes",
        "mode": "least-request", "key": "s3cret", "hosts": [], "to": ["x"], "nets": {"lan": "10.0.0.1/8"},
    }));
    let expected = [
        "keys.unknown: `nmae` is not a key of the configuration; did you mean `name`?",
        "values.choice: `least-request` is not a choice of `mode`; did you mean `least-requests`?",
        "values.range: 300 is too large: `weight` is from 0 to 255",
        "values.range: `hosts` needs at least 1 item, and there are 0",
        "values.secret: `key` takes the place of a secret, never the secret itself",
        "values.type: `on` takes true or false, not a text",
        "values.type: `to` takes a text or a mapping, not a list",
        "values.unit: `10.0.0.1/8` has bits beyond its prefix",
        "values.unit: `10` is not a length of time",
        "values.unit: `5` is not a rate",
        "values.unit: `64` is not a size",
        "values.unit: `7` is not a rate",
    ];
    let mut told = told;
    told.sort();
    assert_eq!(told, expected);
}

#[test]
fn forms_that_exclude_each_other_are_told_apart_by_their_key() {
    let cases = [
        (
            json!({"env": "A", "file": "b"}),
            "keys.exclusive: `env` and `file` exclude each other",
        ),
        (
            json!({"evn": "A"}),
            "keys.unknown: `evn` is not a key of `key`; did you mean `env`?",
        ),
        (
            json!({}),
            "keys.missing: `key` needs one of the keys `env` and `file`",
        ),
        (
            json!({"env": "a b"}),
            "values.unit: this is not the name of an environment variable",
        ),
        (json!({"file": ""}), "values.range: `file` must not be empty"),
    ];
    for (key, expected) in cases {
        assert_eq!(complaints(&json!({"name": "a", "key": key})), [expected]);
    }
}

#[test]
fn what_is_missing_or_empty_is_told() {
    assert_eq!(
        complaints(&json!({"weight": 1})),
        ["keys.missing: the configuration needs the key `name`"]
    );
    let nothing = crate::node::Entry {
        key: "size".into(),
        key_span: Span::NOWHERE,
        value: Node::scalar(Span::NOWHERE, "", true),
    };
    let node = Node::new(Span::NOWHERE, crate::node::Content::Mapping([nothing].into()));
    let problems = decode::<Sample>(&node).unwrap_err();
    assert!(
        problems.iter().any(|problem| problem.code() == "values.empty"),
        "{problems}"
    );
}

#[test]
fn a_type_may_contain_itself() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Tree {
        #[serde(default)]
        branches: Vec<Tree>,
        #[serde(default)]
        left: Option<Box<Tree>>,
    }
    let good = json!({"branches": [{"branches": []}, {"left": {"left": {}}}]});
    let tree: Tree = decode(&Node::from_json(&good)).unwrap();
    assert!(tree.left.is_none() && tree.branches.len() == 2);
    let bad = json!({"branches": [{"branch": []}, {"left": {"left": {"right": {}}}}]});
    let problems = decode::<Tree>(&Node::from_json(&bad)).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems}");
}

#[test]
fn a_secret_is_never_shown() {
    for key in [
        json!("s3cret"),
        json!(["s3cret"]),
        json!({"s3cret": "a"}),
        json!({"value": "s3cret"}),
        json!({"evn": "s3cret"}),
        json!({"env": "A", "s3cret": "a"}),
        json!({"env": "s3cret!"}),
        json!({"env": ["s3cret"]}),
    ] {
        let sample = json!({ "name": "a", "key": key });
        for problem in decode::<Sample>(&Node::from_json(&sample)).unwrap_err() {
            assert!(
                problem.is_hidden() && !problem.to_string().contains("s3cret"),
                "{problem}"
            );
        }
    }
}

#[test]
fn a_spanned_value_and_a_spanned_key_know_their_place() {
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Keyed {
        map: std::collections::BTreeMap<String, Spanned<u16>>,
    }
    let at = |line| Span::new((line, line + 1), line, 1, line);
    let mapping = |span, key: &str, key_span, value| {
        Node::new(
            span,
            crate::node::Content::Mapping(
                [crate::node::Entry {
                    key: key.into(),
                    key_span,
                    value,
                }]
                .into(),
            ),
        )
    };
    let inner = mapping(at(3), "x", at(3), Node::scalar(at(4), "5", true));
    let node = mapping(at(2), "map", at(2), inner);
    let keyed: Keyed = decode(&node).unwrap();
    assert_eq!((keyed.map["x"].value, keyed.map["x"].span.line()), (5, 4));
}

proptest! {
    #[test]
    fn no_tree_breaks_the_decoder(value in tree()) {
        let _ = decode::<Sample>(&Node::from_json(&value));
    }

    #[test]
    fn what_passes_is_written_and_read_again(name in "\\PC{1,9}", weight: u8, millis in 0..1_000_000_u64) {
        let value = json!({
            "name": name, "weight": weight, "wait-time": Period::from_millis(millis), "hosts": [name, "b"],
        });
        let sample: Sample = decode(&Node::from_json(&value)).unwrap();
        let again: Sample = decode(&Node::from_json(&serde_json::to_value(&sample).map(without_null).unwrap())).unwrap();
        prop_assert_eq!(sample, again);
    }
}

/// Absent keys have no spelling in the file.
fn without_null(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, value| !value.is_null() && (key != "hosts" || value != &json!([])));
    }
    value
}

fn tree() -> impl Strategy<Value = Value> {
    let keys = "name|size|wait-time|rates|weight|on|mode|key|hosts|to|any|nets|env|file|address|x";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9/%]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(keys, inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}
