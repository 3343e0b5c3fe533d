//! Slow clients: every wait has an end, every transfer a minimum speed, and an honest client never notices.

use std::time::{Duration, Instant};

use adamant_tests::client::{get, request};
use adamant_tests::{Client, Gateway, Origin, Policy, covers, procinfo};

/// One byte every so often, until the gateway answers or hangs up; tells the status and how long it took.
async fn drip(client: &mut Client, bytes: &[u8], every: Duration) -> (Option<u16>, Duration) {
    let start = Instant::now();
    for byte in bytes {
        if !client.send([*byte]).await {
            break;
        }
        if let Ok(answer) = tokio::time::timeout(every, client.try_read("GET")).await {
            return (answer.map(|answer| answer.status), start.elapsed());
        }
    }
    (
        client.try_read("GET").await.map(|answer| answer.status),
        start.elapsed(),
    )
}

#[tokio::test]
async fn a_head_that_drips_is_refused_after_its_time() {
    covers(&["listeners.*.bounds.header-time"]);
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin).public("bounds: { header-time: 400ms }")).await;
    for first in ["", "a second request on the connection"] {
        let mut client = Client::connect(gateway.address()).await;
        if !first.is_empty() {
            assert_eq!(client.get("/", &[]).await.status, 200);
        }
        let head = request("GET", &format!("/{}", "x".repeat(200)), &[], "");
        let (status, took) = drip(&mut client, head.as_bytes(), Duration::from_millis(20)).await;
        assert!(matches!(status, Some(408) | None), "{status:?}");
        assert!(
            took < Duration::from_secs(3),
            "it was allowed to drip for {took:?}"
        );
        client.closed().await;
    }
    assert_eq!(origin.count(), 1, "only the first whole request arrived");
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    covers(&["listeners.*.bounds.idle-time"]);
    let origin = Origin::hello().await;
    let bounds = "protocols: [h1, h2]\nbounds: { header-time: 400ms, idle-time: 400ms }";
    let gateway = Gateway::start(&Policy::proxy(&origin).public(bounds)).await;
    let mut never_spoke = Client::connect(gateway.address()).await;
    let mut fell_silent = Client::connect(gateway.address()).await;
    let mut half_preface = Client::connect(gateway.address()).await;
    assert_eq!(fell_silent.get("/", &[]).await.status, 200);
    half_preface.send("PRI * HTTP/2.0\r\n").await;
    never_spoke.closed().await;
    fell_silent.closed().await;
    half_preface.closed().await;
}

#[tokio::test]
async fn a_tls_handshake_must_end() {
    covers(&["listeners.*.bounds.handshake-time"]);
    let authority = adamant_tests::Authority::new("slow");
    let site = authority.site(&["api.test"]);
    let tls = "tls: { certificate: site.pem, key: { file: site.key } }\nbounds: { handshake-time: 300ms }";
    let policy = Policy::new()
        .listener("public", tls)
        .route("name: a\nmatch: { path: / }\npublic: true\nrespond: { status: 204 }");
    let setup = adamant_tests::gateway::Setup::new(&policy).file("site.pem", &site.certificate);
    let gateway = setup.file("site.key", &site.key).start().await;
    let start = Instant::now();
    let mut silent = Client::connect(gateway.address()).await;
    let mut half = Client::connect(gateway.address()).await;
    half.send(b"\x16\x03\x01\x02\x00\x01\x00").await;
    silent.closed().await;
    half.closed().await;
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "closed after {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_body_that_falls_silent_is_refused() {
    covers(&["listeners.*.bounds.body-idle"]);
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin).public("bounds: { body-idle: 400ms }")).await;
    for framing in [
        "Content-Length: 100\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let mut client = Client::connect(gateway.address()).await;
        client
            .send(format!("POST / HTTP/1.1\r\nHost: api.test\r\n{framing}"))
            .await;
        let answer = client.try_read("POST").await;
        let status = answer.as_ref().map(|answer| answer.status);
        assert!(matches!(status, Some(408) | None), "{framing:?}: {answer:?}");
        client.closed().await;
    }
    assert!(
        origin.seen().iter().all(|seen| !seen.complete),
        "no body ended well: {:?}",
        origin.seen()
    );
}

