//! What every carrier does with an exchange: begin, decide, answer. Functions over our own exchange.
//!
//! It never touches a socket and knows neither Pingora's hooks nor the lane; nothing here is repeated there.

use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{Identity, Origin, Reason, Reply, Told};
use adamant_observe::Failure;
use adamant_policy::config::{Action, ListenerId, Respond, Route, UpstreamId};
use adamant_policy::plan::{Decided, Decision, Moments, Plan, Progress, Refusal, Waiting};
use adamant_policy::receive::{is_trusted, reason as guard};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, UPGRADE};
use http::{Method, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};

use crate::answers::{self, Answers, OwnAnswer, X_REQUEST_ID};
use crate::body_memory::BodyMemory;
use crate::clock::Clock;
use crate::exchange::Exchange;
use crate::incoming;
use crate::listen::{Certificates, Connection};
use crate::observation::{self, Observation};
use crate::outgoing::Outgoing;
use crate::overload::{OVERLOADED, Overload};
use crate::reasons;
use crate::request_id::RequestId;
use crate::upstream::{AttemptTerms, Exceeded, Upstream, Upstreams};

/// Everything that the workers share while they serve.
pub(crate) struct Engine {
    pub(crate) plan: Arc<Plan>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) answers: Answers,
    pub(crate) clock: Clock,
    /// Memory for bodies that are held.
    pub(crate) bodies: BodyMemory,
    pub(crate) observation: Observation,
    /// Whom to shed, where the file says when.
    pub(crate) overload: Option<Overload>,
    /// Certificates by listener; `None` in clear text.
    pub(crate) certificates: Vec<Option<Arc<Certificates>>>,
    /// Fixed answers by route, prepared at boot.
    fixed: Vec<Option<Box<Fixed>>>,
    moments: Vec<Moments>,
    /// Where the consumer stands among the slots.
    pub(crate) identity_slot: Option<usize>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("digest", self.plan.digest())
            .finish_non_exhaustive()
    }
}

/// A fixed answer, prepared.
struct Fixed {
    head: ResponseHeader,
    body: Bytes,
}

/// Where a decided exchange goes.
pub(crate) enum Next {
    /// The gateway answers.
    Own(OwnAnswer),
    /// The upstream answers.
    Forward(UpstreamId),
}

impl Engine {
    pub(crate) fn new(
        plan: Arc<Plan>,
        upstreams: Arc<Upstreams>,
        observation: Observation,
        certificates: Vec<Option<Arc<Certificates>>>,
        overload: Option<Overload>,
    ) -> Self {
        let routes = &plan.config().routes;
        // Boxed, since nearly all of ten thousand routes may have none.
        let fixed = routes
            .iter()
            .map(|route| Fixed::of(route).map(Box::new))
            .collect();
        let moments = (0..routes.len()).map(|position| plan.moments(position)).collect();
        let filters = plan
            .steps()
            .iter()
            .flat_map(|step| step.reasons.iter().map(|reason| (step.filter, *reason)));
        let mut answers = Answers::new(plan.digest().short(), reasons::own().chain(filters));
        for step in plan.steps() {
            answers.name_quotas(step.filter, &step.id, step.reasons);
        }
        let identity_slot = plan.layout().find::<Identity>();
        let clock = Clock::default();
        let bodies = BodyMemory::of(plan.config().bodies.memory.bytes());
        Self {
            bodies,
            answers,
            fixed,
            moments,
            identity_slot,
            plan,
            upstreams,
            observation,
            overload,
            certificates,
            clock,
        }
    }

