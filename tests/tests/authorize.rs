//! What a proved caller may: each part of `authorize` refuses with a reason of its own, and nobody reaches what
//! belongs to somebody else by another spelling.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Gateway, H2Client, Idp, Origin, Policy, Response, covers};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

const JWT: &str = "jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt }";
const API_KEY: &str = "api-key: { header: x-api-key, keys: { file: keys.yaml } }";

/// An issuer and an origin, for gateways with different rules.
struct Bench {
    idp: Idp,
    origin: Origin,
}

impl Bench {
    async fn new() -> Self {
        Self {
            idp: Idp::new(&[Algorithm::ES256]),
            origin: Origin::hello().await,
        }
    }

    /// A gateway whose route `/users/{id}/**` has this rule behind a token or a key.
    fn setup(&self, rule: &str) -> Setup {
        let steps = format!("  - any-of:\n      - {JWT}\n      - {API_KEY}\n  - {rule}");
        let route =
            format!("name: users\nmatch: {{ path: \"/users/{{id}}/**\" }}\nto: origin\nfilters:\n{steps}");
        let entries = [
            api_key_entry("reader", "adm_reader", "reader", "scopes: [orders:read]"),
            api_key_entry("writer", "adm_writer", "writer", "scopes: [orders:write]"),
        ];
        Setup::new(&Policy::before(&self.origin).route(&route))
            .file("jwks.json", self.idp.jwks())
            .file("keys.yaml", format!("keys:\n{}", entries.concat()))
    }

    async fn gateway(&self, rule: &str) -> Gateway {
        self.setup(rule).start().await
    }

    /// A field with a token that says this, besides what every token says.
    fn says(&self, more: Value) -> String {
        let mut claims = self.idp.claims("7", "orders:read orders:list");
        let map = claims.as_object_mut().expect("claims are an object");
        map.extend(more.as_object().expect("more claims").clone());
        format!("Authorization: Bearer {}", self.idp.keys[0].sign(&claims))
    }
}

/// Why the gateway refuses; empty when it does not.
fn reason(answer: &Response) -> String {
    match answer.status {
        200 => String::new(),
        _ => answer.refused(403),
    }
}

async fn ask(gateway: &Gateway, target: &str, line: &str) -> String {
    reason(&get(gateway.address(), target, &[line]).await)
}

/// A rule, who passes, who does not, and why.
type Rule = (&'static str, Who, Who, &'static str);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    /// By a token, with roles.
    Staff,
    /// By a token of another tenant.
    Guest,
    /// By a key with the scope to read.
    Reader,
    /// By a key with the scope to write.
    Writer,
}

#[rustfmt::skip] // One row a line: it is a table.
const RULES: &[Rule] = &[
    ("scopes: { all: [orders:read] }", Who::Reader, Who::Writer, "scope"),
    ("scopes: { all: [orders:read, orders:list] }", Who::Staff, Who::Reader, "scope"),
    ("scopes: { any: [orders:write, orders:delete] }", Who::Writer, Who::Reader, "scope"),
    ("roles: { claim: roles, all: [staff, admin] }", Who::Staff, Who::Guest, "role"),
    ("roles: { claim: realm_access.roles, any: [ops, sre] }", Who::Staff, Who::Guest, "role"),
    ("roles: { claim: roles, any: [staff] }", Who::Staff, Who::Reader, "role"),
    ("claims: { tenant: acme }", Who::Staff, Who::Guest, "claim"),
    ("claims: { tier: [1, 2] }", Who::Staff, Who::Guest, "claim"),
    ("claims: { tenant: { present: true } }", Who::Guest, Who::Reader, "claim"),
    ("claims: { tenant: { present: false } }", Who::Reader, Who::Guest, "claim"),
    ("proved-by: [jwt]", Who::Guest, Who::Reader, "proof"),
    ("proved-by: [api-key, client-certificate]", Who::Reader, Who::Staff, "proof"),
    ("consumers: [reader, \"7\"]", Who::Staff, Who::Writer, "consumer"),
];

