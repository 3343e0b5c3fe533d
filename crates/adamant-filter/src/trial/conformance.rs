//! What every filter must keep, whatever it does: [`conformance!`](crate::trial::conformance) tries it.
//!
//! The kit knows nothing of what a filter is for. It says that the filter does no harm, never that it protects.
#![allow(clippy::panic, reason = "a test bench fails the test")]

mod form;
mod hostile;

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use pingora_http::{RequestHeader, ResponseHeader};
use serde_json::Value;

use self::hostile::{BODIES, Case};
use super::{Heap, Trial, TrialHost};
use crate::offline::NO_ANSWER;
use crate::verdict::{Reason, Verdict};
use crate::{Chunk, Filter, Finished, Identity, Request, RequestHook, Role, unanswered};

/// Exchanges that are unlike each other, by which memory is tried.
const DISTINCT: u32 = 20_000;

/// What memory may grow by beside what was reserved: room that a map has taken ahead, and the bench's own.
const SLACK: i64 = 64 * 1024;

/// Makes a module of tests that try what every filter must keep.
///
/// Takes a name for the module, the filter, good configurations (give bounds that are small, so that memory which
/// grows is found), and a host where the filter needs one:
///
/// ```ignore
/// conformance!(country: Country, [json!({ "allow": ["fr"] })]);
/// conformance!(keys: ApiKey, [json!({ "keys": { "file": "k" } })], TrialHost::new().with_file("k", KEYS));
/// ```
///
/// The crate of the tests needs one line more, so that memory can be counted:
///
/// ```ignore
/// #[global_allocator]
/// static HEAP: adamant_filter::trial::Heap = adamant_filter::trial::Heap;
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance {
    ($name:ident: $filter:ty, [$($config:expr),+ $(,)?] $(,)?) => {
        $crate::__conformance!($name: $filter, [$($config),+], $crate::trial::TrialHost::new());
    };
    ($name:ident: $filter:ty, [$($config:expr),+ $(,)?], $host:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "a configuration may need nothing from around it")]
            use super::*;

            fn kit() -> $crate::trial::Conformance<$filter> {
                $crate::trial::Conformance::new(vec![$($config),+], || $host)
            }

            #[test]
            fn its_words_can_be_written_and_told_apart() {
                kit().words();
            }

            #[test]
            fn its_configuration_has_one_canonical_form() {
                kit().canonical();
            }

            #[test]
            fn keys_that_nobody_knows_are_refused() {
                kit().unknown_keys();
            }

            #[test]
            fn every_key_is_explained() {
                kit().explained();
            }

            #[test]
            fn hostile_requests_do_no_harm() {
                kit().hostile();
            }

            #[test]
            fn a_moment_may_come_without_those_before() {
                kit().lone_moments();
            }

            #[test]
            fn a_body_means_the_same_in_whatever_pieces() {
                kit().pieces();
            }

            #[test]
            fn it_decides_the_same_when_the_world_is_slow() {
                kit().waiting();
            }

            #[test]
            fn what_it_remembers_is_what_it_has_found() {
                kit().remembered();
            }

            #[test]
            fn a_client_that_goes_away_leaves_it_whole() {
                kit().given_up();
            }

            #[test]
            fn in_shadow_it_changes_nothing() {
                kit().shadow();
            }

            #[test]
            fn its_memory_stays_within_what_it_reserved() {
                kit().memory();
            }
        }
    };
}

/// A filter on trial.
#[derive(Debug)]
pub struct Conformance<F> {
    configs: Vec<Value>,
    host: fn() -> TrialHost,
    filter: PhantomData<fn() -> F>,
}

impl<F: Filter> Conformance<F> {
    /// Tries `F` in each of these configurations, in a world that `host` makes.
    #[must_use]
    pub fn new(configs: Vec<Value>, host: fn() -> TrialHost) -> Self {
        Self {
            configs,
            host,
            filter: PhantomData,
        }
    }

    /// # Panics
    /// When the word or a reason is badly named.
    pub fn words(&self) {
        form::words::<F>();
    }

    /// # Panics
    /// When equal meaning is written differently.
    pub fn canonical(&self) {
        self.configs.iter().for_each(form::canonical::<F>);
    }

    /// # Panics
    /// When a key without meaning is accepted.
    pub fn unknown_keys(&self) {
        self.configs.iter().for_each(form::unknown_keys::<F>);
    }

    /// # Panics
    /// When a key has no documentation.
    pub fn explained(&self) {
        form::explained::<F>();
    }

