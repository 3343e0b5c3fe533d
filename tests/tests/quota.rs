//! Quotas of the calendar: what is left, when it begins anew, and what is not charged.

use std::time::{SystemTime, UNIX_EPOCH};

use adamant_tests::client::{CARRIERS, exchange, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Gateway, Origin, Policy, Redis, Response, covers, wait};

const DAY: u64 = 86_400;

fn route(name: &str, quota: &str) -> String {
    format!(
        "name: {name}\nmatch: {{ path: /{name} }}\npublic: true\nto: origin\nfilters:\n  - quota: {{ by: address, keep-local: true, {quota} }}"
    )
}

/// A parameter of the first item of a field.
fn parameter(answer: &Response, field: &str, name: &str) -> u64 {
    let value = answer.field(field).expect("the answer tells what is left");
    let found = value
        .split(';')
        .find_map(|part| part.strip_prefix(&format!("{name}=")));
    let found = found.unwrap_or_else(|| panic!("no `{name}` in {value}"));
    found.parse().expect("a number")
}

/// Seconds since midnight, UTC.
fn since_midnight() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_secs() % DAY
}

#[tokio::test]
async fn a_quota_is_used_up_to_the_last_request_and_no_further() {
    covers(&[
        "policies.*[].quota.by",
        "policies.*[].quota.allow",
        "policies.*[].quota.per",
        "policies.*[].quota.headers",
    ]);
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin)
        .route(&(route("day", "allow: 3, per: day") + "\n    id: daily"))
        .route(&route("hour", "allow: 3, per: hour"))
        .route(&route("week", "allow: 3, per: week"))
        .route(&route("month", "allow: 3, per: month, headers: false"));
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    for number in 0..5 {
        let answer = get(at, "/day", CARRIERS[number % 2]).await;
        assert_eq!(answer.field("ratelimit-policy"), Some("\"daily\";q=3;w=86400"));
        assert_eq!(
            parameter(&answer, "ratelimit", "r"),
            2_u64.saturating_sub(number as u64)
        );
        let left = parameter(&answer, "ratelimit", "t");
        assert!((1..=DAY).contains(&left), "{left}");
        if number < 3 {
            assert_eq!((answer.status, answer.field("retry-after")), (200, None));
            continue;
        }
        assert_eq!(answer.refused(429), "quota.exhausted");
        assert_eq!(answer.field("retry-after"), Some(left.to_string().as_str()));
        assert!(answer.text().contains("daily"), "{}", answer.text());
    }
    assert_eq!(origin.count(), 3);
    for (target, window) in [("/hour", 3_600), ("/week", 7 * DAY)] {
        let answer = get(at, target, &[]).await;
        assert_eq!(parameter(&answer, "ratelimit-policy", "w"), window);
    }
    for status in [200, 200, 200, 429] {
        let answer = get(at, "/month", &[]).await;
        assert_eq!((answer.status, answer.field("ratelimit")), (status, None));
    }
    let refused = get(at, "/month", &[]).await;
    let wait: u64 = refused
        .field("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((1..=31 * DAY).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_day_is_that_of_the_zone() {
    covers(&["policies.*[].quota.zone"]);
    let origin = Origin::hello().await;
    // Zones without changes of clocks, so that a test can count by hand.
    let zones = [
        ("utc", "UTC", 0),
        ("tokyo", "Asia/Tokyo", 9),
        ("phoenix", "America/Phoenix", 17),
    ];
    let mut policy = Policy::before(&origin);
    for (name, zone, _) in zones {
        policy = policy.route(&route(name, &format!("allow: 3, per: day, zone: {zone}")));
    }
    let gateway = Gateway::start(&policy).await;
    for (name, zone, hours) in zones {
        let before = since_midnight();
        let answer = get(gateway.address(), &format!("/{name}"), &[]).await;
        let left = parameter(&answer, "ratelimit", "t");
        let expected = DAY - (before + hours * 3_600) % DAY;
        // The answer took a moment, in which a day may have ended.
        let passed = (expected + DAY - left) % DAY;
        assert!(passed < 30, "{zone}: {left} instead of {expected}");
    }
}