    /// Starts an exchange with the head that a carrier has read. Its head moves into the exchange.
    pub(crate) fn begin(
        &self,
        exchange: &mut Exchange,
        connection: &Arc<Connection>,
        head: &mut RequestHeader,
    ) {
        let wall = Clock::wall();
        let listener = self.plan.config().listeners.get(connection.listener());
        let origin = Origin {
            client: connection.client().ip(),
            peer: connection.client(),
            listener: listener
                .map(|listener| Arc::clone(&listener.name))
                .unwrap_or_default(),
            tls: connection.tls().cloned(),
            told: Told::Nothing,
            now: self.clock.tick(),
            wall,
        };
        let layout = self.plan.layout();
        exchange.plan.begin(origin, layout.slots(), layout.words());
        exchange.plan.request.swap_head(head);
        exchange.connection = Some(Arc::clone(connection));
        exchange.id = RequestId::new(wall);
        exchange.is_open = true;
        if let Some(overload) = &self.overload {
            overload.begin(observation::worker().0);
        }
        self.observation.begin(exchange);
    }

    /// Checks, routes and runs the filters as far as that goes without waiting. `Err` holds the place
    /// from which [`Plan::request_from`] goes on.
    pub(crate) fn decide(&self, exchange: &mut Exchange) -> Result<Decided, Waiting> {
        if let Err(refusal) = self.receive(exchange) {
            return Ok(Decided::Refuse(refusal));
        }
        if let Some(refusal) = self.shed(exchange) {
            return Ok(Decided::Refuse(refusal));
        }
        match self.plan.request(&mut exchange.plan) {
            Progress::Done(decided) => Ok(decided),
            Progress::Waits(from) => Err(from),
        }
    }

    fn receive(&self, exchange: &mut Exchange) -> Result<(), Refusal> {
        let Some(connection) = &exchange.connection else {
            return Ok(());
        };
        let listener = ListenerId(connection.listener());
        let received = self.plan.receive(&mut exchange.plan, listener);
        self.trust_id(exchange, listener);
        received?;
        self.check_authority(exchange, listener)
    }

    /// Refuses what there is no time for, before anything is done for it. What has no route is answered as it
    /// is: that costs as little.
    fn shed(&self, exchange: &Exchange) -> Option<Refusal> {
        let overload = self.overload.as_ref()?;
        let (_, route) = self.route(exchange)?;
        let is_shed = overload.sheds(observation::worker().0, route.priority);
        is_shed.then(|| Refusal::new(reasons::GATEWAY, &OVERLOADED))
    }

    /// Keeps the request id of a trusted proxy where the listener says so.
    fn trust_id(&self, exchange: &mut Exchange, listener: ListenerId) {
        let Some(trust) = self
            .plan
            .config()
            .listeners
            .get(listener.0)
            .map(|listener| &listener.trust)
        else {
            return;
        };
        let request = &exchange.plan.request;
        if trust.request_id
            && is_trusted(trust, request.peer().ip().to_canonical())
            && let Some(id) = request
                .header(&X_REQUEST_ID)
                .and_then(|id| RequestId::parse(id.as_bytes()))
        {
            exchange.id = id;
        }
    }

    /// RFC 9110 §15.5.20: a connection is for the hosts of the certificate that it was opened with.
    fn check_authority(&self, exchange: &Exchange, listener: ListenerId) -> Result<(), Refusal> {
        let request = &exchange.plan.request;
        let Some(asked) = request.tls().and_then(|tls| tls.server_name.as_deref()) else {
            return Ok(());
        };
        if asked == request.host() {
            return Ok(());
        }
        let Some(Some(certificates)) = self.certificates.get(listener.0) else {
            return Ok(());
        };
        if certificates.position(asked) == certificates.position(request.host()) {
            return Ok(());
        }
        Err(Refusal::new(guard::GUARD, &guard::MISDIRECTED))
    }

    /// Where a decided exchange goes. Our own answers are complete, response hooks included.
    pub(crate) fn settle(&self, exchange: &mut Exchange, decided: Decided) -> Next {
        match decided {
            Decided::Refuse(refusal) => Next::Own(self.refuse(exchange, refusal)),
            Decided::Reply(reply) => Next::Own(self.reply(exchange, *reply)),
            Decided::Go => self.act(exchange),
        }
    }

