//! What upstreams learn of a caller, and that no client can say it in its place; and the credential that the
//! gateway itself shows.

use adamant_tests::client::{exchange, get};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::policy::to_all;
use adamant_tests::{Answer, Idp, Origin, Policy, covers};
use jsonwebtoken::Algorithm;
use serde_json::json;

const JWT: &str = "jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt }";
const API_KEY: &str = "api-key: { header: x-api-key, keys: { file: keys.yaml } }";
const TELL: &str = "identity-headers: { set: { X-Consumer: consumer, x-scopes: scopes, x-plan: plan, x-groups: groups, x-method: method, x-email: \"claim:email\", x-roles: \"claim:realm_access.roles\" } }";

const TOLD: [&str; 7] = [
    "x-consumer",
    "x-scopes",
    "x-plan",
    "x-groups",
    "x-method",
    "x-email",
    "x-roles",
];

fn setup(origin: &Origin, idp: &Idp, steps: &[&str], more: &str) -> Setup {
    let mut route = format!("name: all\nmatch: {{ path: /** }}\nto: origin{more}\nfilters:");
    for step in steps {
        route += &format!("\n  - {step}");
    }
    let entry = api_key_entry("reader", "adm_reader", "reader", "scopes: [a, b]");
    Setup::new(&Policy::before(origin).route(&route))
        .file("jwks.json", idp.jwks())
        .file("keys.yaml", format!("keys:\n{entry}"))
}

/// What a client may try: each field by itself, twice, and in other cases.
fn forged() -> Vec<String> {
    TOLD.iter()
        .flat_map(|name| [format!("{name}: admin"), format!("{}: root", name.to_uppercase())])
        .collect()
}

