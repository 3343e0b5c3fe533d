//! One request, described in words, through the compiled plan: what would happen, and why.
//!
//! The guard, the router and the filters are those of the live gateway; only the network is missing. Opens
//! nothing, knows no clock, and never contacts an upstream.

mod answer;
mod given;
mod question;
mod text;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use adamant_filter::{Identity, Reason, Tick, Wall};
use bytes::Bytes;
use pingora_http::ResponseHeader;
use serde::Serialize;

pub use given::Given;
pub use question::{Question, QuestionError, STRANGER};

use crate::config::Action;
use crate::plan::{self, Decided, Exchange, Plan, Progress, Refusal};
use crate::receive::reason::{GUARD, ROUTING, TARGET_FORM, UNKNOWN};

/// A future that is not ready after so many polls waits for the world.
const POLLS_MAX: usize = 100;

/// Time as an offline run sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For intervals.
    pub tick: Tick,
    /// For claims.
    pub wall: Wall,
}

/// What would happen to a request, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// Status that the client sees; `None` when an upstream answers and the question does not say what.
    pub status: Option<u16>,
    /// Why it is refused: `filter.code`.
    pub reason: Option<String>,
    /// Name of the matched route.
    pub route: Option<Arc<str>>,
    /// Name of the upstream to which it is forwarded.
    pub upstream: Option<Arc<str>>,
    /// Before or after which others the route's requests are shed; absent while the file sheds none. Here
    /// nothing is ever shed.
    pub priority: Option<&'static str>,
    /// Who the client proved to be.
    pub consumer: Option<String>,
    /// The plan that the file gives the consumer.
    pub plan: Option<String>,
    /// Groups that the file puts the consumer in.
    pub groups: Vec<String>,
    /// Name of the listener.
    pub listener: Arc<str>,
    /// The client's address, with trusted proxies taken into account.
    pub client: IpAddr,
    /// Host and path as everybody sees them behind the guard.
    pub canonical: Canonical,
    /// Fields of the answer that the client sees, in lower case; empty where an upstream's is not known.
    pub headers: BTreeMap<String, String>,
    /// The body that the client sees of a given answer of an upstream, or of an answer in its place that a filter
    /// made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What the filters decided, in order.
    pub decisions: Vec<StepDecision>,
}

/// Host and path as everybody sees them behind the guard; absent when the guard refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Canonical {
    /// Lower case, without port.
    pub host: Option<String>,
    /// Without query.
    pub path: Option<String>,
}

/// What one step decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepDecision {
    /// The filter's word.
    pub filter: &'static str,
    /// Its `id` in the file, or the filter's word.
    pub id: Arc<str>,
    /// The policy in which it stands.
    pub policy: Option<Arc<str>>,
    /// Line of the file.
    pub line: u32,
    /// `pass`, `deny`, `reply`, `fault-deny`, `fault-pass` or `would-deny`.
    pub verdict: &'static str,
    /// Why, unless it passed.
    pub reason: Option<String>,
}

/// What the request comes to.
struct End {
    own: Option<Box<ResponseHeader>>,
    reason: Option<(&'static str, &'static Reason)>,
    upstream: Option<Arc<str>>,
    is_canonical: bool,
    body: Option<Bytes>,
}

impl End {
    /// An answer, and its body where it is known.
    const fn of(head: Box<ResponseHeader>, body: Option<Bytes>) -> Self {
        Self {
            own: Some(head),
            reason: None,
            upstream: None,
            is_canonical: true,
            body,
        }
    }
}

impl Plan {
    /// What would happen to a request at this moment. Filters that count, count it, and see it end; what an upstream
    /// would answer is not known to them unless the question [says it](Question::upstream).
    ///
    /// # Errors
    /// When the question describes no request, or a filter waits for the world.
    pub fn explain(&self, question: &Question, at: Moment) -> Result<Explanation, QuestionError> {
        let mut exchange = Exchange::default();
        let listener = question.begin(self, &mut exchange, at)?;
        if !question.put_head(&mut exchange)? {
            let end = self.refused(&mut exchange, Refusal::new(GUARD, &TARGET_FORM));
            return Ok(self.ended(&exchange, end));
        }
        let end = match self.receive(&mut exchange, listener) {
            Err(refusal) => self.refused(&mut exchange, refusal),
            Ok(()) => {
                let decided = self.decide(&mut exchange)?;
                self.act(&mut exchange, decided, question.upstream.as_ref())?
            }
        };
        Ok(self.ended(&exchange, end))
    }

    /// Lets the filters give back what they hold, as they would behind the last byte.
    fn ended(&self, exchange: &Exchange, end: End) -> Explanation {
        let last = plan::End {
            status: end.own.as_ref().map_or(0, |head| head.status.as_u16()),
            reason: end.reason.map(|(_, reason)| reason),
            bytes_out: end.body.as_ref().map_or(0, |body| body.len() as u64),
            ..plan::End::default()
        };
        let explanation = self.explanation(exchange, end);
        self.finish(exchange, &last);
        explanation
    }

