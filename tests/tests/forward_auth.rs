//! `forward-auth` and `forward-check`: what a service is asked, and what its answers do.

use adamant_tests::client::{get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Authority, Client, Gateway, Origin, Policy, Seen, covers};

/// Both filters, with what only one of them needs.
const BOTH: [(&str, &str); 2] = [("forward-auth", ", consumer: x-user"), ("forward-check", "")];

/// A gateway whose only route asks this service; `more` begins with a comma.
async fn start(origin: &Origin, service: &Origin, (filter, own): (&str, &str), more: &str) -> Gateway {
    let url = format!("http://{}/verify?by=gateway", service.address());
    start_step(
        origin,
        &format!("{{ {filter}: {{ url: \"{url}\"{own}{more} }} }}"),
    )
    .await
}

async fn start_step(origin: &Origin, steps: &str) -> Gateway {
    // `forward-check` proves nobody, and neither does a step that may let everybody pass.
    let public = steps.contains("forward-check") || steps.contains("on-fault: pass");
    let route =
        format!("name: all\nmatch: {{ path: /** }}\npublic: {public}\nto: origin\nfilters: [{steps}]");
    Setup::new(&Policy::before(origin).route(&route)).start().await
}

/// A service that knows everybody as `acme`.
async fn friendly() -> Origin {
    Origin::start(|_| Answer::ok("never passed on").with("x-user", "acme")).await
}

fn values<'s>(seen: &'s Seen, name: &'s str) -> Vec<&'s str> {
    seen.fields.all(name)
}

#[tokio::test]
async fn the_service_learns_the_request_and_nothing_that_is_not_listed() {
    covers(&[
        "policies.*[].forward-auth.url",
        "policies.*[].forward-auth.send",
        "policies.*[].forward-check.url",
        "policies.*[].forward-check.send",
    ]);
    let origin = Origin::hello().await;
    for both in BOTH {
        let service = friendly().await;
        let gateway = start(&origin, &service, both, ", send: [Authorization, x-tenant]").await;
        let lines = [
            "Host: API.test:8080",
            "Authorization: Bearer abc",
            "X-Tenant: t",
            "X-Secret: no",
            "Cookie: session=no",
            "X-Forwarded-Uri: /forged",
            "X-Forwarded-Method: GET",
            "X-Forwarded-For: 203.0.113.9",
            "X-Real-IP: 203.0.113.9",
            "Content-Type: text/plain",
            "Expect: 100-continue",
        ];
        let text = request("PUT", "/a/./b/../c?x=%2e&y", &lines, "a body");
        let answer = Client::connect(gateway.address()).await.exchange(text).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let asked = service.only();
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("GET", "/verify?by=gateway")
        );
        assert_eq!(asked.body_length, 0);
        for (name, expected) in [
            ("x-forwarded-method", "PUT"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "API.test:8080"),
            ("x-forwarded-uri", "/a/c?x=%2e&y"),
            ("x-forwarded-for", "127.0.0.1"),
            ("authorization", "Bearer abc"),
            ("x-tenant", "t"),
        ] {
            assert_eq!(values(&asked, name), [expected], "{name}");
        }
        for name in [
            "x-secret",
            "cookie",
            "x-real-ip",
            "content-type",
            "expect",
            "transfer-encoding",
            "x-request-id",
        ] {
            assert!(values(&asked, name).is_empty(), "{name}");
        }
        assert_eq!(asked.host, service.address().to_string());
        assert_eq!(origin.last().target, "/a/c?x=%2e&y");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_service_learns_what_the_client_asked_there() {
    let (origin, service) = (Origin::hello().await, friendly().await);
    let step = format!(
        "{{ forward-auth: {{ url: \"http://{}/\", consumer: x-user }} }}",
        service.address()
    );
    let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{step}]");
    let trusting = |network: &str, header: &str| {
        let keys = format!("trust: {{ proxies: [{network}], header: {header} }}");
        Setup::new(&Policy::before(&origin).public(&keys).route(&route)).start()
    };
    let told = [
        "Host: inner.test:81",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: app.test:8443",
        "Forwarded: for=198.51.100.1;host=evil.test, for=203.0.113.8;proto=https;host=\"api.test\"",
    ];
    let cases = [
        (
            "127.0.0.0/8",
            "x-forwarded-for",
            ["https", "inner.test:81", "203.0.113.9"],
        ),
        (
            "127.0.0.0/8",
            "forwarded",
            ["https", "inner.test:81", "203.0.113.8"],
        ),
        (
            "10.0.0.0/8",
            "x-forwarded-for",
            ["http", "inner.test:81", "127.0.0.1"],
        ),
        ("10.0.0.0/8", "forwarded", ["http", "inner.test:81", "127.0.0.1"]),
    ];
    for (network, header, expected) in cases {
        let gateway = trusting(network, header).await;
        service.forget();
        let text = request("GET", "/", &told, "");
        let answer = Client::connect(gateway.address()).await.exchange(text).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let asked = service.only();
        let names = ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-for"];
        for (name, expected) in names.into_iter().zip(expected) {
            assert_eq!(values(&asked, name), [expected], "{network} {header} {name}");
        }
        if header == "x-forwarded-for" {
            // The upstream is told the same scheme, and the host that the proxy told.
            let upstream = origin.last();
            for (name, expected) in names.into_iter().zip(expected).take(1) {
                assert_eq!(values(&upstream, name), [expected], "{network} {name}");
            }
        }
    }
}

