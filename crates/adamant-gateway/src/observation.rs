//! Where finished exchanges are counted and written down.
//!
//! Joins the plan's steps with the meters' handles at boot; recording is a few additions and one line in
//! a buffer. It opens no file and waits for nobody.

use std::cell::Cell;
use std::sync::Arc;

use adamant_filter::{Counter, Identity, Reason, Tick, Wall};
use adamant_observe::{
    AccessLog, AccessLogShape, AttemptCounts, ExchangeCounts, FilterCounter, FilterMeter, Inventory, Meters,
    Method, Outcome as Counted, Protocol, Record, RouteName, Scheme, Step, UpstreamUse, Worker,
};
use adamant_policy::config::UpstreamProtocol;
use adamant_policy::plan::{Decision, End, Outcome, Plan};
use adamant_policy::receive::reason as guard;

use crate::exchange::Exchange;
use crate::listen::{Connection, reasons};
use crate::reasons as own;
use crate::request_id::RequestId;

/// Steps in shadow that one line names.
const SHADOW_MAX: usize = 8;

thread_local! {
    static WORKER: Cell<usize> = const { Cell::new(0) };
}

/// Names the worker that this thread is.
pub(crate) fn enter(worker: usize) {
    WORKER.set(worker);
}

/// Counts and writes down.
pub(crate) struct Observation {
    /// The numbers.
    pub(crate) meters: Meters,
    /// The access log, if the file wants one.
    pub(crate) log: Option<Arc<AccessLog>>,
    /// The meter of each step, by its number.
    steps: Vec<FilterMeter>,
    /// The meters of the gateway's own refusals, by their words.
    parts: Vec<(&'static str, FilterMeter)>,
    plan: Arc<Plan>,
}

impl Observation {
    pub(crate) fn new(
        plan: &Arc<Plan>,
        workers: usize,
        counters: Vec<(&'static str, &'static str, Counter)>,
    ) -> Self {
        let config = plan.config();
        let mut inventory = Inventory {
            workers,
            digest: plan.digest().as_str().into(),
            language: 1,
            version: env!("CARGO_PKG_VERSION"),
            listeners: config
                .listeners
                .iter()
                .map(|listener| Arc::clone(&listener.name))
                .collect(),
            head_reasons: reasons::ALL,
            routes: config.routes.iter().map(route_name).collect(),
            upstreams: config
                .upstreams
                .iter()
                .map(|upstream| Arc::clone(&upstream.name))
                .collect(),
            counters: counters
                .into_iter()
                .map(|(name, help, counter)| FilterCounter { name, help, counter })
                .collect(),
            ..Inventory::default()
        };
        let steps = plan
            .steps()
            .iter()
            .map(|step| inventory.filter(&step.id, step.reasons))
            .collect();
        let parts = parts(&mut inventory);
        let log = config.observe.access_log.as_ref().and_then(|log| {
            let shape = AccessLogShape {
                fields: &log.fields,
                redact: &log.redact,
                queue_lines: log.queue as usize,
                workers,
            };
            // Names of fields were checked when the file was read.
            AccessLog::new(&shape).ok().map(Arc::new)
        });
        Self {
            meters: Meters::new(inventory),
            log,
            steps,
            parts,
            plan: Arc::clone(plan),
        }
    }

    /// A request began.
    pub(crate) fn begin(&self, exchange: &mut Exchange) {
        let request = &exchange.plan.request;
        exchange.method = Method::of(request.method());
        self.meters
            .begin(worker(), exchange.method, scheme(request.tls().is_some()));
    }

    /// Writes a finished exchange down.
    pub(crate) fn finish(&self, exchange: &Exchange, end: &End, identity: Option<&Identity>) {
        let worker = worker();
        let request = &exchange.plan.request;
        let status = Some(exchange.status).filter(|status| *status != 0);
        for decision in exchange.plan.decisions() {
            if let Some(step) = self.steps.get(decision.step.0 as usize) {
                self.meters
                    .decision(worker, *step, counted(decision.outcome), decision.reason);
            }
        }
        if let Some((by, reason)) = exchange.refused {
            self.refused(worker, by, reason);
        }
        self.meters.exchange(
            worker,
            &ExchangeCounts {
                route: exchange.plan.route,
                method: exchange.method,
                protocol: Protocol::of(request.head().version),
                scheme: scheme(request.tls().is_some()),
                status,
                failure: exchange.failure,
                duration: end.duration,
                bytes_in: end.bytes_in,
                bytes_out: end.bytes_out,
            },
        );
        if let Some(log) = &self.log {
            self.write(log, exchange, end, identity);
        }
    }

    /// Counts a refusal by the gateway itself; those of steps stand among the decisions.
    fn refused(&self, worker: Worker, by: &'static str, reason: &Reason) {
        if let Some((_, part)) = self.parts.iter().find(|(word, _)| *word == by) {
            self.meters.decision(worker, *part, Counted::Denied, Some(reason));
        }
    }

