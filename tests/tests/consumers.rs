//! Consumers of the file: one caller with several credentials has one limit, one name and one plan.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Adamant, Gateway, Idp, Origin, Policy, Response, covers};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

const KEY: &str = "api-key: { keys: { file: keys.yaml } }";

/// Requests that a consumer has.
const BURST: usize = 4;

const CONSUMERS: &str = r#"
plans: { gold: {}, free: {} }
consumers:
  acme:
    plan: gold
    groups: [partners, beta]
    known-by:
      - jwt: { issuer: "https://id.test/", name: acme-app }
      - api-key: { name: acme-one }
      - api-key: { name: acme-two }
  visitor:
    plan: free
    known-by: [{ api-key: { name: visitor } }]
"#;

/// Two providers, and consumers with keys.
struct World {
    ours: Idp,
    others: Idp,
    origin: Origin,
}

impl World {
    async fn new() -> Self {
        let others = Idp {
            issuer: "https://other.test/".to_owned(),
            ..Idp::new(&[Algorithm::ES256])
        };
        Self {
            ours: Idp::new(&[Algorithm::ES256]),
            others,
            origin: Origin::hello().await,
        }
    }

    fn setup(&self) -> Setup {
        let jwt = |issuer: &str, file: &str| {
            format!(
                "{{ jwt: {{ keys: {{ file: {file} }}, issuer: \"{issuer}\", audience: orders, algorithms: [ES256], type: at+jwt }} }}"
            )
        };
        let route = format!(
            "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - any-of: [{{ {KEY} }}, {}, {}]\n  - rate: {{ by: consumer, allow: 1/d, burst: {BURST} }}",
            jwt(&self.ours.issuer, "ours.json"),
            jwt(&self.others.issuer, "others.json"),
        );
        let names = ["acme-one", "acme-two", "visitor", "acme-app", "acme"];
        let keys: String = names
            .iter()
            .map(|name| api_key_entry(name, &format!("adm_{name}"), name, ""))
            .collect();
        let policy = Policy::before(&self.origin)
            .route(&route)
            .observe("access-log: { to: stdout }")
            .top(CONSUMERS);
        Setup::new(&policy)
            .file("ours.json", self.ours.jwks())
            .file("others.json", self.others.jwks())
            .file("keys.yaml", format!("keys:\n{keys}"))
    }

    fn key(name: &str) -> String {
        format!("x-api-key: adm_{name}")
    }

    fn token(idp: &Idp, subject: &str) -> String {
        format!("Authorization: Bearer {}", idp.token(subject, ""))
    }
}

async fn ask(gateway: &Gateway, credential: &str) -> Response {
    get(gateway.address(), "/", &[credential]).await
}

