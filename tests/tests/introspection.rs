//! Tokens that an authorization server is asked about: how often, with what, and what becomes of its answers.

use adamant_tests::client::{get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::{api_key_entry, now};
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Authority, Client, Gateway, Origin, Policy, Response, covers, wait};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What is known of a good token.
fn active() -> Value {
    json!({"active": true, "iss": "https://id.test/", "aud": "orders", "sub": "acme", "scope": "read",
        "exp": now() + 300})
}

fn with(mut answer: Value, member: &str, value: impl Into<Value>) -> Value {
    answer[member] = value.into();
    answer
}

fn says(answer: &Value) -> Answer {
    Answer::stream(vec![Step::Data(answer.to_string().into())]).with("content-type", "application/json")
}

/// An authorization server that says this of every token.
async fn server(answer: Value) -> Origin {
    Origin::start(move |_| says(&answer)).await
}

/// The usual settings of a step that asks this server; `more` begins with a comma.
fn step(server: &Origin, more: &str) -> String {
    let client = "client: { id: gateway, secret: { env: CLIENT_SECRET } }";
    format!(
        "introspection: {{ url: \"http://{}/introspect\", {client}, any-audience: true{more} }}",
        server.address()
    )
}

/// A gateway whose only route is behind these steps.
async fn start(origin: &Origin, steps: &str) -> Gateway {
    // A step that may let everybody pass protects nothing, and the file has to say so.
    let public = steps.contains("on-fault: pass");
    let route =
        format!("name: all\nmatch: {{ path: /** }}\npublic: {public}\nto: origin\nfilters: [{steps}]");
    Setup::new(&Policy::before(origin).route(&route))
        .variable("CLIENT_SECRET", "s3cret")
        .file("client.secret", "other\n")
        .start()
        .await
}

