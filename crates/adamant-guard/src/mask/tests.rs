//! Tests of the `mask` filter.

mod build;
mod corpus;
mod rewrite;

use adamant_filter::serde_json::{self, Value, json};
use adamant_filter::trial::{Carried, Trial, TrialHost};
use pingora_http::ResponseHeader;

use super::*;

/// A configuration with these rules.
fn with(rules: Value) -> Value {
    json!({"rules": rules, "at-most": "64KiB", "longer": "refuse", "others": "refuse"})
}

fn head(media: &str) -> ResponseHeader {
    let mut head = ResponseHeader::build_no_case(200, None).unwrap();
    head.append_header("content-type", media).unwrap();
    head
}

fn answer(config: &Value, head: ResponseHeader, pieces: &[&[u8]]) -> Carried {
    let trial = Trial::of::<Mask>(config);
    let mut request = trial.prepare(Request::build(Method::GET, "/").unwrap());
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    trial.answer(&request, head, pieces)
}

fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Deny(denial) => denial.reason.code(),
        Verdict::Pass => "",
        other => panic!("neither a denial nor a pass: {other:?}"),
    }
}

#[test]
fn what_cannot_be_masked_is_refused() {
    let rules = json!([{"fields": ["a"], "as": "redact"}]);
    let body: &[u8] = b"{\"a\":1}";
    let coded = |coding: &str| {
        let mut head = head("application/json");
        head.append_header("content-encoding", coding).unwrap();
        head
    };
    let mut partial = head("application/json");
    partial.set_status(206).unwrap();
    let mut switch = ResponseHeader::build_no_case(101, None).unwrap();
    switch.append_header("upgrade", "websocket").unwrap();
    let long = format!("{{\"b\":\"{}\"}}", "x".repeat(65_536));
    let mut two = head("application/json");
    two.append_header("content-type", "text/plain").unwrap();
    let cases: [(ResponseHeader, &[u8], &str); 12] = [
        (two, body, "unreadable"),
        (coded("gzip"), body, "coded"),
        (coded("compress"), body, "coded"),
        (coded("gzip, br"), body, "coded"),
        (partial, body, "partial"),
        (switch, b"", "unreadable"),
        (head("application/octet-stream"), body, "unreadable"),
        (
            ResponseHeader::build_no_case(200, None).unwrap(),
            body,
            "unreadable",
        ),
        (head("application/json"), b"{\"a\":1,}", "malformed"),
        (head("application/json"), b"{\"a\":", "malformed"),
        (
            head("application/problem+json; charset=utf-8"),
            b"\xff\xfe{\0",
            "malformed",
        ),
        (head("application/json"), long.as_bytes(), "too-long"),
    ];
    for (head, body, expected) in cases {
        let answered = answer(&with(rules.clone()), head, &[body]);
        assert_eq!(code(&answered.verdict), expected);
        assert!(answered.body.is_empty(), "{expected}");
    }
    assert_eq!(
        answer(&with(rules.clone()), coded("identity"), &[body]).body,
        b"{\"a\":\"***\"}"
    );
    for status in [204, 304] {
        let none = ResponseHeader::build_no_case(status, None).unwrap();
        assert_eq!(code(&answer(&with(rules.clone()), none, &[]).verdict), "");
    }
}

