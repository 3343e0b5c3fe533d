//! Answers that wait for their pace beside a client that may leave.
//!
//! Pingora sleeps for the delay that a body hook returns, and looks at nobody meanwhile: whoever asks for a long
//! answer and leaves holds the exchange, its endpoint and its places until the delay is over. Here the wait is part
//! of the write instead. While an answer is paced its session stands inside one of our own, of the kind that
//! Pingora leaves to others to implement; it passes every call on, and waits before it writes. It decides nothing
//! about how long, and it keeps no bytes.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::protocols::http::custom::CustomMessageWrite;
use pingora::protocols::http::custom::server::Session as Custom;
use pingora::protocols::http::{HttpTask, ServerSession};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};
use tokio::time::Instant;

use crate::exchange::Exchange;

/// Time between two looks at a client of HTTP/1.1, whose connection tells nothing by itself while bytes of a request
/// lie in it unread.
const LOOK: Duration = Duration::from_millis(500);

/// State of a connection that neither side has closed, as the kernel numbers it.
const ESTABLISHED: u8 = 1;

/// State that an exchange shares with its paced session. One task has both, so the locks never wait; they are what
/// Pingora's bounds on sessions ask for, and only paced answers take them.
#[derive(Default)]
pub(crate) struct Pause {
    /// When what is to be written next may leave.
    due: Mutex<Option<Due>>,
    /// The time of the exchange was over before something could leave.
    is_late: AtomicBool,
    /// The session, once the paced one around it is dropped.
    session: Mutex<Option<Box<ServerSession>>>,
}

#[derive(Clone, Copy)]
struct Due {
    at: Instant,
    /// The time of the exchange is over then.
    is_end: bool,
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pause")
    }
}

/// Makes the next write wait for `delay`; where `left` is over before that, nothing is written.
pub(super) fn before_write(
    session: &mut Session,
    exchange: &mut Exchange,
    delay: Duration,
    left: Option<Duration>,
) {
    let pause = exchange.pause.get_or_insert_with(|| {
        let pause = Arc::new(Pause::default());
        let inner = std::mem::replace(&mut session.downstream_session, nobody());
        let paced = Paced {
            inner,
            pause: Arc::clone(&pause),
        };
        *session.downstream_session = ServerSession::Custom(Box::new(paced));
        pause
    });
    let late = left.filter(|left| *left < delay);
    let due = Due {
        at: Instant::now() + late.unwrap_or(delay),
        is_end: late.is_some(),
    };
    let mut known = pause.due.lock().unwrap_or_else(PoisonError::into_inner);
    *known = Some(known.map_or(due, |known| Due {
        at: known.at.max(due.at),
        is_end: known.is_end || due.is_end,
    }));
}

/// Gives Pingora its own session back, where more is asked of it than reading and writing. Tells whether the time of
/// the exchange was over before something could leave.
pub(super) fn end(session: &mut Session, exchange: &mut Exchange) -> bool {
    let Some(pause) = exchange.pause.take() else {
        return false;
    };
    drop(std::mem::replace(&mut session.downstream_session, nobody()));
    let inner = pause
        .session
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(inner) = inner {
        session.downstream_session = inner;
    }
    pause.is_late.load(Ordering::Relaxed)
}

/// Stands for a session while it is moved. Nothing is ever asked of it.
fn nobody() -> Box<ServerSession> {
    Box::new(ServerSession::Custom(Box::new(())))
}

/// A session that waits before it writes.
struct Paced {
    inner: Box<ServerSession>,
    pause: Arc<Pause>,
}

impl Drop for Paced {
    fn drop(&mut self) {
        let inner = std::mem::replace(&mut self.inner, nobody());
        let mut place = self.pause.session.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(inner);
    }
}

