//! Tests of several limits in one step, of costs and plans, and of limits in a store.

use adamant_filter::{Consumer, Consumers, KnownBy};

use super::*;

/// What a limit is, said plainly: everything that passed, and when.
#[derive(Clone, Default)]
struct Log {
    passed: Vec<(u128, u128)>,
    /// Where the windows of a sliding limit begin.
    origin: Option<u128>,
}

/// A limit by its numbers: count, window in nanoseconds, burst where it is even.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    count: u128,
    window: u128,
    burst: Option<u128>,
}

impl Numbers {
    /// What is left after a request of this cost, and whether it fits.
    fn ask(self, log: &mut Log, now: u128, cost: u128) -> Option<u128> {
        match self.burst {
            Some(burst) => self
                .bucket(log, burst, now)
                .checked_sub(cost * self.window)
                .map(|left| left / self.window),
            None => self.count.checked_sub(self.used(log, now) + cost),
        }
    }

    /// A bucket in parts, of which one request takes the window and each nanosecond brings the count.
    fn bucket(self, log: &Log, burst: u128, now: u128) -> u128 {
        let full = burst * self.window;
        let (mut parts, mut last) = (full, 0);
        for (time, cost) in &log.passed {
            parts = full.min(parts + (time - last) * self.count) - cost * self.window;
            last = *time;
        }
        full.min(parts + (now - last) * self.count)
    }

    /// The count of this window and the part of the one before that is still in the last window's length.
    fn used(self, log: &mut Log, now: u128) -> u128 {
        let window_of = |origin: u128, time: u128| (time - origin) / self.window;
        if let (Some(origin), Some((last, _))) = (log.origin, log.passed.last())
            && window_of(origin, now) > window_of(origin, *last) + 1
        {
            log.origin = None;
        }
        let Some(origin) = log.origin else { return 0 };
        let number = window_of(origin, now);
        let sum = |number: Option<u128>| -> u128 {
            let within = log.passed.iter().filter(|(time, _)| *time >= origin);
            within
                .filter(|(time, _)| Some(window_of(origin, *time)) == number)
                .map(|(_, cost)| cost)
                .sum()
        };
        let rest = self.window - (now - origin) % self.window;
        (sum(number.checked_sub(1)) * rest).div_ceil(self.window) + sum(Some(number))
    }
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let window = prop::sample::select(vec![1_000_u128, 333, 60_000]).prop_map(|millis| millis * 1_000_000);
    let burst = prop_oneof![(5_u128..30).prop_map(Some), Just(None)];
    (5_u128..40, window, burst).prop_map(|(count, window, burst)| Numbers { count, window, burst })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn several_limits_with_costs_equal_the_reference_model(
        all in prop::collection::vec(numbers(), 1..4),
        start in 0..u64::MAX / 4,
        requests in prop::collection::vec((0_u8..2, any::<bool>(), 0_u64..1_000), 1..80),
        expensive in 1_u128..6,
    ) {
        let limits: Vec<Value> = all.iter().enumerate().map(|(number, limit)| {
            let allow = format!("{}/{}ms", limit.count, limit.window / 1_000_000);
            match limit.burst {
                Some(burst) => json!({"id": format!("l{number}"), "allow": allow, "burst": u64::try_from(burst).unwrap()}),
                None => json!({"id": format!("l{number}"), "allow": allow, "algorithm": "sliding"}),
            }
        }).collect();
        let cost = json!({"methods": {"POST": u64::try_from(expensive).unwrap()}});
        let trial = Trial::of::<RateLimit>(&json!({"by": "address", "limits": limits, "cost": cost}));
        let step = u64::try_from(all[0].window / all[0].count / 200).unwrap();
        let (mut logs, mut now) = (HashMap::new(), start);
        for (key, is_expensive, gap) in requests {
            now += gap * step;
            let logs = logs.entry(key).or_insert_with(|| vec![Log::default(); all.len()]);
            let cost = if is_expensive { expensive } else { 1 };
            let asked: Vec<Option<u128>> = all.iter().zip(logs.iter_mut())
                .map(|(limit, log)| limit.ask(log, u128::from(now), cost)).collect();
            let passes = asked.iter().all(Option::is_some);
            let method = if is_expensive { Method::POST } else { Method::GET };
            let request = Request::build(method, "/").unwrap();
            let mut request = trial.prepare(request.from_client([192, 0, 2, key].into()).at(Tick(now), Wall(0)));
            let passed = matches!(trial.ask(&mut request), Verdict::Pass);
            prop_assert_eq!(passed, passes, "{:?} at {}", asked, now);
            let told = told(&trial, &request).pop().unwrap().1;
            for (number, left) in asked.iter().enumerate() {
                // What would have passed and was not charged still has the cost.
                let left = left.map_or(0, |left| if passes { left } else { left + cost });
                let item = format!("\"l{number}\";r={left};");
                prop_assert!(told.contains(&item), "{} lacks {}", told, item);
            }
            if passes {
                for log in logs {
                    log.origin.get_or_insert(u128::from(now));
                    log.passed.push((u128::from(now), cost));
                }
            }
        }
    }
}

