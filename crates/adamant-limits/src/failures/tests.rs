//! Tests of the `failures` filter.

use std::collections::HashMap;
use std::time::Duration;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

/// A request that comes at `time`; how the filter answers, and the seconds that a refusal tells.
fn come(trial: &Trial, address: u8, time: u64) -> (Request, Option<u64>) {
    let request = Request::build(Method::GET, "/").unwrap();
    let request = request.from_client([192, 0, 2, address].into());
    let mut request = trial.prepare(request.at(Tick(time), Wall(0)));
    let seconds = match trial.ask(&mut request) {
        Verdict::Pass => None,
        Verdict::Deny(denial) => {
            assert_eq!(denial.reason.code(), "blocked");
            let [(name, value)] = &denial.fields[..] else {
                panic!("a block says when it ends: {:?}", denial.fields)
            };
            assert_eq!(name, "retry-after");
            Some(value.to_str().unwrap().parse().unwrap())
        }
        other => panic!("{other:?}"),
    };
    (request, seconds)
}

fn end(trial: &Trial, request: &Request, status: u16, took: u64) {
    trial.finish(&Finished {
        request,
        status,
        reason: None,
        duration: Duration::from_nanos(took),
        bytes_in: 0,
        bytes_out: 0,
    });
}

fn config() -> Value {
    json!({ "by": "address", "statuses": [401, 429], "allow": "3/m", "burst": 3, "block-for": "5m" })
}

#[test]
fn the_last_failure_blocks_for_as_long_as_the_file_says() {
    let trial = Trial::of::<Failures>(&config());
    for number in 0..3 {
        let (request, refused) = come(&trial, 1, number);
        assert_eq!(refused, None);
        end(&trial, &request, 401, 0);
    }
    let (request, refused) = come(&trial, 1, 10);
    assert_eq!(refused, Some(300));
    // Its own refusals, which have a status that counts, lengthen nothing.
    for _ in 0..9 {
        end(&trial, &request, 429, 0);
    }
    assert_eq!(come(&trial, 2, 10).1, None);
    assert_eq!(come(&trial, 1, 2 + 300 * SECOND - 1).1, Some(1));
    // All debt was paid meanwhile.
    for number in 0..3 {
        let (request, refused) = come(&trial, 1, 2 + 300 * SECOND + number);
        assert_eq!(refused, None);
        end(&trial, &request, 429, 0);
    }
    assert_eq!(come(&trial, 1, 301 * SECOND).1, Some(300));
}

#[test]
fn answers_of_other_statuses_count_nothing() {
    let trial = Trial::of::<Failures>(&config());
    for status in [0, 200, 302, 400, 403, 500, 503] {
        for _ in 0..9 {
            let (request, refused) = come(&trial, 1, 0);
            assert_eq!(refused, None);
            end(&trial, &request, status, 0);
        }
    }
}

#[test]
fn requests_that_were_under_way_do_not_lengthen_a_block() {
    let trial = Trial::of::<Failures>(&config());
    let under_way: Vec<Request> = (0..9).map(|_| come(&trial, 1, 0).0).collect();
    for (number, request) in (0..).zip(&under_way) {
        end(&trial, request, 401, number * SECOND);
    }
    assert_eq!(come(&trial, 1, 20 * SECOND).1, Some(282));
    assert_eq!(come(&trial, 1, 302 * SECOND).1, None);
}

#[test]
fn a_successor_knows_failures_and_blocks() {
    let mut host = TrialHost::new();
    let trial = Trial::with_host::<Failures>(&config(), &mut host);
    for (address, failures) in [(1, 3), (2, 2)] {
        for _ in 0..failures {
            end(&trial, &come(&trial, address, 0).0, 401, 0);
        }
    }
    let mut next_host = TrialHost::new();
    let next = Trial::with_host::<Failures>(&config(), &mut next_host);
    let (old, new) = (host.kept(), next_host.kept());
    assert_eq!(old.len(), 2);
    for ((fingerprint, old), (same, new)) in old.iter().zip(&new) {
        assert_eq!(fingerprint, same);
        let state = old.export(Tick(0));
        new.import(&state, Tick(1_000 * SECOND));
        for cut in 0..state.len() {
            new.import(&state[..cut], Tick(1_000 * SECOND));
        }
    }
    assert_eq!(come(&next, 1, 1_000 * SECOND).1, Some(300));
    let (request, refused) = come(&next, 2, 1_000 * SECOND);
    assert_eq!(refused, None);
    end(&next, &request, 401, 0);
    assert_eq!(come(&next, 2, 1_000 * SECOND).1, Some(300));
}

