//! Who may pass: tokens, API keys and scopes, and what a refused client is told.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::idp::{Key, api_key_entry, encode, now};
use adamant_tests::{Client, Gateway, Idp, Origin, Policy, Response, covers};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const JWT: &str = "jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, algorithms: [RS256, ES256], type: at+jwt }";
const API_KEY: &str = "api-key: { header: x-api-key, keys: { file: keys.yaml } }";

/// A route `all` to the origin with these filters.
fn policy(origin: &Origin, filters: &[&str]) -> Policy {
    let mut route = "name: all\nmatch: { path: /** }\nto: origin\nfilters:".to_owned();
    for filter in filters {
        route += &format!("\n  - {filter}");
    }
    Policy::before(origin).route(&route)
}

async fn with_tokens(idp: &Idp, origin: &Origin, filters: &[&str]) -> Gateway {
    let setup = Setup::new(&policy(origin, filters));
    setup.file("jwks.json", idp.jwks()).start().await
}

async fn with_keys(entries: &[String], origin: &Origin, filters: &[&str]) -> Gateway {
    let keys = format!("keys:\n{}", entries.concat());
    let setup = Setup::new(&policy(origin, filters));
    setup.file("keys.yaml", keys).start().await
}

async fn bearer(gateway: &Gateway, token: &str) -> Response {
    let line = format!("Authorization: Bearer {token}");
    get(gateway.address(), "/", &[&line]).await
}

/// The claims of a good token, with one of them changed (or taken away by null).
fn changed(idp: &Idp, name: &str, value: Value) -> Value {
    let mut claims = idp.claims("alice", "orders:read");
    let map = claims.as_object_mut().expect("claims are an object");
    if value.is_null() {
        map.remove(name);
    } else {
        map.insert(name.to_owned(), value);
    }
    claims
}

fn challenge(answer: &Response) -> &str {
    answer
        .field("www-authenticate")
        .expect("a refused client is told what to bring")
}

#[tokio::test]
async fn good_tokens_of_every_listed_algorithm_pass() {
    covers(&["policies.*[].jwt.keys.file", "policies.*[].jwt.algorithms"]);
    let idp = Idp::new(&[Algorithm::RS256, Algorithm::ES256]);
    let origin = Origin::hello().await;
    let gateway = with_tokens(&idp, &origin, &[JWT]).await;
    let mut client = Client::connect(gateway.address()).await;
    for key in &idp.keys {
        let line = format!("Authorization: Bearer {}", key.sign(&idp.claims("alice", "")));
        // The second time it may be remembered.
        for _ in 0..2 {
            let answer = client.get("/", &[&line]).await;
            assert_eq!(answer.status, 200, "{:?} {}", key.algorithm, answer.text());
            assert_eq!(
                origin.last().field("authorization"),
                None,
                "a token that was proved goes no further"
            );
        }
    }
}

#[tokio::test]
async fn an_audience_may_be_one_of_several() {
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let gateway = with_tokens(&idp, &origin, &[JWT]).await;
    let token = idp.keys[0].sign(&changed(&idp, "aud", json!(["billing", "orders"])));
    assert_eq!(bearer(&gateway, &token).await.status, 200);
}