#[tokio::test]
async fn each_part_refuses_with_a_reason_of_its_own() {
    covers(&[
        "policies.*[].authorize.scopes.all",
        "policies.*[].authorize.scopes.any",
        "policies.*[].authorize.roles.claim",
        "policies.*[].authorize.roles.all",
        "policies.*[].authorize.roles.any",
        "policies.*[].authorize.claims.*",
        "policies.*[].authorize.claims.*.present",
        "policies.*[].authorize.groups",
        "policies.*[].authorize.proved-by",
        "policies.*[].authorize.consumers",
    ]);
    let bench = Bench::new().await;
    let staff =
        json!({ "tenant": "acme", "tier": 2, "roles": "staff admin", "realm_access": { "roles": ["ops"] } });
    let guest =
        json!({ "tenant": "globex", "tier": 3, "roles": "staffer", "realm_access": { "roles": ["op"] } });
    let (staff, guest) = (bench.says(staff), bench.says(guest));
    let (reader, writer) = (
        "X-Api-Key: adm_reader".to_owned(),
        "X-Api-Key: adm_writer".to_owned(),
    );
    let line = |who: Who| match who {
        Who::Staff => &staff,
        Who::Guest => &guest,
        Who::Reader => &reader,
        Who::Writer => &writer,
    };
    for (rule, good, bad, expected) in RULES {
        let gateway = bench.gateway(&format!("authorize: {{ {rule} }}")).await;
        assert_eq!(ask(&gateway, "/users/7/x", line(*good)).await, "", "{rule}");
        let refused = ask(&gateway, "/users/7/x", line(*bad)).await;
        assert_eq!(refused, format!("authorize.{expected}"), "{rule}");
    }
    let gateway = bench.gateway("authorize: { groups: [partners] }").await;
    assert_eq!(ask(&gateway, "/users/7/x", &staff).await, "authorize.group");
    assert_eq!(bench.origin.count(), RULES.len());
}

#[tokio::test]
async fn rfc6750_3_1_a_client_without_the_scopes_is_told_which_ones() {
    covers(&["policies.*[].authorize.realm"]);
    let bench = Bench::new().await;
    let rule = "authorize: { scopes: { all: [orders:write, orders:read] }, realm: orders }";
    let gateway = bench.gateway(rule).await;
    let answer = get(gateway.address(), "/users/7/x", &[&bench.says(json!({}))]).await;
    assert_eq!(answer.refused(403), "authorize.scope");
    assert_eq!(
        answer.field("www-authenticate"),
        Some("Bearer realm=\"orders\", error=\"insufficient_scope\", scope=\"orders:read orders:write\"")
    );
    // Other parts do not ask for another token.
    let gateway = bench.gateway("authorize: { consumers: [nobody] }").await;
    let answer = get(gateway.address(), "/users/7/x", &[&bench.says(json!({}))]).await;
    assert_eq!(
        (answer.refused(403).as_str(), answer.field("www-authenticate")),
        ("authorize.consumer", None)
    );
}

