//! Parts that may come and parts that may not. Where a body is cut is tried beside `parts`, not here.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use proptest::prelude::*;

use super::*;

const MEDIA: &str = "multipart/form-data; boundary=b";

/// A body with one part: its fields and its content.
fn one(fields: &str, content: &str) -> String {
    format!("--b\r\n{fields}\r\n\r\n{content}\r\n--b--\r\n")
}

fn judged(config: &Value, body: impl Into<Vec<u8>>) -> Option<&'static str> {
    let trial = Trial::of::<Multipart>(config);
    let request = Request::build(Method::POST, "/")
        .unwrap()
        .with_header("content-type", MEDIA);
    let mut request = trial.prepare(request);
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    match trial.body(&mut request, &mut Chunk::new(body.into().into(), true)) {
        Verdict::Pass => None,
        Verdict::Deny(denial) => Some(denial.reason.code()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_declared_parts_pass() {
    let config = json!({"fields": {
        "title": {"required": true},
        "tag": {"repeated": true},
        "photo": {"file": true, "types": ["image/*", "application/pdf"], "at-most": "4B"},
    }});
    let title = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nx\r\n";
    let tag = "--b\r\ncontent-disposition: Form-Data; name=tag\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\r\n";
    let photo = |media: &str, content: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"é 1.png\"\r\nContent-Type: {media}\r\n\r\n{content}\r\n"
        )
    };
    let whole = |parts: &[&str]| format!("{}--b--\r\n", parts.concat());
    assert_eq!(
        judged(&config, whole(&[title, tag, tag, &photo("image/png", "1234")])),
        None
    );
    assert_eq!(
        judged(&config, whole(&[title, &photo("Application/PDF", "")])),
        None
    );
    assert_eq!(judged(&config, whole(&[tag])), Some("missing-part"));
    assert_eq!(judged(&config, whole(&[title, title])), Some("duplicate"));
    assert_eq!(
        judged(&config, whole(&[title, &photo("image/png", "12345")])),
        Some("part-too-large")
    );
    assert_eq!(
        judged(&config, whole(&[title, &photo("text/html", "1")])),
        Some("part-type")
    );
    assert_eq!(
        judged(
            &config,
            one("Content-Disposition: form-data; name=\"photo\"", "x")
        ),
        Some("no-file")
    );
    let file = "Content-Disposition: form-data; name=\"title\"; filename=\"a\"";
    assert_eq!(judged(&config, one(file, "x")), Some("file"));
    assert_eq!(
        judged(&config, one("Content-Disposition: form-data; name=\"x\"", "x")),
        Some("undeclared")
    );
    let few = json!({"parts": 1, "undeclared": "pass"});
    assert_eq!(judged(&few, whole(&[title])), None);
    assert_eq!(judged(&few, whole(&[title, tag])), Some("too-many-parts"));
    assert_eq!(
        judged(&json!({"undeclared": "pass"}), whole(&[title, title])),
        Some("duplicate")
    );
}

/// A disposition with these parameters.
fn named(parameters: &str) -> String {
    format!("Content-Disposition: form-data; {parameters}")
}

#[test]
fn names_of_parts_with_several_readings_are_refused() {
    let config = json!({"undeclared": "pass"});
    let named = |parameters: &str| format!("Content-Disposition: form-data; {parameters}");
    let good = named("name=\"a\"");
    let table = [
        ("X-A: 1".to_owned(), "disposition"),
        (
            "Content-Disposition: attachment; name=\"a\"".to_owned(),
            "disposition",
        ),
        ("Content-Disposition: form-data".to_owned(), "disposition"),
        (format!("{good}\r\n{good}"), "disposition"),
        (named("name=\"a\"; name=\"b\""), "disposition"),
        (named("name=\"a\"; Name=\"a\""), "disposition"),
        (named("name*=utf-8''a"), "disposition"),
        (
            named("name=\"a\"; filename=\"x\"; filename*=utf-8''y"),
            "disposition",
        ),
        (named("name=\"a\"; filename=\"x\"; filename=\"y\""), "disposition"),
        (named("name=\"a\"; size=1"), "disposition"),
        (named("name=\"a\\\"b\""), "disposition"),
        (named("name=\"a"), "disposition"),
        (named("name=\"a\" filename=\"b\""), "disposition"),
        (named("name=\"\""), "name"),
        (named("name=\"a%22b\""), "name"),
        (named("name=\"a%0Db\""), "name"),
        (named("name=\"a\"; filename=\"../x\""), "file-name"),
        (named("name=\"a\"; filename=\"a/b\""), "file-name"),
        (named("name=\"a\"; filename=\"C:x\""), "file-name"),
        (named("name=\"a\"; filename=\"..\""), "file-name"),
        (named("name=\"a\"; filename=\".. . \""), "file-name"),
        (named("name=\"a\"; filename=\"\""), "file-name"),
        (named("name=\"a\"; filename=\"%2e%2E%2fx\""), "file-name"),
        (named("name=\"a\"; filename=\"a%00.png\""), "file-name"),
    ];
    for (fields, reason) in table {
        assert_eq!(judged(&config, one(&fields, "x")), Some(reason), "{fields}");
    }
}

