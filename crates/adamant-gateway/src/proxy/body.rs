//! Request and response bodies on their way through the checks.
//!
//! A body whose length was not declared is read ahead, so that a body over the bound is refused before the
//! upstream hears of it. Up to Pingora's replay buffer (64 KiB) that holds always; a longer one goes on as a
//! stream from there, and is cut when it passes the bound. `stream: true` on the route does without.

use std::future::Future;
use std::time::Duration;

use adamant_filter::Chunk;
use adamant_policy::config::UpstreamProtocol;
use adamant_policy::plan::Refusal;
use adamant_policy::receive::reason as guard;
use bytes::{Bytes, BytesMut};
use http::Version;
use http::header::{CONTENT_LENGTH, EXPECT, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use pingora::Result;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use crate::engine::Engine;
use crate::exchange::Exchange;
use crate::listen::BodyPace;
use crate::reasons;

/// Pingora's replay buffer; a constant of that crate.
const REPLAY_MAX: usize = 64 * 1024;

/// Most that one read of a body returns: a read buffer of HTTP/1.1, a frame of HTTP/2.
const READ_MAX_H1: usize = 64 * 1024;
const READ_MAX_H2: usize = 16 * 1024;

/// How a body is read ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// The client waits for `100 Continue`.
    expects: bool,
    /// How slow the client may be.
    pace: BodyPace,
}

impl Ahead {
    /// Tells a client that waits for it to go on.
    pub(super) async fn greet(&self, session: &mut Session) -> Result<()> {
        if self.expects {
            session.as_downstream_mut().write_continue_response().await?;
            session.req_header_mut().remove_header(&EXPECT);
        }
        Ok(())
    }

    /// Waits for a piece as long as the client may take; `None` when that is over.
    pub(super) async fn pace<T>(&mut self, piece: impl Future<Output = T>) -> Option<T> {
        self.pace.read(piece).await
    }

    /// So many bytes have come.
    pub(super) const fn came(&mut self, count: usize) {
        self.pace.came(count);
    }
}

/// Whether and how the body is read before the upstream is contacted. The head must be in the exchange.
pub(super) fn reads_ahead(engine: &Engine, exchange: &Exchange, has_body: bool) -> Option<Ahead> {
    let moments = engine.moments_of(exchange);
    let (_, route) = engine.route(exchange)?;
    let request = &exchange.plan.request;
    // HTTP/2 streams of one connection share its deadlines, so a body that stalls is seen only while it is
    // read here.
    let is_h2 = request.head().version == Version::HTTP_2;
    let undeclared = (request.declared_length().is_none() || is_h2) && !route.stream;
    if !has_body || !(moments.sees_whole() || undeclared) || request.header(&UPGRADE).is_some() {
        return None;
    }
    let listener = engine
        .plan
        .config()
        .listeners
        .get(exchange.connection.as_ref()?.listener())?;
    Some(Ahead {
        expects: request.header(&EXPECT).is_some(),
        pace: BodyPace::of(&listener.bounds),
    })
}

/// Reads the body as far as it can be held, with every check. A refusal is for the caller to answer.
pub(super) async fn read_ahead(
    engine: &Engine,
    session: &mut Session,
    exchange: &mut Exchange,
    mut ahead: Ahead,
) -> Result<Option<Refusal>> {
    ahead.greet(session).await?;
    session.as_downstream_mut().enable_retry_buffering();
    let read_max = if session.is_http2() {
        READ_MAX_H2
    } else {
        READ_MAX_H1
    };
    let mut held = BytesMut::new();
    loop {
        let read = ahead.pace.read(session.as_downstream_mut().read_request_body());
        let Some(piece) = read.await else {
            return Ok(Some(Refusal::new(guard::GUARD, &guard::BODY_TIMEOUT)));
        };
        let piece = piece.map_err(|error| error.into_down())?;
        let last = piece.is_none() || session.as_downstream_mut().is_body_done();
        if let Some(piece) = piece {
            ahead.pace.came(piece.len());
            held.extend_from_slice(&piece);
            if let Some(refusal) = engine.count_body(exchange, piece.len() as u64) {
                return Ok(Some(refusal));
            }
            if let Some(refusal) = super::with_head(session, exchange, |x| check(engine, x, piece, last)) {
                return Ok(Some(refusal));
            }
        }
        if last {
            break;
        }
        if held.len() + read_max > REPLAY_MAX {
            break;
        }
    }
    exchange.body.is_whole = session.as_downstream_mut().is_body_done();
    if session.as_downstream().retry_buffer_truncated() {
        return Ok(hold(engine, exchange, held.freeze()));
    }
    // Pingora sends its replay buffer first, so there is nothing to add.
    Ok(None)
}