#[tokio::test]
async fn methods_have_costs_and_a_refusal_costs_nothing() {
    covers(&["policies.*[].quota.cost.methods.*"]);
    let origin = Origin::hello().await;
    let quota = "allow: 7, per: month, cost: { methods: { POST: 5 } }";
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("all", quota))).await;
    let rows = [
        ("POST", 200),
        ("POST", 429),
        ("POST", 429),
        ("GET", 200),
        ("GET", 200),
        ("GET", 429),
    ];
    for (method, status) in rows {
        let answer = exchange(gateway.address(), request(method, "/all", &[], "")).await;
        assert_eq!(answer.status, status, "{method}");
    }
}

#[tokio::test]
async fn counts_of_a_process_end_with_it_and_forgotten_keys_begin_afresh() {
    covers(&["policies.*[].quota.keep-local", "policies.*[].quota.remember"]);
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin).route(&route("all", "allow: 1, per: month, remember: 1"));
    for _ in 0..2 {
        let gateway = Gateway::start(&policy).await;
        assert_eq!(get(gateway.address(), "/all", &[]).await.status, 200);
        assert_eq!(get(gateway.address(), "/all", &[]).await.status, 429);
        let mut other = adamant_tests::Client::connect_from("127.0.0.9", gateway.address()).await;
        assert_eq!(other.get("/all", &[]).await.status, 200);
        assert_eq!(get(gateway.address(), "/all", &[]).await.status, 200);
        assert!(gateway.metric("adamant_quota_forgotten_total", &[]).await >= Some(1.0));
    }
    let neither = route("all", "allow: 1, per: month").replace("keep-local: true, ", "");
    let refused = Setup::new(&Policy::before(&origin).route(&neither))
        .run(&["check"])
        .await;
    assert!(refused.text().contains("keep-local: true"), "{}", refused.text());
}

/// A route whose quota is kept in the store `counters`.
fn shared(redis: &Redis, quota: &str) -> Policy {
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nrespond: {{ status: 204 }}\nfilters:\n  - quota: {{ by: address, per: month, zone: Europe/Berlin, store: counters, {quota} }}\n    id: monthly"
    );
    Policy::new()
        .listener("public", "")
        .store(
            "counters",
            &format!("address: \"{}\", timeout: 2s", redis.address()),
        )
        .route(&route)
}

async fn statuses(gateway: &Gateway, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for number in 0..count {
        statuses.push(get(gateway.address(), "/", CARRIERS[number % 2]).await.status);
    }
    statuses
}

