//! Tests of the `headers` filter.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use pingora_http::ResponseHeader;
use proptest::prelude::*;

use super::*;

fn problem(config: &Value) -> Problem {
    let problems = Trial::try_build::<Headers>(config, &mut TrialHost::new()).expect_err("it is broken");
    problems.iter().next().unwrap().clone()
}

fn asked(config: &Value, fields: &[(&'static str, &str)]) -> Vec<(String, String)> {
    let trial = Trial::of::<Headers>(config);
    let request = Request::build(Method::GET, "/").unwrap();
    let request = fields
        .iter()
        .fold(request, |request, (name, value)| request.with_header(name, value));
    let mut request = trial.prepare(request);
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let pair =
        |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().to_owned());
    request.headers().map(pair).collect()
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn a_client_cannot_smuggle_fields_that_only_the_gateway_may_set() {
    let config = json!({"request": {
        "remove": ["X-Consumer", "x-internal-*"],
        "set": {"x-internal-route": "orders", "x-tier": "1"},
    }});
    let sent = [
        ("accept", "*/*"),
        ("x-consumer", "root"),
        ("x-internal-admin", "yes"),
        ("x-internal-route", "all"),
        ("x-internal-route", "none"),
        ("x-internals", "kept"),
        ("x-tier", "9"),
    ];
    let expected = [
        ("accept", "*/*"),
        ("x-internal-route", "orders"),
        ("x-internals", "kept"),
        ("x-tier", "1"),
    ];
    let mut got = asked(&config, &sent);
    got.sort();
    assert_eq!(got, pairs(&expected));
}

#[test]
fn adding_keeps_what_is_there_and_setting_does_not() {
    let sent = [("x-a", "1"), ("x-a", "2")];
    let add = json!({"request": {"add": {"x-a": "3"}}});
    assert_eq!(
        asked(&add, &sent),
        pairs(&[("x-a", "1"), ("x-a", "2"), ("x-a", "3")])
    );
    let set = json!({"request": {"set": {"x-a": "3"}}});
    assert_eq!(asked(&set, &sent), pairs(&[("x-a", "3")]));
}

#[test]
fn answers_are_changed_whoever_made_them() {
    let config = json!({"response": {
        "remove": ["server", "x-debug-*"], "set": {"x-frame-options": "DENY"}, "add": {"vary": "origin"},
    }});
    let trial = Trial::of::<Headers>(&config);
    assert!(trial.built().wired.request.is_empty(), "requests pay nothing");
    let request = trial.prepare(Request::build(Method::GET, "/").unwrap());
    for ours in [true, false] {
        let mut head = ResponseHeader::build_no_case(200, None).unwrap();
        for (name, value) in [
            ("server", "x/1"),
            ("x-debug-sql", "1"),
            ("vary", "accept"),
            ("x-frame-options", "a"),
        ] {
            head.append_header(name, value).unwrap();
        }
        assert!(matches!(trial.response(&request, &mut head, ours), Verdict::Pass));
        let mut got: Vec<_> = head
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.to_str().unwrap()))
            .collect();
        got.sort_unstable();
        assert_eq!(
            got,
            [
                ("vary", "accept"),
                ("vary", "origin"),
                ("x-frame-options", "DENY")
            ]
        );
    }
}

#[test]
fn answers_do_not_tell_which_software_made_them() {
    let trial =
        Trial::of::<Headers>(&json!({"hide-software": true, "response": {"set": {"server": "edge"}}}));
    let request = trial.prepare(Request::build(Method::GET, "/").unwrap());
    let mut head = ResponseHeader::build_no_case(200, None).unwrap();
    for name in ["server", "x-powered-by", "x-aspnet-version", "x-kept"] {
        head.append_header(name, "x/1").unwrap();
    }
    assert!(matches!(
        trial.response(&request, &mut head, false),
        Verdict::Pass
    ));
    let fields: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(fields, [("x-kept", "x/1"), ("server", "edge")]);
    let twice = json!({"hide-software": true, "response": {"remove": ["server"]}});
    assert_eq!(problem(&twice).path(), Some("response.remove"));
}

