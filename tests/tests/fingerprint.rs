//! Every key reaches the plan: another value of it is another policy, with another digest.
//!
//! A row writes one key in two ways, in the smallest file that may hold it. The rows and the keys that the binary
//! knows must be the same.

use std::collections::{BTreeSet, HashMap};

use adamant_tests::idp::api_key_entry;
use adamant_tests::{Adamant, Authority, Folder, Idp};
use jsonwebtoken::Algorithm;

/// A key, and what is written around it: `@` stands for its two values.
type Row = (&'static str, &'static str, [&'static str; 2]);

#[rustfmt::skip] // One row a line: it is a table.
const LISTENERS: &[Row] = &[
    ("bind", "bind: @", ["\"127.0.0.1:1\"", "\"127.0.0.1:2\""]),
    ("protocols", "protocols: @", ["[h1]", "[h1, h2]"]),
    ("tls.certificate", "tls: { certificate: @, key: { file: k } }", ["a", "b"]),
    ("tls.key.env", "tls: { certificate: a, key: { env: @ } }", ["A", "B"]),
    ("tls.key.file", "tls: { certificate: a, key: { file: @ } }", ["a", "b"]),
    ("tls.certificates[].certificate", "tls: { certificates: [{ certificate: @, key: { file: k } }] }", ["a", "b"]),
    ("tls.certificates[].key.env", "tls: { certificates: [{ certificate: a, key: { env: @ } }] }", ["A", "B"]),
    ("tls.certificates[].key.file", "tls: { certificates: [{ certificate: a, key: { file: @ } }] }", ["a", "b"]),
    ("tls.clients.authorities", "tls: { certificate: a, key: { file: k }, clients: { authorities: @ } }", ["one.txt", "two.txt"]),
    ("tls.clients.required", "tls: { certificate: a, key: { file: k }, clients: { authorities: one.txt, required: @ } }", ["true", "false"]),
    ("tls.at-least", "tls: { certificate: a, key: { file: k }, at-least: @ }", ["\"1.2\"", "\"1.3\""]),
    ("bounds.connections", "bounds: { connections: @ }", ["500", "600"]),
    ("bounds.connections-per-client", "bounds: { connections-per-client: @ }", ["5", "6"]),
    ("bounds.header-bytes", "bounds: { header-bytes: @ }", ["16KiB", "17KiB"]),
    ("bounds.header-fields", "bounds: { header-fields: @ }", ["50", "60"]),
    ("bounds.target-bytes", "bounds: { target-bytes: @ }", ["1KiB", "2KiB"]),
    ("bounds.header-time", "bounds: { header-time: @ }", ["5s", "6s"]),
    ("bounds.idle-time", "bounds: { idle-time: @ }", ["5s", "6s"]),
    ("bounds.handshake-time", "bounds: { handshake-time: @ }", ["5s", "6s"]),
    ("bounds.body-idle", "bounds: { body-idle: @ }", ["5s", "6s"]),
    ("bounds.body-rate", "bounds: { body-rate: @ }", ["100B/s", "200B/s"]),
    ("bounds.send-idle", "bounds: { send-idle: @ }", ["5s", "6s"]),
    ("bounds.streams", "bounds: { streams: @ }", ["50", "60"]),
    ("trust.header", "trust: { header: @, proxies: [10.0.0.0/8] }", ["x-forwarded-for", "forwarded"]),
    ("trust.proxies", "trust: { header: forwarded, proxies: @ }", ["[10.0.0.0/8]", "[10.0.0.0/9]"]),
    ("trust.request-id", "trust: { header: forwarded, proxies: [10.0.0.0/8], request-id: @ }", ["true", "false"]),
];

#[rustfmt::skip] // One row a line: it is a table.
const UPSTREAMS: &[Row] = &[
    ("endpoints[]", "endpoints: @", ["[\"127.0.0.1:1\"]", "[\"127.0.0.1:2\"]"]),
    ("endpoints[].address", "endpoints: [{ address: @ }]", ["\"127.0.0.1:1\"", "\"127.0.0.1:2\""]),
    ("endpoints[].weight", "endpoints: [{ address: \"127.0.0.1:1\", weight: @ }]", ["2", "3"]),
    ("built-in", "@", ["built-in: echo", "endpoints: [\"127.0.0.1:1\"]"]),
    ("balance", "balance: @", ["round-robin", "least-requests"]),
    ("health.path", "health: { path: @ }", ["/a", "/b"]),
    ("health.every", "health: { path: /a, every: @ }", ["5s", "6s"]),
    ("health.timeout", "health: { path: /a, timeout: @ }", ["1s", "2s"]),
    ("health.up-after", "health: { path: /a, up-after: @ }", ["4", "5"]),
    ("health.down-after", "health: { path: /a, down-after: @ }", ["4", "5"]),
    ("health.host", "health: { path: /a, host: @ }", ["a.test", "b.test"]),
    ("timeouts.connect", "timeouts: { connect: @ }", ["100ms", "200ms"]),
    ("timeouts.first-byte", "timeouts: { first-byte: @ }", ["1s", "2s"]),
    ("timeouts.idle", "timeouts: { idle: @ }", ["1s", "2s"]),
    ("timeouts.total", "timeouts: { total: @ }", ["50s", "55s"]),
    ("retry.attempts", "retry: { attempts: @, on: [connect] }", ["2", "3"]),
    ("retry.on", "retry: { attempts: 2, on: @ }", ["[connect]", "[reset]"]),
    ("tls.server-name", "tls: { server-name: @ }", ["a.test", "b.test"]),
    ("tls.ca", "tls: { server-name: a.test, ca: @ }", ["a.pem", "b.pem"]),
    ("protocol", "protocol: @", ["h1", "h2"]),
    ("keep-idle", "keep-idle: @", ["5s", "6s"]),
    ("host", "host: @", ["a.test", "b.test"]),
];

#[rustfmt::skip] // One row a line: it is a table.
const STEPS: &[Row] = &[
    ("when.host", "methods: { allow: [GET] }, when: { host: @ }", ["a.test", "b.test"]),
    ("when.path", "methods: { allow: [GET] }, when: { path: @ }", ["/a", "/b"]),
    ("when.methods", "methods: { allow: [GET] }, when: { methods: @ }", ["[PUT]", "[POST]"]),
    ("when.headers.*", "methods: { allow: [GET] }, when: { headers: { x: @ } }", ["a", "b"]),
    ("when.headers.*.present", "methods: { allow: [GET] }, when: { headers: { x: { present: @ } } }", ["true", "false"]),
    ("when.query.*", "methods: { allow: [GET] }, when: { query: { x: @ } }", ["a", "b"]),
    ("when.query.*.present", "methods: { allow: [GET] }, when: { query: { x: { present: @ } } }", ["true", "false"]),
    ("when.listener", "methods: { allow: [GET] }@", [", when: { listener: public }", ""]),
    ("shadow", "methods: { allow: [GET] }, shadow: @", ["true", "false"]),
    ("on-fault", "methods: { allow: [GET] }, on-fault: @", ["pass", "deny"]),
    ("id", "methods: { allow: [GET] }, id: @", ["a", "b"]),
    ("addresses.allow", "addresses: { allow: @ }", ["[10.0.0.0/8]", "[10.0.0.0/9]"]),
    ("addresses.allow.file", "addresses: { allow: { file: @ } }", ["one.txt", "two.txt"]),
    ("addresses.deny", "addresses: { deny: @ }", ["[10.0.0.0/8]", "[10.0.0.0/9]"]),
    ("addresses.deny.file", "addresses: { deny: { file: @ } }", ["one.txt", "two.txt"]),
    ("api-key.header", "api-key: { header: @, keys: { file: one.yaml } }", ["x-a", "x-b"]),
    ("api-key.keys.file", "api-key: { keys: { file: @ } }", ["one.yaml", "two.yaml"]),
    ("api-key.forward", "api-key: { keys: { file: one.yaml }, forward: @ }", ["true", "false"]),
    ("api-key.realm", "api-key: { keys: { file: one.yaml }, realm: @ }", ["a", "b"]),
    ("body-size.at-most", "body-size: { at-most: @ }", ["1KiB", "2KiB"]),
    ("client-certificate.consumer", "client-certificate: { consumer: @ }", ["email", "dns-name"]),
    ("client-certificate.trust-domain", "client-certificate: { consumer: spiffe-id, trust-domain: @ }", ["a.test", "b.test"]),
    ("client-certificate.allow", "client-certificate: { consumer: dns-name, allow: @ }", ["[a.test]", "[b.test]"]),
    ("client-certificate.remember", "client-certificate: { consumer: email, remember: @ }", ["1", "2"]),
    ("headers.request.set.*", "headers: { request: { set: { x: @ } } }", ["a", "b"]),
    ("headers.request.add.*", "headers: { request: { add: { x: @ } } }", ["a", "b"]),
    ("headers.request.remove", "headers: { request: { remove: @ } }", ["[x-a]", "[x-b]"]),
    ("headers.response.set.*", "headers: { response: { set: { x: @ } } }", ["a", "b"]),
    ("headers.response.add.*", "headers: { response: { add: { x: @ } } }", ["a", "b"]),
    ("headers.response.remove", "headers: { response: { remove: @ } }", ["[x-a]", "[x-b]"]),
    ("jwt.keys.file", "jwt: { keys: { file: @ }, issuer: i, audience: a, algorithms: [ES256], type: any }", ["one.json", "two.json"]),
    ("jwt.keys.pem", "jwt: { keys: { pem: @ }, issuer: i, audience: a, algorithms: [ES256], type: any }", ["one.pem", "two.pem"]),
    ("jwt.keys.secret.env", "jwt: { keys: { secret: { env: @ } }, JWT }", ["A", "B"]),
    ("jwt.keys.secret.file", "jwt: { keys: { secret: { file: @ } }, JWT }", ["a", "b"]),
    ("jwt.keys.secret-base64.env", "jwt: { keys: { secret-base64: { env: @ } }, JWT }", ["A", "B"]),
    ("jwt.keys.secret-base64.file", "jwt: { keys: { secret-base64: { file: @ } }, JWT }", ["a", "b"]),
    ("jwt.keys.url", "jwt: { keys: { url: @ }, OPEN }", ["\"https://a.test/\"", "\"https://b.test/\""]),
    ("jwt.keys.refresh", "jwt: { keys: { URL, refresh: @ }, OPEN }", ["1m", "2m"]),
    ("jwt.keys.cool-down", "jwt: { keys: { URL, cool-down: @ }, OPEN }", ["1m", "2m"]),
    ("jwt.keys.stale-for", "jwt: { keys: { URL, stale-for: @ }, OPEN }", ["1h", "2h"]),
    ("jwt.keys.timeout", "jwt: { keys: { URL, timeout: @ }, OPEN }", ["1s", "2s"]),
    ("jwt.keys.at-boot", "jwt: { keys: { URL, at-boot: @ }, OPEN }", ["wait", "deny"]),
    ("jwt.keys.authorities", "jwt: { keys: { URL, authorities: @ }, OPEN }", ["one.ca", "two.ca"]),
    ("jwt.issuer", "jwt: { KEYS, issuer: @, audience: a, algorithms: [HS256], type: any }", ["a", "b"]),
    ("jwt.audience", "jwt: { KEYS, issuer: i, audience: @, algorithms: [HS256], type: any }", ["a", "[a, b]"]),
    ("jwt.algorithms", "jwt: { KEYS, issuer: i, audience: a, algorithms: @, type: any }", ["[HS256]", "[HS512]"]),
    ("jwt.type", "jwt: { KEYS, issuer: i, audience: a, algorithms: [HS256], type: @ }", ["any", "at+jwt"]),
    ("jwt.consumer", "jwt: { KEYS, JWT, consumer: @ }", ["a", "b"]),
    ("jwt.scopes", "jwt: { KEYS, JWT, scopes: @ }", ["a", "b"]),
    ("jwt.skew", "jwt: { KEYS, JWT, skew: @ }", ["1s", "2s"]),
    ("jwt.lifetime", "jwt: { KEYS, JWT, lifetime: @ }", ["1h", "2h"]),
    ("jwt.header", "jwt: { KEYS, JWT, header: @ }", ["x-a", "x-b"]),
    ("jwt.cookie", "jwt: { KEYS, JWT, cookie: @ }", ["a", "b"]),
    ("jwt.query", "jwt: { KEYS, JWT, query: @ }", ["a", "b"]),
    ("jwt.forward", "jwt: { KEYS, JWT, forward: @ }", ["true", "false"]),
    ("jwt.remember", "jwt: { KEYS, JWT, remember: @ }", ["1", "2"]),
    ("jwt.sender.dpop.origins", "jwt: { KEYS, JWT, sender: { dpop: { origins: @, algorithms: [ES256] } } }", ["\"https://a.test\"", "\"https://b.test\""]),
    ("jwt.sender.dpop.algorithms", "jwt: { KEYS, JWT, sender: { dpop: { ORIGIN, algorithms: @ } } }", ["[ES256]", "[EdDSA]"]),
    ("jwt.sender.dpop.within", "jwt: { KEYS, JWT, sender: { dpop: { ORIGIN, algorithms: [ES256], within: @ } } }", ["1s", "2s"]),
    ("jwt.sender.dpop.remember", "jwt: { KEYS, JWT, sender: { dpop: { ORIGIN, algorithms: [ES256], remember: @ } } }", ["1", "2"]),
    ("jwt.sender.certificate", "jwt: { KEYS, JWT, sender: { dpop: { ORIGIN, algorithms: [ES256] }, certificate: @ } }", ["true", "false"]),
    ("jwt.realm", "jwt: { KEYS, JWT, realm: @ }", ["a", "b"]),
    ("methods.allow", "methods: { allow: @ }", ["[GET]", "[PUT]"]),
    ("rate.by", "rate: { by: @, allow: 1/s }", ["address", "route"]),
    ("rate.allow", "rate: { by: address, allow: @, burst: 9 }", ["1/s", "2/s"]),
    ("rate.burst", "rate: { by: address, allow: 1/s, burst: @ }", ["8", "9"]),
    ("rate.remember", "rate: { by: address, allow: 1/s, remember: @ }", ["8", "9"]),
    ("rate.missing", "rate: { by: \"header:x\", allow: 1/s, missing: @ }", ["deny", "skip"]),
    ("rate.headers", "rate: { by: address, allow: 1/s, headers: @ }", ["true", "false"]),
    ("rate.precision", "rate: { by: address, allow: 1/s, precision: @ }", ["exact", "sketch"]),
    ("scopes.all", "SCOPES { all: @ }", ["[a]", "[b]"]),
    ("scopes.any", "SCOPES { any: @ }", ["[a]", "[b]"]),
    ("scopes.realm", "SCOPES { all: [a], realm: @ }", ["a", "b"]),
    ("oidc-login.issuer", "oidc-login: { OIDC-END, client: c, secret: { env: S }, keys: { file: one.json }, algorithms: [ES256], origin: \"https://a.test\", session: { secret: { env: T } }, issuer: @ }", ["a", "b"]),
    ("oidc-login.endpoints.authorization", "oidc-login: { OIDC, SESSION, endpoints: { authorization: @, token: \"https://a.test/t\" } }", ["\"https://a.test/a\"", "\"https://b.test/a\""]),
    ("oidc-login.endpoints.token", "oidc-login: { OIDC, SESSION, endpoints: { authorization: \"https://a.test/a\", token: @ } }", ["\"https://a.test/t\"", "\"https://b.test/t\""]),
    ("oidc-login.client", "oidc-login: { OIDC-END, issuer: i, secret: { env: S }, keys: { file: one.json }, algorithms: [ES256], origin: \"https://a.test\", session: { secret: { env: T } }, client: @ }", ["a", "b"]),
    ("oidc-login.secret.env", "oidc-login: { OIDC-END, issuer: i, client: c, keys: { file: one.json }, algorithms: [ES256], origin: \"https://a.test\", session: { secret: { env: T } }, secret: { env: @ } }", ["A", "B"]),
    ("oidc-login.secret.file", "oidc-login: { OIDC-END, issuer: i, client: c, keys: { file: one.json }, algorithms: [ES256], origin: \"https://a.test\", session: { secret: { env: T } }, secret: { file: @ } }", ["a", "b"]),
    ("oidc-login.client-authentication", "oidc-login: { OIDC, OIDC-END, SESSION, client-authentication: @ }", ["basic", "post"]),
    ("oidc-login.keys.file", "oidc-login: { OIDC-END, issuer: i, client: c, secret: { env: S }, algorithms: [ES256], origin: \"https://a.test\", session: { secret: { env: T } }, keys: { file: @ } }", ["one.json", "two.json"]),
    ("oidc-login.keys.url", "oidc-login: { OIDC-END, issuer: i, client: c, secret: { env: S }, algorithms: [ES256], origin: \"https://a.test\", session: { secret: { env: T } }, keys: { url: @ } }", ["\"https://a.test/k\"", "\"https://b.test/k\""]),
    ("oidc-login.algorithms", "oidc-login: { OIDC-END, issuer: i, client: c, secret: { env: S }, keys: { file: one.json }, origin: \"https://a.test\", session: { secret: { env: T } }, algorithms: @ }", ["[ES256]", "[ES256, RS256]"]),
    ("oidc-login.origin", "oidc-login: { OIDC-END, issuer: i, client: c, secret: { env: S }, keys: { file: one.json }, algorithms: [ES256], session: { secret: { env: T } }, origin: @ }", ["\"https://a.test\"", "\"https://b.test\""]),
    ("oidc-login.callback", "oidc-login: { OIDC, OIDC-END, SESSION, callback: @ }", ["/a", "/b"]),
    ("oidc-login.logout", "oidc-login: { OIDC, OIDC-END, SESSION, logout: @ }", ["/a", "/b"]),
    ("oidc-login.ask", "oidc-login: { OIDC, OIDC-END, SESSION, ask: @ }", ["[openid]", "[openid, email]"]),
    ("oidc-login.consumer", "oidc-login: { OIDC, OIDC-END, SESSION, consumer: @ }", ["a", "b"]),
    ("oidc-login.scopes", "oidc-login: { OIDC, OIDC-END, SESSION, scopes: @ }", ["a", "b"]),
    ("oidc-login.claims", "oidc-login: { OIDC, OIDC-END, SESSION, claims: @ }", ["[a]", "[b]"]),
    ("oidc-login.skew", "oidc-login: { OIDC, OIDC-END, SESSION, skew: @ }", ["1s", "2s"]),
    ("oidc-login.timeout", "oidc-login: { OIDC, OIDC-END, SESSION, timeout: @ }", ["1s", "2s"]),
    ("oidc-login.remember", "oidc-login: { OIDC, OIDC-END, SESSION, remember: @ }", ["1", "2"]),
    ("oidc-login.session.secret.env", "oidc-login: { OIDC, OIDC-END, session: { secret: { env: @ } } }", ["A", "B"]),
    ("oidc-login.session.secret.file", "oidc-login: { OIDC, OIDC-END, session: { secret: { file: @ } } }", ["a", "b"]),
    ("oidc-login.session.previous.env", "oidc-login: { OIDC, OIDC-END, session: { secret: { env: T }, previous: { env: @ } } }", ["A", "B"]),
    ("oidc-login.session.previous.file", "oidc-login: { OIDC, OIDC-END, session: { secret: { env: T }, previous: { file: @ } } }", ["a", "b"]),
    ("oidc-login.session.cookie", "oidc-login: { OIDC, OIDC-END, session: { secret: { env: T }, cookie: @ } }", ["__Host-a", "__Host-b"]),
    ("oidc-login.session.absolute", "oidc-login: { OIDC, OIDC-END, session: { secret: { env: T }, absolute: @ } }", ["1h", "2h"]),
    ("oidc-login.session.idle", "oidc-login: { OIDC, OIDC-END, session: { secret: { env: T }, idle: @ } }", ["1m", "2m"]),
    ("signature.keys.file", "signature: { keys: { file: @ }, replay: allow }", ["one.signers.yaml", "two.signers.yaml"]),
    ("signature.cover", "signature: { SIGNERS, replay: allow, cover: @ }", ["[\"@method\", \"@path\"]", "[\"@method\", \"@target-uri\"]"]),
    ("signature.body", "signature: { SIGNERS, replay: allow, body: @ }", ["signed", "unchecked"]),
    ("signature.body-at-most", "signature: { SIGNERS, replay: allow, body-at-most: @ }", ["1KiB", "2KiB"]),
    ("signature.replay", "signature: { SIGNERS, replay: @ }", ["allow", "refuse"]),
    ("signature.remember", "signature: { SIGNERS, replay: refuse, remember: @ }", ["1", "2"]),
    ("signature.at-most", "signature: { SIGNERS, replay: allow, at-most: @ }", ["1s", "2s"]),
    ("signature.skew", "signature: { SIGNERS, replay: allow, skew: @ }", ["1s", "2s"]),
    ("signature.require", "signature: { SIGNERS, replay: allow, require: @ }", ["[nonce]", "[expires]"]),
    ("signature.tag", "signature: { SIGNERS, replay: allow, tag: @ }", ["a", "b"]),
    ("signature.label", "signature: { SIGNERS, replay: allow, label: @ }", ["a", "b"]),
    ("signature.forward", "signature: { SIGNERS, replay: allow, forward: @ }", ["true", "false"]),
    ("signature.realm", "signature: { SIGNERS, replay: allow, realm: @ }", ["a", "b"]),
    ("webhook-signature.secrets[].env", "webhook-signature: { secrets: [{ env: @ }], replay: allow }", ["A", "B"]),
    ("webhook-signature.secrets[].file", "webhook-signature: { secrets: [{ file: @ }], replay: allow }", ["a", "b"]),
    ("webhook-signature.public-keys", "webhook-signature: { public-keys: @, replay: allow }", ["[whpk_JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=]", "[whpk_1ixMQcxO46PLlgQfYS46ivFd+n0CcDHSKUnuhm3i1O0=]"]),
    ("webhook-signature.tolerance", "webhook-signature: { secrets: [{ env: A }], replay: allow, tolerance: @ }", ["1m", "2m"]),
    ("webhook-signature.replay", "webhook-signature: { secrets: [{ env: A }], replay: @ }", ["allow", "refuse"]),
    ("webhook-signature.remember", "webhook-signature: { secrets: [{ env: A }], replay: refuse, remember: @ }", ["1", "2"]),
    ("webhook-signature.body-at-most", "webhook-signature: { secrets: [{ env: A }], replay: allow, body-at-most: @ }", ["1KiB", "2KiB"]),
    ("any-of", "any-of: [{ api-key: { keys: { file: one.yaml } } }, { api-key: { header: @, keys: { file: one.yaml } } }]", ["x-a", "x-b"]),
    ("all-of", "all-of: [{ api-key: { keys: { file: one.yaml } } }, { api-key: { header: @, keys: { file: one.yaml } } }]", ["x-a", "x-b"]),
];

#[rustfmt::skip] // One row a line: it is a table.
const ROUTES: &[Row] = &[
    ("name", "name: @, match: { path: /** }, public: true, to: origin", ["a", "b"]),
    ("match.host", "match: { host: @, path: /** }, TO", ["a.test", "b.test"]),
    ("match.path", "match: { path: @ }, TO", ["/a", "/b"]),
    ("match.methods", "match: { path: /**, methods: @ }, TO", ["[GET]", "[PUT]"]),
    ("match.headers.*", "match: { path: /**, headers: { x: @ } }, TO", ["a", "b"]),
    ("match.headers.*.present", "match: { path: /**, headers: { x: { present: @ } } }, TO", ["true", "false"]),
    ("match.query.*", "match: { path: /**, query: { x: @ } }, TO", ["a", "b"]),
    ("match.query.*.present", "match: { path: /**, query: { x: { present: @ } } }, TO", ["true", "false"]),
    ("match.listener", "match: { path: /**@ }, TO", [", listener: public", ""]),
    ("public", "match: { path: /** }, @, filters: [{ api-key: { keys: { file: one.yaml } } }], to: origin", ["public: true", "stream: false"]),
    ("filters[].use", "match: { path: /** }, public: true, to: origin@", [", filters: [{ use: spare }]", ""]),
    ("to", "match: { path: /x }, public: true, to: @ }, { name: y, match: { path: /y }, TO }, { name: z, match: { path: /z }, public: true, to: other", ["origin", "other"]),
    ("respond.status", "OWN, respond: { status: @ }", ["200", "201"]),
    ("respond.json", "OWN, respond: { status: 200, json: @ }", ["{ a: 1 }", "{ a: 2 }"]),
    ("respond.text", "OWN, respond: { status: 200, text: @ }", ["a", "b"]),
    ("respond.headers.*", "OWN, respond: { status: 200, headers: { x: @ } }", ["a", "b"]),
    ("redirect", "OWN, redirect: @", ["/a", "/b"]),
    ("redirect.to", "OWN, redirect: { to: @ }", ["/a", "/b"]),
    ("redirect.status", "OWN, redirect: { to: /a, status: @ }", ["307", "308"]),
    ("redirect.keep-query", "OWN, redirect: { to: /a, keep-query: @ }", ["true", "false"]),
    ("rewrite.strip", "match: { path: /a/b/** }, TO, rewrite: { strip: @ }", ["/a", "/a/b"]),
    ("rewrite.prefix", "match: { path: /** }, TO, rewrite: { prefix: @ }", ["/a", "/b"]),
    ("rewrite.host", "match: { path: /** }, TO, rewrite: { host: @ }", ["a.test", "b.test"]),
    ("upgrade", "match: { path: /** }, TO@", [", upgrade: websocket", ""]),
    ("stream", "match: { path: /** }, TO, stream: @", ["true", "false"]),
    ("body.at-most", "match: { path: /** }, TO, body: { at-most: @ }", ["1KiB", "2KiB"]),
];

/// Keys outside of the maps above, as whole files but for what every file has.
#[rustfmt::skip] // One row a line: it is a table.
const OTHERS: &[Row] = &[
    ("admin.bind", "admin: { bind: @ }", ["\"127.0.0.1:8\"", "\"127.0.0.1:9\""]),
    ("admin.expose.bind", "admin: { bind: \"127.0.0.1:9\", expose: { bind: @, serve: [health] } }", ["\"0.0.0.0:2\"", "\"0.0.0.0:3\""]),
    ("admin.expose.serve", "admin: { bind: \"127.0.0.1:9\", expose: { bind: \"0.0.0.0:2\", serve: @ } }", ["[health]", "[metrics]"]),
    ("observe.access-log.to", "observe: { access-log: { to: @ } }", ["stdout", "{ file: a }"]),
    ("observe.access-log.to.file", "observe: { access-log: { to: { file: @ } } }", ["a", "b"]),
    ("observe.access-log.fields", "observe: { access-log: { to: stdout, fields: @ } }", ["[x-a]", "[x-b]"]),
    ("observe.access-log.redact", "observe: { access-log: { to: stdout, redact: @ } }", ["[x-a]", "[x-b]"]),
    ("observe.access-log.queue", "observe: { access-log: { to: stdout, queue: @ } }", ["17", "18"]),
];

const LISTENER: &str = "bind: \"127.0.0.1:1\"";
const UPSTREAM: &str = "endpoints: [\"127.0.0.1:1\"]";
const ROUTE: &str = "name: all, match: { path: /** }, public: true, to: origin";

/// Words of rows and what they stand for, in the order in which they are replaced.
#[rustfmt::skip] // One word a line: it is a table.
const WORDS: &[(&str, &str)] = &[
    ("OPEN", "issuer: i, audience: a, algorithms: [ES256], type: any"),
    ("URL", "url: \"https://id.test/\""),
    ("ORIGIN", "origins: \"https://a.test\""),
    ("KEYS", "keys: { secret: { env: S } }"),
    ("OIDC-END", "endpoints: { authorization: \"https://a.test/a\", token: \"https://a.test/t\" }"),
    ("OIDC", "issuer: i, client: c, secret: { env: S }, keys: { file: one.json }, algorithms: [ES256], origin: \"https://a.test\""),
    ("SESSION", "session: { secret: { env: T } }"),
    ("SIGNERS", "keys: { file: one.signers.yaml }"),
    ("JWT", "issuer: i, audience: a, algorithms: [HS256], type: any"),
    ("TO", "public: true, to: origin"),
    ("OWN", "match: { path: /own }, public: true"),
];

/// A file around what a row writes.
fn file(section: &str, written: &str) -> String {
    let long = WORDS.iter().fold(written.to_owned(), |text, (word, meaning)| {
        text.replace(word, meaning)
    });
    let with = |name: &str, usual: &str, own: &str| {
        if section != name {
            usual.to_owned()
        } else if long.contains(own) {
            long.clone()
        } else {
            format!("{usual}, {long}")
        }
    };
    let mut listener = with("listeners", LISTENER, "bind:");
    if long.starts_with("client-certificate") || long.contains("sender:") {
        listener += ", tls: { certificate: a, key: { file: k }, clients: { authorities: one.txt } }";
    }
    let upstream = match with("upstreams", UPSTREAM, "endpoints:") {
        echo if long.contains("built-in") && section == "upstreams" => {
            echo.replace(&format!("{UPSTREAM}, "), "")
        }
        other => other,
    };
    let route = match section {
        "routes" if long.starts_with("name:") => long.clone(),
        "routes" if long.contains("path: /own") => {
            format!("name: all, {long} }}, {{ name: rest, match: {{ path: /rest }}, public: true, to: origin")
        }
        "routes" => format!("name: all, {long}"),
        "steps" => format!("{ROUTE}, filters: [{{ use: p }}]"),
        _ => ROUTE.to_owned(),
    };
    let steps = match (section, long.strip_prefix("SCOPES")) {
        ("steps", Some(scopes)) => {
            format!("{{ api-key: {{ keys: {{ file: one.yaml }} }} }}, {{ scopes: {scopes} }}")
        }
        ("steps", None) => format!("{{ {long} }}"),
        _ => "{ methods: { allow: [GET] } }".to_owned(),
    };
    let policies = match section {
        "steps" => format!("policies: {{ p: [{steps}] }}\n"),
        _ if long.contains("use: spare") => format!("policies: {{ spare: [{steps}] }}\n"),
        _ => String::new(),
    };
    let other = if section.is_empty() {
        format!("{long}\n")
    } else {
        String::new()
    };
    let second = if long.contains("to: other") {
        ", other: { built-in: echo }"
    } else {
        ""
    };
    format!(
        "adamant: 1\nlisteners: {{ public: {{ {listener} }} }}\nupstreams: {{ origin: {{ {upstream} }}{second} }}\n{policies}routes: [{{ {route} }}]\n{other}"
    )
}

/// The folder with everything that a file may name.
fn folder() -> Folder {
    let folder = Folder::new();
    for (name, number) in [("one", 1), ("two", 2)] {
        let idp = Idp::new(&[Algorithm::ES256]);
        folder.write(&format!("{name}.json"), idp.jwks());
        folder.write(&format!("{name}.ca"), Authority::new(name).pem());
        folder.write(
            &format!("{name}.pem"),
            idp.keys[0].public_pem.clone().expect("a public half"),
        );
        folder.write(&format!("{name}.txt"), format!("10.0.0.{number}\n"));
        folder.write(&format!("{name}.signers.yaml"), format!("keys:\n  - {{ id: {name}, consumer: acme, algorithm: hmac-sha256, secret: {{ env: MAC }} }}\n"));
        let entry = api_key_entry(name, &format!("adm_{name}"), "acme", "");
        folder.write(&format!("{name}.yaml"), format!("keys:\n{entry}"));
    }
    folder
}

async fn digest(folder: &Folder, known: &mut HashMap<String, String>, text: String) -> String {
    if let Some(digest) = known.get(&text) {
        return digest.clone();
    }
    folder.write("gateway.yaml", &text);
    let told = Adamant::run(folder.path(), &["digest"]).await;
    assert_eq!(told.code, Some(0), "{text}\n{}", told.text());
    let digest = told.stdout.trim().to_owned();
    known.insert(text, digest.clone());
    digest
}

#[tokio::test]
async fn another_value_of_any_key_is_another_policy() {
    let folder = folder();
    let mut known = HashMap::new();
    let mut covered = BTreeSet::new();
    for (section, prefix, rows) in [
        ("listeners", "listeners.*.", LISTENERS),
        ("upstreams", "upstreams.*.", UPSTREAMS),
        ("steps", "policies.*[].", STEPS),
        ("routes", "routes[].", ROUTES),
        ("", "", OTHERS),
    ] {
        for (key, written, values) in rows {
            let key = format!("{prefix}{key}");
            let texts = values.map(|value| file(section, &written.replace('@', value)));
            let [one, other] = texts;
            let digests = (
                digest(&folder, &mut known, one).await,
                digest(&folder, &mut known, other).await,
            );
            assert_ne!(digests.0, digests.1, "{key}: {written} {values:?}");
            covered.insert(key);
        }
    }
    let listed = Adamant::run(folder.path(), &["schema", "--leaves"])
        .await
        .exits(0)
        .json();
    let all = listed.as_array().expect("a list").iter();
    // Two of them know one value only, and a listener that redirects is another kind of file.
    let special = ["adamant", "observe.access-log.format", "listeners.*.redirect-to"];
    let missing: Vec<&str> = all
        .filter_map(|key| key.as_str())
        .filter(|key| !covered.contains(*key) && !special.contains(key))
        .collect();
    assert!(missing.is_empty(), "no row writes these keys: {missing:#?}");
}