#[tokio::test]
async fn nobody_reaches_what_belongs_to_somebody_else() {
    covers(&["policies.*[].authorize.bind.*"]);
    let bench = Bench::new().await;
    let gateway = bench.gateway("authorize: { bind: { id: sub } }").await;
    let (seven, eight) = (bench.says(json!({})), bench.says(json!({ "sub": "8" })));
    let odd = bench.says(json!({ "sub": "a b%37" }));
    let cases = [
        ("/users/7/orders", &seven, ""),
        ("/users/7/orders", &eight, "authorize.binding"),
        ("/users/%37/orders", &seven, ""),
        ("/users/%37/orders", &eight, "authorize.binding"),
        ("/users/8/../7/orders", &eight, "authorize.binding"),
        ("/users/x/../../users/%37/orders", &eight, "authorize.binding"),
        ("/users/7/../8/orders", &eight, ""),
        ("/users/07/orders", &seven, "authorize.binding"),
        ("/users/7%20/orders", &seven, "authorize.binding"),
        ("/users/a%20b%25x/orders", &odd, "authorize.binding"),
        ("/users/a%20b7/orders", &odd, "authorize.binding"),
    ];
    for (target, line, expected) in cases {
        assert_eq!(ask(&gateway, target, line).await, expected, "{target}");
    }
    let passed = cases.iter().filter(|(.., expected)| expected.is_empty()).count();
    assert_eq!(bench.origin.count(), passed);
    // What could be read in two ways reaches no rule at all.
    for target in [
        "/users/%2537/x",
        "/users/8%2f..%2f7/x",
        "/users/8;7/x",
        "/users//7/x",
        "/users/8/%2e%2e/7/x",
    ] {
        let answer = get(gateway.address(), target, &[&eight]).await;
        assert!(answer.refused(400).starts_with("request."), "{target}");
    }
    assert_eq!(bench.origin.count(), passed);
    let gateway = bench.gateway("authorize: { bind: { id: consumer } }").await;
    assert_eq!(
        ask(&gateway, "/users/reader/x", "X-Api-Key: adm_reader").await,
        ""
    );
    assert_eq!(
        ask(&gateway, "/users/reader/x", "X-Api-Key: adm_writer").await,
        "authorize.binding"
    );
}

#[tokio::test]
async fn a_parameter_that_no_path_has_is_told_at_boot() {
    let bench = Bench::new().await;
    for rule in ["bind: { user: sub }", "expression: \"path.user == 'a'\""] {
        let setup = bench.setup(&format!("authorize: {{ {rule} }}"));
        let told = setup.run(&["check"]).await;
        assert_eq!(told.code, Some(1), "{}", told.text());
        assert!(
            told.text().contains("error[routes.unknown-capture]"),
            "{}",
            told.text()
        );
        assert!(told.text().contains("`user`"), "{}", told.text());
    }
}

#[tokio::test]
async fn an_expression_decides_by_request_and_identity() {
    covers(&["policies.*[].authorize.expression"]);
    let bench = Bench::new().await;
    let rule = "authorize: { expression: \"identity.claims.tenant == request.headers['x-tenant'] && (request.method == 'GET' || 'orders:write' in identity.scopes) && path.id == identity.consumer\" }";
    let gateway = bench.gateway(rule).await;
    let good = bench.says(json!({ "tenant": "acme" }));
    let asked = |target: &'static str, line: String, tenant: &'static str| {
        let at = gateway.address();
        async move { reason(&get(at, target, &[&line, &format!("X-Tenant: {tenant}")]).await) }
    };
    assert_eq!(asked("/users/7/x", good.clone(), "acme").await, "");
    assert_eq!(
        asked("/users/8/x", good.clone(), "acme").await,
        "authorize.expression"
    );
    assert_eq!(
        asked("/users/7/x", good.clone(), "globex").await,
        "authorize.expression"
    );
    // Without what it asks for it is neither true nor false.
    assert_eq!(
        asked("/users/7/x", bench.says(json!({})), "acme").await,
        "authorize.expression-fault"
    );
    assert_eq!(
        ask(&gateway, "/users/7/x", &good).await,
        "authorize.expression-fault"
    );
    gateway
        .counts("adamant_authorize_expression_faults_total", &[], 2.0)
        .await;
    let lenient = bench.gateway(&format!("{rule}\n    on-fault: pass")).await;
    assert_eq!(ask(&lenient, "/users/7/x", &good).await, "");
    lenient
        .counts("adamant_authorize_expression_faults_total", &[], 1.0)
        .await;
}

#[tokio::test]
async fn a_wrong_expression_is_told_at_boot() {
    let bench = Bench::new().await;
    for (expression, said) in [
        ("request.metod == 'GET'", "did you mean `request.method`?"),
        ("identity.scopes.exists(s, s == 'a')", "`in`"),
        ("identity.claims.admin", "identity.claims.admin == true"),
        ("request.method == 7", "a text and a number"),
        ("request.method ==", "not an expression"),
    ] {
        let setup = bench.setup(&format!("authorize: {{ expression: \"{expression}\" }}"));
        let told = setup.run(&["check"]).await;
        assert_eq!(told.code, Some(1), "{}", told.text());
        assert!(told.text().contains(said), "{expression}: {}", told.text());
    }
}

