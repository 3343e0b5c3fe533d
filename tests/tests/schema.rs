//! Bodies that must fit a schema, on both ways through the gateway.

use adamant_tests::client::{CARRIERS, exchange, request};
use adamant_tests::gateway::Setup;
use adamant_tests::{Gateway, Origin, Policy, Response, covers};
use serde_json::json;

const JSON: &str = "Content-Type: application/json";

/// A gateway whose only route has `schema` with these keys.
fn setup(origin: &Origin, keys: &str) -> Setup {
    let order = json!({
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": { "type": "integer" },
            "to": { "$ref": "address.json" },
            "mail": { "format": "email" },
        },
    });
    let address = json!({ "type": "object", "properties": { "city": { "type": "string", "maxLength": 3 } } });
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - schema: {{ {keys} }}"
    );
    Setup::new(&Policy::before(origin).route(&route))
        .file("order.json", order.to_string())
        .file("alone.json", json!({ "type": "object" }).to_string())
        .file("address.json", address.to_string())
}

async fn post(gateway: &Gateway, lines: &[&str], body: &str) -> Response {
    exchange(gateway.address(), request("POST", "/", lines, body)).await
}

/// The status of an answer, and the reason of a refusal.
fn told(answer: &Response) -> (u16, String) {
    let reason = if answer.status < 400 {
        String::new()
    } else {
        answer.reason()
    };
    (answer.status, reason)
}

const TEXT: &str = "Content-Type: text/plain";
const ORDER: &str = "file: order.json, references: [address.json]";
const BAD: &str = "file: order.json, references: [address.json], status: 400";
const FORMATS: &str = "file: order.json, references: [address.json], formats: true";
const SHORT: &str = "file: alone.json, body-at-most: 8B";
const LENIENT: &str = "file: alone.json, other: pass, empty: pass, body-at-most: 8B";

/// Keys, the type of a body, one that passes and one that does not, and the refusal.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u16,
    &'static str,
);

#[rustfmt::skip] // One row a line: it is a table.
const ROWS: [Row; 11] = [
    ("file: alone.json", JSON, "{}", "[]", 422, "schema.mismatch"),
    ("file: alone.json", JSON, "{}", "{", 400, "schema.structure"),
    ("file: alone.json, other: refuse", JSON, "{}", "", 400, "schema.empty"),
    (ORDER, JSON, r#"{"id":1}"#, r#"{"to":{}}"#, 422, "schema.mismatch"),
    (ORDER, JSON, r#"{"id":1,"to":{"city":"abc"}}"#, r#"{"id":1,"to":{"city":"abcd"}}"#, 422, "schema.mismatch"),
    (BAD, JSON, r#"{"id":1,"mail":"x"}"#, r#"{"id":"1"}"#, 400, "schema.bad-request"),
    (FORMATS, JSON, r#"{"id":1,"mail":"a@b.test"}"#, r#"{"id":1,"mail":"x"}"#, 422, "schema.mismatch"),
    (SHORT, JSON, "{}", r#"{"id":12}"#, 413, "request.body-exceeded"),
    (LENIENT, JSON, "", "[]", 422, "schema.mismatch"),
    (LENIENT, TEXT, "{", "123456789", 413, "request.body-exceeded"),
    (LENIENT, TEXT, "", "123456789", 413, "request.body-exceeded"),
];

#[tokio::test]
async fn only_bodies_that_fit_the_schema_reach_the_upstream() {
    covers(&[
        "policies.*[].schema.file",
        "policies.*[].schema.references",
        "policies.*[].schema.formats",
        "policies.*[].schema.status",
        "policies.*[].schema.body-at-most",
        "policies.*[].schema.other",
        "policies.*[].schema.empty",
    ]);
    let origin = Origin::hello().await;
    for (keys, media, good, bad, status, reason) in ROWS {
        let gateway = setup(&origin, keys).start().await;
        for carrier in CARRIERS {
            let lines: Vec<&str> = carrier.iter().copied().chain([media]).collect();
            assert_eq!(
                told(&post(&gateway, &lines, good).await),
                (200, String::new()),
                "{keys} {lines:?}"
            );
            assert_eq!(origin.last().body, good.as_bytes());
            let before = origin.count();
            assert_eq!(
                told(&post(&gateway, &lines, bad).await),
                (status, reason.to_owned()),
                "{keys} {lines:?}"
            );
            assert_eq!(origin.count(), before, "{keys}: nothing of it left");
        }
        if keys.contains("other: refuse") {
            assert_eq!(
                told(&post(&gateway, &[TEXT], "x").await),
                (415, "schema.media-type".to_owned())
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_tells_the_places_and_no_value() {
    let origin = Origin::hello().await;
    let gateway = setup(&origin, "file: order.json, references: [address.json]")
        .start()
        .await;
    let body = r#"{"hunter2":1,"to":{"city":"hunter2","hunter2":{}}}"#;
    let answer = post(&gateway, &[JSON], body).await;
    assert_eq!(told(&answer), (422, "schema.mismatch".to_owned()));
    let mut errors = answer.json()["errors"]
        .as_array()
        .expect("a list of places")
        .clone();
    errors.sort_by_key(ToString::to_string);
    let expected = [
        json!({ "pointer": "/id", "code": "required" }),
        json!({ "pointer": "/to/city", "code": "maxLength" }),
    ];
    assert_eq!(errors.len(), 2, "{}", answer.text());
    assert!(
        expected.iter().all(|place| errors.contains(place)),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
}

#[tokio::test]
async fn nothing_is_fetched_for_a_schema() {
    let origin = Origin::hello().await;
    let refused = setup(&origin, "file: order.json").refuses().await;
    let text = refused.exits(1).text();
    assert!(
        text.contains("order.json") && text.contains("gateway.yaml:"),
        "{text}"
    );
}
