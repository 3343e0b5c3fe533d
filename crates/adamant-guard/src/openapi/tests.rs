//! Requests that a description has, and others. How a body arrives is tried in the black box, not here.

use adamant_filter::serde_json::json;
use adamant_filter::trial::{Trial, TrialHost};
use pingora_http::ResponseHeader;
use proptest::prelude::*;

use super::*;

fn description() -> Value {
    json!({
        "openapi": "3.1.0",
        "paths": {
            "/orders": {
                "get": {"parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
                    {"name": "state", "in": "query", "schema": {"$ref": "#/components/schemas/state"}},
                    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "maxItems": 2}},
                    {"name": "ids", "in": "query", "explode": false, "schema": {"type": "array", "items": {"type": "integer"}}},
                    {"name": "all", "in": "query", "allowEmptyValue": true, "schema": {"type": "boolean"}},
                    {"name": "X-Trace", "in": "header", "schema": {"type": "array", "items": {"type": "integer"}}},
                    {"name": "Accept", "in": "header", "required": true, "schema": {"const": "never judged"}},
                    {"name": "mode", "in": "cookie", "schema": {"enum": ["a", 1]}},
                ]},
                "post": {"requestBody": {"$ref": "#/components/requestBodies/order"}},
            },
            "/orders/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
                "get": {"parameters": [{"name": "token", "in": "header", "required": true, "schema": {"type": "string"}}]},
                "put": {
                    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 3}}],
                    "requestBody": {"content": {
                        "application/json": {"schema": {"type": "object"}},
                        "text/*": {},
                        "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
                    }},
                },
            },
            "/orders/mine": {"delete": {}},
        },
        "components": {
            "schemas": {
                "state": {"enum": ["open", "closed"]},
                "order": {"type": "object", "required": ["sku"], "properties": {
                    "sku": {"type": "string"}, "next": {"$ref": "#/components/schemas/order"},
                }},
            },
            "requestBodies": {"order": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/order"}}}}},
        },
    })
}

fn trial(keys: Value) -> Trial {
    with(keys, &description())
}

fn with(mut keys: Value, description: &Value) -> Trial {
    keys["file"] = json!("api.json");
    let mut host = TrialHost::new().with_file("api.json", description.to_string());
    Trial::with_host::<Openapi>(&keys, &mut host)
}

fn told(verdict: Verdict) -> Option<String> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Deny(denial) => {
            let details = denial.details.unwrap_or_default();
            let places = details.iter().map(|detail| match &detail.place {
                Place::Pointer(text) | Place::Parameter(text) => format!(" {text} {}", detail.code),
                Place::Offset(at) => format!(" {at} {}", detail.code),
            });
            Some(format!("{}{}", denial.reason.code(), places.collect::<String>()))
        }
        other => panic!("{other:?}"),
    }
}

