//! What is recorded is what is counted, and nothing makes a series that the inventory does not know.

use std::time::Instant;

use adamant_filter::Reason;

use super::*;

static OUTSIDE: Reason = Reason::new("outside", 403, "the address is not in an allowed network");
static EXHAUSTED: Reason = Reason::new("exhausted", 429, "too many requests");
static UNDECLARED: Reason = Reason::new("surprise", 400, "nobody declared this");
static HEAD: &[&Reason] = &[&OUTSIDE, &EXHAUSTED];

/// Meters of two listeners, `routes` routes and one upstream, with three steps.
pub(crate) fn meters(routes: usize, workers: usize) -> (Meters, [FilterMeter; 3]) {
    let mut inventory = Inventory {
        workers,
        digest: "12ab34cd".into(),
        language: 1,
        version: "0.1.0",
        listeners: vec!["public".into(), "plain".into()],
        head_reasons: HEAD,
        routes: (0..routes)
            .map(|n| RouteName {
                name: format!("route-{n}").into(),
                pattern: format!("/r{n}/{{id}}").into(),
            })
            .collect(),
        upstreams: vec!["orders".into()],
        ..Inventory::default()
    };
    let addresses = inventory.filter(&"addresses".into(), &[&OUTSIDE]);
    let rate = inventory.filter(&"rate".into(), &[&EXHAUSTED]);
    let again = inventory.filter(&"rate".into(), &[&EXHAUSTED]);
    (Meters::new(inventory), [addresses, rate, again])
}

pub(crate) fn exchange() -> ExchangeCounts {
    ExchangeCounts {
        route: Some(0),
        method: Method::Get,
        protocol: Protocol::Http11,
        scheme: Scheme::Https,
        status: Some(200),
        failure: None,
        duration: Duration::from_millis(3),
        bytes_in: 0,
        bytes_out: 1024,
    }
}

fn count(meters: &Meters, filter: &str, decision: &str, reason: &str) -> u64 {
    let totals = meters.decisions();
    let of = |total: &&DecisionTotal<'_>| {
        (total.filter, total.decision, total.reason) == (filter, decision, reason)
    };
    totals.iter().find(of).map_or(0, |total| total.count)
}

#[test]
fn requests_in_progress_come_back_to_zero() {
    let (meters, _) = meters(1, 2);
    meters.begin(Worker(0), Method::Get, Scheme::Https);
    meters.begin(Worker(0), Method::Get, Scheme::Https);
    meters.exchange(Worker(1), &exchange());
    assert_eq!(meters.active(Method::Get, Scheme::Https), 1);
    meters.exchange(Worker(1), &exchange());
    assert_eq!(meters.active(Method::Get, Scheme::Https), 0);
}

#[test]
fn steps_of_one_id_are_counted_together() {
    let (meters, [_, rate, again]) = meters(1, 2);
    assert_eq!(rate, again);
    meters.decision(Worker(0), rate, Outcome::Denied, Some(&EXHAUSTED));
    meters.decision(Worker(1), again, Outcome::Denied, Some(&EXHAUSTED));
    assert_eq!(count(&meters, "rate", "deny", "exhausted"), 2);
}

#[test]
fn every_outcome_has_a_place_of_its_own() {
    let (meters, [addresses, ..]) = meters(1, 1);
    for (times, outcome) in Outcome::ALL.iter().enumerate() {
        for _ in 0..=times {
            meters.decision(Worker(0), addresses, *outcome, Some(&OUTSIDE));
        }
    }
    for (times, outcome) in Outcome::ALL.iter().enumerate() {
        let reason = if matches!(outcome, Outcome::Passed | Outcome::Replied) {
            ""
        } else {
            "outside"
        };
        assert_eq!(
            count(&meters, "addresses", outcome.label(), reason),
            times as u64 + 1,
            "{outcome:?}"
        );
    }
}

#[test]
fn a_reason_that_was_not_declared_makes_no_series() {
    let (meters, [addresses, ..]) = meters(1, 1);
    meters.decision(Worker(0), addresses, Outcome::Denied, Some(&UNDECLARED));
    meters.decision(Worker(0), addresses, Outcome::Denied, None);
    assert_eq!(count(&meters, "addresses", "deny", "_OTHER"), 2);
    assert_eq!(count(&meters, "addresses", "deny", "outside"), 0);
}

#[test]
fn heads_are_counted_by_listener_and_reason() {
    let (meters, _) = meters(1, 1);
    meters.head_refused(Worker(0), 1, &EXHAUSTED);
    meters.head_refused(Worker(0), 1, &UNDECLARED);
    meters.head_refused(Worker(0), 2, &EXHAUSTED);
    let counted: Vec<_> = meters.head_refusals().filter(|(.., count)| *count > 0).collect();
    assert_eq!(counted, [("plain", "exhausted", 1)]);
}

#[test]
fn an_exchange_without_a_route_has_an_owner_too() {
    let (meters, _) = meters(2, 1);
    meters.exchange(
        Worker(0),
        &ExchangeCounts {
            route: None,
            ..exchange()
        },
    );
    assert_eq!(
        meters.server_totals().first().and_then(|total| total.owner),
        Some(2)
    );
}

/// Not a gate: prints what recording costs on this machine, in this profile.
#[test]
fn the_price_of_recording_is_printed() {
    let (meters, [addresses, rate, _]) = meters(10_000, 2);
    for (name, spread) in [("one route", 1), ("10,000 routes", 10_000)] {
        let rounds = 200_000_u32;
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            for round in 0..rounds {
                let route = Some(round as usize * 7919 % spread);
                let numbers = std::hint::black_box(ExchangeCounts { route, ..exchange() });
                meters.begin(Worker(1), numbers.method, numbers.scheme);
                meters.decision(Worker(1), addresses, Outcome::Passed, None);
                meters.decision(Worker(1), rate, Outcome::Passed, None);
                meters.exchange(Worker(1), &numbers);
            }
            best = best.min(start.elapsed());
        }
        println!(
            "begin, two decisions, exchange over {name}: {} ns",
            best.as_nanos() / u128::from(rounds)
        );
    }
}