#[tokio::test]
async fn instances_share_a_quota_that_outlives_them_and_is_raised_in_its_middle() {
    covers(&["policies.*[].quota.store"]);
    let redis = Redis::start().await;
    let policy = shared(&redis, "allow: 5, when-gone: deny");
    let (one, other) = (Gateway::start(&policy).await, Gateway::start(&policy).await);
    assert_eq!(statuses(&one, 2).await, [204, 204]);
    let told = get(other.address(), "/", &[]).await;
    assert_eq!((told.status, parameter(&told, "ratelimit", "r")), (204, 2));
    let before = redis.questions().await;
    assert_eq!(statuses(&one, 4).await, [204, 204, 429, 429]);
    let asked = redis.questions().await - before;
    // One for each request, and those of the look itself.
    assert!((4..=8).contains(&asked), "{asked}");
    let refused = get(other.address(), "/", &[]).await;
    assert_eq!(refused.refused(429), "quota.exhausted");
    let wait: u64 = refused
        .field("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((1..=31 * DAY).contains(&wait), "{wait}");
    assert_eq!(parameter(&refused, "ratelimit", "t"), wait);
    // A server whose clock is ahead by a day keeps the count until the end of the period.
    let kept = redis
        .ask(&["EVAL \"return redis.call('PTTL', redis.call('KEYS', '*')[1])\" 0"])
        .await;
    let kept: u64 = kept
        .lines()
        .find_map(|line| line.strip_prefix(':')?.parse().ok())
        .expect("a time");
    assert!(kept > (wait + DAY - 60) * 1_000, "{kept} ms, {wait} s");
    drop((one, other));
    let again = Gateway::start(&policy).await;
    assert_eq!(statuses(&again, 1).await, [429]);
    let raised = Gateway::start(&shared(&redis, "allow: 7, when-gone: deny")).await;
    assert_eq!(statuses(&raised, 3).await, [204, 204, 429]);
    let by_another_name = shared(&redis, "allow: 1, when-gone: deny").yaml();
    let by_another_name = by_another_name.replace("id: monthly", "id: other");
    let apart = Setup::text(&by_another_name).start().await;
    assert_eq!(statuses(&apart, 2).await, [204, 429]);
}

#[tokio::test]
async fn the_file_says_what_happens_while_the_store_is_gone() {
    covers(&["policies.*[].quota.when-gone"]);
    for (when_gone, status) in [("deny", 503), ("allow", 204)] {
        let mut redis = Redis::start().await;
        let policy = shared(&redis, &format!("allow: 2, when-gone: {when_gone}"));
        let gateway = Gateway::start(&policy).await;
        assert_eq!(statuses(&gateway, 1).await, [204]);
        redis.kill();
        for _ in 0..3 {
            let answer = get(gateway.address(), "/", &[]).await;
            assert_eq!((answer.status, answer.field("ratelimit")), (status, None));
            if status == 503 {
                assert_eq!(answer.reason(), "quota.store-gone");
            }
        }
        gateway.counts("adamant_quota_store_faults_total", &[], 3.0).await;
        redis.restart().await;
        wait::polled("it counts again", || async {
            (get(gateway.address(), "/", &[]).await.status == 429).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_plan_has_a_quota_of_its_own() {
    covers(&["policies.*[].quota.plans.*"]);
    let origin = Origin::hello().await;
    let route = "name: all\nmatch: { path: /** }\nto: origin\nfilters:\n  - api-key: { keys: { file: keys.yaml } }\n  - quota: { by: consumer, allow: 2, per: day, keep-local: true, plans: { gold: 4 } }";
    let declared = "plans: { gold: {} }\nconsumers: { rich: { plan: gold, known-by: [{ api-key: { name: rich } }] } }\nupstreams:";
    let policy = Policy::before(&origin).route(route).yaml();
    let keys = ["rich", "plain"].map(|name| api_key_entry(name, &format!("adm_{name}"), name, ""));
    let gateway = Setup::text(&policy.replace("upstreams:", declared))
        .file("keys.yaml", format!("keys:\n{}", keys.concat()))
        .start()
        .await;
    for (name, allowed) in [("rich", 4), ("plain", 2)] {
        for number in 0..=allowed {
            let answer = get(gateway.address(), "/", &[&format!("X-Api-Key: adm_{name}")]).await;
            assert_eq!(
                answer.status,
                if number < allowed { 200 } else { 429 },
                "{name} {number}"
            );
            assert_eq!(parameter(&answer, "ratelimit-policy", "q"), allowed);
        }
    }
}

#[tokio::test]
async fn a_missing_key_is_dealt_with_as_the_file_says() {
    covers(&["policies.*[].quota.missing"]);
    let origin = Origin::hello().await;
    let mut policy = Policy::before(&origin);
    for missing in ["deny", "share", "skip"] {
        let quota = format!("allow: 1, per: month, missing: {missing}");
        policy = policy.route(&route(missing, &quota).replace("address", "\"header:x-key\""));
    }
    let gateway = Gateway::start(&policy).await;
    let status = async |target: &str| get(gateway.address(), target, &[]).await.status;
    assert_eq!((status("/deny").await, status("/deny").await), (400, 400));
    assert_eq!((status("/share").await, status("/share").await), (200, 429));
    assert_eq!((status("/skip").await, status("/skip").await), (200, 200));
}

#[tokio::test]
async fn a_quota_in_shadow_refuses_nobody_and_tells_whom_it_would() {
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin)
        .route(&(route("all", "allow: 2, per: day") + "\n    shadow: true"))
        .observe("access-log: { to: stdout, format: json }");
    let gateway = Gateway::start(&policy).await;
    for _ in 0..4 {
        let answer = get(gateway.address(), "/all", &[]).await;
        assert_eq!((answer.status, answer.field("ratelimit")), (200, None));
    }
    let lines = gateway.logged(4).await;
    let would = lines.iter().filter(|line| line.to_string().contains("exhausted"));
    assert_eq!(would.count(), 2);
}
