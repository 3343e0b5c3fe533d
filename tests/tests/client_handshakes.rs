//! The handshake of clients that show certificates: who ends it, what is counted, and that nothing goes around it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adamant_tests::client::{request, tls};
use adamant_tests::mutual::{SPIFFE, VERSIONS, dns, h1, uri};
use adamant_tests::{Authority, Client, Gateway, Mutual, covers, wait};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind};

/// Whether the connection ends without an answer. With TLS 1.3 a client learns only after its own handshake that it
/// was refused.
async fn is_refused(gateway: &Gateway, config: Arc<ClientConfig>) -> bool {
    match Client::connect_tls(gateway.address(), "api.test", config).await {
        Err(_) => true,
        Ok(mut client) => {
            client.send(request("GET", "/", &[], "")).await;
            client.try_read("GET").await.is_none()
        }
    }
}

#[tokio::test]
async fn what_no_authority_vouches_for_now_and_for_this_purpose_ends_the_handshake() {
    covers(&["listeners.*.tls.clients.required"]);
    let world = Mutual::new().await;
    let named = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![uri("spiffe://example.org/a")];
    };
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    let stranger = Authority::new("clients").issue(named);
    let expired = world.clients.issue(|params| {
        named(params);
        params.not_after = (now - day).into();
    });
    let early = world.clients.issue(|params| {
        named(params);
        params.not_before = (now + day).into();
    });
    let of_a_server = world.clients.issue(|params| {
        named(params);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let of_a_client = world.clients.issue(|params| {
        named(params);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let by_a_site = world.sites.issue(named);
    for (required, anonymous) in [
        ("", false),
        (", required: true", false),
        (", required: false", true),
    ] {
        let gateway = world.setup(required, &[SPIFFE]).start().await;
        let mut refused = 0.0;
        for version in VERSIONS {
            for shown in [&stranger, &expired, &early, &of_a_server, &by_a_site] {
                assert!(is_refused(&gateway, world.config(Some(shown), "http/1.1", version)).await);
                refused += 1.0;
            }
            let config = world.config(None, "http/1.1", version);
            if anonymous {
                assert_eq!(
                    h1(&gateway, config, &[]).await.refused(401),
                    "client-certificate.missing"
                );
            } else {
                assert!(is_refused(&gateway, config).await);
                refused += 1.0;
            }
            let config = world.config(Some(&of_a_client), "http/1.1", version);
            assert_eq!(h1(&gateway, config, &[]).await.status, 200);
        }
        let labels = ["reason=\"handshake\""];
        gateway
            .counts("adamant_connections_refused_total", &labels, refused)
            .await;
    }
    assert_eq!(world.origin.count(), 6);
}

/// Says over a fresh connection how the handshake went, and what the answer to a request begins with.
async fn handshake(
    gateway: &Gateway,
    listener: &str,
    config: &Arc<ClientConfig>,
) -> io::Result<(HandshakeKind, String)> {
    let mut stream = tls(gateway.listener(listener), "api.test", Arc::clone(config)).await?;
    stream
        .write_all(request("GET", "/", &["Connection: close"], "").as_bytes())
        .await?;
    let mut answer = Vec::new();
    // Tickets of TLS 1.3 come behind the handshake, so they are read with the answer.
    wait::soon("an answer", stream.read_to_end(&mut answer)).await?;
    let kind = stream
        .get_ref()
        .1
        .handshake_kind()
        .expect("the handshake is over");
    let line = String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    Ok((kind, line))
}

#[tokio::test]
async fn a_session_is_never_resumed_where_clients_show_certificates() {
    let world = Mutual::new().await;
    let tls = "tls: { certificate: site.pem, key: { file: site.key } }";
    let policy = world
        .policy(", required: false")
        .listener("open", tls)
        .route("name: closed\nmatch: { path: /**, listener: public }\nto: origin\nfilters:\n  - client-certificate: { consumer: dns-name }")
        .route("name: open\nmatch: { path: /**, listener: open }\npublic: true\nto: origin");
    let gateway = world.with(&policy).start().await;
    let shown = world
        .clients
        .issue(|params| params.subject_alt_names = vec![dns("a.test")]);
    for version in VERSIONS {
        let config = world.config(Some(&shown), "http/1.1", version);
        for _ in 0..3 {
            let (kind, line) = handshake(&gateway, "public", &config).await.expect("an answer");
            assert_eq!((kind, line.as_str()), (HandshakeKind::Full, "HTTP/1.1 200 OK"));
        }
        // What was agreed on without a certificate opens no door.
        let config = world.config(None, "http/1.1", version);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (found, line) = handshake(&gateway, "open", &config).await.expect("an answer");
            assert_eq!((found, line.as_str()), (kind, "HTTP/1.1 200 OK"));
        }
        let (kind, line) = handshake(&gateway, "public", &config).await.expect("an answer");
        assert_eq!(
            (kind, line.as_str()),
            (HandshakeKind::Full, "HTTP/1.1 401 Unauthorized")
        );
    }
}

#[tokio::test]
async fn authorities_that_cannot_vouch_refuse_the_boot() {
    let world = Mutual::new().await;
    let file = |contents: Option<&str>| {
        let setup = world.setup("", &[SPIFFE]);
        match contents {
            Some(text) => setup.file("clients.pem", text),
            None => {
                std::fs::remove_file(setup.path().join("clients.pem")).expect("it is there");
                setup
            }
        }
    };
    let missing = file(None);
    for ended in [missing.refuses().await, missing.run(&["check"]).await] {
        let text = ended.exits(1).text();
        for part in ["files.unreadable", "`clients.pem`", "gateway.yaml:9:31"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let key = world.clients.issue(|_| {}).key;
    for (contents, part) in [
        ("", "contains no certificate"),
        ("not a certificate", "contains no certificate"),
        (&*key, "contains no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "number 1, that is malformed",
        ),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n", "is not a PEM file"),
    ] {
        let ended = file(Some(contents)).refuses().await;
        for part in ["listener `public`: clients.pem", part] {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn other_authorities_are_another_policy() {
    let world = Mutual::new().await;
    let digest = async |authorities: &str| {
        let setup = world.setup("", &[SPIFFE]).file("clients.pem", authorities);
        setup.run(&["digest"]).await.exits(0).stdout
    };
    let ours = digest(world.clients.pem()).await;
    assert_eq!(ours, digest(world.clients.pem()).await);
    assert_ne!(ours, digest(world.sites.pem()).await);
}