#[tokio::test]
async fn one_consumer_has_one_limit_by_whichever_credential() {
    covers(&["consumers.*.known-by[].*.issuer", "consumers.*.known-by[].*.name"]);
    let world = World::new().await;
    let gateway = world.setup().start().await;
    let mine = [
        World::key("acme-one"),
        World::token(&world.ours, "acme-app"),
        World::key("acme-two"),
        World::token(&world.ours, "acme-app"),
    ];
    for credential in &mine {
        let answer = ask(&gateway, credential).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for credential in &mine {
        assert_eq!(ask(&gateway, credential).await.refused(429), "rate.exhausted");
    }
    // Whoever only has the same name is somebody else, and so is everybody whom the file does not name.
    for credential in [
        World::key("visitor"),
        World::key("acme-app"),
        World::key("acme"),
        World::token(&world.ours, "acme-one"),
        World::token(&world.ours, "acme"),
        World::token(&world.others, "acme-app"),
        World::token(&world.others, "acme"),
    ] {
        for number in 0..BURST {
            let answer = ask(&gateway, &credential).await;
            assert_eq!(answer.status, 200, "{number} {credential}: {}", answer.text());
        }
        assert_eq!(ask(&gateway, &credential).await.refused(429), "rate.exhausted");
    }
}

/// What the log and `explain` tell of whoever brings a credential.
async fn told(gateway: &Gateway, credential: &str, number: usize) -> (Value, Value) {
    ask(gateway, credential).await;
    let logged = gateway.logged(number + 1).await[number].clone();
    let arguments = ["explain", "--url", "http://api.test/", "-H", credential, "--json"];
    let explained = Adamant::run(gateway.folder().path(), &arguments).await.exits(0);
    (logged, explained.json())
}

#[tokio::test]
async fn log_and_explanation_name_the_consumer_of_the_file() {
    covers(&["plans.*", "consumers.*.plan", "consumers.*.groups"]);
    let world = World::new().await;
    let gateway = world.setup().start().await;
    let mine = [
        World::key("acme-one"),
        World::token(&world.ours, "acme-app"),
        World::key("acme-two"),
    ];
    let subjects = ["acme-one", "acme-app", "acme-two"];
    for (number, (credential, subject)) in mine.iter().zip(subjects).enumerate() {
        let (logged, explained) = told(&gateway, credential, number).await;
        assert_eq!(
            (&logged["consumer"], &logged["plan"], &logged["auth"]["subject"]),
            (&json!("acme"), &json!("gold"), &json!(subject)),
            "{logged}"
        );
        assert_eq!(
            (&explained["consumer"], &explained["plan"], &explained["groups"]),
            (&json!("acme"), &json!("gold"), &json!(["beta", "partners"])),
            "{explained}"
        );
    }
    let (logged, explained) = told(&gateway, &World::key("visitor"), 3).await;
    assert_eq!(
        (&logged["plan"], &explained["plan"]),
        (&json!("free"), &json!("free"))
    );
    assert_eq!(explained["groups"], json!([]));
    let (logged, explained) = told(&gateway, &World::key("acme"), 4).await;
    assert_eq!(
        (&logged["consumer"], &explained["consumer"]),
        (&json!("api-key::acme"), &json!("api-key::acme")),
        "a namesake of the consumer is called by its proof"
    );
    assert_eq!(
        (&logged["plan"], &explained["plan"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn policy_tests_name_the_consumer_of_the_file() {
    let world = World::new().await;
    let request = |subject: &str| {
        format!(
            "request: {{ get: \"http://api.test/\", jwt: {{ iss: \"https://id.test/\", sub: {subject} }} }}"
        )
    };
    let tests = format!(
        "adamant-test: 1\nwith: {{ now: 2026-11-23T12:00:00Z }}\ntests:\n  - name: ours\n    {}\n    expect: {{ to: origin, consumer: acme }}\n  - name: by key\n    request: {{ get: \"http://api.test/\", headers: {{ x-api-key: adm_acme-two }} }}\n    expect: {{ consumer: acme }}\n  - name: nobody's\n    {}\n    expect: {{ consumer: acme-one }}\n",
        request("acme-app"),
        request("acme-one"),
    );
    let setup = world.setup().file("gateway.test.yaml", tests);
    let _ = setup.run(&["test"]).await.exits(0);
}

#[tokio::test]
async fn the_posture_tells_who_is_known_by_what() {
    let world = World::new().await;
    let setup = world.setup();
    let told = setup.run(&["show", "--posture"]).await.exits(0).stdout;
    let line = told
        .lines()
        .find(|line| line.starts_with("acme "))
        .unwrap_or_else(|| panic!("{told}"));
    for part in [
        "gold",
        "beta, partners",
        "api-key acme-one",
        "jwt acme-app (https://id.test/)",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // What is shown is the same file.
    let digest = setup.run(&["digest"]).await.exits(0).stdout;
    let shown = setup.run(&["show"]).await.exits(0).stdout;
    let again = world.setup().file("gateway.yaml", shown);
    assert_eq!(again.run(&["digest"]).await.exits(0).stdout, digest);
}
