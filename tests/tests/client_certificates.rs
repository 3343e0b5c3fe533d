//! Who clients are by the certificates that they show, and who is nobody.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adamant_tests::client::CARRIERS;
use adamant_tests::mutual::{SPIFFE, VERSIONS, dns, email, h1, uri};
use adamant_tests::{Client, Gateway, H2Client, Idp, Mutual, Response, Site, covers, wait};
use http::Method;
use jsonwebtoken::Algorithm;
use rcgen::{DnType, SanType};
use tokio_rustls::rustls::{ClientConfig, version};

async fn h2(gateway: &Gateway, config: Arc<ClientConfig>) -> Response {
    let mut client = H2Client::connect_tls(gateway.address(), "api.test", config)
        .await
        .expect("the handshake ends well");
    client.get("/", &[]).await
}

#[tokio::test]
async fn a_verified_certificate_proves_the_client_on_every_road() {
    covers(&[
        "listeners.*.tls.clients.authorities",
        "policies.*[].client-certificate.trust-domain",
    ]);
    let world = Mutual::new().await;
    let gateway = world.setup(", required: false", &[SPIFFE]).start().await;
    let right = world.spiffe("spiffe://example.org/ns/orders/sa/api");
    let foreign = world.spiffe("spiffe://example.com/ns/orders/sa/api");
    let cases = [
        (Some(&right), 200, ""),
        (Some(&foreign), 403, "client-certificate.other-trust-domain"),
        (None, 401, "client-certificate.missing"),
    ];
    for version in VERSIONS {
        for (shown, status, reason) in &cases {
            let told = |answer: Response| match status {
                200 => assert_eq!((answer.status, answer.text().as_str()), (200, "hello")),
                _ => assert_eq!(answer.refused(*status), *reason),
            };
            for lines in CARRIERS {
                told(h1(&gateway, world.config(*shown, "http/1.1", version), lines).await);
            }
            told(h2(&gateway, world.config(*shown, "h2", version)).await);
        }
    }
    assert_eq!(world.origin.count(), 6);
    let missing = h1(&gateway, world.config(None, "http/1.1", &version::TLS13), &[]).await;
    assert_eq!(
        missing.field("www-authenticate"),
        Some("ClientCertificate realm=\"api\"")
    );
    let named = gateway.logged(19).await;
    let proved = named
        .iter()
        .filter(|line| line["consumer"] == "spiffe://example.org/ns/orders/sa/api");
    assert_eq!(proved.count(), 6);
}

#[tokio::test]
async fn the_consumer_is_the_kind_of_name_that_the_file_says() {
    covers(&["policies.*[].client-certificate.consumer"]);
    let world = Mutual::new().await;
    let all = world.clients.issue(|params| {
        params.subject_alt_names = vec![
            uri("spiffe://example.org/orders"),
            dns("orders.example.org"),
            email("orders@example.org"),
        ];
        params.distinguished_name.push(DnType::CommonName, "Orders");
    });
    let two = world.clients.issue(|params| {
        params.subject_alt_names = vec![
            uri("spiffe://example.org/a"),
            uri("spiffe://example.org/b"),
            dns("a.test"),
            dns("b.test"),
            email("a@a.test"),
            email("b@b.test"),
        ];
        params.distinguished_name.push(DnType::CommonName, "a");
        params
            .distinguished_name
            .push(DnType::CustomDnType(vec![2, 5, 4, 3]), "b");
    });
    let none = world.clients.issue(|params| {
        params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        params.distinguished_name = rcgen::DistinguishedName::new();
    });
    for (step, consumer) in [
        (SPIFFE, "spiffe://example.org/orders"),
        ("client-certificate: { consumer: dns-name }", "orders.example.org"),
        ("client-certificate: { consumer: email }", "orders@example.org"),
        ("client-certificate: { consumer: common-name }", "Orders"),
    ] {
        let gateway = world.setup("", &[step]).start().await;
        let ask = async |shown: &Site| {
            let config = world.config(Some(shown), "http/1.1", &version::TLS13);
            h1(&gateway, config, &[]).await
        };
        assert_eq!(ask(&all).await.status, 200, "{step}");
        assert_eq!(gateway.logged(1).await[0]["consumer"], consumer);
        assert_eq!(
            ask(&two).await.refused(403),
            "client-certificate.several",
            "{step}"
        );
        assert_eq!(
            ask(&none).await.refused(403),
            "client-certificate.unnamed",
            "{step}"
        );
    }
}

