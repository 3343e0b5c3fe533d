//! What every filter must keep, tried on each filter of this crate: one line each, with bounds that are small.

use adamant_filter::SecretRef;
use adamant_filter::serde_json::json;
use adamant_filter::trial::{Heap, TrialHost, conformance};

use crate::{
    ApiKey, Authorize, Basic, ClientCertificate, ForwardAuth, ForwardCheck, IdentityHeaders, Introspection,
    Jwt, OidcLogin, Scopes, Signature, UpstreamCredential, WebhookSignature,
};

#[global_allocator]
static HEAP: Heap = Heap;

const P256: &str = include_str!("../tests/fixtures/p256.pub.pem");

/// Of the empty key, and of the password `sesame` at the lowest cost.
const KEYS: &str = r#"{"keys": [{"id": "one", "consumer": "acme",
    "hash": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}"#;
const SIGNERS: &str = r#"{"keys": [{"id": "mac", "consumer": "beta", "algorithm": "hmac-sha256",
    "secret": {"env": "S"}}]}"#;

/// A world with the key, and one secret that serves for everything.
fn world() -> TrialHost {
    TrialHost::new()
        .with_file("key.pem", P256)
        .with_file("keys.yaml", KEYS)
        .with_file("signers.yaml", SIGNERS)
        .with_secret(SecretRef::Env("S".to_owned()), &[b'7'; 32])
        .with_secret(
            SecretRef::Env("WEBHOOK".to_owned()),
            b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )
}

conformance!(
    jwt: Jwt,
    [json!({"keys": {"pem": "key.pem"}, "issuer": "https://id.test/", "audience": "orders",
        "algorithms": ["ES256"], "type": "any", "remember": 100})],
    world()
);
conformance!(api_key: ApiKey, [json!({"header": "x-api-key", "keys": {"file": "keys.yaml"}})], world());
conformance!(
    basic: Basic,
    [json!({"users": {"file": "users.yaml"}})],
    TrialHost::new().with_file(
        "users.yaml",
        r#"{"users": [{"name": "alice", "hash": "$2b$10$abcdefghijklmnopqrstuu7Zz0cGVcGxDmAqPrkJeLWFjT0QKXpmy"}]}"#
    )
);
conformance!(
    client_certificate: ClientCertificate,
    [json!({"consumer": "spiffe-id", "trust-domain": "example.org"})]
);
conformance!(forward_auth: ForwardAuth, [json!({"url": "https://auth.test/check", "consumer": "x-user"})]);
conformance!(forward_check: ForwardCheck, [json!({"url": "https://auth.test/check"})]);
conformance!(
    introspection: Introspection,
    [json!({"url": "https://id.test/introspect", "client": {"id": "gateway", "secret": {"env": "S"}},
        "issuer": "https://id.test/", "audience": "orders", "active-for": "30s", "remember": 100})],
    world()
);
conformance!(
    oidc_login: OidcLogin,
    [json!({"issuer": "https://id.test/",
        "endpoints": {"authorization": "https://id.test/authorize", "token": "https://id.test/token"},
        "client": "app", "secret": {"env": "S"}, "keys": {"file": "jwks.json"}, "algorithms": ["ES256"],
        "origin": "https://app.test", "logout": "/logout", "session": {"secret": {"env": "S"}}})],
    world().with_file("jwks.json", r#"{"keys": [{"kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#)
);
conformance!(
    signature: Signature,
    [
        json!({"keys": {"file": "signers.yaml"}, "replay": "allow"}),
        json!({"keys": {"file": "signers.yaml"}, "replay": "refuse", "remember": 100}),
    ],
    world()
);
conformance!(
    webhook_signature: WebhookSignature,
    [json!({"secrets": [{"env": "WEBHOOK"}], "replay": "refuse"})],
    world()
);
conformance!(scopes: Scopes, [json!({"all": ["orders:read"], "any": ["a", "b"], "realm": "orders"})]);
conformance!(authorize: Authorize, [
    json!({"groups": ["partners"], "consumers": ["acme"]}),
    json!({"expression": "request.headers['x-tenant'] == identity.consumer && size(request.query.a) < 3"}),
    json!({"claims": {"tenant": ["acme"]}, "bind": {"id": "consumer"}}),
]);
conformance!(identity_headers: IdentityHeaders, [json!({"set": {"x-consumer": "consumer", "x-role": "claim:role"}})]);
conformance!(
    upstream_credential: UpstreamCredential,
    [
        json!({"bearer": {"env": "S"}}),
        json!({"basic": {"user": "gateway", "password": {"env": "S"}}}),
        json!({"header": {"name": "x-key", "value": {"env": "S"}, "prefix": "Key "}}),
    ],
    world()
);
