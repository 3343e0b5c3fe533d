//! What a decision costs in instructions, counted by `valgrind --tool=callgrind`.
//!
//! The counts are those of the profile that tests are built with, so only ratios mean anything: that a hundred
//! or ten thousand routes cost what ten cost, and that a chain costs a small multiple of nothing. The test runs
//! its own executable again, in which [`workload`] then does the work.

use std::collections::BTreeMap;
use std::process::Command;

use adamant_filter::Request;
use adamant_policy::config::ListenerId;
use adamant_policy::plan::{Decided, Exchange, Plan, Progress};
use http::Method;

use crate::decisions::rest_of;
use crate::site::{Site, TOKEN_STEPS};

/// Names the workload in the environment of the counted process.
const VARIABLE: &str = "ADAMANT_COSTS_WORKLOAD";

/// Decisions that are counted.
const DECISIONS: u32 = 400;

/// A step of usual chains: a key, what it may, and how much.
const KEY_STEPS: &str = "{ api-key: { keys: { file: keys.yaml } } }, { scopes: { all: [\"items:read\"] } }, \
     { rate: { by: consumer, allow: 1000000/s, burst: 1000000 } }";

/// The only function in which instructions count.
#[inline(never)]
fn decisions_that_count(plan: &Plan, exchange: &mut Exchange, requests: &mut [Request]) -> u32 {
    let mut passed = 0;
    for request in requests {
        let origin = request.origin().clone();
        exchange.begin(origin, plan.layout().slots(), plan.layout().words());
        exchange.request.swap_head(request.head_mut());
        let decided = plan
            .receive(exchange, ListenerId(0))
            .map(|()| plan.request(exchange));
        passed += u32::from(matches!(decided, Ok(Progress::Done(Decided::Go))));
        exchange.request.swap_head(request.head_mut());
    }
    passed
}

/// What is counted: the steps of each route, the number of routes, the target, further fields.
fn decide(steps: &str, routes: usize, target: &str, fields: &[(&'static str, &str)]) -> u32 {
    let plan = Site::new().routes(routes, steps).plan();
    decide_with(&plan, target, fields)
}

fn decide_with(plan: &Plan, target: &str, fields: &[(&'static str, &str)]) -> u32 {
    let request = || {
        let usual = [("host", "api.example.test"), ("accept", "*/*")];
        usual.iter().chain(fields).fold(
            Request::build(Method::GET, target).expect("a target"),
            |request, (name, value)| request.with_header(name, value),
        )
    };
    let mut exchange = Exchange::default();
    // Proves what is to be remembered, and lets memory grow.
    let mut first = request();
    let origin = first.origin().clone();
    exchange.begin(origin, plan.layout().slots(), plan.layout().words());
    exchange.request.swap_head(first.head_mut());
    if plan.receive(&mut exchange, ListenerId(0)).is_ok() {
        let decided = plan.request(&mut exchange);
        rest_of(plan, &mut exchange, decided);
    }
    let mut requests: Vec<Request> = (0..DECISIONS).map(|_| request()).collect();
    decisions_that_count(plan, &mut exchange, &mut requests)
}

/// Does nothing, unless it runs to be counted.
#[test]
fn workload() {
    let Ok(name) = std::env::var(VARIABLE) else {
        return;
    };
    let passed = match name.as_str() {
        "10 routes" => decide("", 10, "/r/00005/items/7", &[]),
        "10,000 routes" => decide("", 10_000, "/r/05000/items/7", &[]),
        "no route" => DECISIONS - decide("", 10, "/nowhere", &[]),
        "key" => decide(KEY_STEPS, 10, "/r/00005/items/7", &[("x-api-key", Site::KEY)]),
        "token" => {
            let site = Site::new();
            let bearer = format!("Bearer {}", site.token());
            let plan = site.routes(10, TOKEN_STEPS).plan();
            decide_with(&plan, "/r/00005/items/7", &[("authorization", &bearer)])
        }
        _ => panic!("no workload is called {name}"),
    };
    assert_eq!(passed, DECISIONS, "every decision of {name} is as it should be");
}

/// Instructions per decision.
fn count(name: &'static str) -> f64 {
    let own = std::env::current_exe().expect("a test knows its executable");
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--collect-atstart=no",
        ])
        .arg("--toggle-collect=*decisions_that_count*")
        .arg(own)
        .args(["--exact", "instructions::workload", "--test-threads=1"])
        .env(VARIABLE, name)
        .output()
        .expect("valgrind is installed; `tests/setup` does it");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name}: {told}");
    let collected = told.lines().find_map(|line| line.split("Collected : ").nth(1));
    let collected = collected.and_then(|number| number.trim().parse::<f64>().ok());
    let instructions = collected.expect("callgrind tells what it collected") / f64::from(DECISIONS);
    println!("{name}: {instructions:.0} instructions per decision");
    assert!(instructions > 100.0, "{name} was counted: {told}");
    instructions
}

#[test]
fn ten_thousand_routes_cost_what_ten_cost_and_chains_little_more() {
    let names = ["10 routes", "10,000 routes", "no route", "key", "token"];
    let counts: BTreeMap<&str, f64> = names.into_iter().map(|name| (name, count(name))).collect();
    for (name, at_most) in [
        ("10,000 routes", 1.02),
        ("no route", 1.0),
        ("key", 1.25),
        ("token", 1.25),
    ] {
        let ratio = counts[name] / counts["10 routes"];
        println!("{name}: {ratio:.3} times ten routes, at most {at_most}");
        assert!(
            ratio <= at_most,
            "{name}: {ratio:.3} times the instructions of ten routes"
        );
    }
}
