//! `explain` and the running gateway decide alike, since both run the same plan.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use adamant_tests::gateway::Setup;
use adamant_tests::idp::{api_key_entry, now};
use adamant_tests::{Adamant, Client, Gateway, Idp, Origin, Policy, Response};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PROPFIND", "TRACE"];
const HOSTS: [&str; 5] = ["api.test", "API.test", "other.test", "a.b.test", "bad_host!"];
const PATHS: [&str; 29] = [
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
    "/owned/acme/x",
    "/owned/%61lice/x",
    "/keyed/x",
    "/tokened/x",
    "/either/x",
];
const FIELDS: [&[(&str, &str)]; 5] = [
    &[],
    &[("x-tier", "gold")],
    &[("x_user", "root")],
    &[("connection", "x-tier"), ("x-tier", "gold")],
    &[("expect", "magic")],
];

/// Reasons that must occur.
const REASONS: [&str; 15] = [
    "api-key.missing",
    "api-key.expired",
    "api-key.unknown",
    "api-key.several",
    "jwt.missing",
    "jwt.expired",
    "jwt.audience",
    "jwt.issuer",
    "jwt.signature",
    "jwt.type",
    "scopes.missing",
    "authorize.binding",
    "authorize.expression",
    "rate.exhausted",
    "addresses.outside",
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

const KEY: &str = "api-key: { keys: { file: keys.yaml } }";
const TOKEN: &str = "jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt }";

/// Header fields with credentials, good ones and all kinds of bad ones.
fn credentials(idp: &Idp) -> Vec<Vec<(String, String)>> {
    let key = |key: &str| ("x-api-key".to_owned(), key.to_owned());
    let bearer = |token: String| ("authorization".to_owned(), format!("Bearer {token}"));
    let changed = |name: &str, value: Value| {
        let mut claims = idp.claims("alice", "read");
        claims[name] = value;
        idp.keys[0].sign(&claims)
    };
    let stranger = Idp::new(&[Algorithm::ES256]);
    let typed = json!({ "alg": "ES256", "typ": "JWT", "kid": idp.keys[0].id });
    let tokens = [
        idp.token("alice", "read"),
        idp.token("bob", "write"),
        idp.token("carol", ""),
        changed("exp", json!(now() - 3600)),
        changed("nbf", json!(now() + 3600)),
        changed("aud", json!("billing")),
        changed("iss", json!("https://evil.test/")),
        changed("sub", Value::Null),
        stranger.token("alice", "read"),
        idp.keys[0].sign_with(&typed, &idp.claims("alice", "read")),
        "x.y.z".to_owned(),
    ];
    let mut all = vec![
        vec![],
        vec![key("adm_reader")],
        vec![key("adm_none")],
        vec![key("adm_old")],
        vec![key("adm_unknown")],
        vec![key("adm_reader"), key("adm_reader")],
        vec![key("adm_reader"), bearer(idp.token("alice", "read"))],
        vec![("authorization".to_owned(), "Basic YTpi".to_owned())],
    ];
    all.extend(tokens.into_iter().map(|token| vec![bearer(token)]));
    all
}

fn policy(origin: &Origin) -> Policy {
    Policy::before(origin)
        .route("name: gold\nmatch: { path: /v1/**, headers: { x-tier: gold } }\npublic: true\nto: origin")
        .route("name: users\nmatch: { host: [api.test, \"*.b.test\"], path: \"/v1/users/{id}\", methods: [GET, HEAD] }\npublic: true\nto: origin")
        .route("name: inside\nmatch: { path: /v1/orders/** }\npublic: true\nto: origin\nfilters:\n  - addresses: { allow: [192.0.2.0/24] }")
        .route(&format!("name: keyed\nmatch: {{ path: /keyed/** }}\nto: origin\nfilters:\n  - {KEY}\n  - scopes: {{ all: [read] }}"))
        .route(&format!("name: tokened\nmatch: {{ path: /tokened/** }}\nto: origin\nfilters:\n  - {TOKEN}\n  - scopes: {{ any: [read, write] }}\n  - rate: {{ by: consumer, allow: 1/d, burst: 9 }}"))
        .route(&format!("name: either\nmatch: {{ path: /either/** }}\nto: origin\nfilters:\n  - any-of: [{{ {KEY} }}, {{ {TOKEN} }}]\n  - rate: {{ by: [consumer, route], allow: 1/d, burst: 12 }}\n    when: {{ methods: [GET, POST] }}"))
        .route(&format!("name: owned\nmatch: {{ path: \"/owned/{{id}}/**\" }}\nto: origin\nfilters:\n  - any-of: [{{ {KEY} }}, {{ {TOKEN} }}]\n  - authorize: {{ bind: {{ id: consumer }}, expression: \"'read' in identity.scopes && request.method != 'PUT'\" }}"))
        .route("name: moved\nmatch: { path: /moved }\npublic: true\nredirect: { to: /fixed, status: 308 }")
        .route("name: fixed\nmatch: { path: /fixed, methods: [GET] }\npublic: true\nrespond: { status: 418, text: teapot }")
}

/// What is asked of both: the question for `explain`, the method, and the bytes for the gateway.
fn questions(idp: &Idp) -> Vec<(Value, &'static str, String)> {
    let mut numbers = Numbers(7);
    let credentials = credentials(idp);
    let one = |number: usize| {
        // Every third request has no fault but those of its credentials.
        let narrow = |all: usize| if number.is_multiple_of(3) { 1 } else { all };
        let method = METHODS[numbers.next(narrow(METHODS.len()))];
        let host = HOSTS[numbers.next(narrow(HOSTS.len()))];
        let path = match number % 3 {
            0 => PATHS[PATHS.len() - 1 - numbers.next(3)],
            _ => PATHS[numbers.next(PATHS.len())],
        };
        let fields = FIELDS[numbers.next(narrow(FIELDS.len()))].iter();
        let mut fields: Vec<(String, String)> = fields
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        fields.extend(credentials[numbers.next(credentials.len())].iter().cloned());
        let listed: Vec<[&str; 2]> = fields.iter().map(|(name, value)| [&**name, value]).collect();
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
    (0..3_000).map(one).collect()
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

/// Whether an answer that no upstream gave is the one that was told: its status and its reason.
fn is_as_told(told: &Value, method: &str, live: &Response) -> bool {
    let is_problem = live.field("content-type") == Some("application/problem+json");
    let reasons = told["reason"].as_str().filter(|_| is_problem && method != "HEAD");
    let Some(reason) = reasons else {
        return json!(live.status) == told["status"];
    };
    // A malformed request with two faults may be refused for either: the connection sees the bytes first.
    let both_malformed = reason.starts_with("request.") && live.reason().starts_with("request.");
    both_malformed || (json!(live.status) == told["status"] && live.reason() == reason)
}

#[tokio::test]
async fn explain_and_the_gateway_agree() {
    let origin = Origin::hello().await;
    let idp = Idp::new(&[Algorithm::ES256]);
    let keys = [
        api_key_entry("reader", "adm_reader", "acme", "scopes: [read]"),
        api_key_entry("none", "adm_none", "acme", ""),
        api_key_entry("old", "adm_old", "acme", "not-after: \"2020-01-01T00:00:00Z\""),
    ];
    let gateway = Setup::new(&policy(&origin))
        .file("jwks.json", idp.jwks())
        .file("keys.yaml", format!("keys:\n{}", keys.concat()))
        .start()
        .await;
    let questions = questions(&idp);
    let answers = explained(&gateway, &questions).await;
    assert_eq!(answers.len(), questions.len());
    let mut refused = 0;
    let mut reasons = BTreeSet::new();
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
            reasons.extend(told["reason"].as_str());
            assert!(
                is_as_told(told, method, &live),
                "{question} told {told}, found {}",
                live.status
            );
        }
    }
    assert!(
        refused > 1_000 && refused < 2_900,
        "both kinds occur: {refused} were refused"
    );
    for reason in REASONS {
        assert!(reasons.contains(reason), "{reason} occurs: {reasons:?}");
    }
}
