//! Tests of the `quota` filter.

use std::collections::HashMap;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use adamant_filter::{Consumer, Consumers, KnownBy};
use pingora_http::ResponseHeader;
use proptest::prelude::*;

use super::*;

const HOUR: u64 = 3_600_000;

/// 2026-03-28T00:00:00Z: the day before clocks are put forward in Berlin.
const MARCH: u64 = 1_774_656_000_000;

/// A host whose step has an `id`, as quotas in a store must.
fn host() -> TrialHost {
    TrialHost::new().with_id("q")
}

fn request(trial: &Trial, address: u8, method: &Method, now: u64) -> Request {
    let request = Request::build(method.clone(), "/").unwrap();
    let request = request.from_client([192, 0, 2, address].into());
    trial.prepare(request.at(Tick(0), Wall(now)))
}

/// Whether it passed, and the seconds that a refusal told.
fn ask(trial: &Trial, request: &mut Request) -> Option<u64> {
    match trial.ask(request) {
        Verdict::Pass => None,
        Verdict::Deny(denial) => {
            assert_eq!(denial.reason.code(), "exhausted");
            Some(denial.fields[0].1.to_str().unwrap().parse().unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn told(trial: &Trial, request: &Request) -> [String; 2] {
    let mut head = ResponseHeader::build(200, None).unwrap();
    let _ = trial.response(request, &mut head, false);
    ["ratelimit-policy", "ratelimit"].map(|name| {
        let value = head.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    })
}

/// The same quota in the memory of the process and in a store.
fn both(config: &Value) -> [Value; 2] {
    let with = |key: &str, value: Value| {
        let mut config = config.clone();
        config[key] = value;
        config
    };
    let mut shared = with("store", json!("counters"));
    shared["when-gone"] = json!("deny");
    [with("keep-local", json!(true)), shared]
}

#[test]
fn a_day_ends_at_midnight_of_its_zone() {
    let config = json!({ "by": "address", "allow": 2, "per": "day", "zone": "Europe/Berlin" });
    for config in both(&config) {
        let trial = Trial::with_host::<Quota>(&config, &mut host());
        // Midnight in Berlin is 23:00 UTC, and this day has 23 hours.
        let begin = MARCH + 23 * HOUR;
        for expected in [
            ["\"q\";q=2;w=82800", "\"q\";r=1;t=82800"],
            ["\"q\";q=2;w=82800", "\"q\";r=0;t=82800"],
        ] {
            let mut request = request(&trial, 1, &Method::GET, begin);
            assert_eq!(ask(&trial, &mut request), None);
            assert_eq!(told(&trial, &request), expected);
        }
        let mut late = request(&trial, 1, &Method::GET, begin + 23 * HOUR - 1);
        assert_eq!(ask(&trial, &mut late), Some(1));
        assert_eq!(told(&trial, &late)[1], "\"q\";r=0;t=1");
        assert_eq!(ask(&trial, &mut request(&trial, 2, &Method::GET, begin)), None);
        assert_eq!(
            ask(&trial, &mut request(&trial, 1, &Method::GET, begin + 23 * HOUR)),
            None
        );
    }
}

#[test]
fn a_refused_request_is_not_charged_and_a_cheaper_one_still_passes() {
    let config = json!({
        "by": "address", "allow": 7, "per": "month", "cost": { "methods": { "POST": 5 } },
    });
    for config in both(&config) {
        let trial = Trial::with_host::<Quota>(&config, &mut host());
        let asked = |method: &Method| ask(&trial, &mut request(&trial, 1, method, MARCH)).is_none();
        let passes = [
            (Method::POST, true),
            (Method::POST, false),
            (Method::POST, false),
            (Method::GET, true),
            (Method::GET, true),
            (Method::GET, false),
            (Method::POST, false),
        ];
        for (method, passed) in passes {
            assert_eq!(asked(&method), passed, "{method}");
        }
    }
}

#[test]
fn plans_have_quotas_of_their_own() {
    let config = json!({ "by": "consumer", "allow": 1, "per": "day", "plans": { "gold": 3 } });
    for config in both(&config) {
        let consumer = Consumer {
            name: "acme".into(),
            plan: Some("gold".into()),
            groups: Vec::new(),
        };
        let known = KnownBy {
            method: "api-key",
            issuer: "",
            name: "acme",
        };
        let consumers = Consumers::new(vec!["gold".into()], [(known, Arc::new(consumer))]);
        let mut host = host().with_consumers(consumers);
        let mut trial = Trial::with_host::<Quota>(&config, &mut host);
        for (name, allowed) in [("acme", 3), ("other", 1)] {
            for number in 0..5 {
                let identity = host_resolve(&host, name);
                let request = Request::build(Method::GET, "/").unwrap().at(Tick(0), Wall(MARCH));
                let mut request = trial.prepare_with(request, identity);
                assert_eq!(
                    ask(&trial, &mut request).is_none(),
                    number < allowed,
                    "{name} {number}"
                );
            }
        }
    }
}

fn host_resolve(host: &TrialHost, name: &str) -> Identity {
    use adamant_filter::Host as _;
    host.consumers().resolve(Identity::new("api-key", "", name))
}

#[test]
fn what_was_used_stays_used_when_more_is_allowed() {
    let config = |allow: u64| json!({ "by": "address", "allow": allow, "per": "day", "store": "counters", "when-gone": "deny" });
    let mut host = host();
    let before = Trial::with_host::<Quota>(&config(2), &mut host);
    for refused in [None, None, Some(86_400)] {
        assert_eq!(
            ask(&before, &mut request(&before, 1, &Method::GET, MARCH)),
            refused
        );
    }
    let after = Trial::with_host::<Quota>(&config(3), &mut host);
    for refused in [None, Some(86_400)] {
        assert_eq!(ask(&after, &mut request(&after, 1, &Method::GET, MARCH)), refused);
    }
}

#[test]
fn a_successor_counts_on() {
    let config = json!({ "by": "address", "allow": 3, "per": "day", "keep-local": true });
    let (mut old_host, mut new_host) = (host(), host());
    let old = Trial::with_host::<Quota>(&config, &mut old_host);
    let new = Trial::with_host::<Quota>(&config, &mut new_host);
    for _ in 0..2 {
        assert_eq!(ask(&old, &mut request(&old, 1, &Method::GET, MARCH)), None);
    }
    let ((name, from), (same, to)) = (old_host.kept().remove(0), new_host.kept().remove(0));
    assert_eq!(name, same);
    let state = from.export(Tick(5));
    for length in 0..=state.len() {
        to.import(&state[..length], Tick(9));
    }
    for refused in [None, Some(86_400)] {
        assert_eq!(ask(&new, &mut request(&new, 1, &Method::GET, MARCH)), refused);
    }
}

#[test]
fn a_clock_that_is_put_back_gives_nothing_back() {
    let config = json!({ "by": "address", "allow": 1, "per": "day", "keep-local": true });
    let trial = Trial::with_host::<Quota>(&config, &mut host());
    let next_day = MARCH + 24 * HOUR;
    assert_eq!(ask(&trial, &mut request(&trial, 1, &Method::GET, next_day)), None);
    assert!(ask(&trial, &mut request(&trial, 1, &Method::GET, next_day - 1)).is_some());
    assert_eq!(
        ask(
            &trial,
            &mut request(&trial, 1, &Method::GET, next_day + 24 * HOUR)
        ),
        None
    );
}

#[test]
fn what_is_contradictory_or_can_have_no_effect_is_refused() {
    let cases = [
        (json!({}), "kept"),
        (json!({ "keep-local": false }), "kept in a store"),
        (json!({ "keep-local": true, "store": "counters" }), "exclude"),
        (json!({ "store": "counters" }), "does not answer"),
        (
            json!({ "keep-local": true, "when-gone": "deny" }),
            "without a store",
        ),
        (
            json!({ "store": "c", "when-gone": "deny", "remember": 9 }),
            "where a store remembers",
        ),
        (json!({ "keep-local": true, "remember": 0 }), "remember from"),
        (json!({ "keep-local": true, "allow": 0 }), "a quota is a number"),
        (json!({ "keep-local": true, "zone": "Mars/Olympus" }), "time zone"),
        (
            json!({ "keep-local": true, "plans": { "gold": 1 } }),
            "no consumer has a plan",
        ),
        (
            json!({ "keep-local": true, "cost": { "methods": {} } }),
            "no method",
        ),
        (
            json!({ "keep-local": true, "cost": { "methods": { "get": 1 } } }),
            "not a method",
        ),
        (
            json!({ "keep-local": true, "cost": { "methods": { "GET": 0 } } }),
            "never be limited",
        ),
        (
            json!({ "keep-local": true, "cost": { "methods": { "GET": 11 } } }),
            "could never pass",
        ),
        (json!({ "keep-local": true, "missing": "deny" }), "can be missing"),
    ];
    for (change, part) in cases {
        let mut config = json!({ "by": "address", "allow": 10, "per": "day" });
        for (key, value) in change.as_object().unwrap() {
            config[key] = value.clone();
        }
        let problems = Trial::try_build::<Quota>(&config, &mut host()).unwrap_err();
        assert!(format!("{problems:?}").contains(part), "{config} {problems:?}");
    }
}

/// The day in Berlin by hand: two hours from UTC between the two changes of 2026, and one otherwise.
fn day_in_berlin(now: u64) -> u64 {
    let is_summer = (1_774_746_000_000..1_792_890_000_000).contains(&now);
    (now + if is_summer { 2 * HOUR } else { HOUR }) / (24 * HOUR)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Requests of some keys with some costs around a change of clocks: as a plain map of days counts.
    #[test]
    fn quotas_are_counted_as_a_plain_map_counts(
        allow in 3_u64..12,
        begin in prop::sample::select(vec![MARCH, 1_792_800_000_000]),
        events in prop::collection::vec((0_u8..3, 0_u64..9 * HOUR, any::<bool>()), 1..60),
    ) {
        let config = json!({
            "by": "address", "allow": allow, "per": "day", "zone": "Europe/Berlin",
            "cost": { "methods": { "POST": 3 } },
        });
        for config in both(&config) {
            let trial = Trial::with_host::<Quota>(&config, &mut host());
            let mut model: HashMap<(u8, u64), u64> = HashMap::new();
            let mut now = begin;
            for (address, pause, is_post) in &events {
                now += pause;
                let (method, cost) = if *is_post { (Method::POST, 3) } else { (Method::GET, 1) };
                let used = model.entry((*address, day_in_berlin(now))).or_default();
                let passes = *used + cost <= allow;
                if passes {
                    *used += cost;
                }
                let mut request = request(&trial, *address, &method, now);
                let refused = ask(&trial, &mut request);
                prop_assert_eq!(refused.is_none(), passes);
                if let Some(seconds) = refused {
                    prop_assert!(day_in_berlin(now + seconds * 1000) > day_in_berlin(now));
                    prop_assert!(day_in_berlin(now + (seconds - 1) * 1000) == day_in_berlin(now));
                }
            }
        }
    }
}

#[test]
fn a_quota_in_a_store_has_an_id() {
    let config = json!({"by": "address", "allow": 1, "per": "day", "store": "s", "when-gone": "deny"});
    let problems = Trial::try_build::<Quota>(&config, &mut TrialHost::new()).unwrap_err();
    assert!(
        format!("{problems:?}").contains("told apart by their `id`"),
        "{problems:?}"
    );
}
