//! Exchanges whose bodies a filter may have to see whole: the request is read to its end first, and the answer
//! leaves when the filters are through with it.
//!
//! Carried on Pingora's own sessions beside its proxy loop, which sends a head before it has the body and replays no
//! more than 64 KiB. It decides nothing; engine and plan do. Upgrades never come here.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use adamant_filter::Chunk;
use adamant_observe::Failure;
use adamant_policy::plan::{Decided, Holding, Refusal};
use adamant_policy::receive::reason as guard;
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use pingora::connectors::http::Connector;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession as Down;
use pingora::protocols::http::client::HttpSession as Up;
use pingora::proxy::Session;
use pingora::upstreams::peer::{HttpPeer, Peer};
use pingora::{Error, ErrorType, Result};

use super::body::Ahead;
use super::{failure, refuse, stop, with_head};
use crate::engine::Engine;
use crate::exchange::Exchange;
use crate::incoming;
use crate::reasons;
use crate::upstream::retry::{FailedAttempt, Failure as Failed, is_idempotent};

/// One exchange with all that carries it.
pub(super) struct Whole<'x> {
    pub(super) engine: &'x Engine,
    pub(super) connector: &'x Connector,
    pub(super) session: &'x mut Session,
    pub(super) exchange: &'x mut Exchange,
    /// The stream of the client was ended with the head.
    pub(super) is_ended: bool,
}

/// How an attempt ended.
enum Attempted {
    /// The answer went to the client to its end.
    Complete,
    /// Nothing went to the client.
    Failed(Failed, Refusal),
    /// The client is to see something else than what the endpoint answered.
    Replaced(Decided),
}

/// What was awaited, unless the client left or the time was over.
enum Awaited<T> {
    Came(T),
    ClientGone,
    Late(Refusal),
}

/// The body of an answer, as far as it was held.
enum Held {
    /// All of it.
    Whole(Bytes),
    /// Its beginning, and it goes on.
    Part(Bytes),
}