/// The refusal of a request without a body.
fn asked(trial: &Trial, method: &str, target: &str, fields: &[(&'static str, &str)]) -> Option<String> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = Request::build(method, target).unwrap();
    let request = fields
        .iter()
        .fold(request, |request, (name, value)| request.with_header(name, value));
    let mut request = trial.prepare(request);
    told(trial.ask(&mut request)).or_else(|| {
        let mut head = request.head().clone();
        let tried = trial.attempt(&request, &mut head, 1, "origin");
        tried.err().map(|fault| fault.reason.code().to_owned())
    })
}

/// The refusal of a request with a body.
fn sent(trial: &Trial, method: &str, target: &str, media: &str, body: &str) -> Option<String> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = Request::build(method, target)
        .unwrap()
        .with_header("content-type", media);
    let mut request = trial.prepare(request);
    told(trial.ask(&mut request))
        .or_else(|| told(trial.body(&mut request, &mut Chunk::new(body.to_owned().into(), true))))
}

#[test]
fn parameters_are_judged_where_they_stand() {
    let trial = trial(json!({}));
    let table = [
        ("/orders", None),
        ("/orders?limit=1", None),
        ("/orders?limit=%31", None),
        ("/orders?limit=0", Some("parameter query.limit minimum")),
        ("/orders?limit=101", Some("parameter query.limit maximum")),
        ("/orders?limit=x", Some("parameter query.limit type")),
        ("/orders?limit=01", Some("parameter query.limit type")),
        ("/orders?limit=1.5", Some("parameter query.limit type")),
        ("/orders?limit=+1", Some("parameter query.limit type")),
        ("/orders?limit=", Some("parameter query.limit type")),
        ("/orders?limit", Some("parameter query.limit type")),
        ("/orders?limit=1&limit=2", Some("duplicate query.limit duplicate")),
        (
            "/orders?limit=1&%6cimit=2",
            Some("duplicate query.limit duplicate"),
        ),
        ("/orders?state=open", None),
        ("/orders?state=gone", Some("parameter query.state enum")),
        ("/orders?tag=a&tag=b", None),
        ("/orders?tag=a&tag=B", Some("parameter query.tag pattern")),
        ("/orders?tag=a&tag=b&tag=c", Some("parameter query.tag maxItems")),
        ("/orders?ids=1,2,3", None),
        ("/orders?ids=1,x", Some("parameter query.ids type")),
        ("/orders?ids=1&ids=2", Some("duplicate query.ids duplicate")),
        ("/orders?all", None),
        ("/orders?all=true", None),
        ("/orders?all=yes", Some("parameter query.all type")),
        ("/orders?other=1", Some("undeclared")),
        ("/orders?limit=%zz", Some("query")),
        ("/orders?limit=%ff", Some("query")),
    ];
    for (target, expected) in table {
        assert_eq!(asked(&trial, "GET", target, &[]).as_deref(), expected, "{target}");
    }
    let fields = [
        (("x-trace", "1, 2"), None),
        (("x-trace", "1, x"), Some("parameter header.X-Trace type")),
        (("cookie", "mode=a; other=1"), None),
        (("cookie", "mode=1"), None),
        (("cookie", "mode=2"), Some("parameter cookie.mode enum")),
        (
            ("cookie", "mode=a; mode=1"),
            Some("duplicate cookie.mode duplicate"),
        ),
    ];
    for (field, expected) in fields {
        assert_eq!(
            asked(&trial, "GET", "/orders", &[field]).as_deref(),
            expected,
            "{field:?}"
        );
    }
}

#[test]
fn paths_and_methods_are_those_of_the_description() {
    let strict = trial(json!({}));
    let token = [("token", "x")];
    let table = [
        ("GET", "/orders/7", None),
        ("GET", "/orders/x", Some("parameter path.id type")),
        ("PUT", "/orders/x%20y", None),
        ("PUT", "/orders/abcd", Some("parameter path.id maxLength")),
        ("HEAD", "/orders/7", None),
        ("DELETE", "/orders/mine", None),
        ("GET", "/orders/mine", Some("method")),
        ("DELETE", "/orders/7", Some("method")),
        ("GET", "/orders/7/items", Some("path")),
        ("GET", "/orders/", Some("path")),
        ("GET", "/", Some("path")),
    ];
    for (method, target, expected) in table {
        assert_eq!(
            asked(&strict, method, target, &token).as_deref(),
            expected,
            "{method} {target}"
        );
    }
    assert_eq!(
        asked(&strict, "GET", "/orders/7", &[]).as_deref(),
        Some("missing header.token required")
    );
    let lenient = trial(json!({"undeclared-operations": "pass", "undeclared-parameters": "pass"}));
    for (method, target) in [
        ("GET", "/none"),
        ("DELETE", "/orders/7"),
        ("GET", "/orders?other=1"),
    ] {
        assert_eq!(asked(&lenient, method, target, &[]), None, "{method} {target}");
    }
    let based = trial(json!({"base": "/v1"}));
    assert_eq!(asked(&based, "GET", "/v1/orders", &[]), None);
    assert_eq!(asked(&based, "GET", "/orders", &[]).as_deref(), Some("path"));
    assert_eq!(asked(&based, "GET", "/v1orders", &[]).as_deref(), Some("path"));
}

#[test]
fn a_method_that_is_not_known_is_told_those_that_are() {
    let outcome = trial(json!({})).request(Request::build(Method::DELETE, "/orders").unwrap());
    let denial = outcome.denied("openapi.method");
    assert_eq!(
        (denial.reason.status(), &denial.fields[0].1),
        (405, &HeaderValue::from_static("GET, POST, HEAD"))
    );
}

#[test]
fn bodies_are_judged_by_their_media_type() {
    let strict = trial(json!({}));
    let json = "application/json";
    let table = [
        ("POST", "/orders", json, r#"{"sku":"a","next":{"sku":"b"}}"#, None),
        (
            "POST",
            "/orders",
            json,
            r#"{"sku":"a","next":{}}"#,
            Some("mismatch /next/sku required"),
        ),
        (
            "POST",
            "/orders",
            json,
            r#"{"sku":1}"#,
            Some("mismatch /sku type"),
        ),
        (
            "POST",
            "/orders",
            json,
            r#"{"sku":"a","sku":"b"}"#,
            Some("structure 16 duplicate"),
        ),
        ("POST", "/orders", "text/plain", "x", Some("media-type")),
        (
            "POST",
            "/orders",
            "application/json; charset=latin1",
            "{}",
            Some("charset"),
        ),
        ("PUT", "/orders/a", json, "{}", None),
        ("PUT", "/orders/a", json, "[]", Some("mismatch  type")),
        ("PUT", "/orders/a", "text/plain", "{", None),
        (
            "PUT",
            "/orders/a",
            "application/x-www-form-urlencoded",
            "a=1",
            Some("media-type"),
        ),
        ("PUT", "/orders/a", "image/png", "x", Some("media-type")),
        ("DELETE", "/orders/mine", json, "{}", Some("no-body")),
    ];
    for (method, target, media, body, expected) in table {
        assert_eq!(
            sent(&strict, method, target, media, body).as_deref(),
            expected,
            "{method} {target} {media} {body}"
        );
    }
}

#[test]
fn bodies_that_cannot_be_judged_pass_where_the_file_says_so() {
    let (strict, json) = (trial(json!({})), "application/json");
    let lenient = trial(json!({"other-bodies": "pass", "status": 400}));
    assert_eq!(
        sent(
            &lenient,
            "PUT",
            "/orders/a",
            "application/x-www-form-urlencoded",
            "a=1"
        ),
        None
    );
    assert_eq!(
        sent(&lenient, "PUT", "/orders/a", json, "[]").as_deref(),
        Some("bad-request  type")
    );
    assert_eq!(asked(&strict, "POST", "/orders", &[]).as_deref(), Some("empty"));
    assert_eq!(asked(&strict, "PUT", "/orders/a", &[]), None);
}

#[test]
fn a_description_of_3_0_is_translated() {
    let old = json!({
        "openapi": "3.0.3",
        "paths": {"/a": {
            "get": {"parameters": [{"name": "n", "in": "query", "schema": {"type": "number", "minimum": 0, "exclusiveMinimum": true}}]},
            "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/a"}}}}},
        }},
        "components": {"schemas": {"a": {"type": "object", "properties": {"x": {"type": "string", "nullable": true}}}}},
    });
    let trial = with(json!({}), &old);
    assert_eq!(asked(&trial, "GET", "/a?n=0.1", &[]), None);
    assert_eq!(
        asked(&trial, "GET", "/a?n=0", &[]).as_deref(),
        Some("parameter query.n exclusiveMinimum")
    );
    assert_eq!(
        sent(&trial, "POST", "/a", "application/json", r#"{"x":null}"#),
        None
    );
    assert_eq!(
        sent(&trial, "POST", "/a", "application/json", r#"{"x":1}"#).as_deref(),
        Some("mismatch /x type")
    );
}

#[test]
fn descriptions_that_cannot_be_enforced_are_problems() {
    let get = |operation: Value| json!({"openapi": "3.1.0", "paths": {"/a": {"get": operation}}});
    let parameter = |parameter: Value| get(json!({"parameters": [parameter]}));
    let wrong = [
        json!({}),
        json!({"openapi": "2.0", "paths": {}}),
        json!({"openapi": "3.1.0"}),
        json!({"openapi": "3.1.0", "paths": {}}),
        json!({"openapi": "3.1.0", "paths": {"/a": {}}}),
        json!({"openapi": "3.1.0", "paths": {"/a{b}": {"get": {}}}}),
        json!({"openapi": "3.1.0", "paths": {"/{a}": {"get": {}}, "/{b}": {"get": {}}}}),
        json!({"openapi": "3.1.0", "jsonSchemaDialect": "x", "paths": {"/a": {"get": {}}}}),
        parameter(json!({"name": "a", "in": "query"})),
        parameter(json!({"name": "a", "in": "body", "schema": {}})),
        parameter(json!({"name": "a", "in": "path", "schema": {}})),
        parameter(json!({"name": "a", "in": "query", "content": {}})),
        parameter(json!({"name": "a", "in": "query", "style": "deepObject", "schema": {}})),
        parameter(json!({"name": "a", "in": "query", "schema": {"type": "object"}})),
        parameter(
            json!({"name": "a", "in": "query", "schema": {"type": "array", "items": {"type": "array"}}}),
        ),
        parameter(json!({"name": "a", "in": "query", "schema": {"type": "strin"}})),
        parameter(json!({"name": "a", "in": "query", "schema": {"pattern": "(?=a)"}})),
        parameter(json!({"$ref": "#/components/parameters/none"})),
        parameter(json!({"$ref": "other.json#/a"})),
        get(json!({"requestBody": {}})),
        get(json!({"requestBody": {"content": {"json": {}}}})),
        get(json!({"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/none"}}}}})),
    ];
    for description in wrong {
        let mut host = TrialHost::new().with_file("api.json", description.to_string());
        let problems = Trial::try_build::<Openapi>(&json!({"file": "api.json"}), &mut host);
        let problems = problems.map(|_| description).unwrap_err();
        let paths: Vec<_> = problems
            .iter()
            .map(|problem| problem.path().unwrap_or_default())
            .collect();
        assert_eq!(paths, ["file"], "{problems:?}");
    }
}

