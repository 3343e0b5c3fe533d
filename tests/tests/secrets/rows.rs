//! The ways to show or to hold a credential that the language has: another one is another row.
//!
//! Knows nothing of what is asked, nor of what is searched.

use adamant_tests::Idp;
use adamant_tests::idp::{api_key_entry, encode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

/// One way to show or to hold a credential.
#[derive(Default)]
pub(crate) struct Row {
    /// Name of its routes.
    pub(crate) name: &'static str,
    /// Its step in the policy.
    pub(crate) step: String,
    /// Nobody has to be proved.
    pub(crate) public: bool,
    /// Fields and query of a good request.
    pub(crate) lines: Vec<String>,
    pub(crate) query: String,
    /// What the client sends that nobody may see again.
    pub(crate) shown: Vec<String>,
    /// What only the gateway knows.
    pub(crate) held: Vec<String>,
    pub(crate) files: Vec<(&'static str, String)>,
    pub(crate) variables: Vec<(&'static str, String)>,
}

const KEY: &str = "adm_0123456789abcdefghijklmnopqrstuvwxyzSECRETKEY";
const BEARER_KEY: &str = "adm_9876543210zyxwvutsrqponmlkjihgfedcbaSECRETKEY";
const HMAC_ENV: &str = "hmac-secret-of-the-environment-0123456789";
const HMAC_FILE: &str = "hmac-secret-of-a-file-0123456789-abcdefgh";
const HMAC_BASE64: &str = "hmac-secret-in-base64-0123456789-abcdefgh";
pub(crate) const UPSTREAM_TOKEN: &str = "upstream-token-T0PS3CRET";
const UPSTREAM_FILE: &str = "upstream-token-of-a-file-T0PS3CRET";
const UPSTREAM_PASSWORD: &str = "upstream password: T0PS3CRET%/+";
const UPSTREAM_KEY: &str = "upstream-key-T0PS3CRET";

const PASSWORD: &str = "basic-password-T0PS3CRET";

/// Bcrypt of it.
const PASSWORD_HASH: &str = "$2b$10$abcdefghijklmnopqrstuu7o/UUqdbpoGSrmYI/hhRjwcNXtWshR6";

const JWT: &str = "issuer: \"https://id.test/\", audience: orders, type: at+jwt";

pub(crate) fn rows(idp: &Idp) -> Vec<Row> {
    let mut rows = vec![
        api_key("key", "x-secret-key", KEY),
        api_key("bearer-key", "authorization", BEARER_KEY),
    ];
    rows.extend(["header", "cookie", "query", "bearer"].map(|place| token(idp, place)));
    rows.extend(passed_on(idp));
    rows.extend(shared_secrets(idp));
    rows.extend(upstream_credentials());
    rows.extend(by_password());
    rows
}

/// A password, which stands in the file as a hash only.
fn by_password() -> [Row; 1] {
    let encoded = STANDARD.encode(format!("alice:{PASSWORD}"));
    [Row {
        name: "basic",
        step: "basic: { users: { file: users.yaml } }".to_owned(),
        lines: vec![format!("Authorization: Basic {encoded}")],
        shown: vec![PASSWORD.to_owned(), encoded],
        files: vec![(
            "users.yaml",
            format!("users: [{{ name: alice, hash: \"{PASSWORD_HASH}\" }}]"),
        )],
        ..Row::default()
    }]
}

fn api_key(name: &'static str, header: &str, key: &str) -> Row {
    let file = if header == "authorization" {
        "bearer-keys.yaml"
    } else {
        "keys.yaml"
    };
    let scheme = if header == "authorization" { "Bearer " } else { "" };
    Row {
        name,
        step: format!("api-key: {{ header: {header}, keys: {{ file: {file} }} }}"),
        lines: vec![format!("{header}: {scheme}{key}")],
        shown: vec![key.to_owned()],
        files: vec![(file, format!("keys:\n{}", api_key_entry("one", key, "acme", "")))],
        ..Row::default()
    }
}

/// A token in one of its places.
fn token(idp: &Idp, place: &'static str) -> Row {
    let token = idp.token("alice", "orders:read");
    let from = match place {
        "header" => ", header: x-token",
        "cookie" => ", cookie: session",
        "query" => ", query: token",
        _ => "",
    };
    let lines = match place {
        "header" => vec![format!("X-Token: {token}")],
        "cookie" => vec![format!("Cookie: a=1; session={token}; b=2")],
        "query" => Vec::new(),
        _ => vec![format!("Authorization: Bearer {token}")],
    };
    Row {
        name: place,
        step: format!("jwt: {{ keys: {{ file: jwks.json }}, algorithms: [ES256], {JWT}{from} }}"),
        lines,
        query: if place == "query" {
            format!("?token={token}&a=1")
        } else {
            String::new()
        },
        shown: parts(&token),
        files: vec![("jwks.json", idp.jwks())],
        ..Row::default()
    }
}

/// A token and what of it is enough to recognise it.
fn parts(token: &str) -> Vec<String> {
    let parts: Vec<&str> = token.split('.').collect();
    vec![token.to_owned(), parts[1].to_owned(), parts[2].to_owned()]
}

/// Credentials that nobody takes away: the upstream is to see them.
fn passed_on(idp: &Idp) -> [Row; 3] {
    let key = "adm_key-that-is-passed-on-0123456789-SECRETKEY";
    let mut by_key = api_key("key-forward", "x-other-key", key);
    by_key.step = by_key
        .step
        .replace(" } }", " }, forward: true }")
        .replace("keys.yaml", "forward.yaml");
    by_key.files = vec![("forward.yaml", by_key.files.remove(0).1)];
    let mut by_token = token(idp, "query");
    by_token.name = "query-forward";
    by_token.step = by_token
        .step
        .replace("query: token", "query: token, forward: true");
    let (basic, cookie) = ("Z2F0ZXdheTpTM0NSM1QtUEFTU1dPUkQ", "session-id-S3CR3T-0123456789");
    let unproved = Row {
        name: "unproved",
        step: "methods: { allow: [GET, POST] }".to_owned(),
        public: true,
        lines: vec![
            format!("Authorization: Basic {basic}"),
            format!("Cookie: a=1; id={cookie}"),
        ],
        shown: vec![basic.to_owned(), cookie.to_owned()],
        ..Row::default()
    };
    [by_key, by_token, unproved]
}

fn shared_secrets(idp: &Idp) -> [Row; 3] {
    let in_base64 = STANDARD.encode(HMAC_BASE64);
    let row = |name, source: &str, secret: &str| {
        let claims = idp.claims("alice", "").to_string();
        let text = format!(
            "{}.{}",
            encode(json!({"alg": "HS256", "typ": "at+jwt"}).to_string()),
            encode(claims)
        );
        let signer = EncodingKey::from_secret(secret.as_bytes());
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &signer, Algorithm::HS256);
        let token = format!("{text}.{}", signature.expect("a secret signs"));
        Row {
            name,
            step: format!("jwt: {{ keys: {{ {source} }}, algorithms: [HS256], {JWT} }}"),
            lines: vec![format!("Authorization: Bearer {token}")],
            shown: parts(&token),
            held: vec![secret.to_owned()],
            ..Row::default()
        }
    };
    let mut all = [
        row("hmac-env", "secret: { env: HMAC_ENV }", HMAC_ENV),
        row("hmac-file", "secret: { file: hmac }", HMAC_FILE),
        row("hmac-base64", "secret-base64: { env: HMAC_BASE64 }", HMAC_BASE64),
    ];
    all[0].variables.push(("HMAC_ENV", HMAC_ENV.to_owned()));
    all[1].files.push(("hmac", HMAC_FILE.to_owned()));
    all[2].variables.push(("HMAC_BASE64", in_base64));
    all
}

fn upstream_credentials() -> [Row; 4] {
    let row = |name, config: &str, secret: &str| Row {
        name,
        step: format!("upstream-credential: {{ {config} }}"),
        public: true,
        held: vec![secret.to_owned()],
        ..Row::default()
    };
    let mut all = [
        row(
            "upstream-token",
            "bearer: { env: UPSTREAM_TOKEN }",
            UPSTREAM_TOKEN,
        ),
        row("upstream-file", "bearer: { file: upstream }", UPSTREAM_FILE),
        row(
            "upstream-basic",
            "basic: { user: gateway, password: { env: UPSTREAM_PASSWORD } }",
            UPSTREAM_PASSWORD,
        ),
        row(
            "upstream-key",
            "header: { name: x-key, value: { env: UPSTREAM_KEY }, prefix: \"Key \" }",
            UPSTREAM_KEY,
        ),
    ];
    all[0]
        .variables
        .push(("UPSTREAM_TOKEN", UPSTREAM_TOKEN.to_owned()));
    all[1].files.push(("upstream", UPSTREAM_FILE.to_owned()));
    all[2]
        .variables
        .push(("UPSTREAM_PASSWORD", UPSTREAM_PASSWORD.to_owned()));
    all[3].variables.push(("UPSTREAM_KEY", UPSTREAM_KEY.to_owned()));
    all
}
