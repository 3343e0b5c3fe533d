//! Requests that look like attacks, and those that do not, through the gateway.

use adamant_tests::client::{CARRIERS, exchange, request};
use adamant_tests::gateway::Setup;
use adamant_tests::{Answer, Gateway, Origin, Policy, Response, covers};

const PACK: &str = "\
rules:
  - id: shop-coupon
    category: other
    severity: warning
    targets: [query:coupon, form]
    transform: [url-decode, lower-case]
    match: { regex: '^(test|admin)[0-9]+$' }
  - id: shop-partner
    category: other
    severity: notice
    level: 2
    targets: [header:x-partner]
    match: { equals: [none] }
";

async fn origin() -> Origin {
    Origin::start(|_| Answer::ok("fine")).await
}

/// Two routes with a step of these keys: `/search/**` is named `search`, and all others `all`.
fn setup(origin: &Origin, keys: &str) -> Setup {
    let filters = format!("public: true\nto: origin\nfilters:\n  - rules: {{ {keys} }}");
    let policy = Policy::before(origin)
        .route(&format!("name: search\nmatch: {{ path: /search/** }}\n{filters}"))
        .route(&format!("name: all\nmatch: {{ path: /** }}\n{filters}"))
        .observe("access-log: { to: stdout }");
    Setup::new(&policy).file("shop.yaml", PACK)
}

async fn gateway(origin: &Origin, keys: &str) -> Gateway {
    setup(origin, keys).start().await
}

/// The reason of a refusal, or nothing.
fn told(answer: &Response) -> String {
    if answer.status == 200 {
        String::new()
    } else {
        answer.reason()
    }
}

async fn get(gateway: &Gateway, target: &str) -> String {
    told(&exchange(gateway.address(), request("GET", target, &[], "")).await)
}

async fn post(gateway: &Gateway, lines: &[&str], body: &str) -> String {
    told(&exchange(gateway.address(), request("POST", "/a", lines, body)).await)
}

const SQL: &str = "1%27%20or%20%271%27%3D%271";
const SCRIPT: &str = "%3Cscript%3Ealert(1)%3C/script%3E";

#[tokio::test]
async fn kinds_of_attacks_that_are_denied_are_refused_with_their_reason() {
    covers(&["policies.*[].rules.deny"]);
    let origin = origin().await;
    let gateway = gateway(&origin, "deny: [sql-injection, path-traversal]").await;
    for carrier in CARRIERS {
        let sql = request("GET", &format!("/a?id={SQL}"), carrier, "");
        let answer = exchange(gateway.address(), sql).await;
        assert_eq!(
            (answer.status, told(&answer).as_str()),
            (403, "rules.sql-injection")
        );
    }
    assert_eq!(
        get(&gateway, "/a?f=../../../etc/passwd").await,
        "rules.path-traversal"
    );
    assert_eq!(
        get(&gateway, &format!("/a?q={SCRIPT}")).await,
        "",
        "nobody looks for it"
    );
    assert_eq!(get(&gateway, "/a?q=O%27Brien+%26+sons&sort=-created").await, "");
    assert_eq!(
        origin.seen().len(),
        2,
        "what is refused does not reach the upstream"
    );
    let log = gateway.logged(5).await;
    assert_eq!(log[0]["notes"], serde_json::json!(["sql-tokens", "score-5"]));
    let line = log[0].to_string();
    assert!(!line.contains("or '1'"), "no value stands in the log: {line}");
}

#[tokio::test]
async fn a_higher_level_is_more_suspicious_and_a_higher_threshold_less() {
    covers(&["policies.*[].rules.level", "policies.*[].rules.threshold"]);
    let origin = origin().await;
    let deny = "deny: [cross-site-scripting]";
    let first = gateway(&origin, deny).await;
    let third = gateway(&origin, &format!("{deny}, level: 3")).await;
    let target = "/a?q=%3Cb%3Ebold%3C/b%3E";
    assert_eq!(get(&first, target).await, "");
    assert_eq!(get(&third, target).await, "rules.cross-site-scripting");
    let lenient = gateway(&origin, &format!("{deny}, threshold: 100")).await;
    assert_eq!(get(&lenient, &format!("/a?q={SCRIPT}")).await, "");
    let notes = &lenient.logged(1).await[0]["notes"];
    assert!(
        notes.to_string().contains("xss-elements"),
        "what is found is told: {notes}"
    );
}

