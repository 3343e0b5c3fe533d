//! Keys that are fetched from their issuer: when the gateway is ready, what a rotation costs, and what tokens are
//! worth while the issuer is away.

use std::sync::Arc;
use std::time::Duration;

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::{Key, Publisher, encode, now};
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Authority, Client, Gateway, Idp, Origin, Policy, Response, covers, wait};
use jsonwebtoken::Algorithm;
use serde_json::json;
use tokio::task::JoinSet;

const LOCAL: &str = "Host: localhost";

/// A step that fetches keys from here, by these terms.
fn step(url: &str, terms: &str) -> String {
    format!(
        "jwt: {{ keys: {{ url: \"{url}\"{terms} }}, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt }}"
    )
}

fn policy(origin: &Origin, steps: &[&str]) -> Policy {
    let mut route = "name: all\nmatch: { path: /** }\nto: origin\nfilters:".to_owned();
    for step in steps {
        route += &format!("\n  - {step}");
    }
    Policy::before(origin).route(&route)
}

async fn start(origin: &Origin, publisher: &Publisher, terms: &str) -> Gateway {
    Gateway::start(&policy(origin, &[&step(&publisher.url(), terms)])).await
}

async fn ready(gateway: &Gateway) {
    wait::polled("the gateway is ready", || async {
        let answer = get(gateway.admin(), "/readyz", &[LOCAL]).await;
        (answer.status == 200).then_some(())
    })
    .await;
}

async fn bearer(gateway: &Gateway, token: &str) -> Response {
    get(
        gateway.address(),
        "/",
        &[&format!("Authorization: Bearer {token}")],
    )
    .await
}

