//! The origin over real sockets.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn start() -> SocketAddr {
    let echo = Echo::bind().unwrap();
    let address = echo.address();
    tokio::spawn(echo.serve());
    address
}

/// Sends bytes on a connection of their own and returns head and body of what comes until it closes.
async fn exchange(request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(start()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn get(path: &str) -> (String, String) {
    exchange(&format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ))
    .await
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn a_request_is_described_as_it_came() {
    let (head, body) = exchange(
        "POST /a/b?x=1&y HTTP/1.1\r\nHost: api.example.com\r\nX-Tag: one\r\nx-tag: two\r\n\
         Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!(status(&head), "200");
    let report: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(report["method"], "POST");
    assert_eq!(report["path"], "/a/b");
    assert_eq!(report["query"], "x=1&y");
    assert_eq!(report["headers"]["host"], serde_json::json!(["api.example.com"]));
    assert_eq!(report["headers"]["x-tag"], serde_json::json!(["one", "two"]));
    assert_eq!(
        (&report["body_length"], &report["body"]),
        (&6.into(), &"hello!".into())
    );
}

#[tokio::test]
async fn a_long_body_is_only_counted() {
    let body = "x".repeat(100_000);
    let (_, answer) = exchange(&format!(
        "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    let report: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (&report["body_length"], &report["body"]),
        (&100_000.into(), &Value::Null)
    );
}

#[tokio::test]
async fn paths_ask_for_statuses_and_sizes() {
    for (path, expected, length) in [
        ("/status/418", "418", None),
        ("/status/204", "204", Some(0)),
        ("/status/304", "304", Some(0)),
        ("/status/99", "400", None),
        ("/status/600", "400", None),
        ("/status/x", "400", None),
        ("/bytes/0", "200", Some(0)),
        ("/bytes/200000", "200", Some(200_000)),
        ("/bytes/2147483649", "400", None),
        ("/delay/1", "200", None),
        ("/delay/10001", "400", None),
        ("/ws", "400", None),
        ("/status", "200", None),
    ] {
        let (head, body) = get(path).await;
        assert_eq!(status(&head), expected, "{path}");
        assert!(
            length.is_none_or(|length| body.len() == length),
            "{path}: {} bytes",
            body.len()
        );
    }
}

#[tokio::test]
async fn events_come_as_a_stream() {
    let (head, body) = get("/events").await;
    assert!(
        head.to_lowercase().contains("content-type: text/event-stream"),
        "{head}"
    );
    assert_eq!(body.matches("data: ").count(), 5);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let mut stream = TcpStream::connect(start()).await.unwrap();
    for number in 0..3 {
        let request = format!("HEAD /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = vec![0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head, b"HTTP/1.1 200");
        let mut rest = Vec::new();
        while !rest.ends_with(b"\r\n\r\n") {
            rest.push(stream.read_u8().await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_waiting_body_is_asked_for() {
    let mut stream = TcpStream::connect(start()).await.unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await
        .unwrap();
    let mut interim = vec![0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").await.unwrap();
    let mut final_head = vec![0; 12];
    stream.read_exact(&mut final_head).await.unwrap();
    assert_eq!(final_head, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_websocket_returns_messages_until_it_is_closed() {
    let mut stream = TcpStream::connect(start()).await.unwrap();
    stream
        .write_all(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
              \x81\x82\0\0\0\0hi\x88\x80\0\0\0\0",
        )
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let at = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    let (head, frames) = answer.split_at(at);
    let head = String::from_utf8_lossy(head).to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(
        head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{head}"
    );
    assert_eq!(frames, b"\x81\x02hi\x88\x00");
}