#[test]
fn fields_of_parts_with_several_readings_are_refused() {
    let config = json!({"undeclared": "pass"});
    let good = named("name=\"a\"");
    let table = [
        (
            format!("{good}\r\nContent-Type: multipart/mixed; boundary=c"),
            "nested",
        ),
        (format!("{good}\r\nContent-Type: message/rfc822"), "nested"),
        (format!("{good}\r\nContent-Type: nothing"), "header"),
        (
            format!("{good}\r\nContent-Type: a/b\r\nContent-Type: a/b"),
            "header",
        ),
        (format!("{good}\r\nContent-Transfer-Encoding: base64"), "encoding"),
        (format!("{good}\r\nContent-Encoding: gzip"), "encoding"),
        (format!("{good}\r\nno field"), "header"),
        (format!("{good}\r\nX-A : 1"), "header"),
        (format!("{good}\r\nX-A: \0"), "header"),
        (format!("{good}{}", "\r\nX-A: 1".repeat(8)), "header"),
    ];
    for (fields, reason) in table {
        assert_eq!(judged(&config, one(&fields, "x")), Some(reason), "{fields}");
    }
    assert_eq!(
        judged(
            &config,
            one(
                &format!("{good}\r\nContent-Transfer-Encoding: binary\r\nX-A: 1"),
                "x"
            )
        ),
        None
    );
}

#[test]
fn a_boundary_must_be_told() {
    let trial = Trial::of::<Multipart>(&json!({"undeclared": "pass"}));
    for (media, reason) in [
        ("multipart/form-data", "boundary"),
        ("multipart/form-data; boundary=a; boundary=b", "content-type"),
        ("multipart/form-data; boundary*=a", "content-type"),
        ("multipart/mixed; boundary=b", "media-type"),
    ] {
        let request = Request::build(Method::POST, "/")
            .unwrap()
            .with_header("content-type", media);
        let request = request.with_header("content-length", "9");
        trial.request(request).denied(&format!("multipart.{reason}"));
    }
}

#[test]
fn fields_that_make_no_sense_are_problems() {
    let field = |keys: Value| json!({"fields": {"a": keys}});
    let wrong = [
        (json!({}), "fields"),
        (json!({"parts": 0, "undeclared": "pass"}), "parts"),
        (
            json!({"fields": {"a": {"required": true}, "b": {"required": true}}, "parts": 1}),
            "parts",
        ),
        (json!({"fields": {"a\"": {}}}), "fields.a\""),
        (field(json!({"file": true})), "fields.a.types"),
        (field(json!({"types": []})), "fields.a.types"),
        (field(json!({"types": ["png"]})), "fields.a.types"),
        (field(json!({"types": ["a/b;c=d"]})), "fields.a.types"),
        (field(json!({"types": ["multipart/mixed"]})), "fields.a.types"),
        (field(json!({"at-most": "65KiB"})), "fields.a.at-most"),
        (
            json!({"body-at-most": "17MiB", "undeclared": "pass"}),
            "body-at-most",
        ),
    ];
    for (config, path) in wrong {
        let problems = Trial::try_build::<Multipart>(&config, &mut TrialHost::new()).unwrap_err();
        let paths: Vec<_> = problems
            .iter()
            .map(|problem| problem.path().unwrap_or_default())
            .collect();
        assert_eq!(paths, [path], "{config}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_judged(body in prop::collection::vec(any::<u8>(), 0..200), fields in "[ -~]{0,60}") {
        let config = json!({"undeclared": "pass"});
        judged(&config, [&b"--b\r\n"[..], &body].concat());
        judged(&config, one(&format!("Content-Disposition: form-data; {fields}"), "x"));
    }
}