fn only(step: &str) -> String {
    format!("{{ {step} }}")
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
async fn the_server_is_asked_by_a_known_client_and_the_upstream_sees_no_token() {
    covers(&[
        "policies.*[].introspection.url",
        "policies.*[].introspection.client.id",
        "policies.*[].introspection.client.secret.env",
        "policies.*[].introspection.client.secret.file",
        "policies.*[].introspection.client.by",
        "policies.*[].introspection.forward",
    ]);
    let (origin, server) = (Origin::hello().await, server(active()).await);
    let url = format!("url: \"http://{}/introspect?v=1\"", server.address());
    for (client, authorization, more) in [
        (
            "id: gateway, secret: { env: CLIENT_SECRET }",
            Some("gateway:s3cret"),
            "",
        ),
        (
            "id: gateway, secret: { file: client.secret }, by: basic",
            Some("gateway:other"),
            "",
        ),
        (
            "id: me, secret: { env: CLIENT_SECRET }, by: body",
            None,
            "&client_id=me&client_secret=s3cret",
        ),
    ] {
        for forward in [false, true] {
            let step = format!(
                "introspection: {{ {url}, client: {{ {client} }}, any-audience: true, active-for: 1m, forward: {forward} }}"
            );
            let gateway = start(&origin, &only(&step)).await;
            assert_eq!(bearer(&gateway, "opaque-token").await.status, 200, "{client}");
            assert_eq!(origin.last().field("authorization").is_some(), forward);
            let asked = server.last();
            assert_eq!(
                (asked.method.as_str(), asked.target.as_str()),
                ("POST", "/introspect?v=1")
            );
            assert_eq!(
                asked.field("content-type"),
                Some("application/x-www-form-urlencoded")
            );
            let expected = authorization.map(|text| format!("Basic {}", STANDARD.encode(text)));
            assert_eq!(asked.field("authorization"), expected.as_deref());
            let form = format!("token=opaque-token&token_type_hint=access_token{more}");
            assert_eq!(String::from_utf8_lossy(&asked.body), form);
            let logged = format!("{}{}", gateway.stdout(), gateway.stderr());
            assert!(
                !logged.contains("opaque-token") && !logged.contains("s3cret"),
                "{logged}"
            );
        }
    }
}

#[tokio::test]
async fn a_server_behind_tls_is_vouched_for_by_the_named_authority() {
    covers(&["policies.*[].introspection.ca"]);
    let (origin, authority) = (Origin::hello().await, Authority::new("ours"));
    let site = authority.site(&["127.0.0.1"]);
    let server = Origin::start_tls(site.server(&[]), |_| says(&active())).await;
    for (pem, status) in [
        (authority.pem().to_owned(), 200),
        (Authority::new("another").pem().to_owned(), 503),
    ] {
        let step = step(&server, ", active-for: 1m, timeout: 10s, ca: ca.pem").replace("http:", "https:");
        let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{{ {step} }}]");
        let setup = Setup::new(&Policy::before(&origin).route(&route));
        let gateway = setup
            .variable("CLIENT_SECRET", "x")
            .file("ca.pem", pem)
            .start()
            .await;
        let answer = bearer(&gateway, "abc").await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn what_the_server_says_is_held_against_the_file() {
    covers(&[
        "policies.*[].introspection.issuer",
        "policies.*[].introspection.audience",
        "policies.*[].introspection.any-audience",
        "policies.*[].introspection.skew",
        "policies.*[].introspection.realm",
    ]);
    let origin = Origin::hello().await;
    let ended = with(active(), "exp", now() - 100);
    let cases = [
        ("issuer: \"https://id.test/\", any-audience: true", active(), ""),
        (
            "issuer: \"https://other.test/\", any-audience: true",
            active(),
            "introspection.issuer",
        ),
        ("audience: [bills, orders]", active(), ""),
        ("audience: bills", active(), "introspection.audience"),
        ("any-audience: true", with(active(), "aud", "whoever"), ""),
        ("any-audience: true, skew: 5m", ended.clone(), ""),
        ("any-audience: true, skew: 10s", ended, "introspection.expired"),
        (
            "any-audience: true",
            with(active(), "nbf", now() + 200),
            "introspection.not-yet-valid",
        ),
        (
            "any-audience: true",
            with(active(), "cnf", json!({"jkt": "a"})),
            "introspection.binding-unchecked",
        ),
        (
            "any-audience: true",
            json!({"active": false}),
            "introspection.inactive",
        ),
        (
            "any-audience: true",
            json!({"sub": "acme"}),
            "introspection.inactive",
        ),
    ];
    for (more, answer, reason) in cases {
        let server = server(answer).await;
        let step = step(&server, ", active-for: 1m, realm: here").replace("any-audience: true", more);
        let gateway = start(&origin, &only(&step)).await;
        let answer = bearer(&gateway, "abc").await;
        if reason.is_empty() {
            assert_eq!(answer.status, 200, "{more}: {}", answer.text());
            continue;
        }
        assert_eq!(answer.refused(401), reason, "{more}");
        let challenge = "Bearer realm=\"here\", error=\"invalid_token\"";
        assert_eq!(answer.field("www-authenticate"), Some(challenge));
    }
}

#[tokio::test]
async fn consumer_and_scopes_are_read_from_the_named_members() {
    covers(&[
        "policies.*[].introspection.consumer",
        "policies.*[].introspection.scopes",
        "policies.*[].introspection.header",
    ]);
    let origin = Origin::hello().await;
    let server = Origin::start(|asked| {
        let form = String::from_utf8_lossy(&asked.body).into_owned();
        let token = form.split(['=', '&']).nth(1).unwrap_or_default();
        let (user, permissions) = token.split_once('-').unwrap_or_default();
        let answer = with(
            with(active(), "username", user),
            "permissions",
            json!([permissions]),
        );
        says(&answer)
    })
    .await;
    let more = ", active-for: 1m, consumer: username, scopes: permissions, header: x-token";
    let steps = format!(
        "{{ {} }}, {{ scopes: {{ all: [write] }} }}, {{ rate: {{ by: consumer, allow: 1/h, burst: 1 }} }}",
        step(&server, more)
    );
    let gateway = start(&origin, &steps).await;
    for (token, status) in [
        ("a-read", 403),
        ("a-write", 200),
        ("b-write", 200),
        ("a-write", 429),
    ] {
        let answer = get(gateway.address(), "/", &[&format!("X-Token: {token}")]).await;
        assert_eq!(answer.status, status, "{token}: {}", answer.text());
    }
    assert!(origin.seen().iter().all(|seen| seen.field("x-token").is_none()));
    assert_eq!(
        bearer(&gateway, "a-write").await.refused(401),
        "introspection.missing"
    );
}

#[tokio::test]
async fn a_revoked_token_is_refused_within_the_stated_time() {
    covers(&[
        "policies.*[].introspection.active-for",
        "policies.*[].introspection.inactive-for",
    ]);
    let origin = Origin::hello().await;
    let revoked = Gate::new();
    let gate = revoked.clone();
    let server = Origin::start(move |_| says(&json!({"active": !gate.is_open(), "sub": "acme"}))).await;
    let steps = only(&step(&server, ", active-for: 1s, inactive-for: 10s"));
    let gateway = start(&origin, &steps).await;
    assert_eq!(bearer(&gateway, "abc").await.status, 200);
    assert_eq!(bearer(&gateway, "abc").await.status, 200);
    assert_eq!(server.count(), 1, "an answer is believed for a while");
    revoked.open();
    wait::polled("the token is refused", async || {
        let answer = bearer(&gateway, "abc").await;
        (answer.status == 401).then(|| assert_eq!(answer.reason(), "introspection.inactive"))
    })
    .await;
    let asked = server.count();
    assert_eq!(bearer(&gateway, "abc").await.status, 401);
    assert_eq!(server.count(), asked, "a refusal is believed for a while, too");

    let steps = only(&step(&server, ", active-for: 1s, inactive-for: 0s"));
    let gateway = start(&origin, &steps).await;
    server.forget();
    for _ in 0..3 {
        assert_eq!(bearer(&gateway, "abc").await.status, 401);
    }
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn what_is_known_of_one_token_is_known_of_no_other() {
    let origin = Origin::hello().await;
    let server = Origin::start(|asked| {
        let is_good = asked.body.starts_with(b"token=good&");
        says(&json!({"active": is_good, "sub": "acme"}))
    })
    .await;
    let gateway = start(&origin, &only(&step(&server, ", active-for: 1m"))).await;
    for _ in 0..2 {
        for (token, status) in [("good", 200), ("goo", 401), ("goodd", 401), ("Good", 401)] {
            assert_eq!(bearer(&gateway, token).await.status, status, "{token}");
        }
    }
    assert_eq!(server.count(), 4);
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_fault_and_not_remembered() {
    covers(&["policies.*[].introspection.timeout"]);
    let origin = Origin::hello().await;
    let cases = [
        (Answer::status(500), "introspection.bad-answer"),
        (Answer::status(401), "introspection.bad-answer"),
        (
            Answer::ok("{\"active\":true,\"sub\":\"a\"}"),
            "introspection.bad-answer",
        ),
        (Answer::silence(), "introspection.service-late"),
        (Answer::reset(), ""),
    ];
    for (bad, reason) in cases {
        let recovered = Gate::new();
        let gate = recovered.clone();
        let script = move |_: &_| {
            if gate.is_open() {
                says(&active())
            } else {
                bad.clone()
            }
        };
        let server = Origin::start(script).await;
        let step = step(&server, ", active-for: 1m, timeout: 300ms");
        let closed = start(&origin, &only(&step)).await;
        let open = start(&origin, &format!("{{ {step}, on-fault: pass }}")).await;
        origin.forget();
        let answer = bearer(&closed, "abc").await;
        let told = answer.refused(503);
        assert!(told == reason || reason.is_empty(), "{told} {reason}");
        assert_eq!(origin.count(), 0, "{reason}");
        assert_eq!(bearer(&open, "abc").await.status, 200, "{reason}");
        recovered.open();
        wait::polled("the next question is answered", async || {
            (bearer(&closed, "abc").await.status == 200).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_a_fault() {
    let origin = Origin::hello().await;
    let server = server(active()).await;
    let step = step(&server, ", active-for: 1m");
    drop(server);
    let gateway = start(&origin, &only(&step)).await;
    assert_eq!(
        bearer(&gateway, "abc").await.refused(503),
        "introspection.service-unreachable"
    );
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn two_hundred_who_bring_one_new_token_share_one_question() {
    let origin = Origin::hello().await;
    let gate = Gate::new();
    let held = gate.clone();
    let server = Origin::start(move |_| {
        let body = active().to_string();
        Answer::stream(vec![Step::Gate(held.clone()), Step::Data(body.into())])
            .with("content-type", "application/json")
    })
    .await;
    let gateway = start(&origin, &only(&step(&server, ", active-for: 1m, timeout: 30s"))).await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        let mut client = Client::connect(gateway.address()).await;
        client
            .send(request("GET", "/", &["Authorization: Bearer abc"], ""))
            .await;
        clients.push(client);
    }
    server.received(1).await;
    // The one who caused the question leaves, and it goes on.
    drop(clients.remove(0));
    gate.open();
    for mut client in clients {
        assert_eq!(client.read().await.status, 200);
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn so_many_tokens_are_asked_about_at_once() {
    covers(&["policies.*[].introspection.at-once"]);
    let origin = Origin::hello().await;
    let gate = Gate::new();
    let held = gate.clone();
    let server = Origin::start(move |_| {
        let body = active().to_string();
        Answer::stream(vec![Step::Gate(held.clone()), Step::Data(body.into())])
            .with("content-type", "application/json")
    })
    .await;
    let gateway = start(
        &origin,
        &only(&step(&server, ", active-for: 1m, timeout: 30s, at-once: 2")),
    )
    .await;
    let mut clients = Vec::new();
    for token in ["one", "two"] {
        let mut client = Client::connect(gateway.address()).await;
        client
            .send(request(
                "GET",
                "/",
                &[&format!("Authorization: Bearer {token}")],
                "",
            ))
            .await;
        clients.push(client);
    }
    server.received(2).await;
    assert_eq!(bearer(&gateway, "three").await.refused(503), "introspection.busy");
    gate.open();
    for mut client in clients {
        assert_eq!(client.read().await.status, 200);
    }
    assert_eq!(bearer(&gateway, "three").await.status, 200);
}

#[tokio::test]
async fn what_is_remembered_is_in_the_sum_of_memory() {
    covers(&["policies.*[].introspection.remember"]);
    let (origin, server) = (Origin::hello().await, server(active()).await);
    for (remember, sum) in [(1024, "4.0 MiB"), (10_240, "40.0 MiB")] {
        let step = step(&server, &format!(", active-for: 1m, remember: {remember}"));
        let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{{ {step} }}]");
        // No secret is needed to check a file, and nobody is asked.
        let told = Setup::new(&Policy::before(&origin).route(&route))
            .run(&["check"])
            .await
            .exits(0)
            .text();
        let line = told
            .lines()
            .find(|line| line.contains("introspection: active tokens"))
            .unwrap_or_default();
        assert!(line.trim_start().starts_with(sum), "{remember}: {told}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn an_address_that_would_be_asked_in_clear_text_is_no_gateway() {
    let (origin, server) = (Origin::hello().await, server(active()).await);
    let port = server.address().port();
    let step = step(&server, ", active-for: 1m").replace(&format!("127.0.0.1:{port}"), "id.example.com");
    let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{{ {step} }}]");
    let told = Setup::new(&Policy::before(&origin).route(&route))
        .run(&["check"])
        .await;
    assert_eq!(told.code, Some(1), "{}", told.text());
    assert!(told.text().contains("clear text"), "{}", told.text());
}

#[tokio::test]
async fn a_token_that_nobody_could_judge_is_not_called_bad() {
    let origin = Origin::hello().await;
    let server = Origin::start(|_| Answer::status(500)).await;
    let mine = only(&step(&server, ", active-for: 1m"));
    let basic = "{ api-key: { keys: { file: keys.yaml } } }";
    let route = |steps: &str| {
        format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{{ any-of: [{steps}] }}]")
    };
    for steps in [format!("{mine}, {basic}"), format!("{basic}, {mine}")] {
        let gateway = Setup::new(&Policy::before(&origin).route(&route(&steps)))
            .variable("CLIENT_SECRET", "s3cret")
            .file(
                "keys.yaml",
                format!("keys:\n{}", api_key_entry("k", "a-good-key", "acme", "")),
            )
            .start()
            .await;
        let lines = ["Authorization: Bearer opaque", "X-API-Key: a-bad-key"];
        let answer = get(gateway.address(), "/", &lines).await;
        assert!(answer.refused(503).starts_with("introspection."), "{steps}");
    }
}
