//! Tests of the `bandwidth` filter.

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use pingora_http::ResponseHeader;

use super::*;

fn request(trial: &Trial, key: &str) -> Request {
    let request = Request::build(Method::GET, "/")
        .unwrap()
        .with_header("x-key", key);
    let mut request = trial.prepare(request);
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    request.remove_header(&HeaderName::from_static("x-key"));
    request
}

/// How many milliseconds a piece that comes at `time` (milliseconds) waits.
fn waits(trial: &Trial, request: &Request, bytes: usize, time: u64) -> u128 {
    let mut chunk = Chunk::new(vec![b'x'; bytes].into(), false).at(Tick(time * 1_000_000));
    assert!(matches!(trial.response_body(request, &mut chunk), Verdict::Pass));
    assert_eq!(chunk.data().len(), bytes);
    chunk.delayed().as_nanos().div_ceil(1_000_000)
}

#[test]
fn each_answer_has_a_pace_of_its_own() {
    let trial = Trial::of::<Bandwidth>(&json!({ "response": "10KiB/s", "burst": "20KiB" }));
    let (one, other) = (request(&trial, "a"), request(&trial, "a"));
    let pieces = [
        (10, 0, 0),
        (10, 0, 0),
        (10, 0, 1_000),
        (5, 1_000, 500),
        (0, 1_500, 0),
        (20, 9_000, 0),
    ];
    for (kib, time, wait) in pieces {
        assert_eq!(waits(&trial, &one, kib << 10, time), wait, "{kib} {time}");
    }
    assert_eq!(waits(&trial, &other, 20 << 10, 0), 0);
}

#[test]
fn answers_of_one_key_share_a_pace_after_the_key_has_left_the_head() {
    let config = json!({ "response": "10KiB/s", "burst": "10KiB", "by": "header:x-key", "missing": "skip" });
    let trial = Trial::of::<Bandwidth>(&config);
    let (one, other, stranger) = (request(&trial, "a"), request(&trial, "a"), request(&trial, "b"));
    assert_eq!(waits(&trial, &one, 10 << 10, 0), 0);
    assert_eq!(waits(&trial, &other, 10 << 10, 0), 1_000);
    assert_eq!(waits(&trial, &one, 10 << 10, 0), 2_000);
    assert_eq!(waits(&trial, &stranger, 10 << 10, 0), 0);
    let unkeyed = trial.prepare(Request::build(Method::GET, "/").unwrap());
    assert_eq!(waits(&trial, &unkeyed, 100 << 10, 0), 0);
}

#[test]
fn answers_of_upstreams_tell_the_pace() {
    let trial = Trial::of::<Bandwidth>(&json!({ "response": "3KiB/s", "burst": "10KiB" }));
    let request = request(&trial, "a");
    for (ours, expected) in [
        (false, Some("\"bandwidth\";q=10240;w=4;qu=\"content-bytes\"")),
        (true, None),
    ] {
        let mut head = ResponseHeader::build(200, None).unwrap();
        let _ = trial.response(&request, &mut head, ours);
        let told = head
            .headers
            .get("ratelimit-policy")
            .map(|value| value.to_str().unwrap());
        assert_eq!((told, head.headers.get("ratelimit")), (expected, None));
    }
}

#[test]
fn the_default_burst_is_one_second() {
    let trial = Trial::of::<Bandwidth>(&json!({ "response": "10KiB/s" }));
    let request = request(&trial, "a");
    assert_eq!(waits(&trial, &request, 10 << 10, 0), 0);
    assert_eq!(waits(&trial, &request, 10 << 10, 0), 1_000);
}

#[test]
fn what_can_have_no_effect_is_refused() {
    let cases: [(Value, &str); 6] = [
        (json!({ "response": "1023B/s" }), "response"),
        (json!({ "response": "1KiB/s", "burst": "0B" }), "burst"),
        (json!({ "response": "1KiB/s", "remember": 9 }), "remember"),
        (json!({ "response": "1KiB/s", "missing": "skip" }), "missing"),
        (json!({ "response": "1KiB/s", "by": "header:x" }), "missing"),
        (
            json!({ "response": "1KiB/s", "by": "address", "remember": 0 }),
            "remember",
        ),
    ];
    for (config, part) in cases {
        let problems = Trial::try_build::<Bandwidth>(&config, &mut TrialHost::new()).unwrap_err();
        assert!(format!("{problems:?}").contains(part), "{config} {problems:?}");
    }
}

#[test]
fn what_was_never_sent_is_nobodys_debt() {
    let trial = Trial::of::<Bandwidth>(&json!({
        "response": "10KiB/s", "burst": "10KiB", "by": "header:x-key", "missing": "deny",
    }));
    let left = request(&trial, "a");
    assert_eq!(waits(&trial, &left, 10 * 1024, 0), 0);
    assert_eq!(waits(&trial, &left, 100 * 1024, 0), 10_000);
    let next = request(&trial, "a");
    trial.finish(&Finished {
        request: &left,
        status: 200,
        reason: None,
        duration: std::time::Duration::ZERO,
        bytes_in: 0,
        bytes_out: 10 * 1024,
    });
    assert_eq!(
        waits(&trial, &next, 10 * 1024, 0),
        1000,
        "behind what was sent, and nothing else"
    );
}