#[test]
fn requests_have_the_fields_that_the_file_asks_for_and_only_listed_ones_go_on() {
    let config = json!({
        "require": ["X-Tenant"], "patterns": {"x-tenant": "[a-z]{2,4}", "x-n": "[0-9]+"},
        "forward": ["X-Tenant", "accept*"], "request": {"set": {"x-ours": "1"}},
    });
    let trial = Trial::of::<Headers>(&config);
    let request = |lines: &[(&'static str, &str)]| {
        let request = Request::build(Method::GET, "/").unwrap();
        lines
            .iter()
            .fold(request, |request, (name, value)| request.with_header(name, value))
    };
    for (lines, code) in [
        (&[][..], "missing"),
        (&[("x-tenant", "TOO")], "unfit"),
        (&[("x-tenant", "abc"), ("x-tenant", "abcde")], "unfit"),
        (&[("x-tenant", "abc"), ("x-n", "x")], "unfit"),
    ] {
        let denial = trial.request(request(lines)).denied(&format!("headers.{code}"));
        assert_eq!(denial.reason.status(), 400);
    }
    let sent = [
        ("host", "a.test"),
        ("content-length", "0"),
        ("x-tenant", "abc"),
        ("accept", "*/*"),
        ("accept-language", "en"),
        ("x-admin", "1"),
        ("cookie", "a=b"),
        ("x-ours", "9"),
    ];
    let mut names: Vec<_> = asked(&config, &sent)
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    names.sort();
    let expected = [
        "accept-language=en",
        "accept=*/*",
        "content-length=0",
        "host=a.test",
        "x-ours=1",
        "x-tenant=abc",
    ];
    assert_eq!(names, expected);
    for config in [
        json!({"require": ["a b"]}),
        json!({"patterns": {"x": "("}}),
        json!({"patterns": {"x": "a", "X": "b"}}),
        json!({"forward": ["host"]}),
        json!({"forward": ["*"]}),
    ] {
        let _ = problem(&config);
    }
}

#[test]
fn fields_of_the_connection_and_of_framing_cannot_be_named() {
    let names = [
        "connection",
        "Transfer-Encoding",
        "content-length",
        "host",
        "te",
        "upgrade",
        "keep-alive",
    ];
    for name in names {
        for direction in ["request", "response"] {
            assert_eq!(
                problem(&json!({direction: {"remove": ["a", name]}})).path(),
                Some(&*format!("{direction}.remove[1]"))
            );
            for key in ["set", "add"] {
                let path = format!("{direction}.{key}.{name}");
                assert_eq!(
                    problem(&json!({direction: {key: {name: "1"}}})).path(),
                    Some(&*path)
                );
            }
        }
    }
    let host = problem(&json!({"request": {"set": {"host": "a"}}}));
    assert_eq!(host.help(), Some("write `rewrite: { host: NAME }` on the route"));
}

#[test]
fn what_the_gateway_writes_itself_or_what_is_a_secret_cannot_be_set() {
    for name in [
        "x-forwarded-for",
        "forwarded",
        "x-request-id",
        "authorization",
        "Cookie",
    ] {
        let path = format!("request.set.{name}");
        assert_eq!(
            problem(&json!({"request": {"set": {name: "1"}}})).path(),
            Some(&*path)
        );
    }
    assert!(problem(&json!({"request": {"set": {"authorization": "Bearer abc"}}})).is_hidden());
    assert_eq!(
        asked(
            &json!({"request": {"remove": ["authorization"]}}),
            &[("authorization", "Bearer abc")]
        ),
        []
    );
    assert_eq!(
        asked(
            &json!({"request": {"remove": ["x-f*"]}}),
            &[("x-forwarded-for", "1")]
        ),
        []
    );
}

#[test]
fn a_configuration_that_means_nothing_is_refused_at_its_place() {
    let cases = [
        (json!({}), ""),
        (json!({"request": {}, "response": {"set": {}}}), ""),
        (json!({"request": {"remove": ["*"]}}), "request.remove[0]"),
        (json!({"request": {"remove": ["x-*-y"]}}), "request.remove[0]"),
        (json!({"request": {"remove": ["x-**"]}}), "request.remove[0]"),
        (json!({"request": {"remove": ["c*"]}}), "request.remove[0]"),
        (json!({"response": {"remove": ["Trans*"]}}), "response.remove[0]"),
        (json!({"request": {"remove": ["a b"]}}), "request.remove[0]"),
        (json!({"request": {"set": {"x-*": "1"}}}), "request.set.x-*"),
        (json!({"request": {"set": {"a:": "1"}}}), "request.set.a:"),
        (json!({"request": {"set": {"x-a": "1\n2"}}}), "request.set.x-a"),
        (json!({"request": {"set": {"x-a": " 1"}}}), "request.set.x-a"),
        (
            json!({"request": {"set": {"X-A": "1", "x-a": "2"}}}),
            "request.set.x-a",
        ),
        (
            json!({"request": {"set": {"x-a": "1"}, "remove": ["x-a"]}}),
            "request.remove",
        ),
    ];
    for (config, path) in cases {
        assert_eq!(problem(&config).path(), Some(path), "{config}");
    }
}

#[test]
fn the_canonical_form_has_neither_case_nor_order_nor_empty_parts() {
    let canonical = |config: Value| {
        let node = adamant_filter::Node::from_json(&config);
        let config: HeadersConfig = adamant_filter::decode(&node).unwrap();
        adamant_filter::serde_json::to_value(&config).unwrap()
    };
    let one = canonical(json!({"request": {"remove": ["X-B", "x-a"], "set": {"X-C": "V"}}}));
    let other = canonical(
        json!({"request": {"set": {"x-c": "V"}, "add": {}, "remove": ["x-a", "x-b"]}, "response": {}}),
    );
    assert_eq!(one, other);
}

proptest! {
    #[test]
    fn a_pattern_removes_exactly_the_names_that_begin_like_it(
        names in prop::collection::vec(prop::sample::select(vec![
            "x-a", "x-a-b", "x-ab", "x-b", "x-b-c", "y-a", "x-a-0", "x-a-1", "x-a-2", "x-a-3", "x-a-4", "x-a-5",
            "x-a-6", "x-a-7", "x-a-8", "x-a-9", "x-a-10", "x-a-11", "x-a-12", "x-a-13", "x-a-14", "x-a-15",
            "x-a-16", "x-a-17", "x-a-18", "x-a-19", "x-a-20", "x-a-21", "x-a-22", "x-a-23", "x-a-24", "x-a-25",
        ]), 0..80),
        prefix in prop::sample::select(vec!["x-a", "x-a-", "x-a-1", "x-b", "z"]),
    ) {
        let sent: Vec<_> = names.iter().map(|name| (*name, "1")).collect();
        let mut got = asked(&json!({"request": {"remove": [format!("{prefix}*")]}}), &sent);
        let mut expected: Vec<_> = sent.iter().copied().filter(|(name, _)| !name.starts_with(prefix)).collect();
        got.sort();
        expected.sort_unstable();
        prop_assert_eq!(got, pairs(&expected));
    }
}
