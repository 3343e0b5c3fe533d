//! Files that load, and that are the same to the gateway however they are spelt.

#![allow(
    clippy::indexing_slicing,
    reason = "a test fails where a map lacks what it must have"
)]
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod toy;

use std::fs;
use std::path::{Path, PathBuf};

use adamant_policy::text::{Color, Source, render};
use adamant_policy::{Words, load, schema};
use serde_json::{Value, json};
use toy::Toys;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/policies/accepted")
}

/// The canonical form of a file that loads.
fn canonical(text: &str) -> Value {
    let source = Source::new("gateway.yaml", text.as_bytes());
    match load(&source, &Toys::new()) {
        Ok((_, canonical)) => canonical,
        Err(problems) => panic!("{}", render(&source, &problems, Color::Off)),
    }
}

#[test]
fn every_accepted_file_loads_and_is_its_own_canonical_form() {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    assert!(files.len() >= 3, "the folder holds the accepted files");
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        let first = canonical(&text);
        // JSON is YAML, so the canonical form is a file again.
        let again = canonical(&first.to_string());
        assert_eq!(again, first, "{}", file.display());
    }
}

const BASE: &str = r#"
adamant: 1
listeners:
  public: { bind: "127.0.0.1:8443", tls: { certificate: a.pem, key: { env: KEY } } }
upstreams:
  orders: { endpoints: ["10.0.0.1:80"], timeouts: { connect: 1s }, retry: { on: [connect, "503", "502"] } }
policies:
  limits:
    - rate: { by: address, allow: 60/m }
routes:
  - name: a
    match: { host: [a.example, b.example], path: /a/**, methods: [GET, HEAD] }
    filters: [{ use: limits }]
    to: orders
"#;

/// `BASE` with one text in place of another.
fn with(old: &str, new: &str) -> String {
    assert!(BASE.contains(old), "{old}");
    BASE.replace(old, new)
}

#[test]
fn spelling_does_not_change_what_a_file_means() {
    let base = canonical(BASE);
    let cases = [
        with("connect: 1s", "connect: 1000ms"),
        with("connect: 1s", "connect: '1s'"),
        with("to: orders", "to: \"orders\"   # a note"),
        with("60/m", "60/60s"),
        with("a.example, b.example", "B.example, a.example"),
        with("GET, HEAD", "HEAD, GET"),
        with(r#"[connect, "503", "502"]"#, "[502, 503, connect]"),
        with("by: address", "by: [address]"),
        with("match: {", "public: false\n    match: {"),
        with(
            "tls: { certificate: a.pem, key: { env: KEY } }",
            "tls: { certificates: [{ key: { env: KEY }, certificate: a.pem }], at-least: 1.2 }",
        ),
        with("tls: {", "protocols: [h2, h1], tls: {"),
        with(
            "tls: {",
            "bounds: { header-bytes: 65536B, idle-time: 1m }, tls: {",
        ),
        with(r#"["10.0.0.1:80"]"#, r#"[{ address: "10.0.0.1:80", weight: 1 }]"#),
        with(
            "timeouts: {",
            "balance: round-robin, host: client, timeouts: { total: 30s,",
        ),
        BASE.replace("policies:\n  limits:", "policies:\n\n  # shared\n  'limits':"),
    ];
    for text in cases {
        assert_eq!(canonical(&text), base, "{text}");
    }
}

#[test]
fn every_change_of_meaning_changes_the_canonical_form() {
    let mut seen = vec![canonical(BASE)];
    let cases = [
        with("connect: 1s", "connect: 2s"),
        with("60/m", "61/m"),
        with("60/m", "1/s"),
        with("b.example", "c.example"),
        with("b.example", "'*.b.example'"),
        with("[GET, HEAD]", "[GET]"),
        with("path: /a/**", "path: /a"),
        with("path: /a/**", "path: '/{a}/**'"),
        with("path: /a/**", "path: /a/**, headers: { x: y }"),
        with("path: /a/**", "path: /a/**, headers: { x: { present: true } }"),
        with("path: /a/**", "path: /a/**, query: { x: y }"),
        with("path: /a/**", "path: /a/**, listener: public"),
        with("name: a", "name: b"),
        with("match: {", "public: true\n    match: {"),
        with("match: {", "stream: true\n    match: {"),
        with("match: {", "upgrade: websocket\n    match: {"),
        with("match: {", "body: { at-most: 2MiB }\n    match: {"),
        with("match: {", "rewrite: { strip: /a }\n    match: {"),
        with("match: {", "rewrite: { prefix: /a }\n    match: {"),
        with("{ use: limits }", "{ use: limits, shadow: true }"),
        with("{ use: limits }", "{ use: limits, on-fault: pass }"),
        with("{ use: limits }", "{ use: limits, when: { methods: [GET] } }"),
        with(
            "{ use: limits }",
            "{ use: limits }, { methods: { allow: [GET] } }",
        ),
        with(
            "{ use: limits }",
            "{ methods: { allow: [GET] } }, { use: limits }",
        ),
        with(
            "- rate: { by: address, allow: 60/m }",
            "- rate: { by: address, allow: 60/m }\n      id: mine",
        ),
        with("127.0.0.1:8443", "127.0.0.1:8444"),
        with("{ env: KEY }", "{ env: OTHER }"),
        with("{ env: KEY }", "{ file: KEY }"),
        with("tls: {", "tls: { at-least: 1.3,"),
        with("tls: {", "protocols: [h1], tls: {"),
        with("tls: {", "trust: { proxies: [10.0.0.0/8] }, tls: {"),
        with("tls: {", "bounds: { streams: 7 }, tls: {"),
        with("endpoints: [", "endpoints: ['10.0.0.2:80', "),
        with("endpoints: [", "tls: { server-name: x }, endpoints: ["),
        with("endpoints: [", "protocol: h2, endpoints: ["),
        with("endpoints: [", "keep-idle: 1s, endpoints: ["),
        with("endpoints: [", "host: x, endpoints: ["),
        with("endpoints: [", "health: { path: /h }, endpoints: ["),
        with("endpoints: [", "balance: least-requests, endpoints: ["),
        with(r#"[connect, "503", "502"]"#, "[reset]"),
        with("policies:", "observe: { access-log: { to: stdout } }\npolicies:"),
        with(
            "policies:",
            "observe: { access-log: { to: { file: x } } }\npolicies:",
        ),
        with("policies:", "admin: { bind: '127.0.0.1:9' }\npolicies:"),
    ];
    for text in cases {
        let other = canonical(&text);
        assert!(!seen.contains(&other), "{text}");
        seen.push(other);
    }
}

#[test]
fn the_schema_holds_the_filters_and_every_reference_leads_somewhere() {
    let schema = schema(&Toys::new());
    let step = &schema["$defs"]["Step"]["oneOf"];
    let words: Vec<&str> = step
        .as_array()
        .expect("ways")
        .iter()
        .map(|way| way["required"][0].as_str().expect("a word"))
        .collect();
    for word in Toys::new().names().into_iter().chain(["any-of", "all-of", "use"]) {
        assert!(words.contains(&word), "{word}");
    }
    assert_eq!(schema["additionalProperties"], json!(false));
    references(&schema, &schema);
}

fn references(schema: &Value, root: &Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get("$ref") {
                assert!(root.pointer(&to[1..]).is_some(), "{to}");
            }
            assert!(
                map.get("type") != Some(&json!("null")),
                "null is not written in the file"
            );
            map.values().for_each(|value| references(value, root));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, root)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
