//! Outbound calls of our own: one small request, one bounded answer, one deadline.
//!
//! It serves health checks and filters that ask somebody else. It never carries a client's exchange and
//! follows no redirect.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use pingora_http::RequestHeader;
use tokio::time::timeout;

use super::retry::is_idempotent;

/// A file of authorities that has none, for connectors that must not trust the system's.
pub(crate) const NO_AUTHORITIES: &str = "/dev/null";

/// Connections kept for reuse, over all peers.
const IDLE_MAX: usize = 64;

/// What is asked, of whom, and how much may come back.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Where to connect; its time-outs hold beside the deadline.
    pub peer: &'a HttpPeer,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: &'a str,
    /// `Host` or `:authority`.
    pub host: &'a str,
    /// Further fields. Framing is not among them: it follows from the body.
    pub fields: &'a [(HeaderName, HeaderValue)],
    /// The request's body.
    pub body: Bytes,
    /// Bytes of the answer's body; a longer one is an error. None: the body is not read.
    pub answer_max: Option<usize>,
    /// From the start to the last byte that is read.
    pub deadline: Duration,
    /// Whether the connection may be shared with other calls.
    pub keep: Keep,
}

/// Whether connections outlive a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// A new connection each time, closed afterwards.
    Never,
    /// Kept for the peer's idle time.
    Idle,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status of the final answer.
    pub status: u16,
    /// Its fields.
    pub fields: HeaderMap,
    /// Its body; empty when it was not to be read.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The call itself is not valid HTTP.
    #[error("the request cannot be written: {0}")]
    Malformed(String),
    /// The deadline passed.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// No connection, or no TLS session.
    #[error("cannot connect: {0}")]
    Connect(Box<pingora::Error>),
    /// The connection broke, or what came is not HTTP.
    #[error("the connection broke: {0}")]
    Broken(Box<pingora::Error>),
    /// The answer is longer than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Makes calls, all of them on one runtime: connections are kept for it.
pub struct Client {
    ca_file: Option<&'static str>,
    /// Made at the first call, because it may have to parse the system's authorities.
    connector: OnceLock<Connector>,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client")
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that trusts the authorities in `ca_file`, or the system's; a peer's own come first.
    #[must_use]
    pub const fn new(ca_file: Option<&'static str>) -> Self {
        Self {
            ca_file,
            connector: OnceLock::new(),
        }
    }

    /// Makes a call. Must run on a tokio runtime.
    ///
    /// # Errors
    /// When no complete answer comes in time.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let deadline = call.deadline;
        timeout(deadline, self.exchange(&call))
            .await
            .unwrap_or(Err(CallError::TimedOut(deadline)))
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        let mut peer = call.peer.clone();
        if call.keep == Keep::Never {
            // With one stream per connection Pingora keeps no HTTP/2 connection of its own accord, and
            // since this is part of its pool key no kept connection is found either.
            peer.options.max_h2_streams = 1;
        }
        loop {
            let (mut session, reused) = self
                .connector()
                .get_http_session(&peer)
                .await
                .map_err(CallError::Connect)?;
            session.set_read_timeout(peer.options.read_timeout);
            session.set_write_timeout(peer.options.write_timeout);
            if let Err(error) = ask(&mut session, call).await {
                // A kept connection that was just closed. A new one cannot be reused, so this ends.
                if reused && is_idempotent(&call.method) && matches!(error, CallError::Broken(_)) {
                    continue;
                }
                return Err(error);
            }
            let answer = read_answer(&mut session, call.answer_max).await?;
            if call.keep == Keep::Idle && call.answer_max.is_some() {
                let idle = peer.options.idle_timeout;
                self.connector().release_http_session(session, &peer, idle).await;
            }
            return Ok(answer);
        }
    }

    fn connector(&self) -> &Connector {
        self.connector.get_or_init(|| {
            let mut options = ConnectorOptions::new(IDLE_MAX);
            options.ca_file = self.ca_file.map(str::to_owned);
            Connector::new(Some(options))
        })
    }
}

/// Sends the request and waits for the head of its final answer.
async fn ask(session: &mut HttpSession, call: &Call<'_>) -> Result<(), CallError> {
    let head = head(call, session.as_http2().is_some())?;
    session
        .write_request_header(Box::new(head))
        .await
        .map_err(CallError::Broken)?;
    if !call.body.is_empty() {
        session
            .write_request_body(call.body.clone(), true)
            .await
            .map_err(CallError::Broken)?;
    }
    session.finish_request_body().await.map_err(CallError::Broken)?;
    loop {
        session.read_response_header().await.map_err(CallError::Broken)?;
        // HTTP/2 sessions skip interim answers by themselves and must not be asked twice.
        let is_interim = session
            .response_header()
            .is_some_and(|head| head.status.is_informational());
        if !is_interim || session.as_http1().is_none() {
            return Ok(());
        }
    }
}

async fn read_answer(session: &mut HttpSession, body_max: Option<usize>) -> Result<Answer, CallError> {
    let mut body = BytesMut::new();
    if let Some(max) = body_max {
        while let Some(chunk) = session.read_response_body().await.map_err(CallError::Broken)? {
            if body.len() + chunk.len() > max {
                return Err(CallError::TooLong(max));
            }
            body.extend_from_slice(&chunk);
        }
    }
    let head = session.response_header();
    Ok(Answer {
        status: head.map_or(0, |head| head.status.as_u16()),
        fields: head.map(|head| head.headers.clone()).unwrap_or_default(),
        body: body.freeze(),
    })
}

fn head(call: &Call<'_>, is_h2: bool) -> Result<RequestHeader, CallError> {
    let malformed = |error: &dyn fmt::Display| CallError::Malformed(error.to_string());
    let mut head = RequestHeader::build(
        call.method.clone(),
        call.target.as_bytes(),
        Some(call.fields.len() + 2),
    )
    .map_err(|error| malformed(&error))?;
    if is_h2 {
        // Pingora would derive the authority from `Host`, but claim `https` for clear text, too.
        let scheme = if call.peer.is_tls() { "https" } else { "http" };
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(call.host)
            .path_and_query(call.target)
            .build();
        head.set_uri(uri.map_err(|error| malformed(&error))?);
    } else {
        head.insert_header(header::HOST, call.host)
            .map_err(|error| malformed(&error))?;
    }
    for (name, value) in call.fields {
        head.append_header(name, value)
            .map_err(|error| malformed(&error))?;
    }
    let takes_body = matches!(call.method, Method::POST | Method::PUT | Method::PATCH);
    if takes_body || !call.body.is_empty() {
        head.insert_header(header::CONTENT_LENGTH, call.body.len())
            .map_err(|error| malformed(&error))?;
    }
    Ok(head)
}

#[cfg(test)]
mod tests;
