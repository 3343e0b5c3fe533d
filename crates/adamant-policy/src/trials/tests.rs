//! Tests of policy tests.

use adamant_filter::{Problem, Problems};
use serde_json::json;

use super::*;
use crate::explain::tests::plan;
use crate::text::Source;

fn read(tests: &str) -> Result<Trials, Problems> {
    let text = format!("adamant-test: 1\nwith: {{ now: 2026-11-23T12:00:00Z }}\ntests:\n{tests}");
    Trials::read(&Source::new("gateway.test.yaml", text.as_bytes()))
}

/// Gives the wanted user, or nothing.
struct Registry;

impl Issuer for Registry {
    fn issue(
        &mut self,
        _: &Config,
        route: Option<usize>,
        wanted: &Map<String, Value>,
        now: Wall,
    ) -> Result<Credential, IssueError> {
        assert_eq!((route, now), (Some(1), Wall(1_795_435_200_000)));
        let user = wanted
            .get("user")
            .and_then(Value::as_str)
            .ok_or_else(|| IssueError("nobody".to_owned()))?;
        Ok(Credential::Header("x-user".to_owned(), user.to_owned()))
    }
}

/// What was missed in the first test of the text.
fn missed(tests: &str) -> Vec<String> {
    let trials = read(tests).unwrap();
    let ran = trials.trials[0].run(&plan(), trials.now, &mut Registry).unwrap();
    ran.missed
        .iter()
        .map(|one| format!("{} {} {}", one.what, one.expected, one.found))
        .collect()
}

fn first_problem(tests: &str) -> (&'static str, u32) {
    let problems = read(tests).unwrap_err();
    let first = problems.iter().next().unwrap();
    (first.code(), first.span().map_or(0, |span| span.line()))
}

#[test]
fn what_is_not_expected_may_be_anything() {
    let text = r#"
  - name: a
    request: { get: "http://x/a/b", jwt: { user: acme } }
    expect: { to: echo }
"#;
    assert_eq!(missed(text), [""; 0]);
}

#[test]
fn every_expectation_is_compared() {
    let text = r#"
  - name: a
    request: { get: "http://x/a/b" }
    expect: { status: 200, reason: r, route: all, to: echo, consumer: acme, header: { X-Stamp: unseen, y: z } }
"#;
    let expected = [
        "status 200 401",
        "reason r believe.nobody",
        "to echo none",
        "consumer acme none",
        "header x-stamp unseen seen",
        "header y z none",
    ];
    assert_eq!(missed(text), expected);
}

#[test]
fn what_leaves_of_a_given_answer_is_compared() {
    let text = r#"
  - name: a
    request: { get: "http://x/a/b", headers: { x-user: acme } }
    upstream: { status: 404, headers: { x-kind: tea }, body: "none here" }
    expect: { status: 404, to: echo, header: { x-stamp: seen, x-kind: coffee }, body: "none" }
"#;
    assert_eq!(missed(text), ["body none none here", "header x-kind coffee tea"]);
}

#[test]
fn repetitions_stop_at_the_first_that_is_not_as_expected() {
    let text = r#"
  - name: a
    request: { get: "http://x/a/b", headers: { x-user: acme } }
    repeat: 5
    expect: { to: echo }
"#;
    let trials = read(text).unwrap();
    let ran = trials.trials[0].run(&plan(), trials.now, &mut Registry).unwrap();
    assert_eq!((ran.sent, ran.missed[0].span.line()), (2, 8));
}

#[test]
fn the_last_of_several_has_its_own_time_and_expectation() {
    let request = r#"request: { method: PURGE, url: "http://x/a/b", headers: { x-user: acme } }"#;
    let later = format!("\n  - {{ name: a, {request}, repeat: 2, after: 1s, expect-last: {{ to: echo }} }}");
    assert_eq!(missed(&later), [""; 0]);
    let at_once = format!(
        "\n  - {{ name: a, {request}, repeat: 2, expect: {{ to: echo }}, expect-last: {{ status: 429 }} }}"
    );
    assert_eq!(missed(&at_once), [""; 0]);
}

#[test]
fn what_cannot_be_asked_is_told_at_its_place() {
    let cases = [
        (
            r#"  - { name: a, request: { get: "nowhere" }, expect: { status: 1 } }"#,
            "tests.request",
        ),
        (
            r#"  - { name: a, request: { get: "http://x/a/b", jwt: {} }, expect: { status: 1 } }"#,
            "tests.token",
        ),
    ];
    for (text, code) in cases {
        let trials = read(text).unwrap();
        let problem = trials.trials[0]
            .run(&plan(), trials.now, &mut Registry)
            .unwrap_err();
        assert_eq!(
            (problem.code(), problem.span().map(|span| span.line())),
            (code, Some(4)),
            "{text}"
        );
    }
}

#[test]
fn everything_that_is_wrong_with_a_file_has_its_place() {
    let cases = [
        (
            "  - { name: a, request: { get: x }, expcet: { status: 1 } }",
            "keys.unknown",
        ),
        (
            "  - { name: a, request: { get: x, put: y }, expect: { status: 1 } }",
            "keys.choice",
        ),
        (
            "  - { name: a, request: {}, expect: { status: 1 } }",
            "keys.choice",
        ),
        (
            "  - { name: a, request: { url: x }, expect: { status: 1 } }",
            "keys.missing",
        ),
        ("  - { name: a, request: { get: x } }", "tests.vain"),
        ("  - { name: a, request: { get: x }, expect: {} }", "tests.vain"),
        (
            "  - { name: a, request: { get: x }, expect: { body: x } }",
            "keys.missing",
        ),
        (
            "  - { name: a, request: { get: x }, upstream: { status: 101 }, expect: { status: 1 } }",
            "values.range",
        ),
        (
            "  - { name: a, request: { get: x }, repeat: 1000001, expect: { status: 1 } }",
            "values.range",
        ),
        (
            "  - { name: a, request: { get: x, client: here }, expect: { status: 1 } }",
            "values.invalid",
        ),
    ];
    for (text, code) in cases {
        assert_eq!(first_problem(text), (code, 4), "{text}");
    }
    let twice = "  - { name: a, request: { get: x }, expect: { status: 1 } }\n";
    assert_eq!(first_problem(&format!("{twice}{twice}")), ("names.duplicate", 5));
    let now = Source::new(
        "t",
        b"adamant-test: 1\nwith: { now: noon }\ntests: [{ name: a, request: { get: x }, expect: { to: y } }]",
    );
    assert_eq!(
        Trials::read(&now).unwrap_err().iter().next().map(Problem::code),
        Some("values.invalid")
    );
}

#[test]
fn claims_keep_their_types() {
    let text = r#"  - { name: a, request: { get: x, jwt: { sub: acme, n: 1, list: [a, 2], no: null, text: "1" } }, expect: { to: y } }"#;
    let trials = read(text).unwrap();
    let token = trials.trials[0].token.as_ref().unwrap();
    let expected = json!({ "sub": "acme", "n": 1, "list": ["a", 2], "no": null, "text": "1" });
    assert_eq!(Value::from(token.value.clone()), expected);
}
