//! The language's example with its policy tests: a partner with tokens, a machine with keys.

use std::path::Path;

use super::binary::{Folder, KEYS};

const TESTS: &str = r#"
adamant-test: 1
with: { jwks: fixtures/jwks.json, now: 2026-11-23T12:00:00Z }
tests:
  - name: a partner reads orders
    request: { get: "https://api.example.com/v1/orders/7", jwt: { sub: acme, scope: orders:read } }
    expect: { route: orders-read, to: orders, consumer: acme }
  - name: a partner does not write orders by reading rights
    request: { post: "https://api.example.com/v1/orders/7", jwt: { sub: acme, scope: orders:read } }
    expect: { status: 403, reason: scopes.missing, route: orders-write }
  - name: a forged algorithm never passes
    request: { get: "https://api.example.com/v1/orders/7", jwt: { sub: acme, alg: HS256 } }
    expect: { status: 401, reason: jwt.algorithm-refused }
  - name: the 201st request of a burst waits
    request: { get: "https://api.example.com/v1/orders/7", jwt: { sub: acme, scope: orders:read } }
    repeat: 201
    expect-last: { status: 429, reason: rate.exhausted, header: { retry-after: "1" } }
  - name: the plain listener redirects
    request: { get: "http://api.example.com:8080/v1/orders/7?page=2" }
    expect: { status: 308, header: { location: "https://api.example.com:8443/v1/orders/7?page=2" } }
  - name: billing is for its network
    request: { get: "https://api.example.com/v1/billing/7", headers: { x-api-key: secret-of-acme } }
    expect: { status: 403, reason: addresses.outside }
  - name: billing knows its machines
    request: { get: "https://api.example.com/v1/billing/7", client: 192.0.2.9, headers: { x-api-key: secret-of-acme } }
    expect: { route: billing, to: billing, consumer: acme }
"#;

/// The public key of RFC 7515 appendix A.3.
const JWKS: &str = r#"{ "keys": [{ "kty": "EC", "crv": "P-256",
  "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }] }"#;

fn folder() -> Folder {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/policies/accepted/example.yaml");
    let example = std::fs::read_to_string(example).expect("the example is in the repository");
    Folder::with(&example)
        .file("secrets/api-keys.yaml", KEYS)
        .file("gateway.test.yaml", TESTS)
}

#[test]
fn the_example_passes_its_policy_tests_without_any_key() {
    let told = folder().run(&["test"]).exits(0).stdout;
    assert!(told.ends_with("7 tests, 0 failed\n"), "{told}");
}

#[test]
fn the_example_is_checked_without_certificates_secrets_and_network() {
    folder().file("certs/jwks.json", JWKS).run(&["check"]).exits(0);
}

#[test]
fn the_example_does_not_run_without_its_certificate() {
    let told = folder()
        .file("certs/jwks.json", JWKS)
        .run(&["run"])
        .exits(3)
        .stderr;
    assert!(
        told.contains("certs/site.pem") || told.contains("certs/internal-ca.pem"),
        "{told}"
    );
}
