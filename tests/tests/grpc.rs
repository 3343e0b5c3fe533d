//! gRPC: HTTP/2 from client to upstream, status in trailers, and denials that a gRPC client understands.

use std::time::Duration;

use adamant_tests::policy::to;
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Gateway, H2Client, Origin, Policy, Response, covers, h2_client, idp, wait};
use bytes::Bytes;
use http::Method;

const FIELDS: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];

fn policy(origin: &Origin) -> Policy {
    Policy::new()
        .listener("public", "protocols: [h2]")
        .upstream("origin", &format!("{}\nprotocol: h2", to(origin)))
        .upstream("nowhere", "endpoints: [\"127.0.0.1:1\"]\nprotocol: h2")
        .route("name: denied\nmatch: { path: /denied/** }\npublic: true\nto: origin\nfilters:\n  - addresses: { deny: [127.0.0.0/8] }")
        .route("name: limited\nmatch: { path: /limited/** }\npublic: true\nto: origin\nfilters:\n  - rate: { by: address, allow: 1/m, burst: 1, remember: 10 }")
        .route("name: locked\nmatch: { path: /locked/** }\nto: origin\nfilters:\n  - api-key: { header: x-api-key, keys: { file: keys.yaml } }")
        .route("name: small\nmatch: { path: /small/** }\npublic: true\nto: origin\nbody: { at-most: 1KiB }")
        .route("name: down\nmatch: { path: /down/** }\npublic: true\nto: nowhere")
        .route("name: service\nmatch: { path: /test.Service/** }\npublic: true\nto: origin\nstream: true")
}

async fn start(origin: &Origin) -> Gateway {
    let keys = format!(
        "keys:\n{}",
        idp::api_key_entry("nobody", "adm_nobody", "nobody", "")
    );
    adamant_tests::gateway::Setup::new(&policy(origin))
        .file("keys.yaml", keys)
        .start()
        .await
}

#[tokio::test]
async fn a_call_passes_with_its_trailers() {
    covers(&["upstreams.*.protocol"]);
    let origin = Origin::start_h2(|seen| {
        let answer = Answer::stream(vec![Step::Data(seen.body.clone().into())]);
        answer.with("content-type", "application/grpc").trailers(&[
            ("grpc-status", "5"),
            ("grpc-message", "not%20found"),
            ("x-detail-bin", "AAE="),
        ])
    })
    .await;
    let gateway = start(&origin).await;
    let mut client = H2Client::connect(gateway.address()).await;
    let answer = client
        .post("/test.Service/Get", &FIELDS, b"\0\0\0\0\x03abc")
        .await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, &b"\0\0\0\0\x03abc"[..])
    );
    assert_eq!(answer.trailers.get("grpc-status"), Some("5"));
    assert_eq!(answer.trailers.get("grpc-message"), Some("not%20found"));
    assert_eq!(answer.trailers.get("x-detail-bin"), Some("AAE="));
    assert_eq!(
        origin.only().field("te"),
        Some("trailers"),
        "gRPC servers demand it"
    );
}

#[tokio::test]
async fn trailers_only_answers_pass() {
    let origin = Origin::start_h2(|_| {
        Answer::status(200)
            .with("content-type", "application/grpc")
            .with("grpc-status", "12")
    })
    .await;
    let gateway = start(&origin).await;
    let answer = H2Client::connect(gateway.address())
        .await
        .post("/test.Service/Get", &FIELDS, b"\0\0\0\0\0")
        .await;
    assert_eq!(
        (answer.status, answer.field("grpc-status"), answer.body.len()),
        (200, Some("12"), 0)
    );
}

