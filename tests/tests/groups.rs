//! What groups of steps do with what their branches change, and for how long the answer of a `when` holds.

use adamant_tests::client::{exchange, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Adamant, Folder, Gateway, Idp, Origin, Policy};
use jsonwebtoken::Algorithm;

const KEY: &str = "adm_0123456789abcdefghijklmnopqrstuvwxyz";
const API_KEY: &str = "api-key: { keys: { file: keys.yaml } }";
const JWT: &str = "jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, \
                   algorithms: [ES256], type: at+jwt }";

async fn start(idp: &Idp, origin: &Origin, filters: &str) -> Gateway {
    let policy = Policy::before(origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{filters}]"
    ));
    Setup::new(&policy)
        .file("jwks.json", idp.jwks())
        .file(
            "keys.yaml",
            format!("keys:\n{}", api_key_entry("one", KEY, "acme", "")),
        )
        .start()
        .await
}

#[tokio::test]
async fn every_branch_finds_the_request_as_the_client_sent_it() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let token = format!("Authorization: Bearer {}", idp.token("alice", "orders:read"));
    let key = format!("X-Api-Key: {KEY}");
    let both: &[&str] = &[&key, &token];
    let only_token: &[&str] = &[&token];
    let admin = format!("all-of: [{{ {JWT} }}, {{ scopes: {{ all: [admin] }} }}]");
    let local = format!("all-of: [{{ {JWT} }}, {{ addresses: {{ allow: [127.0.0.0/8] }} }}]");
    let cases = [
        // The token is proved by a hook that waits, so the group begins anew.
        (format!("{{ all-of: [{{ {API_KEY} }}, {{ {JWT} }}] }}"), both),
        (
            format!("{{ any-of: [{{ all-of: [{{ {API_KEY} }}, {{ {JWT} }}] }}, {{ {API_KEY} }}] }}"),
            both,
        ),
        // The first branch takes the token away and then refuses.
        (
            format!("{{ any-of: [{{ {admin} }}, {{ {local} }}] }}"),
            only_token,
        ),
    ];
    for (filters, lines) in cases {
        let gateway = start(&idp, &origin, &filters).await;
        // A token that is new, and one that is remembered.
        for _ in 0..2 {
            let answer = get(gateway.address(), "/", lines).await;
            assert_eq!(answer.status, 200, "{filters}: {}", answer.text());
            let seen = origin.last();
            assert_eq!(
                (
                    seen.field("authorization"),
                    seen.field("x-api-key").filter(|_| lines.len() == 2)
                ),
                (None, None),
                "no credential goes further: {filters}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_branch_proves_nobody() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let admin = format!("all-of: [{{ {JWT} }}, {{ scopes: {{ all: [admin] }} }}]");
    let filters = format!(
        "{{ any-of: [{{ {admin} }}, {{ {API_KEY} }}] }}, {{ identity-headers: {{ set: {{ x-consumer: consumer }} }} }}"
    );
    let gateway = start(&idp, &origin, &filters).await;
    let token = format!("Authorization: Bearer {}", idp.token("alice", "orders:read"));
    let answer = get(gateway.address(), "/", &[&token, &format!("X-Api-Key: {KEY}")]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(origin.last().field("x-consumer"), Some("acme"));
}

#[tokio::test]
async fn a_later_step_does_not_change_whom_a_step_is_for() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    // The API key is taken off the head before the body comes.
    let when = "when: { headers: { x-api-key: { present: true } } }";
    let filters = format!("{{ body-size: {{ at-most: 10B }}, {when} }}, {{ {API_KEY} }}");
    let gateway = start(&idp, &origin, &filters).await;
    let key = format!("X-Api-Key: {KEY}");
    let small = exchange(gateway.address(), request("POST", "/", &[&key], "ok")).await;
    assert_eq!(small.status, 200, "{}", small.text());
    let chunks = format!("{:x}\r\n{}\r\n0\r\n\r\n", 40, "x".repeat(40));
    let head = request("POST", "/", &[&key, "Transfer-Encoding: chunked"], "");
    let large = exchange(gateway.address(), head + &chunks).await;
    assert_eq!(large.refused(413), "body-size.exceeded");
}

#[tokio::test]
async fn what_would_open_a_group_or_prove_no_body_does_not_load() {
    let cases = [
        (
            "to: origin",
            "any-of: [{ addresses: { allow: [10.0.0.0/8] }, when: { methods: [GET] } }, { methods: { allow: [GET] } }]",
            "groups.open-branch",
        ),
        (
            "to: origin",
            "any-of: [{ addresses: { allow: [10.0.0.0/8] }, shadow: true }, { methods: { allow: [GET] } }]",
            "groups.open-branch",
        ),
        (
            "to: origin",
            "any-of: [{ addresses: { allow: [10.0.0.0/8] } }, { all-of: [{ headers: { request: { remove: [x-a] } } }, \
             { headers: { request: { remove: [x-b] } } }] }]",
            "groups.open-branch",
        ),
        (
            "respond: { status: 200, text: done }",
            "webhook-signature: { secrets: [{ env: HOOK }], replay: allow }",
            "routes.unread-body",
        ),
    ];
    for (action, filter, code) in cases {
        let folder = Folder::new();
        let text = format!(
            "adamant: 1\nlisteners: {{ public: {{ bind: \"127.0.0.1:0\" }} }}\nupstreams: {{ origin: {{ built-in: echo }}, used: {{ built-in: echo }} }}\n\
             routes:\n  - {{ name: all, match: {{ path: /all/** }}, public: true, {action}, filters: [{{ {filter} }}] }}\n\
             \x20 - {{ name: one, match: {{ path: /one }}, public: true, to: origin }}\n\
             \x20 - {{ name: two, match: {{ path: /two }}, public: true, to: used }}\n"
        );
        folder.write("gateway.yaml", text);
        let told = Adamant::run(folder.path(), &["check"]).await.exits(1);
        assert!(told.text().contains(code), "{filter}: {}", told.text());
    }
}