/// Configurations that mean nothing, and where: `A` is a limit, and `S` is a scope.
#[rustfmt::skip] // One row a line: it is a table.
const WRONG: &[(&str, &str)] = &[
    (r#""by": "address", "limits": [A], "allow": "1/s""#, "allow"),
    (r#""by": "address", "limits": [A], "burst": 1"#, "burst"),
    (r#""by": "address", "limits": [A], "algorithm": "even""#, "algorithm"),
    (r#""by": "address", "limits": [A], "plans": {"gold": {"allow": "1/s"}}"#, "plans"),
    (r#""by": "address", "limits": [{"id": "a", "by": "route", "allow": "1/s"}]"#, "by"),
    (r#""limits": [A]"#, "limits[0].by"),
    (r#""by": "address", "limits": [A, A]"#, "limits[1].id"),
    (r#""by": "address", "limits": [{"id": "a b", "allow": "1/s"}]"#, "limits[0].id"),
    (r#""by": "address", "limits": [A, A, A, A, A, A, A, A, A]"#, "limits"),
    (r#""by": "address", "limits": [{"id": "a", "allow": "1/s", "burst": 0}]"#, "limits[0].burst"),
    (r#""limits": [{"id": "a", "by": "header:x", "allow": "1/s"}]"#, "limits[0].by"),
    (r#""by": "address""#, "allow"),
    (r#""allow": "1/s""#, "by"),
    (r#""by": "address", "allow": "3/s", "algorithm": "sliding", "burst": 3"#, "burst"),
    (r#""by": "address", "allow": "2147483648/s", "algorithm": "sliding""#, "allow"),
    (r#""by": "address", "allow": "3/s", "cost": {}"#, "cost"),
    (r#""by": "address", "allow": "3/s", "cost": {"methods": {"POST": 4}}"#, "cost.methods.POST"),
    (r#""by": "address", "allow": "3/s", "cost": {"methods": {"POST": 0}}"#, "cost.methods.POST"),
    (r#""by": "address", "allow": "3/s", "cost": {"methods": {"post": 1}}"#, "cost.methods.post"),
    (r#""by": "address", "allow": "9/s", "burst": 3, "scope": {"fleet": {"replicas": 2}}, "cost": {"methods": {"POST": 2}}"#, "cost.methods.POST"),
    (r#""by": "address", "allow": "9/s", "burst": 3, "scope": {"fleet": {"replicas": 4}}"#, "burst"),
    (r#""by": "address", "allow": "3/s", "algorithm": "sliding", "scope": {"fleet": {"replicas": 4}}"#, "allow"),
    (r#""by": "address", "allow": "3/s", "scope": {"fleet": {"replicas": 1}}"#, "scope.fleet.replicas"),
    (r#""by": "address", "allow": "3/s", "scope": S"#, "scope.shared"),
    (r#""by": "consumer", "allow": "3/s", "plans": {"gold": {"allow": "1/s"}}"#, "plans.gold"),
    (r#""by": "address", "allow": "3/s", "precision": "sketch", "algorithm": "sliding""#, "algorithm"),
    (r#""by": "address", "precision": "sketch", "limits": [A]"#, "limits"),
    (r#""by": "address", "allow": "3/s", "precision": "sketch", "scope": S"#, "scope.shared"),
    (r#""by": "address", "allow": "3/s", "precision": "sketch", "cost": {"methods": {"POST": 2}}"#, "cost"),
];

#[test]
fn a_wrong_set_of_limits_is_refused_at_its_place() {
    for (keys, path) in WRONG {
        let text = keys.replace('A', r#"{"id": "a", "allow": "1/s"}"#).replace(
            "scope\": S",
            r#"scope": {"shared": {"store": "counters", "when-gone": "deny"}}"#,
        );
        let config: Value = adamant_filter::serde_json::from_str(&format!("{{{text}}}")).unwrap();
        assert_eq!(problem(&config).path(), Some(*path), "{config}");
    }
}

#[test]
fn equal_meaning_is_written_equally() {
    let written = |config: Value| {
        let config: RateConfig = adamant_filter::decode(&adamant_filter::Node::from_json(&config)).unwrap();
        adamant_filter::serde_json::to_value(&config).unwrap()
    };
    let pairs = [
        (
            json!({"by": "address", "limits": [{"id": "a", "allow": "5/s"}]}),
            json!({"limits": [{"id": "a", "by": ["address"], "allow": "5/s", "burst": 5, "algorithm": "even"}]}),
        ),
        (
            json!({"by": "address", "allow": "5/s", "plans": {"gold": {"allow": "7/s"}}}),
            json!({"by": "address", "allow": "5/s", "plans": {"gold": {"allow": "7/s", "burst": 7}}, "algorithm": "even"}),
        ),
        (
            json!({"by": "address", "allow": "5/s", "scope": {"shared": {"store": "s", "when-gone": "deny"}}}),
            json!({"by": "address", "allow": "5/s", "scope": {"shared": {"store": "s", "when-gone": "deny", "batch": 1}}}),
        ),
    ];
    for (short, long) in pairs {
        let short = written(short);
        assert_eq!(short, written(long));
        assert_eq!(
            short,
            written(short.clone()),
            "it says the same when it is read again"
        );
    }
}

fn consumers() -> Consumers {
    let rich = Arc::new(Consumer {
        name: "acme".into(),
        plan: Some("gold".into()),
        groups: Vec::new(),
    });
    let by = KnownBy {
        method: "api-key",
        issuer: "",
        name: "acme",
    };
    Consumers::new(vec!["gold".into()], [(by, rich)])
}

#[test]
fn a_plan_has_a_table_of_its_own() {
    let mut host = TrialHost::new().with_consumers(consumers());
    let config = json!({"by": "address", "allow": "2/h", "remember": 100, "plans": {"gold": {"allow": "1/h", "burst": 20}}});
    let mut trial = Trial::with_host::<RateLimit>(&config, &mut host);
    let mut passed = |name: &str| {
        let asked = (0..30).filter(|_| {
            let identity = consumers().resolve(Identity::new("api-key", "", name));
            let mut request = trial.prepare_with(get([192, 0, 2, 1], 0), identity);
            matches!(trial.ask(&mut request), Verdict::Pass)
        });
        asked.count()
    };
    assert_eq!([passed("acme"), passed("other"), passed("acme")], [20, 2, 0]);
    assert_eq!(
        trial.built().needs.reserved,
        [("remembered keys", Size::from_bytes(2 * Table::bound(100)))]
    );
    assert!(
        !trial.built().needs.reads.is_empty(),
        "nobody has a plan before somebody has proved who it is"
    );
}

#[test]
fn shares_of_a_fleet_are_never_more_than_the_whole() {
    for (allow, burst, replicas) in [("100/s", 10, 3), ("1/s", 7, 2), ("7/m", 7, 7), ("10/s", 11, 10)] {
        let config = json!({"by": "address", "allow": allow, "burst": burst, "scope": {"fleet": {"replicas": replicas}}});
        let trial = Trial::of::<RateLimit>(&config);
        let rate: Rate = allow.parse().unwrap();
        let step = u64::try_from(rate.window().as_nanos())
            .unwrap()
            .div_ceil(4 * rate.count());
        let passed = (0..4_000).filter(|n| {
            let request = get([192, 0, 2, 1], n * step);
            matches!(trial.request(request).verdict, Verdict::Pass)
        });
        let passed = passed.count() as u64 * replicas;
        let whole = burst + 1_000;
        assert!(
            passed <= whole && passed + 2 * replicas >= whole - burst % replicas,
            "{passed} of {whole}"
        );
    }
}

#[test]
fn limits_in_a_store_are_charged_together_and_told() {
    let config = json!({
        "by": "address",
        "limits": [{"id": "wide", "allow": "5/h"}, {"id": "tight", "allow": "2/h", "by": ["address", "method"]}],
        "scope": {"shared": {"store": "counters", "when-gone": "deny", "batch": 2}},
    });
    let mut host = TrialHost::new();
    let build = |host: &mut TrialHost| Instance::new(&config, host);
    let (one, other) = (build(&mut host), build(&mut host));
    assert_eq!(
        one.ask(Method::GET),
        (true, "\"tight\";r=1;t=1800, \"wide\";r=4;t=720".to_owned())
    );
    assert!(
        !other.ask(Method::GET).0,
        "what the first took ahead is not there for the second"
    );
    assert!(one.ask(Method::GET).0, "but for itself");
    assert!(!one.ask(Method::GET).0);
    // Two of the five are used, and nothing of the refusals.
    assert_eq!([other.ask(Method::PUT).0, other.ask(Method::PUT).0], [true, true]);
    assert_eq!([one.ask(Method::POST).0, one.ask(Method::POST).0], [true, false]);
}

/// An instance with a step that has an id.
struct Instance {
    built: adamant_filter::Built,
    layout: adamant_filter::Layout,
}

impl Instance {
    fn new(config: &Value, host: &mut TrialHost) -> Self {
        let catalogue = crate::register(adamant_filter::Catalogue::new());
        let mut layout = adamant_filter::Layout::default();
        let rate = catalogue.get("rate").unwrap();
        let node = adamant_filter::Node::from_json(config);
        let built = rate.build_as("all", &node, host, &mut layout).unwrap();
        Self { built, layout }
    }

    /// Whether a request passes, and what is told of what is left.
    fn ask(&self, method: Method) -> (bool, String) {
        let mut request = Request::build(method, "/")
            .unwrap()
            .at(Tick(SECOND), Wall(1_000_000));
        let origin = request.origin().clone();
        request.begin(origin, self.layout.slots(), self.layout.words());
        let [adamant_filter::RequestHook::Either(quick, slow)] = self.built.wired.request.as_slice() else {
            panic!("it may have to wait")
        };
        let verdict = quick(&mut request);
        let verdict = verdict.unwrap_or_else(|| adamant_filter::trial::block_on(slow.start(&mut request)));
        let mut head = pingora_http::ResponseHeader::build_no_case(200, None).unwrap();
        let mut response = Response::new(&mut head, &request, true);
        let _ = self
            .built
            .wired
            .response
            .iter()
            .map(|hook| hook(&mut response))
            .count();
        let told = head
            .headers
            .get("ratelimit")
            .map(|value| value.to_str().unwrap().to_owned());
        (matches!(verdict, Verdict::Pass), told.unwrap_or_default())
    }
}
