//! The client's side of a connection as Pingora sees it: clear text or TLS, buffered both ways, with the
//! deadlines of its listener, and never showing more than the one request that is being served.
//!
//! It does not interpret requests (that is `head`) and does not know who serves them (that is `serve`).

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::admission::Permit;
use super::buffer::Buffer;
use super::connection::{Breach, Connection, Phase};
use super::framing::Framing;
use super::head::{BodyFraming, HeadFacts};
use super::linger;
use super::pace::{Pace, Times, Wait};

mod arrival;
mod read;
mod write;

pub(super) use arrival::{Arrival, HeadRules, HeadSearch};

/// The bytes below: a socket, or TLS over it.
pub(super) enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Handed to the lingering close; nothing is read or written any more.
    Gone,
}

/// A buffered client connection with deadlines. Lives in one box from accept to close: Pingora's
/// `Stream` is that same box, and [`ClientStream::recover`] gets it back without a copy.
pub struct ClientStream {
    transport: Transport,
    connection: Arc<Connection>,
    input: Buffer,
    output: Buffer,
    framing: Framing,
    pace: Pace,
    /// The client has sent its last byte.
    end_of_input: bool,
    /// A byte of an answer was taken since the exchange began.
    has_answered: bool,
    /// The client waits for `100 Continue`, so its silence before any answer is no fault.
    awaits_continue: bool,
    /// A hook may switch this exchange to [`Phase::Tunnel`].
    may_tunnel: bool,
    /// The close must wait for what the client still sends, see `linger`.
    must_linger: bool,
    /// Bytes of the HTTP/2 preface and first frame header that are still due.
    preface_left: usize,
    digests: Digests,
    permit: Option<Permit>,
}

/// What Pingora asks for at the start of every exchange; made once per connection.
#[derive(Default)]
struct Digests {
    proxy: OnceLock<Arc<ProxyDigest>>,
    socket: OnceLock<Arc<SocketDigest>>,
    tls: OnceLock<Arc<SslDigest>>,
}

/// Client preface (RFC 9113 §3.4) and the header of the SETTINGS frame that must follow.
const PREFACE_AND_FRAME_HEADER: usize = 24 + 9;

impl ClientStream {
    pub(super) fn new(
        transport: Transport,
        connection: Arc<Connection>,
        times: Times,
        permit: Option<Permit>,
    ) -> Box<Self> {
        Box::new(Self {
            transport,
            connection,
            input: Buffer::default(),
            output: Buffer::default(),
            framing: Framing::CLOSED,
            pace: Pace::new(times),
            end_of_input: false,
            has_answered: false,
            awaits_continue: false,
            may_tunnel: false,
            must_linger: false,
            preface_left: 0,
            digests: Digests::default(),
            permit,
        })
    }

    /// The stream that a carrier had given to Pingora; `None` when the session ran on another one.
    #[must_use]
    pub fn recover(stream: pingora::protocols::Stream) -> Option<Box<Self>> {
        stream.into_any().downcast().ok()
    }