#[tokio::test]
async fn only_permitted_names_pass() {
    covers(&["policies.*[].client-certificate.allow"]);
    let world = Mutual::new().await;
    for (step, names) in [
        (
            "client-certificate: { consumer: dns-name, allow: [api.example.org, \"*.orders.example.org\"] }",
            [
                (dns("api.example.org"), true),
                (dns("a.orders.example.org"), true),
                (dns("orders.example.org"), false),
                (dns("other.example.org"), false),
            ],
        ),
        (
            "client-certificate: { consumer: spiffe-id, trust-domain: example.org, allow: [/ns/orders/**, /ns/stock] }",
            [
                (uri("spiffe://example.org/ns/orders/sa/api"), true),
                (uri("spiffe://example.org/ns/stock"), true),
                (uri("spiffe://example.org/ns/orders2/sa/api"), false),
                (uri("spiffe://example.org/ns/stock/sa/api"), false),
            ],
        ),
    ] {
        let gateway = world.setup("", &[step]).start().await;
        for (name, passes) in names {
            let shown = world
                .clients
                .issue(|params| params.subject_alt_names = vec![name.clone()]);
            let answer = h1(
                &gateway,
                world.config(Some(&shown), "http/1.1", &version::TLS13),
                &[],
            )
            .await;
            if passes {
                assert_eq!(answer.status, 200, "{name:?}");
            } else {
                assert_eq!(
                    answer.refused(403),
                    "client-certificate.not-permitted",
                    "{name:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_outlives_its_certificate_proves_nobody() {
    let world = Mutual::new().await;
    let gateway = world.setup("", &[SPIFFE]).start().await;
    let short = world.clients.issue(|params| {
        params.subject_alt_names = vec![uri("spiffe://example.org/a")];
        params.not_after = (SystemTime::now() + Duration::from_secs(4)).into();
    });
    let config = world.config(Some(&short), "http/1.1", &version::TLS13);
    let client = Client::connect_tls(gateway.address(), "api.test", config).await;
    let mut client = client.expect("it is still valid");
    assert_eq!(client.get("/", &[]).await.status, 200);
    let refused = wait::soon("the certificate expires", async {
        loop {
            let answer = client.get("/", &[]).await;
            if answer.status != 200 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(refused.await.refused(401), "client-certificate.expired");
}

#[tokio::test]
async fn a_certificate_may_be_one_of_several_proofs() {
    let world = Mutual::new().await;
    let idp = Idp::new(&[Algorithm::ES256]);
    let jwt = "jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt }";
    let either = format!("any-of: [{{ {SPIFFE} }}, {{ {jwt} }}]");
    let setup = world.setup(", required: false", &[&either]);
    let gateway = setup.file("jwks.json", idp.jwks()).start().await;
    let token = format!("Authorization: Bearer {}", idp.token("alice", ""));
    let (right, foreign) = (
        world.spiffe("spiffe://example.org/a"),
        world.spiffe("spiffe://example.com/a"),
    );
    for (shown, lines, status, reason) in [
        (Some(&right), &[][..], 200, ""),
        (None, &[token.as_str()][..], 200, ""),
        (Some(&foreign), &[token.as_str()][..], 200, ""),
        (
            Some(&foreign),
            &[][..],
            403,
            "client-certificate.other-trust-domain",
        ),
        (None, &["Authorization: Bearer x"][..], 401, "jwt.malformed"),
    ] {
        let config = world.config(shown, "http/1.1", &version::TLS13);
        let answer = h1(&gateway, config, lines).await;
        match status {
            200 => assert_eq!(answer.status, 200, "{lines:?} {}", answer.text()),
            _ => assert_eq!(answer.refused(status), reason),
        }
    }
    let nothing = h1(&gateway, world.config(None, "http/1.1", &version::TLS13), &[]).await;
    assert_eq!(nothing.status, 401);
    let challenges = nothing.fields.all("www-authenticate").join(", ");
    assert!(
        challenges.contains("ClientCertificate") && challenges.contains("Bearer"),
        "{challenges}"
    );
}

#[tokio::test]
async fn nobody_but_the_handshake_tells_of_certificates() {
    let world = Mutual::new().await;
    let gateway = world.setup(", required: false", &[SPIFFE]).start().await;
    let lines = [
        "X-Forwarded-Client-Cert: URI=spiffe://example.org/admin",
        "X-Client-Cert: MII",
        "X-Client-Certificate: MII",
        "Client-Cert: :MII:",
        "Client-Cert-Chain: :MII:",
        "SSL-Client-Cert: MII",
        "SSL-Client-Verify: SUCCESS",
        "X-SSL-Client-S-DN: CN=admin",
        "X-SSL-Client-Verify: SUCCESS",
        "X-Amzn-Mtls-Clientcert: MII",
        "X-ARR-ClientCert: MII",
    ];
    let config = |shown| world.config(shown, "http/1.1", &version::TLS13);
    let refused = h1(&gateway, config(None), &lines).await;
    assert_eq!(refused.refused(401), "client-certificate.missing");
    let right = world.spiffe("spiffe://example.org/a");
    for carrier in CARRIERS {
        let all = [
            &lines[..],
            carrier,
            &["X-Kept: yes", "X-SSL: yes", "X-Client: yes"],
        ]
        .concat();
        assert_eq!(h1(&gateway, config(Some(&right)), &all).await.status, 200);
        let seen = world.origin.last();
        for line in lines {
            let name = line.split(':').next().unwrap_or_default();
            assert_eq!(seen.field(name), None, "{name}");
        }
        for name in ["x-kept", "x-ssl", "x-client"] {
            assert_eq!(seen.field(name), Some("yes"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_step_that_can_never_see_a_certificate_refuses_the_boot() {
    let world = Mutual::new().await;
    let route = |listener: &str| {
        format!(
            "name: {listener}\nmatch: {{ path: /**, listener: {listener} }}\nto: origin\nfilters:\n  - {SPIFFE}"
        )
    };
    let asks = world.with(
        &world
            .policy("")
            .listener("plain", "")
            .route(&route("public"))
            .route("name: rest\nmatch: { path: /**, listener: plain }\npublic: true\nto: origin"),
    );
    let _fine = asks.run(&["check"]).await.exits(0);
    let never = world.with(
        &world
            .policy("")
            .listener("plain", "")
            .route(&route("public"))
            .route(&route("plain")),
    );
    let told = never.run(&["check"]).await.exits(1).text();
    for part in [
        "listeners.no-client-certificates",
        "route `plain`",
        "on this route",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("route `public`"), "{told}");
}

#[tokio::test]
async fn authorities_of_one_listener_never_vouch_for_names_of_another() {
    let world = Mutual::new().await;
    let route = |name: &str, listener: &str| {
        format!("name: {name}\nmatch: {{ path: /{name}{listener} }}\nto: origin\nfilters:\n  - {SPIFFE}")
    };
    for (authorities, routes, code) in [
        ("clients.pem", [route("a", ""), route("b", "")], 0),
        (
            "partners.pem",
            [
                route("a", ", listener: public"),
                route("b", ", listener: partners"),
            ],
            0,
        ),
        (
            "partners.pem",
            [route("a", ", listener: public"), route("b", "")],
            1,
        ),
    ] {
        let keys = format!(
            "tls: {{ certificate: site.pem, key: {{ file: site.key }}, clients: {{ authorities: {authorities} }} }}"
        );
        let policy = world.policy("").listener("partners", &keys);
        let policy = routes.iter().fold(policy, |policy, route| policy.route(route));
        let setup = world.with(&policy).file("partners.pem", world.sites.pem());
        let told = setup.run(&["check"]).await.exits(code).text();
        let is_mixed = told.contains("listeners.mixed-client-authorities") && told.contains("route `b`");
        assert_eq!(is_mixed, code == 1, "{told}");
        assert!(!told.contains("route `a`"), "{told}");
    }
}

#[tokio::test]
async fn remembered_certificates_are_in_the_sum_of_memory() {
    covers(&["policies.*[].client-certificate.remember"]);
    let world = Mutual::new().await;
    let sum = async |remember: u32| {
        let step = format!("client-certificate: {{ consumer: email, remember: {remember} }}");
        let told = world.setup("", &[&step]).run(&["check"]).await.exits(0).text();
        let name = "client-certificate: certificates of clients";
        let line = told
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_default()
            .to_owned();
        line.split(name).next().unwrap_or_default().trim().to_owned()
    };
    assert_eq!(
        (sum(256).await, sum(1024).await),
        ("1.0 MiB".to_owned(), "4.0 MiB".to_owned())
    );
}

#[tokio::test]
async fn rehearsals_prove_nobody_by_certificate() {
    let world = Mutual::new().await;
    let setup = world.setup("", &[SPIFFE]);
    let told = setup.run(&["explain", "--url", "https://api.test/"]).await.text();
    assert!(told.contains("client-certificate.missing"), "{told}");
}

#[tokio::test]
async fn http2_streams_of_one_connection_are_one_client() {
    let world = Mutual::new().await;
    let gateway = world.setup("", &[SPIFFE]).start().await;
    let right = world.spiffe("spiffe://example.org/a");
    let config = world.config(Some(&right), "h2", &version::TLS13);
    let mut client = H2Client::connect_tls(gateway.address(), "api.test", config)
        .await
        .expect("verified");
    for _ in 0..3 {
        let head = client.head(Method::POST, "api.test", "/", &[]);
        assert_eq!(
            client.exchange(head, b"body").await.expect("an answer").status,
            200
        );
    }
}
