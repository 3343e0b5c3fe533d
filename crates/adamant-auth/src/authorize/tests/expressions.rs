//! Expressions: what they see, what they come to, and which are refused before any request.

use proptest::prelude::*;

use super::*;

/// What an expression comes to for Alice's request.
fn evaluate(expression: &str) -> &'static str {
    let config = json!({ "expression": expression });
    let mut trial = Trial::of::<Authorize>(&config);
    let target = "/users/a%20b?x=1&%79=a%2Bb+c&z=1&z=2&bad=%ff&e";
    let mut request = prepare(&mut trial, alice(), (target, "id"));
    let head = request.head_mut();
    for (name, value) in [("x-tenant", "acme"), ("x-two", "a"), ("x-two", "b")] {
        head.append_header(name, value).unwrap();
    }
    code(&trial.ask(&mut request))
}

const FALSE: &str = "expression";
const FAULT: &str = "expression-fault";

#[rustfmt::skip] // One row a line: it is a table.
const REQUESTS: &[(&str, &str)] = &[
    ("request.method == 'GET'", ""),
    ("request.method in ['POST', 'PUT']", FALSE),
    ("request.path == '/users/a%20b'", ""),
    ("request.path.startsWith('/users/')", ""),
    ("request.path.endsWith('b') && request.path.contains('users')", ""),
    ("request.host == 'example.test'", ""),
    ("request.client == '192.0.2.1'", ""),
    ("path.id == 'a b' && path['id'].size() == 3", ""),
    ("request.headers['x-tenant'] == identity.claims.tenant", ""),
    ("request.headers['X-Tenant'] == 'acme'", ""),
    ("has(request.headers.absent)", FALSE),
    ("'x-tenant' in request.headers", ""),
    ("request.headers.absent == 'a'", FAULT),
    ("request.headers['x-two'] == 'a'", FAULT),
    ("'x-two' in request.headers", FAULT),
    ("request.query.x == '1'", ""),
    ("request.query.y == 'a+b c'", ""),
    ("request.query.e == ''", ""),
    ("has(request.query.w)", FALSE),
    ("request.query.z == '1'", FAULT),
    ("request.query.bad == ''", FAULT),
];

#[rustfmt::skip] // One row a line: it is a table.
const IDENTITIES: &[(&str, &str)] = &[
    ("identity.consumer == 'alice' && identity.method == 'jwt'", ""),
    ("identity.plan == ''", ""),
    ("'orders:read' in identity.scopes", ""),
    ("'orders' in identity.scopes", FALSE),
    ("size(identity.scopes) == 2 && size(identity.groups) == 0", ""),
    ("identity.scopes[0] == 'orders:read'", ""),
    ("identity.scopes[9] == 'orders:read'", FAULT),
    (
        "identity.claims.number == 7 && identity.claims['number'] + 1 > 7",
        "",
    ),
    ("identity.claims.rate < 2.0", ""),
    (
        "identity.claims.vip == true && !(identity.claims.vip == false)",
        "",
    ),
    ("identity.claims.realm_access.roles[0] == 'support'", ""),
    ("'support' in identity.claims.realm_access.roles", ""),
    ("identity.claims['https://id.test/team'] == 'blue'", ""),
    ("identity.claims.nothing == null", ""),
    ("has(identity.claims.absent)", FALSE),
    ("has(identity.claims.realm_access.groups)", FALSE),
    ("identity.claims.absent == 'x'", FAULT),
    ("identity.claims.tenant > 5", FAULT),
    ("identity.claims.tenant && true", FAULT),
    (
        "string(identity.claims.number) == path.id || int(identity.claims.sub) == 7",
        "",
    ),
    ("int(identity.claims.tenant) == 7", FAULT),
    ("identity.claims.number / 0 == 1", FAULT),
    ("identity.claims.number * 9223372036854775807 > 0", FAULT),
    // A side that cannot be evaluated does not matter where the other one decides.
    ("identity.claims.absent == 'x' || request.method == 'GET'", ""),
    ("identity.claims.absent == 'x' && request.method == 'PUT'", FALSE),
    (
        "request.method == 'GET' ? identity.consumer == 'alice' : false",
        "",
    ),
];

#[test]
fn names_are_what_the_request_and_the_identity_say() {
    for (expression, expected) in REQUESTS.iter().chain(IDENTITIES) {
        assert_eq!(evaluate(expression), *expected, "{expression}");
    }
}

