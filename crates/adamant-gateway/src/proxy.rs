//! The general carrier: Pingora's proxy loop with its hooks, each a line or two of delegation.
//!
//! Nothing is decided here. Hooks are written by hand instead of through `async_trait`, because a boxed
//! future without state costs nothing, and nearly all of ours have none.

mod body;
mod failure;
mod pause;
mod ready;
mod whole;

use std::future::ready as immediately;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use adamant_observe::Failure;
use adamant_policy::plan::{Decided, Refusal};
use bytes::Bytes;
use http::Version;
use http::header::TRANSFER_ENCODING;
use pingora::connectors::http::Connector;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result, RetryType};

use crate::answers::OwnAnswer;
use crate::engine::{Engine, Next};
use crate::exchange::{Exchange, Lent};
use crate::incoming;
use crate::listen::{Connection, Phase};
use crate::upstream::retry::{FailedAttempt, Failure as Failed};
pub(crate) use failure::{of as failure_of, of_attempt, refusal_for as refusal_of};
pub(crate) use pause::Pause;
use ready::{Done, Hook, Nothing, Says};
use whole::Whole;

/// How long the rest of a refused request is read before the connection is closed.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Pingora's hooks over the engine.
pub(crate) struct Proxy {
    pub(crate) engine: Arc<Engine>,
    /// Connections of exchanges whose bodies are seen whole.
    pub(crate) connector: Connector,
}