#[tokio::test]
async fn rfc6750_3_1_without_a_token_the_challenge_has_no_error() {
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let gateway = with_tokens(&idp, &origin, &[JWT]).await;
    let answer = get(gateway.address(), "/", &[]).await;
    assert_eq!(answer.refused(401), "jwt.missing");
    assert_eq!(challenge(&answer), "Bearer realm=\"api\"");
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn tokens_with_other_claims_are_refused() {
    covers(&["policies.*[].jwt.issuer", "policies.*[].jwt.audience"]);
    let idp = Idp::new(&[Algorithm::RS256]);
    let origin = Origin::hello().await;
    let gateway = with_tokens(&idp, &origin, &[JWT]).await;
    let cases = [
        ("exp", json!(now() - 300), "jwt.expired"),
        ("exp", Value::Null, "jwt.claims"),
        ("exp", json!("tomorrow"), "jwt.claims"),
        ("nbf", json!(now() + 300), "jwt.not-yet-valid"),
        ("iss", json!("https://id.test"), "jwt.issuer"),
        ("iss", json!("https://evil.test/"), "jwt.issuer"),
        ("aud", json!("billing"), "jwt.audience"),
        ("aud", json!(["billing", "order"]), "jwt.audience"),
        ("aud", json!([]), "jwt.audience"),
    ];
    for (name, value, reason) in cases {
        let token = idp.keys[0].sign(&changed(&idp, name, value.clone()));
        let answer = bearer(&gateway, &token).await;
        assert_eq!(answer.refused(401), reason, "{name} {value}");
        assert_eq!(
            challenge(&answer),
            "Bearer realm=\"api\", error=\"invalid_token\"",
            "{name} {value}"
        );
    }
    assert_eq!(origin.count(), 0);
}

/// A token signed by HMAC with these bytes as secret.
fn hmac(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signer = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &signer, Algorithm::HS256);
    format!("{text}.{}", signature.expect("a secret signs"))
}

