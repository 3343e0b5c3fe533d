//! Calls to origins on loopback.

use std::sync::Arc;
use std::time::Instant;

use adamant_policy::config::UpstreamProtocol::H2;

use super::*;
use crate::upstream::sample::origin::{Authority, Origin, Speech};
use crate::upstream::{Upstreams, sample};

fn call(peer: &HttpPeer) -> Call<'_> {
    Call {
        peer,
        method: Method::GET,
        target: "/keys?fresh=1",
        host: "id.example.com",
        fields: &[],
        body: Bytes::new(),
        answer_max: Some(100),
        deadline: Duration::from_secs(5),
        keep: Keep::Idle,
    }
}

fn client() -> Client {
    Client::new(Some(NO_AUTHORITIES))
}

/// The peer of the only endpoint of an upstream, whose authorities are these.
fn peer(upstream: adamant_policy::config::Upstream, authorities: &str) -> HttpPeer {
    let read = |_: &std::path::Path| Ok(authorities.as_bytes().to_vec());
    let upstreams = Upstreams::build(&[upstream], &read).unwrap();
    sample::first(&upstreams).pick(&[]).unwrap().peer().clone()
}

fn plain(origin: &Origin) -> HttpPeer {
    peer(sample::upstream(&[&origin.address.to_string()]), "")
}

#[tokio::test]
async fn a_call_brings_status_fields_and_body() {
    let origin = Origin::start(Speech::H1).await;
    let peer = plain(&origin);
    let fields = [(header::ACCEPT, HeaderValue::from_static("application/json"))];
    let post = Call {
        method: Method::POST,
        body: Bytes::from_static(b"a=1"),
        fields: &fields,
        ..call(&peer)
    };
    let answer = client().send(post).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]));
    assert_eq!(answer.fields["x-origin"], "test");
    assert_eq!(
        origin.requests(),
        [
            "POST /keys?fresh=1 HTTP/1.1\r\nHost: id.example.com\r\naccept: application/json\r\n\
          Content-Length: 3\r\n\r\na=1"
        ]
    );
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let origin = Origin::start(Speech::H1).await;
    origin.answers(100);
    assert_eq!(client().send(call(&plain(&origin))).await.unwrap().status, 200);
}

#[tokio::test]
async fn connections_are_kept_only_when_asked() {
    for (keep, connections) in [(Keep::Idle, 1), (Keep::Never, 3)] {
        for speech in [Speech::H1, Speech::H2] {
            let is_h2 = matches!(speech, Speech::H2);
            let origin = Origin::start(speech).await;
            let protocol = if is_h2 {
                H2
            } else {
                adamant_policy::config::UpstreamProtocol::H1
            };
            let upstream = adamant_policy::config::Upstream {
                protocol,
                ..sample::upstream(&[&origin.address.to_string()])
            };
            let (client, peer) = (client(), peer(upstream, ""));
            for _ in 0..3 {
                client.send(Call { keep, ..call(&peer) }).await.unwrap();
            }
            assert_eq!(origin.connections(), connections, "{keep:?}, HTTP/2: {is_h2}");
        }
    }
}

#[tokio::test]
async fn clear_text_http2_names_its_authority() {
    let origin = Origin::start(Speech::H2).await;
    let upstream = sample::upstream(&[&origin.address.to_string()]);
    let peer = peer(
        adamant_policy::config::Upstream {
            protocol: H2,
            ..upstream
        },
        "",
    );
    let answer = client().send(call(&peer)).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]));
    assert_eq!(origin.requests(), ["http://id.example.com/keys?fresh=1 {}"]);
}

#[tokio::test]
async fn long_answers_and_late_ones_are_errors() {
    let origin = Origin::start(Speech::H1).await;
    let peer = plain(&origin);
    let error = client()
        .send(Call {
            answer_max: Some(1),
            ..call(&peer)
        })
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::TooLong(1)), "{error}");

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = HttpPeer::new(silent.local_addr().unwrap(), false, String::new());
    let (begun, deadline) = (Instant::now(), Duration::from_millis(50));
    let error = client()
        .send(Call {
            deadline,
            ..call(&peer)
        })
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::TimedOut(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn nobody_there_is_a_connect_error() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let peer = HttpPeer::new(free, false, String::new());
    let error = client().send(call(&peer)).await.unwrap_err();
    assert!(matches!(error, CallError::Connect(_)), "{error}");
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let origin = Origin::start(Speech::H1).await;
    let (client, peer) = (client(), plain(&origin));
    client.send(call(&peer)).await.unwrap();
    // The origin now reads each request and closes without an answer.
    origin.answers(0);
    let error = client.send(call(&peer)).await.unwrap_err();
    assert!(matches!(error, CallError::Broken(_)), "{error}");
    assert_eq!(
        origin.requests().len(),
        3,
        "once on the kept connection, once on a new one"
    );
    let post = Call {
        method: Method::POST,
        ..call(&peer)
    };
    client.send(post).await.unwrap_err();
    assert_eq!(origin.requests().len(), 4, "a POST is sent once");
}

#[tokio::test]
async fn certificates_are_verified_against_authority_and_name() {
    let (ours, other) = (Authority::new(), Authority::new());
    let names = ["billing.internal", "127.0.0.1"];
    let origin = Origin::start(Speech::H1Tls(ours.acceptor(&names, b"http/1.1"))).await;
    let address = origin.address.to_string();
    for (server_name, authorities, passes) in [
        ("billing.internal", &ours.pem, true),
        ("127.0.0.1", &ours.pem, true),
        ("orders.internal", &ours.pem, false),
        ("127.0.0.2", &ours.pem, false),
        ("billing.internal", &other.pem, false),
        ("billing.internal", &format!("{}{}", other.pem, ours.pem), true),
    ] {
        let peer = peer(sample::secure(&[&address], server_name), authorities);
        let answer = client().send(call(&peer)).await;
        assert_eq!(answer.is_ok(), passes, "{server_name}: {answer:?}");
        assert!(passes || matches!(answer, Err(CallError::Connect(_))));
    }
}

#[tokio::test]
async fn http2_is_negotiated_under_tls() {
    let authority = Authority::new();
    let origin = Origin::start(Speech::H2Tls(authority.acceptor(&["billing.internal"], b"h2"))).await;
    let upstream = sample::secure(&[&origin.address.to_string()], "billing.internal");
    let peer = peer(
        adamant_policy::config::Upstream {
            protocol: H2,
            ..upstream
        },
        &authority.pem,
    );
    let client = Arc::new(client());
    client.send(call(&peer)).await.unwrap();
    let calls = (0..20).map(|_| {
        let (client, peer) = (Arc::clone(&client), peer.clone());
        tokio::spawn(async move { client.send(call(&peer)).await.map(|answer| answer.status) })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    assert_eq!(origin.requests()[0], "https://id.example.com/keys?fresh=1 {}");
    assert!(origin.connections() < 20, "{} connections", origin.connections());
}
