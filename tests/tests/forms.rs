//! Forms on both ways through the gateway: what receivers read differently never reaches the upstream.

use adamant_tests::client::{CARRIERS, exchange, request};
use adamant_tests::{Gateway, Origin, Policy, Response, covers};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const PARTS: &str = "Content-Type: multipart/form-data; boundary=b";

/// A gateway whose only route has this step.
async fn under(origin: &Origin, step: &str) -> Gateway {
    let route = format!("name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {step}");
    Gateway::start(&Policy::before(origin).route(&route)).await
}

async fn post(gateway: &Gateway, lines: &[&str], body: &str) -> Response {
    exchange(gateway.address(), request("POST", "/", lines, body)).await
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

/// A step, the type of a body, one that passes and one that does not, and the refusal.
type Case = (&'static str, &'static str, String, String, u16, &'static str);

async fn holds(cases: Vec<Case>) {
    let origin = Origin::hello().await;
    for (step, media, good, bad, status, reason) in cases {
        let gateway = under(&origin, step).await;
        for carrier in CARRIERS {
            let lines: Vec<&str> = carrier.iter().copied().chain([media]).collect();
            assert_eq!(
                told(&post(&gateway, &lines, &good).await),
                (200, String::new()),
                "{step} {lines:?}"
            );
            assert_eq!(
                origin.last().body,
                good.as_bytes(),
                "{step}: it arrives as it was"
            );
            let before = origin.count();
            let refused = post(&gateway, &lines, &bad).await;
            assert_eq!(told(&refused), (status, reason.to_owned()), "{step} {lines:?}");
            assert_eq!(origin.count(), before, "{step}: nothing of it left");
        }
    }
}

#[tokio::test]
async fn a_form_passes_as_far_as_the_file_says() {
    covers(&[
        "policies.*[].form.body-at-most",
        "policies.*[].form.fields",
        "policies.*[].form.name",
        "policies.*[].form.value",
        "policies.*[].form.allowed",
        "policies.*[].form.required",
        "policies.*[].form.repeated",
        "policies.*[].form.other",
        "policies.*[].form.empty",
    ]);
    holds(forms()).await;
}

#[rustfmt::skip] // One case a line: it is a table.
fn forms() -> Vec<Case> {
    let text = "Content-Type: text/plain";
    let case = |step, media, good: &str, bad: &str, status, reason| (step, media, good.to_owned(), bad.to_owned(), status, reason);
    let long = "a".repeat(70_000);
    vec![
        case("form: { body-at-most: 3B }", FORM, "a=1", "a=12", 413, "request.body-exceeded"),
        case("form: { fields: 1 }", FORM, "a=1", "a=1&b=2", 400, "form.too-many-fields"),
        case("form: { name: 1B }", FORM, "a=1", "ab=1", 400, "form.name-too-long"),
        case("form: { value: 1B }", FORM, "a=%41", "a=%41%41", 400, "form.value-too-long"),
        case("form: { allowed: [a] }", FORM, "a=1", "b=1", 400, "form.undeclared"),
        case("form: { required: [a] }", FORM, "a=1&b=1", "b=1", 400, "form.missing-field"),
        case("form: { repeated: [a] }", FORM, "a=1&%61=2", "b=1&%62=2", 400, "form.duplicate"),
        case("form: {}", FORM, "a=%C3%A9", "a=%C3", 400, "form.utf8"),
        case("form: { empty: pass }", FORM, "", "a=1;b=2", 400, "form.semicolon"),
        case("form: { empty: refuse }", FORM, "a=1", "", 400, "form.empty"),
        case("form: { other: pass }", text, "a;", &long, 413, "request.body-exceeded"),
        case("form: { other: refuse, empty: pass }", text, "", "a=1", 415, "form.media-type"),
    ]
}

/// A body of one part with the name `a`.
fn one(parameters: &str, fields: &str, content: &str) -> String {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"a\"{parameters}{fields}\r\n\r\n{content}\r\n--b--\r\n"
    )
}

#[tokio::test]
async fn a_form_with_parts_passes_as_far_as_the_file_says() {
    covers(&[
        "policies.*[].multipart.body-at-most",
        "policies.*[].multipart.parts",
        "policies.*[].multipart.fields.*.file",
        "policies.*[].multipart.fields.*.types",
        "policies.*[].multipart.fields.*.at-most",
        "policies.*[].multipart.fields.*.required",
        "policies.*[].multipart.fields.*.repeated",
        "policies.*[].multipart.undeclared",
        "policies.*[].multipart.other",
        "policies.*[].multipart.empty",
    ]);
    holds(parts()).await;
}

#[rustfmt::skip] // One case a line: it is a table.
fn parts() -> Vec<Case> {
    let text = || one("", "", "1");
    let twice = || format!("{}{}", one("", "", "1").replace("--b--\r\n", ""), one("", "", "2"));
    let file = || one("; filename=\"x.png\"", "\r\nContent-Type: image/png", "1");
    let csv = || one("", "\r\nContent-Type: text/csv", "1");
    let other = || one("", "", "1").replace("\"a\"", "\"other\"");
    let case = |step, good, bad, status, reason| (step, PARTS, good, bad, status, reason);
    let mixed = "Content-Type: multipart/mixed; boundary=b";
    let none = String::new;
    vec![
        case("multipart: { body-at-most: 64B, fields: { a: {} } }", text(), one("", "", "12345678901234567890"), 413, "request.body-exceeded"),
        case("multipart: { parts: 1, fields: { a: { repeated: true } } }", text(), twice(), 400, "multipart.too-many-parts"),
        case("multipart: { fields: { a: { repeated: true } } }", twice(), other(), 400, "multipart.undeclared"),
        case("multipart: { fields: { a: { repeated: false } } }", text(), twice(), 400, "multipart.duplicate"),
        case("multipart: { fields: { a: { file: true, types: [image/png] } } }", file(), text(), 400, "multipart.no-file"),
        case("multipart: { fields: { a: { file: false } } }", text(), file(), 400, "multipart.file"),
        case("multipart: { fields: { a: { types: [text/csv] } } }", csv(), text(), 415, "multipart.part-type"),
        case("multipart: { fields: { a: { at-most: 1B } } }", text(), one("", "", "12"), 413, "multipart.part-too-large"),
        case("multipart: { undeclared: pass, fields: { a: { required: true } } }", text(), other(), 400, "multipart.missing-part"),
        case("multipart: { undeclared: pass }", other(), one("; filename=\"../x\"", "", "1"), 400, "multipart.file-name"),
        case("multipart: { undeclared: pass, empty: pass }", none(), format!("x{}", text()), 400, "multipart.outside"),
        case("multipart: { undeclared: pass, empty: refuse }", text(), none(), 400, "multipart.empty"),
        case("multipart: { undeclared: pass }", text(), text().replace("1\r\n--b", "1\n--b"), 400, "multipart.ambiguous"),
        ("multipart: { undeclared: pass, other: pass }", mixed, "x".to_owned(), "a".repeat(70_000), 413, "request.body-exceeded"),
        ("multipart: { undeclared: pass, other: refuse, empty: pass }", mixed, none(), text(), 415, "multipart.media-type"),
    ]
}

#[tokio::test]
async fn a_refusal_names_what_the_file_declares_and_nothing_else() {
    let origin = Origin::hello().await;
    let gateway = under(&origin, "form: { required: [user, password], value: 4B }").await;
    let missing = post(&gateway, &[FORM], "hunter=2").await;
    let expected = serde_json::json!([
        {"parameter": "password", "code": "missing-field"},
        {"parameter": "user", "code": "missing-field"},
    ]);
    assert_eq!(missing.json()["errors"], expected, "{}", missing.text());
    let long = post(&gateway, &[FORM], "hunter=hunter2").await;
    assert_eq!(
        long.json()["errors"],
        serde_json::json!([{"offset": 11, "code": "value-too-long"}])
    );
    assert!(!missing.text().contains("hunter") && !long.text().contains("hunter"));
}