    fn build(&self, config: &Value) -> Trial {
        Trial::with_host::<F>(config, &mut (self.host)())
    }

    /// # Panics
    /// When a hook panics, gives a reason that is not in `REASONS`, or decides differently about the same.
    pub fn hostile(&self) {
        for config in &self.configs {
            let (first, second) = (self.build(config), self.build(config));
            for (number, case) in hostile::cases(config).iter().enumerate() {
                let body = BODIES.get(number % BODIES.len()).copied().unwrap_or_default();
                let told = no_panic(case, || exchange::<F>(&first, case, &[body]));
                let again = no_panic(case, || exchange::<F>(&second, case, &[body]));
                assert_eq!(told, again, "the same request, two verdicts: {}", case.told());
            }
        }
    }

    /// # Panics
    /// When a hook panics because an earlier one has not run.
    pub fn lone_moments(&self) {
        for config in &self.configs {
            let trial = self.build(config);
            for case in hostile::cases(config).iter().take(400) {
                no_panic(case, || lone(&trial, case));
            }
        }
    }

    /// # Panics
    /// When the verdict on a body, or what comes out of it, depends on where it was cut.
    pub fn pieces(&self) {
        for config in &self.configs {
            let case = hostile::distinct(config, 1);
            for body in BODIES {
                let whole = exchange::<F>(&self.build(config), &case, &[body]);
                for pieces in cuts(body) {
                    let told = no_panic(&case, || exchange::<F>(&self.build(config), &case, &pieces));
                    assert_eq!(whole, told, "a body in the pieces {pieces:?}");
                }
            }
        }
    }

    /// # Panics
    /// When a verdict depends on whether an answer from outside comes at once.
    pub fn waiting(&self) {
        for config in &self.configs {
            let at_once = self.build(config);
            let late = Trial::with_host::<F>(config, &mut (self.host)().waiting());
            for case in hostile::cases(config).iter().take(400) {
                let told = exchange::<F>(&at_once, case, &[b"{}"]);
                let later = no_panic(case, || exchange::<F>(&late, case, &[b"{}"]));
                assert_eq!(told, later, "it decides otherwise when it waits: {}", case.told());
            }
        }
    }

    /// # Panics
    /// When a quick hook lets the same request pass in another way than the slow one before it, or not at all. Limits
    /// are not asked: they may well say something else the next time.
    pub fn remembered(&self) {
        if F::ROLE == Role::Limit {
            return;
        }
        for config in &self.configs {
            let trial = self.build(config);
            for number in 0..50 {
                let case = hostile::distinct(config, number);
                let (Some(mut first), Some(mut second)) = (prepared(&trial, &case), prepared(&trial, &case))
                else {
                    continue;
                };
                let passes = matches!(trial.ask(&mut first), Verdict::Pass);
                let Some(verdict) = quick(&trial, &mut second).filter(|_| passes) else {
                    continue;
                };
                assert_eq!(word(&verdict), "passes", "what has just passed: {}", case.told());
                assert_eq!(
                    looks(&first),
                    looks(&second),
                    "quickly, another request goes on: {}",
                    case.told()
                );
            }
        }
    }

    /// # Panics
    /// When a hook that was dropped while it waited leaves the filter unable to decide.
    pub fn given_up(&self) {
        for config in &self.configs {
            let trial = Trial::with_host::<F>(config, &mut (self.host)().waiting());
            for case in hostile::cases(config).iter().take(200) {
                no_panic(case, || {
                    let Some(mut request) = prepared(&trial, case) else {
                        return;
                    };
                    trial.give_up(&mut request);
                    finish(&trial, &request, 0, None);
                    exchange::<F>(&trial, case, &[]);
                });
            }
        }
    }

    /// # Panics
    /// When a copy of a request and its original have something in common that a hook changes, or when the verdict in
    /// shadow is another one.
    pub fn shadow(&self) {
        for config in &self.configs {
            let (enforced, shadowed) = (self.build(config), self.build(config));
            for case in hostile::cases(config).iter().take(400) {
                let (Some(mut asked), Some(original)) =
                    (prepared(&enforced, case), prepared(&shadowed, case))
                else {
                    continue;
                };
                let before = looks(&original);
                let mut copy = original.shadow_copy();
                let told = no_panic(case, || word(&shadowed.ask(&mut copy)));
                assert_eq!(before, looks(&original), "in shadow it changed {}", case.told());
                assert_eq!(
                    told,
                    word(&enforced.ask(&mut asked)),
                    "shadow decides otherwise: {}",
                    case.told()
                );
                original.take_words(&copy);
                finish(&shadowed, &original, 200, None);
                finish(&enforced, &asked, 200, None);
            }
        }
    }

