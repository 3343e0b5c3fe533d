//! Runs the stages of a route over an exchange, moment by moment.
//!
//! Pure unless a filter asked to wait. The live gateway, `explain` and `test` all come through here.

use std::pin::Pin;
use std::time::Duration;

use adamant_filter::{Attempt, Chunk, Denial, Finished, Reason, Request, RequestHook, Response, Verdict};
use http::header::WWW_AUTHENTICATE;
use pingora_http::{RequestHeader, ResponseHeader};

use super::exchange::{Decided, Exchange, Outcome, Refusal};
use super::stage::{Placed, Stage};
use super::{Plan, RoutePlan};
use crate::config::OnFault;

/// How far the request moment came without waiting.
#[derive(Debug)]
pub enum Progress {
    /// It is decided.
    Done(Decided),
    /// A hook must wait; go on with [`Plan::request_from`].
    Waits(Waiting),
}

/// Where the request moment goes on after waiting: hooks before it have decided and are not run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    stage: usize,
    hook: usize,
}

/// What one step's verdict means for the exchange.
enum Step {
    Next,
    Stop(Decided),
    /// The hook at this position of the step must wait.
    Waits(usize),
}

impl Plan {
    /// Runs the request moment of the matched route as far as it goes without waiting.
    pub fn request(&self, exchange: &mut Exchange) -> Progress {
        let Some(route) = self.route_of(exchange) else {
            let redirect = self.redirect_to_tls(exchange);
            return Progress::Done(redirect.map_or(Decided::Go, Decided::Reply));
        };
        for (position, stage) in route.stages.iter().enumerate() {
            match quick(stage, exchange) {
                Step::Next => {}
                Step::Stop(decided) => return Progress::Done(decided),
                Step::Waits(hook) => {
                    return Progress::Waits(Waiting {
                        stage: position,
                        hook,
                    });
                }
            }
        }
        Progress::Done(Decided::Go)
    }

    /// Goes on with the request moment at the hook that must wait.
    pub async fn request_from(&self, exchange: &mut Exchange, from: Waiting) -> Decided {
        let Some(route) = self.route_of(exchange) else {
            return Decided::Go;
        };
        let mut first = from.hook;
        for stage in route.stages.get(from.stage..).unwrap_or_default() {
            if let Some(decided) = slow(stage, exchange, first).await {
                return decided;
            }
            first = 0;
        }
        Decided::Go
    }

    /// Runs the request-body moment on one piece.
    pub fn request_body(&self, exchange: &mut Exchange, chunk: &mut Chunk) -> Option<Refusal> {
        let route = self.route_of(exchange)?;
        for placed in &route.wiring.request_body {
            if skips(placed, &exchange.request) {
                continue;
            }
            for hook in &placed.instance.wired.request_body {
                let verdict = if placed.shadow {
                    // What a step in shadow puts in place of these bytes goes nowhere.
                    hook(
                        &mut exchange.request,
                        &mut Chunk::new(chunk.data().clone(), chunk.is_last()),
                    )
                } else {
                    hook(&mut exchange.request, chunk)
                };
                if let Step::Stop(Decided::Refuse(refusal)) = settle(placed, verdict, exchange) {
                    return Some(refusal);
                }
            }
        }
        None
    }

    /// Runs the attempt moment on the outgoing head of one try.
    pub fn attempt(
        &self,
        exchange: &mut Exchange,
        head: &mut RequestHeader,
        number: u32,
        upstream: &str,
    ) -> Option<Refusal> {
        let route = self.route_of(exchange)?;
        for placed in &route.wiring.attempt {
            if placed.shadow || skips(placed, &exchange.request) {
                continue;
            }
            for hook in &placed.instance.wired.attempt {
                let outcome = hook(&mut Attempt::new(head, &exchange.request, number, upstream));
                let verdict = outcome.map_or_else(Verdict::Fault, |()| Verdict::Pass);
                if let Step::Stop(Decided::Refuse(refusal)) = settle(placed, verdict, exchange) {
                    return Some(refusal);
                }
            }
        }
        None
    }

