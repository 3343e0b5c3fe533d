//! Requests that must fit a description, on both ways through the gateway.

use adamant_tests::client::{CARRIERS, exchange, request};
use adamant_tests::gateway::Setup;
use adamant_tests::script::Step;
use adamant_tests::{Answer, Gateway, H2Client, Origin, Policy, Response, covers};
use serde_json::json;

const JSON: &str = "Content-Type: application/json";

const ORDERS: &str = "\
openapi: 3.0.3
info: { title: Orders, version: '1' }
paths:
  /orders:
    get:
      parameters:
        - { name: limit, in: query, schema: { type: integer, maximum: 10 } }
        - { name: mail, in: query, schema: { type: string, format: email } }
      responses: { '200': { description: all } }
    post:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: '#/components/schemas/Order' } }
          application/x-www-form-urlencoded: { schema: { type: object } }
      responses: { '201': { description: made } }
  /orders/{id}:
    get:
      parameters:
        - { name: id, in: path, required: true, schema: { type: integer } }
      responses: { '200': { description: one } }
components:
  schemas:
    Order:
      type: object
      required: [sku]
      properties:
        sku: { type: string, maxLength: 4 }
        note: { type: string, nullable: true }
";

/// A gateway whose only route has `openapi` with these keys.
async fn under(origin: &Origin, keys: &str) -> Gateway {
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - openapi: {{ {keys} }}"
    );
    Setup::new(&Policy::before(origin).route(&route))
        .file("orders.yaml", ORDERS)
        .file("other.yaml", "openapi: 3.1.0\npaths: { /other: { get: {} } }\n")
        .start()
        .await
}