#[tokio::test]
async fn upstreams_learn_who_calls_from_the_gateway_alone() {
    covers(&["policies.*[].identity-headers.set.*"]);
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    // Before or behind the proof makes no difference.
    for steps in [[JWT, TELL], [TELL, JWT]] {
        let gateway = setup(&origin, &idp, &steps, "").start().await;
        let mut claims = idp.claims("jörg", "orders:read orders:write");
        claims["email"] = json!("j, jr\u{e9}@id.test");
        claims["realm_access"] = json!({ "roles": ["ops", "on call"] });
        let mut lines = forged();
        lines.push(format!("Authorization: Bearer {}", idp.keys[0].sign(&claims)));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = get(gateway.address(), "/", &lines).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let expected = [
            Some("j%C3%B6rg"),
            Some("orders:read,orders:write"),
            None,
            None,
            Some("jwt"),
            Some("j%2C%20jr%C3%A9@id.test"),
            Some("ops,on%20call"),
        ];
        let seen = origin.last();
        for (name, value) in TOLD.iter().zip(expected) {
            assert_eq!(seen.fields.all(name), Vec::from_iter(value), "{name}");
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_rather_than_left_out() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let mut claims = idp.claims("alice", "");
    claims["email"] = "x".repeat(4097).into();
    claims["restricted"] = "yes".into();
    let token = format!("Authorization: Bearer {}", idp.keys[0].sign(&claims));
    for more in ["", ", on-fault: pass", ", on-fault: deny"] {
        let step = format!(
            "{{ identity-headers: {{ set: {{ x-aaa: \"claim:email\", x-restricted: \"claim:restricted\" }} }}{more} }}"
        );
        let gateway = setup(&origin, &idp, &[JWT, &step], "").start().await;
        let answer = get(gateway.address(), "/", &[&token]).await;
        assert_eq!(answer.refused(403), "identity-headers.too-long", "{more}");
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn where_nobody_is_known_nobody_is_told_of() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    // What a later filter counts by is not the client's word either.
    let count = "rate: { by: \"header:x-consumer\", missing: deny, allow: 1/h }";
    let gateway = setup(&origin, &idp, &[TELL], "\npublic: true").start().await;
    let forged = forged();
    let lines: Vec<&str> = forged.iter().map(String::as_str).collect();
    assert_eq!(get(gateway.address(), "/", &lines).await.status, 200);
    for name in TOLD {
        assert_eq!(origin.last().field(name), None, "{name}");
    }
    let gateway = setup(&origin, &idp, &[TELL, count], "\npublic: true")
        .start()
        .await;
    let answer = get(gateway.address(), "/", &lines).await;
    assert_eq!(answer.refused(400), "rate.key-missing");
}

#[tokio::test]
async fn other_spellings_reach_no_upstream() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let gateway = setup(&origin, &idp, &[API_KEY, TELL], "").start().await;
    let key = "X-Api-Key: adm_reader";
    for (line, reason) in [
        ("x_consumer: admin", "request.field-underscore"),
        ("X_Consumer: admin", "request.field-underscore"),
        ("Connection: x-consumer", "request."),
        ("Connection: close, X-Consumer", "request."),
    ] {
        let answer = get(gateway.address(), "/", &[key, line]).await;
        assert!(
            answer.refused(400).starts_with(reason),
            "{line}: {}",
            answer.text()
        );
    }
    assert_eq!(origin.count(), 0);
    // Trailers are no header fields, and go no further.
    let trailed = "POST / HTTP/1.1\r\nHost: api.test\r\nX-Api-Key: adm_reader\r\nTransfer-Encoding: chunked\r\n\
                   Trailer: x-consumer\r\n\r\n1\r\na\r\n0\r\nx-consumer: admin\r\n\r\n";
    let answer = exchange(gateway.address(), trailed).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(origin.last().fields.all("x-consumer"), ["reader"]);
    for name in ["x_consumer", "host", "x-forwarded-for", "x-request-id"] {
        let step = format!("identity-headers: {{ set: {{ {name}: consumer }} }}");
        let told = setup(&origin, &idp, &[API_KEY, &step], "").run(&["check"]).await;
        assert_eq!(told.code, Some(1), "{name}: {}", told.text());
    }
}

#[tokio::test]
async fn the_gateway_shows_its_own_credential() {
    covers(&[
        "policies.*[].upstream-credential.bearer.env",
        "policies.*[].upstream-credential.bearer.file",
        "policies.*[].upstream-credential.basic.user",
        "policies.*[].upstream-credential.basic.password.env",
        "policies.*[].upstream-credential.basic.password.file",
        "policies.*[].upstream-credential.header.name",
        "policies.*[].upstream-credential.header.prefix",
        "policies.*[].upstream-credential.header.value.env",
        "policies.*[].upstream-credential.header.value.file",
    ]);
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let basic = "Basic Z2F0ZXdheTpvcGVuIHNlc2FtZQ==";
    let cases = [
        ("bearer: { env: S }", "authorization", "Bearer open sesame"),
        ("bearer: { file: s }", "authorization", "Bearer open sesame"),
        (
            "basic: { user: gateway, password: { env: S } }",
            "authorization",
            basic,
        ),
        (
            "basic: { user: gateway, password: { file: s } }",
            "authorization",
            basic,
        ),
        (
            "header: { name: X-Key, value: { env: S } }",
            "x-key",
            "open sesame",
        ),
        (
            "header: { name: x-key, value: { file: s }, prefix: \"Token \" }",
            "x-key",
            "Token open sesame",
        ),
    ];
    for (config, field, expected) in cases {
        let step = format!("upstream-credential: {{ {config} }}");
        let gateway = setup(&origin, &idp, &[&step], "\npublic: true")
            .file("s", "open sesame\n")
            .variable("S", "open sesame")
            .start()
            .await;
        let own = [
            format!("{field}: of the client"),
            format!("{field}: of the client"),
        ];
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        for lines in [Vec::new(), own] {
            let answer = get(gateway.address(), "/", &lines).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(origin.last().fields.all(field), [expected], "{config}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_passed_on_gives_way_to_the_gateways_own() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let forward = JWT.replace("type: at+jwt", "type: at+jwt, forward: true");
    let step = "upstream-credential: { bearer: { env: S } }";
    let gateway = setup(&origin, &idp, &[&forward, step], "")
        .variable("S", "ours")
        .start()
        .await;
    let line = format!("Authorization: Bearer {}", idp.token("alice", ""));
    assert_eq!(get(gateway.address(), "/", &[&line]).await.status, 200);
    assert_eq!(origin.last().fields.all("authorization"), ["Bearer ours"]);
}

#[tokio::test]
async fn every_try_shows_it_once() {
    let idp = Idp::new(&[Algorithm::ES256]);
    let (bad, good) = (
        Origin::start(|_| Answer::status(503)).await,
        Origin::hello().await,
    );
    let keys = format!("{}\nretry: {{ attempts: 2, on: [503] }}", to_all(&[&bad, &good]));
    let route = "name: all\nmatch: { path: /** }\nto: both\nfilters:\n  - api-key: { keys: { file: keys.yaml } }\n  - identity-headers: { set: { x-consumer: consumer } }\n  - upstream-credential: { bearer: { env: S } }";
    let policy = Policy::new()
        .listener("public", "")
        .upstream("both", &keys)
        .route(route);
    let entry = api_key_entry("reader", "adm_reader", "reader", "");
    let gateway = Setup::new(&policy)
        .file("keys.yaml", format!("keys:\n{entry}"))
        .file("jwks.json", idp.jwks())
        .variable("S", "ours")
        .start()
        .await;
    for _ in 0..4 {
        let answer = get(
            gateway.address(),
            "/",
            &["X-Api-Key: adm_reader", "x-consumer: admin"],
        )
        .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert!(bad.count() > 0, "some first tries went to the one that fails");
    for seen in bad.seen().into_iter().chain(good.seen()) {
        assert_eq!(seen.fields.all("authorization"), ["Bearer ours"]);
        assert_eq!(seen.fields.all("x-consumer"), ["reader"]);
        assert_eq!(seen.field("x-api-key"), None);
    }
}

#[tokio::test]
async fn a_secret_that_fits_into_no_field_is_told_at_start_and_not_repeated() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let step = "upstream-credential: { bearer: { env: S } }";
    let setup = setup(&origin, &idp, &[step], "\npublic: true").variable("S", "open\nsesame");
    let ended = setup.refuses().await;
    assert!(
        ended.text().contains("no header field can carry"),
        "{}",
        ended.text()
    );
    assert!(!ended.text().contains("sesame"), "{}", ended.text());
    // `check` needs no secret.
    assert_eq!(setup.run(&["check"]).await.code, Some(0));
}
