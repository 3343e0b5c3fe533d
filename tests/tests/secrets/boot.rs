//! Files and variables that cannot be used: what is wrong with them is told, and not what stands in them.

use adamant_tests::gateway::Setup;
use adamant_tests::{Authority, Idp, Policy};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm;

use crate::said::Said;

/// It is long enough, and no base64.
const SECRET: &str = "malformed-T0PS3CRET!-0123456789-abcdefgh";

/// Too short for anything.
const SHORT: &str = "sh0rt!T0PS";

/// A step, and what stands in the file `it`, which nobody is to see: `@` stands for the secret.
type Case = (&'static str, &'static str);

const API_KEY: &str = "api-key: { keys: { file: it } }";
const BASIC: &str = "basic: { users: { file: it } }";
const SIGNATURE: &str = "signature: { replay: allow, keys: { file: it } }";
const WEBHOOK: &str = "webhook-signature: { replay: allow, secrets: [{ file: it }] }";
const JWT: &str =
    "jwt: { issuer: \"https://id.test/\", audience: a, type: jwt, algorithms: [ES256], keys: { file: it } }";
const JWT_PEM: &str =
    "jwt: { issuer: \"https://id.test/\", audience: a, type: jwt, algorithms: [ES256], keys: { pem: it } }";
const JWT_BASE64: &str = "jwt: { issuer: \"https://id.test/\", audience: a, type: jwt, algorithms: [HS256], keys: { secret-base64: { file: it } } }";

#[rustfmt::skip] // One row a line: it is a table.
const IN_FILES: &[Case] = &[
    (API_KEY, "keys: [{ id: a, consumer: b, hash: \"@\" }]"),
    (API_KEY, "keys: [{ id: a, consumer: b, hash: \"sha256:@\" }]"),
    (API_KEY, "keys: [{ id: a, consumer: b, key: \"@\" }]"),
    (API_KEY, "keys: [{ id: a, consumer: b, hash: \"sha256:@\", not-after: \"@\" }]"),
    (API_KEY, "keys: { \"@\": b }"),
    (API_KEY, "keys: [\"@\"]"),
    (API_KEY, "\"@\""),
    (API_KEY, "keys: [{ id: a, hash: \"@"),
    (API_KEY, "keys: [{ id: a, hash: \"@\", hash: \"@\" }]"),
    (API_KEY, "a: &x \"@\"\nkeys: *x"),
    (BASIC, "users: [{ name: alice, hash: \"@\" }]"),
    (BASIC, "users: [{ name: alice, hash: \"$2b$99$@\" }]"),
    (BASIC, "users: [{ name: alice, hash: \"$argon2id$v=19$@\" }]"),
    (BASIC, "users: [{ name: alice, password: \"@\" }]"),
    (BASIC, "users: { alice: \"@\" }"),
    (BASIC, "alice:@"),
    (SIGNATURE, "keys: [{ id: a, consumer: b, algorithm: hmac-sha256, secret: \"@\" }]"),
    (SIGNATURE, "keys: [{ id: a, consumer: b, algorithm: hmac-sha256, secret: { env: \"@\" } }]"),
    (SIGNATURE, "keys: [{ id: a, consumer: b, algorithm: hmac-sha256, secret: { value: \"@\" } }]"),
    (SIGNATURE, "keys: [{ id: a, consumer: b, algorithm: hmac-sha256, jwk: { kty: oct, k: \"@\" } }]"),
    (SIGNATURE, "keys: [{ id: a, consumer: b, algorithm: ed25519, jwk: { kty: OKP, crv: Ed25519, x: AA, d: \"@\" } }]"),
    (SIGNATURE, "keys: [{ id: a, consumer: b, algorithm: ed25519, pem: \"@\" }]"),
    (WEBHOOK, "whsec_@"),
    (WEBHOOK, "@"),
    (JWT, "@"),
    (JWT, "{\"keys\": \"@\"}"),
    (JWT, "{\"keys\": [{\"kty\": \"oct\", \"k\": \"@\"}]}"),
    (JWT, "{\"keys\": [{\"kty\": \"EC\", \"crv\": \"P-256\", \"kid\": \"a\", \"x\": \"AA\", \"y\": \"AA\", \"d\": \"@\"}]}"),
    (JWT, "{\"keys\": [{\"kty\": \"@\"}], \"@\": 1}"),
    (JWT_PEM, "-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----\n"),
    (JWT_PEM, "-----BEGIN PUBLIC KEY-----\n@\n-----END PUBLIC KEY-----\n"),
    (JWT_PEM, "@"),
    (JWT_BASE64, "@"),
];

