//! No secret is told: neither to clients nor in logs, metrics, health answers or what commands print.
//!
//! A row of the table is one way to show or to hold a credential; another filter with credentials is another row.
//! Each row is asked in good order, wrongly, in broken form, and with its upstream broken, at log level debug. Then
//! everything that the gateway has ever said is searched for the secret, in each form in which it could stand
//! there.

use std::collections::BTreeSet;

use adamant_tests::client::{CARRIERS, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::{api_key_entry, encode};
use adamant_tests::{Adamant, Answer, Authority, Client, Gateway, H2Client, Idp, Origin, Policy, wait};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

/// One way to show or to hold a credential.
#[derive(Default)]
struct Row {
    /// Name of its routes.
    name: &'static str,
    /// Its step in the policy.
    step: String,
    /// Nobody has to be proved.
    public: bool,
    /// Fields and query of a good request.
    lines: Vec<String>,
    query: String,
    /// What the client sends that nobody may see again.
    shown: Vec<String>,
    /// What only the gateway knows.
    held: Vec<String>,
    files: Vec<(&'static str, String)>,
    variables: Vec<(&'static str, String)>,
}

const KEY: &str = "adm_0123456789abcdefghijklmnopqrstuvwxyzSECRETKEY";
const BEARER_KEY: &str = "adm_9876543210zyxwvutsrqponmlkjihgfedcbaSECRETKEY";
const HMAC_ENV: &str = "hmac-secret-of-the-environment-0123456789";
const HMAC_FILE: &str = "hmac-secret-of-a-file-0123456789-abcdefgh";
const HMAC_BASE64: &str = "hmac-secret-in-base64-0123456789-abcdefgh";
const UPSTREAM_TOKEN: &str = "upstream-token-T0PS3CRET";
const UPSTREAM_FILE: &str = "upstream-token-of-a-file-T0PS3CRET";
const UPSTREAM_PASSWORD: &str = "upstream password: T0PS3CRET%/+";
const UPSTREAM_KEY: &str = "upstream-key-T0PS3CRET";

const JWT: &str = "issuer: \"https://id.test/\", audience: orders, type: at+jwt";

fn rows(idp: &Idp) -> Vec<Row> {
    let mut rows = vec![
        api_key("key", "x-secret-key", KEY),
        api_key("bearer-key", "authorization", BEARER_KEY),
    ];
    rows.extend(["header", "cookie", "query", "bearer"].map(|place| token(idp, place)));
    rows.extend(passed_on(idp));
    rows.extend(shared_secrets(idp));
    rows.extend(upstream_credentials());
    rows
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
    let in_base64 = base64::engine::general_purpose::STANDARD.encode(HMAC_BASE64);
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

/// The ways in which an upstream may be, and what comes of a good request; 0 where the answer breaks off.
const UPSTREAMS: [(&str, u16); 4] = [("good", 200), ("down", 502), ("broken", 502), ("cut", 0)];

struct Upstreams {
    good: Origin,
    broken: Origin,
    cut: Origin,
}

impl Upstreams {
    async fn start() -> Self {
        Self {
            good: Origin::hello().await,
            // An upstream may say anything, such as what it was sent.
            broken: Origin::start(|seen| {
                let credential = seen
                    .field("authorization")
                    .or(seen.field("x-key"))
                    .unwrap_or_default();
                Answer::raw(format!("this is no HTTP: {credential}\r\n\r\n"))
            })
            .await,
            cut: Origin::start(|_| Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")).await,
        }
    }
}

fn policy(upstreams: &Upstreams, rows: &[Row]) -> Policy {
    let to = |origin: &Origin| adamant_tests::policy::to(origin);
    let mut policy = Policy::new()
        .listener("public", "protocols: [h1, h2]")
        .listener(
            "secure",
            "tls: { certificate: site.pem, key: { file: site.key } }",
        )
        .upstream("good", &to(&upstreams.good))
        .upstream("down", "endpoints: [\"127.0.0.1:1\"]")
        .upstream("broken", &to(&upstreams.broken))
        .upstream("cut", &to(&upstreams.cut))
        .observe("access-log: { to: stdout, fields: [x-marker] }");
    for row in rows {
        for (upstream, _) in UPSTREAMS {
            let (name, step, public) = (row.name, &row.step, row.public);
            policy = policy.route(&format!(
                "name: {name}-{upstream}\nmatch: {{ path: /{name}/{upstream}/** }}\npublic: {public}\nto: {upstream}\nfilters:\n  - {step}"
            ));
        }
    }
    policy
}

/// The same text with another letter at its end.
fn twisted(text: &str) -> String {
    let last = if text.ends_with('A') { "B" } else { "A" };
    format!("{}{last}", &text[..text.len() - 1])
}

/// Everything that was said, with where.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    fn response(&mut self, place: &str, answer: &adamant_tests::Response) {
        self.add(place, format!("{:?}\n{}", answer.fields, answer.text()));
    }

    fn command(&mut self, told: &Adamant) {
        self.add("a command", told.text());
    }
}

/// Sends what a client may send with this credential, and keeps what it is answered.
async fn ask(gateway: &Gateway, row: &Row, said: &mut Said) {
    for (upstream, status) in UPSTREAMS {
        let target = format!("/{}/{upstream}/x", row.name);
        for carrier in CARRIERS {
            let mut lines: Vec<&str> = row.lines.iter().map(String::as_str).collect();
            lines.push("X-Marker: here");
            lines.extend(carrier);
            let asked = request("GET", &format!("{target}{}", row.query), &lines, "");
            let mut client = Client::connect(gateway.address()).await;
            if status == 0 {
                client.send(&asked).await;
                said.add(&target, String::from_utf8_lossy(&client.bytes().await));
                continue;
            }
            let answer = client.exchange(&asked).await;
            assert_eq!(answer.status, status, "{target}: {}", answer.text());
            said.response(&target, &answer);
        }
    }
    let target = format!("/{}/good/x", row.name);
    for broken in broken_requests(row, &target) {
        let mut client = Client::connect(gateway.address()).await;
        client.send(&broken).await;
        client.finish().await;
        said.add(&target, String::from_utf8_lossy(&client.bytes().await));
    }
    let fields: Vec<(String, String)> = row
        .lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut client = H2Client::connect(gateway.address()).await;
    let answer = client.get(&format!("{target}{}", row.query), &fields).await;
    assert_eq!(answer.status, 200, "{target} over HTTP/2: {}", answer.text());
    said.response(&target, &answer);
}

/// Requests with the credential that must not pass, or are none.
fn broken_requests(row: &Row, target: &str) -> Vec<String> {
    let mut requests = Vec::new();
    for secret in &row.shown {
        let with = |change: &dyn Fn(&str) -> String| {
            let lines: Vec<String> = row.lines.iter().map(|line| change(line)).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            request("GET", &format!("{target}{}", change(&row.query)), &lines, "")
        };
        requests.push(with(&|text| text.replace(secret, &twisted(secret))));
        requests.push(with(&|text| text.replace(secret, &format!("{secret} {secret}"))));
        requests.push(with(&|text| text.replace(secret, &format!("{secret}\u{1}"))));
        requests.push(with(&|text| {
            text.replace(secret, &format!("{secret}{}", "x".repeat(70_000)))
        }));
        requests.push(with(&|text| text.replace(": ", " ")));
        let plain = |lines: &[&str]| request("GET", target, lines, "");
        requests.push(plain(&[
            &format!("Authorization: Bearer {secret}"),
            &format!("Authorization: Bearer {secret}"),
        ]));
        requests.push(plain(&[&format!("Authorization: Basic {secret}")]));
        requests.push(plain(&[&format!("Authorization: {secret}")]));
        requests.push(plain(&[&format!("Proxy-Authorization: Bearer {secret}")]));
        requests.push(plain(&[&format!("Cookie: session={secret}; session={secret}")]));
        requests.push(plain(&[
            &format!("X-Secret-Key: {secret}"),
            &format!("X-Secret-Key: {secret}"),
        ]));
        requests.push(plain(&[&format!("Connection: {secret}")]));
        requests.push(plain(&[&format!("Transfer-Encoding: {secret}")]));
        requests.push(plain(&[&format!("Content-Length: {secret}")]));
        requests.push(request(
            "GET",
            &format!("{target}?access_token={secret}&token={secret}&token={secret}"),
            &[],
            "",
        ));
        requests.push(request("POST", target, &[], &format!("access_token={secret}")));
        requests.push(format!(
            "GET {target} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {secret}"
        ));
    }
    requests
}

/// What the gateway and its commands say besides answers.
async fn listen(gateway: &Gateway, variables: &[(&str, &str)], rows: &[Row], said: &mut Said) {
    for path in [
        "/livez",
        "/readyz?verbose",
        "/startupz?verbose",
        "/version",
        "/metrics",
        "/elsewhere",
    ] {
        let answer = get(gateway.admin(), path, &["Host: localhost"]).await;
        said.response(path, &answer);
    }
    let folder = gateway.folder().path();
    for arguments in [
        &["check"][..],
        &["show"],
        &["show", "--json"],
        &["show", "--posture"],
        &["show", "--posture", "--json"],
        &["digest"],
        &["schema", "--leaves"],
    ] {
        said.command(&Adamant::run_with(folder, arguments, variables, "").await.exits(0));
    }
    for row in rows {
        let url = format!("http://api.test/{}/good/x{}", row.name, row.query);
        let mut arguments = vec!["explain", "--url", &url];
        row.lines
            .iter()
            .for_each(|line| arguments.extend(["-H", line.as_str()]));
        said.command(&Adamant::run_with(folder, &arguments, variables, "").await);
        arguments.push("--json");
        said.command(&Adamant::run_with(folder, &arguments, variables, "").await);
    }
    wait::until("the access log has the last exchange", || {
        gateway.access_log().len() > rows.len()
    })
    .await;
    said.add("the access log", gateway.stdout());
    said.add("the diagnostics", gateway.stderr());
}

/// The forms in which a secret could stand in a text, without those that are too short to mean anything.
fn forms(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let hex = |separator: &str, upper: bool| {
        let digits = bytes.iter().map(|byte| {
            if upper {
                format!("{separator}{byte:02X}")
            } else {
                format!("{separator}{byte:02x}")
            }
        });
        digits.collect::<String>()
    };
    let escaped = |upper: bool| {
        let one = |byte: &u8| match (*byte, upper) {
            (plain, _) if plain.is_ascii_alphanumeric() || b"-._~".contains(&plain) => {
                char::from(plain).to_string()
            }
            (byte, true) => format!("%{byte:02X}"),
            (byte, false) => format!("%{byte:02x}"),
        };
        bytes.iter().map(one).collect::<String>()
    };
    let mut forms: BTreeSet<String> = [
        secret.to_owned(),
        hex("", false),
        hex("", true),
        hex("%", false),
        hex("%", true),
        escaped(true),
        escaped(false),
    ]
    .into();
    forms.extend([
        format!("{bytes:?}"),
        format!("{secret:?}").trim_matches('"').to_owned(),
    ]);
    // In a longer text that is encoded, the secret begins at one of three places of a group.
    for before in 0..3 {
        let padded = [&vec![b' '; before], bytes].concat();
        // What depends on the neighbours is cut off.
        let whole = padded.len() / 3 * 4;
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.insert(text[if before == 0 { 0 } else { 4 }..whole].to_owned());
        }
    }
    forms
}

fn found<'s>(said: &'s Said, form: &str) -> Option<(&'s str, &'s str)> {
    said.0
        .iter()
        .find(|(_, text)| text.contains(form))
        .map(|(place, text)| {
            let at = text.find(form).unwrap_or_default();
            let start = text.floor_char_boundary(at.saturating_sub(80));
            (
                place.as_str(),
                &text[start..text.ceil_char_boundary((at + form.len() + 20).min(text.len()))],
            )
        })
}

#[test]
fn every_form_of_a_secret_is_recognised() {
    let secret = "s3cret: p%/+";
    let texts = [
        "x s3cret: p%/+ y".to_owned(),
        "s3cret%3A%20p%25%2F%2B".to_owned(),
        "s3cret%3a%20p%25%2f%2b".to_owned(),
        base64::engine::general_purpose::STANDARD.encode(format!("user:{secret}")),
        base64::engine::general_purpose::STANDARD.encode(format!("a{secret}b")),
        URL_SAFE_NO_PAD.encode(format!("ab{secret}")),
        "7333637265743a2070252f2b".to_owned(),
        format!("{:?}", secret.as_bytes()),
    ];
    for text in texts {
        let mut said = Said::default();
        said.add("here", text.clone());
        assert!(
            forms(secret).iter().any(|form| found(&said, form).is_some()),
            "{text}"
        );
    }
    let mut said = Said::default();
    said.add("here", "nothing of it");
    assert!(forms(secret).iter().all(|form| found(&said, form).is_none()));
}

#[tokio::test]
async fn no_secret_is_told_anywhere() {
    let idp = Idp::new(&[Algorithm::ES256]);
    let rows = rows(&idp);
    let upstreams = Upstreams::start().await;
    let site = Authority::new("ours").site(&["a.test"]);
    let mut setup = Setup::new(&policy(&upstreams, &rows))
        .variable("RUST_LOG", "debug")
        .file("site.pem", &site.certificate)
        .file("site.key", &site.key);
    let mut variables = Vec::new();
    for row in &rows {
        for (name, contents) in &row.files {
            setup = setup.file(name, contents);
        }
        for (name, value) in &row.variables {
            setup = setup.variable(name, value);
            variables.push((*name, value.as_str()));
        }
    }
    let gateway = setup.start().await;
    let mut said = Said::default();
    for row in &rows {
        ask(&gateway, row, &mut said).await;
    }
    // Bytes that are no TLS, and a request in clear text, at the listener that has a private key.
    said.add(
        "the listener with TLS",
        String::from_utf8_lossy(&clear_text(&gateway).await),
    );
    listen(&gateway, &variables, &rows, &mut said).await;
    let all = |text: &str| said.0.iter().any(|(_, said)| said.contains(text));
    assert!(all("DEBUG"), "the diagnostics go into detail");
    assert!(all("\"x-marker\":\"here\""), "the access log was read");
    assert!(
        all("adamant_") && all("\"jwt.signature\""),
        "metrics and refusals were read"
    );
    let seen = upstreams.good.seen();
    let mut seen = seen.iter().flat_map(|seen| seen.fields.all("authorization"));
    assert!(
        seen.any(|value| value.contains(UPSTREAM_TOKEN)),
        "the upstream sees its credential"
    );
    let key: Vec<String> = site
        .key
        .lines()
        .filter(|line| !line.starts_with('-'))
        .map(str::to_owned)
        .collect();
    let mut secrets: Vec<String> = key;
    for row in &rows {
        secrets.extend(row.held.iter().cloned());
        secrets.extend(
            row.shown
                .iter()
                .flat_map(|secret| [secret.clone(), twisted(secret)]),
        );
        secrets.extend(row.variables.iter().map(|(_, value)| value.clone()));
    }
    for secret in &secrets {
        for form in forms(secret) {
            assert_eq!(found(&said, &form), None, "`{secret}` as `{form}`");
        }
    }
}

/// Whatever comes of a request in clear text where TLS is spoken.
async fn clear_text(gateway: &Gateway) -> Vec<u8> {
    let mut client = Client::connect(gateway.listener("secure")).await;
    client.send(request("GET", "/", &[], "")).await;
    client.finish().await;
    client.bytes().await
}
