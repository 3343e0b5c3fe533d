//! What the keys of `jwt`, `api-key`, `scopes` and `rate` do that other files do not show.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::{api_key_entry, encode, now};
use adamant_tests::{Gateway, Idp, Origin, Policy, Response, covers};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The route `all` under these filters.
fn policy(origin: &Origin, filters: &str) -> Policy {
    Policy::before(origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n{filters}"
    ))
}

/// A gateway with a filter `jwt` that trusts one shared secret, with further keys.
async fn trusting(origin: &Origin, more: &str, steps: &str) -> Gateway {
    let jwt = format!(
        "  - jwt: {{ keys: {{ secret: {{ file: token.secret }} }}, issuer: \"https://id.test/\", audience: orders, algorithms: [HS256], type: any{more} }}\n{steps}"
    );
    Setup::new(&policy(origin, &jwt))
        .file("token.secret", SECRET)
        .start()
        .await
}

/// A good token but for these claims.
fn token(changes: Value) -> String {
    let mut claims = Idp::new(&[Algorithm::HS256]).claims("alice", "");
    let Value::Object(changes) = changes else {
        panic!("changes are an object")
    };
    claims
        .as_object_mut()
        .expect("claims are an object")
        .extend(changes);
    let text = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(claims.to_string()));
    let signer = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &signer, Algorithm::HS256);
    format!("{text}.{}", signature.expect("a secret signs"))
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
async fn a_public_key_may_stand_in_pem() {
    covers(&["policies.*[].jwt.keys.pem"]);
    let (idp, stranger) = (Idp::new(&[Algorithm::ES256]), Idp::new(&[Algorithm::ES256]));
    let origin = Origin::hello().await;
    let jwt = "  - jwt: { keys: { pem: key.pem }, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: any }";
    let pem = idp.keys[0].public_pem.clone().expect("a public half");
    let gateway = Setup::new(&policy(&origin, jwt))
        .file("key.pem", pem)
        .start()
        .await;
    assert_eq!(bearer(&gateway, &idp.token("alice", "")).await.status, 200);
    assert_eq!(
        bearer(&gateway, &stranger.token("alice", "")).await.refused(401),
        "jwt.signature"
    );
}

#[tokio::test]
async fn a_shared_secret_has_a_place_and_a_spelling() {
    covers(&[
        "policies.*[].jwt.keys.secret.file",
        "policies.*[].jwt.keys.secret-base64.env",
        "policies.*[].jwt.keys.secret-base64.file",
    ]);
    let origin = Origin::hello().await;
    let in_base64 = encode(SECRET);
    for keys in [
        "secret: { file: plain.secret }",
        "secret-base64: { env: TOKEN_SECRET }",
        "secret-base64: { file: base64.secret }",
    ] {
        let jwt = format!(
            "  - jwt: {{ keys: {{ {keys} }}, issuer: \"https://id.test/\", audience: orders, algorithms: [HS256], type: any }}"
        );
        let gateway = Setup::new(&policy(&origin, &jwt))
            .file("plain.secret", SECRET)
            .file("base64.secret", &in_base64)
            .variable("TOKEN_SECRET", &in_base64)
            .start()
            .await;
        let answer = bearer(&gateway, &token(json!({}))).await;
        assert_eq!(answer.status, 200, "{keys}: {}", answer.text());
    }
}

#[tokio::test]
async fn consumer_and_scopes_are_read_from_the_named_claims() {
    covers(&[
        "policies.*[].jwt.consumer",
        "policies.*[].jwt.scopes",
        "policies.*[].scopes.realm",
    ]);
    let origin = Origin::hello().await;
    let more = ", consumer: client_id, scopes: permissions";
    let steps =
        "  - scopes: { all: [read], realm: orders }\n  - rate: { by: consumer, allow: 1/h, burst: 1 }";
    let gateway = trusting(&origin, more, steps).await;
    let claims =
        |who: &str, may: &str| token(json!({ "client_id": who, "permissions": may, "scope": "read" }));
    let refused = bearer(&gateway, &claims("a", "write")).await;
    assert_eq!(refused.refused(403), "scopes.missing");
    let challenge = refused.field("www-authenticate").unwrap_or_default();
    assert!(challenge.contains("realm=\"orders\""), "{challenge}");
    for (who, status) in [("a", 200), ("b", 200), ("a", 429)] {
        assert_eq!(
            bearer(&gateway, &claims(who, "read")).await.status,
            status,
            "{who}"
        );
    }
}

#[tokio::test]
async fn clocks_may_differ_and_tokens_may_live_as_long_as_the_file_says() {
    covers(&["policies.*[].jwt.skew", "policies.*[].jwt.lifetime"]);
    let origin = Origin::hello().await;
    for (more, exp, iat, reason) in [
        (", skew: 5m", now() - 200, now() - 400, ""),
        (", skew: 10s", now() - 200, now() - 400, "jwt.expired"),
        (", lifetime: 10m", now() + 300, now(), ""),
        (", lifetime: 1m", now() + 300, now(), "jwt.lifetime"),
    ] {
        let gateway = trusting(&origin, more, "").await;
        let answer = bearer(&gateway, &token(json!({ "exp": exp, "iat": iat }))).await;
        if reason.is_empty() {
            assert_eq!(answer.status, 200, "{more}: {}", answer.text());
        } else {
            assert_eq!(answer.refused(401), reason, "{more}");
        }
    }
}