#[tokio::test]
async fn packs_add_rules_and_may_stand_alone() {
    covers(&["policies.*[].rules.packs", "policies.*[].rules.built-in"]);
    let origin = origin().await;
    let keys = "deny: [other], built-in: false, packs: [shop.yaml], threshold: 3";
    let gateway = gateway(&origin, keys).await;
    assert_eq!(get(&gateway, "/a?coupon=TEST12").await, "rules.other");
    assert_eq!(
        get(&gateway, "/a?other=TEST12").await,
        "",
        "the rule looks at one parameter"
    );
    assert_eq!(get(&gateway, &format!("/a?id={SQL}")).await, "");
    let form = ["Content-Type: application/x-www-form-urlencoded"];
    assert_eq!(post(&gateway, &form, "x=1&y=admin%39").await, "rules.other");
    let digest = gateway.digest().to_owned();
    let changed = setup(&origin, keys).file("shop.yaml", PACK.replace("admin", "guest"));
    assert_ne!(
        changed.start().await.digest(),
        digest,
        "a pack is part of the policy"
    );
}

#[tokio::test]
async fn exceptions_spare_one_value_on_one_route() {
    covers(&[
        "policies.*[].rules.except[].rule",
        "policies.*[].rules.except[].target",
        "policies.*[].rules.except[].route",
    ]);
    let origin = origin().await;
    let keys = "deny: [sql-injection], except: [{ rule: sql-injection, target: \"query:q\", route: search }]";
    let gateway = gateway(&origin, keys).await;
    assert_eq!(get(&gateway, &format!("/search/a?q={SQL}")).await, "");
    assert_eq!(
        get(&gateway, &format!("/search/a?p={SQL}")).await,
        "rules.sql-injection"
    );
    assert_eq!(get(&gateway, &format!("/a?q={SQL}")).await, "rules.sql-injection");
}

#[tokio::test]
async fn bodies_are_looked_at_before_anything_of_them_is_sent_on() {
    covers(&["policies.*[].rules.bodies", "policies.*[].rules.body-at-most"]);
    let origin = origin().await;
    let deny = "deny: [sql-injection, cross-site-scripting]";
    let inspecting = gateway(&origin, &format!("{deny}, body-at-most: 1KiB")).await;
    let json = ["Content-Type: application/json"];
    let attack = "{\"id\": [\"1' or '1'='1\"]}";
    for carrier in CARRIERS {
        let lines = [&json[..], carrier].concat();
        assert_eq!(post(&inspecting, &lines, attack).await, "rules.sql-injection");
    }
    let form = ["Content-Type: application/x-www-form-urlencoded"];
    assert_eq!(
        post(&inspecting, &form, &format!("a=b&q={SCRIPT}")).await,
        "rules.cross-site-scripting"
    );
    assert_eq!(post(&inspecting, &json, "{\"name\": \"O'Brien\"}").await, "");
    let coded = ["Content-Type: application/json", "Content-Encoding: gzip"];
    assert_eq!(post(&inspecting, &coded, "x").await, "rules.body-coded");
    let long = format!("{{\"a\": \"{}\"}}", "b".repeat(2000));
    assert_eq!(post(&inspecting, &json, &long).await, "request.body-exceeded");
    assert_eq!(origin.seen().len(), 1);
    let ignoring = gateway(&origin, &format!("{deny}, bodies: ignore")).await;
    assert_eq!(post(&ignoring, &json, attack).await, "");
    assert_eq!(post(&ignoring, &json, &long).await, "");
}

#[tokio::test]
async fn what_a_pack_has_wrong_is_told_with_its_place() {
    let origin = origin().await;
    for (from, to, told) in [
        ("^(test|admin)", "(?=test)", "shop.yaml:2:5"),
        ("query:coupon", "querry", "`querry` is no place of a request"),
        ("category: other", "category: othre", "othre"),
        (
            "id: shop-partner",
            "id: shop-coupon",
            "another rule is called `shop-coupon`",
        ),
        ("level: 2", "level: 7", "levels go from 1 to 4"),
    ] {
        let keys = "deny: [other], built-in: false, packs: [shop.yaml]";
        let broken = setup(&origin, keys).file("shop.yaml", PACK.replace(from, to));
        let text = broken.refuses().await.text();
        assert!(text.contains(told), "{to}: {text}");
    }
}
