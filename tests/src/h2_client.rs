//! A client of HTTP/2 that keeps to the standard; for one that does not, see [`crate::frames`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ClientConfig;

use crate::message::{Fields, Response};
use crate::wait;
use crate::wire::Stream;

/// Bytes of one answer that are sent before they are read.
const WINDOW: u32 = 1024 * 1024;

/// One connection with many streams.
#[derive(Debug)]
pub struct H2Client {
    requests: SendRequest<Bytes>,
    scheme: &'static str,
    connection: JoinHandle<()>,
}

impl Drop for H2Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl H2Client {
    /// In clear text by prior knowledge (RFC 9113 §3.3).
    pub async fn connect(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at)
            .await
            .unwrap_or_else(|error| panic!("{at} accepts: {error}"));
        // Frames must leave when they are written.
        let _ = stream.set_nodelay(true);
        Self::over(Box::new(stream), "http", WINDOW).await
    }

    /// As [`H2Client::connect`], of a client that opens no window: it is sent heads and no byte of a body.
    pub async fn connect_without_window(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at)
            .await
            .unwrap_or_else(|error| panic!("{at} accepts: {error}"));
        Self::over(Box::new(stream), "http", 0).await
    }

    /// Through TLS; the gateway must choose `h2` by ALPN (RFC 9113 §3.2).
    pub async fn connect_tls(at: SocketAddr, name: &str, config: Arc<ClientConfig>) -> io::Result<Self> {
        let stream = crate::client::tls(at, name, config).await?;
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            Some(&b"h2"[..]),
            "ALPN chooses h2"
        );
        Ok(Self::over(Box::new(stream), "https", WINDOW).await)
    }

    async fn over(stream: Box<dyn Stream>, scheme: &'static str, window: u32) -> Self {
        let mut builder = Builder::new();
        builder
            .initial_window_size(window)
            .initial_connection_window_size(4 * 1024 * 1024);
        let (requests, connection) = wait::soon("the preface of HTTP/2", builder.handshake(stream))
            .await
            .expect("HTTP/2 is spoken");
        let connection = tokio::spawn(async move {
            // Its streams tell what went wrong.
            let _ = connection.await;
        });
        Self {
            requests,
            scheme,
            connection,
        }
    }

    /// The head of a request to this authority.
    #[must_use]
    pub fn head(&self, method: Method, authority: &str, path: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut head = Request::builder()
            .method(method)
            .uri(format!("{}://{authority}{path}", self.scheme));
        for (name, value) in fields {
            head = head.header(*name, *value);
        }
        head.version(http::Version::HTTP_2)
            .body(())
            .expect("the heads of a test are well formed")
    }

    /// Opens a stream.
    pub async fn open(
        &mut self,
        head: Request<()>,
        end: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        wait::soon(
            "room for a stream",
            std::future::poll_fn(|context| self.requests.poll_ready(context)),
        )
        .await?;
        self.requests.send_request(head, end)
    }

    /// A whole exchange.
    pub async fn exchange(&mut self, head: Request<()>, body: &[u8]) -> Result<Response, h2::Error> {
        let head_only = head.method() == Method::HEAD;
        let (answer, mut stream) = self.open(head, body.is_empty()).await?;
        if !body.is_empty() {
            // A refusal may come first; then the rest is not wanted.
            let _ = send(&mut stream, Bytes::copy_from_slice(body), true).await;
        }
        read(answer, head_only).await
    }

    /// GET of this path at `api.test`.
    pub async fn get(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let head = self.head(Method::GET, "api.test", path, fields);
        self.exchange(head, b"")
            .await
            .expect("an answer should have come")
    }

    /// POST to this path at `api.test`, without a content length.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
        let head = self.head(Method::POST, "api.test", path, fields);
        self.exchange(head, body)
            .await
            .expect("an answer should have come")
    }
}

/// Sends bytes as fast as the window allows.
pub async fn send(stream: &mut SendStream<Bytes>, mut bytes: Bytes, end: bool) -> Result<(), h2::Error> {
    let write = async {
        while !bytes.is_empty() {
            stream.reserve_capacity(bytes.len());
            let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
            let room = room.unwrap_or_else(|| Err(h2::Reason::CANCEL.into()))?;
            let now = bytes.split_to(room.min(bytes.len()));
            stream.send_data(now, end && bytes.is_empty())?;
        }
        Ok(())
    };
    wait::soon("the window opens", write).await
}

/// Ends the request with trailers.
pub fn send_trailers(stream: &mut SendStream<Bytes>, trailers: &[(&'static str, &'static str)]) {
    let field = |&(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let map: HeaderMap = trailers.iter().map(field).collect();
    stream.send_trailers(map).expect("the stream is open");
}

/// Reads an answer to its end.
pub async fn read(answer: ResponseFuture, head_only: bool) -> Result<Response, h2::Error> {
    let (parts, mut body) = wait::soon("the head of an answer", answer).await?.into_parts();
    let status = parts.status.as_u16();
    let mut response = Response {
        status,
        fields: Fields::of(&parts.headers),
        ..Response::default()
    };
    if head_only {
        return Ok(response);
    }
    while let Some(data) = wait::soon("a piece of the body", body.data()).await {
        match data {
            Ok(data) => {
                body.flow_control().release_capacity(data.len())?;
                response.body.extend_from_slice(&data);
            }
            Err(_) => {
                response.truncated = true;
                return Ok(response);
            }
        }
    }
    response.trailers = trailers(&mut body).await?;
    Ok(response)
}

async fn trailers(body: &mut RecvStream) -> Result<Fields, h2::Error> {
    let trailers = wait::soon("the end of the stream", body.trailers()).await?;
    Ok(trailers.as_ref().map(Fields::of).unwrap_or_default())
}
