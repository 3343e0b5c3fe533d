//! Which answers are compressed, and that what they stand for stays the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests say what must hold")]

use adamant_filter::serde_json::{self, json};
use adamant_filter::trial::{Carried, Trial};
use pingora_http::ResponseHeader;

use super::*;
use crate::coding::{Codings, decode};

const BODY: &[u8] = &[b'a'; 5000];

fn answer(config: &serde_json::Value, accept: &'static str, fields: &[(&'static str, &str)]) -> Carried {
    let trial = Trial::of::<Compress>(config);
    let request = Request::build(Method::GET, "/")
        .unwrap()
        .with_header("accept-encoding", accept);
    let mut request = trial.prepare(request);
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let mut head = ResponseHeader::build(200, None).unwrap();
    for (name, value) in fields {
        head.append_header(*name, *value).unwrap();
    }
    let pieces: Vec<_> = BODY.chunks(700).collect();
    trial.answer(&request, head, &pieces)
}

fn field(answered: &Carried, name: &str) -> Option<String> {
    let value = answered.head.headers.get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

#[test]
fn an_answer_is_compressed_as_the_client_takes_it() {
    for (accept, coding) in [
        ("gzip", "gzip"),
        ("br, gzip", "br"),
        ("zstd, br", "zstd"),
        ("*", "zstd"),
    ] {
        let answered = answer(
            &json!({}),
            accept,
            &[
                ("content-type", "application/json"),
                ("content-length", "5000"),
                ("etag", "\"1\""),
            ],
        );
        assert_eq!(field(&answered, "content-encoding").as_deref(), Some(coding));
        assert_eq!(field(&answered, "content-length"), None);
        assert_eq!(field(&answered, "etag").as_deref(), Some("W/\"1\""));
        assert_eq!(field(&answered, "vary").as_deref(), Some("Accept-Encoding"));
        let codings = Codings::of([&HeaderValue::from_static(coding)]).unwrap();
        assert!(answered.body.len() < 500, "{coding}: {}", answered.body.len());
        assert_eq!(
            decode(&codings, &answered.body.into(), 10_000).unwrap(),
            BODY,
            "{coding}"
        );
    }
}

/// What the client takes, the fields of the answer, and whether another client would get other bytes.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], bool);

#[test]
fn what_is_not_to_be_compressed_stays_as_it_is() {
    let json = ("content-type", "application/json");
    let cases: &[Case<'_>] = &[
        ("", &[json], true),
        ("gzip;q=0", &[json], true),
        ("gzip", &[json, ("content-length", "1023")], false),
        ("gzip", &[json, ("content-encoding", "br")], false),
        (
            "gzip",
            &[json, ("cache-control", "max-age=1, No-Transform")],
            false,
        ),
        ("gzip", &[json, ("content-range", "bytes 0-1/2")], false),
        ("gzip", &[("content-type", "image/png")], false),
        ("gzip", &[("content-type", "text/event-stream")], false),
        ("gzip", &[("content-type", "application/grpc")], false),
        ("gzip", &[], false),
    ];
    for (accept, fields, varies) in cases {
        let accept: &'static str = accept.to_string().leak();
        let fields: Vec<(&'static str, &str)> = fields
            .iter()
            .map(|(name, value)| (&*name.to_string().leak(), *value))
            .collect();
        let answered = answer(&json!({}), accept, &fields);
        assert_eq!(answered.body, BODY, "{accept} {fields:?}");
        assert_eq!(field(&answered, "vary").is_some(), *varies, "{accept} {fields:?}");
    }
}

#[test]
fn a_stream_of_events_is_sent_event_by_event() {
    let config = json!({ "types": ["text/event-stream"], "flush": true, "codings": ["gzip"] });
    let answered = answer(&config, "gzip", &[("content-type", "text/event-stream")]);
    let codings = Codings::of([&HeaderValue::from_static("gzip")]).unwrap();
    assert_eq!(decode(&codings, &answered.body.into(), 10_000).unwrap(), BODY);
}

#[test]
fn what_can_compress_nothing_is_refused_at_boot() {
    for config in [
        json!({ "codings": [] }),
        json!({ "codings": ["gzip", "gzip"] }),
        json!({ "types": [] }),
        json!({ "types": ["json"] }),
    ] {
        let built = Trial::try_build::<Compress>(&config, &mut adamant_filter::trial::TrialHost::new());
        assert!(built.is_err(), "{config}");
    }
}
