//! HTTP/2 by prior knowledge beside HTTP/1.1 on one listener.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use adamant_gateway::listen::Listening;
use adamant_policy::config::Protocols;

use crate::{BOUNDS, Gateway, listening};

/// One GET over a fresh HTTP/2 connection.
pub(crate) async fn get<S>(stream: S, path: &str) -> (u16, Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut client, driver) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(driver);
    let request = http::Request::get(format!("http://a{path}")).body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let response = response.await.unwrap();
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.unwrap();
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    (status, Bytes::from(bytes))
}

#[tokio::test]
async fn http2_by_prior_knowledge_reaches_the_hooks_with_its_connection() {
    let gateway = Gateway::start(listening(BOUNDS));
    for (path, expected) in [("/facts", "clear Exchange"), ("/a", "path /a")] {
        let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        assert_eq!(get(stream, path).await, (200, Bytes::from(expected)));
    }
    let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    assert_eq!(get(stream, "/large").await.1.len(), 4 * 1024 * 1024);
}

#[test]
fn a_request_shorter_than_the_preface_is_served() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().text(), "host-missing");
    let mut client = gateway.connect();
    client.send("P");
    std::thread::sleep(Duration::from_millis(20));
    client.send("RI");
    std::thread::sleep(Duration::from_millis(20));
    client.send("NT / HTTP/1.1\r\nHost:a\r\n\r\n");
    assert_eq!(client.answer().text(), "path /");
}

#[test]
fn versions_that_a_listener_does_not_speak_are_refused() {
    let gateway = Gateway::start(Listening {
        protocols: Protocols { h1: true, h2: false },
        ..listening(BOUNDS)
    });
    let mut client = gateway.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(client.answer().status, 505);
    let gateway = Gateway::start(Listening {
        protocols: Protocols { h1: false, h2: true },
        ..listening(BOUNDS)
    });
    let mut client = gateway.connect();
    assert_eq!(client.get("/").status, 505);
}
