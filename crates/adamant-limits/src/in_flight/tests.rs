//! Tests of the `in-flight` filter.

use std::time::Duration;

use adamant_filter::Identity;
use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};

use super::*;

fn trial(config: &Value) -> Trial {
    Trial::of::<InFlight>(config)
}

fn from(trial: &Trial, address: &str) -> Request {
    let request = Request::build(Method::GET, "/").unwrap();
    trial.prepare(request.from_client(address.parse().unwrap()))
}

fn end(trial: &Trial, request: &Request) {
    trial.finish(&Finished {
        request,
        status: 0,
        reason: None,
        duration: Duration::ZERO,
        bytes_in: 0,
        bytes_out: 0,
    });
}

fn code(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Deny(denial) => denial.reason.code(),
        Verdict::Fault(fault) => fault.reason.code(),
        Verdict::Reply(_) => "reply",
    }
}

#[test]
fn the_one_too_many_is_refused_until_another_ends() {
    let trial = trial(&json!({ "by": "address", "at-most": 2 }));
    let mut all: Vec<Request> = (0..3).map(|_| from(&trial, "192.0.2.1")).collect();
    let verdicts: Vec<Verdict> = all.iter_mut().map(|request| trial.ask(request)).collect();
    let codes: Vec<&str> = verdicts.iter().map(code).collect();
    assert_eq!(codes, ["pass", "pass", "too-many"]);
    let Verdict::Deny(denial) = &verdicts[2] else {
        panic!("just compared")
    };
    assert_eq!(denial.fields[0].1, "1");
    assert_eq!(code(&trial.ask(&mut from(&trial, "192.0.2.2"))), "pass");
    // What was refused gives nothing back.
    end(&trial, &all[2]);
    assert_eq!(code(&trial.ask(&mut from(&trial, "192.0.2.1"))), "too-many");
    end(&trial, &all[0]);
    assert_eq!(code(&trial.ask(&mut from(&trial, "192.0.2.1"))), "pass");
    assert_eq!(code(&trial.ask(&mut from(&trial, "192.0.2.1"))), "too-many");
}

#[test]
fn a_place_is_given_back_under_the_key_that_it_was_taken_by() {
    let config = json!({ "by": "header:x-key", "at-most": 1, "missing": "share" });
    let trial = trial(&config);
    let long = "k".repeat(3000);
    for key in ["k", long.as_str(), ""] {
        let request = Request::build(Method::GET, "/").unwrap();
        let request = if key.is_empty() {
            request
        } else {
            request.with_header("x-key", key)
        };
        let mut request = trial.prepare(request);
        for _ in 0..3 {
            assert_eq!(code(&trial.ask(&mut request)), "pass");
            let field = HeaderName::from_static("x-key");
            let value = request.header(&field).cloned();
            request.remove_header(&field);
            end(&trial, &request);
            if let Some(value) = value {
                request.set_header(field, value);
            }
        }
    }
}

#[test]
fn more_callers_than_can_be_counted_are_a_fault() {
    let trial = trial(&json!({ "by": "address", "at-most": 1, "remember": 1 }));
    let mut first = from(&trial, "192.0.2.1");
    assert_eq!(code(&trial.ask(&mut first)), "pass");
    let refused = trial.ask(&mut from(&trial, "192.0.2.2"));
    assert!(matches!(refused, Verdict::Fault(_)) && code(&refused) == "crowded");
    end(&trial, &first);
    assert_eq!(code(&trial.ask(&mut from(&trial, "192.0.2.2"))), "pass");
}

#[test]
fn nobody_is_counted_without_a_name() {
    let mut trial = trial(&json!({ "by": "consumer", "at-most": 1 }));
    let request = || Request::build(Method::GET, "/").unwrap();
    let mut unknown = trial.prepare(request());
    let verdict = trial.ask(&mut unknown);
    assert!(matches!(verdict, Verdict::Fault(_)) && code(&verdict) == "unidentified");
    let mut acme = trial.prepare_with(request(), Identity::new("api-key", "", "acme"));
    assert_eq!(code(&trial.ask(&mut acme)), "pass");
}

#[test]
fn what_can_have_no_effect_is_refused() {
    let cases = [
        (json!({ "by": "address", "at-most": 0 }), "at-most"),
        (
            json!({ "by": "address", "at-most": 1, "remember": 0 }),
            "remember",
        ),
        (
            json!({ "by": "address", "at-most": 1, "missing": "deny" }),
            "missing",
        ),
        (json!({ "by": "header:x", "at-most": 1 }), "missing"),
    ];
    for (config, part) in cases {
        let problems = Trial::try_build::<InFlight>(&config, &mut TrialHost::new()).unwrap_err();
        assert!(format!("{problems:?}").contains(part), "{config} {problems:?}");
    }
}
