//! Limits: exact counts, what clients are told of them, and who shares one.

use std::time::Duration;

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Client, Gateway, Origin, Policy, Response, covers};
use tokio::task::JoinSet;

fn route(name: &str, filters: &str) -> String {
    format!("name: {name}\nmatch: {{ path: /{name} }}\npublic: true\nto: origin\nfilters:\n  - {filters}")
}

/// A gateway with the route `/limited` under this filter.
async fn limited(origin: &Origin, filter: &str) -> Gateway {
    Gateway::start(&Policy::before(origin).route(&route("limited", filter))).await
}

/// `r` and `t` of `RateLimit`, which must be about this limit.
fn left(answer: &Response, name: &str) -> (u64, u64) {
    let field = answer.field("ratelimit").expect("the answer tells what is left");
    let rest = field.strip_prefix(&format!("\"{name}\";r="));
    let (requests, seconds) = rest
        .and_then(|rest| rest.split_once(";t="))
        .unwrap_or_else(|| panic!("not an item about {name}: {field}"));
    (
        requests.parse().expect("a number of requests"),
        seconds.parse().expect("a number of seconds"),
    )
}

fn retry_after(answer: &Response) -> u64 {
    let field = answer
        .field("retry-after")
        .expect("a refusal says when to come again");
    field.parse().expect("whole seconds")
}

#[tokio::test]
async fn a_burst_passes_to_the_last_request_and_no_further() {
    covers(&["policies.*[].rate.burst", "policies.*[].rate.allow"]);
    let origin = Origin::hello().await;
    let gateway = limited(
        &origin,
        "rate: { by: address, allow: 1/m, burst: 5, remember: 100 }",
    )
    .await;
    let mut client = Client::connect(gateway.address()).await;
    for expected in (0..5).rev() {
        let answer = client.get("/limited", &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.field("ratelimit-policy"), Some("\"rate\";q=5;w=300"));
        let (requests, seconds) = left(&answer, "rate");
        assert_eq!(requests, expected);
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert_eq!(answer.field("retry-after"), None);
    }
    for _ in 0..3 {
        let answer = client.get("/limited", &[]).await;
        assert_eq!(answer.refused(429), "rate.exhausted");
        assert_eq!(answer.field("ratelimit-policy"), Some("\"rate\";q=5;w=300"));
        let (requests, seconds) = left(&answer, "rate");
        assert_eq!(requests, 0);
        let wait = retry_after(&answer);
        assert!((1..=60).contains(&wait) && wait >= seconds, "{wait} {seconds}");
    }
    assert_eq!(origin.count(), 5);
}

#[tokio::test]
async fn connections_at_once_get_exactly_the_burst() {
    let origin = Origin::hello().await;
    let gateway = limited(
        &origin,
        "rate: { by: address, allow: 1/h, burst: 40, remember: 100 }",
    )
    .await;
    let at = gateway.address();
    let mut clients = JoinSet::new();
    for _ in 0..20 {
        clients.spawn(async move {
            let mut client = Client::connect(at).await;
            let mut passed = 0;
            for _ in 0..5 {
                match client.get("/limited", &[]).await.status {
                    200 => passed += 1,
                    status => assert_eq!(status, 429),
                }
            }
            passed
        });
    }
    let passed: usize = clients.join_all().await.into_iter().sum();
    assert_eq!((passed, origin.count()), (40, 40));
}

#[tokio::test]
async fn whoever_waits_as_told_passes() {
    let origin = Origin::hello().await;
    let gateway = limited(
        &origin,
        "rate: { by: address, allow: 1/s, burst: 1, remember: 100 }",
    )
    .await;
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/limited", &[]).await.status, 200);
    let refused = client.get("/limited", &[]).await;
    assert_eq!(refused.refused(429), "rate.exhausted");
    let wait = Duration::from_secs(retry_after(&refused));
    tokio::time::sleep(wait).await;
    assert_eq!(client.get("/limited", &[]).await.status, 200);
}

#[tokio::test]
async fn every_consumer_has_a_count_of_its_own_whatever_its_keys() {
    covers(&["policies.*[].rate.by"]);
    let origin = Origin::hello().await;
    let route = "name: all\nmatch: { path: /** }\nto: origin\nfilters:\n  - api-key: { header: x-api-key, keys: { file: keys.yaml } }\n  - rate: { by: consumer, allow: 1/m, burst: 3, remember: 100 }";
    let keys = [
        api_key_entry("first", "adm_first", "acme", ""),
        api_key_entry("second", "adm_second", "acme", ""),
        api_key_entry("other", "adm_other", "emca", ""),
    ];
    let gateway = Setup::new(&Policy::before(&origin).route(route))
        .file("keys.yaml", format!("keys:\n{}", keys.concat()))
        .start()
        .await;
    let cases = [
        ("adm_first", 200),
        ("adm_second", 200),
        ("adm_first", 200),
        ("adm_second", 429),
        ("adm_first", 429),
        ("adm_other", 200),
        ("adm_bad", 401),
        ("adm_other", 200),
        ("adm_other", 200),
        ("adm_other", 429),
    ];
    for (number, (key, status)) in cases.into_iter().enumerate() {
        let answer = get(gateway.address(), "/", &[&format!("X-Api-Key: {key}")]).await;
        assert_eq!(answer.status, status, "{number} {key} {}", answer.text());
    }
}

