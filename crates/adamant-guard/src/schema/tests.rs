//! What fits a schema, what is told where it does not, and the official tests. Reads no file beyond them.

use adamant_filter::serde_json::json;
use adamant_filter::trial::{Trial, TrialHost};
use proptest::prelude::*;

use super::*;

fn trial(config: &Value, files: &[(&str, Value)]) -> Trial {
    let mut host = TrialHost::new();
    for (name, value) in files {
        host = host.with_file(*name, value.to_string());
    }
    Trial::with_host::<Schema>(config, &mut host)
}

/// The refusal of a body: its code, and the places with their keywords.
fn judged(trial: &Trial, body: &str) -> Option<(&'static str, Vec<String>)> {
    let request = Request::build(Method::POST, "/")
        .unwrap()
        .with_header("content-type", "application/json");
    let mut request = trial.prepare(request);
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    match trial.body(&mut request, &mut Chunk::new(body.to_owned().into(), true)) {
        Verdict::Pass => None,
        Verdict::Deny(denial) => {
            let details = denial.details.unwrap_or_default();
            let told = details.iter().map(|detail| match &detail.place {
                Place::Pointer(pointer) => format!("{pointer} {}", detail.code),
                Place::Offset(at) => format!("{at} {}", detail.code),
                Place::Parameter(name) => format!("{name} {}", detail.code),
            });
            Some((denial.reason.code(), told.collect()))
        }
        other => panic!("{other:?}"),
    }
}

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["id", "items"],
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "items": {"type": "array", "items": {"$ref": "parts/item.json"}, "maxItems": 2},
            "a/b~c": {"const": 1},
        },
        "additionalProperties": {"type": "string", "maxLength": 3},
    })
}

fn item() -> Value {
    json!({"type": "object", "properties": {"sku": {"pattern": "^[A-Z]{3}$"}}, "required": ["sku"], "additionalProperties": false})
}