    /// # Panics
    /// When the filter keeps more of many exchanges than it has reserved, or nobody counts.
    pub fn memory(&self) {
        assert!(
            Heap::is_counting(),
            "nobody counts memory: put `#[global_allocator] static HEAP: Heap = Heap;` into this crate"
        );
        for config in &self.configs {
            let trial = self.build(config);
            // Tables that are made ahead are not counted twice: what is made here is below what comes.
            let before = Heap::held();
            let bounds = trial.built().needs.reserved.iter();
            let reserved: u64 = bounds.map(|(_, size)| size.bytes()).sum();
            for number in 0..DISTINCT {
                exchange::<F>(&trial, &hostile::distinct(config, number), &[]);
            }
            let grown = Heap::held() - before;
            let allowed = i64::try_from(reserved).unwrap_or(i64::MAX).saturating_add(SLACK);
            assert!(
                grown <= allowed,
                "after {DISTINCT} exchanges it holds {grown} bytes more, and has reserved {reserved}: {config}"
            );
        }
    }
}

/// What became of an exchange, to be compared: words for verdicts, and what the upstream and the client see of bodies.
type Told = (String, Vec<u8>, String, Vec<u8>);

/// A whole exchange with this request, and a body in these pieces.
fn exchange<F: Filter>(trial: &Trial, case: &Case, pieces: &[&[u8]]) -> Told {
    let Some(mut request) = prepared(trial, case) else {
        return Told::default();
    };
    let mut sent = Vec::new();
    let mut verdict = trial.ask(&mut request);
    if matches!(verdict, Verdict::Pass) {
        verdict = body(trial, &mut request, pieces, &mut sent);
    }
    let reason = check::<F>(&verdict);
    if !matches!(verdict, Verdict::Pass) {
        let status = status(&verdict);
        let mut ours = answer(status);
        let _ = trial.response(&request, &mut ours, true);
        finish(trial, &request, status.as_u16(), reason);
        return (word(&verdict), Vec::new(), String::new(), Vec::new());
    }
    let told = word(&verdict);
    let mut outgoing = RequestHeader::clone(request.head());
    if let Err(fault) = trial.attempt(&request, &mut outgoing, 1, "upstream") {
        check::<F>(&Verdict::Fault(fault));
    }
    let answered = trial.answer(&request, answer(StatusCode::OK), pieces);
    let reason = check::<F>(&answered.verdict);
    finish(trial, &request, case.ends(), reason);
    // Of a body that was refused, how much had passed by then depends on its pieces, and may.
    let received = if matches!(answered.verdict, Verdict::Pass) {
        answered.body
    } else {
        Vec::new()
    };
    (told, sent, word(&answered.verdict), received)
}

/// Runs the body hooks as the gateway does: on one piece where the filter holds the body, on each where it streams.
fn body(trial: &Trial, request: &mut Request, pieces: &[&[u8]], sent: &mut Vec<u8>) -> Verdict {
    let whole = [pieces.concat()];
    let is_held = trial.built().needs.buffer_request.is_some();
    let given: Vec<&[u8]> = if is_held {
        whole.iter().map(Vec::as_slice).collect()
    } else {
        pieces.to_vec()
    };
    let count = given.len();
    for (number, piece) in given.into_iter().enumerate() {
        let mut chunk = Chunk::new(Bytes::copy_from_slice(piece), number + 1 == count);
        match trial.body(request, &mut chunk) {
            Verdict::Pass => sent.extend_from_slice(chunk.data()),
            stopped => {
                sent.clear();
                return stopped;
            }
        }
    }
    Verdict::Pass
}

/// What the request hooks say without waiting, if they can.
fn quick(trial: &Trial, request: &mut Request) -> Option<Verdict> {
    for hook in &trial.built().wired.request {
        let verdict = match hook {
            RequestHook::Sync(run) => run(request),
            RequestHook::Async(_) => return None,
            RequestHook::Either(quick, _) => quick(request)?,
        };
        if !matches!(verdict, Verdict::Pass) {
            return Some(verdict);
        }
    }
    Some(Verdict::Pass)
}

