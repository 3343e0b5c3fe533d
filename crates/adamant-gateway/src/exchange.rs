//! One request with its response as the gateway carries it: the plan's exchange, and what happened on
//! the way to the upstream and back.
//!
//! It decides nothing and knows neither carrier. Its memory is used again by the next exchange on the
//! same thread.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Reason, Tick, Wall};
use adamant_observe::{Failure, Method};
use adamant_policy::config::UpstreamId;
use adamant_policy::plan::{self, Decided};
use bytes::Bytes;

use crate::abandon;
use crate::body_memory::HeldBytes;
use crate::listen::Connection;
use crate::request_id::RequestId;
use crate::upstream::{EndpointId, Picked};

/// Exchanges that a thread keeps for reuse.
const SPARE_MAX: usize = 256;

/// A request on its way through the gateway.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// What the plan works on.
    pub(crate) plan: plan::Exchange,
    /// Its id.
    pub(crate) id: RequestId,
    /// The client's connection.
    pub(crate) connection: Option<Arc<Connection>>,
    /// Who refused it, and why.
    pub(crate) refused: Option<(&'static str, &'static Reason)>,
    /// What broke on the way.
    pub(crate) failure: Option<Failure>,
    /// What happened between the gateway and its upstream.
    pub(crate) upstream: Upstreaming,
    /// Status that was sent to the client; 0 before that.
    pub(crate) status: u16,
    /// Body bytes that the client sent.
    pub(crate) bytes_in: u64,
    /// Body bytes that the client was sent.
    pub(crate) bytes_out: u64,
    /// What is held of the request body, and how far it was looked at.
    pub(crate) body: RequestBody,
    /// Memory that its held bodies take.
    pub(crate) room: HeldBytes,
    /// What the client is to see instead, found where only an error can be returned.
    pub(crate) pending: Option<Decided>,
    /// It began and was not written down yet.
    pub(crate) is_open: bool,
    /// The method under which it is counted, from its beginning to its end.
    pub(crate) method: Method,
    /// What stays of the head while the carrier has it.
    pub(crate) lent: LentHead,
}

/// Enough of a head to write an exchange down when its carrier drops it together with the head.
#[derive(Debug, Default)]
pub(crate) struct LentHead {
    /// The carrier has the head.
    pub(crate) is_away: bool,
    /// The method.
    pub(crate) method: http::Method,
    /// Canonical path and query. Keeps its memory from exchange to exchange.
    pub(crate) target: String,
    /// Version of HTTP.
    pub(crate) version: http::Version,
}

/// The request body on its way.
#[derive(Debug, Default)]
pub(crate) struct RequestBody {
    /// Bytes that every check has seen.
    pub(crate) seen: u64,
    /// Bytes that the current attempt has taken, replayed ones included.
    pub(crate) taken: u64,
    /// Bytes that were read ahead and that Pingora does not replay by itself.
    pub(crate) held: Option<Bytes>,
    /// The body ended while it was read ahead, so the held bytes are all of it.
    pub(crate) is_whole: bool,
}

/// What happened between the gateway and its upstream.
#[derive(Debug, Default)]
pub(crate) struct Upstreaming {
    /// The upstream of the route.
    pub(crate) id: Option<UpstreamId>,
    /// Attempts begun.
    pub(crate) attempts: u32,
    /// Endpoints that were tried. Keeps its memory from exchange to exchange.
    pub(crate) tried: Vec<EndpointId>,
    /// The endpoint of the current attempt, counted as busy while it stands here.
    pub(crate) picked: Option<Picked>,
    /// Address of the endpoint of the last attempt.
    pub(crate) address: Option<SocketAddr>,
    /// When the last attempt began.
    pub(crate) began: Tick,
    /// From the beginning of the last attempt to the first byte of its answer.
    pub(crate) first_byte: Option<Duration>,
    /// Time to connect, unless a connection was reused.
    pub(crate) connect: Option<Duration>,
    /// Status of the endpoint's answer.
    pub(crate) status: Option<u16>,
    /// The last attempt is not counted yet.
    pub(crate) is_trying: bool,
    /// The answer's head went to the client, so nothing can be tried again.
    pub(crate) is_answering: bool,
}