    /// Facts and shared state of the connection.
    #[must_use]
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The unread bytes: at the start of an exchange the request head, and whatever came with it.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.input.filled()
    }

    /// Takes the body of the inspected request out, if it has a declared length and has come whole. What can
    /// be read then is its head alone.
    pub(crate) fn take_body(&mut self, facts: &HeadFacts) -> Option<Bytes> {
        let BodyFraming::Length(length) = facts.body else {
            return None;
        };
        let body = self.input.cut(facts.head_len, usize::try_from(length).ok()?)?;
        self.framing.skip_body();
        Some(body)
    }

    /// From here on exactly the inspected request can be read.
    pub(super) fn begin(&mut self, facts: &HeadFacts) {
        self.framing = Framing::of(facts);
        self.pace.restart();
        self.has_answered = false;
        self.awaits_continue = facts.expect_continue;
        self.may_tunnel = facts.upgrade;
        self.connection.set_phase(Phase::Exchange);
    }

    /// From here on HTTP/2 is spoken. The preface and the first frame header must come within `head` time.
    pub(super) fn begin_http2(&mut self) {
        self.framing = Framing::HTTP2;
        self.pace.restart();
        self.preface_left = PREFACE_AND_FRAME_HEADER;
        self.connection.set_http2();
        self.connection.set_phase(Phase::Head);
    }

    /// The exchange is over; back to waiting. `false`: the connection is not exactly in step (RFC 9112
    /// §9.3: the request must have been read and the answer sent to their last bytes) and must close.
    pub(super) fn end(&mut self) -> bool {
        let in_step = self.framing.is_complete()
            && self.output.is_empty()
            && self.connection.breach().is_none()
            && self.connection.phase() == Phase::Exchange;
        if in_step {
            self.framing = Framing::CLOSED;
            self.pace.restart();
            self.connection.set_phase(Phase::Idle);
        }
        in_step
    }

    /// Send `answer` and close in a way that lets the client read it although it may still be sending.
    pub(crate) async fn close_with(mut self: Box<Self>, answer: &[u8]) {
        self.must_linger = true;
        if self.write_all(answer).await.is_ok() {
            let _ = AsyncWriteExt::shutdown(&mut *self).await;
        }
    }

    /// The wait that a pending read is in.
    #[inline]
    fn wait(&self) -> Wait {
        match self.connection.phase() {
            Phase::Idle => Wait::Request,
            Phase::Head => Wait::Head,
            Phase::Exchange if self.framing.is_in_body() && (self.has_answered || !self.awaits_continue) => {
                Wait::Body
            }
            Phase::Exchange | Phase::Tunnel => Wait::Unbounded,
        }
    }

    #[cold]
    fn fail(&mut self, breach: Breach) -> io::Error {
        self.connection.set_breach(breach);
        let kind = if breach == Breach::Chunk {
            io::ErrorKind::InvalidData
        } else {
            io::ErrorKind::TimedOut
        };
        io::Error::new(kind, breach)
    }

    /// Read from the transport into the input buffer, which must have room. `Ok(0)`: the end.
    #[inline]
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = ReadBuf::new(self.input.spare());
        let result = self.transport.poll_read(cx, &mut space);
        let count = space.filled().len();
        if result.is_pending() {
            if self.input.is_empty() {
                self.input.release();
            }
            return self.poll_expired(cx).map(Err);
        }
        ready!(result)?;
        if count == 0 {
            self.end_of_input = true;
            if self.input.is_empty() {
                self.input.release();
            }
            return Poll::Ready(Ok(0));
        }
        self.input.advance(count);
        self.pace.has_read(count);
        Poll::Ready(Ok(count))
    }

    /// A read waits: Ready with the error when it has waited for too long.
    #[inline]
    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let wait = self.wait();
        ready!(self.pace.poll_read_expired(wait, cx));
        Poll::Ready(self.fail(match wait {
            Wait::Request | Wait::Unbounded => Breach::Idle,
            Wait::Head => Breach::Head,
            Wait::Body => Breach::Body,
        }))
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        // A client that takes nothing will not take the last answer either.
        let is_lost = self.end_of_input || self.connection.breach() == Some(Breach::Send);
        let unread = || self.framing.is_in_body() || !self.input.is_empty() || self.transport.has_unread();
        if !is_lost && (self.must_linger || (self.has_answered && unread())) {
            let transport = std::mem::replace(&mut self.transport, Transport::Gone);
            linger::close(transport, self.permit.take());
        }
    }
}

impl fmt::Debug for ClientStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream of {:?}", self.connection)
    }
}

#[async_trait::async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for ClientStream {
    fn id(&self) -> UniqueIDType {
        self.transport.socket().map_or(-1, AsRawFd::as_raw_fd)
    }
}

impl Ssl for ClientStream {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        let facts = self.connection.tls()?;
        let make = || {
            let cipher = Cow::<'static, str>::Owned(facts.cipher.to_string());
            Arc::new(SslDigest::new(
                cipher,
                Cow::Borrowed(facts.version),
                None,
                None,
                Vec::new(),
            ))
        };
        Some(self.digests.tls.get_or_init(make).clone())
    }

    /// Also `H2` in clear text after prior knowledge: it is what makes Pingora's `process_new` speak
    /// HTTP/2 without its own peek at the preface, which has no deadline.
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        match (self.connection.is_http2(), self.connection.tls()) {
            (true, _) => Some(ALPN::H2),
            (false, Some(_)) => Some(ALPN::H1),
            (false, None) => None,
        }
    }
}

impl GetTimingDigest for ClientStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for ClientStream {
    /// Carries the [`Connection`] to the hooks: Pingora copies this digest into every session, HTTP/1.1
    /// and HTTP/2, and never looks into it for clients.
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        if let Some(digest) = self.digests.proxy.get() {
            return Some(digest.clone());
        }
        let header = ResponseHeader::build(200, Some(0)).ok()?;
        let digest = ProxyDigest::new(Box::new(header), Some(Box::new(self.connection.clone())));
        Some(self.digests.proxy.get_or_init(|| Arc::new(digest)).clone())
    }
}

impl GetSocketDigest for ClientStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        let fd = self.transport.socket()?.as_raw_fd();
        let make = || {
            let digest = SocketDigest::from_raw_fd(fd);
            // Both are known, so that no session asks the kernel for them.
            let _ = digest.peer_addr.set(Some(inet(self.connection.client())));
            let _ = digest.local_addr.set(Some(inet(self.connection.local())));
            Arc::new(digest)
        };
        Some(self.digests.socket.get_or_init(make).clone())
    }
}

fn inet(address: SocketAddr) -> pingora::protocols::l4::socket::SocketAddr {
    pingora::protocols::l4::socket::SocketAddr::Inet(address)
}

/// Refused, so that Pingora never waits for a preface on its own.
impl Peek for ClientStream {}