#[tokio::test]
async fn a_body_must_keep_up_its_speed() {
    covers(&["listeners.*.bounds.body-rate"]);
    let origin = Origin::hello().await;
    let bounds = "bounds: { body-idle: 500ms, body-rate: 10KiB/s }";
    let gateway = Gateway::start(&Policy::proxy(&origin).public(bounds)).await;
    let mut client = Client::connect(gateway.address()).await;
    client
        .send("POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 100000\r\n\r\n")
        .await;
    let (status, took) = drip(&mut client, &[b'x'; 400], Duration::from_millis(50)).await;
    assert!(matches!(status, Some(408) | None), "{status:?}");
    assert!(
        took < Duration::from_secs(8),
        "it was allowed to drip for {took:?}"
    );
    assert!(origin.seen().iter().all(|seen| !seen.complete));
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut_off() {
    covers(&["listeners.*.bounds.send-idle"]);
    let origin =
        Origin::start(|_| adamant_tests::Answer::stream(vec![adamant_tests::script::Step::Fill(1 << 30)]))
            .await;
    let gateway = Gateway::start(&Policy::proxy(&origin).public("bounds: { send-idle: 500ms }")).await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/", &[], "")).await;
    let seen = || origin.seen().iter().any(|seen| seen.gone);
    adamant_tests::wait::until("the gateway gives the answer up", seen).await;
}

#[tokio::test]
async fn many_slow_clients_do_not_harm_a_good_one() {
    let origin = Origin::hello().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    assert_eq!(get(gateway.address(), "/", &[]).await.status, 200);
    let before = procinfo::resident_bytes(gateway.pid());
    let mut slow = Vec::new();
    for number in 0..300 {
        let mut client = Client::connect(gateway.address()).await;
        let part = if number % 2 == 0 {
            "GET / HT"
        } else {
            "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 9\r\n\r\na"
        };
        client.send(part).await;
        slow.push(client);
    }
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(gateway.address(), "/", &[]).await.status, 200);
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let grown = procinfo::resident_bytes(gateway.pid()).saturating_sub(before);
    assert!(
        grown < 300 * 160 * 1024,
        "a slow client costs {} KiB",
        grown / 300 / 1024
    );
}

#[tokio::test]
async fn connections_have_a_maximum() {
    covers(&[
        "listeners.*.bounds.connections",
        "listeners.*.bounds.connections-per-client",
    ]);
    let origin = Origin::hello().await;
    let policy = Policy::proxy(&origin)
        .public("bounds: { connections: 3, connections-per-client: 3 }")
        .listener("narrow", "bounds: { connections-per-client: 2 }");
    let gateway = Gateway::start(&policy).await;
    for (listener, most) in [("public", 3), ("narrow", 2)] {
        let at = gateway.listener(listener);
        let mut open = Vec::new();
        for _ in 0..most {
            let mut client = Client::connect(at).await;
            assert_eq!(client.get("/", &[]).await.status, 200);
            open.push(client);
        }
        let mut more = Client::connect(at).await;
        more.send(request("GET", "/", &[], "")).await;
        assert!(
            more.try_read("GET")
                .await
                .is_none_or(|answer| answer.status == 503),
            "{listener}"
        );
        let mut other = Client::connect_from("127.0.0.2", at).await;
        other.send(request("GET", "/", &[], "")).await;
        let other = other.try_read("GET").await.map(|answer| answer.status);
        assert_eq!(
            other == Some(200),
            listener == "narrow",
            "another address at `{listener}`: {other:?}"
        );
        drop(open);
        adamant_tests::wait::polled("there is room again", || async {
            let mut client = Client::connect(at).await;
            client.send(request("GET", "/", &[], "")).await;
            client.try_read("GET").await.filter(|answer| answer.status == 200)
        })
        .await;
    }
}