#[tokio::test]
async fn a_grpc_caller_is_told_permission_denied() {
    let bench = Bench::new().await;
    let rule = "authorize: { consumers: [nobody] }";
    let yaml = Policy::before(&bench.origin)
        .public("protocols: [h2]")
        .route(&format!(
            "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - {API_KEY}\n  - {rule}"
        ));
    let entry = api_key_entry("reader", "adm_reader", "reader", "");
    let gateway = Setup::new(&yaml)
        .file("keys.yaml", format!("keys:\n{entry}"))
        .start()
        .await;
    let fields = [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("x-api-key", "adm_reader"),
    ];
    let mut client = H2Client::connect(gateway.address()).await;
    let answer = client.post("/test.Service/Get", &fields, b"\0\0\0\0\0").await;
    assert_eq!((answer.status, answer.field("grpc-status")), (200, Some("7")));
}

/// All challenges of an answer.
fn challenges(answer: &Response) -> Vec<&str> {
    answer.fields.all("www-authenticate")
}

#[tokio::test]
async fn rfc9110_11_6_1_every_401_says_what_to_bring() {
    let bench = Bench::new().await;
    let start = async |steps: &str| {
        let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - {steps}");
        let entry = api_key_entry("reader", "adm_reader", "reader", "");
        Setup::new(&Policy::before(&bench.origin).route(&route))
            .file("jwks.json", bench.idp.jwks())
            .file("keys.yaml", format!("keys:\n{entry}"))
            .start()
            .await
    };
    let (bearer, key) = ("Bearer realm=\"api\"", "ApiKey realm=\"api\"");
    let bad_key = "ApiKey realm=\"api\", error=\"invalid_token\"";
    let bad_token = "Bearer realm=\"api\", error=\"invalid_token\"";
    let nowhere = "addresses: { allow: [192.0.2.0/24] }";
    let expired = bench.says(json!({ "exp": 1 }));
    let cases = [
        (JWT.to_owned(), "Host: api.test", vec![bearer]),
        (JWT.to_owned(), expired.as_str(), vec![bad_token]),
        (API_KEY.to_owned(), "Host: api.test", vec![key]),
        (API_KEY.to_owned(), "X-Api-Key: wrong", vec![bad_key]),
        (
            format!("any-of: [{{ {JWT} }}, {{ {API_KEY} }}]"),
            "Host: api.test",
            vec![key, bearer],
        ),
        (
            format!("any-of: [{{ {JWT} }}, {{ {API_KEY} }}]"),
            "X-Api-Key: wrong",
            vec![bad_key, bearer],
        ),
        (
            format!("any-of: [{{ {JWT} }}, {{ {API_KEY} }}]"),
            expired.as_str(),
            vec![bad_token, key],
        ),
        // Two of the same kind are one challenge.
        (
            format!("any-of: [{{ {JWT} }}, {{ {JWT} }}]"),
            "Host: api.test",
            vec![bearer],
        ),
        // A network that is not allowed is no reason to keep quiet about credentials.
        (
            format!("any-of: [{{ {nowhere} }}, {{ {API_KEY} }}]"),
            "Host: api.test",
            vec![key],
        ),
        (
            format!("any-of: [{{ {API_KEY} }}, {{ {nowhere} }}]"),
            "Host: api.test",
            vec![key],
        ),
    ];
    for (steps, line, expected) in cases {
        // The network alone does not protect a route, so a second step does; no request comes that far.
        let gateway = start(&format!("{steps}\n  - {API_KEY}")).await;
        let answer = get(gateway.address(), "/", &[line]).await;
        assert_eq!(answer.status, 401, "{steps} {}", answer.text());
        assert_eq!(challenges(&answer), expected, "{steps}");
    }
    assert_eq!(bench.origin.count(), 0);
}