/// A description with answers, judged as `rule` says; and the requests that are asked.
fn answering(rule: &str) -> (Trial, TrialHost) {
    let description = json!({
        "openapi": "3.1.0",
        "paths": {"/a": {"get": {"responses": {
            "200": {"content": {"application/json": {"schema": {"type": "object"}}, "text/plain": {}}},
            "4XX": {"$ref": "#/components/responses/problem"},
            "204": {"description": "none"},
        }}}},
        "components": {"responses": {"problem": {"content": {"application/problem+json": {"schema": {"required": ["title"]}}}}}},
    });
    let mut host = TrialHost::new().with_file("api.json", description.to_string());
    let config = json!({"file": "api.json", "responses": rule, "response-at-most": "64B"});
    (Trial::with_host::<Openapi>(&config, &mut host), host)
}

/// The refusal of an answer.
fn answered(
    trial: &Trial,
    status: u16,
    fields: &[(&'static str, &'static str)],
    body: &str,
) -> Option<String> {
    let request = Request::build(Method::GET, "/a")
        .unwrap()
        .with_header("accept-encoding", "gzip");
    let mut request = trial.prepare(request);
    assert_eq!(told(trial.ask(&mut request)), None);
    assert!(
        request.header(&ACCEPT_ENCODING).is_none(),
        "nothing compressed is asked for"
    );
    let mut head = ResponseHeader::build(status, None).unwrap();
    for (name, value) in fields {
        head.append_header(*name, *value).unwrap();
    }
    told(trial.response(&request, &mut head, false))
        .or_else(|| told(trial.response_body(&request, &mut Chunk::held(body.to_owned().into()))))
}