#[test]
fn a_body_fits_or_the_places_are_told_without_what_the_client_sent() {
    let trial = trial(
        &json!({"file": "order.json", "references": ["parts/item.json"]}),
        &[("order.json", order()), ("parts/item.json", item())],
    );
    assert_eq!(
        judged(&trial, r#"{"id":1,"items":[{"sku":"ABC"}],"more":"abc"}"#),
        None
    );
    let table: [(&str, &[&str]); 9] = [
        (r#"{"items":[]}"#, &["/id required"]),
        (r#"{"id":"hunter2","items":[]}"#, &["/id type"]),
        (r#"{"id":0,"items":[]}"#, &["/id minimum"]),
        (
            r#"{"id":1,"items":[{"sku":"ABC"},{"sku":"hunter2"}]}"#,
            &["/items/1/sku pattern"],
        ),
        (
            r#"{"id":1,"items":[{"sku":"ABC","hunter2":1}]}"#,
            &["/items/0 additionalProperties"],
        ),
        (r#"{"id":1,"items":[],"hunter2":"hunter2"}"#, &[" maxLength"]),
        (r#"{"id":1,"items":[],"4111":"hunter2"}"#, &[" maxLength"]),
        (r#"{"id":1,"items":[],"a/b~c":2}"#, &["/a~1b~0c const"]),
        ("[]", &[" type"]),
    ];
    for (body, places) in table {
        let (code, told) = judged(&trial, body).unwrap();
        assert_eq!(
            (code, told),
            (
                "mismatch",
                places.iter().map(|place| (*place).to_owned()).collect()
            ),
            "{body}"
        );
    }
    let (code, told) = judged(&trial, r#"{"id":1,"id":1}"#).unwrap();
    assert_eq!((code, told), ("structure", vec!["12 duplicate".to_owned()]));
}

#[test]
fn the_status_is_what_the_file_says() {
    for (status, code) in [(400, "bad-request"), (422, "mismatch")] {
        let trial = trial(
            &json!({"file": "a.json", "status": status}),
            &[("a.json", json!(false))],
        );
        assert_eq!(judged(&trial, "1").unwrap().0, code);
    }
}

#[test]
fn many_places_are_told_up_to_a_bound() {
    let trial = trial(
        &json!({"file": "a.json"}),
        &[("a.json", json!({"items": {"type": "string"}}))],
    );
    let body = format!("[{}]", ["1"; 100].join(","));
    assert_eq!(judged(&trial, &body).unwrap().1.len(), 8);
}

#[test]
fn formats_are_checked_where_the_file_says_so() {
    let files = [("a.json", json!({"format": "ipv4"}))];
    assert_eq!(judged(&trial(&json!({"file": "a.json"}), &files), "\"x\""), None);
    let checked = trial(&json!({"file": "a.json", "formats": true}), &files);
    assert_eq!(judged(&checked, "\"x\"").unwrap().1, [" format"]);
    assert_eq!(judged(&checked, "\"192.0.2.1\""), None);
}

#[test]
fn schemas_that_cannot_be_judged_by_are_problems() {
    let wrong = [
        (json!({"file": "none.json"}), ""),
        (json!({"file": "a.json", "status": 409}), "status"),
        (json!({"file": "a.json", "references": ["a.json"]}), "references"),
        (json!({"file": "a.json", "body-at-most": "0B"}), "body-at-most"),
        (json!({"file": "list.json"}), "file"),
        (json!({"file": "twice.json"}), "file"),
        (json!({"file": "type.json"}), "file"),
        (json!({"file": "draft7.json"}), "file"),
        (json!({"file": "remote.json"}), "file"),
        (json!({"file": "local.json"}), "file"),
        (json!({"file": "look.json"}), "file"),
        (json!({"file": "format.json", "formats": true}), "file"),
    ];
    for (config, path) in wrong {
        let mut host = TrialHost::new()
            .with_file("a.json", "{}")
            .with_file("list.json", "[]")
            .with_file("twice.json", r#"{"type":"string","type":"object"}"#)
            .with_file("type.json", r#"{"type":"strin"}"#)
            .with_file(
                "draft7.json",
                r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
            )
            .with_file("remote.json", r#"{"$ref":"https://example.test/a.json"}"#)
            .with_file("local.json", r#"{"$ref":"a.json"}"#)
            .with_file("look.json", r#"{"pattern":"(?=a)b"}"#)
            .with_file("format.json", r#"{"format":"no-such-format"}"#);
        let problems = Trial::try_build::<Schema>(&config, &mut host);
        let problems = problems.map(|_| ()).unwrap_err();
        let paths: Vec<_> = problems
            .iter()
            .map(|problem| problem.path().unwrap_or_default())
            .collect();
        assert_eq!(paths, [path], "{config}");
    }
}

/// The required tests of the JSON Schema Test Suite for draft 2020-12, where they need no other keyword than this
/// filter reads.
const SUITE: &str = include_str!("../../tests/corpora/json-schema-2020-12.json");

/// Groups whose schemas are refused at boot: they are written in a dialect of their own, which this filter does not read.
const EXCEPTIONS: [&str; 2] = [
    "vocabulary: schema that uses custom metaschema with with no validation vocabulary",
    "vocabulary: ignore unrecognized optional vocabulary",
];

#[test]
fn the_official_tests_hold() {
    let suite: Value = serde_json::from_str(SUITE).unwrap();
    let remotes: Vec<Document> = suite["remotes"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(uri, schema)| (uri.clone(), schema.clone()))
        .collect();
    let (mut count, mut wrong) = (0, Vec::new());
    for group in suite["groups"].as_array().unwrap() {
        let name = group[0].as_str().unwrap();
        let text = group[1].to_string();
        let others = remotes.iter().filter(|(uri, _)| {
            let file = uri.rsplit('/').next().unwrap();
            text.contains("localhost:1234") || text.contains(file)
        });
        let id = group[1]
            .get("$id")
            .and_then(Value::as_str)
            .unwrap_or("file:///schema.json");
        match Compiled::new(
            (id.to_owned(), group[1].clone()),
            others.cloned().collect(),
            Formats::Ignored,
        ) {
            Err(error) if EXCEPTIONS.contains(&name) => assert!(error.starts_with("`$schema` is not")),
            Err(error) => wrong.push(format!("{name}: {error}")),
            Ok(compiled) => {
                for test in group[2].as_array().unwrap() {
                    count += 1;
                    if compiled.judge(&test[1]).is_ok() != test[2].as_bool().unwrap() {
                        wrong.push(format!("{name}: {}", test[0]));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}: {wrong:#?}", wrong.len());
    assert!(count > 1200, "{count}");
}

proptest! {
    #[test]
    fn any_bytes_are_judged(body in ".{1,100}") {
        let trial = trial(&json!({"file": "a.json"}), &[("a.json", order())].map(|(name, mut schema)| {
            schema["properties"]["items"]["items"] = json!(true);
            (name, schema)
        }));
        judged(&trial, &body);
    }
}
