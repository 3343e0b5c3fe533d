//! Branches of `any-of` that did not pass: what becomes of their credentials, and which of their answers is told.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::{Publisher, api_key_entry};
use adamant_tests::issuer::{CLIENT, SECRET};
use adamant_tests::login::COOKIES;
use adamant_tests::{Answer, Browser, Gateway, Idp, Issuer, Origin, Policy};
use jsonwebtoken::Algorithm;

const KEY: &str = "adm_0123456789abcdefghijklmnopqrstuvwxyz";
const API_KEY: &str = "{ api-key: { keys: { file: keys.yaml } } }";
const ISSUED: &str = "issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt";

fn jwt(more: &str) -> String {
    format!("{{ jwt: {{ keys: {{ file: jwks.json }}, {ISSUED}{more} }} }}")
}

async fn start(policy: Policy, idp: &Idp) -> Gateway {
    let entry = api_key_entry("one", KEY, "acme", "");
    Setup::new(&policy)
        .file("jwks.json", idp.jwks())
        .file("keys.yaml", format!("keys:\n{entry}"))
        .start()
        .await
}

async fn guarded(idp: &Idp, origin: &Origin, filters: &str) -> Gateway {
    let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{filters}]");
    start(Policy::before(origin).route(&route), idp).await
}

/// Whoever takes part, with a credential of each kind.
struct World {
    idp: Idp,
    origin: Origin,
    token: String,
    key: String,
}

const FORGED: &str = "Authorization: Bearer eyJh.e30.AAAA";

impl World {
    async fn new() -> Self {
        let idp = Idp::new(&[Algorithm::ES256]);
        Self {
            token: format!("Authorization: Bearer {}", idp.token("alice", "")),
            key: format!("X-Api-Key: {KEY}"),
            origin: Origin::hello().await,
            idp,
        }
    }

    /// Sends a request twice, with a token that is new and one that is remembered. What the upstream gets has this
    /// target and these fields.
    async fn forwards(
        &self,
        filters: &str,
        (target, sent): (&str, &[&str]),
        (seen_target, fields): (&str, &[(&str, Option<&str>)]),
    ) {
        let gateway = guarded(&self.idp, &self.origin, filters).await;
        for _ in 0..2 {
            let answer = get(gateway.address(), target, sent).await;
            assert_eq!(answer.status, 200, "{filters}: {}", answer.text());
            let seen = self.origin.last();
            for (name, value) in fields {
                assert_eq!(seen.field(name), *value, "{name}: {filters} {sent:?}");
            }
            assert_eq!(seen.target, seen_target, "{filters}");
        }
    }
}

#[tokio::test]
async fn what_no_branch_has_proved_goes_no_further() {
    let world = World::new().await;
    let (token, key) = (&*world.token, &*world.key);
    let either = format!("{{ any-of: [{API_KEY}, {}] }}", jwt(""));
    let reversed = format!("{{ any-of: [{}, {API_KEY}] }}", jwt(""));
    let none = [("authorization", None), ("x-api-key", None)];
    // Not looked at, or refused.
    for filters in [&either, &reversed] {
        for sent in [
            [key, FORGED],
            [key, token],
            [key, "Authorization: DPoP eyJh.e30.AAAA"],
            ["X-Api-Key: other", token],
        ] {
            world.forwards(filters, ("/", &sent), ("/", &none)).await;
        }
    }
    let deep = format!(
        "{{ any-of: [{{ all-of: [{}, {{ scopes: {{ all: [admin] }} }}] }}, {{ any-of: [{API_KEY}, {}] }}] }}",
        jwt(""),
        jwt(", cookie: token")
    );
    let sent = [key, FORGED, "Cookie: a=1; token=forged"];
    let seen = [
        ("authorization", None),
        ("x-api-key", None),
        ("cookie", Some("a=1")),
    ];
    world.forwards(&deep, ("/", &sent), ("/", &seen)).await;
    let by_query = format!("{{ any-of: [{API_KEY}, {}] }}", jwt(", query: access_token"));
    let target = "/?%61ccess_token=forged&page=2";
    world
        .forwards(&by_query, (target, &[key]), ("/?page=2", &none))
        .await;
}

