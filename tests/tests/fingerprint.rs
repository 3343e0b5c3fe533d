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
    ("limits.in-flight", "limits: { in-flight: @ }", ["2", "3"]),
    ("limits.allow", "limits: { allow: @, burst: 9 }", ["1/s", "2/s"]),
    ("limits.burst", "limits: { allow: 1/s, burst: @ }", ["2", "3"]),
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
    ("basic.users.file", "basic: { users: { file: @ } }", ["one-users.yaml", "two-users.yaml"]),
    ("basic.forward", "basic: { users: { file: one-users.yaml }, forward: @ }", ["true", "false"]),
    ("basic.realm", "basic: { users: { file: one-users.yaml }, realm: @ }", ["a", "b"]),
    ("basic.remember-for", "basic: { users: { file: one-users.yaml }, remember-for: @ }", ["1m", "2m"]),
    ("basic.at-once", "basic: { users: { file: one-users.yaml }, at-once: @ }", ["1", "2"]),
    ("basic.guard.after", "basic: { users: { file: one-users.yaml }, guard: { after: @ } }", ["1", "2"]),
    ("basic.guard.after-from-source", "basic: { users: { file: one-users.yaml }, guard: { after-from-source: @ } }", ["1", "2"]),
    ("basic.guard.wait", "basic: { users: { file: one-users.yaml }, guard: { wait: @ } }", ["2s", "3s"]),
    ("basic.guard.at-most", "basic: { users: { file: one-users.yaml }, guard: { at-most: @ } }", ["1m", "2m"]),
    ("basic.guard.forget", "basic: { users: { file: one-users.yaml }, guard: { forget: @ } }", ["2h", "3h"]),
    ("basic.guard.remember", "basic: { users: { file: one-users.yaml }, guard: { remember: @ } }", ["8", "9"]),
    ("introspection.url", "introspection: { url: @, client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true }", ["\"https://a.test/\"", "\"https://b.test/\""]),
    ("introspection.ca", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, ca: @ }", ["one-ca.pem", "two-ca.pem"]),
    ("introspection.client.id", "introspection: { url: \"https://id.test/\", client: { id: @, secret: { env: S } }, active-for: 10s, any-audience: true }", ["a", "b"]),
    ("introspection.client.secret.env", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: @ } }, active-for: 10s, any-audience: true }", ["A", "B"]),
    ("introspection.client.secret.file", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { file: @ } }, active-for: 10s, any-audience: true }", ["a", "b"]),
    ("introspection.client.by", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S }, by: @ }, active-for: 10s, any-audience: true }", ["basic", "body"]),
    ("introspection.audience", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, audience: @ }", ["a", "[a, b]"]),
    ("introspection.any-audience", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, @ }", ["any-audience: true", "audience: a"]),
    ("introspection.active-for", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, any-audience: true, active-for: @ }", ["1s", "2s"]),
    ("introspection.timeout", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, timeout: @ }", ["1s", "3s"]),
    ("introspection.issuer", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, issuer: @ }", ["a", "b"]),
    ("introspection.consumer", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, consumer: @ }", ["a", "b"]),
    ("introspection.scopes", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, scopes: @ }", ["a", "b"]),
    ("introspection.skew", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, skew: @ }", ["1s", "2s"]),
    ("introspection.inactive-for", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, inactive-for: @ }", ["1s", "2s"]),
    ("introspection.remember", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, remember: @ }", ["8", "9"]),
    ("introspection.at-once", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, at-once: @ }", ["8", "9"]),
    ("introspection.header", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, header: @ }", ["x-a", "x-b"]),
    ("introspection.forward", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, forward: @ }", ["true", "false"]),
    ("introspection.realm", "introspection: { url: \"https://id.test/\", client: { id: g, secret: { env: S } }, active-for: 10s, any-audience: true, realm: @ }", ["a", "b"]),
    ("forward-auth.url", "forward-auth: { url: @, consumer: x-u }", ["\"https://a.test/\"", "\"https://b.test/\""]),
    ("forward-auth.consumer", "forward-auth: { url: \"https://id.test/\", consumer: @ }", ["x-a", "x-b"]),
    ("forward-auth.forward", "forward-auth: { url: \"https://id.test/\", consumer: x-u, send: [cookie], forward: @ }", ["true", "false"]),
    ("forward-auth.ca", "forward-auth: { url: \"https://id.test/\", consumer: x-u, ca: @ }", ["one-ca.pem", "two-ca.pem"]),
    ("forward-auth.timeout", "forward-auth: { url: \"https://id.test/\", consumer: x-u, timeout: @ }", ["1s", "3s"]),
    ("forward-auth.send", "forward-auth: { url: \"https://id.test/\", consumer: x-u, send: @ }", ["[x-a]", "[x-b]"]),
    ("forward-auth.take", "forward-auth: { url: \"https://id.test/\", consumer: x-u, take: @ }", ["[x-a]", "[x-b]"]),
    ("forward-auth.relay", "forward-auth: { url: \"https://id.test/\", consumer: x-u, relay: @ }", ["[x-a]", "[x-b]"]),
    ("forward-auth.pass", "forward-auth: { url: \"https://id.test/\", consumer: x-u, pass: @ }", ["[200]", "[204]"]),
    ("forward-auth.at-once", "forward-auth: { url: \"https://id.test/\", consumer: x-u, at-once: @ }", ["8", "9"]),
    ("forward-check.url", "forward-check: { url: @ }", ["\"https://a.test/\"", "\"https://b.test/\""]),
    ("forward-check.forward", "forward-check: { url: \"https://id.test/\", send: [cookie], forward: @ }", ["true", "false"]),
    ("forward-check.ca", "forward-check: { url: \"https://id.test/\", ca: @ }", ["one-ca.pem", "two-ca.pem"]),
    ("forward-check.timeout", "forward-check: { url: \"https://id.test/\", timeout: @ }", ["1s", "3s"]),
    ("forward-check.send", "forward-check: { url: \"https://id.test/\", send: @ }", ["[x-a]", "[x-b]"]),
    ("forward-check.take", "forward-check: { url: \"https://id.test/\", take: @ }", ["[x-a]", "[x-b]"]),
    ("forward-check.relay", "forward-check: { url: \"https://id.test/\", relay: @ }", ["[x-a]", "[x-b]"]),
    ("forward-check.pass", "forward-check: { url: \"https://id.test/\", pass: @ }", ["[200]", "[204]"]),
    ("forward-check.at-once", "forward-check: { url: \"https://id.test/\", at-once: @ }", ["8", "9"]),
    ("authorize.scopes.all", "PROVED authorize: { scopes: { all: @ } }", ["[a]", "[b]"]),
    ("authorize.scopes.any", "PROVED authorize: { scopes: { any: @ } }", ["[a]", "[b]"]),
    ("authorize.roles.claim", "PROVED authorize: { roles: { claim: @, any: [x] } }", ["a", "b"]),
    ("authorize.roles.all", "PROVED authorize: { roles: { claim: c, all: @ } }", ["[a]", "[b]"]),
    ("authorize.roles.any", "PROVED authorize: { roles: { claim: c, any: @ } }", ["[a]", "[b]"]),
    ("authorize.claims.*", "PROVED authorize: { claims: { c: @ } }", ["a", "[a, b]"]),
    ("authorize.claims.*.present", "PROVED authorize: { claims: { c: { present: @ } } }", ["true", "false"]),
    ("authorize.groups", "PROVED authorize: { groups: @ }", ["[a]", "[b]"]),
    ("authorize.proved-by", "PROVED authorize: { proved-by: @ }", ["[jwt]", "[api-key]"]),
    ("authorize.consumers", "PROVED authorize: { consumers: @ }", ["[a]", "[b]"]),
    ("authorize.bind.*", "PROVED authorize: { bind: { id: @ } }", ["sub", "consumer"]),
    ("authorize.expression", "PROVED authorize: { expression: @ }", ["\"request.host == 'a'\"", "\"request.host == 'b'\""]),
    ("authorize.realm", "PROVED authorize: { scopes: { all: [a] }, realm: @ }", ["a", "b"]),
    ("body-size.at-most", "body-size: { at-most: @ }", ["1KiB", "2KiB"]),
    ("client-certificate.consumer", "client-certificate: { consumer: @ }", ["email", "dns-name"]),
    ("client-certificate.trust-domain", "client-certificate: { consumer: spiffe-id, trust-domain: @ }", ["a.test", "b.test"]),
    ("client-certificate.allow", "client-certificate: { consumer: dns-name, allow: @ }", ["[a.test]", "[b.test]"]),
    ("client-certificate.remember", "client-certificate: { consumer: email, remember: @ }", ["1", "2"]),
    ("bandwidth.response", "bandwidth: { response: @, burst: 1MiB }", ["1KiB/s", "2KiB/s"]),
    ("bandwidth.burst", "bandwidth: { response: 1KiB/s, burst: @ }", ["2KiB", "3KiB"]),
    ("bandwidth.by", "bandwidth: { response: 1KiB/s, by: @ }", ["address", "route"]),
    ("bandwidth.remember", "bandwidth: { response: 1KiB/s, by: address, remember: @ }", ["8", "9"]),
    ("bandwidth.missing", "bandwidth: { response: 1KiB/s, by: \"header:x\", missing: @ }", ["deny", "skip"]),
    ("bandwidth.headers", "bandwidth: { response: 1KiB/s, headers: @ }", ["true", "false"]),
    ("body-size.at-most", "body-size: { at-most: @ }", ["1KiB", "2KiB"]),
    ("failures.by", "failures: { by: @, FAILURES }", ["address", "route"]),
    ("failures.statuses", "failures: { by: address, allow: 1/s, statuses: @ }", ["[401]", "[403]"]),
    ("failures.allow", "failures: { by: address, statuses: [401], burst: 9, allow: @ }", ["1/s", "2/s"]),
    ("failures.burst", "failures: { by: address, FAILURES, burst: @ }", ["8", "9"]),
    ("failures.block-for", "failures: { by: address, FAILURES, block-for: @ }", ["8s", "9s"]),
    ("failures.remember", "failures: { by: address, FAILURES, remember: @ }", ["8", "9"]),
    ("failures.missing", "failures: { by: \"header:x\", FAILURES, missing: @ }", ["deny", "skip"]),
    ("headers.request.set.*", "headers: { request: { set: { x: @ } } }", ["a", "b"]),
    ("headers.request.add.*", "headers: { request: { add: { x: @ } } }", ["a", "b"]),
    ("headers.request.remove", "headers: { request: { remove: @ } }", ["[x-a]", "[x-b]"]),
    ("headers.response.set.*", "headers: { response: { set: { x: @ } } }", ["a", "b"]),
    ("headers.response.add.*", "headers: { response: { add: { x: @ } } }", ["a", "b"]),
    ("headers.response.remove", "headers: { response: { remove: @ } }", ["[x-a]", "[x-b]"]),
    ("identity-headers.set.*", "identity-headers: { set: { x-a: @ } }", ["consumer", "plan"]),
    ("in-flight.by", "in-flight: { by: @, at-most: 1 }", ["address", "route"]),
    ("in-flight.at-most", "in-flight: { by: address, at-most: @ }", ["1", "2"]),
    ("in-flight.remember", "in-flight: { by: address, at-most: 1, remember: @ }", ["8", "9"]),
    ("in-flight.missing", "in-flight: { by: \"header:x\", at-most: 1, missing: @ }", ["deny", "skip"]),
    ("in-flight.headers", "in-flight: { by: address, at-most: 1, headers: @ }", ["true", "false"]),
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
    ("quota.by", "quota: { by: @, QUOTA }", ["address", "route"]),
    ("quota.allow", "quota: { by: address, per: day, keep-local: true, allow: @ }", ["1", "2"]),
    ("quota.per", "quota: { by: address, allow: 1, keep-local: true, per: @ }", ["day", "month"]),
    ("quota.zone", "quota: { by: address, QUOTA, zone: @ }", ["Europe/Berlin", "Asia/Tokyo"]),
    ("quota.keep-local", "quota: { by: address, allow: 1, per: day, @ }", ["keep-local: true", "store: counters, when-gone: deny"]),
    ("quota.store", "quota: { by: address, allow: 1, per: day, when-gone: deny, store: @ }, id: a }, { rate: { RATE, SHARED }, id: b }, { rate: { RATE, scope: { shared: { store: others, when-gone: deny } } }, id: c", ["counters", "others"]),
    ("quota.plans.*", "api-key: { keys: { file: one.yaml } } }, { quota: { by: consumer, QUOTA, plans: { gold: @ } }", ["1", "2"]),
    ("quota.when-gone", "quota: { by: address, allow: 1, per: day, store: counters, when-gone: @ }", ["deny", "allow"]),
    ("quota.remember", "quota: { by: address, QUOTA, remember: @ }", ["8", "9"]),
    ("quota.cost.methods.*", "quota: { by: address, allow: 9, per: day, keep-local: true, cost: { methods: { PUT: @ } } }", ["1", "2"]),
    ("quota.missing", "quota: { by: \"header:x\", QUOTA, missing: @ }", ["deny", "skip"]),
    ("quota.headers", "quota: { by: address, QUOTA, headers: @ }", ["true", "false"]),
    ("rate.by", "rate: { by: @, allow: 1/s }", ["address", "route"]),
    ("rate.allow", "rate: { by: address, allow: @, burst: 9 }", ["1/s", "2/s"]),
    ("rate.burst", "rate: { by: address, allow: 1/s, burst: @ }", ["8", "9"]),
    ("rate.remember", "rate: { by: address, allow: 1/s, remember: @ }", ["8", "9"]),
    ("rate.missing", "rate: { by: \"header:x\", allow: 1/s, missing: @ }", ["deny", "skip"]),
    ("rate.headers", "rate: { by: address, allow: 1/s, headers: @ }", ["true", "false"]),
    ("rate.algorithm", "rate: { by: address, allow: 1/s, algorithm: @ }", ["even", "sliding"]),
    ("rate.plans.*.allow", "rate: { by: address, allow: 1/s, plans: { gold: { allow: @, burst: 9 } } }", ["1/s", "2/s"]),
    ("rate.plans.*.burst", "rate: { by: address, allow: 1/s, plans: { gold: { allow: 1/s, burst: @ } } }", ["8", "9"]),
    ("rate.limits[].id", "rate: { by: address, limits: [{ id: @, allow: 1/s }] }", ["a", "b"]),
    ("rate.limits[].by", "rate: { limits: [{ id: a, by: @, allow: 1/s }] }", ["address", "route"]),
    ("rate.limits[].allow", "rate: { by: address, limits: [{ id: a, allow: @, burst: 9 }] }", ["1/s", "2/s"]),
    ("rate.limits[].burst", "rate: { by: address, limits: [{ id: a, allow: 1/s, burst: @ }] }", ["8", "9"]),
    ("rate.limits[].algorithm", "rate: { by: address, limits: [{ id: a, allow: 1/s, algorithm: @ }] }", ["even", "sliding"]),
    ("rate.limits[].plans.*.allow", "rate: { by: address, limits: [{ id: a, allow: 1/s, plans: { gold: { allow: @, burst: 9 } } }] }", ["1/s", "2/s"]),
    ("rate.limits[].plans.*.burst", "rate: { by: address, limits: [{ id: a, allow: 1/s, plans: { gold: { allow: 1/s, burst: @ } } }] }", ["8", "9"]),
    ("rate.cost.methods.*", "rate: { by: address, allow: 9/s, cost: { methods: { POST: @ } } }", ["2", "3"]),
    ("rate.cost.routes.*", "rate: { by: address, allow: 9/s, cost: { routes: { all: @ } } }", ["2", "3"]),
    ("rate.legacy", "rate: { by: address, allow: 1/s, legacy: @ }", ["none", "triple"]),
    ("rate.scope", "rate: { by: address, allow: 9/s, scope: @ }", ["instance", "{ fleet: { replicas: 2 } }"]),
    ("rate.scope.fleet.replicas", "rate: { by: address, allow: 9/s, scope: { fleet: { replicas: @ } } }", ["2", "3"]),
    ("rate.scope.shared.store", "rate: { RATE, scope: { shared: { store: @, when-gone: deny } } }, id: a }, { rate: { RATE, SHARED }, id: b }, { rate: { RATE, scope: { shared: { store: others, when-gone: deny } } }, id: c", ["counters", "others"]),
    ("rate.scope.shared.when-gone", "rate: { RATE, scope: { shared: { store: counters, when-gone: @ } } }, id: a", ["deny", "local"]),
    ("rate.scope.shared.batch", "rate: { RATE, scope: { shared: { store: counters, when-gone: deny, batch: @ } } }, id: a", ["2", "3"]),
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
    ("upstream-credential.bearer.env", "upstream-credential: { bearer: { env: @ } }", ["A", "B"]),
    ("upstream-credential.bearer.file", "upstream-credential: { bearer: { file: @ } }", ["a", "b"]),
    ("upstream-credential.basic.user", "upstream-credential: { basic: { user: @, password: { env: P } } }", ["a", "b"]),
    ("upstream-credential.basic.password.env", "upstream-credential: { basic: { user: u, password: { env: @ } } }", ["A", "B"]),
    ("upstream-credential.basic.password.file", "upstream-credential: { basic: { user: u, password: { file: @ } } }", ["a", "b"]),
    ("upstream-credential.header.name", "upstream-credential: { header: { name: @, value: { env: V } } }", ["x-a", "x-b"]),
    ("upstream-credential.header.value.env", "upstream-credential: { header: { name: x-a, value: { env: @ } } }", ["A", "B"]),
    ("upstream-credential.header.value.file", "upstream-credential: { header: { name: x-a, value: { file: @ } } }", ["a", "b"]),
    ("upstream-credential.header.prefix", "upstream-credential: { header: { name: x-a, value: { env: V }, prefix: @ } }", ["a", "b"]),
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
    ("priority", "match: { path: /** }, TO, priority: @", ["high", "low"]),
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