impl Upstreaming {
    fn reset(&mut self) {
        let mut tried = std::mem::take(&mut self.tried);
        tried.clear();
        *self = Self {
            tried,
            ..Self::default()
        };
    }
}

impl Exchange {
    fn new() -> Self {
        Self {
            plan: plan::Exchange::default(),
            id: RequestId::new(Wall(0)),
            connection: None,
            refused: None,
            failure: None,
            upstream: Upstreaming::default(),
            status: 0,
            bytes_in: 0,
            bytes_out: 0,
            body: RequestBody::default(),
            room: HeldBytes::default(),
            pending: None,
            is_open: false,
            method: Method::Other,
            lent: LentHead::default(),
        }
    }

    /// The head is about to move to the carrier; what the log needs of it stays.
    pub(crate) fn lend_head(&mut self) {
        let head = self.plan.request.head();
        self.lent.is_away = true;
        self.lent.version = head.version;
        self.lent.method.clone_from(&head.method);
        self.lent.target.clear();
        self.lent
            .target
            .push_str(head.uri.path_and_query().map_or("/", |target| target.as_str()));
    }

    /// Writes down that an attempt at this endpoint begins.
    pub(crate) fn attempt(&mut self, picked: Picked, now: Tick) {
        let upstream = &mut self.upstream;
        upstream.tried.push(picked.id());
        upstream.attempts += 1;
        upstream.address = Some(picked.address());
        upstream.picked = Some(picked);
        upstream.began = now;
        upstream.first_byte = None;
        upstream.connect = None;
        upstream.status = None;
        upstream.is_trying = true;
    }
}

thread_local! {
    #[expect(clippy::vec_box, reason = "an exchange is lent in its box, and moving it would copy a kilobyte")]
    static SPARE: RefCell<Vec<Box<Exchange>>> = const { RefCell::new(Vec::new()) };
}

/// An exchange out of this thread's spare ones; returns there when it is dropped.
#[derive(Debug)]
pub(crate) struct Lent(Option<Box<Exchange>>);

impl Lent {
    /// Takes one. Allocates only when more exchanges are in progress than ever before on this thread.
    pub(crate) fn take() -> Self {
        let spare = SPARE.with(|spare| spare.try_borrow_mut().ok().and_then(|mut spare| spare.pop()));
        Self(Some(spare.unwrap_or_else(|| Box::new(Exchange::new()))))
    }
}

impl std::ops::Deref for Lent {
    type Target = Exchange;

    #[expect(clippy::expect_used, reason = "the box is taken out in `drop` alone")]
    fn deref(&self) -> &Exchange {
        self.0.as_deref().expect("present until dropped")
    }
}

impl std::ops::DerefMut for Lent {
    #[expect(clippy::expect_used, reason = "the box is taken out in `drop` alone")]
    fn deref_mut(&mut self) -> &mut Exchange {
        self.0.as_deref_mut().expect("present until dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut exchange) = self.0.take() else { return };
        if exchange.is_open {
            abandon::write_down(&mut exchange);
        }
        exchange.plan.end();
        exchange.connection = None;
        exchange.refused = None;
        exchange.failure = None;
        exchange.pending = None;
        exchange.room = HeldBytes::default();
        exchange.is_open = false;
        exchange.lent.is_away = false;
        exchange.body = RequestBody::default();
        exchange.upstream.reset();
        (exchange.status, exchange.bytes_in, exchange.bytes_out) = (0, 0, 0);
        // A thread that is ending has no place for spares any more.
        let _ = SPARE.try_with(|spare| {
            if let Ok(mut spare) = spare.try_borrow_mut()
                && spare.len() < SPARE_MAX
            {
                spare.push(exchange);
            }
        });
    }
}
