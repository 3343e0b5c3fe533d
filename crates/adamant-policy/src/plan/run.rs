//! Runs the stages of a route over an exchange, moment by moment.
//!
//! Pure unless a filter asked to wait. The live gateway, `explain` and `test` all come through here.

use std::pin::Pin;
use std::time::Duration;

use adamant_filter::{
    Attempt, Chunk, Denial, Fields, Finished, Reason, Request, RequestHook, Response, Verdict,
};
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use pingora_http::{RequestHeader, ResponseHeader};

use super::exchange::{Decided, Exchange, Frame, Outcome, Refusal};
use super::group::{Answered, conceal_others};
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
        let held = route.wiring.aside;
        let view = held.and_then(|at_most| exchange.aside.add(chunk, at_most));
        for placed in &route.wiring.request_body {
            if placed.shadow {
                // What a step in shadow puts in place of these bytes goes nowhere.
                let seen = match placed.instance.needs.buffer_request {
                    Some(at_most) => view.as_ref().map(|view| view.for_step(at_most.bytes())),
                    None => Some(Chunk::new(chunk.data().clone(), chunk.is_last())),
                };
                if let Some(mut seen) = seen {
                    let _ = one_body(placed, exchange, &mut seen);
                }
            } else if let Some(refusal) = one_body(placed, exchange, chunk) {
                return Some(refusal);
            }
        }
        None
    }

    /// Tells that the body has ended, for steps in shadow: the last piece need not say so, and there may be none.
    pub fn request_body_end(&self, exchange: &mut Exchange) {
        let Some(route) = self.route_of(exchange) else {
            return;
        };
        if route.wiring.aside.is_none() {
            return;
        }
        let Some(view) = exchange.aside.show() else { return };
        for placed in route.wiring.request_body.iter().filter(|placed| placed.shadow) {
            if let Some(at_most) = placed.instance.needs.buffer_request {
                let _ = one_body(placed, exchange, &mut view.for_step(at_most.bytes()));
            }
        }
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
    /// upstream's answer, or the first answer in its place, is returned and the caller sends that instead. Our own
    /// answers are never refused. Whether the body is to be held stands in [`Exchange::holding`] afterwards.
    pub fn response(
        &self,
        exchange: &mut Exchange,
        head: &mut ResponseHeader,
        ours: bool,
    ) -> Option<Decided> {
        let route = self.route_of(exchange)?;
        let mut instead = None;
        exchange.holding = None;
        for placed in route.wiring.response.iter().rev() {
            if is_left_out(placed, exchange) {
                continue;
            }
            // A step in shadow sees a copy, so that nothing it does reaches the client.
            let mut copy = placed.shadow.then(|| head.clone());
            for hook in placed.instance.wired.response.iter().rev() {
                let mut response = Response::new(copy.as_mut().unwrap_or(head), &exchange.request, ours);
                let verdict = hook(&mut response);
                let hold = response.held();
                if ours {
                    continue;
                }
                if let (Some(hold), true) = (hold, placed.instance.needs.hold_response.is_some()) {
                    exchange.hold(placed.hold(hold));
                }
                if let Step::Stop(decided) = settle(placed, verdict, exchange) {
                    instead = instead.or(Some(decided));
                }
            }
        }
        instead
    }

    /// Runs the response-body moment on one piece. A refusal of a [held](Chunk::is_whole) body takes the place of the
    /// answer, any other can only cut it short.
    pub fn response_body(&self, exchange: &mut Exchange, chunk: &mut Chunk) -> Option<Refusal> {
        let route = self.route_of(exchange)?;
        for placed in route.wiring.response_body.iter().rev() {
            if is_left_out(placed, exchange) {
                continue;
            }
            for hook in placed.instance.wired.response_body.iter().rev() {
                let verdict = if placed.shadow {
                    hook(&exchange.request, &mut chunk.copy())
                } else {
                    hook(&exchange.request, chunk)
                };
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
    let fits = exchange.fitted(when).unwrap_or_else(|| {
        let fits = when.fits(&exchange.request);
        exchange.keep_fitted(when, fits);
        fits
    });
    !fits
}

/// Whether a later moment of a step has nothing to do with the exchange: as it was when the step was come to, or as
/// the request is where an earlier step ended it.
fn is_left_out(placed: &Placed, exchange: &Exchange) -> bool {
    let Some(when) = &placed.when else { return false };
    let fits = exchange.fitted(when);
    !fits.unwrap_or_else(|| when.fits(&exchange.request))
}

/// Runs the body hooks of one step.
fn one_body(placed: &Placed, exchange: &mut Exchange, chunk: &mut Chunk) -> Option<Refusal> {
    if is_left_out(placed, exchange) {
        return None;
    }
    for hook in &placed.instance.wired.request_body {
        let verdict = hook(&mut exchange.request, chunk);
        if let Step::Stop(Decided::Refuse(refusal)) = settle(placed, verdict, exchange) {
            return Some(refusal);
        }
    }
    None
}

/// Runs a stage without waiting. Where a filter of a group must wait, the way to it is kept in the exchange and
/// [`slow`] goes on there: no step is asked twice. What a branch changed that refuses, such as a credential that was
/// taken away, is put back before the next one is asked; when one passes, the credentials of the others go no further.
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
            let mut answered = Answered::none(exchange);
            for (branch, stage) in branches.iter().enumerate() {
                match quick(stage, exchange) {
                    Step::Next => {
                        conceal_others(branches, branch, exchange);
                        return Step::Next;
                    }
                    Step::Waits(hook) => {
                        exchange.waits_in(Frame::AnyOf { branch, answered });
                        return Step::Waits(hook);
                    }
                    Step::Stop(decided) => {
                        if let Some(last) = answered.take(decided, exchange) {
                            return Step::Stop(last);
                        }
                    }
                }
            }
            answered.told().map_or(Step::Next, Step::Stop)
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
    let (first, mut answered) = match exchange.waited_in(from.is_hook()) {
        Some(Frame::AnyOf { branch, answered }) => (branch, answered),
        Some(Frame::AllOf { .. }) | None => (0, Answered::none(exchange)),
    };
    for (branch, stage) in branches.iter().enumerate().skip(first) {
        let Some(decided) = slow(stage, exchange, from).await else {
            conceal_others(branches, branch, exchange);
            return None;
        };
        if let Some(last) = answered.take(decided, exchange) {
            return Some(last);
        }
        from = From::Start;
    }
    answered.told()
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
        Verdict::Deny(Denial { reason, fields }) => {
            let fields = challenged(by, reason, fields);
            exchange.decide(step, Outcome::Denied, Some(reason));
            Step::Stop(Decided::Refuse(Refusal {
                by,
                reason,
                fields,
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
