//! Request bodies in a content coding: judged as what they are, passed on as they came.

use std::io::Write as _;

use adamant_tests::client::{CARRIERS, exchange};
use adamant_tests::gateway::Setup;
use adamant_tests::{Origin, Policy, Response, covers};
use flate2::Compression;
use flate2::write::GzEncoder;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=b";
const ONE: &str = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n";
const TWO: &str = "--b\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n1\r\n--b--\r\n";
const API: &str = "openapi: 3.1.0\npaths: { /: { post: { requestBody: { content: { application/json: { schema: { \
                   type: object } } } } } } }\n";

/// A step, the type of a body, one that passes and one that does not, and the reason.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip] // One row a line: it is a table.
const ROWS: [Row; 5] = [
    ("json: { decoded-at-most: 1KiB }", JSON, "{}", r#"{"a":1,"a":1}"#, "json.duplicate"),
    ("form: { decoded-at-most: 1KiB }", FORM, "a=1", "a=1&a=2", "form.duplicate"),
    ("multipart: { decoded-at-most: 1KiB, fields: { a: {} } }", PARTS, ONE, TWO, "multipart.undeclared"),
    ("schema: { decoded-at-most: 1KiB, file: object.json, status: 400 }", JSON, "{}", "[]", "schema.bad-request"),
    ("openapi: { decoded-at-most: 1KiB, file: api.yaml, status: 400 }", JSON, "{}", "[]", "openapi.bad-request"),
];

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// A request with a body in this coding.
fn request(carrier: &[&str], media: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let more: String = carrier.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: api.test\r\n{more}Content-Type: {media}\r\nContent-Encoding: {coding}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
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

#[tokio::test]
async fn a_coded_body_is_judged_as_what_it_is() {
    covers(&[
        "policies.*[].json.decoded-at-most",
        "policies.*[].form.decoded-at-most",
        "policies.*[].multipart.decoded-at-most",
        "policies.*[].schema.decoded-at-most",
        "policies.*[].openapi.decoded-at-most",
    ]);
    let origin = Origin::hello().await;
    for (step, media, good, bad, reason) in ROWS {
        let filter = step.split(':').next().expect("a word");
        let refused = |status, reason: &str| (status, format!("{filter}.{reason}"));
        for (step, decodes) in [
            (step.to_owned(), true),
            (step.replace("decoded-at-most: 1KiB, ", ""), false),
        ] {
            let step = if decodes {
                step
            } else {
                step.replace(" decoded-at-most: 1KiB ", "")
            };
            let route =
                format!("name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {step}");
            let gateway = Setup::new(&Policy::before(&origin).route(&route))
                .file("object.json", r#"{"type":"object"}"#)
                .file("api.yaml", API)
                .start()
                .await;
            for carrier in CARRIERS {
                let send = |coding: &str, body: &[u8]| {
                    exchange(gateway.address(), request(carrier, media, coding, body))
                };
                origin.forget();
                let answer = send("gzip", &zipped(good.as_bytes())).await;
                if !decodes {
                    assert_eq!(told(&answer), refused(415, "coded"), "{step} {carrier:?}");
                    continue;
                }
                assert_eq!(told(&answer), (200, String::new()), "{step} {carrier:?}");
                let seen = origin.only();
                assert_eq!(
                    seen.body,
                    zipped(good.as_bytes()),
                    "{step}: it arrives as it came"
                );
                assert_eq!(seen.field("content-encoding"), Some("gzip"), "{step}");
                let cases = [
                    ("gzip", zipped(bad.as_bytes()), (400, reason.to_owned())),
                    ("gzip", good.as_bytes().to_vec(), refused(400, "coding")),
                    ("gzip", zipped(&[b' '; 100_000]), refused(413, "decoded-too-long")),
                    ("compress", good.as_bytes().to_vec(), refused(415, "coded")),
                ];
                for (coding, body, expected) in cases {
                    assert_eq!(
                        told(&send(coding, &body).await),
                        expected,
                        "{step} {carrier:?} {coding}"
                    );
                }
                assert_eq!(origin.count(), 1, "{step}: nothing of that left");
            }
        }
    }
}
