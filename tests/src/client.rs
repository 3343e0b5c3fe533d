//! A client of HTTP/1.1 that sends exactly the bytes that it is given.
//!
//! It reads answers strictly and never retries, follows or corrects anything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::message::{Fields, Response};
use crate::wait;
use crate::wire::{Body, Wire};

/// One connection.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    local: SocketAddr,
}

/// Opens a TLS connection with this SNI.
pub async fn tls(at: SocketAddr, name: &str, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(name.to_owned()).expect("the names of a test are well formed");
    wait::soon(
        "a TLS handshake",
        TlsConnector::from(config).connect(name, stream),
    )
    .await
}

impl Client {
    /// A connection in clear text.
    pub async fn connect(at: SocketAddr) -> Self {
        let stream = wait::soon(format!("connected to {at}"), TcpStream::connect(at)).await;
        let stream = stream.unwrap_or_else(|error| panic!("{at} accepts connections: {error}"));
        Self::over(stream)
    }

    /// A connection from another address of the loopback network, such as `127.0.0.2`.
    pub async fn connect_from(from: &str, at: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::new(from.parse().expect("an address"), 0))
            .expect("a loopback address");
        let stream = wait::soon(format!("connected to {at}"), socket.connect(at)).await;
        Self::over(stream.unwrap_or_else(|error| panic!("{at} accepts connections: {error}")))
    }

    fn over(stream: TcpStream) -> Self {
        // Pieces must leave when they are sent.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().expect("a connected socket has an address");
        Self {
            wire: Wire::new(Box::new(stream)),
            local,
        }
    }

    /// A connection through TLS with this SNI.
    pub async fn connect_tls(at: SocketAddr, name: &str, config: Arc<ClientConfig>) -> io::Result<Self> {
        let stream = tls(at, name, config).await?;
        let local = stream.get_ref().0.local_addr()?;
        Ok(Self {
            wire: Wire::new(Box::new(stream)),
            local,
        })
    }

    /// Our end of the connection.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends bytes. An error is told by the next read, as an early answer may wait there.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let write = async {
            self.wire.stream.write_all(bytes.as_ref()).await?;
            self.wire.stream.flush().await
        };
        wait::soon("bytes are taken", write).await.is_ok()
    }

    /// Ends our direction.
    pub async fn finish(&mut self) {
        // It may be closed already.
        let _ = self.wire.stream.shutdown().await;
    }

    /// Reads the answer to a request of this method; `None` when the connection ends without one.
    pub async fn try_read(&mut self, method: &str) -> Option<Response> {
        wait::soon(
            "an answer or the end of the connection",
            self.read_message(method),
        )
        .await
        .ok()?
    }

    /// Reads an answer.
    pub async fn read(&mut self) -> Response {
        self.try_read("GET").await.expect("an answer should have come")
    }

    /// Sends a request and reads its answer.
    pub async fn exchange(&mut self, request: impl AsRef<[u8]>) -> Response {
        let method = request
            .as_ref()
            .split(|byte| *byte == b' ')
            .next()
            .unwrap_or_default()
            .to_vec();
        self.send(request).await;
        self.try_read(&String::from_utf8_lossy(&method))
            .await
            .expect("an answer should have come")
    }

    /// A GET of this target with these further lines (each `name: value`).
    pub async fn get(&mut self, target: &str, lines: &[&str]) -> Response {
        self.exchange(request("GET", target, lines, "")).await
    }

    /// Bytes as they come, at least one; empty at the end.
    pub async fn bytes(&mut self) -> Vec<u8> {
        let ahead = self.wire.take_buffered();
        if !ahead.is_empty() {
            return ahead;
        }
        // A reset is an end, too.
        let _ = wait::soon("bytes or the end", self.wire.fill()).await;
        self.wire.take_buffered()
    }

    /// Bytes until these have come.
    pub async fn bytes_with(&mut self, mark: &str) -> String {
        let mut text = String::new();
        while !text.contains(mark) {
            let bytes = self.bytes().await;
            assert!(!bytes.is_empty(), "`{mark}` should have come, but only: {text:?}");
            text += &String::from_utf8_lossy(&bytes);
        }
        text
    }

    /// Waits until the gateway has closed the connection; whatever still comes is thrown away.
    pub async fn closed(&mut self) {
        wait::soon("the connection is closed", async {
            while !self.bytes().await.is_empty() {}
        })
        .await;
    }

    /// The head of an answer; its body is then on the connection.
    pub async fn read_head(&mut self) -> Response {
        let head = wait::soon("the head of an answer", self.head()).await;
        head.expect("a readable answer")
            .expect("an answer should have come")
    }

    async fn head(&mut self) -> io::Result<Option<Response>> {
        let mut interim = Vec::new();
        loop {
            let Some(head) = self.wire.through(b"\r\n\r\n").await? else {
                return Ok(None);
            };
            let text = String::from_utf8_lossy(&head).into_owned();
            let (line, rest) = text.split_once("\r\n").expect("just found");
            let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
            let status = status.unwrap_or_else(|| panic!("not a status line: {line:?}"));
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            return Ok(Some(Response {
                status,
                fields: Fields::parse(rest),
                interim,
                ..Response::default()
            }));
        }
    }

    async fn read_message(&mut self, method: &str) -> io::Result<Option<Response>> {
        let Some(mut response) = self.head().await? else {
            return Ok(None);
        };
        if method == "HEAD" || matches!(response.status, 101 | 204 | 304) {
            return Ok(Some(response));
        }
        let mut body = Body::default();
        // An error inside a body is a truncated body.
        let _ = match (
            response.field("transfer-encoding"),
            response.field("content-length"),
        ) {
            (Some("chunked"), None) => self.wire.chunked(&mut body).await,
            (None, Some(length)) => {
                let length = length.parse().expect("a content length is a number");
                self.wire.length(length, &mut body).await
            }
            (None, None) => self.wire.drain_to_end(&mut body).await,
            other => panic!("an answer with this framing: {other:?}"),
        };
        response.truncated = !body.complete;
        (response.body, response.trailers) = (body.kept, body.trailers);
        Ok(Some(response))
    }

    /// Reads a body of this length without keeping it.
    pub async fn skip(&mut self, length: u64) -> bool {
        let mut body = Body::default();
        self.wire.length(length, &mut body).await.is_ok() && body.complete
    }
}

/// Lines that send a request by the general carrier although it arrives whole: the wish is one that the gateway
/// ignores.
pub const GENERAL: &[&str] = &["Connection: upgrade", "Upgrade: other"];

/// Lines for each of the two ways through the gateway.
pub const CARRIERS: [&[&str]; 2] = [&[], GENERAL];

/// The bytes of a request to `api.test`, unless a line names another host. The length of a body is told.
#[must_use]
pub fn request(method: &str, target: &str, lines: &[&str], body: &str) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if !lines
        .iter()
        .any(|line| line.to_ascii_lowercase().starts_with("host:"))
    {
        text += "Host: api.test\r\n";
    }
    for line in lines {
        text += &format!("{line}\r\n");
    }
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// One exchange on a connection of its own.
pub async fn get(at: SocketAddr, target: &str, lines: &[&str]) -> Response {
    Client::connect(at).await.get(target, lines).await
}

/// One exchange on a connection of its own.
pub async fn exchange(at: SocketAddr, bytes: impl AsRef<[u8]>) -> Response {
    Client::connect(at).await.exchange(bytes).await
}