async fn ask(gateway: &Gateway, (method, target): (&str, &str), lines: &[&str], body: &str) -> Response {
    exchange(gateway.address(), request(method, target, lines, body)).await
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

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const ALL: &str = "file: orders.yaml";
const BASED: &str = "file: orders.yaml, base: /v1";
const LENIENT: &str = "file: orders.yaml, undeclared-operations: pass, undeclared-parameters: pass, other-bodies: pass, \
                       formats: true, status: 400, body-at-most: 64B";
const LONG: &str =
    "{\"sku\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}";

/// Keys, a request, a field and its body, and what becomes of it; nothing means that it passes.
type Row = (
    &'static str,
    (&'static str, &'static str),
    &'static str,
    &'static str,
    Option<(u16, &'static str)>,
);

#[rustfmt::skip] // One row a line: it is a table.
const ROWS: [Row; 20] = [
    ("file: other.yaml", ("GET", "/other"), "", "", None),
    ("file: other.yaml", ("GET", "/orders"), "", "", Some((404, "openapi.path"))),
    (ALL, ("GET", "/orders?limit=10"), "", "", None),
    (ALL, ("GET", "/orders?limit=11"), "", "", Some((400, "openapi.parameter"))),
    (ALL, ("GET", "/orders?limit=1&limit=1"), "", "", Some((400, "openapi.duplicate"))),
    (ALL, ("GET", "/orders?mail=x"), "", "", None),
    (ALL, ("GET", "/orders?more=1"), "", "", Some((400, "openapi.undeclared"))),
    (ALL, ("GET", "/orders/x"), "", "", Some((400, "openapi.parameter"))),
    (ALL, ("DELETE", "/orders/7"), "", "", Some((405, "openapi.method"))),
    (ALL, ("POST", "/orders"), JSON, r#"{"sku":"a","note":null}"#, None),
    (ALL, ("POST", "/orders"), JSON, r#"{"sku":1}"#, Some((422, "openapi.mismatch"))),
    (ALL, ("POST", "/orders"), JSON, "", Some((400, "openapi.empty"))),
    (ALL, ("POST", "/orders"), FORM, "a=1", Some((415, "openapi.media-type"))),
    (BASED, ("GET", "/v1/orders/7"), "", "", None),
    (BASED, ("GET", "/orders/7"), "", "", Some((404, "openapi.path"))),
    (LENIENT, ("DELETE", "/orders/7?more=1"), "", "", None),
    (LENIENT, ("GET", "/orders?more=1&mail=x"), "", "", Some((400, "openapi.parameter"))),
    (LENIENT, ("POST", "/orders"), FORM, "a=1", None),
    (LENIENT, ("POST", "/orders"), JSON, r#"{"sku":1}"#, Some((400, "openapi.bad-request"))),
    (LENIENT, ("POST", "/orders"), JSON, LONG, Some((413, "request.body-exceeded"))),
];

#[tokio::test]
async fn only_requests_of_the_description_reach_the_upstream() {
    covers(&[
        "policies.*[].openapi.file",
        "policies.*[].openapi.base",
        "policies.*[].openapi.undeclared-operations",
        "policies.*[].openapi.undeclared-parameters",
        "policies.*[].openapi.other-bodies",
        "policies.*[].openapi.formats",
        "policies.*[].openapi.status",
        "policies.*[].openapi.body-at-most",
    ]);
    let origin = Origin::hello().await;
    for (keys, asked, media, body, refused) in ROWS {
        let gateway = under(&origin, keys).await;
        for carrier in CARRIERS {
            let lines = carrier
                .iter()
                .copied()
                .chain([media])
                .filter(|line| !line.is_empty());
            let lines: Vec<&str> = lines.collect();
            origin.forget();
            let answer = ask(&gateway, asked, &lines, body).await;
            let expected = refused.map_or((200, String::new()), |(status, reason)| {
                (status, reason.to_owned())
            });
            assert_eq!(told(&answer), expected, "{keys} {asked:?} {lines:?} {body}");
            assert_eq!(
                origin.count(),
                usize::from(refused.is_none()),
                "{keys} {asked:?} {lines:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_names_the_parameter_or_the_place_and_no_value() {
    let origin = Origin::hello().await;
    let gateway = under(&origin, "file: orders.yaml").await;
    let answer = ask(&gateway, ("GET", "/orders?limit=hunter2"), &[], "").await;
    assert_eq!(
        answer.json()["errors"],
        json!([{ "parameter": "query.limit", "code": "type" }])
    );
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    let body = r#"{"sku":"hunter2"}"#;
    let answer = ask(&gateway, ("POST", "/orders"), &[JSON], body).await;
    assert_eq!(
        answer.json()["errors"],
        json!([{ "pointer": "/sku", "code": "maxLength" }])
    );
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    let answer = ask(&gateway, ("DELETE", "/orders"), &[], "").await;
    assert_eq!(answer.field("allow"), Some("GET, POST, HEAD"));
}

/// What the origin answers, by path.
const ANSWERS: &str = "\
openapi: 3.1.0
paths:
  /{kind}:
    get:
      responses:
        '200':
          content:
            application/json: { schema: { type: object, required: [sku] } }
        '404': { description: none }
";

fn answer(target: &str) -> Answer {
    let json =
        |body: String| Answer::stream(vec![Step::Data(body.into())]).with("content-type", "application/json");
    match target {
        "/good" => json(r#"{"sku":"hunter2"}"#.to_owned()),
        "/bad" => json(r#"{"hunter2":1}"#.to_owned()),
        "/long" => json(format!("{{\"sku\":\"{}\"}}", "x".repeat(2000))),
        "/text" => Answer::ok("hunter2"),
        "/none" => Answer::status(404),
        _ => Answer::status(500),
    }
}

#[tokio::test]
async fn answers_of_the_upstream_are_counted_or_refused() {
    covers(&[
        "policies.*[].openapi.responses",
        "policies.*[].openapi.response-at-most",
    ]);
    let origin = Origin::start(|seen| answer(&seen.target)).await;
    for (rule, refuses) in [("off", false), ("report", false), ("refuse", true)] {
        let bound = if rule == "off" {
            ""
        } else {
            ", response-at-most: 1KiB"
        };
        let route = format!(
            "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - openapi: {{ file: answers.yaml, \
             responses: {rule}{bound} }}"
        );
        let gateway = Setup::new(
            &Policy::before(&origin)
                .public("protocols: [h1, h2]")
                .route(&route),
        )
        .file("answers.yaml", ANSWERS)
        .start()
        .await;
        let mut h2 = H2Client::connect(gateway.address()).await;
        let cases = [
            ("/good", 200, None),
            ("/none", 404, None),
            ("/bad", 200, Some("openapi.answer")),
            ("/long", 200, Some("openapi.answer-too-long")),
            ("/text", 200, Some("openapi.answer-type")),
            ("/broken", 500, Some("openapi.answer-status")),
        ];
        for (target, status, refused) in cases {
            let mut answers = vec![h2.get(target, &[]).await];
            for carrier in CARRIERS {
                answers.push(ask(&gateway, ("GET", target), carrier, "").await);
            }
            for answer in answers {
                match refused.filter(|_| refuses) {
                    Some(reason) => {
                        assert_eq!(told(&answer), (502, reason.to_owned()), "{target}");
                        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
                    }
                    None => assert_eq!(answer.status, status, "{rule} {target}"),
                }
            }
        }
        if rule != "off" {
            // Three of them on each of three ways; what is too long to be held was never judged.
            gateway
                .counts("adamant_openapi_answers_misfit_total", &[], 9.0)
                .await;
        }
    }
}