#[tokio::test]
async fn the_gateway_is_ready_when_the_keys_have_come() {
    covers(&["policies.*[].jwt.keys.url", "policies.*[].jwt.keys.at-boot"]);
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let token = idp.token("alice", "");
    for (terms, status) in [("", 503), (", at-boot: wait", 503), (", at-boot: deny", 200)] {
        let publisher = Publisher::start(Answer::status(500)).await;
        let gateway = start(&origin, &publisher, &format!("{terms}, refresh: 1s")).await;
        publisher.origin().received(1).await;
        assert_eq!(
            get(gateway.admin(), "/readyz", &[LOCAL]).await.status,
            status,
            "{terms}"
        );
        assert_eq!(bearer(&gateway, &token).await.refused(503), "jwt.keys-absent");
        publisher.publish(&idp);
        ready(&gateway).await;
        wait::polled("tokens are accepted", || async {
            (bearer(&gateway, &token).await.status == 200).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_rotation_under_load_refuses_nobody_after_one_fetch() {
    let mut idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let publisher = Publisher::of(&idp).await;
    let gateway = Arc::new(start(&origin, &publisher, ", refresh: 1h").await);
    ready(&gateway).await;
    assert_eq!(publisher.origin().count(), 1);
    idp.keys.push(Key::new("new", Algorithm::ES256));
    publisher.publish(&idp);
    let mut load = JoinSet::new();
    for number in 0..16 {
        let gateway = Arc::clone(&gateway);
        // Each client has tokens of both keys, which nobody has seen before.
        let tokens: Vec<String> = (0..8)
            .map(|count| {
                let claims = idp.claims(&format!("client-{number}-{count}"), "");
                idp.keys[(number + count) % 2].sign(&claims)
            })
            .collect();
        load.spawn(async move {
            let mut client = Client::connect(gateway.address()).await;
            for token in tokens {
                let answer = client
                    .get("/", &[&format!("Authorization: Bearer {token}")])
                    .await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        });
    }
    while let Some(ended) = load.join_next().await {
        ended.expect("every client is served");
    }
    assert_eq!(publisher.origin().count(), 2, "one fetch for all");
}

#[tokio::test]
async fn a_key_that_is_gone_takes_its_tokens_with_it() {
    covers(&["policies.*[].jwt.keys.refresh"]);
    let mut idp = Idp::new(&[Algorithm::ES256, Algorithm::ES256]);
    let origin = Origin::hello().await;
    let publisher = Publisher::of(&idp).await;
    let gateway = start(&origin, &publisher, ", refresh: 1s").await;
    ready(&gateway).await;
    let tokens: Vec<String> = idp
        .keys
        .iter()
        .map(|key| key.sign(&idp.claims("alice", "")))
        .collect();
    for token in &tokens {
        assert_eq!(bearer(&gateway, token).await.status, 200);
    }
    idp.keys.remove(0);
    publisher.publish(&idp);
    wait::polled("the token of the old key is refused", || async {
        let answer = bearer(&gateway, &tokens[0]).await;
        (answer.status == 401).then(|| assert_eq!(answer.refused(401), "jwt.key-unknown"))
    })
    .await;
    assert_eq!(bearer(&gateway, &tokens[1]).await.status, 200);
}

#[tokio::test]
async fn ten_thousand_unknown_keys_are_one_fetch_in_a_cool_down() {
    covers(&["policies.*[].jwt.keys.cool-down"]);
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let publisher = Publisher::of(&idp).await;
    let gateway = Arc::new(start(&origin, &publisher, ", refresh: 1h, cool-down: 10m").await);
    ready(&gateway).await;
    let payload = encode(idp.claims("mallory", "").to_string());
    let mut load = JoinSet::new();
    for part in 0..10 {
        let (gateway, payload) = (Arc::clone(&gateway), payload.clone());
        load.spawn(async move {
            let mut client = Client::connect(gateway.address()).await;
            for number in 0..1000 {
                let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": format!("{part}-{number}")});
                let token = format!("{}.{payload}.{}", encode(header.to_string()), "A".repeat(86));
                let answer = client
                    .get("/", &[&format!("Authorization: Bearer {token}")])
                    .await;
                assert_eq!(answer.refused(401), "jwt.key-unknown");
            }
        });
    }
    while let Some(ended) = load.join_next().await {
        ended.expect("every client is answered");
    }
    assert_eq!(publisher.origin().count(), 2, "that of the boot, and one more");
    assert_eq!(bearer(&gateway, &idp.token("alice", "")).await.status, 200);
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn the_last_keys_serve_for_as_long_as_the_file_allows() {
    covers(&["policies.*[].jwt.keys.stale-for"]);
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let publisher = Publisher::of(&idp).await;
    let gateway = start(&origin, &publisher, ", refresh: 1s, stale-for: 3s").await;
    ready(&gateway).await;
    let token = idp.token("alice", "");
    publisher.give(Answer::reset());
    gateway
        .counts("adamant_jwt_key_fetch_failures_total", &[], 1.0)
        .await;
    assert_eq!(
        bearer(&gateway, &token).await.status,
        200,
        "the issuer is away for a moment"
    );
    let stranger = Key::new("later", Algorithm::ES256).sign(&idp.claims("bob", ""));
    assert_eq!(bearer(&gateway, &stranger).await.refused(503), "jwt.key-pending");
    wait::polled("the keys are too old", || async {
        let answer = bearer(&gateway, &token).await;
        (answer.status != 200).then(|| assert_eq!(answer.refused(503), "jwt.keys-stale"))
    })
    .await;
    publisher.publish(&idp);
    wait::polled("the issuer is back", || async {
        (bearer(&gateway, &token).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_request_waits_for_a_slow_issuer_for_a_moment_only() {
    covers(&["policies.*[].jwt.keys.timeout"]);
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let publisher = Publisher::of(&idp).await;
    let gateway = start(&origin, &publisher, ", refresh: 1h, cool-down: 1s, timeout: 1s").await;
    ready(&gateway).await;
    let gate = Gate::new();
    publisher.give(Answer::stream(vec![Step::Gate(gate)]));
    let new = Key::new("new", Algorithm::ES256).sign(&idp.claims("alice", ""));
    assert_eq!(bearer(&gateway, &new).await.refused(503), "jwt.key-pending");
    // The fetch goes on without the request, until its own time is over.
    gateway
        .counts("adamant_jwt_key_fetch_failures_total", &[], 1.0)
        .await;
    assert!(
        gateway.stderr().contains("cannot be fetched"),
        "{}",
        gateway.stderr()
    );
    assert_eq!(bearer(&gateway, &idp.token("alice", "")).await.status, 200);
}

#[tokio::test]
async fn whatever_is_published_beside_good_keys_changes_nothing() {
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let elsewhere = Publisher::of(&Idp::new(&[Algorithm::ES256])).await;
    let good = idp.keys[0].jwk();
    let broken = json!({"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA", "y": "AA"});
    let set = json!({"keys": [&broken, good, {"kty": "oct", "k": "c2VjcmV0"}, "text", null]}).to_string();
    let publisher = Publisher::start(Answer::ok(set)).await;
    let gateway = start(&origin, &publisher, ", refresh: 1s").await;
    ready(&gateway).await;
    let token = |number: usize| idp.token(&format!("client-{number}"), "");
    assert_eq!(bearer(&gateway, &token(0)).await.status, 200);
    let told = gateway.stderr().matches("not well formed").count();
    assert_eq!(told, 1, "{}", gateway.stderr());
    let large = json!({"keys": [good], "x": "x".repeat(300 * 1024)}).to_string();
    let bad = [
        Answer::ok(large),
        Answer::status(302).with("location", &elsewhere.url()),
        Answer::ok("{}"),
        Answer::ok(json!({"keys": [broken]}).to_string()),
        Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"),
    ];
    for (number, answer) in (1..).zip(bad) {
        let before = gateway.metric("adamant_jwt_key_fetch_failures_total", &[]).await;
        publisher.give(answer);
        wait::polled("another fetch has failed", || async {
            let now = gateway.metric("adamant_jwt_key_fetch_failures_total", &[]).await;
            (now > before).then_some(())
        })
        .await;
        assert_eq!(bearer(&gateway, &token(number)).await.status, 200, "{number}");
    }
    assert_eq!(elsewhere.origin().count(), 0, "a redirect is not followed");
    // What the issuer takes back is no failure.
    let before = gateway.metric("adamant_jwt_key_fetch_failures_total", &[]).await;
    publisher.give(Answer::ok("{\"keys\":[]}"));
    wait::polled("the token of the key that was taken back is refused", || async {
        let answer = bearer(&gateway, &token(0)).await;
        (answer.status == 401).then(|| assert_eq!(answer.refused(401), "jwt.key-unknown"))
    })
    .await;
    let after = gateway.metric("adamant_jwt_key_fetch_failures_total", &[]).await;
    assert_eq!(after, before);
    let told = gateway.stderr().matches("publishes no key").count();
    assert_eq!(told, 1, "{}", gateway.stderr());
}

#[tokio::test]
async fn the_server_of_an_issuer_is_proved() {
    covers(&["policies.*[].jwt.keys.authorities"]);
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let (authority, stranger) = (Authority::new("right"), Authority::new("wrong"));
    let server = authority.site(&["localhost"]).server(&[]);
    let jwks = idp.jwks();
    let publisher = Origin::start_tls(server, move |_| Answer::ok(jwks.clone())).await;
    let url = format!("https://localhost:{}/", publisher.address().port());
    for (authority, status) in [(&authority, 200), (&stranger, 503)] {
        let step = step(&url, ", authorities: ca.pem, at-boot: deny, refresh: 1s");
        let setup = Setup::new(&policy(&origin, &[&step])).file("ca.pem", authority.pem());
        let gateway = setup.start().await;
        let counter = if status == 200 {
            "fetches"
        } else {
            "fetch_failures"
        };
        wait::polled("a fetch has ended", || async {
            let count = gateway
                .metric(&format!("adamant_jwt_key_{counter}_total"), &[])
                .await;
            (count >= Some(1.0)).then_some(())
        })
        .await;
        assert_eq!(bearer(&gateway, &idp.token("alice", "")).await.status, status);
    }
}

/// Tokens of an issuer that do not fit, and why.
fn misfits(idp: &Idp) -> [(String, &'static str); 4] {
    let claims = |name: &str, value: serde_json::Value| {
        let mut claims = idp.claims("alice", "");
        claims[name] = value;
        claims
    };
    let forged = Key::new("key-0", Algorithm::ES256).sign(&idp.claims("alice", ""));
    [
        (
            idp.keys[0].sign(&claims("exp", json!(now() - 300))),
            "jwt.expired",
        ),
        (idp.keys[0].sign(&claims("aud", json!("billing"))), "jwt.audience"),
        (
            idp.keys[0].sign(&claims("iss", json!("https://third.test/"))),
            "jwt.issuer",
        ),
        (forged, "jwt.signature"),
    ]
}

#[tokio::test]
async fn each_token_is_judged_by_its_own_issuer() {
    let (a, mut b) = (Idp::new(&[Algorithm::ES256]), Idp::new(&[Algorithm::ES256]));
    b.issuer = "https://other.test/".to_owned();
    let origin = Origin::hello().await;
    let (at_a, at_b) = (Publisher::of(&a).await, Publisher::of(&b).await);
    let step_a = step(&at_a.url(), ", refresh: 1h");
    let step_b = step(&at_b.url(), ", refresh: 1h").replace("https://id.test/", "https://other.test/");
    let either = format!("any-of:\n      - {step_a}\n      - {step_b}");
    let route = |name: &str, steps: &str| {
        format!("name: {name}\nmatch: {{ path: /{name} }}\nto: origin\nfilters:\n  - {steps}")
    };
    let gateway = Gateway::start(
        &Policy::before(&origin)
            .route(&route("a", &step_a))
            .route(&route("either", &either)),
    )
    .await;
    ready(&gateway).await;
    let fetches = at_a.origin().count();
    let ask = async |path: &str, token: &str| {
        get(
            gateway.address(),
            path,
            &[&format!("Authorization: Bearer {token}")],
        )
        .await
    };
    let invalid = "Bearer realm=\"api\", error=\"invalid_token\"";
    let foreign = ask("/a", &b.token("bob", "")).await;
    assert_eq!(foreign.refused(401), "jwt.issuer");
    assert_eq!(foreign.field("www-authenticate"), Some(invalid));
    for idp in [&a, &b] {
        assert_eq!(
            ask("/either", &idp.token("alice", "")).await.status,
            200,
            "{}",
            idp.issuer
        );
        for (token, reason) in misfits(idp) {
            let answer = ask("/either", &token).await;
            assert_eq!(answer.refused(401), reason, "{}", idp.issuer);
            assert_eq!(answer.field("www-authenticate"), Some(invalid), "{reason}");
        }
    }
    let nothing = get(gateway.address(), "/either", &[]).await;
    assert_eq!(nothing.refused(401), "jwt.missing");
    assert_eq!(nothing.field("www-authenticate"), Some("Bearer realm=\"api\""));
    assert_eq!(at_a.origin().count(), fetches, "tokens of others cause no fetch");
    let idle = wait::stays(Duration::from_millis(50), || at_a.origin().count() == fetches).await;
    assert!(idle);
}
