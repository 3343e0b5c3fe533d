//! Protocol switches: WebSocket where a route permits it, and never a way past a filter.

use adamant_tests::client::{exchange, get, request};
use adamant_tests::{Answer, Client, Gateway, Origin, Policy, Seen, covers, wait};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const UPGRADE: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    KEY,
];

fn switch(seen: &Seen) -> Answer {
    if seen.field("upgrade").is_some() {
        Answer::switch("websocket")
    } else {
        Answer::ok("no switch")
    }
}

fn socket_route(more: &str) -> String {
    format!(
        "name: socket\nmatch: {{ path: /socket/** }}\npublic: true\nto: origin\nupgrade: websocket\n{more}"
    )
}

#[tokio::test]
async fn rfc6455_a_permitted_websocket_passes_in_both_directions() {
    covers(&["routes[].upgrade"]);
    let origin = Origin::start(switch).await;
    let gateway = Gateway::start(&Policy::before(&origin).route(&socket_route(""))).await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/socket/a", &UPGRADE, "")).await;
    let head = client.read_head().await;
    assert_eq!(head.status, 101);
    assert_eq!(
        head.field("upgrade").map(str::to_ascii_lowercase).as_deref(),
        Some("websocket")
    );
    assert_eq!(
        origin.only().field("sec-websocket-key"),
        Some("dGhlIHNhbXBsZSBub25jZQ==")
    );
    for number in 0..50 {
        let message = format!("<message {number}>");
        client.send(&message).await;
        client.bytes_with(&message).await;
    }
    drop(client);
    wait::until("the origin's connection ends, too", || {
        origin.open_connections() == 0
    })
    .await;
}

#[tokio::test]
async fn only_101_is_a_switch() {
    let origin = Origin::start(|_| Answer::ok("not today")).await;
    let policy = Policy::before(&origin).route(&socket_route(""));
    let gateway = Gateway::start(&policy).await;
    let mut client = Client::connect(gateway.address()).await;
    // What follows an unanswered wish to switch is the next request or nothing, never the tunnel's bytes.
    client
        .send(request("GET", "/socket/a", &UPGRADE, "") + &request("GET", "/other", &[], ""))
        .await;
    let first = client.read().await;
    assert_eq!((first.status, first.text().as_str()), (200, "not today"));
    if let Some(second) = client.try_read("GET").await {
        assert_eq!(second.status, 404);
    }
    assert_eq!(
        origin.count(),
        1,
        "the second request went through the policy, not to the origin"
    );
}

#[tokio::test]
async fn a_switch_that_no_route_permits_is_refused() {
    let origin = Origin::start(switch).await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let rows: &[&[&str]] = &[
        &UPGRADE,
        &[
            "Connection: upgrade",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABkAAQAAP__",
        ],
        &["Connection: Upgrade", "Upgrade: TLS/1.2"],
        &["Connection: Upgrade", "Upgrade: anything"],
        &["Upgrade: websocket"],
        &["Connection: keep-alive, Upgrade", "Upgrade: websocket, h2c"],
    ];
    for lines in rows {
        origin.forget();
        let answer = get(gateway.address(), "/", lines).await;
        // RFC 9110 §7.8: a server may ignore the wish; then it must not pass it on.
        match answer.status {
            200 => assert_eq!(origin.only().field("upgrade"), None, "{lines:?}"),
            403 | 400 | 426 => assert_eq!(origin.count(), 0, "{lines:?}"),
            other => panic!("{lines:?}: {other}"),
        }
    }
}

#[tokio::test]
async fn an_upgrade_field_never_skips_a_filter() {
    let origin = Origin::start(switch).await;
    let policy = Policy::before(&origin)
        .route(&socket_route("filters:\n  - addresses: { deny: [127.0.0.0/8] }"))
        .route("name: all\nmatch: { path: /** }\npublic: true\nto: origin\nfilters:\n  - addresses: { deny: [127.0.0.0/8] }");
    let gateway = Gateway::start(&policy).await;
    let upgrades: [&[&str]; 4] = [
        &UPGRADE,
        &["Upgrade: websocket"],
        &["Connection: Upgrade", "Upgrade: h2c"],
        &["Upgrade: x"],
    ];
    for target in ["/socket/a", "/other"] {
        for lines in upgrades {
            let mut client = Client::connect(gateway.address()).await;
            client.send(request("GET", target, lines, "")).await;
            let answer = client.read().await;
            assert!(
                (400..500).contains(&answer.status),
                "{target} {lines:?}: {}",
                answer.status
            );
            client.send("\x01raw bytes of a tunnel").await;
            client.finish().await;
            client.closed().await;
        }
    }
    assert_eq!(origin.connections(), 0, "nothing was ever sent to the origin");
}

#[tokio::test]
async fn an_upgrade_with_a_body_stays_a_message() {
    let origin = Origin::start(switch).await;
    let gateway = Gateway::start(&Policy::before(&origin).route(&socket_route(""))).await;
    let mut client = Client::connect(gateway.address()).await;
    let inner = request("GET", "/socket/smuggled", &[], "");
    client.send(request("POST", "/socket/a", &UPGRADE, &inner)).await;
    client.finish().await;
    client.closed().await;
    assert!(
        origin.seen().iter().all(|seen| seen.target != "/socket/smuggled"),
        "{:?}",
        origin.seen()
    );
}

#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_an_error() {
    let origin = Origin::start(|_| Answer::switch("websocket")).await;
    let policy = Policy::before(&origin)
        .route(&socket_route(""))
        .route(adamant_tests::policy::ALL);
    let gateway = Gateway::start(&policy).await;
    let wishes: &[&[&str]] = &[
        &[],
        &["Connection: Upgrade", "Upgrade: h2c"],
        &["Connection: Upgrade", "Upgrade: websocket, h2c"],
        &["Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"],
        &["Connection: keep-alive", "Upgrade: websocket"],
    ];
    for target in ["/", "/socket/a"] {
        for lines in wishes {
            let answer = get(gateway.address(), target, lines).await;
            assert_eq!(answer.status, 502, "{target} {lines:?}: {}", answer.text());
        }
    }
}

/// RFC 9110 §7.8, RFC 6455 §4.2.1: who does not nominate the field has not understood it.
#[tokio::test]
async fn a_wish_that_the_connection_does_not_carry_is_no_wish() {
    let origin = Origin::start(switch).await;
    let gateway = Gateway::start(&Policy::before(&origin).route(&socket_route(""))).await;
    let head = |version: &str, lines: &str| {
        format!("GET /socket/a {version}\r\nHost: api.test\r\nUpgrade: websocket\r\n{KEY}\r\n{lines}\r\n\r\n")
    };
    for bytes in [
        head("HTTP/1.1", "X: y"),
        head("HTTP/1.1", "Connection: close"),
        head("HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c"),
        head("HTTP/1.0", "Connection: Upgrade"),
    ] {
        origin.forget();
        let answer = exchange(gateway.address(), &bytes).await;
        assert_eq!(answer.text(), "no switch", "{bytes:?}");
        assert_eq!(origin.only().field("upgrade"), None, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_tunnel_is_closed_when_nothing_moves() {
    let origin = Origin::start(switch).await;
    let upstream = format!(
        "{}\ntimeouts: {{ idle: 300ms }}",
        adamant_tests::policy::to(&origin)
    );
    let policy = Policy::new()
        .listener("public", "")
        .upstream("origin", &upstream)
        .route(&socket_route(""));
    let gateway = Gateway::start(&policy).await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/socket/a", &UPGRADE, "")).await;
    assert_eq!(client.read_head().await.status, 101);
    client.closed().await;
}