    /// The answer of a filter, complete.
    fn reply(&self, exchange: &mut Exchange, reply: Reply) -> OwnAnswer {
        let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
        let mut head = Box::new(answers::bare_head(status, 8));
        answers::add(&mut head, reply.fields);
        answers::put(&mut head, CONTENT_LENGTH, HeaderValue::from(reply.body.len()));
        let body = reply.body;
        self.complete(exchange, OwnAnswer { head, body })
    }

    /// What the client sees in place of an endpoint's answer, complete.
    pub(crate) fn replace(&self, exchange: &mut Exchange, instead: Decided) -> OwnAnswer {
        match instead {
            Decided::Refuse(refusal) => self.refuse(exchange, refusal),
            Decided::Reply(reply) => self.reply(exchange, *reply),
            // No response hook says so.
            Decided::Go => self.refuse(exchange, Refusal::new(reasons::GATEWAY, &reasons::INTERNAL)),
        }
    }

    fn act(&self, exchange: &mut Exchange) -> Next {
        let Some((position, route)) = self.route(exchange) else {
            return Next::Own(self.refuse(exchange, Refusal::new(guard::ROUTING, &guard::UNKNOWN)));
        };
        if let Action::To(upstream) = route.action {
            return Next::Forward(upstream);
        }
        let Some(Some(fixed)) = self.fixed.get(position) else {
            return Next::Own(self.refuse(exchange, Refusal::new(reasons::GATEWAY, &reasons::INTERNAL)));
        };
        let mut head = Box::new(fixed.head.clone());
        if let Action::Redirect(redirect) = &route.action
            && redirect.keep_query
            && let Some(query) = exchange.plan.request.query()
            && let Ok(target) = HeaderValue::from_str(&format!("{}?{query}", redirect.to))
        {
            answers::put(&mut head, LOCATION, target);
        }
        Next::Own(self.complete(
            exchange,
            OwnAnswer {
                head,
                body: fixed.body.clone(),
            },
        ))
    }

    /// The answer to a refusal, complete.
    pub(crate) fn refuse(&self, exchange: &mut Exchange, refusal: Refusal) -> OwnAnswer {
        exchange.refused = Some((refusal.by, refusal.reason));
        let policy = self.quota(exchange, &refusal);
        let head = exchange.plan.request.head();
        let answer = self.answers.refusal(refusal, policy, &exchange.id, head);
        self.complete(exchange, answer)
    }

    /// A refusal as the bytes of an HTTP/1.1 answer, where no filter wants to see it and the client reads
    /// problem documents with a body. The same as [`Engine::refuse`] without a head that is built, filtered
    /// and serialised: under attack this is the path that counts.
    pub(crate) fn refuse_in_bytes(
        &self,
        exchange: &mut Exchange,
        refusal: &Refusal,
        close: bool,
        into: &mut Vec<u8>,
    ) -> Option<()> {
        if self.moments_of(exchange).response || exchange.plan.request.method() == Method::HEAD {
            return None;
        }
        let policy = self.quota(exchange, refusal);
        let page = self.answers.page(refusal, policy)?;
        page.write(&refusal.fields, &exchange.id, close, into);
        exchange.refused = Some((refusal.by, refusal.reason));
        exchange.status = refusal.reason.status();
        Some(())
    }

    /// Id of the step whose quota was used up, if that is why it refused.
    fn quota(&self, exchange: &Exchange, refusal: &Refusal) -> Option<&str> {
        if !answers::is_quota(refusal.reason) {
            return None;
        }
        let refused =
            |decision: &&Decision| decision.reason.is_some_and(|r| r.code() == refusal.reason.code());
        let decision = exchange.plan.decisions().iter().rev().find(refused)?;
        Some(&self.plan.steps().get(decision.step.0 as usize)?.id)
    }