/// Keeps bytes that Pingora will not replay, to be put in front of what follows.
fn hold(engine: &Engine, exchange: &mut Exchange, held: Bytes) -> Option<Refusal> {
    let upstream = exchange
        .upstream
        .id
        .and_then(|id| engine.plan.config().upstreams.get(id.0));
    let is_h2 = upstream.is_some_and(|upstream| upstream.protocol == UpstreamProtocol::H2);
    if exchange.body.is_whole && is_h2 {
        // Pingora ends the stream with the head then, and there is no call in which to add the body.
        return Some(Refusal::new(reasons::GATEWAY, &reasons::LENGTH_REQUIRED));
    }
    exchange.body.held = Some(held);
    None
}

/// Corrects the framing of the outgoing head for a body that we put in ourselves.
pub(super) fn frame(exchange: &Exchange, head: &mut RequestHeader) {
    if let Some(held) = &exchange.body.held
        && exchange.body.is_whole
        && head.version != Version::HTTP_2
    {
        head.remove_header(&TRANSFER_ENCODING);
        let _ = head.insert_header(CONTENT_LENGTH, HeaderValue::from(held.len()));
    }
}

/// One piece on its way to the endpoint. Bytes that were checked before (read ahead, or sent to an endpoint
/// that failed) are not checked again.
pub(super) fn pass(
    engine: &Engine,
    exchange: &mut Exchange,
    body: &mut Option<Bytes>,
    last: bool,
) -> Option<Refusal> {
    if let Some(held) = exchange.body.held.as_mut().map(std::mem::take)
        && !held.is_empty()
    {
        exchange.body.taken += held.len() as u64;
        let fresh = body.take().unwrap_or_default();
        let refusal = pass_fresh(engine, exchange, fresh, last);
        let (refusal, fresh) = match refusal {
            Ok(fresh) => (None, fresh),
            Err(refusal) => (Some(refusal), Bytes::new()),
        };
        *body = Some(if fresh.is_empty() {
            held
        } else {
            [held, fresh].concat().into()
        });
        return refusal;
    }
    let piece = body.take()?;
    match pass_fresh(engine, exchange, piece, last) {
        Ok(piece) => {
            *body = Some(piece);
            None
        }
        Err(refusal) => Some(refusal),
    }
}

fn pass_fresh(engine: &Engine, exchange: &mut Exchange, piece: Bytes, last: bool) -> Result<Bytes, Refusal> {
    let length = piece.len() as u64;
    exchange.body.taken += length;
    if exchange.body.taken <= exchange.body.seen {
        return Ok(piece);
    }
    if let Some(refusal) = engine.count_body(exchange, length) {
        return Err(refusal);
    }
    if !engine.moments_of(exchange).request_body {
        return Ok(piece);
    }
    let mut chunk = Chunk::new(piece, last);
    match engine.plan.request_body(&mut exchange.plan, &mut chunk) {
        None => Ok(chunk.into_data()),
        Some(refusal) => Err(refusal),
    }
}

/// Shows a piece to the body hooks. What is read ahead is replayed by Pingora as it came, so a hook that
/// wants to change a body must ask for it whole.
fn check(engine: &Engine, exchange: &mut Exchange, piece: Bytes, last: bool) -> Option<Refusal> {
    if !engine.moments_of(exchange).request_body {
        return None;
    }
    engine
        .plan
        .request_body(&mut exchange.plan, &mut Chunk::new(piece, last))
}

/// One piece of an answer on its way to the client, and how long it has to wait.
///
/// # Errors
/// A refusal, which can only cut the answer short.
pub(super) fn answer(
    engine: &Engine,
    exchange: &mut Exchange,
    body: &mut Option<Bytes>,
    last: bool,
) -> Result<Duration, Refusal> {
    let mut chunk = Chunk::new(body.take().unwrap_or_default(), last).at(engine.clock.tick());
    let refusal = engine.plan.response_body(&mut exchange.plan, &mut chunk);
    let delay = chunk.delayed();
    let data = chunk.into_data();
    *body = (!data.is_empty()).then_some(data);
    refusal.map_or(Ok(delay), Err)
}