/// A status, fields and a body, and the refusal.
type AnswerRow<'r> = (u16, &'r [(&'static str, &'static str)], &'r str, Option<&'r str>);

#[test]
fn answers_are_judged_where_the_file_says_so() {
    let json = ("content-type", "application/json");
    let problem = ("content-type", "application/problem+json");
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(64));
    let table: [AnswerRow<'_>; 13] = [
        (200, &[json], "{}", None),
        (200, &[json], "[]", Some("answer")),
        (200, &[json], "{", Some("answer")),
        (200, &[json], "", Some("answer")),
        (200, &[json], r#"{"a":1,"a":1}"#, Some("answer")),
        (200, &[json], &long, Some("answer-too-long")),
        (200, &[("content-type", "text/plain")], "{", None),
        (200, &[("content-type", "text/html")], "x", Some("answer-type")),
        (
            200,
            &[json, ("content-encoding", "gzip")],
            "{}",
            Some("answer-type"),
        ),
        (204, &[], "", None),
        (404, &[problem], r#"{"title":"x"}"#, None),
        (404, &[problem], "{}", Some("answer")),
        (500, &[json], "{}", Some("answer-status")),
    ];
    for (status, fields, body, expected) in table {
        let (refusing, _) = answering("refuse");
        assert_eq!(
            answered(&refusing, status, fields, body).as_deref(),
            expected,
            "{status} {fields:?} {body}"
        );
        let (reporting, host) = answering("report");
        assert_eq!(
            answered(&reporting, status, fields, body),
            None,
            "{status} {fields:?} {body}"
        );
        let count = u64::from(expected.is_some());
        assert_eq!(
            host.counted("openapi_answers_misfit"),
            count,
            "{status} {fields:?} {body}"
        );
    }
}

#[test]
fn answers_of_our_own_and_of_other_requests_are_left_alone() {
    let (trial, _) = answering("refuse");
    let mut request = trial.prepare(Request::build(Method::GET, "/a").unwrap());
    assert_eq!(told(trial.ask(&mut request)), None);
    let mut head = ResponseHeader::build(500, None).unwrap();
    assert_eq!(told(trial.response(&request, &mut head, true)), None);
    let lenient = with(
        json!({"responses": "refuse", "undeclared-operations": "pass"}),
        &json!({"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": {}}}}}}),
    );
    let mut request = lenient.prepare(Request::build(Method::GET, "/b").unwrap());
    assert_eq!(told(lenient.ask(&mut request)), None);
    assert_eq!(told(lenient.response(&request, &mut head, false)), None);
}

