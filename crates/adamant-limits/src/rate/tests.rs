//! Tests of the `rate` filter.

mod several;

use std::collections::HashMap;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn get(address: [u8; 4], time: u64) -> Request {
    let request = Request::build(Method::GET, "/").unwrap();
    request.from_client(address.into()).at(Tick(time), Wall(0))
}

fn problem(config: &Value) -> Problem {
    let problems =
        Trial::try_build::<RateLimit>(config, &mut TrialHost::new()).expect_err("a broken configuration");
    problems.iter().next().unwrap().clone()
}

/// The fields of the answer that the engine would send.
fn told(trial: &Trial, request: &Request) -> Vec<(String, String)> {
    let mut head = pingora_http::ResponseHeader::build_no_case(200, None).unwrap();
    let _ = trial.response(request, &mut head, true);
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    head.headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn the_201st_request_of_a_burst_waits_a_second() {
    let config = json!({"by": "consumer", "allow": "100/s", "burst": 200, "remember": 50000});
    let mut trial = Trial::of::<RateLimit>(&config);
    let mut ask = |consumer: &str| {
        let identity = Identity::new("api-key", "", consumer);
        let mut request = trial.prepare_with(get([192, 0, 2, 1], SECOND), identity);
        (trial.ask(&mut request), told(&trial, &request))
    };
    for left in (0..200).rev() {
        let (verdict, fields) = ask("acme");
        assert!(matches!(verdict, Verdict::Pass), "{left}");
        let limit = format!("\"rate\";r={left};t=1");
        assert_eq!(
            fields,
            [
                pair("ratelimit-policy", "\"rate\";q=200;w=2"),
                pair("ratelimit", &limit)
            ]
        );
    }
    let (Verdict::Deny(denial), fields) = ask("acme") else {
        panic!("the burst is spent")
    };
    assert_eq!((denial.reason.code(), denial.reason.status()), ("exhausted", 429));
    assert_eq!(
        denial.fields,
        [(
            HeaderName::from_static("retry-after"),
            HeaderValue::from_static("1")
        )]
    );
    assert_eq!(fields[1], pair("ratelimit", "\"rate\";r=0;t=1"));
    assert!(
        matches!(ask("emca").0, Verdict::Pass),
        "another consumer has a burst of its own"
    );
}

#[test]
fn a_refusal_costs_nothing_so_that_the_rate_goes_on_under_twice_the_load() {
    let trial = Trial::of::<RateLimit>(&json!({"by": "address", "allow": "10/s", "burst": 10}));
    let passed = (0..600).filter(|n| {
        let request = get([192, 0, 2, 1], n * SECOND / 20);
        matches!(trial.request(request).verdict, Verdict::Pass)
    });
    // 30 seconds at 20/s: the burst, and then exactly 10/s.
    assert_eq!(passed.count(), 10 + 299);
}

#[test]
fn a_refused_client_that_waits_as_told_passes() {
    let trial = Trial::of::<RateLimit>(&json!({"by": "address", "allow": "2/m", "burst": 1}));
    trial.request(get([192, 0, 2, 1], 0)).passes();
    let denial = trial
        .request(get([192, 0, 2, 1], SECOND / 2))
        .denied("rate.exhausted");
    assert_eq!(denial.fields[0].1, "30", "29.5 seconds, rounded up");
    trial
        .request(get([192, 0, 2, 1], 29 * SECOND))
        .denied("rate.exhausted");
    trial
        .request(get([192, 0, 2, 1], SECOND / 2 + 30 * SECOND))
        .passes();
}

#[test]
fn the_burst_is_the_number_of_the_rate_unless_it_is_stated() {
    let trial = Trial::of::<RateLimit>(&json!({"by": "address", "allow": "3/h"}));
    for _ in 0..3 {
        trial.request(get([192, 0, 2, 1], 0)).passes();
    }
    trial.request(get([192, 0, 2, 1], 0)).denied("rate.exhausted");
    let written = |config: Value| {
        let config: RateConfig = adamant_filter::decode(&adamant_filter::Node::from_json(&config)).unwrap();
        adamant_filter::serde_json::to_value(&config).unwrap()
    };
    let short = written(json!({"by": "address", "allow": "60/s"}));
    let long = json!({"by": ["address"], "allow": "60/s", "burst": 60, "algorithm": "even", "remember": 50000, "headers": true, "legacy": "none", "precision": "exact", "scope": "instance"});
    assert_eq!(short, long);
    assert_eq!(written(long), short);
}

#[test]
fn addresses_of_one_ipv6_network_share_a_key() {
    let trial = Trial::of::<RateLimit>(&json!({"by": "address", "allow": "1/s", "burst": 1}));
    let from = |address: &str| trial.request(get([0; 4], 0).from_client(address.parse().unwrap()));
    from("2001:db8:0:1::1").passes();
    from("2001:db8:0:1:ffff::2").denied("rate.exhausted");
    from("2001:db8:0:2::1").passes();
}

#[test]
fn words_make_one_key_together() {
    let config = json!({"by": ["address", "method"], "allow": "1/s", "burst": 1});
    let trial = Trial::of::<RateLimit>(&config);
    let ask = |method| trial.request(Request::build(method, "/").unwrap());
    ask(Method::GET).passes();
    ask(Method::POST).passes();
    ask(Method::GET).denied("rate.exhausted");
}

#[test]
fn a_request_without_its_key_meets_what_the_file_says() {
    let trial = |missing| {
        Trial::of::<RateLimit>(
            &json!({"by": "header:x-tenant", "allow": "1/s", "burst": 1, "missing": missing}),
        )
    };
    let with = |tenant| get([192, 0, 2, 1], 0).with_header("x-tenant", tenant);
    let without = || get([192, 0, 2, 1], 0);

    let deny = trial("deny");
    assert_eq!(
        deny.request(without()).denied("rate.key-missing").reason.status(),
        400
    );
    deny.request(with("a").with_header("x-tenant", "b"))
        .denied("rate.key-missing");
    deny.request(with("a")).passes();
    deny.request(with("a")).denied("rate.exhausted");

    let share = trial("share");
    share.request(without()).passes();
    share.request(without()).denied("rate.exhausted");
    share.request(with("")).passes();

    let skip = trial("skip");
    for _ in 0..10 {
        skip.request(without()).passes();
    }
}

#[test]
fn a_claim_is_a_key() {
    let config = json!({"by": "claim:tenant", "allow": "1/s", "burst": 1, "missing": "deny"});
    let mut trial = Trial::of::<RateLimit>(&config);
    let mut ask = |claims: Value| {
        let claims = claims.as_object().unwrap().clone();
        let identity = Identity::new("jwt", "https://id.example.com/", "x").with_claims(claims);
        let mut request = trial.prepare_with(get([192, 0, 2, 1], 0), identity);
        match trial.ask(&mut request) {
            Verdict::Pass => "pass",
            Verdict::Deny(denial) => denial.reason.code(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(json!({"tenant": "a"})), "pass");
    assert_eq!(ask(json!({"tenant": "a"})), "exhausted");
    assert_eq!(ask(json!({"tenant": "b"})), "pass");
    assert_eq!(ask(json!({})), "key-missing");
}

#[test]
fn an_unknown_consumer_is_a_fault_and_never_counted_as_somebody_else() {
    let trial = Trial::of::<RateLimit>(&json!({"by": "consumer", "allow": "1/s", "burst": 1}));
    let Verdict::Fault(fault) = trial.request(get([192, 0, 2, 1], 0)).verdict else {
        panic!("nobody is known")
    };
    assert_eq!(fault.reason, &RateLimit::UNIDENTIFIED);
}

#[test]
fn every_reason_is_listed() {
    let codes: Vec<_> = RateLimit::REASONS
        .iter()
        .map(|reason| (reason.code(), reason.status()))
        .collect();
    assert_eq!(
        codes,
        [
            ("exhausted", 429),
            ("key-missing", 400),
            ("unidentified", 503),
            ("store-gone", 503)
        ]
    );
}

#[test]
fn fields_can_be_switched_off_and_retry_after_stays() {
    let trial =
        Trial::of::<RateLimit>(&json!({"by": "address", "allow": "1/s", "burst": 1, "headers": false}));
    assert!(
        trial.built().wired.response.is_empty(),
        "what is switched off costs nothing"
    );
    trial.request(get([192, 0, 2, 1], 0)).passes();
    let denial = trial.request(get([192, 0, 2, 1], 0)).denied("rate.exhausted");
    assert_eq!(denial.fields.len(), 1);
}

#[test]
fn the_limit_that_has_least_left_stands_first() {
    let of = |burst| Trial::of::<RateLimit>(&json!({"by": "address", "allow": "60/m", "burst": burst}));
    let trials = [of(9), of(3), of(5)];
    let mut head = pingora_http::ResponseHeader::build_no_case(200, None).unwrap();
    for trial in &trials {
        let mut request = trial.prepare(get([192, 0, 2, 1], 0));
        let _ = trial.ask(&mut request);
        let _ = trial.response(&request, &mut head, false);
    }
    let all = |name| {
        head.headers
            .get_all(name)
            .iter()
            .map(|v| v.to_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        all("ratelimit"),
        ["\"rate\";r=2;t=1, \"rate\";r=8;t=1, \"rate\";r=4;t=1"]
    );
    assert_eq!(
        all("ratelimit-policy"),
        ["\"rate\";q=3;w=3, \"rate\";q=9;w=9, \"rate\";q=5;w=5"]
    );
}

#[test]
fn a_sketch_counts_in_windows_and_hands_nothing_over() {
    let mut host = TrialHost::new();
    let config =
        json!({"by": "address", "allow": "2/s", "burst": 4, "precision": "sketch", "remember": 1000});
    let trial = Trial::with_host::<RateLimit>(&config, &mut host);
    for _ in 0..4 {
        trial.request(get([192, 0, 2, 1], 2 * SECOND)).passes();
    }
    let denial = trial
        .request(get([192, 0, 2, 1], 2 * SECOND))
        .denied("rate.exhausted");
    assert_eq!(denial.fields[0].1, "2");
    trial.request(get([192, 0, 2, 1], 4 * SECOND)).passes();
    assert!(host.kept().is_empty());
    assert_eq!(
        trial.built().needs.reserved,
        [("counters of the sketch", Size::from_bytes(64_000))]
    );
}

#[test]
fn state_is_kept_under_a_fingerprint_of_this_limit_alone() {
    let kept = |config: &Value| {
        let mut host = TrialHost::new();
        let _ = Trial::with_host::<RateLimit>(config, &mut host);
        host.kept()
            .into_iter()
            .map(|(fingerprint, _)| fingerprint)
            .collect::<Vec<_>>()
    };
    let base = json!({"by": "address", "allow": "1/s", "burst": 5});
    assert_eq!(kept(&base), ["rate/rate/address/1/s/5/even"]);
    assert_eq!(
        kept(&json!({"by": "address", "allow": "1/s", "burst": 5, "remember": 7, "headers": false})),
        kept(&base)
    );
    assert_ne!(
        kept(&json!({"by": "address", "allow": "1/s", "burst": 6})),
        kept(&base)
    );
}

#[test]
fn a_configuration_that_means_nothing_is_refused_at_its_place() {
    let cases = [
        (json!({"by": [], "allow": "1/s"}), "by"),
        (json!({"by": "nobody", "allow": "1/s"}), "by"),
        (json!({"by": "header:x", "allow": "1/s"}), "by"),
        (json!({"by": ["address", "claim:x"], "allow": "1/s"}), "by"),
        (
            json!({"by": "consumer", "allow": "1/s", "missing": "skip"}),
            "missing",
        ),
        (json!({"by": "address", "allow": "1/s", "burst": 0}), "burst"),
        (
            json!({"by": "address", "allow": "1/s", "burst": 1_u64 << 31}),
            "burst",
        ),
        (
            json!({"by": "address", "allow": "1/s", "remember": 0}),
            "remember",
        ),
        (
            json!({"by": "address", "allow": "1/s", "remember": 16_000_001}),
            "remember",
        ),
    ];
    for (config, path) in cases {
        assert_eq!(problem(&config).path(), Some(path), "{config}");
    }
    for config in [
        json!({"by": "address"}),
        json!({"by": "address", "allow": "1/s", "burts": 3}),
        json!({"allow": "1/s"}),
    ] {
        let _ = problem(&config);
    }
}

/// A token bucket in exact fractions: the other way to say what the limit is.
struct Bucket {
    tokens: u128,
    last: u64,
}

/// Whether a request passes, and how many more would, by the reference model. Tokens are counted in
/// `window` nanoseconds, of which the rate pours in `count` each nanosecond.
fn model(bucket: &mut Bucket, rate: Rate, burst: u64, now: u64) -> Option<u128> {
    let one = rate.window().as_nanos();
    let poured = u128::from(now - bucket.last) * u128::from(rate.count());
    bucket.tokens = (bucket.tokens + poured).min(one * u128::from(burst));
    bucket.last = now;
    bucket.tokens = bucket.tokens.checked_sub(one)?;
    Some(bucket.tokens / one)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_sequence_in_virtual_time_equals_the_reference_model(
        count in 1_u64..500,
        unit in prop::sample::select(vec!["s", "7s", "333ms", "m", "15m", "h", "d"]),
        burst in 1_u64..50,
        start in 0..u64::MAX / 2,
        requests in prop::collection::vec((0_u8..4, 0_u64..1_000), 1..150),
    ) {
        let allow = format!("{count}/{unit}");
        let rate: Rate = allow.parse().unwrap();
        let trial = Trial::of::<RateLimit>(&json!({"by": "address", "allow": allow, "burst": burst}));
        // Gaps around the interval between two requests, where right and wrong differ.
        let step = u64::try_from(rate.window().as_nanos()).unwrap() / rate.count() / 300;
        let (mut buckets, mut now) = (HashMap::new(), start);
        for (key, gap) in requests {
            now += gap * step;
            let full = Bucket { tokens: rate.window().as_nanos() * u128::from(burst), last: now };
            let expected = model(buckets.entry(key).or_insert(full), rate, burst, now);
            let mut request = trial.prepare(get([192, 0, 2, key], now));
            let passed = matches!(trial.ask(&mut request), Verdict::Pass);
            prop_assert_eq!(passed, expected.is_some());
            let limit = told(&trial, &request).pop().unwrap().1;
            let left = format!("\"rate\";r={};", expected.unwrap_or(0));
            prop_assert!(limit.starts_with(&left), "{} instead of {}", limit, left);
        }
    }
}
