//! The filter `json` from head to body. How JSON is read is tried beside the scanner, not here.

use adamant_filter::serde_json::{self, json};
use adamant_filter::trial::{Trial, TrialHost};

use super::*;
use crate::coding::{Coding, Encoder};

fn post(media: &str) -> Request {
    Request::build(Method::POST, "/")
        .unwrap()
        .with_header("content-type", media)
}

/// What becomes of a body that comes whole.
fn judged(trial: &Trial, request: Request, body: &'static str) -> Result<(), &'static str> {
    let mut request = trial.prepare(request);
    code(trial.ask(&mut request))?;
    code(trial.body(&mut request, &mut Chunk::new(body.into(), true)))
}

fn code(verdict: Verdict) -> Result<(), &'static str> {
    match verdict {
        Verdict::Pass => Ok(()),
        Verdict::Deny(denial) => Err(denial.reason.code()),
        other => panic!("{other:?}"),
    }
}

fn attempted(trial: &Trial, request: Request) -> Option<&'static str> {
    let mut request = trial.prepare(request);
    code(trial.ask(&mut request)).unwrap();
    let mut head = request.head().clone();
    trial
        .attempt(&request, &mut head, 1, "origin")
        .err()
        .map(|fault| fault.reason.code())
}

#[test]
fn bodies_of_json_are_judged_and_others_are_refused() {
    let trial = Trial::of::<Json>(&json!({}));
    for media in ["application/json", "application/merge-patch+json; charset=UTF-8"] {
        assert_eq!(judged(&trial, post(media), r#"{"a":[1]}"#), Ok(()));
        assert_eq!(judged(&trial, post(media), r#"{"a":1,"a":1}"#), Err("duplicate"));
    }
    for (media, reason) in [
        ("text/plain", "media-type"),
        ("application/json, text/plain", "content-type"),
        ("application/json; charset=utf-16", "charset"),
    ] {
        assert_eq!(judged(&trial, post(media), "{}"), Err(reason), "{media}");
    }
    let coded = post("application/json").with_header("content-encoding", "gzip");
    assert_eq!(judged(&trial, coded, "{}"), Err("coded"));
    let twice = post("application/json").with_header("content-type", "application/json");
    assert_eq!(judged(&trial, twice, "{}"), Err("content-type"));
    assert_eq!(
        judged(&trial, Request::build(Method::POST, "/").unwrap(), "{}"),
        Err("media-type")
    );
}

#[test]
fn a_body_of_the_wrong_kind_is_refused_before_it_is_read_where_it_is_announced() {
    let trial = Trial::of::<Json>(&json!({}));
    let announced = |name, value| post("text/plain").with_header(name, value);
    for request in [
        announced("content-length", "2"),
        announced("transfer-encoding", "chunked"),
    ] {
        let mut request = trial.prepare(request);
        assert_eq!(code(trial.ask(&mut request)), Err("media-type"));
    }
    let mut request = trial.prepare(announced("content-length", "0"));
    assert_eq!(code(trial.ask(&mut request)), Ok(()));
}

#[test]
fn what_is_no_json_passes_where_the_file_says_so() {
    let trial = Trial::of::<Json>(&json!({"other": "pass"}));
    assert_eq!(judged(&trial, post("text/plain"), "{"), Ok(()));
    assert_eq!(judged(&trial, post("application/json"), "{"), Err("truncated"));
    assert_eq!(judged(&trial, post("a/json b"), "{"), Err("content-type"));
    let mut request = trial.prepare(post("text/plain"));
    code(trial.ask(&mut request)).unwrap();
    for last in [false, false, true] {
        let mut piece = Chunk::new("x".into(), last);
        assert_eq!(code(trial.body(&mut request, &mut piece)), Ok(()));
    }
}

#[test]
fn a_request_without_a_body_is_refused_unless_the_file_says_otherwise() {
    for (media, other) in [
        ("application/json", "refuse"),
        ("text/plain", "refuse"),
        ("text/plain", "pass"),
    ] {
        let strict = Trial::of::<Json>(&json!({ "other": other }));
        assert_eq!(judged(&strict, post(media), ""), Err("empty"));
        assert_eq!(attempted(&strict, post(media)), Some("empty"));
        let lenient = Trial::of::<Json>(&json!({"other": other, "empty": "pass"}));
        assert_eq!(judged(&lenient, post(media), ""), Ok(()));
        assert_eq!(attempted(&lenient, post(media)), None);
    }
}

#[test]
fn a_body_that_is_not_held_is_never_judged_in_part() {
    let trial = Trial::of::<Json>(&json!({}));
    let mut request = trial.prepare(post("application/json"));
    code(trial.ask(&mut request)).unwrap();
    assert_eq!(
        code(trial.body(&mut request, &mut Chunk::new("[1".into(), false))),
        Err("in-pieces")
    );
    let mut request = trial.prepare(post("application/json"));
    code(trial.ask(&mut request)).unwrap();
    code(trial.body(&mut request, &mut Chunk::new("[1]".into(), true))).unwrap();
    assert_eq!(
        code(trial.body(&mut request, &mut Chunk::new("]".into(), true))),
        Err("in-pieces")
    );
}

#[test]
fn a_body_may_be_judged_as_it_comes() {
    let trial = Trial::of::<Json>(&json!({"stream": true}));
    assert!(trial.built().needs.buffer_request.is_none());
    let send = |pieces: &[&'static str]| {
        let mut request = trial.prepare(post("application/json"));
        code(trial.ask(&mut request))?;
        for (at, piece) in pieces.iter().enumerate() {
            let mut chunk = Chunk::new((*piece).into(), at + 1 == pieces.len());
            code(trial.body(&mut request, &mut chunk))?;
        }
        Ok(())
    };
    assert_eq!(send(&["", "{\"a", "\":[", "1", "", "]}", ""]), Ok(()));
    assert_eq!(send(&["[1]"]), Ok(()));
    assert_eq!(send(&["{\"a\":1,\"", "a", "\":2}"]), Err("duplicate"));
    assert_eq!(send(&["[1", ""]), Err("truncated"));
    assert_eq!(send(&["", ""]), Err("empty"));
}

#[test]
fn a_refusal_tells_the_byte_and_nothing_of_the_body() {
    let trial = Trial::of::<Json>(&json!({}));
    let mut request = trial.prepare(post("application/json"));
    code(trial.ask(&mut request)).unwrap();
    let body = r#"{"secret":"value","secret":"value"}"#;
    let Verdict::Deny(denial) = trial.body(&mut request, &mut Chunk::new(body.into(), true)) else {
        panic!("a name stands there twice")
    };
    let details = denial.details.unwrap();
    let told: Vec<_> = details.iter().collect();
    assert_eq!(
        (&told[0].place, told[0].code, told.len()),
        (&Place::Offset(26), "duplicate", 1)
    );
}

#[test]
fn bounds_that_make_no_sense_are_problems() {
    let wrong = [
        (json!({"depth": 0}), "depth"),
        (json!({"depth": 1025}), "depth"),
        (json!({"members": 0}), "members"),
        (json!({"name": "0B"}), "name"),
        (json!({"items": 0}), "items"),
        (json!({"string": "0B"}), "string"),
        (json!({"values": 0}), "values"),
        (json!({"number-digits": 0}), "number-digits"),
        (json!({"body-at-most": "0B"}), "body-at-most"),
        (json!({"decoded-at-most": "0B"}), "decoded-at-most"),
        (json!({"decoded-at-most": "17MiB"}), "decoded-at-most"),
        (
            json!({"stream": true, "decoded-at-most": "1KiB"}),
            "decoded-at-most",
        ),
        (json!({"stream": true, "body-at-most": "1KiB"}), "body-at-most"),
    ];
    for (config, path) in wrong {
        let problems = Trial::try_build::<Json>(&config, &mut TrialHost::new()).unwrap_err();
        let paths: Vec<_> = problems
            .iter()
            .map(|problem| problem.path().unwrap_or_default())
            .collect();
        assert_eq!(paths, [path], "{config}");
    }
}

#[test]
fn the_default_is_the_same_policy_written_or_not() {
    let canonical = |config: serde_json::Value| {
        let config: JsonConfig = serde_json::from_value(config).unwrap();
        serde_json::to_value(&config).unwrap()
    };
    let written =
        json!({"body-at-most": "64KiB", "depth": 32, "name": "256B", "other": "refuse", "stream": false});
    assert_eq!(canonical(json!({})), canonical(written));
}

/// A body in gzip.
fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(Coding::Gzip).unwrap();
    let mut zipped = encoder.push(body, false).unwrap();
    zipped.extend(encoder.finish().unwrap());
    zipped
}

#[test]
fn a_body_is_decoded_to_be_judged_where_the_file_says_so() {
    let trial = Trial::of::<Json>(&json!({"decoded-at-most": "1KiB"}));
    let send = |coding: &str, body: Vec<u8>| {
        let request = post("application/json").with_header("content-encoding", coding);
        let mut request = trial.prepare(request);
        code(trial.ask(&mut request))?;
        let mut chunk = Chunk::new(body.clone().into(), true);
        code(trial.body(&mut request, &mut chunk))?;
        assert_eq!(chunk.data(), &body, "it goes on as it came");
        Ok(())
    };
    assert_eq!(send("gzip", zipped(b"[1]")), Ok(()));
    assert_eq!(send("identity", b"[1]".to_vec()), Ok(()));
    assert_eq!(send("gzip", zipped(b"{\"a\":1,\"a\":2}")), Err("duplicate"));
    assert_eq!(send("gzip", b"[1]".to_vec()), Err("coding"));
    let whole = zipped(b"[1]");
    assert_eq!(send("gzip", whole[..whole.len() - 1].to_vec()), Err("coding"));
    assert_eq!(send("gzip", [whole, b"[1]".to_vec()].concat()), Err("coding"));
    assert_eq!(send("compress", b"[1]".to_vec()), Err("coded"));
    let bomb = zipped(&vec![b' '; 1 << 20]);
    assert_eq!(send("gzip", bomb), Err("decoded-too-long"));
}
