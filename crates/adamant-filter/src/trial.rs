//! The author's test bench: builds a filter with a host in memory and runs its hooks without a socket.
//!
//! The very same objects run in the gateway; what differs is who grants the capabilities.

mod conformance;
mod heap;
mod outcome;
mod waiting;

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::catalogue::{Built, Catalogue};
use crate::consumers::Consumers;
use crate::host::{
    Answer, Background, Blocking, Call, Counter, Host, Keep, Pending, Periodic, Random, Readiness, Secret,
    Store, Target, Transport,
};
use crate::memory_store::MemoryStore;
use crate::offline::NO_ANSWER;
use crate::problem::Problems;
use crate::verdict::Fault;
use crate::{
    Answered, Attempt, Boot, Chunk, Filter, Finished, Hold, Layout, Node, Over, Problem, Request,
    RequestHook, Response, SecretRef, Slot, Tick, Verdict,
};

use waiting::Later;

pub use crate::__conformance as conformance;
pub use conformance::Conformance;
pub use heap::Heap;
pub use outcome::{Carried, Outcome};
/// Heads as the gateway carries them, for authors who play an endpoint.
pub use pingora_http::{RequestHeader, ResponseHeader};

/// A host whose world is in memory.
#[derive(Clone, Default)]
pub struct TrialHost {
    files: HashMap<PathBuf, Arc<[u8]>>,
    secrets: HashMap<SecretRef, Secret>,
    played: HashMap<String, Arc<dyn Transport>>,
    consumers: Arc<Consumers>,
    id: Option<String>,
    waits: bool,
    world: Arc<World>,
}

/// What a trial's filters left behind.
#[derive(Default)]
struct World {
    services: Mutex<HashMap<String, Service>>,
    store: Arc<MemoryStore>,
    periodic: Mutex<Vec<Periodic>>,
    kept: Mutex<Vec<(String, Arc<dyn Keep>)>>,
    counters: Mutex<HashMap<&'static str, Counter>>,
    readiness: Mutex<HashMap<String, Readiness>>,
    seed: AtomicU64,
}

/// A service that filters may call.
#[derive(Default)]
struct Service {
    answer: Option<Answer>,
    calls: u64,
}

impl std::fmt::Debug for TrialHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrialHost")
            .field("files", &self.files.keys())
            .finish_non_exhaustive()
    }
}