/// Secrets that somebody has written where a place of one belongs.
const IN_PLACE: &[&str] = &[
    "jwt: { issuer: \"https://id.test/\", audience: a, type: jwt, algorithms: [HS256], keys: { secret: \"@\" } }",
    "jwt: { issuer: \"https://id.test/\", audience: a, type: jwt, algorithms: [HS256], keys: { secret: { env: \"@\" } } }",
    "jwt: { issuer: \"https://id.test/\", audience: a, type: jwt, algorithms: [ES256], keys: { url: \"https://me:@@id.test/\" } }",
    "upstream-credential: { bearer: \"@\" }",
    "upstream-credential: { bearer: [\"@\"] }",
    "upstream-credential: { bearer: { env: \"@\" } }",
    "upstream-credential: { bearer: { value: \"@\" } }",
    "upstream-credential: { basic: { user: me, password: \"@\" } }",
    "upstream-credential: { header: { name: x-key, value: \"@\" } }",
    "webhook-signature: { replay: allow, secrets: [\"@\"] }",
    "webhook-signature: { replay: allow, secrets: \"@\" }",
    "webhook-signature: { replay: allow, secrets: { env: \"@\" } }",
    "webhook-signature: { replay: allow, secrets: [{ \"@\": HOOK }] }",
    "upstream-credential: { basic: \"me:@\" }",
    "upstream-credential: { header: \"x-key: @\" }",
    "upstream-credential: { bearer: { env: A, \"@\": b } }",
    "upstream-credential: { bearer: { evn: \"@\" } }",
    "introspection: { url: \"https://id.test/\", client: \"a:@\", any-audience: true, active-for: 1m }",
    "introspection: { url: \"redis://:@@id.test/\", client: { id: a, secret: { env: A } }, any-audience: true, active-for: 1m }",
    "introspection: { url: \"https://id.test/\", client: { id: a, secret: \"@\" }, any-audience: true, active-for: 1m }",
    "introspection: { url: \"https://me:@@id.test/\", client: { id: a, secret: { env: A } }, any-audience: true, active-for: 1m }",
    "forward-auth: { url: \"https://me:@@id.test/\", consumer: x-user }",
    "forward-check: { url: \"https://me:@@id.test/\" }",
    "oidc-login: { issuer: \"https://id.test/\", client: a, secret: \"@\", keys: { file: it }, algorithms: [ES256], origin: \"https://app.test\", session: { secret: \"@\" } }",
    "oidc-login: { issuer: \"https://me:@@id.test/\", client: a, secret: { env: A }, keys: { file: it }, algorithms: [ES256], origin: \"https://app.test\", session: { secret: { env: A } } }",
    "headers: { request: { set: { authorization: \"Bearer @\" } } }",
];

fn policy(step: &str) -> Policy {
    Policy::new()
        .listener("public", "")
        .upstream("origin", "built-in: echo")
        .route(&format!(
            "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {step}"
        ))
}

/// Commands that read the file. `show` prints it, so that nothing can be said of what it tells.
const COMMANDS: [&[&str]; 4] = [
    &["check"],
    &["check", "--format", "json"],
    &["digest"],
    &["explain", "--url", "http://api.test/"],
];

/// The files that were tried, and what of their secrets was told.
#[derive(Default)]
struct Tried(Vec<String>);

impl Tried {
    /// Asks everything that reads the file, with which the gateway must not start.
    async fn file(&mut self, setup: &Setup, what: &str, secrets: &[String]) {
        let mut said = Said::default();
        let ended = setup.refuses().await;
        if !matches!(ended.code, Some(1 | 3)) {
            self.0
                .push(format!("{what} ended with {:?}: {}", ended.code, ended.text()));
        }
        said.command(&ended);
        for arguments in COMMANDS {
            said.command(&setup.run(arguments).await);
        }
        if said.has("panicked") {
            self.0.push(format!("{what} panicked: {}", ended.text()));
        }
        let leaks = said.leaks(secrets).into_iter();
        self.0.extend(leaks.map(|leak| format!("{what}: {leak}")));
    }