/// Each moment alone, on a request that no earlier one has seen.
fn lone(trial: &Trial, case: &Case) {
    let fresh = || prepared(trial, case);
    if let Some(mut request) = fresh() {
        let _ = trial.body(&mut request, &mut Chunk::new(Bytes::from_static(b"{}"), true));
        let _ = trial.body(&mut request, &mut Chunk::new(Bytes::new(), true));
    }
    if let Some(request) = fresh() {
        let mut outgoing = RequestHeader::clone(request.head());
        let _ = trial.attempt(&request, &mut outgoing, u32::MAX, "");
    }
    for ours in [true, false] {
        if let Some(request) = fresh() {
            let _ = trial.response(&request, &mut answer(StatusCode::NOT_MODIFIED), ours);
        }
    }
    if let Some(request) = fresh() {
        let _ = trial.response_body(&request, &mut Chunk::new(Bytes::from_static(b"{}"), false));
        let _ = trial.response_body(&request, &mut Chunk::held(Bytes::new()));
    }
    if let Some(request) = fresh() {
        finish(trial, &request, 0, None);
        finish(trial, &request, 599, None);
    }
    // A request of which nobody made room for slots and words.
    if let Some(mut request) = case.request() {
        let _ = trial.ask(&mut request);
        finish(trial, &request, 200, None);
    }
}

fn prepared(trial: &Trial, case: &Case) -> Option<Request> {
    let mut request = trial.prepare(case.request()?);
    let consumer = format!("consumer-{}", request.client());
    trial.put(&mut request, Identity::new("trial", "", &consumer));
    Some(request)
}

fn finish(trial: &Trial, request: &Request, status: u16, reason: Option<&'static Reason>) {
    trial.finish(&Finished {
        request,
        status,
        reason,
        duration: Duration::from_millis(5),
        bytes_in: 2,
        bytes_out: 2,
    });
}

fn answer(status: StatusCode) -> ResponseHeader {
    match ResponseHeader::build_no_case(status, None) {
        Ok(mut head) => {
            let _ = head.insert_header("content-type", "application/json");
            head
        }
        Err(error) => panic!("a head can be made: {error}"),
    }
}

/// The reason of a verdict, which must stand in the list of the filter. Why a service gave no answer may be passed on.
fn check<F: Filter>(verdict: &Verdict) -> Option<&'static Reason> {
    let reason = match verdict {
        Verdict::Pass => return None,
        Verdict::Reply(reply) => {
            let status = reply.status;
            assert!(
                (200..=599).contains(&status),
                "{status} is not the status of an answer"
            );
            return None;
        }
        Verdict::Deny(denial) => denial.reason,
        Verdict::Fault(fault) => fault.reason,
    };
    let is_passed_on = matches!(verdict, Verdict::Fault(_))
        && unanswered::ALL
            .into_iter()
            .chain([&NO_ANSWER])
            .any(|known| known == reason);
    assert!(
        is_passed_on || F::REASONS.contains(&reason),
        "`{}` is not in the REASONS of `{}`",
        reason.code(),
        F::NAME
    );
    Some(reason)
}

fn status(verdict: &Verdict) -> StatusCode {
    let status = match verdict {
        Verdict::Pass => 200,
        Verdict::Reply(reply) => reply.status,
        Verdict::Deny(denial) => denial.reason.status(),
        Verdict::Fault(fault) => fault.reason.status(),
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => "passes".to_owned(),
        Verdict::Reply(reply) => format!("replies {}", reply.status),
        Verdict::Deny(denial) => format!("denies: {}", denial.reason.code()),
        Verdict::Fault(fault) => format!("cannot decide: {}", fault.reason.code()),
    }
}

/// What a step can change of a request.
fn looks(request: &Request) -> (String, Vec<u8>) {
    let head = format!("{:?}", request.head());
    let identity = request.slot::<Identity>(0).map(Identity::qualified);
    (head, identity.unwrap_or_default().to_vec())
}

/// All ways to cut a short body in two, one byte at a time, and with an empty piece at its ends.
fn cuts(body: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut cuts: Vec<Vec<&[u8]>> = (0..=body.len())
        .map(|at| {
            let (first, second) = body.split_at(at);
            vec![first, second]
        })
        .collect();
    cuts.push(body.chunks(1).chain([&[] as &[u8]]).collect());
    cuts
}

fn no_panic<T>(case: &Case, run: impl FnOnce() -> T) -> T {
    let caught: Result<T, Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(run));
    caught.unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        panic!("{}: {}", case.told(), text.unwrap_or("a panic"))
    })
}
