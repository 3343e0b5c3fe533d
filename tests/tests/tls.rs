//! TLS of a listener: which certificate is shown, which version is spoken, and whom a connection serves.

use adamant_tests::client::{request, tls};
use adamant_tests::gateway::Setup;
use adamant_tests::{Authority, Client, Gateway, H2Client, Origin, Policy, covers};
use http::Method;
use tokio_rustls::rustls::version;

/// A gateway with certificates for `a.test` and `b.test`, in this order, and further keys of `tls`.
async fn start(authority: &Authority, origin: &Origin, more: &str) -> Gateway {
    let policy = Policy::proxy(origin).public(&format!(
        "protocols: [h1, h2]\ntls:\n  certificates:\n    - {{ certificate: a.pem, key: {{ file: a.key }} }}\n    - {{ certificate: b.pem, key: {{ file: b.key }} }}\n  {more}"
    ));
    let (a, b) = (
        authority.site(&["a.test", "also-a.test"]),
        authority.site(&["b.test", "*.wild.test"]),
    );
    Setup::new(&policy)
        .file("a.pem", a.certificate)
        .file("a.key", a.key)
        .file("b.pem", b.certificate)
        .file("b.key", b.key)
        .start()
        .await
}

#[tokio::test]
async fn rfc6066_3_the_name_that_is_asked_for_chooses_the_certificate() {
    covers(&[
        "listeners.*.tls.certificates[].certificate",
        "listeners.*.tls.certificates[].key.file",
    ]);
    let (authority, origin) = (Authority::new("ours"), Origin::hello().await);
    let gateway = start(&authority, &origin, "").await;
    for name in ["a.test", "also-a.test", "b.test", "x.wild.test", "A.TEST"] {
        // The client verifies the name, so that a wrong choice fails the handshake.
        let mut client = Client::connect_tls(gateway.address(), name, authority.client(&["http/1.1"]))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let answer = client.get("/", &[&format!("Host: {name}")]).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello"), "{name}");
    }
    for name in ["c.test", "wild.test", "x.y.wild.test"] {
        let refused = Client::connect_tls(gateway.address(), name, authority.client(&[])).await;
        assert!(refused.is_err(), "no certificate says {name}");
    }
    let stranger = Authority::new("theirs").client(&[]);
    assert!(
        Client::connect_tls(gateway.address(), "a.test", stranger)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn rfc7301_both_protocols_are_offered_and_the_client_may_choose_one() {
    covers(&["listeners.*.protocols"]);
    let (authority, origin) = (Authority::new("ours"), Origin::hello().await);
    let gateway = start(&authority, &origin, "").await;
    let chosen = async |offered: &[&str]| {
        let stream = tls(gateway.address(), "a.test", authority.client(offered)).await;
        let stream = stream.expect("a common protocol");
        let chosen = stream.get_ref().1.alpn_protocol();
        chosen.map(|name| String::from_utf8_lossy(name).into_owned())
    };
    assert_eq!(chosen(&["h2", "http/1.1"]).await.as_deref(), Some("h2"));
    assert_eq!(chosen(&["h2"]).await.as_deref(), Some("h2"));
    assert_eq!(chosen(&["http/1.1"]).await.as_deref(), Some("http/1.1"));
    assert_eq!(chosen(&[]).await, None);
}

#[tokio::test]
async fn rfc9110_15_5_20_a_host_of_another_certificate_is_421() {
    let (authority, origin) = (Authority::new("ours"), Origin::hello().await);
    let gateway = start(&authority, &origin, "").await;
    let mut client = Client::connect_tls(gateway.address(), "a.test", authority.client(&["http/1.1"]))
        .await
        .expect("a certificate for a.test");
    assert_eq!(client.get("/", &["Host: a.test"]).await.status, 200);
    assert_eq!(client.get("/", &["Host: also-a.test"]).await.status, 200);
    for host in ["b.test", "B.test", "x.wild.test"] {
        let mut client = Client::connect_tls(gateway.address(), "a.test", authority.client(&["http/1.1"]))
            .await
            .expect("a certificate for a.test");
        let answer = client
            .exchange(request("GET", "/", &[&format!("Host: {host}")], ""))
            .await;
        assert_eq!(answer.refused(421), "request.misdirected", "{host}");
    }
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn rfc9113_9_1_2_other_hosts_of_the_certificate_share_an_http2_connection() {
    let (authority, origin) = (Authority::new("ours"), Origin::hello().await);
    let gateway = start(&authority, &origin, "").await;
    let mut client = H2Client::connect_tls(gateway.address(), "a.test", authority.client(&["h2"]))
        .await
        .expect("a certificate for a.test");
    for (host, status) in [
        ("a.test", 200),
        ("b.test", 421),
        ("also-a.test", 200),
        ("x.wild.test", 421),
    ] {
        let head = client.head(Method::GET, host, "/", &[]);
        let answer = client.exchange(head, b"").await.expect("an answer");
        assert_eq!(answer.status, status, "{host} {}", answer.text());
    }
    assert_eq!(origin.count(), 2);
}

#[tokio::test]
async fn the_oldest_version_is_what_the_file_says() {
    covers(&["listeners.*.tls.at-least"]);
    let (authority, origin) = (Authority::new("ours"), Origin::hello().await);
    for (more, old) in [("at-least: \"1.3\"", false), ("at-least: \"1.2\"", true)] {
        let gateway = start(&authority, &origin, more).await;
        for (version, accepted) in [(&version::TLS12, old), (&version::TLS13, true)] {
            let config = authority.client_of(&["http/1.1"], &[version]);
            let client = Client::connect_tls(gateway.address(), "a.test", config).await;
            assert_eq!(client.is_ok(), accepted, "{more} {version:?}");
            if let Ok(mut client) = client {
                assert_eq!(client.get("/", &["Host: a.test"]).await.status, 200);
            }
        }
    }
}

#[tokio::test]
async fn clear_text_on_a_tls_listener_is_not_served() {
    let (authority, origin) = (Authority::new("ours"), Origin::hello().await);
    let gateway = start(&authority, &origin, "").await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/", &["Host: a.test"], "")).await;
    client.closed().await;
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn a_private_key_may_come_from_the_environment() {
    covers(&[
        "listeners.*.tls.key.env",
        "listeners.*.tls.certificates[].key.env",
    ]);
    let (authority, origin) = (Authority::new("ours"), Origin::hello().await);
    let entry = "certificate: a.pem, key: { env: SITE_KEY }";
    for tls in [
        format!("{{ {entry} }}"),
        format!("{{ certificates: [{{ {entry} }}] }}"),
    ] {
        let site = authority.site(&["a.test"]);
        let gateway = Setup::new(&Policy::proxy(&origin).public(&format!("tls: {tls}")))
            .file("a.pem", site.certificate)
            .variable("SITE_KEY", &site.key)
            .start()
            .await;
        let mut client = Client::connect_tls(gateway.address(), "a.test", authority.client(&["http/1.1"]))
            .await
            .unwrap_or_else(|error| panic!("{tls}: {error}"));
        assert_eq!(client.get("/", &["Host: a.test"]).await.status, 200, "{tls}");
    }
}
