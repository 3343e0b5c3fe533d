//! `adamant explain`.

use serde_json::{Value, json};

use super::binary::{Folder, small};

fn explained(folder: &Folder, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["explain", "--json"].iter().chain(arguments).copied().collect();
    folder.run(&all).exits(0).json()
}

const ORDERS: &str = "http://api.example.com/orders/7?page=2";

#[test]
fn a_forwarded_request_has_an_upstream_and_no_status() {
    let told = explained(
        &small(),
        &[
            "--url",
            ORDERS,
            "-H",
            "x-api-key: secret-of-acme",
            "--client",
            "10.0.0.1",
        ],
    );
    assert_eq!(
        (&told["status"], &told["upstream"]),
        (&Value::Null, &json!("echo")),
        "{told}"
    );
    assert_eq!(
        (&told["route"], &told["consumer"]),
        (&json!("orders"), &json!("acme"))
    );
    assert_eq!(
        told["canonical"],
        json!({ "host": "api.example.com", "path": "/orders/7" })
    );
    let verdicts: Vec<_> = told["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["verdict"])
        .collect();
    assert_eq!(verdicts, ["pass", "pass"]);
    assert_eq!(told["decisions"][0]["policy"], "partner");
    assert_eq!(told["decisions"][0]["line"], 9);
}

#[test]
fn a_refusal_has_a_status_a_reason_and_its_fields() {
    let folder = small();
    let missing = explained(&folder, &["--url", ORDERS]);
    assert_eq!(
        (&missing["status"], &missing["reason"]),
        (&json!(401), &json!("api-key.missing"))
    );
    assert!(missing["headers"]["www-authenticate"].is_string(), "{missing}");
    let method = explained(&folder, &["--url", ORDERS, "-X", "DELETE"]);
    assert_eq!(
        (&method["status"], &method["reason"]),
        (&json!(405), &json!("route.method"))
    );
    assert_eq!(method["headers"]["allow"], "GET");
    let guard = explained(&folder, &["--url", "http://api.example.com/orders/..%2fadmin"]);
    assert_eq!(
        (&guard["status"], &guard["reason"]),
        (&json!(400), &json!("request.path-encoded-separator"))
    );
    assert_eq!(guard["canonical"], json!({ "host": null, "path": null }));
}

#[test]
fn answers_of_the_gateway_itself_have_their_status() {
    let folder = small();
    let fixed = explained(&folder, &["--url", "http://any.example/status"]);
    assert_eq!(
        (&fixed["status"], &fixed["route"]),
        (&json!(200), &json!("status"))
    );
    let redirect = explained(&folder, &["--url", "http://any.example/old?a=b"]);
    assert_eq!(
        (&redirect["status"], &redirect["headers"]["location"]),
        (&json!(308), &json!("/status?a=b"))
    );
}

#[test]
fn the_client_is_found_behind_a_trusted_proxy() {
    let told = explained(
        &small(),
        &[
            "--url",
            "http://x/status",
            "--client",
            "10.1.2.3",
            "-H",
            "X-Forwarded-For: 198.51.100.7",
        ],
    );
    assert_eq!(told["client"], "198.51.100.7");
}

#[test]
fn time_is_what_the_arguments_say() {
    let folder = small();
    let key = ["--url", ORDERS, "-H", "x-api-key: secret-of-late", "--at"];
    let at = |time: &'static str| {
        let all: Vec<&str> = key.iter().copied().chain([time]).collect();
        explained(&folder, &all)
    };
    assert_eq!(at("2019-12-31T23:59:59Z")["consumer"], "late");
    assert_eq!(at("2020-01-01T00:00:00Z")["reason"], "api-key.expired");
}

#[test]
fn a_batch_gives_a_line_for_a_line_and_shares_its_limits() {
    let asked = json!({ "method": "GET", "url": ORDERS, "headers": [["x-api-key", "secret-of-acme"]] });
    let mut batch = format!("{asked}\n{asked}\n{asked}\n");
    batch.push_str(
        "{\"url\":\"nonsense\"}\nnot json\n{\"url\":\"http://x/status\",\"listener\":\"absent\"}\n",
    );
    let folder = small().file("requests.jsonl", &batch);
    let told = folder
        .run(&["explain", "--batch", "requests.jsonl"])
        .exits(0)
        .json_lines();
    let upstreams: Vec<_> = told.iter().map(|line| line["upstream"].as_str()).collect();
    assert_eq!(upstreams, [Some("echo"), Some("echo"), None, None, None, None]);
    assert_eq!(told[2]["reason"], "rate.exhausted");
    assert_eq!(told[2]["headers"]["retry-after"], "1");
    assert!(told[3..].iter().all(|line| line["error"].is_string()), "{told:?}");
}

#[test]
fn people_get_text_with_lines_of_the_file() {
    let told = small().run(&["explain", "--url", ORDERS]).exits(0).stdout;
    for part in [
        "gateway.yaml:9 api-key deny api-key.missing (policy partner)",
        "401 api-key.missing",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_request_as_json_takes_no_other_flags() {
    let folder = small();
    let told = explained(&folder, &["--request", r#"{"url": "http://x/status"}"#]);
    assert_eq!(told["status"], 200);
    folder
        .run(&["explain", "--request", r#"{"url": "http://x/", "colour": 1}"#])
        .exits(2);
    folder
        .run(&["explain", "--request", "{}", "--url", "http://x/"])
        .exits(2);
    folder.run(&["explain"]).exits(2);
}