    /// Runs the response hooks over an answer of ours and gives it the request id.
    fn complete(&self, exchange: &mut Exchange, mut answer: OwnAnswer) -> OwnAnswer {
        answers::put_id(&mut answer.head, &exchange.id);
        if self.moments_of(exchange).response {
            // Response hooks never refuse an answer of ours.
            let _ = self.plan.response(&mut exchange.plan, &mut answer.head, true);
        }
        if exchange.plan.request.method() == Method::HEAD {
            answer.body = Bytes::new();
        }
        answer
    }

    /// What filters and protocol do to an upstream's answer before the client sees it. The request's head
    /// must be in the exchange.
    ///
    /// Returns what the client sees in its place, if a filter wants that. Whether the body is to be held stands in the
    /// exchange of the plan.
    pub(crate) fn relay(&self, exchange: &mut Exchange, head: &mut ResponseHeader) -> Option<Decided> {
        let switched = head.status == StatusCode::SWITCHING_PROTOCOLS;
        // Only WebSocket is left of what a client can ask for, and only where the route permits it.
        if switched && exchange.plan.request.header(&UPGRADE).is_none() {
            return Some(Decided::Refuse(Refusal::new(reasons::UPSTREAM, &reasons::SWITCH)));
        }
        if incoming::adopt(head).is_err() {
            exchange.failure = Some(Failure::Protocol);
            return Some(Decided::Refuse(Refusal::new(
                reasons::UPSTREAM,
                &reasons::PROTOCOL,
            )));
        }
        answers::put_id(head, &exchange.id);
        if self.moments_of(exchange).response {
            self.plan.response(&mut exchange.plan, head, false)
        } else {
            None
        }
    }

    /// The head that the endpoint of the current attempt sees, made from a copy of the request's.
    pub(crate) fn outgoing(&self, exchange: &mut Exchange, head: &mut RequestHeader) -> Option<Refusal> {
        let config = self.plan.config();
        let connection = exchange.connection.as_ref()?;
        let trust = &config.listeners.get(connection.listener())?.trust;
        let (_, route) = self.route(exchange)?;
        let upstream = config.upstreams.get(exchange.upstream.id?.0)?;
        Outgoing {
            request: &exchange.plan.request,
            id: &exchange.id,
            route,
            upstream,
            trust,
        }
        .apply(head);
        if self.moments_of(exchange).attempt {
            return self.plan.attempt(
                &mut exchange.plan,
                head,
                exchange.upstream.attempts,
                &upstream.name,
            );
        }
        None
    }

    /// Chooses an endpoint and begins an attempt.
    ///
    /// # Errors
    /// When there is none, or when the time of the exchange is over.
    pub(crate) fn attempt(&self, exchange: &mut Exchange) -> Result<AttemptTerms, Refusal> {
        let unavailable = || Refusal::new(reasons::UPSTREAM, &reasons::UNAVAILABLE);
        let id = exchange.upstream.id.ok_or_else(unavailable)?;
        let (_, route) = self.route(exchange).ok_or_else(unavailable)?;
        let websocket = route.websocket;
        // The endpoint of the last attempt is not busy with this exchange any more.
        exchange.upstream.picked = None;
        let now = self.clock.tick();
        self.observation.attempt(exchange, now);
        let left = self.left(exchange).inspect_err(|_| {
            exchange.failure = Some(Failure::TotalTimeout);
        })?;
        let terms = AttemptTerms { websocket, left };
        let upstream: &Upstream = self.upstreams.get(id).ok_or_else(unavailable)?;
        let Some(mut picked) = upstream.pick(&exchange.upstream.tried) else {
            exchange.failure.get_or_insert(Failure::NoEndpoint);
            return Err(unavailable());
        };
        upstream.admit(&mut picked, now).map_err(overloaded)?;
        exchange.attempt(picked, now);
        // What broke the last attempt was counted with it, and is not what becomes of the exchange.
        exchange.failure = None;
        Ok(terms)
    }