#[tokio::test]
async fn rfc8725_2_1_the_algorithm_comes_from_the_key() {
    let idp = Idp::new(&[Algorithm::RS256]);
    let origin = Origin::hello().await;
    let gateway = with_tokens(&idp, &origin, &[JWT]).await;
    let (key, claims) = (&idp.keys[0], idp.claims("mallory", "orders:read"));
    let head = |algorithm: &str| json!({ "alg": algorithm, "kid": key.id, "typ": "at+jwt" });
    let unsigned = |algorithm: &str| {
        let parts = (encode(head(algorithm).to_string()), encode(claims.to_string()));
        format!("{}.{}.", parts.0, parts.1)
    };
    let pem = key.public_pem.clone().expect("an RSA key has a public half");
    let jwk = key.jwk().to_string();
    let mut tokens: Vec<String> = ["none", "None", "NONE", "nOnE", ""].map(unsigned).to_vec();
    tokens.push(unsigned("RS256"));
    tokens.push(hmac(&head("HS256"), &claims, pem.as_bytes()));
    tokens.push(hmac(&head("HS256"), &claims, pem.trim_end().as_bytes()));
    tokens.push(hmac(&head("HS256"), &claims, jwk.as_bytes()));
    tokens.push(hmac(&head("HS256"), &claims, b""));
    tokens.push(hmac(&head("RS256"), &claims, pem.as_bytes()));
    for token in tokens {
        let answer = bearer(&gateway, &token).await;
        assert!(answer.refused(401).starts_with("jwt."), "{token}");
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn keys_that_the_file_does_not_hold_sign_nothing() {
    covers(&["policies.*[].jwt.type"]);
    let (idp, stranger) = (Idp::new(&[Algorithm::ES256]), Idp::new(&[Algorithm::ES256]));
    let origin = Origin::hello().await;
    let gateway = with_tokens(&idp, &origin, &[JWT]).await;
    let claims = idp.claims("mallory", "orders:read");
    let same_id = stranger.keys[0].sign(&claims);
    assert_eq!(bearer(&gateway, &same_id).await.refused(401), "jwt.signature");
    let other_id = Key::new("elsewhere", Algorithm::ES256).sign(&claims);
    assert_eq!(bearer(&gateway, &other_id).await.refused(401), "jwt.key-unknown");
    // RFC 7515 §4.1.3: what the token brings along is never believed.
    let header = json!({
        "alg": "ES256", "typ": "at+jwt", "jwk": stranger.keys[0].jwk(),
        "jku": "https://evil.test/jwks.json", "kid": idp.keys[0].id,
    });
    let brought = stranger.keys[0].sign_with(&header, &claims);
    assert!(bearer(&gateway, &brought).await.refused(401).starts_with("jwt."));
    let id_token = json!({ "alg": "ES256", "typ": "JWT", "kid": idp.keys[0].id });
    let id_token = idp.keys[0].sign_with(&id_token, &claims);
    assert_eq!(bearer(&gateway, &id_token).await.refused(401), "jwt.type");
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused_even_after_the_original_passed() {
    let idp = Idp::new(&[Algorithm::RS256]);
    let origin = Origin::hello().await;
    let gateway = with_tokens(&idp, &origin, &[JWT]).await;
    let token = idp.token("alice", "orders:read");
    assert_eq!(bearer(&gateway, &token).await.status, 200);
    let parts: Vec<&str> = token.split('.').collect();
    let forged = encode(idp.claims("root", "orders:read orders:write").to_string());
    let changed = format!("{}.{forged}.{}", parts[0], parts[2]);
    assert_eq!(bearer(&gateway, &changed).await.refused(401), "jwt.signature");
    let without = format!("{}.{}.", parts[0], parts[1]);
    assert!(bearer(&gateway, &without).await.refused(401).starts_with("jwt."));
    for broken in ["x", "x.y", "x.y.z", "..", &format!("{token}.extra")] {
        let answer = bearer(&gateway, broken).await;
        assert!(answer.refused(401).starts_with("jwt."), "{broken}");
    }
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn two_credentials_are_none() {
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let gateway = with_tokens(&idp, &origin, &[JWT]).await;
    let line = format!("Authorization: Bearer {}", idp.token("alice", ""));
    let answer = get(gateway.address(), "/", &[&line, &line]).await;
    assert_eq!(answer.refused(400), "jwt.several");
    assert_eq!(
        challenge(&answer),
        "Bearer realm=\"api\", error=\"invalid_request\""
    );
    let basic = get(gateway.address(), "/", &["Authorization: Basic YTpi"]).await;
    assert_eq!(basic.status, 401, "{}", basic.text());
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn api_keys_pass_until_they_end() {
    covers(&["policies.*[].api-key.header", "policies.*[].api-key.keys.file"]);
    let entries = [
        api_key_entry("good", "adm_good", "acme", ""),
        api_key_entry("new", "adm_new", "acme", "not-after: \"2999-01-01T00:00:00Z\""),
        api_key_entry("old", "adm_old", "acme", "not-after: \"2020-01-01T00:00:00Z\""),
    ];
    let origin = Origin::hello().await;
    let gateway = with_keys(&entries, &origin, &[API_KEY]).await;
    for key in ["adm_good", "adm_new"] {
        let answer = get(gateway.address(), "/", &[&format!("X-Api-Key: {key}")]).await;
        assert_eq!(answer.status, 200, "{key} {}", answer.text());
        assert_eq!(
            origin.last().field("x-api-key"),
            None,
            "a key that was proved goes no further"
        );
    }
    origin.forget();
    let refused: [(&[&str], u16, &str); 7] = [
        (&[], 401, "api-key.missing"),
        (&["X-Api-Key: adm_old"], 401, "api-key.expired"),
        (&["X-Api-Key: adm_goo"], 401, "api-key.unknown"),
        (&["X-Api-Key: ADM_GOOD"], 401, "api-key.unknown"),
        (&["X-Api-Key:"], 400, "api-key.unreadable"),
        (
            &["X-Api-Key: adm_good", "X-Api-Key: adm_good"],
            400,
            "api-key.several",
        ),
        (&["Authorization: Bearer adm_good"], 401, "api-key.missing"),
    ];
    for (lines, status, reason) in refused {
        let answer = get(gateway.address(), "/", lines).await;
        assert_eq!(answer.refused(status), reason, "{lines:?}");
        assert!(
            challenge(&answer).starts_with("ApiKey realm=\"api\""),
            "{lines:?}"
        );
    }
    let in_query = get(gateway.address(), "/?x-api-key=adm_good", &[]).await;
    assert_eq!(
        in_query.refused(401),
        "api-key.missing",
        "only the named place is looked at"
    );
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn rfc6750_3_1_scopes_that_are_missing_are_named() {
    covers(&["policies.*[].scopes.all"]);
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let scopes = "scopes: { all: [orders:read, orders:list] }";
    let gateway = with_tokens(&idp, &origin, &[JWT, scopes]).await;
    for scope in [
        "",
        "orders:read",
        "orders:readorders:list",
        "ORDERS:READ ORDERS:LIST",
        "orders:*",
    ] {
        let answer = bearer(&gateway, &idp.token("alice", scope)).await;
        assert_eq!(answer.refused(403), "scopes.missing", "{scope}");
        assert_eq!(
            challenge(&answer),
            "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"orders:list orders:read\"",
            "{scope}"
        );
    }
    assert_eq!(origin.count(), 0);
    for scope in ["orders:list orders:read", "openid orders:read orders:list"] {
        let answer = bearer(&gateway, &idp.token("alice", scope)).await;
        assert_eq!(answer.status, 200, "{scope} {}", answer.text());
    }
}

#[tokio::test]
async fn scopes_of_a_key_count_like_those_of_a_token() {
    covers(&["policies.*[].scopes.any"]);
    let entries = [
        api_key_entry("reader", "adm_reader", "acme", "scopes: [orders:read]"),
        api_key_entry("writer", "adm_writer", "acme", "scopes: [orders:write]"),
        api_key_entry("none", "adm_none", "acme", ""),
    ];
    let origin = Origin::hello().await;
    let any = "scopes: { any: [orders:read, orders:admin] }";
    let gateway = with_keys(&entries, &origin, &[API_KEY, any]).await;
    for (key, status) in [("adm_reader", 200), ("adm_writer", 403), ("adm_none", 403)] {
        let answer = get(gateway.address(), "/", &[&format!("X-Api-Key: {key}")]).await;
        assert_eq!(answer.status, status, "{key} {}", answer.text());
    }
    assert_eq!(origin.count(), 1);
}

#[tokio::test]
async fn any_of_takes_either_credential_and_no_third() {
    covers(&["policies.*[].any-of"]);
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let either = format!("any-of:\n      - {JWT}\n      - {API_KEY}");
    let keys = format!("keys:\n{}", api_key_entry("good", "adm_good", "acme", ""));
    let gateway = Setup::new(&policy(&origin, &[&either]))
        .file("jwks.json", idp.jwks())
        .file("keys.yaml", keys)
        .start()
        .await;
    assert_eq!(bearer(&gateway, &idp.token("alice", "")).await.status, 200);
    let by_key = get(gateway.address(), "/", &["X-Api-Key: adm_good"]).await;
    assert_eq!(by_key.status, 200, "{}", by_key.text());
    assert_eq!(get(gateway.address(), "/", &[]).await.status, 401);
    assert_eq!(
        get(gateway.address(), "/", &["X-Api-Key: adm_bad"]).await.status,
        401
    );
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn a_shared_secret_from_the_environment_proves_hmac_tokens_only() {
    covers(&["policies.*[].jwt.keys.secret.env"]);
    let idp = Idp::new(&[Algorithm::ES256]);
    let origin = Origin::hello().await;
    let secret = "0123456789abcdef0123456789abcdef";
    let filter = "jwt: { keys: { secret: { env: TOKEN_SECRET } }, issuer: \"https://id.test/\", audience: orders, algorithms: [HS256], type: at+jwt }";
    let gateway = Setup::new(&policy(&origin, &[filter]))
        .variable("TOKEN_SECRET", secret)
        .start()
        .await;
    let claims = idp.claims("alice", "");
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    let good = hmac(&header, &claims, secret.as_bytes());
    let answer = bearer(&gateway, &good).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let guessed = hmac(&header, &claims, b"another secret of the same length");
    assert_eq!(bearer(&gateway, &guessed).await.refused(401), "jwt.signature");
    let other = bearer(&gateway, &idp.keys[0].sign(&claims)).await;
    assert!(other.refused(401).starts_with("jwt."));
}
