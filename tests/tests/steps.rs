//! What the keys of steps do: when a step runs, what its refusal means, and what guards look at.

use adamant_tests::client::{get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::{Answer, Client, Gateway, Idp, Origin, Policy, covers};
use jsonwebtoken::Algorithm;

/// The public route `all` under these filters.
fn policy(origin: &Origin, filters: &str) -> Policy {
    Policy::before(origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n{filters}"
    ))
}

/// Refuses everybody to whom it applies.
const SHUT: &str = "addresses: { allow: [192.0.2.0/24] }";

#[tokio::test]
async fn a_step_runs_for_the_requests_that_it_is_for() {
    covers(&[
        "policies.*[].when.host",
        "policies.*[].when.path",
        "policies.*[].when.methods",
        "policies.*[].when.headers.*",
        "policies.*[].when.headers.*.present",
        "policies.*[].when.query.*",
        "policies.*[].when.query.*.present",
    ]);
    let origin = Origin::hello().await;
    let asked = |method: &str, target: &str, lines: &[&str]| request(method, target, lines, "");
    let plain = || asked("GET", "/", &[]);
    let cases = [
        (
            "host: shut.test",
            asked("GET", "/", &["Host: shut.test"]),
            plain(),
        ),
        (
            "path: /shut/**",
            asked("GET", "/shut/x", &[]),
            asked("GET", "/shutter", &[]),
        ),
        ("methods: [DELETE]", asked("DELETE", "/", &[]), plain()),
        (
            "headers: { x-mode: shut }",
            asked("GET", "/", &["X-Mode: shut"]),
            asked("GET", "/", &["X-Mode: open"]),
        ),
        (
            "headers: { x-mode: { present: true } }",
            asked("GET", "/", &["X-Mode: any"]),
            plain(),
        ),
        (
            "headers: { x-mode: { present: false } }",
            plain(),
            asked("GET", "/", &["X-Mode: any"]),
        ),
        (
            "query: { mode: shut }",
            asked("GET", "/?mode=shut", &[]),
            asked("GET", "/?mode=open", &[]),
        ),
        (
            "query: { mode: { present: true } }",
            asked("GET", "/?mode=x", &[]),
            plain(),
        ),
        (
            "query: { mode: { present: false } }",
            plain(),
            asked("GET", "/?mode=x", &[]),
        ),
    ];
    for (when, shut, open) in cases {
        let filters = format!("  - {SHUT}\n    when: {{ {when} }}");
        let gateway = Gateway::start(&policy(&origin, &filters)).await;
        let answer = Client::connect(gateway.address()).await.exchange(&shut).await;
        assert_eq!(answer.refused(403), "addresses.outside", "{when}");
        let answer = Client::connect(gateway.address()).await.exchange(&open).await;
        assert_eq!(answer.status, 200, "{when}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_step_may_be_for_one_listener() {
    covers(&["policies.*[].when.listener"]);
    let origin = Origin::hello().await;
    let policy = policy(&origin, &format!("  - {SHUT}\n    when: {{ listener: public }}"));
    let gateway = Gateway::start(&policy.listener("inside", "")).await;
    let status = async |name| get(gateway.listener(name), "/", &[]).await.status;
    assert_eq!((status("public").await, status("inside").await), (403, 200));
}

#[tokio::test]
async fn a_step_in_shadow_is_told_and_refuses_nobody() {
    covers(&["policies.*[].shadow", "policies.*[].id"]);
    let origin = Origin::hello().await;
    let filters = format!("  - {SHUT}\n    shadow: true\n    id: inside-only");
    let policy = policy(&origin, &filters).observe("access-log: { to: stdout, format: json }");
    let gateway = Gateway::start(&policy).await;
    assert_eq!(get(gateway.address(), "/", &[]).await.status, 200);
    let line = gateway.logged(1).await.remove(0).to_string();
    assert!(
        line.contains("inside-only") && line.contains("outside"),
        "the line tells what would have been: {line}"
    );
}

#[tokio::test]
async fn what_a_fault_means_is_written() {
    covers(&["policies.*[].on-fault"]);
    let origin = Origin::hello().await;
    // `explain` may not see secrets, so a token cannot be checked there: a fault.
    let jwt =
        "jwt: { keys: { secret: { env: NOT_SET } }, issuer: i, audience: a, algorithms: [HS256], type: any }";
    let idp = Idp::new(&[Algorithm::HS256]);
    let bearer = format!("authorization: Bearer {}", idp.token("acme", ""));
    for (on_fault, passes) in [("deny", false), ("pass", true)] {
        let setup = Setup::new(&policy(&origin, &format!("  - {jwt}\n    on-fault: {on_fault}")));
        let told = setup
            .run(&[
                "explain",
                "--url",
                "http://api.test/",
                "--header",
                &bearer,
                "--json",
            ])
            .await;
        let told = told.json().to_string();
        assert_eq!(told.contains("\"status\":503"), !passes, "{on_fault}: {told}");
    }
}

#[tokio::test]
async fn networks_are_listed_in_the_file_or_beside_it() {
    covers(&[
        "policies.*[].addresses.allow",
        "policies.*[].addresses.allow.file",
        "policies.*[].addresses.deny",
        "policies.*[].addresses.deny.file",
    ]);
    let origin = Origin::hello().await;
    for filter in [
        "allow: [127.0.0.2/32]",
        "allow: { file: networks.txt }",
        "deny: [127.0.0.1, 127.0.0.3]",
        "deny: { file: others.txt }",
        "allow: [127.0.0.0/8], deny: { file: others.txt }",
    ] {
        let setup = Setup::new(&policy(&origin, &format!("  - addresses: {{ {filter} }}")))
            .file("networks.txt", "# ours\n127.0.0.2/32\n")
            .file("others.txt", "127.0.0.1/32\n127.0.0.3\n");
        let gateway = setup.start().await;
        for (from, status) in [("127.0.0.1", 403), ("127.0.0.2", 200), ("127.0.0.3", 403)] {
            let mut client = Client::connect_from(from, gateway.address()).await;
            assert_eq!(client.get("/", &[]).await.status, status, "{filter} {from}");
        }
    }
}

#[tokio::test]
async fn header_fields_are_removed_set_and_added_in_each_direction() {
    covers(&[
        "policies.*[].headers.request.set.*",
        "policies.*[].headers.request.add.*",
        "policies.*[].headers.request.remove",
        "policies.*[].headers.response.set.*",
        "policies.*[].headers.response.add.*",
        "policies.*[].headers.response.remove",
    ]);
    let origin = Origin::start(|_| {
        Answer::ok("")
            .with("x-gone", "1")
            .with("x-set", "old")
            .with("x-add", "old")
    })
    .await;
    let changes = "{ set: { x-set: new }, add: { x-add: new }, remove: [x-gone] }";
    let filters = format!("  - headers: {{ request: {changes}, response: {changes} }}");
    let gateway = Gateway::start(&policy(&origin, &filters)).await;
    let sent = ["X-Gone: 1", "X-Set: old", "X-Add: old"];
    let answer = get(gateway.address(), "/", &sent).await;
    let seen = origin.only();
    for fields in [&seen.fields, &answer.fields] {
        assert_eq!(fields.all("x-gone"), Vec::<&str>::new(), "{fields:?}");
        assert_eq!(fields.all("x-set"), ["new"], "{fields:?}");
        assert_eq!(fields.all("x-add"), ["old", "new"], "{fields:?}");
    }
}

#[tokio::test]
async fn methods_that_are_not_listed_are_told_which_are() {
    covers(&["policies.*[].methods.allow"]);
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&policy(&origin, "  - methods: { allow: [GET, PUT] }")).await;
    let mut client = Client::connect(gateway.address()).await;
    for (method, status) in [("GET", 200), ("PUT", 200), ("POST", 405), ("DELETE", 405)] {
        let answer = client.exchange(request(method, "/", &[], "")).await;
        assert_eq!(answer.status, status, "{method}");
        if status == 405 {
            assert_eq!(answer.field("allow"), Some("GET, PUT"), "{method}");
        }
    }
}

#[tokio::test]
async fn a_policy_is_used_by_its_name_and_a_route_goes_where_it_says() {
    covers(&[
        "routes[].filters[].use",
        "routes[].to",
        "policies.*[].body-size.at-most",
    ]);
    let (origin, other) = (
        Origin::hello().await,
        Origin::start(|_| Answer::ok("other")).await,
    );
    let policy = Policy::before(&origin)
        .upstream("other", &adamant_tests::policy::to(&other))
        .policy("small", "- body-size: { at-most: 3B }")
        .route("name: a\nmatch: { path: /a }\npublic: true\nto: origin\nfilters:\n  - use: small")
        .route("name: b\nmatch: { path: /b }\npublic: true\nto: other");
    let gateway = Gateway::start(&policy).await;
    let mut client = Client::connect(gateway.address()).await;
    for (target, body, status, text) in [
        ("/a", "123", 200, "hello"),
        ("/a", "1234", 413, ""),
        ("/b", "1234", 200, "other"),
    ] {
        let answer = client.exchange(request("POST", target, &[], body)).await;
        assert_eq!(answer.status, status, "{target} {body}");
        assert!(
            text.is_empty() || answer.text() == text,
            "{target} {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn the_version_of_the_language_must_be_known() {
    covers(&["adamant"]);
    let origin = Origin::hello().await;
    let yaml = policy(&origin, "  - methods: { allow: [GET] }").yaml();
    let refused = Setup::text(&yaml.replacen("adamant: 1", "adamant: 2", 1))
        .refuses()
        .await;
    assert!(refused.exits(1).text().contains("gateway.yaml:1:10"));
}