    /// The last attempt ends, unless it has been counted or there was none.
    pub(crate) fn attempt(&self, exchange: &mut Exchange, now: Tick) {
        if !std::mem::take(&mut exchange.upstream.is_trying) {
            return;
        }
        let Some(id) = exchange.upstream.id else { return };
        let Some(upstream) = self.plan.config().upstreams.get(id.0) else {
            return;
        };
        let is_h2 = upstream.protocol == UpstreamProtocol::H2;
        self.meters.attempt(
            worker(),
            &AttemptCounts {
                upstream: id.0,
                method: exchange.method,
                protocol: if is_h2 { Protocol::Http2 } else { Protocol::Http11 },
                scheme: scheme(upstream.tls.is_some()),
                status: exchange.upstream.status,
                failure: exchange.failure,
                duration: now.since(exchange.upstream.began),
            },
        );
    }

    fn write(&self, log: &AccessLog, exchange: &Exchange, end: &End, identity: Option<&Identity>) {
        let config = self.plan.config();
        let mut shadow = [Step {
            filter: "",
            reason: "",
        }; SHADOW_MAX];
        let shadow = self.shadow(exchange.plan.decisions(), &mut shadow);
        let upstream = exchange.upstream.id.and_then(|id| config.upstreams.get(id.0));
        let record = Record {
            request_id: exchange.id.as_str(),
            digest: self.plan.digest().short(),
            status: Some(end.status).filter(|status| *status != 0),
            failure: exchange.failure,
            refusal: exchange.refused.map(|(by, reason)| Step {
                filter: by,
                reason: reason.code(),
            }),
            identity,
            upstream: upstream.map(|upstream| UpstreamUse {
                name: &upstream.name,
                endpoint: exchange.upstream.address,
                status: exchange.upstream.status,
                attempts: exchange.upstream.attempts,
                connect: exchange.upstream.connect,
                first_byte: exchange.upstream.first_byte,
            }),
            bytes_in: end.bytes_in,
            bytes_out: end.bytes_out,
            duration: end.duration,
            shadow,
            ..Record::of(&exchange.plan.request)
        };
        log.record(worker(), &record);
    }

    fn shadow<'s>(&'s self, decisions: &[Decision], into: &'s mut [Step<'s>; SHADOW_MAX]) -> &'s [Step<'s>] {
        let would = decisions
            .iter()
            .filter(|decision| decision.outcome == Outcome::WouldDeny);
        let mut count = 0;
        for (place, decision) in into.iter_mut().zip(would) {
            let Some(info) = self.plan.steps().get(decision.step.0 as usize) else {
                continue;
            };
            *place = Step {
                filter: &info.id,
                reason: decision.reason.map_or("", Reason::code),
            };
            count += 1;
        }
        into.get(..count).unwrap_or_default()
    }

    /// A head that could not be read was refused.
    pub(crate) fn unread(
        &self,
        reason: &'static Reason,
        connection: &Connection,
        id: &RequestId,
        wall: Wall,
    ) {
        self.meters.head_refused(worker(), connection.listener(), reason);
        self.refused(worker(), guard::GUARD, reason);
        let Some(log) = &self.log else { return };
        let listener = self.plan.config().listeners.get(connection.listener());
        let record = Record {
            request_id: id.as_str(),
            digest: self.plan.digest().short(),
            status: Some(reason.status()),
            refusal: Some(Step {
                filter: guard::GUARD,
                reason: reason.code(),
            }),
            tls: connection.tls().map(AsRef::as_ref),
            ..Record::unread(
                listener.map_or("", |listener| &listener.name),
                connection.client().ip(),
                wall,
            )
        };
        log.record(worker(), &record);
    }
}

/// The words under which the gateway itself refuses, each with all of its reasons.
fn parts(inventory: &mut Inventory) -> Vec<(&'static str, FilterMeter)> {
    let words = [guard::GUARD, guard::ROUTING, own::UPSTREAM, own::GATEWAY];
    let unread = reasons::ALL.iter().map(|reason| (guard::GUARD, *reason));
    let all: Vec<_> = own::own().chain(unread).collect();
    let part = |word: &'static str| {
        let its = all.iter().filter(|(by, _)| *by == word);
        let reasons: Vec<_> = its.map(|(_, reason)| *reason).collect();
        (word, inventory.part(word, &reasons))
    };
    words.map(part).into()
}

/// The worker that this thread is.
pub(crate) fn worker() -> Worker {
    Worker(WORKER.get())
}

const fn scheme(secure: bool) -> Scheme {
    if secure { Scheme::Https } else { Scheme::Http }
}

fn route_name(route: &adamant_policy::config::Route) -> RouteName {
    let pattern = route
        .matches
        .path
        .as_ref()
        .map(|path| Arc::clone(&path.text))
        .unwrap_or_default();
    RouteName {
        name: Arc::clone(&route.name),
        pattern,
    }
}

const fn counted(outcome: Outcome) -> Counted {
    match outcome {
        Outcome::Passed => Counted::Passed,
        Outcome::Denied => Counted::Denied,
        Outcome::Replied => Counted::Replied,
        Outcome::FaultDenied => Counted::FaultDenied,
        Outcome::FaultPassed => Counted::FaultPassed,
        Outcome::WouldDeny => Counted::WouldDeny,
    }
}
