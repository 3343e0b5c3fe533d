//! Runs the stages of a route over an exchange, moment by moment.
//!
//! Pure unless a filter asked to wait. The live gateway, `explain` and `test` all come through here.

use std::pin::Pin;
use std::time::Duration;

use adamant_filter::{
    Answered, Attempt, Chunk, Denial, Fields, Finished, Reason, Request, RequestHook, Response, Role, Tick,
    Verdict,
};
use http::StatusCode;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use pingora_http::{RequestHeader, ResponseHeader};

use super::exchange::{Decided, Exchange, Frame, Outcome, Refusal};
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
                Step::Next => exchange.request.settle(),
                Step::Stop(decided) => {
                    exchange.request.settle();
                    return Progress::Done(decided);
                }
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
        let mut first = From::Hook(from.hook);
        for stage in route.stages.get(from.stage..).unwrap_or_default() {
            let decided = slow(stage, exchange, first).await;
            exchange.request.settle();
            if let Some(decided) = decided {
                return decided;
            }
            first = From::Start;
        }
        Decided::Go
    }

    /// Runs the request-body moment on one piece.
    pub fn request_body(&self, exchange: &mut Exchange, chunk: &mut Chunk) -> Option<Refusal> {
        let route = self.route_of(exchange)?;
        for placed in &route.wiring.request_body {
            if is_left_out(placed, exchange) {
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
            if placed.shadow || is_left_out(placed, exchange) {
                continue;
            }
            for hook in &placed.instance.wired.attempt {
                let outcome = hook(&mut Attempt::new(head, &exchange.request, number, upstream));
                let verdict = match outcome {
                    Ok(()) => Verdict::Pass,
                    // What the client did wrong is no failure of the world, so `on-fault` does not waive it.
                    Err(fault) if fault.reason.status() < 500 => fault.reason.deny(),
                    Err(fault) => Verdict::Fault(fault),
                };
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
            if placed.shadow || is_left_out(placed, exchange) {
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

    /// Runs the moment at which the status of an answer is certain. `reason` is why we refused or failed, if we did.
    pub fn answered(
        &self,
        exchange: &Exchange,
        status: StatusCode,
        reason: Option<&'static Reason>,
        now: Tick,
    ) {
        let Some(route) = self.route_of(exchange) else {
            return;
        };
        let answered = Answered {
            request: &exchange.request,
            status: reason.map_or(status.as_u16(), |reason| reason.status()),
            reason,
            now,
        };
        for placed in &route.wiring.answered {
            if is_left_out(placed, exchange) {
                continue;
            }
            let hooks = placed.instance.wired.answered.iter();
            hooks.for_each(|hook| hook(&answered));
        }
    }

    /// Runs the response-body moment on one piece. A refusal can only cut the answer short.
    pub fn response_body(&self, exchange: &mut Exchange, chunk: &mut Chunk) -> Option<Refusal> {
        let route = self.route_of(exchange)?;
        for placed in route.wiring.response_body.iter().rev() {
            if placed.shadow || is_left_out(placed, exchange) {
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
            if is_left_out(placed, exchange) {
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

/// Whether a step that is come to has nothing to do with the request.
fn skips(placed: &Placed, exchange: &mut Exchange) -> bool {
    let Some(when) = &placed.when else { return false };
    let step = placed.instance.step;
    let fits = exchange.fitted(step).unwrap_or_else(|| {
        let fits = when.fits(&exchange.request);
        exchange.keep_fitted(step, fits);
        fits
    });
    !fits
}

/// Whether a later moment of a step has nothing to do with the exchange: as it was when the step was come to, or as
/// the request is where an earlier step ended it.
fn is_left_out(placed: &Placed, exchange: &Exchange) -> bool {
    let Some(when) = &placed.when else { return false };
    let fits = exchange.fitted(placed.instance.step);
    !fits.unwrap_or_else(|| when.fits(&exchange.request))
}

/// Runs a stage without waiting. Where a filter of a group must wait, the way to it is kept in the exchange and
/// [`slow`] goes on there: no step is asked twice. What a branch changed that refuses, such as a credential that was
/// taken away, is put back before the next one is asked.
fn quick(stage: &Stage, exchange: &mut Exchange) -> Step {
    match stage {
        Stage::One(placed) => one_quick(placed, exchange),
        Stage::AllOf(branches) => {
            for (branch, stage) in branches.iter().enumerate() {
                match quick(stage, exchange) {
                    Step::Next => {}
                    Step::Waits(hook) => {
                        exchange.waits_in(Frame::AllOf { branch });
                        return Step::Waits(hook);
                    }
                    Step::Stop(decided) => return Step::Stop(decided),
                }
            }
            Step::Next
        }
        Stage::AnyOf(branches) => {
            let mark = exchange.request.mark();
            let mut refused = None;
            for (branch, stage) in branches.iter().enumerate() {
                match quick(stage, exchange) {
                    Step::Stop(Decided::Refuse(refusal)) => {
                        exchange.request.undo(mark);
                        refused = Some(merge(refused, refusal));
                    }
                    Step::Waits(hook) => {
                        exchange.waits_in(Frame::AnyOf {
                            branch,
                            mark,
                            refused,
                        });
                        return Step::Waits(hook);
                    }
                    other => return other,
                }
            }
            refused.map_or(Step::Next, |refusal| Step::Stop(Decided::Refuse(refusal)))
        }
    }
}

fn one_quick(placed: &Placed, exchange: &mut Exchange) -> Step {
    if skips(placed, exchange) {
        return Step::Next;
    }
    for (position, hook) in placed.instance.wired.request.iter().enumerate() {
        let verdict = match hook {
            RequestHook::Async(_) => return Step::Waits(position),
            // A step in shadow sees a copy, so that nothing it does reaches the exchange.
            RequestHook::Sync(run) if placed.shadow => in_shadow(&exchange.request, run),
            RequestHook::Sync(run) => run(&mut exchange.request),
            RequestHook::Either(quick, _) => {
                let answer = if placed.shadow {
                    in_shadow(&exchange.request, quick)
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

/// Runs a hook on a copy, of which only the words of its filter come back.
fn in_shadow<T>(request: &Request, run: impl Fn(&mut Request) -> T) -> T {
    let mut copy = request.shadow_copy();
    let answer = run(&mut copy);
    request.take_words(&copy);
    answer
}

/// Where [`slow`] begins: anew, or at the hook that must wait.
#[derive(Clone, Copy)]
enum From {
    Start,
    Hook(usize),
}

impl From {
    const fn is_hook(self) -> bool {
        matches!(self, Self::Hook(_))
    }
}

/// Runs a stage and waits where it must.
fn slow<'a>(
    stage: &'a Stage,
    exchange: &'a mut Exchange,
    from: From,
) -> Pin<Box<dyn Future<Output = Option<Decided>> + Send + 'a>> {
    Box::pin(async move {
        match stage {
            Stage::One(placed) => {
                let first = match from {
                    From::Start => 0,
                    From::Hook(hook) => hook,
                };
                one_slow(placed, exchange, first).await
            }
            Stage::AllOf(branches) => {
                let (mut from, mut first) = (from, 0);
                if let Some(Frame::AllOf { branch }) = exchange.waited_in(from.is_hook()) {
                    first = branch;
                }
                for stage in branches.get(first..).unwrap_or_default() {
                    if let Some(decided) = slow(stage, exchange, from).await {
                        return Some(decided);
                    }
                    from = From::Start;
                }
                None
            }
            Stage::AnyOf(branches) => any_slow(branches, exchange, from).await,
        }
    })
}

async fn any_slow(branches: &[Stage], exchange: &mut Exchange, mut from: From) -> Option<Decided> {
    let (first, mark, mut refused) = match exchange.waited_in(from.is_hook()) {
        Some(Frame::AnyOf {
            branch,
            mark,
            refused,
        }) => (branch, mark, refused),
        Some(Frame::AllOf { .. }) | None => (0, exchange.request.mark(), None),
    };
    for stage in branches.get(first..).unwrap_or_default() {
        match slow(stage, exchange, from).await {
            Some(Decided::Refuse(refusal)) => {
                exchange.request.undo(mark);
                refused = Some(merge(refused, refusal));
            }
            other => return other,
        }
        from = From::Start;
    }
    refused.map(Decided::Refuse)
}

async fn one_slow(placed: &Placed, exchange: &mut Exchange, first: usize) -> Option<Decided> {
    if skips(placed, exchange) {
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
        if let Some(copy) = &copy {
            exchange.request.take_words(copy);
        }
        if let Step::Stop(decided) = settle(placed, verdict, exchange) {
            return Some(decided);
        }
    }
    None
}

/// Every 401 carries a challenge (RFC 9110 §15.5.2). Where a filter has none of its own, its word is the scheme.
fn challenged(by: &'static str, reason: &Reason, mut fields: Fields) -> Fields {
    if reason.status() == 401 && !fields.iter().any(|(name, _)| *name == WWW_AUTHENTICATE) {
        fields.push((WWW_AUTHENTICATE, HeaderValue::from_static(by)));
    }
    fields
}

/// Applies the generic keys to a verdict and writes the decision down.
fn settle(placed: &Placed, verdict: Verdict, exchange: &mut Exchange) -> Step {
    let step = placed.instance.step;
    let by = placed.instance.filter;
    let role = Some(placed.instance.role);
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
        Verdict::Deny(Denial {
            reason,
            fields,
            limit,
        }) => {
            let fields = challenged(by, reason, fields);
            exchange.decide(step, Outcome::Denied, Some(reason));
            Step::Stop(Decided::Refuse(Refusal {
                by,
                reason,
                fields,
                limit,
                role,
            }))
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
            let refusal = Refusal {
                role,
                fields: challenged(by, fault.reason, Fields::new()),
                ..Refusal::new(by, fault.reason)
            };
            Step::Stop(Decided::Refuse(refusal))
        }
    }
}

/// Of several branches that refused, the one tells why for which the client brought a credential; one that
/// lacks a credential goes before one that has nothing to do with credentials, since the client can bring one
/// (RFC 9110 §15.5.2). The challenges of all are kept.
fn merge(before: Option<Refusal>, next: Refusal) -> Refusal {
    let Some(before) = before else { return next };
    let (earlier, later) = (concerns(&before), concerns(&next));
    let (mut told, other) = if later > earlier || (later == earlier && later == Concerns::NoCredential) {
        (next, before)
    } else {
        (before, next)
    };
    if told.reason.status() == 401 {
        let is_new = |value: &HeaderValue| !told.fields.iter().any(|(_, known)| known == value);
        let challenges = other.fields.into_iter();
        let challenges: Vec<_> = challenges
            .filter(|(name, value)| *name == WWW_AUTHENTICATE && is_new(value))
            .collect();
        told.fields.extend(challenges);
    }
    told
}

/// What a refusal is about, in the order in which a client should learn it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Concerns {
    SomethingElse,
    NoCredential,
    /// One that another branch may judge.
    OtherCredential,
    Credential,
}

fn concerns(refusal: &Refusal) -> Concerns {
    match refusal.role {
        Some(Role::Authenticate) if refusal.reason.code() == "missing" => Concerns::NoCredential,
        Some(Role::Authenticate) if refusal.reason.code() == "issuer" => Concerns::OtherCredential,
        Some(Role::Authenticate | Role::Authorize) => Concerns::Credential,
        Some(Role::Limit | Role::Guard | Role::Shape | Role::Observe) | None => Concerns::SomethingElse,
    }
}