#[tokio::test]
async fn messages_flow_in_both_directions_at_once() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = Origin::start_h2(move |_| {
        let steps = vec![
            Step::Data("first".into()),
            Step::Gate(held.clone()),
            Step::Data("last".into()),
        ];
        Answer::stream(steps).trailers(&[("grpc-status", "0")]).early()
    })
    .await;
    let gateway = start(&origin).await;
    let mut client = H2Client::connect(gateway.address()).await;
    let head = client.head(Method::POST, "api.test", "/test.Service/Chat", &FIELDS);
    let (answer, mut stream) = client.open(head, false).await.unwrap();
    h2_client::send(&mut stream, Bytes::from_static(b"\0\0\0\0\0"), false)
        .await
        .unwrap();
    let mut body = wait::soon("the head", answer).await.unwrap().into_body();
    let first = wait::soon("the first message", body.data())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first, "first");
    gate.open();
    let last = wait::soon("the last message", body.data())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(last, "last");
    let trailers = wait::soon("trailers", body.trailers()).await.unwrap().unwrap();
    assert_eq!(trailers.get("grpc-status").unwrap(), "0");
}

#[tokio::test]
async fn cancellation_is_passed_on() {
    let origin = Origin::start_h2(|_| Answer::silence()).await;
    let gateway = start(&origin).await;
    let mut client = H2Client::connect(gateway.address()).await;
    let head = client.head(Method::POST, "api.test", "/test.Service/Get", &FIELDS);
    let (answer, mut stream) = client.open(head, false).await.unwrap();
    h2_client::send(&mut stream, Bytes::from_static(b"\0\0\0\0\0"), true)
        .await
        .unwrap();
    origin.received(1).await;
    stream.send_reset(h2::Reason::CANCEL);
    drop(answer);
    wait::until("the origin is told", || origin.only().gone).await;
}

fn status(answer: &Response) -> Option<&str> {
    // Trailers-only: in the head, and nothing behind it.
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.body.is_empty() && answer.trailers.0.is_empty(),
        "{answer:?}"
    );
    assert_eq!(answer.field("content-type"), Some("application/grpc"));
    assert!(
        answer.field("grpc-message").is_some_and(|text| !text.is_empty()),
        "{answer:?}"
    );
    answer.field("grpc-status")
}

#[tokio::test]
async fn denials_are_trailers_only_with_the_status_of_grpc() {
    let origin = Origin::start_h2(|_| Answer::status(200).with("grpc-status", "0")).await;
    let gateway = start(&origin).await;
    let mut client = H2Client::connect(gateway.address()).await;
    let body = b"\0\0\0\0\0";
    assert_eq!(
        status(&client.post("/nothing.Service/Get", &FIELDS, body).await),
        Some("12"),
        "no route"
    );
    assert_eq!(
        status(&client.post("/denied/Get", &FIELDS, body).await),
        Some("7"),
        "forbidden"
    );
    assert_eq!(
        status(&client.post("/locked/Get", &FIELDS, body).await),
        Some("16"),
        "unauthenticated"
    );
    assert_eq!(
        status(&client.post("/down/Get", &FIELDS, body).await),
        Some("14"),
        "upstream down"
    );
    let large = status(&client.post("/small/Get", &FIELDS, &[0; 2000]).await).map(str::to_owned);
    assert!(
        matches!(large.as_deref(), Some("8" | "11")),
        "too large: {large:?}"
    );
    client.post("/limited/Get", &FIELDS, body).await;
    assert_eq!(
        status(&client.post("/limited/Get", &FIELDS, body).await),
        Some("8"),
        "over the limit"
    );
    let web = client
        .post("/denied/Get", &[("content-type", "application/json")], body)
        .await;
    assert_eq!(
        web.refused(403),
        "addresses.denied",
        "others get a problem document"
    );
}

#[tokio::test]
async fn a_deadline_of_the_upstream_is_deadline_exceeded() {
    let origin = Origin::start_h2(|_| Answer::status(200).after(Duration::from_secs(5))).await;
    let keys = format!("{}\nprotocol: h2\ntimeouts: {{ first-byte: 200ms }}", to(&origin));
    let policy = Policy::new()
        .listener("public", "protocols: [h2]")
        .upstream("origin", &keys);
    let gateway = Gateway::start(&policy.route(adamant_tests::policy::ALL)).await;
    let answer = H2Client::connect(gateway.address())
        .await
        .post("/a.B/C", &FIELDS, b"\0\0\0\0\0")
        .await;
    assert_eq!(status(&answer), Some("4"));
}
