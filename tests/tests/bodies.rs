//! Request bodies, however they arrive: with their head in one piece, behind it, or with the next request.
//!
//! A body that is here whole takes another way through the gateway than one that is still on its way; no
//! test here, and no client, can tell which.

use adamant_tests::client::request;
use adamant_tests::{Answer, Client, Gateway, Origin, Policy, covers};

/// Sizes around what fits into the first read of a connection, and far beyond.
const SIZES: [usize; 9] = [1, 2, 4096, 7900, 8000, 8192, 16_384, 70_000, 300_000];

fn post(target: &str, body: &str) -> String {
    request("POST", target, &[], body)
}

/// A text in which every place is different from its neighbours.
fn text(size: usize) -> String {
    (0..size).map(|at| char::from(b'a' + (at % 23) as u8)).collect()
}

async fn echoing() -> Origin {
    Origin::start(|seen| Answer::ok(seen.body.clone())).await
}

#[tokio::test]
async fn a_body_arrives_the_same_whether_it_came_with_its_head_or_behind_it() {
    let origin = echoing().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    let mut client = Client::connect(gateway.address()).await;
    for size in SIZES {
        let body = text(size);
        let whole = post("/whole", &body);
        let answer = client.exchange(&whole).await;
        assert!(answer.text() == body, "{size} bytes in one piece come back");
        for cut in [whole.len() - size, whole.len() - 1] {
            client.send(&whole[..cut]).await;
            tokio::task::yield_now().await;
            client.send(&whole[cut..]).await;
            assert!(client.read().await.text() == body, "{size} bytes cut at {cut}");
        }
    }
    let seen = origin.seen();
    assert!(
        seen.iter()
            .all(|seen| seen.complete && seen.field("transfer-encoding").is_none()),
        "a declared length stays one"
    );
}

#[tokio::test]
async fn what_follows_a_body_is_the_next_request() {
    let origin = echoing().await;
    let gateway = Gateway::start(&Policy::proxy(&origin)).await;
    for size in SIZES {
        let mut client = Client::connect(gateway.address()).await;
        let (first, third) = (text(size), text(size / 2 + 1));
        let requests = [
            post("/1", &first),
            request("GET", "/2", &[], ""),
            post("/3", &third),
        ];
        client.send(requests.concat()).await;
        for expected in [first.as_str(), "", &third] {
            assert!(client.read().await.text() == expected, "{size} bytes, pipelined");
        }
    }
    let targets: Vec<String> = origin.seen().iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets.join(""), "/1/2/3".repeat(SIZES.len()));
}

#[tokio::test]
async fn an_answer_of_our_own_leaves_nothing_of_the_body_behind() {
    let origin = echoing().await;
    let policy = Policy::before(&origin)
        .route("name: fixed\nmatch: { path: /fixed }\npublic: true\nrespond: { status: 200, json: { ok: true } }")
        .route(
            "name: shut\nmatch: { path: /shut }\npublic: true\nfilters:\n  - addresses: { allow: [192.0.2.0/24] }\nto: origin",
        )
        .route("name: open\nmatch: { path: /open }\npublic: true\nto: origin");
    let gateway = Gateway::start(&policy).await;
    for (target, status) in [("/fixed", 200), ("/shut", 403), ("/nowhere", 404)] {
        let mut client = Client::connect(gateway.address()).await;
        // A body that is itself a request must not become one.
        let body = request("GET", "/open", &["X-Smuggled: 1"], "");
        client.send(post(target, &body) + &post("/open", "next")).await;
        assert_eq!(client.read().await.status, status, "{target}");
        assert_eq!(client.read().await.text(), "next", "behind {target}");
    }
    assert!(
        origin
            .seen()
            .iter()
            .all(|seen| seen.field("x-smuggled").is_none() && seen.target == "/open"),
        "no body was read as a request"
    );
}

#[tokio::test]
async fn a_declared_body_over_the_bound_never_reaches_the_origin() {
    covers(&["routes[].body.at-most"]);
    let origin = echoing().await;
    let policy = Policy::before(&origin)
        .route("name: small\nmatch: { path: /small }\npublic: true\nto: origin\nbody: { at-most: 1KiB }")
        .route(
            "name: step\nmatch: { path: /step }\npublic: true\nfilters:\n  - body-size: { at-most: 1KiB }\nto: origin",
        );
    let gateway = Gateway::start(&policy).await;
    for target in ["/small", "/step"] {
        let mut client = Client::connect(gateway.address()).await;
        assert_eq!(client.exchange(post(target, &text(1024))).await.status, 200);
        assert_eq!(client.exchange(post(target, &text(1025))).await.status, 413);
    }
    assert_eq!(origin.count(), 2, "only what is within the bound is passed on");
}

#[tokio::test]
async fn a_body_is_sent_again_to_the_next_endpoint() {
    let origin = echoing().await;
    let gone = Origin::hello().await.address();
    let policy = Policy::new().listener("public", "").upstream(
        "origin",
        &format!(
            "endpoints: [{gone}, {}]\nretry: {{ attempts: 2, on: [connect] }}",
            origin.address()
        ),
    );
    let policy = policy.route("name: all\nmatch: { path: /** }\npublic: true\nto: origin");
    let gateway = Gateway::start(&policy).await;
    let mut client = Client::connect(gateway.address()).await;
    for size in [1, 4096, 20_000] {
        let body = text(size);
        for _ in 0..2 {
            assert!(
                client.exchange(post("/", &body)).await.text() == body,
                "{size} bytes"
            );
        }
    }
}

#[tokio::test]
async fn a_body_is_counted_in_the_log_whichever_way_it_took() {
    let origin = echoing().await;
    let policy = Policy::proxy(&origin).observe("access-log: { to: stdout, format: json }");
    let gateway = Gateway::start(&policy).await;
    let mut client = Client::connect(gateway.address()).await;
    for size in SIZES {
        client.exchange(post("/", &text(size))).await;
    }
    let logged = gateway.logged(SIZES.len()).await;
    let sizes: Vec<u64> = logged
        .iter()
        .map(|line| line["bytes_in"].as_u64().unwrap_or(0))
        .collect();
    assert_eq!(sizes, SIZES.map(|size| size as u64), "{:?}", logged.first());
}