#[tokio::test]
async fn no_client_can_forge_what_the_service_says() {
    covers(&[
        "policies.*[].forward-auth.take",
        "policies.*[].forward-auth.consumer",
        "policies.*[].forward-check.take",
    ]);
    let origin = Origin::hello().await;
    let forged = ["X-User: root", "X-Group: admins", "X-Other: mine"];
    for both in BOTH {
        let service = friendly().await;
        let gateway = start(&origin, &service, both, ", take: [X-User, x-group]").await;
        assert_eq!(get(gateway.address(), "/", &forged).await.status, 200);
        let seen = origin.last();
        assert_eq!(values(&seen, "x-user"), ["acme"]);
        assert!(values(&seen, "x-group").is_empty());
        assert_eq!(values(&seen, "x-other"), ["mine"]);

        // Not even when nobody answers, and the file lets requests pass then.
        let url = format!("http://{}/", service.address());
        drop(service);
        let (filter, own) = both;
        let step =
            format!("{{ {filter}: {{ url: \"{url}\"{own}, take: [x-user, x-group] }}, on-fault: pass }}");
        let gateway = start_step(&origin, &step).await;
        assert_eq!(get(gateway.address(), "/", &forged).await.status, 200);
        let seen = origin.last();
        assert!(values(&seen, "x-user").is_empty() && values(&seen, "x-group").is_empty());
    }
    // The field of the consumer is not passed on unless it is on the list, and never that of the client.
    let service = friendly().await;
    let steps = format!(
        "{{ forward-auth: {{ url: \"http://{}/\", consumer: x-user }} }}, {{ rate: {{ by: consumer, allow: 1/h, burst: 1 }} }}",
        service.address()
    );
    let gateway = start_step(&origin, &steps).await;
    assert_eq!(get(gateway.address(), "/", &["X-User: one"]).await.status, 200);
    assert!(values(&origin.last(), "x-user").is_empty());
    assert_eq!(
        get(gateway.address(), "/", &["X-User: two"]).await.status,
        429,
        "both are `acme`"
    );
}