#[test]
fn strangers_do_not_make_a_heavy_source_forgotten() {
    let mut host = TrialHost::new();
    let config =
        json!({ "by": "header:x-key", "missing": "deny", "statuses": [401], "allow": "3/m", "remember": 64 });
    let trial = Trial::with_host::<Failures>(&config, &mut host);
    let fail = |key: &str, time: u64| {
        let request = Request::build(Method::GET, "/")
            .unwrap()
            .with_header("x-key", key);
        let mut request = trial.prepare(request.at(Tick(time), Wall(0)));
        let passed = matches!(trial.ask(&mut request), Verdict::Pass);
        request.remove_header(&HeaderName::from_static("x-key"));
        end(&trial, &request, 401, 0);
        passed
    };
    assert!(fail("heavy", 0) && fail("heavy", 0));
    for number in 0..10_000 {
        assert!(fail(&format!("stranger-{number}"), number));
    }
    assert!(fail("heavy", 10_000) && !fail("heavy", 10_000));
    assert!(host.counted("failures_forgotten") > 9_000);
}

#[test]
fn what_can_have_no_effect_is_refused() {
    let cases = [
        (json!({ "statuses": [] }), "statuses"),
        (json!({ "statuses": [200] }), "statuses"),
        (json!({ "statuses": [600] }), "statuses"),
        (json!({ "burst": 0 }), "burst"),
        (json!({ "block-for": "19s" }), "block-for"),
        (json!({ "missing": "deny" }), "missing"),
        (json!({ "remember": 0 }), "remember"),
    ];
    for (change, part) in cases {
        let mut config = config();
        for (key, value) in change.as_object().unwrap() {
            config[key] = value.clone();
        }
        let problems = Trial::try_build::<Failures>(&config, &mut TrialHost::new()).unwrap_err();
        assert!(format!("{problems:?}").contains(part), "{config} {problems:?}");
    }
}

/// A leaky bucket, written plainly: what is in it, and until when the source is blocked.
#[derive(Clone, Copy, Default)]
struct Bucket {
    /// In parts of which one failure has `window`, and of which `count` leak in each nanosecond.
    level: u128,
    at: u64,
    blocked_until: u64,
}

struct Model {
    count: u64,
    window: u64,
    burst: u64,
    block: u64,
    sources: HashMap<u8, Bucket>,
}

impl Model {
    fn blocked(&self, source: u8, now: u64) -> Option<u64> {
        let until = self.sources.get(&source)?.blocked_until;
        (until > now).then(|| (until - now).div_ceil(SECOND))
    }

    fn fail(&mut self, source: u8, now: u64) {
        let bucket = self.sources.entry(source).or_default();
        let leaked = u128::from(now - bucket.at) * u128::from(self.count);
        bucket.level = bucket.level.saturating_sub(leaked);
        bucket.at = now;
        let (one, whole) = (
            u128::from(self.window),
            u128::from(self.window) * u128::from(self.burst),
        );
        if bucket.level + one <= whole {
            bucket.level += one;
        }
        if bucket.level + one > whole && bucket.blocked_until <= now {
            let wait = (bucket.level + one - whole).div_ceil(self.count.into());
            let wait = u64::try_from(wait).unwrap().div_ceil(SECOND) * SECOND;
            bucket.blocked_until = now + wait.max(self.block);
        }
    }
}

/// What stands for an answer whose head is about to leave.
fn answer(trial: &Trial, request: &Request, status: u16, now: u64) {
    trial.answered(&Answered {
        request,
        status,
        reason: None,
        now: Tick(now),
    });
}

#[test]
fn an_answer_counts_once_and_before_its_end() {
    let trial = Trial::of::<Failures>(&config());
    let open: Vec<Request> = (0..2).map(|_| come(&trial, 1, 0).0).collect();
    for request in &open {
        answer(&trial, request, 401, 0);
        // It was replaced by another one before it left.
        answer(&trial, request, 429, 0);
        end(&trial, request, 401, 0);
    }
    let (third, refused) = come(&trial, 1, 1);
    assert_eq!(refused, None);
    answer(&trial, &third, 401, 1);
    assert_eq!(come(&trial, 1, 1).1, Some(300), "nobody has read an answer");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Failures and successes of some sources in virtual time: blocked exactly when the plain model says so.
    #[test]
    fn sources_are_blocked_as_the_plain_model_says(
        count in 1_u64..8,
        window in prop::sample::select(vec!["s", "7s", "m"]),
        burst in 1_u64..5,
        block in prop::option::of(60_u64..200),
        events in prop::collection::vec((0_u8..3, 0_u64..20_000, any::<bool>()), 1..80),
    ) {
        let mut config = json!({
            "by": "address", "statuses": [401], "allow": format!("{count}/{window}"), "burst": burst,
        });
        if let Some(block) = block {
            config["block-for"] = json!(format!("{block}s"));
        }
        let trial = Trial::of::<Failures>(&config);
        let seconds = match window { "s" => 1, "7s" => 7, _ => 60 };
        let mut model = Model {
            count,
            window: seconds * SECOND,
            burst,
            block: block.unwrap_or(0) * SECOND,
            sources: HashMap::new(),
        };
        let mut now = 0;
        for (source, pause, fails) in events {
            now += pause * 1_000_000 + 1;
            let (request, refused) = come(&trial, source, now);
            prop_assert_eq!(refused, model.blocked(source, now));
            end(&trial, &request, if fails { 401 } else { 200 }, 0);
            if fails && refused.is_none() {
                model.fail(source, now);
            }
        }
    }
}