#[rustfmt::skip] // One row a line: it is a table.
const STORES: &[Row] = &[
    ("redis.address", "address: @", ["\"127.0.0.1:1\"", "\"127.0.0.1:2\""]),
    ("redis.tls.server-name", "tls: { server-name: @ }", ["a.test", "b.test"]),
    ("redis.tls.ca", "tls: { server-name: a.test, ca: @ }", ["a.pem", "b.pem"]),
    ("redis.user", "user: @, password: { env: P }", ["a", "b"]),
    ("redis.password.env", "password: { env: @ }", ["P", "Q"]),
    ("redis.password.file", "password: { file: @ }", ["p", "q"]),
    ("redis.database", "database: @", ["1", "2"]),
    ("redis.timeout", "timeout: @", ["10ms", "20ms"]),
    ("redis.connections", "connections: @", ["1", "3"]),
];

/// Keys outside of the maps above, as whole files but for what every file has.
#[rustfmt::skip] // One row a line: it is a table.
const OTHERS: &[Row] = &[
    ("admin.bind", "admin: { bind: @ }", ["\"127.0.0.1:8\"", "\"127.0.0.1:9\""]),
    ("admin.expose.bind", "admin: { bind: \"127.0.0.1:9\", expose: { bind: @, serve: [health] } }", ["\"0.0.0.0:2\"", "\"0.0.0.0:3\""]),
    ("admin.expose.serve", "admin: { bind: \"127.0.0.1:9\", expose: { bind: \"0.0.0.0:2\", serve: @ } }", ["[health]", "[metrics]"]),
    ("overload.in-flight", "overload: { in-flight: @, queue-delay: 50ms }", ["100", "200"]),
    ("overload.queue-delay", "overload: { in-flight: 100, queue-delay: @ }", ["50ms", "60ms"]),
    ("plans.*", "plans: { @: {} }\nconsumers: { c: { plan: @, known-by: [{ api-key: { name: a } }] } }", ["gold", "free"]),
    ("consumers.*.plan", "plans: { gold: {}, free: {} }\nconsumers: { c: { plan: @, known-by: [{ api-key: { name: a } }] }, d: { plan: gold, known-by: [{ api-key: { name: b } }] }, e: { plan: free, known-by: [{ api-key: { name: c } }] } }", ["gold", "free"]),
    ("consumers.*.groups", "consumers: { c: { groups: @, known-by: [{ api-key: { name: a } }] } }", ["[one]", "[two]"]),
    ("consumers.*.known-by[].*.issuer", "consumers: { c: { known-by: [{ jwt: { issuer: @, name: a } }] } }", ["one", "two"]),
    ("consumers.*.known-by[].*.name", "consumers: { c: { known-by: [{ api-key: { name: @ } }] } }", ["a", "b"]),
    ("observe.access-log.to", "observe: { access-log: { to: @ } }", ["stdout", "{ file: a }"]),
    ("observe.access-log.to.file", "observe: { access-log: { to: { file: @ } } }", ["a", "b"]),
    ("observe.access-log.fields", "observe: { access-log: { to: stdout, fields: @ } }", ["[x-a]", "[x-b]"]),
    ("observe.access-log.redact", "observe: { access-log: { to: stdout, redact: @ } }", ["[x-a]", "[x-b]"]),
    ("observe.access-log.queue", "observe: { access-log: { to: stdout, queue: @ } }", ["17", "18"]),
];