#[tokio::test]
async fn what_is_no_credential_of_a_branch_goes_on() {
    let world = World::new().await;
    let (token, key) = (&*world.token, &*world.key);
    let either = format!("{{ any-of: [{API_KEY}, {}] }}", jwt(""));
    let sent = [key, "Authorization: Basic b3Vyczpvd24="];
    let seen = [("authorization", Some("Basic b3Vyczpvd24="))];
    world.forwards(&either, ("/", &sent), ("/", &seen)).await;
    // As the file says.
    let forwarded = format!("{{ any-of: [{API_KEY}, {}] }}", jwt(", forward: true"));
    let seen = [("authorization", Some("Bearer eyJh.e30.AAAA"))];
    world
        .forwards(&forwarded, ("/", &[key, FORGED]), ("/", &seen))
        .await;
    // Set by the branch that passes.
    let own = format!(
        "{{ any-of: [{{ all-of: [{}, {{ headers: {{ request: {{ set: {{ x-api-key: ours }} }} }} }}] }}, {API_KEY}] }}",
        jwt("")
    );
    let seen = [("authorization", None), ("x-api-key", Some("ours"))];
    world.forwards(&own, ("/", &[token, key]), ("/", &seen)).await;
}

#[tokio::test]
async fn a_token_in_a_field_of_its_own_stands_alone() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let gateway = guarded(&idp, &origin, &jwt(", header: x-token")).await;
    let token = format!("X-Token: {}", idp.token("alice", ""));
    for beside in ["Authorization: Bearer forged", "Authorization: DPoP forged"] {
        let answer = get(gateway.address(), "/", &[&token, beside]).await;
        assert_eq!(answer.refused(400), "jwt.several", "{beside}");
    }
    let answer = get(
        gateway.address(),
        "/",
        &[&token, "Authorization: Basic b3Vyczpvd24="],
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn no_client_says_what_only_a_service_that_was_not_asked_may_say() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let service = Origin::start(|_| Answer::ok("").with("x-user", "bob").with("x-role", "reader")).await;
    let asked = format!(
        "{{ forward-auth: {{ url: \"http://{}/\", consumer: x-user, take: [x-user, x-role], send: [authorization] }} }}",
        service.address()
    );
    let gateway = guarded(
        &idp,
        &origin,
        &format!("{{ any-of: [{API_KEY}, {asked}, {asked}] }}"),
    )
    .await;
    let key = format!("X-Api-Key: {KEY}");
    let forged = ["X-User: admin", "X-Role: admin", "Authorization: Negotiate x"];
    let sent = [&*key, forged[0], forged[1], forged[2]];
    assert_eq!(get(gateway.address(), "/", &sent).await.status, 200);
    let seen = origin.last();
    let fields = ["x-user", "x-role", "authorization"].map(|name| seen.field(name));
    assert_eq!((fields, service.count()), ([None; 3], 0));
    // What the service has said stays, also where another branch names the same fields.
    assert_eq!(get(gateway.address(), "/", &forged).await.status, 200);
    let seen = origin.last();
    let fields = ["x-user", "x-role", "authorization"].map(|name| seen.field(name));
    assert_eq!(fields, [Some("bob"), Some("reader"), None]);
}

#[tokio::test]
async fn nobody_calls_a_credential_bad_that_could_not_be_judged() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let publisher = Publisher::start(Answer::status(500)).await;
    let remote = format!(
        "{{ jwt: {{ keys: {{ url: \"{}\", at-boot: deny }}, {ISSUED} }} }}",
        publisher.url()
    );
    let (token, key) = (
        format!("Authorization: Bearer {}", idp.token("alice", "")),
        "X-Api-Key: other",
    );
    for filters in [
        format!("{{ any-of: [{API_KEY}, {remote}] }}"),
        format!("{{ any-of: [{remote}, {API_KEY}] }}"),
    ] {
        let gateway = guarded(&idp, &origin, &filters).await;
        let answer = get(gateway.address(), "/", &[&token, key]).await;
        assert_eq!(answer.refused(503), "jwt.keys-absent", "{filters}");
        let answer = get(gateway.address(), "/", &[key]).await;
        assert_eq!(answer.refused(401), "api-key.unknown", "{filters}");
    }
}

