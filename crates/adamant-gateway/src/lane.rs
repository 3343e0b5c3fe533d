//! The lean carrier: HTTP/1.1 requests that are here to their last byte, relayed on Pingora's own sessions
//! without its proxy loop.
//!
//! It has Pingora's parsers and streams, but no channels between the two halves, no replay buffer and no
//! boxed hooks: two thirds of the price of the general carrier. It decides nothing; engine and plan do, and
//! whatever it does not carry (bodies that are still on their way, upgrades, HTTP/1.0, HTTP/2) goes to the
//! general carrier.

mod body;
mod connections;
mod held;
mod joined;
mod relay;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use adamant_observe::Failure;
use adamant_policy::plan::{Decided, Refusal};
use bytes::Bytes;
use http::StatusCode;
use pingora::http::RequestHeader;
use pingora::protocols::http::v1::client::HttpSession as Up;
use pingora::protocols::http::v1::server::HttpSession as Down;
use pingora::{Error, Result};
use tokio::io::AsyncWriteExt;

use crate::answers::OwnAnswer;
use crate::engine::{Engine, Next};
use crate::exchange::{Exchange, Lent};
use crate::listen::{ClientStream, HeadFacts};
use crate::proxy::{failure_of, of_attempt, refusal_of};
use crate::upstream::retry::{FailedAttempt, Failure as Failed, is_idempotent};
use connections::Connections;

/// A decision that takes longer lets others go first. Look-ups take less than one microsecond, signatures
/// sixteen and more.
const COSTLY: Duration = Duration::from_micros(10);