#[tokio::test]
async fn every_address_has_a_count_of_its_own_whatever_it_claims() {
    let origin = Origin::hello().await;
    let gateway = limited(
        &origin,
        "rate: { by: address, allow: 1/m, burst: 1, remember: 100 }",
    )
    .await;
    for from in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        let mut client = Client::connect_from(from, gateway.address()).await;
        assert_eq!(client.get("/limited", &[]).await.status, 200, "{from}");
        let claim = format!("X-Forwarded-For: {from}9");
        assert_eq!(client.get("/limited", &[&claim]).await.status, 429, "{from}");
    }
}

#[tokio::test]
async fn the_users_of_a_named_policy_share_one_count() {
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin)
        .policy(
            "calm",
            "- rate: { by: address, allow: 1/m, burst: 3, remember: 100 }",
        )
        .route(&route("a", "use: calm"))
        .route(&route("b", "use: calm"));
    let gateway = Gateway::start(&policy).await;
    for (target, status) in [("/a", 200), ("/b", 200), ("/a", 200), ("/b", 429), ("/a", 429)] {
        assert_eq!(
            get(gateway.address(), target, &[]).await.status,
            status,
            "{target}"
        );
    }
}

#[tokio::test]
async fn limits_that_stand_in_their_routes_count_apart() {
    let origin = Origin::hello().await;
    let rate = "rate: { by: address, allow: 1/m, burst: 1, remember: 100 }";
    let policy = Policy::before(&origin)
        .route(&route("a", rate))
        .route(&route("b", rate));
    let gateway = Gateway::start(&policy).await;
    for (target, status) in [("/a", 200), ("/b", 200), ("/a", 429), ("/b", 429)] {
        assert_eq!(
            get(gateway.address(), target, &[]).await.status,
            status,
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_limit_in_shadow_refuses_nobody() {
    let origin = Origin::hello().await;
    let gateway = limited(
        &origin,
        "rate: { by: address, allow: 1/m, burst: 2, remember: 100 }\n    shadow: true",
    )
    .await;
    for _ in 0..6 {
        let answer = get(gateway.address(), "/limited", &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.field("retry-after"), None);
    }
    assert_eq!(origin.count(), 6);
}

#[tokio::test]
async fn a_limit_for_some_requests_leaves_the_others_alone() {
    let origin = Origin::hello().await;
    let gateway = limited(
        &origin,
        "rate: { by: address, allow: 1/m, burst: 1, remember: 100 }\n    when: { headers: { x-batch: { present: true } } }",
    )
    .await;
    let at = gateway.address();
    assert_eq!(get(at, "/limited", &["X-Batch: 1"]).await.status, 200);
    assert_eq!(get(at, "/limited", &["X-Batch: 1"]).await.status, 429);
    for _ in 0..3 {
        let answer = get(at, "/limited", &[]).await;
        assert_eq!((answer.status, answer.field("ratelimit")), (200, None));
    }
}

#[tokio::test]
async fn fields_can_be_left_out_and_limits_can_have_names() {
    covers(&["policies.*[].rate.headers", "policies.*[].id"]);
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin)
        .route(&route("silent", "rate: { by: address, allow: 1/m, burst: 1, remember: 100, headers: false }"))
        .route(&route(
            "named",
            "rate: { by: address, allow: 1/m, burst: 9, remember: 100 }\n    id: minute\n  - rate: { by: address, allow: 10/h, burst: 10, remember: 100 }\n    id: hour",
        ));
    let gateway = Gateway::start(&policy).await;
    let silent = get(gateway.address(), "/silent", &[]).await;
    assert_eq!((silent.status, silent.field("ratelimit")), (200, None));
    let refused = get(gateway.address(), "/silent", &[]).await;
    assert_eq!((refused.status, refused.field("ratelimit-policy")), (429, None));
    assert!((1..=60).contains(&retry_after(&refused)));
    let named = get(gateway.address(), "/named", &[]).await;
    let policies = named.field("ratelimit-policy").expect("the limits are told");
    assert!(
        policies.contains("\"minute\";q=9;w=540") && policies.contains("\"hour\";q=10;w=3600"),
        "{policies}"
    );
    let limits = named.field("ratelimit").expect("what is left is told");
    assert!(
        limits.starts_with("\"minute\";r=8;") && limits.contains("\"hour\";r=9;"),
        "{limits}"
    );
}