#[test]
fn what_could_only_fail_later_is_refused() {
    let wrong = [
        "",
        "request.method ==",
        "request.method = 'GET'",
        "true",
        "1 == 1",
        "request.method",
        "identity.claims.admin",
        "size(identity.scopes)",
        "request",
        "identity == identity",
        "request.methods == 'GET'",
        "identity.name == 'a'",
        "user.name == 'a'",
        ".request.method == 'GET'",
        "tenant == 'a'",
        "request.headers.x-tenant == 'a'",
        "request.headers == identity.claims",
        "size(request.headers) == 0",
        "request.method == 7",
        "request.method < 7",
        "request.method + 7 == 'a'",
        "request.method && true",
        "!request.method == true",
        "request.method.name == 'a'",
        "request.method[0] == 'G'",
        "7 in request.headers",
        "'a' in request.method",
        "request.headers[7] == 'a'",
        "identity.scopes['a'] == 'a'",
        "identity.scopes.exists(s, s == 'a')",
        "identity.scopes.all(s, s == 'a')",
        "identity.scopes.map(s, s)[0] == 'a'",
        "identity.scopes.filter(s, s == 'a') == []",
        "request.path.matches('a+')",
        "matches(request.path, 'a+')",
        "request.path.startWith('a')",
        "request.path.contains(7)",
        "size(7) == request.path.size()",
        "type(request.path) == string",
        "dyn(request.path) == 'a'",
        "bytes(request.path) == b'a'",
        "{'a': request.path}.a == 'a'",
        "optional.of(request.path).hasValue()",
        "has(path.id)",
        "has(request.method)",
        "path[request.method] == 'a'",
        "path == 'a'",
        "request.method == 'GET' ? 7 : 8",
        "google.protobuf.Duration{seconds: 1} == request.path",
        "string(identity.scopes) == 'a'",
        "int(true) == size(request.path)",
        "'a' == 'b' || 7 == 7",
    ];
    for expression in wrong {
        let built =
            Trial::try_build::<Authorize>(&json!({ "expression": expression }), &mut TrialHost::new());
        assert!(built.is_err(), "{expression}");
    }
}

#[test]
fn length_depth_and_number_of_parts_are_bounded() {
    let deep = format!("{}request.method == 'GET'{}", "(".repeat(40), ")".repeat(40));
    let lists = format!("{}{} == [request.path]", "[".repeat(400), "]".repeat(400));
    let sums = format!("request.path == {}", vec!["'a'"; 100].join("+"));
    let members = format!("identity.claims{} == 'a'", ".a".repeat(100));
    let choices = format!("{}true", "request.path == 'a' ? false : ".repeat(33));
    let many = vec!["request.path == 'a'"; 60].join("||");
    let long = format!("request.path == '{}'", "a".repeat(1024));
    for expression in [deep, lists, sums, members, choices, many, long] {
        let built =
            Trial::try_build::<Authorize>(&json!({ "expression": expression }), &mut TrialHost::new());
        assert!(built.is_err(), "{expression}");
    }
    let fair = vec!["request.path == 'a'"; 20].join("||");
    assert_eq!(evaluate(&fair), FALSE);
}

#[test]
fn what_cannot_be_evaluated_is_counted() {
    let mut host = TrialHost::new();
    let config = json!({"expression": "identity.claims.absent == 'x'"});
    let mut trial = Trial::with_host::<Authorize>(&config, &mut host);
    for _ in 0..3 {
        let mut request = prepare(&mut trial, alice(), ("/", ""));
        assert!(matches!(trial.ask(&mut request), Verdict::Fault(_)));
    }
    assert_eq!(host.counted("authorize_expression_faults"), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is written is refused or decides; nothing panics.
    #[test]
    fn any_text_is_refused_or_decides(
        parts in prop::collection::vec(prop::sample::select(vec![
            "request.method", "request.headers", "request.query.x", "path.id", "identity.claims.number",
            "identity.claims.absent", "identity.scopes", "'a'", "7", "1.5", "true", "null", "==", "!=", "<",
            "+", "-", "*", "/", "%", "&&", "||", "!", "in", "(", ")", "[", "]", "?", ":", ".size()",
            ".contains('a')", "has(", "size(", "int(", ",", "[0]", "['a']",
        ]), 1..9),
    ) {
        let expression = parts.join(" ");
        let config = json!({ "expression": expression });
        let built = Trial::try_build::<Authorize>(&config, &mut TrialHost::new());
        if let Ok(mut trial) = built {
            let mut request = prepare(&mut trial, alice(), ("/users/7?x=1", "id"));
            let _ = trial.ask(&mut request);
        }
    }
}