thread_local! {
    /// Memory for the bytes of one refusal, used again by the next.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Serves exchanges of one worker.
pub(crate) struct Lane {
    engine: Arc<Engine>,
    connections: Connections,
}

/// How an attempt ended.
enum Attempted {
    /// The answer went to the client to its end.
    Complete,
    /// The client saw a part of an answer; the connection cannot go on.
    Broken,
    /// Nothing went to the client.
    Failed(Failed, Refusal),
    /// The endpoint answered, and the client is to see something else.
    Replaced(Decided),
    /// The client is gone.
    Gone,
}

/// What was awaited first.
enum First<T> {
    /// The endpoint's side.
    Upstream(T),
    /// The client left.
    ClientGone,
    /// The exchange's time was over while the endpoint sent piece by piece.
    Late(Refusal),
}

impl Lane {
    pub(crate) fn new(engine: Arc<Engine>, ca_file: Option<&'static str>) -> Self {
        Self {
            engine,
            connections: Connections::new(ca_file),
        }
    }

    /// Closes upstream connections that have been idle for longer than any upstream allows.
    pub(crate) fn sweep(&self) {
        let longest = self
            .engine
            .plan
            .config()
            .upstreams
            .iter()
            .map(|upstream| upstream.keep_idle)
            .max();
        self.connections.sweep(longest.unwrap_or_default());
    }

    /// The body of a request that this carrier can serve, empty where there is none; `None` where it cannot.
    pub(crate) fn takes(stream: &mut ClientStream, facts: &HeadFacts) -> Option<Bytes> {
        if facts.upgrade || facts.expect_continue || facts.http10 {
            return None;
        }
        if facts.is_bodiless() {
            return Some(Bytes::new());
        }
        stream.take_body(facts)
    }

    /// Serves one request with its body; gives the stream back when the connection can go on.
    pub(crate) async fn serve(
        &self,
        stream: Box<ClientStream>,
        facts: HeadFacts,
        body: Bytes,
    ) -> Option<Box<ClientStream>> {
        let connection = Arc::clone(stream.connection());
        let mut down = Down::new(stream);
        // The stream holds the deadlines.
        down.set_read_timeout(None);
        if !matches!(down.read_request().await, Ok(Some(_))) {
            // The head passed inspection and not the parser: answered as malformed, and never forwarded.
            return refuse_unparsed(&self.engine, down).await;
        }
        down.set_server_keepalive((!facts.close && !connection.is_draining()).then_some(0));
        let mut exchange = Lent::take();
        self.engine
            .begin(&mut exchange, &connection, down.req_header_mut());
        // The session frames the answer by the method of its own head, which is a spare one now.
        down.req_header_mut()
            .set_method(exchange.plan.request.method().clone());
        if !body.is_empty() {
            exchange.bytes_in = body.len() as u64;
            // Asked while its head is the spare one, the session learns that it has no body to read: it was
            // taken out of the stream.
            let _ = down.is_body_empty();
        }
        let decided = match self.engine.decide(&mut exchange) {
            Ok(decided) => decided,
            Err(position) => self.engine.plan.request_from(&mut exchange.plan, position).await,
        };
        if let Decided::Refuse(refusal) = &decided {
            let close = facts.close || connection.is_draining();
            let mut bytes = SCRATCH.take();
            bytes.clear();
            if self
                .engine
                .refuse_in_bytes(&mut exchange, refusal, close, &mut bytes)
                .is_some()
            {
                return self.send_refusal(down, exchange, bytes, close).await;
            }
            SCRATCH.set(bytes);
        }
        let served = match self.engine.settle(&mut exchange, decided) {
            Next::Own(answer) => write(&mut down, &mut exchange, answer).await,
            Next::Forward(upstream) => {
                exchange.upstream.id = Some(upstream);
                let refusal = if body.is_empty() {
                    self.engine.plan.request_body_end(&mut exchange.plan);
                    None
                } else {
                    body::admit(&self.engine, &mut exchange, body)
                };
                match refusal {
                    None => self.forward(&mut down, &mut exchange).await,
                    Some(refusal) => self.refuse(&mut down, &mut exchange, refusal).await,
                }
            }
        };
        exchange.bytes_out = down.body_bytes_sent() as u64;
        self.engine.finish(&mut exchange);
        // The spare head goes back; whatever its method was, the next exchange sets it.
        exchange.plan.request.swap_head(down.req_header_mut());
        drop(exchange);
        if !served {
            down.shutdown().await;
            return None;
        }
        ClientStream::recover(down.reuse().await.ok()??.into_parts().0)
    }

    /// Writes a refusal past the session, which has nothing more to say: there is no body to read.
    async fn send_refusal(
        &self,
        mut down: Down,
        mut exchange: Lent,
        bytes: Vec<u8>,
        close: bool,
    ) -> Option<Box<ClientStream>> {
        exchange.bytes_out = body_length(&bytes);
        self.engine.finish(&mut exchange);
        exchange.plan.request.swap_head(down.req_header_mut());
        drop(exchange);
        let mut stream = ClientStream::recover(down.into_inner())?;
        let sent = stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok();
        SCRATCH.set(bytes);
        if sent && !close {
            return Some(stream);
        }
        let _ = AsyncWriteExt::shutdown(&mut *stream).await;
        None
    }

    /// Makes attempts until one has an answer for the client. `true` when the connection can go on.
    async fn forward(&self, down: &mut Down, exchange: &mut Exchange) -> bool {
        loop {
            let terms = match self.engine.attempt(exchange) {
                Ok(terms) => terms,
                Err(refusal) => return self.refuse(down, exchange, refusal).await,
            };
            if exchange.upstream.attempts == 1 {
                step_aside(exchange).await;
            }
            match self.attempt(down, exchange, terms.left).await {
                Attempted::Complete => return true,
                Attempted::Broken => return false,
                Attempted::Gone => {
                    exchange.failure = Some(Failure::ClientAborted);
                    return false;
                }
                Attempted::Replaced(instead) => {
                    let answer = self.engine.replace(exchange, instead);
                    return write(down, exchange, answer).await;
                }
                Attempted::Failed(failure, refusal) => {
                    let attempt = FailedAttempt {
                        number: exchange.upstream.attempts,
                        failure,
                        idempotent: is_idempotent(exchange.plan.request.method()),
                        replayable: true,
                    };
                    if !self.engine.retries(exchange, &attempt) {
                        return self.refuse(down, exchange, refusal).await;
                    }
                }
            }
        }
    }

    async fn refuse(&self, down: &mut Down, exchange: &mut Exchange, refusal: Refusal) -> bool {
        let answer = self.engine.refuse(exchange, refusal);
        write(down, exchange, answer).await
    }

    /// One try at the endpoint that was picked.
    async fn attempt(&self, down: &mut Down, exchange: &mut Exchange, left: Option<Duration>) -> Attempted {
        let Some(picked) = &exchange.upstream.picked else {
            return Attempted::Broken;
        };
        let mut head = Box::new(exchange.plan.request.head().clone());
        let reuse = self.connections.take(picked.id(), picked.peer());
        let reused = reuse.is_some();
        let mut stream = match reuse {
            Some(stream) => stream,
            None => match self.connections.open(picked.peer(), left).await {
                Ok(stream) => {
                    exchange.upstream.connect = Some(self.engine.clock.tick().since(exchange.upstream.began));
                    stream
                }
                Err(error) => return failed(&error, exchange, Failed::Connect),
            },
        };
        if let Some(refusal) = self.engine.outgoing(exchange, &mut head) {
            return Attempted::Failed(Failed::Late, refusal);
        }
        body::frame(exchange, &mut head);
        if exchange.body.held.is_some() {
            stream.hold();
        }
        let mut up = Up::new(stream);
        let times = self.times(exchange, left);
        up.write_timeout = Some(times.first_byte);
        up.read_timeout = Some(times.first_byte);
        if let Err(error) = send_request(&mut up, head, exchange.body.held.as_ref()).await {
            return broken(error, exchange, reused);
        }
        if let Some(ended) = self.read_head(down, &mut up, exchange, reused).await {
            return ended;
        }
        up.read_timeout = Some(times.idle);
        self.relay(down, up, exchange).await
    }

    fn times(&self, exchange: &Exchange, left: Option<Duration>) -> Times {
        let configured = exchange
            .upstream
            .id
            .and_then(|id| self.engine.plan.config().upstreams.get(id.0));
        let bounded = |time: Duration| left.map_or(time, |left| time.min(left));
        configured.map_or(
            Times {
                first_byte: Duration::ZERO,
                idle: Duration::ZERO,
            },
            |upstream| Times {
                first_byte: bounded(upstream.timeouts.first_byte),
                idle: bounded(upstream.timeouts.idle),
            },
        )
    }

    /// Waits for the final head of the answer. Returns how the attempt ended when there is none.
    async fn read_head(
        &self,
        down: &mut Down,
        up: &mut Up,
        exchange: &mut Exchange,
        reused: bool,
    ) -> Option<Attempted> {
        loop {
            let left = || self.engine.left(exchange).map(drop);
            match beside_client(up.read_response(), down, left).await {
                First::ClientGone => return Some(Attempted::Gone),
                First::Late(refusal) => {
                    exchange.failure = Some(Failure::TotalTimeout);
                    return Some(Attempted::Failed(Failed::Late, refusal));
                }
                First::Upstream(Err(error)) => return Some(broken(error, exchange, reused)),
                First::Upstream(Ok(_)) => {}
            }
            let status = up.get_status().map_or(0, |status| status.as_u16());
            // An interim answer is for clients that wait for it, and those go through the general carrier.
            if !(100..200).contains(&status) {
                exchange.upstream.first_byte = Some(self.engine.clock.tick().since(exchange.upstream.began));
                exchange.upstream.status = Some(status);
                return None;
            }
            if status == StatusCode::SWITCHING_PROTOCOLS.as_u16() {
                let refusal = Refusal::new(crate::reasons::UPSTREAM, &crate::reasons::SWITCH);
                return Some(Attempted::Failed(Failed::Late, refusal));
            }
            // Each interim answer begins the wait anew.
            if let Err(refusal) = self.engine.left(exchange) {
                exchange.failure = Some(Failure::TotalTimeout);
                return Some(Attempted::Failed(Failed::Late, refusal));
            }
        }
    }
}

/// Sends the head, and the body with it.
async fn send_request(up: &mut Up, head: Box<RequestHeader>, body: Option<&Bytes>) -> Result<()> {
    up.write_request_header(head).await?;
    if let Some(body) = body {
        up.write_body(body).await?;
        up.finish_body().await?;
    }
    Ok(())
}

/// After a decision that took long, as a signature does, lets the other requests that are ready be decided
/// first: then what they send leaves together, and their endpoints are woken once and not for each of them.
async fn step_aside(exchange: &Exchange) {
    let decided = exchange.upstream.began.since(exchange.plan.request.now());
    if decided > COSTLY {
        tokio::task::yield_now().await;
    }
}

/// Bytes behind the head of an answer.
fn body_length(answer: &[u8]) -> u64 {
    let head = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .map_or(answer.len(), |end| end + 4);
    (answer.len() - head) as u64
}

/// Maxima of one attempt.
struct Times {
    first_byte: Duration,
    idle: Duration,
}

/// A head that only the parser refuses.
async fn refuse_unparsed(engine: &Engine, down: Down) -> Option<Box<ClientStream>> {
    let stream = ClientStream::recover(down.into_inner())?;
    let answer = engine.refuse_unread(&crate::listen::reasons::REQUEST_LINE, stream.connection());
    stream.close_with(&answer).await;
    None
}

fn failed(error: &Error, exchange: &mut Exchange, failure: Failed) -> Attempted {
    exchange.failure = Some(failure_of(error, exchange));
    Attempted::Failed(failure, refusal_of(exchange.failure))
}

/// What broke between us and the endpoint before its answer.
fn broken(error: Box<Error>, exchange: &mut Exchange, reused: bool) -> Attempted {
    let error = error.into_up();
    let failure = of_attempt(&error, exchange, reused);
    failed(&error, exchange, failure)
}

/// Writes an answer of ours. `true` when the connection can go on.
async fn write(down: &mut Down, exchange: &mut Exchange, answer: OwnAnswer) -> bool {
    exchange.status = answer.head.status.as_u16();
    down.write_response_header(answer.head).await.is_ok()
        && send(down, &answer.body).await
        && down.finish_body().await.is_ok()
}

/// Writes a piece of a body; an empty one would end a chunked body early.
async fn send(down: &mut Down, piece: &[u8]) -> bool {
    piece.is_empty() || down.write_body(piece).await.is_ok()
}

/// Waits for the endpoint while watching whether the client stays. The client is looked at only when the
/// endpoint lets wait, and the clock only when it does so again: each read has its own time-out, which an
/// endpoint that sends byte by byte never meets.
async fn beside_client<T>(
    upstream: impl Future<Output = T>,
    down: &mut Down,
    left: impl Fn() -> std::result::Result<(), Refusal>,
) -> First<T> {
    let mut upstream = pin!(upstream);
    let mut client = pin!(down.idle());
    let mut has_waited = false;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(value) = upstream.as_mut().poll(cx) {
            return Poll::Ready(First::Upstream(value));
        }
        if std::mem::replace(&mut has_waited, true)
            && let Err(refusal) = left()
        {
            return Poll::Ready(First::Late(refusal));
        }
        // The stream shows nothing behind the request, so whatever is ready here is the end.
        client.as_mut().poll(cx).map(|_| First::ClientGone)
    })
    .await
}