    /// What is left of the exchange's total time; `None` where the route streams.
    ///
    /// # Errors
    /// When it is over.
    pub(crate) fn left(&self, exchange: &Exchange) -> Result<Option<Duration>, Refusal> {
        let Some((_, route)) = self.route(exchange) else {
            return Ok(None);
        };
        let Some(upstream) = exchange
            .upstream
            .id
            .and_then(|id| self.plan.config().upstreams.get(id.0))
        else {
            return Ok(None);
        };
        if route.stream {
            return Ok(None);
        }
        let spent = self.clock.tick().since(exchange.plan.request.now());
        let left = upstream.timeouts.total.checked_sub(spent);
        left.map(Some)
            .ok_or_else(|| Refusal::new(reasons::UPSTREAM, &reasons::TOTAL_TIMEOUT))
    }

    /// The time that a piece of an answer waits when hooks ask for `delay`: never beyond the end of the exchange.
    pub(crate) fn pause(&self, exchange: &Exchange, delay: Duration) -> Duration {
        match self.left(exchange) {
            Ok(Some(left)) => delay.min(left),
            Ok(None) => delay,
            Err(_) => Duration::ZERO,
        }
    }

    /// Counts bytes of the request body against the bound of the matched route.
    pub(crate) fn count_body(&self, exchange: &mut Exchange, bytes: u64) -> Option<Refusal> {
        exchange.body.seen += bytes;
        exchange.bytes_in = exchange.body.seen;
        let max = self
            .route(exchange)
            .map_or(0, |(_, route)| route.body_max.bytes());
        (exchange.body.seen > max).then(|| Refusal::new(guard::GUARD, &guard::BODY_EXCEEDED))
    }

    /// The matched route with its position.
    pub(crate) fn route(&self, exchange: &Exchange) -> Option<(usize, &Route)> {
        let position = exchange.plan.route?;
        Some((position, self.plan.config().routes.get(position)?))
    }

    /// Which moments of the matched route have hooks.
    pub(crate) fn moments_of(&self, exchange: &Exchange) -> Moments {
        exchange
            .plan
            .route
            .and_then(|position| self.moments.get(position))
            .copied()
            .unwrap_or_default()
    }

    /// The raw answer to a head that could not be read, and its record.
    pub(crate) fn refuse_unread(&self, reason: &'static Reason, connection: &Connection) -> Bytes {
        let wall = Clock::wall();
        let id = RequestId::new(wall);
        self.observation.unread(reason, connection, &id, wall);
        self.answers.raw(guard::GUARD, reason, &id)
    }
}

/// The answer to an attempt that would be more than its upstream may be sent.
fn overloaded(exceeded: Exceeded) -> Refusal {
    let mut refusal = Refusal::new(reasons::UPSTREAM, exceeded.reason);
    refusal
        .fields
        .push((RETRY_AFTER, HeaderValue::from(exceeded.seconds.max(1))));
    refusal
}

impl Fixed {
    fn of(route: &Route) -> Option<Self> {
        let (status, fields, content_type, body) = match &route.action {
            Action::To(_) => return None,
            Action::Respond(Respond {
                status,
                content_type,
                body,
                headers,
            }) => (
                *status,
                headers.clone(),
                content_type.clone(),
                Bytes::copy_from_slice(body),
            ),
            Action::Redirect(redirect) => (
                redirect.status,
                vec![("location".into(), Arc::clone(&redirect.to))],
                None,
                Bytes::new(),
            ),
        };
        let mut head = answers::bare_head(StatusCode::from_u16(status).ok()?, fields.len() + 4);
        if let Some(media) = content_type {
            answers::put(&mut head, CONTENT_TYPE, HeaderValue::from_str(&media).ok()?);
        }
        for (name, value) in fields {
            let (name, value) = (
                HeaderName::try_from(&*name).ok()?,
                HeaderValue::from_str(&value).ok()?,
            );
            answers::put(&mut head, name, value);
        }
        if !matches!(status, 204 | 304) {
            answers::put(&mut head, CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Some(Self { head, body })
    }
}
