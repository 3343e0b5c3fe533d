//! What browsers are told, and what is believed of what they say.

use adamant_tests::client::{CARRIERS, Client, exchange, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::{Answer, Authority, Gateway, Origin, Policy, covers};

/// The route `all` under this filter.
fn policy(origin: &Origin, filter: &str) -> Policy {
    Policy::before(origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - {filter}"
    ))
}

#[tokio::test]
async fn a_page_of_another_site_cannot_act_for_its_visitor() {
    covers(&[
        "policies.*[].csrf.same-site",
        "policies.*[].csrf.origins",
        "policies.*[].csrf.without-cookies",
    ]);
    let origin = Origin::hello().await;
    let site = |site: &str| format!("Sec-Fetch-Site: {site}");
    let cases = [
        (
            "same-site: deny",
            vec![site("cross-site"), "Cookie: a=b".into()],
            "csrf.foreign",
        ),
        (
            "same-site: deny",
            vec![site("same-site"), "Cookie: a=b".into()],
            "csrf.foreign",
        ),
        (
            "same-site: allow",
            vec![site("same-site"), "Cookie: a=b".into()],
            "",
        ),
        ("same-site: deny", vec!["Cookie: a=b".into()], "csrf.unproved"),
        ("same-site: deny", vec![], ""),
        ("same-site: deny, without-cookies: true", vec![], "csrf.unproved"),
        (
            "same-site: deny",
            vec!["Origin: https://app.test".into(), "Cookie: a=b".into()],
            "csrf.foreign",
        ),
        (
            "same-site: deny, origins: [\"https://app.test\"]",
            vec!["Origin: https://app.test".into(), "Cookie: a=b".into()],
            "",
        ),
    ];
    for (keys, lines, reason) in cases {
        let gateway = Gateway::start(&policy(&origin, &format!("csrf: {{ {keys} }}"))).await;
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = exchange(gateway.address(), request("POST", "/", &lines, "")).await;
        if reason.is_empty() {
            assert_eq!(answer.status, 200, "{keys} {lines:?}");
        } else {
            assert_eq!(answer.refused(403), reason, "{keys} {lines:?}");
        }
        assert_eq!(get(gateway.address(), "/", &lines).await.status, 200);
    }
}

