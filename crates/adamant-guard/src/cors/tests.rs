//! Tests of the `cors` filter.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use pingora_http::ResponseHeader;
use proptest::prelude::*;

use super::*;

fn problem(config: &Value) -> Problem {
    let problems = Trial::try_build::<Cors>(config, &mut TrialHost::new()).expect_err("it is broken");
    problems.iter().next().unwrap().clone()
}

fn listed() -> Trial {
    Trial::of::<Cors>(&json!({
        "origins": ["https://app.test", "https://*.preview.test:8443"],
        "methods": ["POST", "GET"], "headers": ["X-B", "authorization"], "expose": ["x-request-id"],
        "max-age": "2h", "credentials": true, "private-network": true,
    }))
}

fn request(method: Method, lines: &[(&'static str, &str)]) -> Request {
    let request = Request::build(method, "/").unwrap();
    lines
        .iter()
        .fold(request, |request, (name, value)| request.with_header(name, value))
}

fn fields(head: &ResponseHeader) -> Vec<(String, String)> {
    let mut fields: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    fields.sort_unstable();
    fields
}

/// What leaves when the answer came with these fields.
fn answered(
    trial: &Trial,
    request: &Request,
    sent: &[(&'static str, &str)],
    ours: bool,
) -> Vec<(String, String)> {
    let mut head = ResponseHeader::build_no_case(200, None).unwrap();
    for (name, value) in sent {
        head.append_header(*name, *value).unwrap();
    }
    assert!(matches!(trial.response(request, &mut head, ours), Verdict::Pass));
    fields(&head)
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The fields of an answer to a preflight, as they leave.
fn preflight(trial: &Trial, lines: &[(&'static str, &str)]) -> Vec<(String, String)> {
    let mut request = trial.prepare(request(Method::OPTIONS, lines));
    let Verdict::Reply(reply) = trial.ask(&mut request) else {
        panic!("a preflight is answered: {lines:?}")
    };
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    let mut head = ResponseHeader::build_no_case(reply.status, None).unwrap();
    for (name, value) in reply.fields {
        head.append_header(name, value).unwrap();
    }
    assert!(matches!(trial.response(&request, &mut head, true), Verdict::Pass));
    fields(&head)
}

#[test]
fn a_preflight_of_a_trusted_site_is_told_what_it_may() {
    let trial = listed();
    let told = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-headers", "authorization, x-b"),
        ("access-control-allow-methods", "GET, POST"),
        ("access-control-allow-origin", "https://app.test"),
        ("access-control-expose-headers", "x-request-id"),
        ("access-control-max-age", "7200"),
        ("vary", "Origin"),
    ];
    let lines = [
        ("origin", "https://app.test"),
        ("access-control-request-method", "PUT"),
    ];
    assert_eq!(preflight(&trial, &lines), pairs(&told));
    let private = [
        lines[0],
        lines[1],
        ("access-control-request-private-network", "true"),
    ];
    assert!(
        preflight(&trial, &private).contains(&("access-control-allow-private-network".into(), "true".into()))
    );
}

#[test]
fn a_preflight_of_another_site_is_told_nothing() {
    for origin in ["https://evil.test", "null", "https://preview.test:8443"] {
        let lines = [("origin", origin), ("access-control-request-method", "GET")];
        assert_eq!(
            preflight(&listed(), &lines),
            pairs(&[("vary", "Origin")]),
            "{origin}"
        );
    }
}

#[test]
fn options_without_the_fields_of_a_preflight_is_a_request_like_others() {
    for lines in [
        &[][..],
        &[("origin", "https://app.test")],
        &[("access-control-request-method", "GET")],
    ] {
        listed().request(request(Method::OPTIONS, lines)).passes();
    }
}

#[test]
fn every_answer_says_who_may_read_it_and_nothing_of_the_upstreams() {
    let upstream = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-origin", "https://other.test"),
        ("access-control-allow-methods", "DELETE"),
        ("vary", "accept"),
    ];
    let told = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", "https://a.b.preview.test:8443"),
        ("access-control-expose-headers", "x-request-id"),
        ("vary", "Origin"),
        ("vary", "accept"),
    ];
    let trial = listed();
    let site = || request(Method::GET, &[("origin", "https://a.b.preview.test:8443")]);
    let mut asked = trial.prepare(site());
    assert!(matches!(trial.ask(&mut asked), Verdict::Pass));
    assert_eq!(answered(&trial, &asked, &upstream, false), pairs(&told));
    // What a later filter takes from the request does not change the answer.
    asked.remove_header(&ORIGIN);
    assert_eq!(answered(&trial, &asked, &upstream, false), pairs(&told));
    // A step above has refused.
    let unasked = trial.prepare(site());
    assert_eq!(
        answered(&trial, &unasked, &[("vary", "accept")], true),
        pairs(&told)
    );
    for lines in [&[][..], &[("origin", "https://evil.test")]] {
        let asked = trial.prepare(request(Method::GET, lines));
        let expected = pairs(&[("vary", "Origin"), ("vary", "accept")]);
        assert_eq!(answered(&trial, &asked, &upstream, false), expected);
    }
    let known = [("vary", "accept, ORIGIN")];
    assert_eq!(
        answered(&trial, &unasked, &known, true)
            .iter()
            .filter(|(name, _)| name == "vary")
            .count(),
        1
    );
}

#[test]
fn everyone_may_read_where_everyone_is_trusted() {
    let trial =
        Trial::of::<Cors>(&json!({"origins": ["*"], "methods": ["GET"], "headers": ["*", "authorization"]}));
    let asked = trial.prepare(request(Method::GET, &[]));
    let expected = pairs(&[("access-control-allow-origin", "*")]);
    assert_eq!(answered(&trial, &asked, &[], false), expected);
    let lines = [("origin", "null"), ("access-control-request-method", "GET")];
    let told = [
        ("access-control-allow-headers", "*, authorization"),
        ("access-control-allow-methods", "GET"),
        ("access-control-allow-origin", "*"),
    ];
    assert_eq!(preflight(&trial, &lines), pairs(&told));
}

#[test]
fn enforcement_refuses_other_sites_and_nobody_else() {
    let trial =
        Trial::of::<Cors>(&json!({"origins": ["https://app.test"], "methods": ["GET"], "enforce": true}));
    trial.request(request(Method::GET, &[])).passes();
    trial
        .request(request(Method::GET, &[("origin", "https://app.test")]))
        .passes();
    let lines = [
        ("origin", "https://evil.test"),
        ("access-control-request-method", "GET"),
    ];
    for refused in [
        request(Method::GET, &[("origin", "https://evil.test")]),
        request(
            Method::GET,
            &[("origin", "https://app.test"), ("origin", "https://app.test")],
        ),
        request(Method::OPTIONS, &lines),
    ] {
        assert_eq!(trial.request(refused).denied("cors.foreign").reason.status(), 403);
    }
}

/// A configuration with this value under the key.
fn with(key: &str, value: Value) -> Value {
    let mut config = json!({"origins": ["https://app.test"], "methods": ["GET"]});
    config[key] = value;
    config
}

#[test]
fn what_is_no_origin_of_a_browser_is_refused_at_boot() {
    let origins = [
        "app.test",
        "https://App.test",
        "https://app.test/",
        "HTTPS://app.test",
        "https://app.test:443",
        "http://app.test:80",
        "https://",
        "https://a.test:",
        "https://a.test:0",
        "https://a.test:70000",
        "https://user@a.test",
        "https://a*.test",
        "https://*.com",
        "https://*.",
        "https://a.*.test",
        "*.app.test",
    ];
    for origin in origins {
        assert_eq!(
            problem(&with("origins", json!([origin]))).path(),
            Some("origins[0]"),
            "{origin}"
        );
    }
}

#[test]
fn what_no_browser_would_honour_is_refused_at_boot() {
    let everyone = |key: &str, value: Value| {
        let mut config = json!({"origins": ["*"], "methods": ["GET"]});
        config[key] = value;
        config
    };
    let credentials = |key: &str, value: Value| {
        let mut config = with(key, value);
        config["credentials"] = json!(true);
        config
    };
    let cases = [
        (with("origins", json!([])), "origins"),
        (with("origins", json!(["*", "https://a.test"])), "origins"),
        (
            with("origins", json!(["https://a.test", "https://a.test"])),
            "origins",
        ),
        (everyone("credentials", json!(true)), "credentials"),
        (everyone("enforce", json!(true)), "enforce"),
        (credentials("origins", json!(["null"])), "origins"),
        (with("methods", json!([])), "methods"),
        (with("methods", json!(["get"])), "methods"),
        (with("methods", json!(["TRACE"])), "methods"),
        (with("methods", json!(["GET", "GET"])), "methods"),
        (with("headers", json!(["a b"])), "headers"),
        (with("headers", json!(["x-a", "X-A"])), "headers"),
        (with("headers", json!(["*", "x-a"])), "headers"),
        (credentials("headers", json!(["*"])), "headers"),
        (credentials("expose", json!(["*"])), "expose"),
        (with("expose", json!(["*", "x-a"])), "expose"),
        (with("max-age", json!("2d")), "max-age"),
        (with("max-age", json!("1500ms")), "max-age"),
        (with("max-age", json!("0s")), "max-age"),
    ];
    for (config, path) in cases {
        assert_eq!(problem(&config).path(), Some(path), "{config}");
    }
}

#[test]
fn the_canonical_form_has_neither_order_nor_case_of_names() {
    let canonical = |config: Value| {
        let node = adamant_filter::Node::from_json(&config);
        let config: CorsConfig = adamant_filter::decode(&node).unwrap();
        adamant_filter::serde_json::to_value(&config).unwrap()
    };
    assert_eq!(
        canonical(
            json!({"origins": ["https://a", "https://b"], "methods": ["GET", "PUT"], "headers": ["X-A", "b"]})
        ),
        canonical(
            json!({"origins": ["https://b", "https://a"], "methods": ["PUT", "GET"], "headers": ["b", "x-a"], "enforce": false})
        ),
    );
}

proptest! {
    /// Whatever a client writes, it is told its own origin only if that is one of the listed hosts or below a pattern.
    #[test]
    fn nobody_else_is_ever_named(
        scheme in prop::sample::select(vec!["https", "http", "HTTPS", ""]),
        host in prop::sample::select(vec![
            "app.test", "APP.test", "app.test.evil.test", "evilapp.test", "a.preview.test", "a.b.preview.test",
            ".preview.test", "a..preview.test", "evil.test/.preview.test", "evil.test#a.preview.test",
            "evil.test?.preview.test", "a@.preview.test", "preview.test", "evilpreview.test", "a b.preview.test",
        ]),
        port in prop::sample::select(vec!["", ":8443", ":443", ":8443 ", ":84430"]),
    ) {
        let origin = format!("{scheme}://{host}{port}");
        let trial = listed();
        let asked = trial.prepare(request(Method::GET, &[("origin", origin.as_str())]));
        let named = answered(&trial, &asked, &[], false)
            .into_iter()
            .find(|(name, _)| name == "access-control-allow-origin");
        let is_trusted = ["https://app.test", "https://a.preview.test:8443", "https://a.b.preview.test:8443"]
            .contains(&origin.as_str());
        prop_assert_eq!(named.map(|(_, value)| value), is_trusted.then_some(origin));
    }
}