impl Paced {
    /// Waits until what comes next may leave.
    ///
    /// # Errors
    /// When the client leaves meanwhile, or when the time of the exchange is over.
    async fn wait(&mut self) -> Result<()> {
        let due = self
            .pause
            .due
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(due) = due else { return Ok(()) };
        self.wait_until(due.at).await?;
        if due.is_end {
            self.pause.is_late.store(true, Ordering::Relaxed);
            return Error::e_explain(ErrorType::WriteTimedout, "a paced answer was late")
                .map_err(Error::into_in);
        }
        Ok(())
    }

    async fn wait_until(&mut self, due: Instant) -> Result<()> {
        if let Some(closed) = self.inner.watch_h2_stream_close() {
            let closed = tokio::time::timeout_at(due, closed).await;
            return closed.map_or(Ok(()), |_| gone());
        }
        loop {
            let look = due.min(Instant::now() + LOOK);
            tokio::time::sleep_until(look).await;
            if is_closed(&self.inner) {
                return gone();
            }
            if look == due {
                return Ok(());
            }
        }
    }
}

fn gone() -> Result<()> {
    Error::e_explain(ErrorType::ConnectionClosed, "the client left a paced answer").map_err(Error::into_down)
}

/// Whether the client has closed its connection, or its side of it, which HTTP/1.1 clients that wait for an answer
/// do not do. The kernel knows, whatever lies before the end unread. It does not where a client has more to send than
/// the kernel takes: then the end is not here yet.
fn is_closed(session: &ServerSession) -> bool {
    let socket = session.digest().and_then(|digest| digest.socket_digest.as_ref());
    let state = socket.and_then(|socket| socket.tcp_info());
    state.is_some_and(|info| info.tcpi_state != ESTABLISHED)
}

#[async_trait]
impl Custom for Paced {
    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        self.wait().await?;
        self.inner.response_duplex_vec(tasks).await
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.wait().await?;
        self.inner.write_response_body(data, end).await
    }

    fn req_header(&self) -> &RequestHeader {
        self.inner.req_header()
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        self.inner.req_header_mut()
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.inner.read_request_body().await
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        self.inner.drain_request_body().await
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, _end: bool) -> Result<()> {
        self.inner.write_response_header(head).await
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, _end: bool) -> Result<()> {
        self.inner.write_response_header_ref(head).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.inner.write_response_trailers(trailers).await
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_read_timeout(timeout);
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.inner.get_read_timeout()
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_write_timeout(timeout);
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.inner.get_write_timeout()
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_total_drain_timeout(timeout);
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.inner.get_total_drain_timeout()
    }

    fn request_summary(&self) -> String {
        self.inner.request_summary()
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.inner.response_written()
    }

    async fn shutdown(&mut self, _code: u32, _why: &str) {
        self.inner.shutdown().await;
    }

    fn is_body_done(&mut self) -> bool {
        self.inner.is_body_done()
    }

    async fn finish(&mut self) -> Result<()> {
        self.inner.finish_body().await
    }

    fn is_body_empty(&mut self) -> bool {
        self.inner.is_body_empty()
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        self.inner.read_body_or_idle(no_body_expected).await
    }

    fn body_bytes_sent(&self) -> usize {
        self.inner.body_bytes_sent()
    }

    fn body_bytes_read(&self) -> usize {
        self.inner.body_bytes_read()
    }

    fn digest(&self) -> Option<&Digest> {
        self.inner.digest()
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        self.inner.digest_mut()
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.inner.client_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.inner.server_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        self.inner.to_h1_raw()
    }

    fn enable_retry_buffering(&mut self) {
        self.inner.enable_retry_buffering();
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.inner.retry_buffer_truncated()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.inner.get_retry_buffer()
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(
        &mut self,
    ) -> Option<Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>> {
        None
    }

    fn restore_custom_message_reader(
        &mut self,
        _reader: Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>,
    ) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _writer: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }

    fn is_upgrade_req(&self) -> bool {
        self.inner.is_upgrade_req()
    }

    fn was_upgraded(&self) -> bool {
        self.inner.was_upgraded()
    }
}