#[tokio::test]
async fn browsers_are_told_what_to_forbid() {
    covers(&[
        "policies.*[].security-headers.profile",
        "policies.*[].security-headers.existing",
        "policies.*[].security-headers.set.*",
        "policies.*[].security-headers.leave-out",
        "policies.*[].security-headers.strict-transport.max-age",
        "policies.*[].security-headers.strict-transport.include-subdomains",
        "policies.*[].security-headers.strict-transport.preload",
    ]);
    let origin = Origin::start(|_| Answer::ok("hello").with("referrer-policy", "unsafe-url")).await;
    let keys =
        "profile: site, existing: replace, set: { x-frame-options: DENY }, leave-out: [permissions-policy]";
    let gateway = Gateway::start(&policy(&origin, &format!("security-headers: {{ {keys} }}"))).await;
    for carrier in CARRIERS {
        let answer = get(gateway.address(), "/", carrier).await;
        assert_eq!(answer.field("x-frame-options"), Some("DENY"));
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.field("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(
            answer.fields.all("referrer-policy"),
            ["strict-origin-when-cross-origin"]
        );
        assert_eq!(answer.field("permissions-policy"), None);
        assert_eq!(answer.field("strict-transport-security"), None);
    }
    let keys = "profile: api, existing: keep, strict-transport: { max-age: 730d, include-subdomains: true, preload: true }";
    let authority = Authority::new("here");
    let served = authority.site(&["api.test"]);
    let policy = policy(&origin, &format!("security-headers: {{ {keys} }}"))
        .public("tls: { certificate: cert.pem, key: { file: key.pem } }");
    let setup = Setup::new(&policy)
        .file("cert.pem", &served.certificate)
        .file("key.pem", &served.key);
    let gateway = setup.start().await;
    let mut client = Client::connect_tls(gateway.address(), "api.test", authority.client(&["http/1.1"]))
        .await
        .expect("a handshake");
    let answer = client.get("/", &["Host: api.test"]).await;
    assert_eq!(
        answer.field("strict-transport-security"),
        Some("max-age=63072000; includeSubDomains; preload")
    );
    assert_eq!(answer.field("referrer-policy"), Some("unsafe-url"));
    assert_eq!(answer.field("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn what_a_caller_may_see_is_kept_by_nobody_else() {
    covers(&[
        "policies.*[].cache-control.authenticated",
        "policies.*[].cache-control.rules[].statuses",
        "policies.*[].cache-control.rules[].media",
        "policies.*[].cache-control.rules[].set",
    ]);
    let origin = Origin::start(|seen| match seen.target.as_str() {
        "/image" => Answer::of("image/png", "x"),
        "/gone" => Answer::of("text/html", "x").with_status(404),
        _ => Answer::ok("hello").with("cache-control", "public, max-age=60"),
    })
    .await;
    let rules =
        "rules: [{ statuses: [404], set: no-store }, { media: [image/*], set: \"public, max-age=5\" }]";
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n  - api-key: {{ header: x-api-key, keys: {{ file: keys.yaml }} }}\n  - cache-control: {{ authenticated: \"private, max-age=9\", {rules} }}"
    );
    let keys = format!("keys:\n{}", api_key_entry("a", "adm_a", "acme", ""));
    let gateway = Setup::new(&Policy::before(&origin).route(&route))
        .file("keys.yaml", keys)
        .start()
        .await;
    for (target, expected) in [
        ("/", "private, max-age=9"),
        ("/image", "public, max-age=5"),
        ("/gone", "no-store"),
    ] {
        for carrier in CARRIERS {
            let lines: Vec<&str> = carrier.iter().copied().chain(["X-Api-Key: adm_a"]).collect();
            let answer = get(gateway.address(), target, &lines).await;
            assert_eq!(answer.fields.all("cache-control"), [expected], "{target}");
        }
    }
}

#[tokio::test]
async fn errors_of_the_upstream_tell_clients_nothing_of_it() {
    covers(&[
        "policies.*[].errors.replace",
        "policies.*[].errors.show.*",
        "policies.*[].errors.keep",
    ]);
    let origin = Origin::start(|seen| {
        let status = seen.target.trim_start_matches('/').parse().unwrap_or(200);
        let media = if status == 501 {
            "application/problem+json"
        } else {
            "text/html"
        };
        Answer::of(media, "Traceback: password=hunter2")
            .with_status(status)
            .with("x-debug", "1")
            .with("retry-after", "7")
    })
    .await;
    let keys = "replace: [5xx, 404], show: { 500: 503 }, keep: [application/problem+json]";
    let policy =
        policy(&origin, &format!("errors: {{ {keys} }}")).observe("access-log: { to: stdout, format: json }");
    let gateway = Gateway::start(&policy).await;
    for carrier in CARRIERS {
        for (sent, shown) in [(500, 503), (502, 502), (404, 404)] {
            let answer = get(gateway.address(), &format!("/{sent}"), carrier).await;
            assert_eq!(answer.refused(shown), format!("errors.status-{shown}"));
            assert!(
                !answer.text().contains("hunter2") && answer.field("x-debug").is_none(),
                "{answer:?}"
            );
            assert_eq!(answer.field("retry-after"), Some("7"));
        }
        for kept in [200, 400, 501] {
            let answer = get(gateway.address(), &format!("/{kept}"), carrier).await;
            assert_eq!((answer.status, answer.text().contains("hunter2")), (kept, true));
        }
    }
    let lines = gateway.logged(12).await;
    let told = |line: &serde_json::Value| line["status"] == 503 && line["upstream"]["status"] == 500;
    assert!(
        lines.iter().any(told),
        "what the upstream sent stands in the log: {lines:?}"
    );
}

#[tokio::test]
async fn answers_do_not_tell_which_software_made_them() {
    covers(&["policies.*[].headers.hide-software"]);
    let origin = Origin::start(|_| {
        Answer::ok("hello")
            .with("server", "x/1")
            .with("x-powered-by", "y")
    })
    .await;
    let gateway = Gateway::start(&policy(&origin, "headers: { hide-software: true }")).await;
    for carrier in CARRIERS {
        let answer = get(gateway.address(), "/", carrier).await;
        assert_eq!(
            (answer.field("server"), answer.field("x-powered-by")),
            (None, None)
        );
    }
}