#[test]
fn answers_must_be_described_to_be_judged() {
    for (responses, keys) in [
        (json!({}), json!({"responses": "refuse"})),
        (json!({"20X": {}}), json!({"responses": "report"})),
        (
            json!({"200": {"content": {"application/json": {"schema": {"type": "strin"}}}}}),
            json!({"responses": "refuse"}),
        ),
        (json!({"200": {}}), json!({"response-at-most": "1KiB"})),
        (
            json!({"200": {}}),
            json!({"responses": "refuse", "response-at-most": "17MiB"}),
        ),
    ] {
        let description = json!({"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": responses}}}});
        let mut host = TrialHost::new().with_file("api.json", description.to_string());
        let mut config = keys.clone();
        config["file"] = json!("api.json");
        let problems = Trial::try_build::<Openapi>(&config, &mut host);
        assert!(problems.is_err(), "{description} {keys}");
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_is_judged(target in "/orders(/[a-z0-9%]{0,6})?(\\?[a-z0-9=&%+,]{0,30})?", cookie in "[ -~]{0,30}") {
        let trial = trial(json!({}));
        if let Ok(request) = Request::build(Method::GET, &target) {
            let mut request = trial.prepare(request.with_header("cookie", &cookie));
            told(trial.ask(&mut request));
        }
    }
}