    /// Runs the response moment, in reverse order, over an answer. All hooks run; the first refusal of an
    /// upstream's answer is returned and the caller answers in its place. Our own answers are never refused.
    pub fn response(
        &self,
        exchange: &mut Exchange,
        head: &mut ResponseHeader,
        ours: bool,
    ) -> Option<Refusal> {
        let route = self.route_of(exchange)?;
        let mut refused = None;
        for placed in route.wiring.response.iter().rev() {
            if placed.shadow || skips(placed, &exchange.request) {
                continue;
            }
            for hook in placed.instance.wired.response.iter().rev() {
                let verdict = hook(&mut Response::new(head, &exchange.request, ours));
                if ours {
                    continue;
                }
                if let Step::Stop(Decided::Refuse(refusal)) = settle(placed, verdict, exchange) {
                    refused = refused.or(Some(refusal));
                }
            }
        }
        refused
    }

    /// Runs the response-body moment on one piece. A refusal can only cut the answer short.
    pub fn response_body(&self, exchange: &mut Exchange, chunk: &mut Chunk) -> Option<Refusal> {
        let route = self.route_of(exchange)?;
        for placed in route.wiring.response_body.iter().rev() {
            if placed.shadow || skips(placed, &exchange.request) {
                continue;
            }
            for hook in placed.instance.wired.response_body.iter().rev() {
                let verdict = hook(&exchange.request, chunk);
                if let Step::Stop(Decided::Refuse(refusal)) = settle(placed, verdict, exchange) {
                    return Some(refusal);
                }
            }
        }
        None
    }

    /// Runs the finish moment.
    pub fn finish(&self, exchange: &Exchange, end: &End) {
        let Some(route) = self.route_of(exchange) else {
            return;
        };
        for placed in &route.wiring.finish {
            if skips(placed, &exchange.request) {
                continue;
            }
            for hook in &placed.instance.wired.finish {
                hook(&Finished {
                    request: &exchange.request,
                    status: end.status,
                    reason: end.reason,
                    duration: end.duration,
                    bytes_in: end.bytes_in,
                    bytes_out: end.bytes_out,
                });
            }
        }
    }

    fn route_of(&self, exchange: &Exchange) -> Option<&RoutePlan> {
        self.routes.get(exchange.route?)
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// Status that the client saw; 0 when it went away before an answer.
    pub status: u16,
    /// Why the gateway refused or failed, if it did.
    pub reason: Option<&'static Reason>,
    /// From arrival to the last byte.
    pub duration: Duration,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
}

fn skips(placed: &Placed, request: &Request) -> bool {
    placed.when.as_ref().is_some_and(|when| !when.fits(request))
}

/// Runs a stage without waiting. A group in which a filter must wait is run again as a whole by [`slow`]:
/// groups hold filters that prove identities, which may be asked twice.
fn quick(stage: &Stage, exchange: &mut Exchange) -> Step {
    match stage {
        Stage::One(placed) => one_quick(placed, exchange),
        Stage::AllOf(branches) => {
            for branch in branches {
                match quick(branch, exchange) {
                    Step::Next => {}
                    other => return other,
                }
            }
            Step::Next
        }
        Stage::AnyOf(branches) => {
            let mut refused = None;
            for branch in branches {
                match quick(branch, exchange) {
                    Step::Stop(Decided::Refuse(refusal)) => refused = Some(merge(refused, refusal)),
                    other => return other,
                }
            }
            refused.map_or(Step::Next, |refusal| Step::Stop(Decided::Refuse(refusal)))
        }
    }
}

fn one_quick(placed: &Placed, exchange: &mut Exchange) -> Step {
    if skips(placed, &exchange.request) {
        return Step::Next;
    }
    for (position, hook) in placed.instance.wired.request.iter().enumerate() {
        let verdict = match hook {
            RequestHook::Async(_) => return Step::Waits(position),
            // A step in shadow sees a copy, so that nothing it does reaches the exchange.
            RequestHook::Sync(run) if placed.shadow => run(&mut exchange.request.shadow_copy()),
            RequestHook::Sync(run) => run(&mut exchange.request),
            RequestHook::Either(quick, _) => {
                let answer = if placed.shadow {
                    quick(&mut exchange.request.shadow_copy())
                } else {
                    quick(&mut exchange.request)
                };
                let Some(verdict) = answer else {
                    return Step::Waits(position);
                };
                verdict
            }
        };
        match settle(placed, verdict, exchange) {
            Step::Next => {}
            other => return other,
        }
    }
    Step::Next
}

/// Runs a stage from its hook at `first` on and waits where it must. A group begins anew: it holds nothing
/// that charges.
fn slow<'a>(
    stage: &'a Stage,
    exchange: &'a mut Exchange,
    first: usize,
) -> Pin<Box<dyn Future<Output = Option<Decided>> + Send + 'a>> {
    Box::pin(async move {
        match stage {
            Stage::One(placed) => one_slow(placed, exchange, first).await,
            Stage::AllOf(branches) => {
                for branch in branches {
                    if let Some(decided) = slow(branch, exchange, 0).await {
                        return Some(decided);
                    }
                }
                None
            }
            Stage::AnyOf(branches) => {
                let mut refused = None;
                for branch in branches {
                    match slow(branch, exchange, 0).await {
                        Some(Decided::Refuse(refusal)) => refused = Some(merge(refused, refusal)),
                        other => return other,
                    }
                }
                refused.map(Decided::Refuse)
            }
        }
    })
}

