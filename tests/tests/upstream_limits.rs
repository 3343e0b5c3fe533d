//! Limits of an upstream: what all routes together send, retries included.

use adamant_tests::client::{CARRIERS, get, request};
use adamant_tests::policy::to;
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Client, Gateway, Origin, Policy, covers};

fn route(name: &str) -> String {
    format!("name: {name}\nmatch: {{ path: /{name}/** }}\npublic: true\nto: origin\nupgrade: websocket")
}

/// Two routes to one origin with these keys.
async fn gateway(origin: &Origin, keys: &str) -> Gateway {
    let policy = Policy::new()
        .listener("public", "")
        .upstream("origin", &format!("{}\n{keys}", to(origin)))
        .route(&route("a"))
        .route(&route("b"));
    Gateway::start(&policy).await
}

async fn held(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::start(move |seen| match seen.target.rsplit('/').next() {
        Some("held") => Answer::stream(vec![Step::Data("begun".into()), Step::Gate(gate.clone())]),
        Some("silent") => Answer::silence(),
        Some("socket") => Answer::switch("websocket"),
        _ => Answer::ok("hello"),
    })
    .await
}

async fn idle(gateway: &Gateway) {
    gateway.counts("http_server_active_requests", &[], 0.0).await;
}

#[tokio::test]
async fn all_routes_together_have_no_more_in_flight_than_the_upstream_may() {
    covers(&["upstreams.*.limits.in-flight"]);
    let gate = Gate::new();
    let origin = held(&gate).await;
    let gateway = gateway(&origin, "limits: { in-flight: 2 }").await;
    let at = gateway.address();
    let upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for carrier in CARRIERS {
        let mut socket = Client::connect(at).await;
        socket.send(request("GET", "/a/socket", &upgrade, "")).await;
        assert_eq!(socket.read_head().await.status, 101);
        for target in ["/b/held", "/b/silent"] {
            let seen = origin.count();
            let mut client = Client::connect(at).await;
            client.send(request("GET", target, carrier, "")).await;
            origin.received(seen + 1).await;
            gateway
                .counts("adamant_upstream_endpoint_in_flight", &[], 2.0)
                .await;
            for route in ["/a/x", "/b/x"] {
                let refused = get(at, route, carrier).await;
                assert_eq!(refused.refused(503), "upstream.in-flight");
                assert_eq!(refused.field("retry-after"), Some("1"));
            }
            assert_eq!(origin.count(), seen + 1, "no endpoint was asked");
            drop(client);
            gateway
                .counts("adamant_upstream_endpoint_in_flight", &[], 1.0)
                .await;
            assert_eq!(get(at, "/b/x", carrier).await.status, 200);
        }
        drop(socket);
        idle(&gateway).await;
        gateway
            .counts("adamant_upstream_endpoint_in_flight", &[], 0.0)
            .await;
    }
}

#[tokio::test]
async fn all_routes_together_begin_no_more_than_the_upstream_may() {
    covers(&["upstreams.*.limits.allow", "upstreams.*.limits.burst"]);
    let origin = Origin::hello().await;
    let gateway = gateway(&origin, "limits: { allow: 2/h, burst: 3 }").await;
    let at = gateway.address();
    for (number, target) in ["/a/x", "/b/x", "/a/x", "/b/x", "/a/x"].into_iter().enumerate() {
        let carrier = CARRIERS[number % 2];
        let answer = get(at, target, carrier).await;
        if number < 3 {
            assert_eq!(answer.status, 200, "{}", answer.text());
            continue;
        }
        assert_eq!(answer.refused(503), "upstream.rate");
        let wait: u64 = answer
            .field("retry-after")
            .expect("a time")
            .parse()
            .expect("seconds");
        assert!((1_700..=1_800).contains(&wait), "{wait}");
    }
    assert_eq!(origin.count(), 3);
    let default = gateway_with_default(&origin).await;
    origin.forget();
    let statuses = [
        get(default.address(), "/a/x", &[]).await.status,
        get(default.address(), "/b/x", &[]).await.status,
        get(default.address(), "/a/x", &[]).await.status,
    ];
    assert_eq!((statuses, origin.count()), ([200, 200, 503], 2));
}

async fn gateway_with_default(origin: &Origin) -> Gateway {
    gateway(origin, "limits: { allow: 2/h }").await
}

#[tokio::test]
async fn a_retry_is_one_more() {
    let origin = Origin::start(|_| Answer::reset()).await;
    for carrier in CARRIERS {
        origin.forget();
        let keys = "limits: { allow: 1/h, burst: 2, in-flight: 1 }\nretry: { attempts: 5, on: [reset] }";
        let gateway = gateway(&origin, keys).await;
        let answer = get(gateway.address(), "/a/x", carrier).await;
        assert_eq!(answer.refused(503), "upstream.rate");
        assert_eq!(origin.count(), 2, "one attempt and one retry");
        idle(&gateway).await;
        gateway
            .counts("adamant_upstream_endpoint_in_flight", &[], 0.0)
            .await;
    }
}