/// Declares a hook whose future has no state, with the lifetimes that `async_trait` expects of it.
macro_rules! stateless {
    ($name:ident($self_:ident, $($arg:ident: $ty:ty),*) -> $out:ty; $($life:lifetime),*; $body:expr) => {
        fn $name<'me, $($life,)* 'run>(&'me $self_, $($arg: $ty),*) -> Hook<'run, $out>
        where
            'me: 'run, $($life: 'run,)*
            Self: 'run,
        {
            $body
        }
    };
}

impl ProxyHttp for Proxy {
    type CTX = Lent;

    fn new_ctx(&self) -> Lent {
        Lent::take()
    }

    // Pingora's compression module would cost heap calls on every request.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    stateless!(early_request_filter(self, _s: &'s mut Session, _c: &'c mut Lent) -> Result<()>; 's, 'c; Box::pin(Done));
    stateless!(proxy_upstream_filter(self, _s: &'s mut Session, _c: &'c mut Lent) -> Result<bool>; 's, 'c; Box::pin(Says::<true>));

    stateless!(request_filter(self, session: &'s mut Session, exchange: &'c mut Lent) -> Result<bool>; 's, 'c; {
        let Some(connection) = Connection::of(session.digest()).cloned() else {
            return Box::pin(immediately(Error::e_explain(ErrorType::InternalError, "a session without a connection")));
        };
        self.set_session(session, &connection);
        self.engine.begin(exchange, &connection, session.req_header_mut());
        match self.engine.decide(exchange) {
            Ok(decided) => self.directed(session, exchange, decided),
            Err(position) => Box::pin(async move {
                let decided = self.engine.plan.request_from(&mut exchange.plan, position).await;
                self.directed(session, exchange, decided).await
            }),
        }
    });

    stateless!(upstream_peer(self, session: &'s mut Session, exchange: &'c mut Lent) -> Result<Box<HttpPeer>>; 's, 'c; {
        Box::pin(immediately(self.peer(session, exchange)))
    });

    fn fail_to_connect(
        &self,
        session: &mut Session,
        _peer: &HttpPeer,
        exchange: &mut Lent,
        mut error: Box<Error>,
    ) -> Box<Error> {
        exchange.failure = Some(failure::of(&error, exchange));
        let again = self.retries(session, exchange, Failed::Connect);
        error.set_retry(again);
        error
    }

    stateless!(connected_to_upstream(self, _s: &'s mut Session, reused: bool, _p: &'p HttpPeer, _f: RawFd, _d: Option<&'d Digest>, exchange: &'c mut Lent) -> Result<()>; 's, 'p, 'd, 'c; {
        if !reused {
            exchange.upstream.connect = Some(self.engine.clock.tick().since(exchange.upstream.began));
        }
        Box::pin(Done)
    });

    stateless!(upstream_request_filter(self, session: &'s mut Session, head: &'h mut RequestHeader, exchange: &'c mut Lent) -> Result<()>; 's, 'h, 'c; {
        let refusal = with_head(session, exchange, |exchange| self.engine.outgoing(exchange, head));
        body::frame(exchange, head);
        match refusal {
            None => Box::pin(Done),
            Some(refusal) => Box::pin(immediately(Err(refuse(exchange, refusal)))),
        }
    });

    stateless!(request_body_filter(self, session: &'s mut Session, body: &'b mut Option<Bytes>, last: bool, exchange: &'c mut Lent) -> Result<()>; 's, 'b, 'c; {
        // A tunnel's bytes are no body; Pingora passes them here all the same.
        if session.was_upgraded() {
            return Box::pin(Done);
        }
        // Beside a slow endpoint of HTTP/2 Pingora asks its own kind of session whether the client stays.
        pause::end(session, exchange);
        let refusal = with_head(session, exchange, |exchange| {
            let refusal = body::pass(&self.engine, exchange, body, last);
            if last {
                self.engine.plan.request_body_end(&mut exchange.plan);
            }
            refusal
        });
        match refusal {
            None => Box::pin(Done),
            Some(refusal) => Box::pin(immediately(Err(refuse(exchange, refusal)))),
        }
    });

    stateless!(upstream_response_filter(self, session: &'s mut Session, head: &'h mut ResponseHeader, exchange: &'c mut Lent) -> Result<()>; 's, 'h, 'c; {
        match self.answered(session, head, exchange) {
            Ok(()) => Box::pin(Done),
            Err(error) => Box::pin(immediately(Err(error))),
        }
    });

    stateless!(response_filter(self, session: &'s mut Session, head: &'h mut ResponseHeader, exchange: &'c mut Lent) -> Result<()>; 's, 'h, 'c; {
        if head.status.is_informational() && head.status.as_u16() != 101 {
            // An interim answer has no framing that could be ambiguous.
            let _ = incoming::adopt(head);
            return Box::pin(Done);
        }
        if let Some(instead) = with_head(session, exchange, |exchange| self.engine.relay(exchange, head)) {
            return Box::pin(immediately(Err(stop(exchange, instead))));
        }
        if exchange.connection.as_ref().is_some_and(|connection| connection.is_draining()) {
            session.set_keepalive(None);
        }
        if session.req_header().version == Version::HTTP_10
            && head.remove_header(&TRANSFER_ENCODING).is_some()
        {
            // HTTP/1.0 has no chunks (RFC 9112 §6.1); there the end of the connection is the end.
            session.set_keepalive(None);
        }
        // Pingora frames an answer before the filters see it, and one of them may have taken its length away.
        let asked = session.req_header();
        if asked.version == Version::HTTP_11 && incoming::has_body(&asked.method, head.status) {
            incoming::end_by_chunks(head);
        }
        exchange.status = head.status.as_u16();
        exchange.upstream.is_answering = true;
        Box::pin(Done)
    });

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        last: bool,
        exchange: &mut Lent,
    ) -> Result<Option<Duration>> {
        if session.was_upgraded() {
            return Ok(None);
        }
        if let Err(refusal) = self.engine.left(exchange) {
            return Err(refuse(exchange, refusal));
        }
        if !self.engine.moments_of(exchange).response_body {
            return Ok(None);
        }
        let passed = with_head(session, exchange, |exchange| {
            body::answer(&self.engine, exchange, body, last)
        });
        match passed {
            Ok(delay) => {
                if !delay.is_zero() {
                    // While this half waits, the other one reads as far as its channel holds (a few pieces) and no
                    // further.
                    let left = self.engine.left(exchange).unwrap_or(Some(Duration::ZERO));
                    pause::before_write(session, exchange, delay, left);
                }
                Ok(None)
            }
            Err(refusal) => Err(refuse(exchange, refusal)),
        }
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        exchange: &mut Lent,
        reused: bool,
    ) -> Box<Error> {
        if exchange.pending.is_none() {
            let failed = of_attempt(&error, exchange, reused);
            // A status that is to be tried again was marked when it was seen.
            // Not `Error::retry`: it panics while an error leaves that open, as every broken read does.
            let is_marked = error.retry == RetryType::Decided(true);
            let again = is_marked && matches!(failed, Failed::Status(_));
            let again = again || self.retries(session, exchange, failed);
            if again && !matches!(failed, Failed::Status(_)) {
                exchange.failure = Some(failure::of(&error, exchange));
            }
            error.set_retry(again);
        } else {
            error.set_retry(false);
        }
        error
    }

    stateless!(fail_to_proxy(self, session: &'s mut Session, error: &'e Error, exchange: &'c mut Lent) -> FailToProxy; 's, 'e, 'c; {
        Box::pin(self.fail(session, error, exchange))
    });

    // Every failure stands in the access log with its reason; a second line per request helps nobody.
    fn suppress_error_log(&self, _session: &Session, _exchange: &Lent, _error: &Error) -> bool {
        true
    }

    stateless!(logging(self, session: &'s mut Session, error: Option<&'e Error>, exchange: &'c mut Lent) -> (); 's, 'e, 'c; {
        pause::end(session, exchange);
        if exchange.connection.is_some() {
            exchange.plan.request.swap_head(session.req_header_mut());
            exchange.bytes_out = session.body_bytes_sent() as u64;
            if exchange.status == 0 {
                exchange.status = session.response_written().map_or(0, |head| head.status.as_u16());
            }
            if let Some(error) = error {
                failure::note(error, exchange);
            }
            self.engine.finish(exchange);
            exchange.plan.request.swap_head(session.req_header_mut());
        }
        Box::pin(Nothing)
    });
}

impl Proxy {
    /// Gives the head back to Pingora and goes where the decision leads.
    fn directed<'x>(
        &'x self,
        session: &'x mut Session,
        exchange: &'x mut Lent,
        decided: Decided,
    ) -> Hook<'x, Result<bool>> {
        let next = self.engine.settle(exchange, decided);
        exchange.lend_head();
        match next {
            Next::Own(answer) => {
                exchange.plan.request.swap_head(session.req_header_mut());
                Box::pin(self.answer(session, exchange, answer))
            }
            Next::Forward(upstream) => {
                exchange.upstream.id = Some(upstream);
                // Pingora sets its body reader up by the head, so the head must be back before it is asked.
                exchange.plan.request.swap_head(session.req_header_mut());
                let has_body = !session.as_downstream_mut().is_body_empty();
                let ahead = with_head(session, exchange, |x| {
                    body::reads_ahead(&self.engine, x, has_body)
                });
                if self.engine.moments_of(exchange).sees_whole() && !session.is_upgrade_req() {
                    let whole = Whole {
                        engine: &self.engine,
                        connector: &self.connector,
                        session,
                        exchange,
                        is_ended: false,
                    };
                    return Box::pin(async move { whole.carry(ahead).await.map(|()| true) });
                }
                let Some(ahead) = ahead else {
                    return Box::pin(Says::<false>);
                };
                Box::pin(async move {
                    match body::read_ahead(&self.engine, session, exchange, ahead).await? {
                        None => Ok(false),
                        Some(refusal) => {
                            let answer = with_head(session, exchange, |exchange| {
                                self.engine.refuse(exchange, refusal)
                            });
                            self.answer(session, exchange, answer).await
                        }
                    }
                })
            }
        }
    }

    /// Writes an answer of ours. The connection is kept where the request was read to its end.
    async fn answer(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
        answer: OwnAnswer,
    ) -> Result<bool> {
        exchange.status = answer.head.status.as_u16();
        if exchange
            .connection
            .as_ref()
            .is_some_and(|connection| connection.is_draining())
        {
            session.set_keepalive(None);
        }
        let empty = answer.body.is_empty();
        // Pingora does not say whose fault a broken write is, and a client that left is none of ours.
        session
            .write_response_header(answer.head, empty)
            .await
            .map_err(|error| error.into_down())?;
        // Ends an HTTP/2 stream; `write_response_header` alone does not.
        session
            .write_response_body((!empty).then_some(answer.body), true)
            .await
            .map_err(|error| error.into_down())?;
        Ok(true)
    }

    /// Time-outs of a session: the stream below holds the deadlines, so Pingora's would only cost timers.
    /// Over HTTP/2 a client may take the bytes of one stream and not those of another, which the stream
    /// below cannot see.
    fn set_session(&self, session: &mut Session, connection: &Connection) {
        if connection.is_http2() {
            let listeners = &self.engine.plan.config().listeners;
            let listener = listeners.get(connection.listener());
            session.set_write_timeout(listener.map(|listener| listener.bounds.send_idle));
        } else {
            session.set_read_timeout(None);
            // HTTP/1.0 knows no interim answers (RFC 9110 §15.2).
            let is_old = session.req_header().version == Version::HTTP_10;
            session.as_downstream_mut().set_ignore_info_resp(is_old);
        }
        session.set_total_drain_timeout(Some(DRAIN_TIME));
    }

    fn peer(&self, session: &mut Session, exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
        exchange.body.taken = 0;
        let terms = self
            .engine
            .attempt(exchange)
            .map_err(|refusal| refuse(exchange, refusal))?;
        let Some(picked) = &exchange.upstream.picked else {
            return Error::e_explain(ErrorType::InternalError, "an attempt without an endpoint");
        };
        // An upgrade runs through Pingora's own policy, which the endpoint's peer denies by default.
        let terms = crate::upstream::AttemptTerms {
            websocket: terms.websocket && session.is_upgrade_req(),
            ..terms
        };
        let mut peer = picked.to_peer(terms);
        let upstream = exchange
            .upstream
            .id
            .and_then(|id| self.engine.plan.config().upstreams.get(id.0));
        if let Some(times) = upstream.map(|upstream| &upstream.timeouts) {
            // Pingora has one time-out for the head of an answer and for silences behind it. In a tunnel the
            // silence is what must end; elsewhere, unless the route streams, the wait for the first byte.
            if terms.websocket {
                peer.options.read_timeout = Some(times.idle);
            } else if terms.left.is_some() {
                peer.options.read_timeout = peer.options.read_timeout.map(|wait| wait.min(times.first_byte));
            }
        }
        Ok(peer)
    }

    fn retries(&self, session: &Session, exchange: &Exchange, failure: Failed) -> bool {
        let attempt = FailedAttempt {
            number: exchange.upstream.attempts,
            failure,
            idempotent: crate::upstream::retry::is_idempotent(&session.req_header().method),
            replayable: exchange.body.held.is_none() && !session.as_ref().retry_buffer_truncated(),
        };
        self.engine.retries(exchange, &attempt)
    }

    /// The endpoint's head has come.
    fn answered(&self, session: &mut Session, head: &ResponseHeader, exchange: &mut Exchange) -> Result<()> {
        let status = head.status.as_u16();
        if head.status.is_informational() && status != 101 {
            // Each of them begins the wait for the head anew.
            let left = self.engine.left(exchange);
            return left.map(drop).map_err(|refusal| {
                exchange.failure = Some(Failure::TotalTimeout);
                refuse(exchange, refusal)
            });
        }
        exchange.upstream.first_byte = Some(self.engine.clock.tick().since(exchange.upstream.began));
        exchange.upstream.status = Some(status);
        if status == 101
            && let Some(connection) = &exchange.connection
        {
            connection.set_phase(Phase::Tunnel);
        }
        if self.retries(session, exchange, Failed::Status(status)) {
            let mut error = Error::new(ErrorType::HTTPStatus(status));
            error.set_retry(true);
            return Err(error);
        }
        Ok(())
    }

    async fn fail(&self, session: &mut Session, error: &Error, exchange: &mut Exchange) -> FailToProxy {
        if pause::end(session, exchange) && exchange.pending.is_none() {
            exchange.pending = self.engine.left(exchange).err().map(Decided::Refuse);
        }
        let closed = FailToProxy {
            error_code: 0,
            can_reuse_downstream: false,
        };
        if exchange.connection.is_none()
            || session
                .response_written()
                .is_some_and(|head| !head.status.is_informational())
        {
            // Too late for an answer, but not for the log.
            match exchange.pending.take() {
                Some(Decided::Refuse(refusal)) => exchange.refused = Some((refusal.by, refusal.reason)),
                Some(Decided::Reply(_) | Decided::Go) => {}
                None => failure::note(error, exchange),
            }
            return closed;
        }
        let pending = exchange.pending.take();
        let instead = pending.or_else(|| failure::refusal(error, exchange).map(Decided::Refuse));
        let Some(instead) = instead else {
            // The client is gone: there is nobody to answer.
            return closed;
        };
        let status = status_of(&instead);
        let answer = with_head(session, exchange, |exchange| {
            self.engine.replace(exchange, instead)
        });
        // What the client still sends must not be taken for its next request.
        if !session.as_downstream_mut().is_body_done() {
            session.set_keepalive(None);
        }
        let _ = self.answer(session, exchange, answer).await;
        FailToProxy {
            error_code: status,
            can_reuse_downstream: error.esource() != &ErrorSource::Downstream,
        }
    }
}

/// Runs `work` while the request's head is in the exchange, where hooks look for it.
fn with_head<T>(session: &mut Session, exchange: &mut Exchange, work: impl FnOnce(&mut Exchange) -> T) -> T {
    exchange.plan.request.swap_head(session.req_header_mut());
    let result = work(exchange);
    exchange.plan.request.swap_head(session.req_header_mut());
    result
}

/// Carries a refusal through a place that can only return an error.
fn stop(exchange: &mut Exchange, instead: Decided) -> Box<Error> {
    let mut error = Error::new(ErrorType::HTTPStatus(status_of(&instead)));
    error.set_retry(false);
    exchange.pending = Some(instead);
    error
}

fn status_of(instead: &Decided) -> u16 {
    match instead {
        Decided::Refuse(refusal) => refusal.reason.status(),
        Decided::Reply(reply) => reply.status,
        Decided::Go => 500,
    }
}

/// As [`stop`], for what is refused.
fn refuse(exchange: &mut Exchange, refusal: Refusal) -> Box<Error> {
    stop(exchange, Decided::Refuse(refusal))
}