    fn ends(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_not_quoted() {
    let mut tried = Tried::default();
    for (step, contents) in IN_FILES {
        let contents = contents.replace('@', SECRET);
        // As it is, and as no text at all.
        for spoilt in [
            contents.clone().into_bytes(),
            [b"\xff", contents.as_bytes()].concat(),
        ] {
            let setup = Setup::new(&policy(step)).variable("RUST_LOG", "trace");
            tried
                .file(&setup.file("it", spoilt), &contents, &[SECRET.to_owned()])
                .await;
        }
    }
    tried.ends();
}

#[tokio::test]
async fn a_secret_in_the_wrong_place_is_not_quoted() {
    let mut tried = Tried::default();
    for step in IN_PLACE {
        let step = step
            .replace("@@", "@\u{0}")
            .replace('@', SECRET)
            .replace('\u{0}', "@");
        let setup = Setup::new(&policy(&step)).variable("RUST_LOG", "trace");
        let setup = setup.file("it", "{\"keys\":[]}").variable("A", &"a".repeat(40));
        tried.file(&setup, &step, &[SECRET.to_owned()]).await;
    }
    tried.ends();
}

#[tokio::test]
async fn a_secret_that_is_too_weak_or_cannot_be_sent_is_not_quoted() {
    let mut tried = Tried::default();
    let weak: [(&str, String); 7] = [
        (
            "jwt: { issuer: \"https://id.test/\", audience: a, type: jwt, algorithms: [HS256], keys: { secret: @ } }",
            SHORT.to_owned(),
        ),
        (
            "jwt: { issuer: \"https://id.test/\", audience: a, type: jwt, algorithms: [HS256], keys: { secret-base64: @ } }",
            STANDARD.encode(SHORT),
        ),
        (
            "webhook-signature: { replay: allow, secrets: [@] }",
            format!("whsec_{}", STANDARD.encode(SHORT)),
        ),
        (
            "oidc-login: { issuer: \"https://id.test/\", client: a, secret: @, keys: { url: \"https://id.test/jwks\" }, algorithms: [ES256], origin: \"https://app.test\", session: { secret: @ } }",
            SHORT.to_owned(),
        ),
        ("upstream-credential: { bearer: @ }", format!("{SECRET}\u{1}")),
        (
            "upstream-credential: { basic: { user: me, password: @ } }",
            format!("{SECRET}\n{SECRET}"),
        ),
        (
            "upstream-credential: { header: { name: x-key, value: @ } }",
            format!("{SECRET}\n{SECRET}"),
        ),
    ];
    for (step, secret) in weak {
        for source in ["{ env: IT }", "{ file: it }"] {
            let setup = Setup::new(&policy(&step.replace('@', source))).variable("RUST_LOG", "trace");
            let setup = setup.file("it", &secret).variable("IT", &secret);
            tried
                .file(
                    &setup,
                    step,
                    &[secret.clone(), SHORT.to_owned(), SECRET.to_owned()],
                )
                .await;
        }
    }
    tried.ends();
}

#[tokio::test]
async fn a_key_of_a_listener_that_cannot_be_used_is_not_quoted() {
    let mut tried = Tried::default();
    let authority = Authority::new("ours");
    let (site, other) = (authority.site(&["a.test"]), authority.site(&["a.test"]));
    let body = |pem: &str| {
        pem.lines()
            .filter(|line| !line.starts_with('-'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let spoilt = site.key.replacen("PRIVATE KEY", "PUBLIC KEY", 2);
    let cut = site.key.lines().take(2).collect::<Vec<_>>().join("\n");
    let own = body(&site.key);
    let idp = Idp::new(&[Algorithm::ES256]);
    for (certificate, key, secrets) in [
        (&site.certificate, &other.key, body(&other.key)),
        (&site.certificate, &spoilt, own.clone()),
        (&site.certificate, &cut, own[..1].to_vec()),
        (&site.key, &site.key, own.clone()),
        (&site.certificate, &SECRET.to_owned(), vec![SECRET.to_owned()]),
        (
            &site.certificate,
            &site.key.replace(&own[0], SECRET),
            vec![SECRET.to_owned()],
        ),
        (&site.key, &idp.jwks(), own),
    ] {
        for source in ["{ file: site.key }", "{ env: SITE_KEY }"] {
            let policy = Policy::new()
                .listener(
                    "public",
                    &format!("tls: {{ certificate: site.pem, key: {source} }}"),
                )
                .route("name: all\nmatch: { path: /** }\npublic: true\nrespond: { status: 204 }");
            let setup = Setup::new(&policy)
                .variable("RUST_LOG", "trace")
                .variable("SITE_KEY", key);
            let setup = setup.file("site.pem", certificate).file("site.key", key);
            tried.file(&setup, source, &secrets).await;
        }
    }
    tried.ends();
}

#[tokio::test]
async fn a_store_with_a_password_in_its_place_is_not_quoted() {
    let mut tried = Tried::default();
    for keys in [
        format!("address: \"127.0.0.1:6379\", password: \"{SECRET}\""),
        format!("address: \"redis://:{SECRET}@127.0.0.1:6379\""),
        format!("address: \"{SECRET}@127.0.0.1:6379\""),
        format!("address: \"127.0.0.1:6379\", password: {{ \"{SECRET}\": file }}"),
        format!("address: \"127.0.0.1:6379\", password: [\"{SECRET}\"]"),
    ] {
        let policy = policy("methods: { allow: [GET] }").store("counters", &keys);
        let setup = Setup::new(&policy).variable("RUST_LOG", "trace");
        tried.file(&setup, &keys, &[SECRET.to_owned()]).await;
    }
    tried.ends();
}
