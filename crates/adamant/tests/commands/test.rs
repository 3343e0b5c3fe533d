//! `adamant test`.

use super::binary::{Folder, small};

/// A policy whose tokens come from `KEYS` and are signed by `ALGORITHMS`.
const POLICY: &str = r#"
adamant: 1
listeners: { public: { bind: "127.0.0.1:0" } }
upstreams: { echo: { built-in: echo } }
routes:
  - name: all
    match: { path: /** }
    filters:
      - jwt: { keys: KEYS, issuer: i, audience: [a, b], algorithms: ALGORITHMS, type: TYPE, consumer: who, lifetime: 1m MORE }
    to: echo
"#;

fn policy(keys: &str, algorithms: &str, token_type: &str, more: &str) -> Folder {
    let text = POLICY
        .replace("KEYS", keys)
        .replace("ALGORITHMS", algorithms)
        .replace("TYPE", token_type);
    Folder::with(&text.replace("MORE", more))
}

/// The file beside the policy, with these tests.
fn tests(folder: Folder, tests: &str) -> Folder {
    folder.file(
        "gateway.test.yaml",
        &format!("adamant-test: 1\nwith: {{ now: 2026-11-23T12:00:00Z }}\ntests:\n{tests}"),
    )
}

const GOOD: &str = r#"
  - name: a good token
    request: { get: "https://x/", jwt: { who: acme } }
    expect: { consumer: acme, to: echo }
"#;

#[test]
fn tokens_fit_every_kind_of_key_place_and_type() {
    let cases = [
        ("{ file: k.json }", "[RS256]", "at+jwt", ""),
        ("{ file: k.json }", "[PS384, ES384]", "jwt", ""),
        ("{ file: k.json }", "[ES256, RS512]", "any", ", cookie: session"),
        ("{ file: k.json }", "[EdDSA]", "any", ", query: token"),
        ("{ url: https://id.test/keys }", "[RS256, ES256]", "at+jwt", ""),
        (
            "{ url: http://127.0.0.1:1/keys, at-boot: deny }",
            "[EdDSA]",
            "any",
            "",
        ),
        ("{ pem: k.pem }", "[ES256]", "any", ", header: x-token"),
        ("{ pem: k.pem }", "[RS256, PS256]", "jwt", ""),
        ("{ pem: k.pem }", "[ES384]", "jwt", ""),
        ("{ pem: k.pem }", "[EdDSA]", "jwt", ""),
        ("{ secret: { env: NOT_SET_ANYWHERE } }", "[HS256]", "jwt", ""),
        ("{ secret-base64: { file: absent } }", "[HS512]", "jwt", ""),
    ];
    for (keys, algorithms, token_type, more) in cases {
        let told = tests(policy(keys, algorithms, token_type, more), GOOD).run(&["test"]);
        assert_eq!(told.code, Some(0), "{keys} {algorithms}: {told:#?}");
    }
}

#[test]
fn tokens_can_be_forged_changed_and_grow_old() {
    let folder = policy("{ file: k.json }", "[ES256]", "at+jwt", "");
    let folder = tests(
        folder,
        r#"
  - { name: forged, request: { get: "https://x/", jwt: { alg: HS256 } }, expect: { reason: jwt.algorithm-refused } }
  - { name: unsigned, request: { get: "https://x/", jwt: { alg: none } }, expect: { status: 401 } }
  - { name: stranger, request: { get: "https://x/", jwt: { alg: ES256, kid: other } }, expect: { reason: jwt.key-unknown } }
  - { name: issuer, request: { get: "https://x/", jwt: { iss: other } }, expect: { reason: jwt.issuer } }
  - { name: claim, request: { get: "https://x/", jwt: { jti: null } }, expect: { reason: jwt.claims } }
  - { name: type, request: { get: "https://x/", jwt: { typ: JWT } }, expect: { reason: jwt.type } }
  - { name: young, request: { get: "https://x/", jwt: {} }, after: 119s, expect: { to: echo } }
  - { name: old, request: { get: "https://x/", jwt: {} }, after: 2m, expect: { reason: jwt.expired } }
  - { name: absent, request: { get: "https://x/" }, expect: { reason: jwt.missing } }
"#,
    );
    folder.run(&["test"]).exits(0);
}

#[test]
fn published_keys_serve_for_as_long_as_a_test_lets_pass() {
    let keys = "{ url: https://id.test/keys, refresh: 1m, stale-for: 2m }";
    let folder = tests(
        policy(keys, "[ES256]", "any", ""),
        r#"
  - { name: good, request: { get: "https://x/", jwt: {} }, expect: { to: echo } }
  - { name: late, request: { get: "https://x/", jwt: { exp: 9999999999, iat: 9999999990 } }, expect: { reason: jwt.not-yet-valid } }
  - { name: often, request: { get: "https://x/", jwt: {} }, repeat: 3, after: 40s, expect: { to: echo } }
  - { name: stranger, request: { get: "https://x/", jwt: { kid: other } }, expect: { reason: jwt.key-unknown } }
  - { name: issuer, request: { get: "https://x/", jwt: { kid: other, iss: other } }, expect: { reason: jwt.issuer } }
"#,
    );
    folder.run(&["test"]).exits(0);
}

#[test]
fn tests_share_nothing_and_repetitions_share_their_limits() {
    let request = r#"{ get: "http://api.example.com/orders/1", headers: { x-api-key: secret-of-acme } }"#;
    let text = format!(
        "
  - {{ name: one, request: {request}, repeat: 3, expect: {{ to: echo }}, expect-last: {{ status: 429, header: {{ Retry-After: 1 }} }} }}
  - {{ name: two, request: {request}, repeat: 2, expect: {{ to: echo }} }}
  - {{ name: three, request: {request}, repeat: 3, after: 1s, expect: {{ to: echo }} }}
"
    );
    tests(small(), &text).run(&["test"]).exits(0);
}

#[test]
fn what_leaves_of_a_given_answer_can_be_expected() {
    let policy = r#"
adamant: 1
listeners: { public: { bind: "127.0.0.1:0" } }
upstreams: { echo: { built-in: echo } }
routes:
  - name: all
    match: { path: /** }
    public: true
    filters:
      - headers: { response: { remove: [server], set: { x-kind: tea } } }
    to: echo
"#;
    let text = r#"
  - name: nobody learns what serves
    request: { get: "http://x/" }
    upstream: { status: 404, headers: { Server: old }, body: none }
    expect: { status: 404, to: echo, header: { x-kind: tea, content-length: "4" }, body: none }
  - name: a server is told
    request: { get: "http://x/" }
    upstream: { headers: { server: old } }
    expect: { status: 200, header: { server: old } }
"#;
    let told = tests(Folder::with(policy), text).run(&["test"]).exits(1);
    for part in [
        "ok    nobody learns what serves\n",
        "FAIL  a server is told\n",
        "header server: expected old, found none\n",
        "outcome   200 from echo\n",
    ] {
        assert!(told.stdout.contains(part), "{part}: {told:#?}");
    }
}

#[test]
fn a_failure_shows_what_was_expected_found_and_why() {
    let text = r#"
  - name: orders are public
    request: { get: "http://api.example.com/orders/1" }
    expect: { route: orders, to: echo }
  - name: the status is there
    request: { get: "http://x/status" }
    expect: { status: 200 }
"#;
    let folder = tests(small(), text);
    let told = folder.run(&["test"]).exits(1);
    for part in [
        "FAIL  orders are public\n",
        "to: expected echo, found none\n",
        "gateway.test.yaml:7: expect: { route: orders, to: echo }\n",
        "gateway.yaml:9 api-key deny api-key.missing",
        "ok    the status is there\n",
        "2 tests, 1 failed\n",
    ] {
        assert!(told.stdout.contains(part), "{part}: {told:#?}");
    }
    let lines = folder.run(&["test", "--json"]).exits(1).stdout;
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["ok"], &first["missed"][0]["what"]),
        (&false.into(), &"to".into()),
        "{lines}"
    );
    assert_eq!(first["explanation"]["reason"], "api-key.missing");
}

#[test]
fn a_broken_test_file_is_told_with_places() {
    let cases = [
        (
            "  - { name: a, request: { get: 'http://x/', pots: 1 }, expect: { status: 200 } }",
            "did you mean",
        ),
        (
            "  - { name: a, request: { get: 'http://x/', post: 'http://x/' }, expect: { status: 200 } }",
            "exactly one method",
        ),
        (
            "  - { name: a, request: { get: 'http://x/' } }",
            "expects nothing",
        ),
        (
            "  - { name: a, request: { get: 'http://x/' }, expect: {} }",
            "nothing is expected",
        ),
        (
            "  - { name: a, request: { get: 'http://x/', client: me }, expect: { status: 200 } }",
            "is not an address",
        ),
        (
            "  - { name: a, request: { get: 'http://x/' }, repeat: 0, expect: { status: 200 } }",
            "1 to 1000000",
        ),
    ];
    for (text, expected) in cases {
        let told = tests(small(), text).run(&["test"]).exits(1).stderr;
        assert!(
            told.contains(expected) && told.contains("gateway.test.yaml:4:"),
            "{text}: {told}"
        );
    }
}

#[test]
fn a_test_that_cannot_be_asked_fails() {
    let cases = [
        (
            "  - { name: a, request: { get: 'x' }, expect: { status: 200 } }",
            "is not a URL",
        ),
        (
            "  - { name: a, request: { get: 'http://x/', jwt: {} }, expect: { status: 200 } }",
            "no step of the policy reads a token",
        ),
    ];
    for (text, expected) in cases {
        let told = tests(small(), text).run(&["test"]).exits(1).stdout;
        assert!(told.contains(expected), "{text}: {told}");
    }
}

#[test]
fn keys_need_a_step_that_reads_them() {
    let text = "adamant-test: 1\nwith: { jwks: k.json }\ntests: [{ name: a, request: { get: 'http://x/' }, expect: { status: 404 } }]\n";
    let told = small()
        .file("gateway.test.yaml", text)
        .run(&["test"])
        .exits(1)
        .stderr;
    assert!(
        told.contains("no step of the policy reads keys from a file"),
        "{told}"
    );
}
