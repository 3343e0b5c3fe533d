//! `explain` and the running gateway decide alike, since both run the same plan.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use adamant_tests::{Adamant, Client, Gateway, Origin, Policy, Response};
use serde_json::{Value, json};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PROPFIND", "TRACE"];
const HOSTS: [&str; 5] = ["api.test", "API.test", "other.test", "a.b.test", "bad_host!"];
const PATHS: [&str; 24] = [
    "/",
    "/v1",
    "/v1/",
    "/v1/orders/7",
    "/v1/orders/7/",
    "/v1/users/42",
    "/v1/users/",
    "/v1/users/42/x",
    "/fixed",
    "/moved?a=1",
    "/a/../v1/users/7",
    "/a/./fixed",
    "/v1//orders",
    "/v1/%2e%2e/x",
    "/v1/orders%2f7",
    "/%66ixed",
    "/v1/orders;x=1",
    "/..",
    "/v1/orders/%zz",
    "/v1/orders/%252e",
    "/V1/orders",
    "/v1/orders?x=/../y",
    "/%00",
    "/v1/users/%C3%A4",
];
const FIELDS: [&[(&str, &str)]; 5] = [
    &[],
    &[("x-tier", "gold")],
    &[("x_user", "root")],
    &[("connection", "x-tier"), ("x-tier", "gold")],
    &[("expect", "magic")],
];

/// SplitMix64, so that every run asks the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below as u64) as usize
    }
}

fn policy(origin: &Origin) -> Policy {
    Policy::before(origin)
        .route("name: gold\nmatch: { path: /v1/**, headers: { x-tier: gold } }\npublic: true\nto: origin")
        .route("name: users\nmatch: { host: [api.test, \"*.b.test\"], path: \"/v1/users/{id}\", methods: [GET, HEAD] }\npublic: true\nto: origin")
        .route("name: inside\nmatch: { path: /v1/orders/** }\npublic: true\nto: origin\nfilters:\n  - addresses: { allow: [192.0.2.0/24] }")
        .route("name: moved\nmatch: { path: /moved }\npublic: true\nredirect: { to: /fixed, status: 308 }")
        .route("name: fixed\nmatch: { path: /fixed, methods: [GET] }\npublic: true\nrespond: { status: 418, text: teapot }")
}

/// What is asked of both: the question for `explain`, the method, and the bytes for the gateway.
fn questions() -> Vec<(Value, &'static str, String)> {
    let mut numbers = Numbers(7);
    let one = |_| {
        let method = METHODS[numbers.next(METHODS.len())];
        let host = HOSTS[numbers.next(HOSTS.len())];
        let path = PATHS[numbers.next(PATHS.len())];
        let fields = FIELDS[numbers.next(FIELDS.len())];
        let listed: Vec<[&str; 2]> = fields.iter().map(|(name, value)| [*name, *value]).collect();
        let url = format!("http://{host}{path}");
        let question = json!({ "method": method, "url": url, "headers": listed, "client": "127.0.0.1" });
        let lines: String = fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        (
            question,
            method,
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n"),
        )
    };
    (0..2_100).map(one).collect()
}

/// What `explain` tells of all questions, in one run.
async fn explained(gateway: &Gateway, questions: &[(Value, &str, String)]) -> Vec<Value> {
    let lines: Vec<String> = questions
        .iter()
        .map(|(question, _, _)| question.to_string())
        .collect();
    let batch = gateway.folder().write("questions.jsonl", lines.join("\n"));
    let config = gateway.folder().path().join("gateway.yaml");
    let arguments = [
        "explain",
        "--config",
        config.to_str().unwrap(),
        "--batch",
        batch.to_str().unwrap(),
    ];
    let told = Adamant::run(gateway.folder().path(), &arguments).await.exits(0);
    told.stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

/// Whether an answer that no upstream gave is the one that was told.
fn is_as_told(told: &Value, method: &str, live: &Response) -> bool {
    let is_problem = live.field("content-type") == Some("application/problem+json");
    if let Some(reason) = told["reason"].as_str().filter(|_| is_problem && method != "HEAD") {
        // A request with two faults may be refused for either: the connection sees the bytes first.
        if reason.starts_with("request.") && live.reason().starts_with("request.") {
            return true;
        }
    }
    json!(live.status) == told["status"]
}

#[tokio::test]
async fn explain_and_the_gateway_agree() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin)).await;
    let questions = questions();
    let answers = explained(&gateway, &questions).await;
    assert_eq!(answers.len(), questions.len());
    let mut refused = 0;
    for ((question, method, request), told) in questions.iter().zip(&answers) {
        let before = origin.count();
        let mut connection = Client::connect(gateway.address()).await;
        connection.send(request).await;
        let live = connection.try_read(method).await.expect("an answer");
        let reached = origin.count() > before;
        assert_eq!(
            reached,
            told["upstream"].is_string(),
            "{question} told {told}, found {}",
            live.status
        );
        if !reached {
            refused += 1;
            assert!(
                is_as_told(told, method, &live),
                "{question} told {told}, found {}",
                live.status
            );
        }
    }
    assert!(
        refused > 500 && refused < 2_000,
        "both kinds occur: {refused} were refused"
    );
}