impl TrialHost {
    /// A host with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a file.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, bytes: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.into(), bytes.as_ref().into());
        self
    }

    /// With a secret.
    #[must_use]
    pub fn with_secret(mut self, at: SecretRef, bytes: &[u8]) -> Self {
        self.secrets.insert(at, Secret::new(bytes));
        self
    }

    /// With a service at `origin` that gives `answer` to every call.
    #[must_use]
    pub fn with_answer(self, origin: &str, answer: Answer) -> Self {
        self.answer(origin, Some(answer));
        self
    }

    /// With a service at `origin` that the author plays: it sees each call, and may answer each in its own way.
    #[must_use]
    pub fn with_service(mut self, origin: &str, service: Arc<dyn Transport>) -> Self {
        self.played.insert(origin.to_owned(), service);
        self
    }

    /// From now on the service at `origin` gives `answer` to every call, or none.
    pub fn answer(&self, origin: &str, answer: Option<Answer>) {
        lock(&self.world.services)
            .entry(origin.to_owned())
            .or_default()
            .answer = answer;
    }

    /// How often the service at `origin` was called.
    #[must_use]
    pub fn calls(&self, origin: &str) -> u64 {
        lock(&self.world.services)
            .get(origin)
            .map_or(0, |service| service.calls)
    }

    /// Runs all periodic work once, as if its time had come at `now`.
    pub fn tick(&self, now: Tick) {
        for task in lock(&self.world.periodic).iter() {
            task(now);
        }
    }

    /// The sum of the counter that filters call `name`.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        lock(&self.world.counters).get(name).map_or(0, Counter::value)
    }

    /// Whose steps have this `id`. Without one, a step is called by the word of its filter.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// With the consumers that a file declares.
    #[must_use]
    pub fn with_consumers(mut self, consumers: Consumers) -> Self {
        self.consumers = Arc::new(consumers);
        self
    }

    /// The same world, in which what comes from outside comes a moment later, as it does live.
    #[must_use]
    pub const fn waiting(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Whether every filter that has a word about it says that requests may come.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        lock(&self.world.readiness).values().all(Readiness::is_ready)
    }

    /// What the filters keep for a successor, by fingerprint.
    #[must_use]
    pub fn kept(&self) -> Vec<(String, Arc<dyn Keep>)> {
        lock(&self.world.kept).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host for TrialHost {
    fn secret(&mut self, at: &SecretRef) -> Result<Secret, Problem> {
        Ok(self.secrets.get(at).cloned().unwrap_or(Secret::withheld()))
    }

    fn file(&mut self, path: &Path) -> Result<Arc<[u8]>, Problem> {
        let found = self.files.get(path).cloned();
        found.ok_or_else(|| {
            Problem::new(
                "files.unreadable",
                format!("there is no file `{}`", path.display()),
            )
        })
    }

    /// JSON is the part of YAML that needs no other parser.
    fn document(&mut self, path: &Path, bytes: &[u8]) -> Result<Node, Problem> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| Problem::new("files.malformed", format!("`{}`: {error}", path.display())))?;
        Ok(Node::from_json(&value))
    }

    fn outbound(&mut self, target: &Target) -> Result<Arc<dyn Transport>, Problem> {
        let played = self.played.get(&target.origin).cloned();
        let service = played.unwrap_or_else(|| {
            Arc::new(Fixture {
                origin: target.origin.clone(),
                world: Arc::clone(&self.world),
            })
        });
        Ok(if self.waits {
            Arc::new(Later(service))
        } else {
            service
        })
    }

    fn store(&mut self, _name: &str) -> Result<Arc<dyn Store>, Problem> {
        let store = Arc::clone(&self.world.store) as Arc<dyn Store>;
        Ok(if self.waits { Arc::new(Later(store)) } else { store })
    }

    fn every(&mut self, _period: Duration, task: Periodic) {
        lock(&self.world.periodic).push(task);
    }

    fn blocking(&mut self) -> Arc<dyn Blocking> {
        if self.waits {
            return Arc::new(Later(Arc::new(Inline) as Arc<dyn Blocking>));
        }
        Arc::new(Inline)
    }

    fn background(&mut self) -> Arc<dyn Background> {
        Arc::new(Inline)
    }

    fn readiness(&mut self, what: &str) -> Readiness {
        lock(&self.world.readiness)
            .entry(what.to_owned())
            .or_default()
            .clone()
    }

    fn declare(&mut self, consumers: Arc<Consumers>) {
        self.consumers = consumers;
    }

    fn consumers(&self) -> Arc<Consumers> {
        Arc::clone(&self.consumers)
    }

    fn keep(&mut self, fingerprint: &str, state: Arc<dyn Keep>) {
        lock(&self.world.kept).push((fingerprint.to_owned(), state));
    }

    fn counter(&mut self, name: &'static str, _help: &'static str) -> Counter {
        lock(&self.world.counters).entry(name).or_default().clone()
    }

    fn random(&mut self) -> Arc<dyn Random> {
        Arc::new(Seeded(Arc::clone(&self.world)))
    }
}

struct Fixture {
    origin: String,
    world: Arc<World>,
}

impl Transport for Fixture {
    fn call(&self, _call: Call) -> Pending<'_, Result<Answer, Fault>> {
        let mut services = lock(&self.world.services);
        let service = services.entry(self.origin.clone()).or_default();
        service.calls += 1;
        match &service.answer {
            Some(answer) => Box::pin(std::future::ready(Ok(answer.clone()))),
            None => Box::pin(std::future::ready(Err(Fault { reason: &NO_ANSWER }))),
        }
    }
}

struct Inline;

impl Blocking for Inline {
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> Pending<'_, ()> {
        work();
        Box::pin(std::future::ready(()))
    }
}

impl Background for Inline {
    /// Runs the work to its end at once: a trial has no other time.
    fn spawn(&self, work: Pending<'static, ()>) {
        block_on(work);
    }

    fn sleep(&self, _time: Duration) -> Pending<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct Seeded(Arc<World>);

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            // SplitMix64: the same seed gives the same trial.
            let state = self.0.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = mixed.to_le_bytes()[7];
        }
    }
}