/// A hash that `basic` accepts; of no password that anybody knows.
const HASH: &str = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

const LISTENER: &str = "bind: \"127.0.0.1:1\"";
const UPSTREAM: &str = "endpoints: [\"127.0.0.1:1\"]";
const STORE: &str = "address: \"127.0.0.1:1\"";
const SHARED: &str = "scope: { shared: { store: counters, when-gone: deny } }";
const ROUTE: &str = "name: all, match: { path: /** }, public: true, to: origin";

/// Steps that prove whom a consumer is known by.
const PROOFS: &str = "{ api-key: { keys: { file: one.yaml } } }, \
    { jwt: { keys: { file: one.json }, issuer: one, audience: a, algorithms: [ES256], type: any } }, \
    { jwt: { keys: { file: two.json }, issuer: two, audience: a, algorithms: [ES256], type: any } }";

/// The steps of the policy.
fn steps_of(section: &str, long: &str) -> String {
    let long = long.replace("SCOPES", "PROVED scopes:");
    match (section, long.strip_prefix("PROVED ")) {
        ("steps", Some(rule)) => format!("{{ api-key: {{ keys: {{ file: one.yaml }} }} }}, {{ {rule} }}"),
        ("steps", None) if long.contains("plans:") => {
            format!("{{ api-key: {{ keys: {{ file: one.yaml }} }} }}, {{ {long} }}")
        }
        ("steps", None) => format!("{{ {long} }}"),
        ("stores", _) => format!("{{ rate: {{ by: address, allow: 9/s, {SHARED} }}, id: a }}"),
        _ => "{ methods: { allow: [GET] } }".to_owned(),
    }
}