impl Whole<'_> {
    /// Reads the request body, if there is one, and gets the exchange answered.
    ///
    /// # Errors
    /// What Pingora tells [`fail_to_proxy`](pingora::proxy::ProxyHttp::fail_to_proxy), which answers where that is
    /// still possible.
    pub(super) async fn carry(mut self, ahead: Option<Ahead>) -> Result<()> {
        if let Some(ahead) = ahead
            && let Some(refusal) = self.read_request(ahead).await?
        {
            return Err(refuse(self.exchange, refusal));
        }
        self.with_head(|engine, exchange| engine.plan.request_body_end(&mut exchange.plan));
        loop {
            let terms = match self.engine.attempt(self.exchange) {
                Ok(terms) => terms,
                Err(refusal) => return Err(refuse(self.exchange, refusal)),
            };
            let Some(picked) = &self.exchange.upstream.picked else {
                return Error::e_explain(ErrorType::InternalError, "an attempt without an endpoint");
            };
            let peer = picked.to_peer(terms);
            match self.attempt(&peer).await? {
                Attempted::Complete => return Ok(()),
                Attempted::Replaced(instead) => return Err(stop(self.exchange, instead)),
                Attempted::Failed(failed, refusal) => {
                    if !self.retries(failed) {
                        return Err(refuse(self.exchange, refusal));
                    }
                }
            }
        }
    }

    /// Reads the request body with every check, and keeps it for every attempt.
    async fn read_request(&mut self, mut ahead: Ahead) -> Result<Option<Refusal>> {
        ahead.greet(self.session).await?;
        let most = self.with_head(|engine, exchange| engine.plan.body_held(&exchange.plan));
        let mut held = BytesMut::new();
        loop {
            let read = self.session.as_downstream_mut().read_request_body();
            let Some(piece) = ahead.pace(read).await else {
                return Ok(Some(Refusal::new(guard::GUARD, &guard::BODY_TIMEOUT)));
            };
            let piece = piece.map_err(|error| error.into_down())?;
            let last = piece.is_none() || self.session.as_downstream_mut().is_body_done();
            let piece = piece.unwrap_or_default();
            ahead.came(piece.len());
            if let Some(refusal) = self.engine.count_body(self.exchange, piece.len() as u64) {
                return Ok(Some(refusal));
            }
            if most.is_some_and(|most| (held.len() + piece.len()) as u64 > most) {
                return Ok(Some(Refusal::new(guard::GUARD, &guard::BODY_EXCEEDED)));
            }
            if !self.exchange.room.grow(&self.engine.bodies, piece.len()) {
                return Ok(Some(Refusal::new(reasons::GATEWAY, &reasons::BODIES_FULL)));
            }
            if most.is_some() {
                held.extend_from_slice(&piece);
            } else {
                match self.check(Chunk::new(piece, last)) {
                    Ok(piece) => held.extend_from_slice(&piece),
                    Err(refusal) => return Ok(Some(refusal)),
                }
            }
            if last {
                break;
            }
        }
        let mut body = held.freeze();
        if most.is_some() {
            body = match self.check(Chunk::new(body, true)) {
                Ok(body) => body,
                Err(refusal) => return Ok(Some(refusal)),
            };
        }
        self.exchange.body.held = Some(body);
        self.exchange.body.is_whole = true;
        Ok(None)
    }

    /// Shows a piece of the request to the body hooks; gives what they made of it.
    fn check(&mut self, mut chunk: Chunk) -> std::result::Result<Bytes, Refusal> {
        if !self.engine.moments_of(self.exchange).request_body {
            return Ok(chunk.into_data());
        }
        let refusal =
            self.with_head(|engine, exchange| engine.plan.request_body(&mut exchange.plan, &mut chunk));
        refusal.map_or_else(|| Ok(chunk.into_data()), Err)
    }

    /// One try at the endpoint that was picked.
    async fn attempt(&mut self, peer: &HttpPeer) -> Result<Attempted> {
        let connecting = self.connector.get_http_session(peer);
        let (mut up, reused) = match beside_client(connecting, self.session, self.engine, self.exchange).await
        {
            Awaited::Came(Ok(opened)) => opened,
            Awaited::Came(Err(error)) => return Ok(self.failed(&error.into_up(), Failed::Connect)),
            Awaited::ClientGone => return Err(gone()),
            Awaited::Late(refusal) => return Ok(self.late(refusal)),
        };
        if !reused {
            self.exchange.upstream.connect =
                Some(self.engine.clock.tick().since(self.exchange.upstream.began));
        }
        let head = match self.outgoing(up.as_http2().is_some(), peer) {
            Ok(head) => head,
            Err(refusal) => return Ok(Attempted::Replaced(Decided::Refuse(refusal))),
        };
        let times = self.times(peer);
        up.set_read_timeout(times.map_or(peer.options.read_timeout, |(first, _)| Some(first)));
        up.set_write_timeout(peer.options.write_timeout);
        let asking = ask(&mut up, head, self.exchange.body.held.clone());
        match beside_client(asking, self.session, self.engine, self.exchange).await {
            Awaited::Came(Ok(())) => {}
            Awaited::Came(Err(error)) => {
                let error = error.into_up();
                let failed = failure::of_attempt(&error, self.exchange, reused);
                return Ok(self.failed(&error, failed));
            }
            Awaited::ClientGone => return Err(gone()),
            Awaited::Late(refusal) => return Ok(self.late(refusal)),
        }
        self.exchange.upstream.first_byte =
            Some(self.engine.clock.tick().since(self.exchange.upstream.began));
        up.set_read_timeout(times.map_or(peer.options.read_timeout, |(_, idle)| Some(idle)));
        let ended = self.relay(&mut up).await?;
        if up.response_done() {
            if let Up::H1(h1) = &mut up {
                h1.respect_keepalive();
            }
            let idle = peer.idle_timeout();
            self.connector.release_http_session(up, peer, idle).await;
        }
        Ok(ended)
    }

    /// Longest waits for the head of the answer, and for a piece of its body.
    fn times(&self, peer: &HttpPeer) -> Option<(Duration, Duration)> {
        let upstream = self.exchange.upstream.id?;
        let times = &self.engine.plan.config().upstreams.get(upstream.0)?.timeouts;
        // What the peer has is never more than what is left of the exchange.
        let bounded = |time: Duration| peer.options.read_timeout.map_or(time, |left| time.min(left));
        Some((bounded(times.first_byte), bounded(times.idle)))
    }

    /// The head for the endpoint.
    fn outgoing(&mut self, is_h2: bool, peer: &HttpPeer) -> std::result::Result<Box<RequestHeader>, Refusal> {
        self.with_head(|engine, exchange| {
            let mut head = Box::new(exchange.plan.request.head().clone());
            head.set_version(if is_h2 { Version::HTTP_2 } else { Version::HTTP_11 });
            if let Some(refusal) = engine.outgoing(exchange, &mut head) {
                return Err(refusal);
            }
            for name in [TRANSFER_ENCODING, CONNECTION, UPGRADE, EXPECT] {
                head.remove_header(&name);
            }
            if let Some(body) = &exchange.body.held {
                // A length is always a valid value.
                let _ = head.insert_header(CONTENT_LENGTH, HeaderValue::from(body.len()));
            }
            if is_h2 && !name_authority(&mut head, peer.is_tls()) {
                return Err(Refusal::new(reasons::GATEWAY, &reasons::INTERNAL));
            }
            Ok(head)
        })
    }

    /// The answer of the endpoint, from its head on.
    async fn relay(&mut self, up: &mut Up) -> Result<Attempted> {
        let Some(head) = up.response_header() else {
            return Ok(Attempted::Failed(
                Failed::Late,
                failure::refusal_for(Some(Failure::Protocol)),
            ));
        };
        let mut head = Box::new(head.clone());
        let status = head.status;
        self.exchange.upstream.status = Some(status.as_u16());
        if self.retries(Failed::Status(status.as_u16())) {
            let refusal = Refusal::new(reasons::UPSTREAM, &reasons::UNAVAILABLE);
            return Ok(Attempted::Failed(Failed::Status(status.as_u16()), refusal));
        }
        if let Some(instead) = self.with_head(|engine, exchange| engine.relay(exchange, &mut head)) {
            return Ok(Attempted::Replaced(instead));
        }
        let is_head = self.session.req_header().method == Method::HEAD;
        let holding = self.exchange.plan.holding.take();
        if !incoming::has_body(&self.session.req_header().method, status) {
            if holding.is_some() && is_head {
                // A filter might have changed the body, and its length with it.
                head.remove_header(&CONTENT_LENGTH);
            }
            self.send_head(head, true).await?;
            return self.end(None).await;
        }
        match holding {
            None => self.stream(up, head, Bytes::new()).await,
            Some(holding) => self.hold(up, head, holding).await,
        }
    }

    /// Reads the body as far as it may be held, and sends the head with what the filters make of it.
    async fn hold(
        &mut self,
        up: &mut Up,
        mut head: Box<ResponseHeader>,
        holding: Holding,
    ) -> Result<Attempted> {
        let whole = match self.collect(up, &head, holding).await? {
            Ok(Held::Whole(whole)) => whole,
            Ok(Held::Part(part)) => return self.stream(up, head, part).await,
            Err(ended) => return Ok(ended),
        };
        let mut chunk = Chunk::held(whole.clone()).at(self.engine.clock.tick());
        if let Some(refusal) =
            self.with_head(|engine, exchange| engine.plan.response_body(&mut exchange.plan, &mut chunk))
        {
            return Ok(Attempted::Replaced(Decided::Refuse(refusal)));
        }
        let trailers = trailers_of(up).await?.filter(|_| *chunk.data() == whole);
        self.wait(chunk.delayed()).await?;
        let body = chunk.into_data();
        head.remove_header(&TRANSFER_ENCODING);
        // A length is always a valid value.
        let _ = head.insert_header(CONTENT_LENGTH, HeaderValue::from(body.len()));
        self.send_head(head, body.is_empty() && trailers.is_none())
            .await?;
        self.send(body).await?;
        self.end(trailers).await
    }

    async fn collect(
        &mut self,
        up: &mut Up,
        head: &ResponseHeader,
        holding: Holding,
    ) -> Result<std::result::Result<Held, Attempted>> {
        let over = |held: BytesMut| match holding.over {
            Some((by, reason)) => Err(Attempted::Replaced(Decided::Refuse(Refusal::new(by, reason)))),
            None => Ok(Held::Part(held.freeze())),
        };
        let declared = head
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        let mut held = BytesMut::new();
        if declared.is_some_and(|length: u64| length > holding.at_most) {
            return Ok(over(held));
        }
        loop {
            let piece = match beside_client(up.read_response_body(), self.session, self.engine, self.exchange)
                .await
            {
                Awaited::Came(Ok(None)) => return Ok(Ok(Held::Whole(held.freeze()))),
                Awaited::Came(Ok(Some(piece))) => piece,
                // Nothing has left yet, so the client is told what broke.
                Awaited::Came(Err(error)) => return Ok(Err(self.failed(&error.into_up(), Failed::Late))),
                Awaited::ClientGone => return Err(gone()),
                Awaited::Late(refusal) => return Ok(Err(self.late(refusal))),
            };
            if !self.exchange.room.grow(&self.engine.bodies, piece.len()) {
                let refusal = Refusal::new(reasons::GATEWAY, &reasons::BODIES_FULL);
                return Ok(Err(Attempted::Replaced(Decided::Refuse(refusal))));
            }
            held.extend_from_slice(&piece);
            if held.len() as u64 > holding.at_most {
                return Ok(over(held));
            }
        }
    }

    /// Sends the head and passes the body on piece by piece, `first` before the rest.
    async fn stream(&mut self, up: &mut Up, head: Box<ResponseHeader>, first: Bytes) -> Result<Attempted> {
        let is_end = up.as_http2().is_some() && first.is_empty() && up.response_done();
        self.send_head(head, is_end).await?;
        let mut next = (!first.is_empty()).then_some(first);
        loop {
            let piece = match next.take() {
                Some(piece) => Some(piece),
                None => {
                    match beside_client(up.read_response_body(), self.session, self.engine, self.exchange)
                        .await
                    {
                        Awaited::Came(piece) => piece.map_err(|error| error.into_up())?,
                        Awaited::ClientGone => return Err(gone()),
                        Awaited::Late(refusal) => {
                            self.exchange.failure = Some(Failure::TotalTimeout);
                            return Err(refuse(self.exchange, refusal));
                        }
                    }
                }
            };
            let last = piece.is_none();
            let piece = self.pass(piece.unwrap_or_default(), last).await?;
            self.send(piece).await?;
            if last {
                let trailers = trailers_of(up).await?;
                return self.end(trailers).await;
            }
        }
    }

    /// One piece of an answer through the hooks, and the time that they make it wait.
    async fn pass(&mut self, piece: Bytes, last: bool) -> Result<Bytes> {
        if !self.engine.moments_of(self.exchange).response_body {
            return Ok(piece);
        }
        let mut chunk = Chunk::new(piece, last).at(self.engine.clock.tick());
        let refusal =
            self.with_head(|engine, exchange| engine.plan.response_body(&mut exchange.plan, &mut chunk));
        if let Some(refusal) = refusal {
            return Err(refuse(self.exchange, refusal));
        }
        self.wait(chunk.delayed()).await?;
        Ok(chunk.into_data())
    }

    async fn wait(&mut self, time: Duration) -> Result<()> {
        if time.is_zero() {
            return Ok(());
        }
        let pause = tokio::time::sleep(self.engine.pause(self.exchange, time));
        match beside_client(pause, self.session, self.engine, self.exchange).await {
            Awaited::Came(()) => Ok(()),
            Awaited::ClientGone => Err(gone()),
            Awaited::Late(refusal) => {
                self.exchange.failure = Some(Failure::TotalTimeout);
                Err(refuse(self.exchange, refusal))
            }
        }
    }

    async fn send_head(&mut self, mut head: Box<ResponseHeader>, is_end: bool) -> Result<()> {
        let version = self.session.req_header().version;
        let is_draining = self
            .exchange
            .connection
            .as_ref()
            .is_some_and(|one| one.is_draining());
        let has_length = head.headers.contains_key(CONTENT_LENGTH);
        // An endpoint of HTTP/2 answers clients of HTTP/1 as well, and HTTP/2 writes no version.
        head.set_version(Version::HTTP_11);
        if version == Version::HTTP_10 {
            // HTTP/1.0 has no chunks (RFC 9112 §6.1); there the end of the connection is the end.
            head.remove_header(&TRANSFER_ENCODING);
        }
        if is_draining || (version == Version::HTTP_10 && !has_length) {
            self.session.set_keepalive(None);
        }
        if version == Version::HTTP_11 && !is_end {
            incoming::end_by_chunks(&mut head);
        }
        self.exchange.status = head.status.as_u16();
        self.exchange.upstream.is_answering = true;
        self.is_ended = is_end && self.session.is_http2();
        let written = match self.session.as_downstream_mut() {
            // The end stands on the head, as with an answer of gRPC that is a status alone.
            Down::H2(stream) if is_end => stream.write_response_header(head, true),
            session => session.write_response_header(head).await,
        };
        written.map_err(|error| error.into_down())
    }

    async fn send(&mut self, piece: Bytes) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let written = self.session.write_response_body(Some(piece), false).await;
        written.map_err(|error| error.into_down())
    }

    async fn end(&mut self, trailers: Option<HeaderMap>) -> Result<Attempted> {
        if self.is_ended {
            return Ok(Attempted::Complete);
        }
        // HTTP/1.1 trailers are dropped, as Pingora does.
        let ended = match trailers.filter(|_| self.session.is_http2()) {
            Some(trailers) => {
                self.session
                    .as_downstream_mut()
                    .write_response_trailers(trailers)
                    .await
            }
            None => self.session.write_response_body(None, true).await,
        };
        ended.map_err(|error| error.into_down())?;
        Ok(Attempted::Complete)
    }

    fn retries(&self, failure: Failed) -> bool {
        let attempt = FailedAttempt {
            number: self.exchange.upstream.attempts,
            failure,
            idempotent: is_idempotent(&self.session.req_header().method),
            replayable: true,
        };
        self.engine.retries(self.exchange, &attempt)
    }

    fn failed(&mut self, error: &Error, failed: Failed) -> Attempted {
        self.exchange.failure = Some(failure::of(error, self.exchange));
        Attempted::Failed(failed, failure::refusal_for(self.exchange.failure))
    }

    fn late(&mut self, refusal: Refusal) -> Attempted {
        self.exchange.failure = Some(Failure::TotalTimeout);
        Attempted::Failed(Failed::Late, refusal)
    }

    fn with_head<T>(&mut self, work: impl FnOnce(&Engine, &mut Exchange) -> T) -> T {
        let engine = self.engine;
        with_head(self.session, self.exchange, |exchange| work(engine, exchange))
    }
}