/// One filter, built and ready to be asked.
#[derive(Debug)]
pub struct Trial {
    built: Built,
    layout: Layout,
    name: &'static str,
}

impl Trial {
    /// Builds `F` from `config`, written as JSON, with a host that has nothing in it.
    ///
    /// # Panics
    /// When the configuration has problems; they are the message.
    #[must_use]
    pub fn of<F: Filter>(config: &Value) -> Self {
        Self::with_host::<F>(config, &mut TrialHost::new())
    }

    /// Builds `F` with a host of the author's.
    ///
    /// # Panics
    /// When the configuration has problems; they are the message.
    #[must_use]
    pub fn with_host<F: Filter>(config: &Value, host: &mut TrialHost) -> Self {
        match Self::try_build::<F>(config, host) {
            Ok(trial) => trial,
            #[expect(clippy::panic, reason = "a test bench fails the test")]
            Err(problems) => panic!("`{}` does not build from {config}: {problems:?}", F::NAME),
        }
    }

    /// Builds `F`, or tells what is wrong with `config`.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn try_build<F: Filter>(config: &Value, host: &mut TrialHost) -> Result<Self, Problems> {
        let catalogue = Catalogue::new().filter::<F>("trial");
        let mut layout = Layout::default();
        // A trial runs one filter alone, so the well-known slots stand at the front for `write`.
        layout.slot::<crate::Identity>();
        let id = host.id.clone().unwrap_or_else(|| F::NAME.to_owned());
        let Some(registered) = catalogue.get(F::NAME) else {
            return Err(Problems::default());
        };
        let built = registered.build_as(&id, &Node::from_json(config), host, &mut layout)?;
        Ok(Self {
            built,
            layout,
            name: F::NAME,
        })
    }

    /// A request that carries this filter's slots and words, ready for [`Trial::ask`].
    #[must_use]
    pub fn prepare(&self, mut request: Request) -> Request {
        let origin = request.origin().clone();
        let host = request.host().to_owned();
        request.begin(origin, self.layout.slots(), self.layout.words());
        let _ = request.set_host(host.as_bytes());
        request
    }

    /// A prepared request in which `slot` was written by an earlier filter.
    #[must_use]
    pub fn prepare_with<T: Slot>(&mut self, request: Request, slot: T) -> Request {
        let index = self.layout.slot::<T>();
        let mut request = self.prepare(request);
        request.put(&crate::Writes::at(index), slot);
        request
    }

    /// Writes a slot of a prepared request as an earlier filter would. One that the filter did not ask for
    /// goes nowhere.
    pub fn put<T: Slot>(&self, request: &mut Request, slot: T) {
        if let Some(index) = self.layout.find::<T>() {
            request.put(&crate::Writes::at(index), slot);
        }
    }

    /// Runs the request hooks on a prepared request and waits for those that wait.
    pub fn ask(&self, request: &mut Request) -> Verdict {
        for hook in &self.built.wired.request {
            let verdict = match hook {
                RequestHook::Sync(run) => run(request),
                RequestHook::Async(wait) => block_on(wait.start(request)),
                RequestHook::Either(quick, slow) => match quick(request) {
                    Some(verdict) => verdict,
                    None => block_on(slow.start(request)),
                },
            };
            if !matches!(verdict, Verdict::Pass) {
                return verdict;
            }
        }
        Verdict::Pass
    }

    /// Runs the request hooks until one has to wait, and lets it go there, as when a client goes away.
    pub fn give_up(&self, request: &mut Request) {
        let mut context = Context::from_waker(Waker::noop());
        for hook in &self.built.wired.request {
            let waiting = match hook {
                RequestHook::Sync(run) => {
                    let _ = run(request);
                    continue;
                }
                RequestHook::Async(wait) => wait,
                RequestHook::Either(quick, slow) => match quick(request) {
                    Some(_) => continue,
                    None => slow,
                },
            };
            if pin!(waiting.start(request)).poll(&mut context).is_pending() {
                return;
            }
        }
    }

    /// Prepares and asks.
    pub fn request(&self, request: Request) -> Outcome {
        let mut request = self.prepare(request);
        Outcome {
            verdict: self.ask(&mut request),
            name: self.name,
        }
    }

    /// Runs the body hooks on one piece.
    pub fn body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        let hooks = self.built.wired.request_body.iter();
        hooks
            .map(|hook| hook(request, chunk))
            .find(|v| !matches!(v, Verdict::Pass))
            .unwrap_or(Verdict::Pass)
    }

    /// Runs the attempt hooks on the outgoing head of the try `number` at an endpoint of `upstream`.
    ///
    /// # Errors
    /// The fault that ends the try.
    pub fn attempt(
        &self,
        request: &Request,
        head: &mut RequestHeader,
        number: u32,
        upstream: &str,
    ) -> Result<(), Fault> {
        let mut attempt = Attempt::new(head, request, number, upstream);
        self.built
            .wired
            .attempt
            .iter()
            .try_for_each(|hook| hook(&mut attempt))
    }

    /// Runs the response hooks over an answer.
    pub fn response(&self, request: &Request, head: &mut ResponseHeader, ours: bool) -> Verdict {
        let mut response = Response::new(head, request, ours);
        let hooks = self.built.wired.response.iter().rev();
        hooks
            .map(|hook| hook(&mut response))
            .find(|v| !matches!(v, Verdict::Pass))
            .unwrap_or(Verdict::Pass)
    }

    /// Runs the hooks of an answer whose status is certain.
    pub fn answered(&self, answered: &Answered<'_>) {
        self.built.wired.answered.iter().for_each(|hook| hook(answered));
    }

    /// Runs the hooks of the answer's body on one piece.
    pub fn response_body(&self, request: &Request, chunk: &mut Chunk) -> Verdict {
        let hooks = self.built.wired.response_body.iter().rev();
        hooks
            .map(|hook| hook(request, chunk))
            .find(|v| !matches!(v, Verdict::Pass))
            .unwrap_or(Verdict::Pass)
    }

    /// Carries an answer of an endpoint through the filter as the gateway does: the head, then the body, held whole
    /// where the filter asks for that and in the given pieces where it does not.
    pub fn answer(&self, request: &Request, mut head: ResponseHeader, pieces: &[&[u8]]) -> Carried {
        let mut response = Response::new(&mut head, request, false);
        let hooks = self.built.wired.response.iter().rev();
        let verdicts = hooks.map(|hook| hook(&mut response));
        let stopped = verdicts.fold(None, |first, verdict| {
            first.or_else(|| (!matches!(verdict, Verdict::Pass)).then_some(verdict))
        });
        let hold = response.held();
        let mut answered = Carried {
            verdict: stopped.unwrap_or(Verdict::Pass),
            head,
            body: Vec::new(),
            is_held: false,
        };
        if !matches!(answered.verdict, Verdict::Pass) {
            return answered;
        }
        let whole = pieces.concat();
        match hold {
            Some(hold) if whole.len() as u64 <= hold.at_most.bytes() => {
                answered.is_held = true;
                self.pass_piece(request, Chunk::held(whole.into()), &mut answered);
            }
            Some(Hold {
                over: Over::Refuse(reason),
                ..
            }) => answered.verdict = reason.deny(),
            _ => {
                let ends = std::iter::once((Bytes::new(), true));
                let pieces = pieces.iter().map(|piece| (Bytes::copy_from_slice(piece), false));
                for (piece, last) in pieces.chain(ends) {
                    self.pass_piece(request, Chunk::new(piece, last), &mut answered);
                }
            }
        }
        answered
    }

    fn pass_piece(&self, request: &Request, mut chunk: Chunk, answered: &mut Carried) {
        if matches!(answered.verdict, Verdict::Pass) {
            answered.verdict = self.response_body(request, &mut chunk);
            answered.body.extend_from_slice(chunk.data());
        }
    }

    /// Runs the finish hooks.
    pub fn finish(&self, finished: &Finished<'_>) {
        self.built.wired.finish.iter().for_each(|hook| hook(finished));
    }

    /// What the filter asked for and wired.
    #[must_use]
    pub const fn built(&self) -> &Built {
        &self.built
    }
}

/// Grants the capabilities of `host` to `ask`, for a part of a filter that is tried alone.
pub fn with_boot<T>(host: &mut TrialHost, ask: impl FnOnce(&mut Boot<'_>) -> T) -> T {
    ask(&mut Boot::new("trial", host, &mut Layout::default()))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread; for hooks that wait on a host in memory.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