async fn one_slow(placed: &Placed, exchange: &mut Exchange, first: usize) -> Option<Decided> {
    if skips(placed, &exchange.request) {
        return None;
    }
    for hook in placed.instance.wired.request.get(first..).unwrap_or_default() {
        let mut copy = placed.shadow.then(|| exchange.request.shadow_copy());
        let request = copy.as_mut().unwrap_or(&mut exchange.request);
        let verdict = match hook {
            RequestHook::Sync(run) => run(request),
            RequestHook::Async(wait) => wait.start(request).await,
            RequestHook::Either(quick, wait) => match quick(request) {
                Some(verdict) => verdict,
                None => wait.start(request).await,
            },
        };
        if let Step::Stop(decided) = settle(placed, verdict, exchange) {
            return Some(decided);
        }
    }
    None
}

/// Applies the generic keys to a verdict and writes the decision down.
fn settle(placed: &Placed, verdict: Verdict, exchange: &mut Exchange) -> Step {
    let step = placed.instance.step;
    let by = placed.instance.filter;
    if matches!(verdict, Verdict::Pass) {
        exchange.decide(step, Outcome::Passed, None);
        return Step::Next;
    }
    if placed.shadow {
        let reason = match &verdict {
            Verdict::Deny(denial) => Some(denial.reason),
            Verdict::Fault(fault) => Some(fault.reason),
            Verdict::Pass | Verdict::Reply(_) => None,
        };
        exchange.decide(step, Outcome::WouldDeny, reason);
        return Step::Next;
    }
    match verdict {
        Verdict::Pass => Step::Next,
        Verdict::Deny(Denial { reason, fields }) => {
            exchange.decide(step, Outcome::Denied, Some(reason));
            Step::Stop(Decided::Refuse(Refusal { by, reason, fields }))
        }
        Verdict::Reply(reply) => {
            exchange.decide(step, Outcome::Replied, None);
            Step::Stop(Decided::Reply(reply))
        }
        Verdict::Fault(fault) if placed.on_fault == OnFault::Pass => {
            exchange.decide(step, Outcome::FaultPassed, Some(fault.reason));
            Step::Next
        }
        Verdict::Fault(fault) => {
            exchange.decide(step, Outcome::FaultDenied, Some(fault.reason));
            Step::Stop(Decided::Refuse(Refusal::new(by, fault.reason)))
        }
    }
}

/// Of several branches that refused, the one tells why for which the client brought a credential, before one
/// for which it did not; the challenges of all are kept, each once.
fn merge(before: Option<Refusal>, next: Refusal) -> Refusal {
    let Some(before) = before else { return next };
    let (mut told, other) = if nearness(next.reason) > nearness(before.reason) {
        (next, before)
    } else {
        (before, next)
    };
    if told.reason.status() == 401 {
        for (name, value) in other.fields {
            let is_new = !told.fields.iter().any(|(_, known)| *known == value);
            if name == WWW_AUTHENTICATE && is_new {
                told.fields.push((name, value));
            }
        }
    }
    told
}

/// How much a credential has to do with the branch that refused for this reason: there was none, it is that of
/// another issuer, or it is this branch's own.
fn nearness(reason: &Reason) -> u8 {
    match reason.code() {
        "missing" => 0,
        "issuer" => 1,
        _ => 2,
    }
}