    /// The position of the route that a request is on; no filter runs.
    ///
    /// # Errors
    /// When the question describes no request.
    pub fn route_of_question(&self, question: &Question, at: Moment) -> Result<Option<usize>, QuestionError> {
        let mut exchange = Exchange::default();
        let listener = question.begin(self, &mut exchange, at)?;
        if question.put_head(&mut exchange)? {
            // Whatever refuses it, the route is what is asked for.
            let _ = self.receive(&mut exchange, listener);
        }
        Ok(exchange.route)
    }

    fn decide(&self, exchange: &mut Exchange) -> Result<Decided, QuestionError> {
        let position = match self.request(exchange) {
            Progress::Done(decided) => return Ok(decided),
            Progress::Waits(position) => position,
        };
        let mut rest = pin!(self.request_from(exchange, position));
        let mut context = std::task::Context::from_waker(Waker::noop());
        for _ in 0..POLLS_MAX {
            if let Poll::Ready(decided) = rest.as_mut().poll(&mut context) {
                return Ok(decided);
            }
        }
        Err(QuestionError::Waits)
    }

    /// What a decided request comes to.
    fn act(
        &self,
        exchange: &mut Exchange,
        decided: Decided,
        given: Option<&Given>,
    ) -> Result<End, QuestionError> {
        let own = match decided {
            Decided::Refuse(refusal) => return Ok(self.refused(exchange, refusal)),
            Decided::Reply(reply) => answer::reply(*reply),
            Decided::Go => {
                let Some(route) = exchange
                    .route
                    .and_then(|position| self.config().routes.get(position))
                else {
                    return Ok(self.refused(exchange, Refusal::new(ROUTING, &UNKNOWN)));
                };
                match &route.action {
                    Action::To(id) => {
                        let upstream = self.config().upstreams.get(id.0);
                        let upstream = upstream.map(|upstream| Arc::clone(&upstream.name));
                        return match given {
                            Some(given) => self.relayed(exchange, given, upstream),
                            None => Ok(End {
                                own: None,
                                reason: None,
                                upstream,
                                is_canonical: true,
                                body: None,
                            }),
                        };
                    }
                    Action::Respond(respond) => answer::fixed(respond),
                    Action::Redirect(redirect) => answer::redirect(redirect, exchange.request.query()),
                }
            }
        };
        Ok(End::of(self.complete(exchange, own, None), None))
    }

    fn refused(&self, exchange: &mut Exchange, refusal: Refusal) -> End {
        let reason = (refusal.by, refusal.reason);
        let is_canonical = refusal.by != GUARD || exchange.route.is_some();
        let own = self.complete(exchange, answer::refusal(refusal), Some(reason.1));
        End {
            reason: Some(reason),
            is_canonical,
            ..End::of(own, None)
        }
    }

    /// Response hooks see our own answers as they see those of an upstream; they never refuse ours.
    fn complete(
        &self,
        exchange: &mut Exchange,
        mut own: Box<ResponseHeader>,
        reason: Option<&'static Reason>,
    ) -> Box<ResponseHeader> {
        let _ = self.response(exchange, &mut own, true);
        self.answered(exchange, own.status, reason, exchange.request.now());
        own
    }

    fn explanation(&self, exchange: &Exchange, end: End) -> Explanation {
        let request = &exchange.request;
        let identity = self
            .layout()
            .find::<Identity>()
            .and_then(|slot| request.slot::<Identity>(slot));
        let route = exchange
            .route
            .and_then(|position| self.config().routes.get(position));
        let sheds = self.config().overload.is_some();
        let priority = route.filter(|_| sheds).map(|route| route.priority.word());
        let groups = identity.into_iter().flat_map(Identity::groups).map(str::to_owned);
        let canonical = end.is_canonical.then(|| Canonical {
            host: Some(request.host().to_owned()),
            path: Some(request.path().to_owned()),
        });
        Explanation {
            status: end.own.as_ref().map(|head| head.status.as_u16()),
            reason: end.reason.map(|(by, reason)| format!("{by}.{}", reason.code())),
            route: route.map(|route| Arc::clone(&route.name)),
            upstream: end.upstream,
            priority,
            consumer: identity.map(|identity| identity.consumer().to_owned()),
            plan: identity.and_then(Identity::plan).map(str::to_owned),
            groups: groups.collect(),
            listener: Arc::clone(&request.origin().listener),
            client: request.client(),
            canonical: canonical.unwrap_or_default(),
            headers: end.own.as_deref().map(answer::fields).unwrap_or_default(),
            body: end.body.map(|body| String::from_utf8_lossy(&body).into_owned()),
            decisions: self.verdicts(exchange),
        }
    }

    fn verdicts(&self, exchange: &Exchange) -> Vec<StepDecision> {
        let verdict = |decision: &plan::Decision| {
            let step = self.steps().get(decision.step.0 as usize)?;
            Some(StepDecision {
                filter: step.filter,
                id: Arc::clone(&step.id),
                policy: step.policy.clone(),
                line: step.span.line(),
                verdict: decision.outcome.word(),
                reason: decision
                    .reason
                    .map(|reason| format!("{}.{}", step.filter, reason.code())),
            })
        };
        exchange.decisions().iter().filter_map(verdict).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