#[test]
fn a_coded_answer_is_decoded_within_its_bound() {
    use crate::coding::{Coding, Encoder};
    let coded = |coding: Coding, body: &[u8]| {
        let mut encoder = Encoder::new(coding).unwrap();
        let mut bytes = encoder.push(body, false).unwrap();
        bytes.extend(encoder.finish().unwrap());
        let mut head = head("application/json");
        head.append_header("content-encoding", coding.word()).unwrap();
        (head, bytes)
    };
    let mut config = with(json!([{"fields": ["a"], "as": "redact"}]));
    config["longer"] = json!("pass");
    for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
        let (head, bytes) = coded(coding, br#"{"a":1,"b":2}"#);
        let answered = answer(&config, head, &[&bytes]);
        assert_eq!(String::from_utf8(answered.body).unwrap(), r#"{"a":"***","b":2}"#);
        assert!(answered.head.headers.get("content-encoding").is_none());
        let long = format!("[\"{}\"]", "x".repeat(100_000));
        let (head, bytes) = coded(coding, long.as_bytes());
        assert_eq!(code(&answer(&config, head, &[&bytes]).verdict), "too-long");
        let (head, bytes) = coded(coding, br#"{"a":1,"b":2}"#);
        assert_eq!(
            code(&answer(&config, head, &[&bytes[..bytes.len() - 3]]).verdict),
            "coded"
        );
        let (head, _) = coded(coding, b"{}");
        assert_eq!(code(&answer(&config, head, &[]).verdict), "");
        config["stream"] = json!(true);
        let (head, bytes) = coded(coding, b"{}");
        assert_eq!(code(&answer(&config, head, &[&bytes]).verdict), "coded");
        config["stream"] = json!(false);
    }
}

#[test]
fn what_the_file_lets_pass_passes_as_it_is() {
    let mut config = with(json!([{"fields": ["a"], "as": "redact"}]));
    config["longer"] = json!("pass");
    config["others"] = json!("pass");
    let answered = answer(&config, head("text/plain"), &[b"{\"a\":1}"]);
    assert_eq!(
        (code(&answered.verdict), &*answered.body),
        ("", &b"{\"a\":1}"[..])
    );
    let long = format!("{{\"a\":1,\"b\":\"{}\"}}", "x".repeat(65_536));
    assert_eq!(
        answer(&config, head("application/json"), &[long.as_bytes()]).body,
        long.as_bytes()
    );
}

#[test]
fn the_upstream_is_asked_for_what_can_be_masked() {
    let trial = Trial::of::<Mask>(&with(json!([{"fields": ["a"], "as": "redact"}])));
    let request = Request::build(Method::GET, "/").unwrap();
    let lines = [
        ("accept-encoding", "gzip"),
        ("range", "bytes=0-1"),
        ("if-range", "\"a\""),
        ("accept", "*/*"),
    ];
    let request = lines
        .iter()
        .fold(request, |request, (name, value)| request.with_header(name, value));
    let mut request = trial.prepare(request);
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let names: Vec<_> = request.headers().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["accept"]);
}

#[test]
fn fields_about_the_bytes_go_with_them() {
    let mut sent = head("application/json");
    for (name, value) in [
        ("etag", "\"a\""),
        ("content-length", "7"),
        ("accept-ranges", "bytes"),
        ("repr-digest", "sha-256=:AA==:"),
        ("content-digest", "sha-256=:AA==:"),
        ("content-md5", "AA=="),
    ] {
        sent.append_header(name, value).unwrap();
    }
    let answered = answer(
        &with(json!([{"fields": ["b"], "as": "redact"}])),
        sent,
        &[b"{\"a\":1}"],
    );
    let names: Vec<_> = answered.head.headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["content-type"]);
}

#[test]
fn texts_are_looked_at_whole_where_the_file_says_so() {
    let mut config =
        with(json!([{"detect": ["email"], "as": "redact"}, {"detect": ["token"], "as": "remove"}]));
    assert_eq!(
        code(&answer(&config, head("text/plain"), &[b"a@b.test"]).verdict),
        "unreadable"
    );
    config["text"] = json!(true);
    let body = b"from a@b.test, key AKIAIOSFODNN7EXAMPLE!";
    let answered = answer(
        &config,
        head("Text/CSV; charset=utf-8"),
        &[&body[..6], &body[6..]],
    );
    assert_eq!(String::from_utf8(answered.body).unwrap(), "from ***, key !");
}

#[test]
fn whoever_may_see_it_sees_it() {
    let rules = json!([
        {"fields": ["pin"], "as": "redact", "unless": {"groups": ["staff"], "consumers": ["billing"], "scopes": ["pii"]}},
        {"fields": ["hash"], "as": "remove"},
    ]);
    let mut trial = Trial::of::<Mask>(&with(rules));
    let seen = |trial: &mut Trial, identity: Identity| {
        let mut request = trial.prepare_with(Request::build(Method::GET, "/").unwrap(), identity);
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        let body: &[u8] = br#"{"pin":1234,"hash":"x"}"#;
        String::from_utf8(trial.answer(&request, head("application/json"), &[body]).body).unwrap()
    };
    let named = |name: &str| Identity::new("api-key", "", name);
    assert_eq!(seen(&mut trial, named("acme")), r#"{"pin":"***"}"#);
    assert_eq!(
        seen(&mut trial, named("acme").with_scopes(["pi"])),
        r#"{"pin":"***"}"#
    );
    assert_eq!(seen(&mut trial, named("billing")), r#"{"pin":1234}"#);
    assert_eq!(
        seen(&mut trial, named("acme").with_scopes(["pii"])),
        r#"{"pin":1234}"#
    );
}

#[test]
fn an_answer_of_which_nobody_asked_is_refused() {
    let trial = Trial::of::<Mask>(&with(json!([{"fields": ["a"], "as": "redact"}])));
    let request = trial.prepare(Request::build(Method::GET, "/").unwrap());
    let answered = trial.answer(&request, head("application/json"), &[b"{\"a\":1}"]);
    assert_eq!((code(&answered.verdict), answered.body.len()), ("unasked", 0));
}