/// Sends the request and waits for the head of its final answer.
async fn ask(up: &mut Up, head: Box<RequestHeader>, body: Option<Bytes>) -> Result<()> {
    up.write_request_header(head).await?;
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        up.write_request_body(body, true).await?;
    }
    up.finish_request_body().await?;
    loop {
        up.read_response_header().await?;
        // HTTP/2 sessions skip interim answers by themselves and must not be asked twice.
        let is_interim = up.response_header().is_some_and(|head| {
            head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS
        });
        if !is_interim || up.as_http1().is_none() {
            return Ok(());
        }
    }
}

/// HTTP/2 has the host in its authority. `false` when there is none.
fn name_authority(head: &mut RequestHeader, is_tls: bool) -> bool {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let uri = Uri::builder()
        .scheme(if is_tls { "https" } else { "http" })
        .authority(host.unwrap_or_default())
        .path_and_query(target)
        .build();
    let Ok(uri) = uri else { return false };
    head.set_uri(uri);
    head.remove_header(&HOST);
    true
}

/// What an HTTP/2 endpoint says behind its body.
async fn trailers_of(up: &mut Up) -> Result<Option<HeaderMap>> {
    match up {
        Up::H2(h2) => h2.read_trailers().await.map_err(|error| error.into_up()),
        _ => Ok(None),
    }
}

fn gone() -> Box<Error> {
    Error::explain(ErrorType::ConnectionClosed, "the client left").into_down()
}

/// Waits while watching the client and the clock. The client is looked at only when there is something to wait for.
async fn beside_client<T>(
    work: impl Future<Output = T>,
    session: &mut Session,
    engine: &Engine,
    exchange: &Exchange,
) -> Awaited<T> {
    let mut work = pin!(work);
    let mut client = pin!(session.as_downstream_mut().read_body_or_idle(true));
    let left = match engine.left(exchange) {
        Ok(left) => left,
        Err(refusal) => return Awaited::Late(refusal),
    };
    let mut end = pin!(async {
        match left {
            Some(left) => tokio::time::sleep(left).await,
            None => std::future::pending().await,
        }
    });
    tokio::select! {
        biased;
        value = &mut work => Awaited::Came(value),
        // Nothing follows a request that was read to its end, so whatever is told here is the end.
        _ = &mut client => Awaited::ClientGone,
        () = &mut end => Awaited::Late(Refusal::new(reasons::UPSTREAM, &reasons::TOTAL_TIMEOUT)),
    }
}