#[tokio::test]
async fn a_service_that_names_nobody_is_a_fault() {
    let origin = Origin::hello().await;
    let service = Origin::start(|_| Answer::status(200)).await;
    let gateway = start(&origin, &service, BOTH[0], "").await;
    let answer = get(gateway.address(), "/", &["X-User: root"]).await;
    assert_eq!(answer.refused(503), "forward-auth.nameless");
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn credentials_end_at_the_gateway_unless_the_file_says_otherwise() {
    covers(&[
        "policies.*[].forward-auth.forward",
        "policies.*[].forward-check.forward",
    ]);
    let origin = Origin::hello().await;
    for both in BOTH {
        let service = friendly().await;
        for forward in [false, true] {
            let more = format!(", send: [authorization, cookie, x-tenant], forward: {forward}");
            let gateway = start(&origin, &service, both, &more).await;
            let lines = ["Authorization: Bearer abc", "Cookie: a=1", "X-Tenant: t"];
            assert_eq!(get(gateway.address(), "/", &lines).await.status, 200);
            let seen = origin.last();
            assert_eq!(seen.field("authorization").is_some(), forward);
            assert_eq!(seen.field("cookie").is_some(), forward);
            assert_eq!(seen.field("x-tenant"), Some("t"));
            assert_eq!(service.last().field("cookie"), Some("a=1"));
        }
    }
}

#[tokio::test]
async fn a_refusal_is_answered_with_the_listed_fields() {
    covers(&[
        "policies.*[].forward-auth.relay",
        "policies.*[].forward-check.relay",
    ]);
    let origin = Origin::hello().await;
    for both in BOTH {
        for (status, reason) in [(401, "unauthenticated"), (403, "forbidden"), (302, "")] {
            let service = Origin::start(move |_| {
                Answer::status(status)
                    .with("www-authenticate", "Bearer realm=\"login\"")
                    .with("location", "https://login.test/?next=a")
                    .with("retry-after", "7")
                    .with("x-hint", "listed")
                    .with("x-internal", "no")
                    .with("set-cookie", "state=1")
            })
            .await;
            let gateway = start(&origin, &service, both, ", relay: [x-hint]").await;
            let answer = get(gateway.address(), "/", &[]).await;
            if reason.is_empty() {
                assert_eq!((answer.status, answer.text().as_str()), (302, ""));
                assert_eq!(answer.field("cache-control"), Some("no-store"));
            } else {
                assert_eq!(answer.refused(status), format!("{}.{reason}", both.0));
            }
            assert_eq!(answer.field("www-authenticate"), Some("Bearer realm=\"login\""));
            assert_eq!(answer.field("location"), Some("https://login.test/?next=a"));
            assert_eq!(answer.field("retry-after"), Some("7"));
            assert_eq!(answer.field("x-hint"), Some("listed"));
            assert_eq!(
                (answer.field("x-internal"), answer.field("set-cookie")),
                (None, None)
            );
        }
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn only_the_stated_statuses_let_a_request_pass() {
    covers(&[
        "policies.*[].forward-auth.pass",
        "policies.*[].forward-check.pass",
    ]);
    let origin = Origin::hello().await;
    for both in BOTH {
        for (more, said, status) in [
            ("", 200, 200),
            ("", 204, 200),
            (", pass: [200]", 204, 503),
            (", pass: [204]", 204, 200),
            ("", 304, 503),
            ("", 404, 503),
            ("", 429, 503),
            ("", 500, 503),
        ] {
            let service = Origin::start(move |_| Answer::status(said).with("x-user", "acme")).await;
            let gateway = start(&origin, &service, both, more).await;
            let answer = get(gateway.address(), "/", &[]).await;
            assert_eq!(answer.status, status, "{more} {said}: {}", answer.text());
            if status != 200 {
                assert_eq!(answer.reason(), format!("{}.bad-answer", both.0));
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_is_silent_or_gone_is_a_fault_as_the_file_says() {
    covers(&[
        "policies.*[].forward-auth.timeout",
        "policies.*[].forward-check.timeout",
    ]);
    let origin = Origin::hello().await;
    for (filter, own) in BOTH {
        let silent = Origin::start(|_| Answer::silence()).await;
        let gone = friendly().await;
        let gone_url = format!("http://{}/", gone.address());
        drop(gone);
        for (url, reason) in [
            (format!("http://{}/", silent.address()), "service-late"),
            (gone_url, "service-unreachable"),
        ] {
            for timeout in ["", ", timeout: 20ms"] {
                let step = format!("{filter}: {{ url: \"{url}\"{own}{timeout} }}");
                let closed = start_step(&origin, &format!("{{ {step} }}")).await;
                origin.forget();
                let answer = get(closed.address(), "/", &[]).await;
                assert_eq!(answer.refused(503), format!("{filter}.{reason}"));
                assert_eq!(origin.count(), 0, "the upstream is not touched");
                let open = start_step(&origin, &format!("{{ {step}, on-fault: pass }}")).await;
                assert_eq!(get(open.address(), "/", &[]).await.status, 200);
            }
        }
        // A service that takes its time is heard within the stated one.
        let gate = Gate::new();
        let held = gate.clone();
        let slow =
            Origin::start(move |_| Answer::stream(vec![Step::Gate(held.clone())]).with("x-user", "acme"))
                .await;
        let gateway = start(&origin, &slow, (filter, own), ", timeout: 30s").await;
        let mut client = Client::connect(gateway.address()).await;
        client.send(request("GET", "/", &[], "")).await;
        slow.received(1).await;
        gate.open();
        assert_eq!(client.read().await.status, 200);
    }
}

#[tokio::test]
async fn so_many_requests_are_asked_about_at_once() {
    covers(&[
        "policies.*[].forward-auth.at-once",
        "policies.*[].forward-check.at-once",
    ]);
    let origin = Origin::hello().await;
    for both in BOTH {
        let gate = Gate::new();
        let held = gate.clone();
        let service =
            Origin::start(move |_| Answer::stream(vec![Step::Gate(held.clone())]).with("x-user", "acme"))
                .await;
        let gateway = start(&origin, &service, both, ", timeout: 30s, at-once: 2").await;
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = Client::connect(gateway.address()).await;
            client.send(request("GET", "/", &[], "")).await;
            clients.push(client);
        }
        service.received(2).await;
        assert_eq!(
            get(gateway.address(), "/", &[]).await.refused(503),
            format!("{}.busy", both.0)
        );
        gate.open();
        for mut client in clients {
            let answer = client.read().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let answer = get(gateway.address(), "/", &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_service_behind_tls_is_vouched_for_by_the_named_authority() {
    covers(&["policies.*[].forward-auth.ca", "policies.*[].forward-check.ca"]);
    let (origin, authority) = (Origin::hello().await, Authority::new("ours"));
    let site = authority.site(&["127.0.0.1"]);
    let service = Origin::start_tls(site.server(&[]), |_| Answer::status(200).with("x-user", "acme")).await;
    for (filter, own) in BOTH {
        for (pem, status) in [
            (authority.pem().to_owned(), 200),
            (Authority::new("another").pem().to_owned(), 503),
        ] {
            let url = format!("https://{}/", service.address());
            let step = format!("{{ {filter}: {{ url: \"{url}\"{own}, timeout: 10s, ca: ca.pem }} }}");
            let route = format!(
                "name: all\nmatch: {{ path: /** }}\npublic: {}\nto: origin\nfilters: [{step}]",
                own.is_empty()
            );
            let setup = Setup::new(&Policy::before(&origin).route(&route)).file("ca.pem", pem);
            let answer = get(setup.start().await.address(), "/", &[]).await;
            assert_eq!(answer.status, status, "{}", answer.text());
        }
    }
    assert_eq!(service.count(), 2);
}

#[tokio::test]
async fn a_check_authenticates_nobody() {
    let (origin, service) = (Origin::hello().await, friendly().await);
    let step = format!(
        "{{ forward-check: {{ url: \"http://{}/\" }} }}",
        service.address()
    );
    let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters: [{step}]");
    let told = Setup::new(&Policy::before(&origin).route(&route))
        .run(&["check"])
        .await;
    assert_eq!(told.code, Some(1), "{}", told.text());
    assert!(told.text().contains("routes.unprotected"), "{}", told.text());
}