#[tokio::test]
async fn a_way_to_sign_in_is_told_when_no_branch_passes() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let service = Origin::start(|_| Answer::status(302).with("location", "https://login.test/")).await;
    let asked = format!(
        "{{ forward-auth: {{ url: \"http://{}/\", consumer: x-user }} }}",
        service.address()
    );
    let (key, token) = (
        format!("X-Api-Key: {KEY}"),
        format!("Authorization: Bearer {}", idp.token("alice", "")),
    );
    for filters in [
        format!("{{ any-of: [{asked}, {API_KEY}, {}] }}", jwt("")),
        format!("{{ any-of: [{API_KEY}, {}, {asked}] }}", jwt("")),
    ] {
        let gateway = guarded(&idp, &origin, &filters).await;
        for good in [&key, &token] {
            let answer = get(gateway.address(), "/", &[good]).await;
            assert_eq!(answer.status, 200, "{filters}: {}", answer.text());
        }
        let answer = get(gateway.address(), "/", &[]).await;
        assert_eq!(
            (answer.status, answer.field("location")),
            (302, Some("https://login.test/")),
            "{filters}"
        );
        let answer = get(gateway.address(), "/", &["X-Api-Key: other"]).await;
        assert_eq!(answer.refused(401), "api-key.unknown", "{filters}");
    }
}

#[tokio::test]
async fn a_login_that_comes_back_ends_its_group() {
    let (issuer, origin) = (Issuer::start(&[Algorithm::ES256]).await, Origin::hello().await);
    let at = issuer.address();
    let login = format!(
        "{{ oidc-login: {{ issuer: \"{}\", endpoints: {{ authorization: \"{at}/authorize\", token: \"{at}/token\" }}, \
         client: {CLIENT}, secret: {{ file: client.secret }}, keys: {{ file: jwks.json }}, algorithms: [ES256], \
         origin: \"https://app.test\", session: {{ secret: {{ file: cookies.secret }} }} }} }}",
        issuer.name()
    );
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{{ any-of: [{login}, {API_KEY}] }}]"
    );
    let entry = api_key_entry("one", KEY, "acme", "");
    let gateway = Setup::new(&Policy::before(&origin).route(&route))
        .file("jwks.json", issuer.jwks())
        .file("client.secret", SECRET)
        .file("cookies.secret", COOKIES)
        .file("keys.yaml", format!("keys:\n{entry}"))
        .start()
        .await;
    let (html, key) = ("Accept: text/html", format!("X-Api-Key: {KEY}"));
    let mut browser = Browser::new(&gateway);
    let location = browser.begin("/orders").await;
    assert_eq!(origin.count(), 0);
    // Whoever has a key need not sign in.
    assert_eq!(browser.send("GET", "/orders", &[html, &key]).await.status, 200);
    assert_eq!(
        origin.last().field("cookie"),
        None,
        "the login of the browser goes no further"
    );
    let back = issuer.sign_in(&location).await;
    let answer = browser.send("GET", &back, &[html, &key]).await;
    assert_eq!((answer.status, answer.field("location")), (302, Some("/orders")));
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn one_condition_holds_for_all_steps_that_it_gates() {
    let (idp, origin) = (Idp::new(&[Algorithm::ES256]), Origin::hello().await);
    let when = "when: { headers: { x-api-key: { present: true } } }";
    let steps = format!("[{API_KEY}, {{ addresses: {{ allow: [10.0.0.0/8] }} }}]");
    let used = Policy::before(&origin).policy("partners", &steps).route(&format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters: [{{ use: partners, {when} }}]"
    ));
    let grouped = Policy::before(&origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters: [{{ all-of: {steps}, {when} }}]"
    ));
    let either = Policy::before(&origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters: [{{ any-of: [{{ all-of: {steps} }}, {}], {when} }}]",
        jwt("")
    ));
    let cases = [
        (used, 403, "addresses.outside"),
        (grouped, 403, "addresses.outside"),
        (either, 401, "jwt.missing"),
    ];
    for (policy, status, reason) in cases {
        let gateway = start(policy, &idp).await;
        let key = format!("X-Api-Key: {KEY}");
        // The key is taken away, and with it what the condition asks for.
        let answer = get(gateway.address(), "/", &[&key]).await;
        assert_eq!(answer.refused(status), reason);
        // Where it does not hold, the request is left alone.
        let sent = ["Authorization: Bearer of-the-upstream"];
        assert_eq!(get(gateway.address(), "/", &sent).await.status, 200);
        assert_eq!(
            origin.last().field("authorization"),
            Some("Bearer of-the-upstream")
        );
    }
}
