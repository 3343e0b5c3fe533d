//! The gateway as it runs, with one worker and a route for each chain that is counted.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;

use adamant_auth::{ApiKey, GeneratedKey};
use adamant_filter::Catalogue;
use adamant_gateway::{Gateway, LiveHost, Machine};
use adamant_policy::plan::Plan;
use adamant_policy::text::Source;

/// The key behind [`TOKEN`].
const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"key-0","x":"svjlc8GDYGaaZdhuhyqrlZrej1YSYKjl-gr-dhrPi6Y","y":"4yqJofaG9iSiioxD19l_b-PfBJ2DsNwX-46ZF2fKpO8"}]}"#;

/// An access token (ES256, RFC 9068) of `acme` for the audience `orders`, good until 2100.
pub(crate) const TOKEN: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImtleS0wIn0\
    .eyJpc3MiOiJodHRwczovL2lkLnRlc3QvIiwic3ViIjoiYWNtZSIsImF1ZCI6Im9yZGVycyIsImNsaWVudF9pZCI6ImFjbWUiLCJzY29wZSI6Im9yZGVyczpyZWFkIiwiaWF0IjoxNzM1Njg5NjAwLCJleHAiOjQxMDI0NDQ4MDAsImp0aSI6ImFjbWUtMSJ9\
    .Pji67fZtSBMVFp1oIwpFBMP20bcb1a2T24AUa8Xli76d4XXv3Gqq2TtY6793VFzdET6h0cfntwhk0VmdKPIbkw";

const KEY: &str = "{ api-key: { header: x-api-key, keys: { file: keys.yaml } } }";
const RATE: &str = "{ rate: { by: consumer, allow: 1000000/s, burst: 1000000, remember: 1000 } }";
const ONCE: &str = "{ rate: { by: consumer, allow: 1/d } }";
const JWT: &str = "{ jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, \
                   algorithms: [ES256], type: at+jwt } }";
const SCOPES: &str = "{ scopes: { all: [orders:read] } }";
const HYGIENE: &str = "{ methods: { allow: [GET, HEAD] } }, { addresses: { allow: [127.0.0.0/8] } }, \
                       { body-size: { at-most: 1MiB } }, \
                       { headers: { request: { remove: [x-consumer, x-internal-*] } } }";
const CHANGES: &str =
    "{ headers: { request: { set: { x-edge: adamant } }, response: { set: { x-frame-options: DENY } } } }";

/// Routes by the first segment of their path, with their filters.
const ROUTES: [(&str, &[&str]); 7] = [
    ("plain", &[]),
    ("changes", &[CHANGES]),
    ("key", &[KEY, RATE]),
    ("token", &[JWT, RATE, SCOPES]),
    ("full", &[HYGIENE, KEY, RATE, SCOPES]),
    ("outside", &["{ addresses: { allow: [192.0.2.0/24] } }"]),
    ("exhausted", &[KEY, ONCE]),
];

/// The API key of `acme`.
pub(crate) fn key() -> GeneratedKey {
    ApiKey::generate(&[7; 37])
}

/// A folder with all files that the policy names.
pub(crate) fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("adamant-floor-{}", std::process::id()));
    let keys = format!("keys:\n{}", key().yaml_entry("acme", &["orders:read"], None));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("jwks.json"), JWKS).expect("a file");
    fs::write(folder.join("keys.yaml"), keys).expect("a file");
    folder
}

/// Starts a gateway that serves as long as this process lives.
pub(crate) fn start(folder: &Path, origin: SocketAddr, observe: &str) -> SocketAddr {
    let routes: String = ROUTES
        .iter()
        .map(|(name, filters)| {
            let (public, filters) = (!filters.iter().any(|filter| [KEY, JWT].contains(filter)), filters.join(", "));
            format!("  - {{ name: {name}, match: {{ path: /{name}/** }}, public: {public}, to: origin, filters: [{filters}] }}\n")
        })
        .collect();
    let text = format!(
        "adamant: 1\n\
         listeners: {{ public: {{ bind: \"127.0.0.1:0\" }} }}\n\
         upstreams: {{ origin: {{ endpoints: [\"{origin}\"] }} }}\n\
         routes:\n{routes}{observe}"
    );
    let (folder, (tell, told)) = (folder.to_owned(), mpsc::channel());
    thread::spawn(move || {
        let background = Gateway::background().expect("a runtime");
        let mut host = LiveHost::live(&folder, background.handle().clone());
        let plan = Arc::new(compile(&text, &mut host));
        let machine = Machine {
            workers: Some(1),
            folder,
            filters: Vec::new(),
        };
        let gateway = Gateway::prepare(plan, &machine, background, host.into_granted()).expect("it starts");
        let address = gateway.addresses().listeners[0].1;
        let serving = move || tell.send(address).expect("somebody waits");
        gateway.run(serving).expect("it serves");
    });
    told.recv().expect("it serves")
}

fn compile(text: &str, host: &mut LiveHost) -> Plan {
    let catalogue =
        adamant_limits::register(adamant_guard::register(adamant_auth::register(Catalogue::new())));
    let source = Source::new("gateway.yaml", text.as_bytes());
    let (config, canonical) = adamant_policy::load(&source, &catalogue).expect("the file holds");
    Plan::compile(config, &canonical, &catalogue, host).expect("the plan compiles")
}