/// The stores, when a step names them.
fn stores_of(section: &str, long: &str) -> String {
    let one = |name: &str, keys: &str| format!("{name}: {{ redis: {{ {keys} }} }}");
    let stores = match section {
        "stores" if long.contains("address:") => one("counters", long),
        "stores" => one("counters", &format!("{STORE}, {long}")),
        _ if long.contains("others") => format!("{}, {}", one("counters", STORE), one("others", STORE)),
        _ if long.contains("counters") => one("counters", STORE),
        _ => return String::new(),
    };
    format!("stores: {{ {stores} }}\n")
}

/// The plans, when a step tells them apart.
fn plans_of(section: &str, long: &str) -> &'static str {
    if section == "steps" && long.contains("plans:") {
        "plans: { gold: {} }\nconsumers: { acme: { plan: gold, known-by: [{ api-key: { name: acme } }] } }\n"
    } else {
        ""
    }
}

/// A file around what a row writes.
fn file(section: &str, written: &str) -> String {
    let long = written
        .replace("RATE", "by: address, allow: 9/s")
        .replace("SHARED", SHARED)
        .replace("KEYS", "keys: { secret: { env: S } }")
        .replace("OIDC-END", "endpoints: { authorization: \"https://a.test/a\", token: \"https://a.test/t\" }")
        .replace("OIDC", "issuer: i, client: c, secret: { env: S }, keys: { file: one.json }, algorithms: [ES256], origin: \"https://a.test\"")
        .replace("SESSION", "session: { secret: { env: T } }")
        .replace("SIGNERS", "keys: { file: one.signers.yaml }")
        .replace("JWT", "issuer: i, audience: a, algorithms: [HS256], type: any")
        .replace("FAILURES", "statuses: [401], allow: 1/s")
        .replace("QUOTA", "allow: 1, per: day, keep-local: true")
        .replace("TO", "public: true, to: origin")
        .replace("OWN", "match: { path: /own }, public: true");
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
        "steps" if long.contains("bind: { id:") => {
            format!(
                "{}, filters: [{{ use: p }}]",
                ROUTE.replace("/**", "\"/users/{id}\"")
            )
        }
        _ if long.contains("known-by") => format!("{ROUTE}, filters: [{{ use: known }}]"),
        "steps" | "stores" => format!("{ROUTE}, filters: [{{ use: p }}]"),
        _ => ROUTE.to_owned(),
    };
    let steps = steps_of(section, &long);
    let policies = match section {
        _ if long.contains("known-by") => format!("policies: {{ known: [{{ any-of: [{PROOFS}] }}] }}\n"),
        "steps" | "stores" => format!("policies: {{ p: [{steps}] }}\n"),
        _ if long.contains("use: spare") => format!("policies: {{ spare: [{steps}] }}\n"),
        _ => String::new(),
    };
    let other = if section.is_empty() {
        format!("{long}\n")
    } else if long.contains("priority:") {
        "overload: { in-flight: 100, queue-delay: 50ms }\n".to_owned()
    } else {
        String::new()
    };
    let stores = stores_of(section, &long);
    let plans = plans_of(section, &long);
    let second = if long.contains("to: other") {
        ", other: { built-in: echo }"
    } else {
        ""
    };
    format!(
        "adamant: 1\nlisteners: {{ public: {{ {listener} }} }}\n{plans}upstreams: {{ origin: {{ {upstream} }}{second} }}\n{stores}{policies}routes: [{{ {route} }}]\n{other}"
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
        folder.write(
            &format!("{name}-users.yaml"),
            format!("users: [{{ name: {name}, hash: \"{HASH}\" }}]"),
        );
        folder.write(&format!("{name}-ca.pem"), Authority::new(name).pem());
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
        ("stores", "stores.*.", STORES),
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
