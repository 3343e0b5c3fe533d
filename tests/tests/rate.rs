//! Rates beyond a single limit: several at once, plans, costs, windows, fleets, and fields of older clients.
//!
//! What a single limit does is held in `limits.rs`, and what instances share in `stores.rs`.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Client, Gateway, Origin, Policy, Response, covers};

/// A public route under this step.
fn route(name: &str, step: &str) -> String {
    format!("name: {name}\nmatch: {{ path: /{name} }}\npublic: true\nto: origin\nfilters:\n  - {step}")
}

/// A gateway with the route `/all` under a `rate` of these keys.
async fn under(origin: &Origin, keys: &str) -> Gateway {
    let step = format!("rate: {{ by: address, {keys} }}");
    Gateway::start(&Policy::before(origin).route(&route("all", &step))).await
}

async fn ask(gateway: &Gateway, method: &str) -> Response {
    let mut client = Client::connect(gateway.address()).await;
    let request = format!("{method} /all HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    client.exchange(request).await
}

async fn statuses(gateway: &Gateway, methods: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for method in methods {
        statuses.push(ask(gateway, method).await.status);
    }
    statuses
}

#[tokio::test]
async fn several_limits_are_charged_together_or_not_at_all() {
    covers(&[
        "policies.*[].rate.limits[].id",
        "policies.*[].rate.limits[].allow",
        "policies.*[].rate.limits[].burst",
        "policies.*[].rate.limits[].by",
    ]);
    let origin = Origin::hello().await;
    let limits =
        "limits: [{ id: wide, allow: 6/h }, { id: tight, allow: 1/h, burst: 2, by: [address, method] }]";
    let gateway = under(&origin, limits).await;
    let first = ask(&gateway, "GET").await;
    assert_eq!(
        first.field("ratelimit-policy"),
        Some("\"tight\";q=2;w=7200, \"wide\";q=6;w=3600")
    );
    assert_eq!(
        first.field("ratelimit"),
        Some("\"tight\";r=1;t=3600, \"wide\";r=5;t=600")
    );
    assert_eq!(statuses(&gateway, &["GET"]).await, [200]);
    for _ in 0..5 {
        let refused = ask(&gateway, "GET").await;
        assert_eq!(refused.refused(429), "rate.exhausted");
        let told = refused.field("ratelimit").unwrap_or_default();
        assert!(
            told.starts_with("\"tight\";r=0;") && told.contains("\"wide\";r=4;"),
            "{told}"
        );
    }
    // None of the refusals was charged to the wide limit.
    let others = ["PUT", "PUT", "DELETE", "DELETE", "POST"];
    assert_eq!(statuses(&gateway, &others).await, [200, 200, 200, 200, 429]);
    assert_eq!(origin.count(), 6);
}

#[tokio::test]
async fn a_plan_has_numbers_of_its_own() {
    covers(&[
        "policies.*[].rate.plans.*.allow",
        "policies.*[].rate.plans.*.burst",
        "policies.*[].rate.limits[].plans.*.allow",
        "policies.*[].rate.limits[].plans.*.burst",
    ]);
    let origin = Origin::hello().await;
    let key = "api-key: { keys: { file: keys.yaml } }";
    let plans = "plans: { gold: { allow: 5/h }, steel: { allow: 1/h, burst: 3 } }";
    let forms = [
        format!("rate: {{ by: consumer, allow: 2/h, {plans} }}"),
        format!("rate: {{ by: consumer, limits: [{{ id: one, allow: 2/h, {plans} }}] }}"),
    ];
    for form in forms {
        let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - {key}\n  - {form}");
        let policy = Policy::before(&origin).route(&route).yaml();
        let known = ["rich", "hard"].map(|name| {
            let plan = if name == "rich" { "gold" } else { "steel" };
            format!("  {name}: {{ plan: {plan}, known-by: [{{ api-key: {{ name: {name} }} }}] }}\n")
        });
        let declared = format!(
            "plans: {{ gold: {{}}, steel: {{}} }}\nconsumers:\n{}upstreams:",
            known.concat()
        );
        let keys =
            ["rich", "hard", "plain"].map(|name| api_key_entry(name, &format!("adm_{name}"), name, ""));
        let gateway = Setup::text(&policy.replace("upstreams:", &declared))
            .file("keys.yaml", format!("keys:\n{}", keys.concat()))
            .start()
            .await;
        for (name, passes) in [("rich", 5), ("hard", 3), ("plain", 2)] {
            let key = format!("X-Api-Key: adm_{name}");
            for number in 0..=passes {
                let answer = get(gateway.address(), "/", &[&key]).await;
                let expected = if number < passes { 200 } else { 429 };
                assert_eq!(answer.status, expected, "{name} {number}");
                let policy = answer.field("ratelimit-policy").unwrap_or_default();
                assert!(policy.contains(&format!(";q={passes};")), "{name}: {policy}");
            }
        }
    }
}

#[tokio::test]
async fn some_requests_cost_more() {
    covers(&[
        "policies.*[].rate.cost.methods.*",
        "policies.*[].rate.cost.routes.*",
    ]);
    let origin = Origin::hello().await;
    let gateway = under(&origin, "allow: 10/h, cost: { methods: { POST: 5, PUT: 4 } }").await;
    let methods = ["GET", "POST", "POST", "PUT", "GET"];
    assert_eq!(statuses(&gateway, &methods).await, [200, 200, 429, 200, 429]);
    let step = "rate: { by: address, allow: 10/h, cost: { routes: { export: 6 }, methods: { POST: 3 } } }";
    let policy = Policy::before(&origin)
        .policy("calm", &format!("- {step}"))
        .route(&route("export", "use: calm"))
        .route(&route("rest", "use: calm"));
    let gateway = Gateway::start(&policy).await;
    for (target, status) in [("/export", 200), ("/export", 429), ("/rest", 200), ("/rest", 200)] {
        assert_eq!(
            get(gateway.address(), target, &[]).await.status,
            status,
            "{target}"
        );
    }
    let told = get(gateway.address(), "/rest", &[]).await;
    assert!(told.field("ratelimit").is_some_and(|told| told.contains(";r=1;")));
}

#[tokio::test]
async fn a_window_slides() {
    covers(&[
        "policies.*[].rate.algorithm",
        "policies.*[].rate.limits[].algorithm",
    ]);
    let origin = Origin::hello().await;
    for keys in [
        "allow: 3/h, algorithm: sliding",
        "limits: [{ id: rate, allow: 3/h, algorithm: sliding }]",
    ] {
        let gateway = under(&origin, keys).await;
        let first = ask(&gateway, "GET").await;
        assert_eq!(first.field("ratelimit-policy"), Some("\"rate\";q=3;w=3600"));
        assert_eq!(statuses(&gateway, &["GET", "GET"]).await, [200, 200]);
        let refused = ask(&gateway, "GET").await;
        let wait: u64 = refused
            .field("retry-after")
            .expect("a time")
            .parse()
            .expect("seconds");
        // The rest of this window, and a third of the next: an even limit would say twenty minutes.
        assert!((4700..=4800).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn a_fleet_divides_and_tells_the_whole() {
    covers(&[
        "policies.*[].rate.scope.fleet.replicas",
        "policies.*[].rate.scope",
    ]);
    let origin = Origin::hello().await;
    let gateway = under(
        &origin,
        "allow: 30/h, burst: 8, scope: { fleet: { replicas: 3 } }",
    )
    .await;
    let first = ask(&gateway, "GET").await;
    assert_eq!(first.field("ratelimit-policy"), Some("\"rate\";q=8;w=960"));
    assert_eq!(first.field("ratelimit"), Some("\"rate\";r=1;t=360"));
    assert_eq!(statuses(&gateway, &["GET", "GET"]).await, [200, 429]);
    let alone = under(&origin, "allow: 30/h, burst: 8, scope: instance").await;
    assert_eq!(
        statuses(&alone, &["GET"; 9]).await,
        [&[200; 8][..], &[429]].concat()
    );
}

#[tokio::test]
async fn older_clients_can_be_told_too() {
    covers(&["policies.*[].rate.legacy"]);
    let origin = Origin::hello().await;
    let limits = "limits: [{ id: wide, allow: 6/h }, { id: tight, allow: 2/h }]";
    for (word, prefix) in [("x-ratelimit", "x-ratelimit"), ("triple", "ratelimit")] {
        let gateway = under(&origin, &format!("{limits}, headers: false, legacy: {word}")).await;
        for remaining in ["1", "0"] {
            let answer = ask(&gateway, "GET").await;
            let field = |name: &str| answer.field(&format!("{prefix}-{name}")).map(str::to_owned);
            assert_eq!(field("limit").as_deref(), Some("2"));
            assert_eq!(field("remaining").as_deref(), Some(remaining));
            let reset: u64 = field("reset").expect("a time").parse().expect("seconds from now");
            assert!((1..=1800).contains(&reset), "{reset}");
            assert_eq!(answer.field("ratelimit-policy"), None);
        }
        assert_eq!(ask(&gateway, "GET").await.refused(429), "rate.exhausted");
    }
    let gateway = under(&origin, "allow: 2/h, legacy: none").await;
    assert_eq!(ask(&gateway, "GET").await.field("x-ratelimit-limit"), None);
}

#[tokio::test]
async fn limits_of_a_route_have_different_names() {
    let origin = Origin::hello().await;
    let rates = |first: &str, second: &str| {
        let route = format!(
            "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - rate: {{ by: address, allow: 9/s }}{first}\n  - rate: {{ by: route, allow: 9/s }}{second}"
        );
        Policy::before(&origin).route(&route)
    };
    let refused = Setup::new(&rates("", "")).run(&["check"]).await;
    assert_ne!(refused.code, Some(0), "{}", refused.text());
    for named in ["names.duplicate-limit", "`rate`", "write an `id: NAME`"] {
        assert!(refused.text().contains(named), "{}", refused.text());
    }
    // One in shadow tells nobody what is left.
    for (first, second) in [("", "\n    id: other"), ("", "\n    shadow: true")] {
        let accepted = Setup::new(&rates(first, second)).run(&["check"]).await;
        assert_eq!(accepted.code, Some(0), "{}", accepted.text());
    }
}