#[tokio::test]
async fn a_token_is_taken_from_the_named_place_alone() {
    covers(&[
        "policies.*[].jwt.header",
        "policies.*[].jwt.cookie",
        "policies.*[].jwt.query",
        "policies.*[].jwt.realm",
    ]);
    let origin = Origin::hello().await;
    let token = token(json!({}));
    let places = [
        ("header: x-token", "/".to_owned(), format!("X-Token: {token}")),
        (
            "cookie: session",
            "/".to_owned(),
            format!("Cookie: session={token}"),
        ),
        (
            "query: token",
            format!("/?token={token}"),
            "X-Nothing: 1".to_owned(),
        ),
    ];
    for (key, _, _) in &places {
        let gateway = trusting(&origin, &format!(", {key}, realm: here"), "").await;
        for (place, target, line) in &places {
            let answer = get(gateway.address(), target, &[line]).await;
            if place == key {
                assert_eq!(answer.status, 200, "{key}: {}", answer.text());
                continue;
            }
            assert_eq!(answer.refused(401), "jwt.missing", "{key}, sent by {place}");
            assert_eq!(answer.field("www-authenticate"), Some("Bearer realm=\"here\""));
        }
    }
}

#[tokio::test]
async fn what_is_remembered_is_in_the_sum_of_memory() {
    covers(&["policies.*[].jwt.remember", "policies.*[].rate.remember"]);
    let origin = Origin::hello().await;
    let sum = async |tokens: u32, keys: u32| {
        let steps = format!(
            "  - jwt: {{ keys: {{ secret: {{ env: S }} }}, issuer: i, audience: a, algorithms: [HS256], type: any, remember: {tokens} }}\n  - rate: {{ by: address, allow: 1/s, remember: {keys} }}"
        );
        let told = Setup::new(&policy(&origin, &steps))
            .run(&["check"])
            .await
            .exits(0)
            .text();
        let line = |name: &str| {
            let found = told.lines().find(|line| line.contains(name)).unwrap_or_default();
            found.split(name).next().unwrap_or_default().trim().to_owned()
        };
        (line("jwt: proved tokens"), line("rate: remembered keys"))
    };
    let (none, few) = sum(0, 1000).await;
    let (some, many) = sum(1024, 100_000).await;
    assert!(
        none.starts_with('0') && some.starts_with("4.0 MiB"),
        "{none} {some}"
    );
    assert!(few.ends_with("KiB") && many.ends_with("MiB"), "{few} {many}");
}

#[tokio::test]
async fn a_key_that_is_missing_is_told_by_the_realm_of_its_step() {
    covers(&["policies.*[].api-key.realm", "policies.*[].all-of"]);
    let origin = Origin::hello().await;
    let both = "  - all-of:\n      - api-key: { header: x-one, keys: { file: one.yaml }, realm: first }\n      - api-key: { header: x-two, keys: { file: two.yaml }, realm: second }";
    let keys = |key: &str| format!("keys:\n{}", api_key_entry(key, &format!("adm_{key}"), "acme", ""));
    let gateway = Setup::new(&policy(&origin, both))
        .file("one.yaml", keys("one"))
        .file("two.yaml", keys("two"))
        .start()
        .await;
    let (one, two) = ("X-One: adm_one", "X-Two: adm_two");
    for (lines, realm) in [(vec![two], "first"), (vec![one], "second"), (vec![one, two], "")] {
        let answer = get(gateway.address(), "/", &lines).await;
        let challenge = answer.field("www-authenticate").unwrap_or_default();
        assert_eq!(
            answer.status == 200,
            realm.is_empty(),
            "{lines:?} {}",
            answer.text()
        );
        assert!(challenge.contains(realm), "{lines:?} {challenge}");
    }
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_shared_or_skipped() {
    covers(&["policies.*[].rate.missing", "policies.*[].rate.by"]);
    let origin = Origin::hello().await;
    for (missing, statuses) in [
        ("deny", [400, 400, 400]),
        ("share", [200, 429, 429]),
        ("skip", [200, 200, 200]),
    ] {
        let steps = format!("  - rate: {{ by: header:x-tenant, missing: {missing}, allow: 1/h, burst: 1 }}");
        let public = policy(&origin, &steps)
            .yaml()
            .replace("to: origin\n", "public: true\n    to: origin\n");
        let gateway = Setup::text(&public).start().await;
        for status in statuses {
            let answer = get(gateway.address(), "/", &[]).await;
            assert_eq!(answer.status, status, "{missing}: {}", answer.text());
        }
        for (tenant, status) in [("a", 200), ("a", 429), ("b", 200)] {
            let answer = get(gateway.address(), "/", &[&format!("X-Tenant: {tenant}")]).await;
            assert_eq!(answer.status, status, "{missing} {tenant}");
        }
    }
}

#[tokio::test]
async fn a_sketch_has_fixed_memory_and_holds_the_limit() {
    covers(&["policies.*[].rate.precision"]);
    let origin = Origin::hello().await;
    let mut sums = Vec::new();
    for precision in ["exact", "sketch"] {
        let steps = format!(
            "  - rate: {{ by: address, allow: 1/h, burst: 2, remember: 100000, precision: {precision} }}"
        );
        let public = policy(&origin, &steps)
            .yaml()
            .replace("to: origin\n", "public: true\n    to: origin\n");
        let setup = Setup::text(&public);
        sums.push(setup.run(&["check"]).await.exits(0).text());
        let gateway = setup.start().await;
        for status in [200, 200, 429] {
            assert_eq!(
                get(gateway.address(), "/", &[]).await.status,
                status,
                "{precision}"
            );
        }
    }
    let first = |text: &String| text.lines().next().unwrap_or_default().trim().to_owned();
    assert_ne!(first(&sums[0]), first(&sums[1]), "the bounds of memory differ");
}
