//! Pages of other sites: who may read answers, and how preflights find their way past everything else.

use adamant_tests::client::{CARRIERS, exchange, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Answer, Gateway, Origin, Policy, Response, covers};

const APP: &str = "Origin: https://app.test";
const EVIL: &str = "Origin: https://evil.test";

/// The route `all` under these filters.
fn policy(origin: &Origin, filters: &[&str]) -> Policy {
    let filters: String = filters.iter().map(|filter| format!("\n  - {filter}")).collect();
    Policy::before(origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:{filters}"
    ))
}

fn keys() -> String {
    format!("keys:\n{}", api_key_entry("acme", "adm_acme", "acme", ""))
}

async fn preflight(gateway: &Gateway, target: &str, method: &str, lines: &[&str]) -> Response {
    let asked = format!("Access-Control-Request-Method: {method}");
    let lines: Vec<&str> = lines.iter().copied().chain([&*asked]).collect();
    exchange(gateway.address(), request("OPTIONS", target, &lines, "")).await
}

fn allowed(answer: &Response) -> Vec<&str> {
    answer.fields.all("access-control-allow-origin")
}

#[tokio::test]
async fn a_preflight_needs_no_credentials_and_reaches_nobody() {
    covers(&[
        "policies.*[].cors.origins",
        "policies.*[].cors.methods",
        "policies.*[].cors.headers",
        "policies.*[].cors.max-age",
        "policies.*[].cors.private-network",
    ]);
    let origin = Origin::hello().await;
    let cors = "cors: { origins: [\"https://app.test\"], methods: [DELETE], headers: [x-a], max-age: 1h, private-network: true }";
    let filters = [
        cors,
        "methods: { allow: [DELETE] }",
        "api-key: { keys: { file: keys.yaml } }",
    ];
    let setup = Setup::new(&policy(&origin, &filters)).file("keys.yaml", keys());
    let gateway = setup.start().await;
    let private = "Access-Control-Request-Private-Network: true";
    let answer = preflight(&gateway, "/", "DELETE", &[APP, private]).await;
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    assert_eq!(allowed(&answer), ["https://app.test"]);
    for (name, value) in [
        ("access-control-allow-methods", "DELETE"),
        ("access-control-allow-headers", "x-a"),
        ("access-control-max-age", "3600"),
        ("access-control-allow-private-network", "true"),
        ("vary", "Origin"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{name}");
    }
    let evil = preflight(&gateway, "/", "DELETE", &[EVIL]).await;
    assert_eq!(
        (evil.status, evil.field("access-control-allow-methods")),
        (204, None)
    );
    assert!(allowed(&evil).is_empty());
    // The page has to be able to read why it was refused.
    let answer = exchange(gateway.address(), request("DELETE", "/", &[APP], "")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(allowed(&answer), ["https://app.test"]);
    // `OPTIONS` that is no preflight is a request like others.
    let plain = exchange(gateway.address(), request("OPTIONS", "/", &[APP], "")).await;
    assert_eq!(plain.refused(405), "methods.refused");
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn answers_name_the_site_that_may_read_them_whatever_the_upstream_says() {
    covers(&["policies.*[].cors.expose", "policies.*[].cors.credentials"]);
    let origin = Origin::start(|_| {
        Answer::ok("hello")
            .with("access-control-allow-origin", "*")
            .with("access-control-allow-methods", "TRACE")
    })
    .await;
    let cors = "cors: { origins: [\"https://app.test\"], methods: [GET], expose: [x-a], credentials: true }";
    let gateway = Gateway::start(&policy(&origin, &[cors])).await;
    for carrier in CARRIERS {
        let ask = async |line: &str| {
            let lines: Vec<&str> = carrier.iter().copied().chain([line]).collect();
            get(gateway.address(), "/", &lines).await
        };
        let ours = ask(APP).await;
        assert_eq!((ours.status, allowed(&ours)), (200, vec!["https://app.test"]));
        assert_eq!(ours.field("access-control-allow-credentials"), Some("true"));
        assert_eq!(ours.field("access-control-expose-headers"), Some("x-a"));
        assert_eq!(ours.field("access-control-allow-methods"), None);
        let evil = ask(EVIL).await;
        assert_eq!((evil.status, evil.field("vary")), (200, Some("Origin")));
        assert!(allowed(&evil).is_empty());
    }
}

#[tokio::test]
async fn other_sites_are_refused_where_the_file_says_so() {
    covers(&["policies.*[].cors.enforce"]);
    let origin = Origin::hello().await;
    let cors = "cors: { origins: [\"https://app.test\"], methods: [GET], enforce: true }";
    let gateway = Gateway::start(&policy(&origin, &[cors])).await;
    assert_eq!(get(gateway.address(), "/", &[APP]).await.status, 200);
    assert_eq!(
        get(gateway.address(), "/", &[EVIL]).await.refused(403),
        "cors.foreign"
    );
    assert_eq!(
        preflight(&gateway, "/", "GET", &[EVIL]).await.refused(403),
        "cors.foreign"
    );
}

#[tokio::test]
async fn a_preflight_is_routed_by_the_method_that_it_asks_for() {
    let origin = Origin::hello().await;
    let cors = "cors: { origins: [\"https://app.test\"], methods: [PUT] }";
    let policy = Policy::before(&origin)
        .route("name: read\nmatch: { path: /a, methods: [GET] }\npublic: true\nto: origin")
        .route(&format!(
            "name: write\nmatch: {{ path: /a, methods: [PUT] }}\npublic: true\nto: origin\nfilters:\n  - {cors}"
        ))
        .route("name: own\nmatch: { path: /a, methods: [OPTIONS, POST] }\npublic: true\nto: origin");
    let gateway = Gateway::start(&policy).await;
    let written = preflight(&gateway, "/a", "PUT", &[APP]).await;
    assert_eq!((written.status, origin.count()), (204, 0));
    // Where the route does not answer preflights, the upstream may.
    for method in ["GET", "POST", "DELETE", "G@T"] {
        origin.forget();
        assert_eq!(
            preflight(&gateway, "/a", method, &[APP]).await.status,
            200,
            "{method}"
        );
        assert_eq!(origin.count(), 1, "{method}");
    }
}

#[tokio::test]
async fn what_would_refuse_preflights_does_not_stand_above() {
    let origin = Origin::hello().await;
    let cors = "cors: { origins: [\"https://app.test\"], methods: [GET] }";
    let (shut, shadow) = (
        format!("{cors}\n    when: {{ host: a.test }}"),
        format!("{cors}\n    shadow: true"),
    );
    let group = format!("all-of: [{{ {cors} }}, {{ body-size: {{ at-most: 1KiB }} }}]");
    let key = "api-key: { keys: { file: keys.yaml } }";
    for (filters, code) in [
        (
            vec!["methods: { allow: [GET, OPTIONS] }", cors],
            "order.preflight]",
        ),
        (vec![key, cors], "order.preflight]"),
        (vec![&*shut], "order.preflight-uncertain]"),
        (vec![&*shadow], "order.preflight-uncertain]"),
        (vec![&*group], "order.preflight-uncertain]"),
        (vec![cors, cors], "order.preflight-answered]"),
    ] {
        let setup = Setup::new(&policy(&origin, &filters)).file("keys.yaml", keys());
        let said = setup.run(&["check"]).await;
        assert!(said.text().contains(code), "{filters:?}: {}", said.text());
    }
}
