//! Who grants capabilities: the live gateway, the offline commands, or the author's test bench.
//!
//! Filters never see a `Host`; they ask `Boot`, which writes down what was asked.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::consumers::Consumers;
use crate::node::Node;
use crate::problem::Problem;
use crate::time::{Tick, Wall};
use crate::units::SecretRef;
use crate::verdict::{Fault, Fields};

/// A future on the heap.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Grants capabilities to filters while a plan is compiled.
pub trait Host {
    /// A late-bound secret. Offline hosts grant a withheld one.
    ///
    /// # Errors
    /// When the reference cannot be resolved.
    fn secret(&mut self, at: &SecretRef) -> Result<Secret, Problem>;

    /// The bytes of a policy file; they enter the digest.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn file(&mut self, path: &Path) -> Result<Arc<[u8]>, Problem>;

    /// The tree in the bytes of the policy file `path`, parsed as the policy's own file is.
    ///
    /// # Errors
    /// When the bytes are not well formed; the problem is [within](Problem::within) that file.
    fn document(&mut self, path: &Path, bytes: &[u8]) -> Result<Node, Problem>;

    /// A client for one service.
    ///
    /// # Errors
    /// When the target is not allowed.
    fn outbound(&mut self, target: &Target) -> Result<Arc<dyn Transport>, Problem>;

    /// A shared store by its name in the file.
    ///
    /// # Errors
    /// When the file has no such store.
    fn store(&mut self, name: &str) -> Result<Arc<dyn Store>, Problem>;

    /// Runs `task` about every `period`, off the request path.
    fn every(&mut self, period: Duration, task: Periodic);

    /// Threads for work that blocks.
    fn blocking(&mut self) -> Arc<dyn Blocking>;

    /// Work beside requests, and waiting.
    fn background(&mut self) -> Arc<dyn Background>;

    /// A word about whether the gateway may be sent requests, as far as `what` is concerned. Until it is said,
    /// the gateway is not ready.
    fn readiness(&mut self, what: &str) -> Readiness;

    /// Told once, before any filter is built: the consumers that the file declares.
    fn declare(&mut self, consumers: Arc<Consumers>);

    /// The consumers that the file declares.
    fn consumers(&self) -> Arc<Consumers>;

    /// Keeps state across a replacement: exported by this process, imported by its successor under the
    /// same fingerprint.
    fn keep(&mut self, fingerprint: &str, state: Arc<dyn Keep>);

    /// A counter that the metrics endpoint exports.
    fn counter(&mut self, name: &'static str, help: &'static str) -> Counter;

    /// A source of randomness; seeded offline.
    fn random(&mut self) -> Arc<dyn Random>;
}

/// Work that is repeated. It is given the time and returns quickly.
pub type Periodic = Box<dyn Fn(Tick) + Send + Sync>;

/// A secret that cannot be printed.
#[derive(Clone)]
pub struct Secret(Option<Arc<[u8]>>);

impl Secret {
    /// A secret with its bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Some(bytes.into()))
    }

    /// A secret that this host does not hand out: `check`, `explain` and `show` run without secrets.
    #[must_use]
    pub const fn withheld() -> Self {
        Self(None)
    }

    /// The bytes; `None` when withheld.
    #[must_use]
    pub fn reveal(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A service that a filter may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `https`, host, and the port if it is not 443: `https://id.example.com:8443`. `http` only to a loopback
    /// address.
    pub origin: String,
    /// Longest time for one call, from the look at its name to the last byte of the answer.
    pub timeout: Duration,
    /// Most bytes of an answer's body.
    pub answer_max: u64,
    /// The authorities that may vouch for an `https` origin, as a file in PEM; the system's by default.
    pub authorities: Option<PathBuf>,
}

/// A call to a service.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Header fields. Those that belong to the connection (`Host`, `Content-Length`, `Connection` and the like)
    /// are the transport's: they are not taken from here.
    pub fields: Fields,
    /// The body.
    pub body: Bytes,
}

/// What the service answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Header fields.
    pub fields: Fields,
    /// The body, whole.
    pub body: Bytes,
}

/// Carries calls to one service. Redirects are answers like any other.
pub trait Transport: Send + Sync {
    /// Makes a call, from a request or from background work.
    ///
    /// # Errors
    /// A fault when there is no complete answer in time; its reason is one of
    /// [`unanswered`](crate::unanswered).
    fn call(&self, call: Call) -> Pending<'_, Result<Answer, Fault>>;
}

/// State shared between instances. Keys and values are small.
pub trait Store: Send + Sync {
    /// Asks several limits about one request: all of them are charged, or none. One round trip, and no other
    /// instance comes between. A store with a clock of its own goes by that one, so that instances need not
    /// agree about the time; `now` is for those without.
    ///
    /// The answers stand in the order of the charges. When one of them is [`Charged::Deny`], nothing was charged.
    ///
    /// # Errors
    /// A fault when the store does not answer in time. Whether it charged is not known then.
    fn charge(&self, charges: Vec<Charge>, now: Wall) -> Pending<'_, Result<Vec<Charged>, Fault>>;

    /// Adds `amount` to a number that expires `ttl` after its creation, and returns the sum.
    ///
    /// # Errors
    /// A fault when the store does not answer in time.
    fn add(&self, key: &[u8], amount: i64, ttl: Duration) -> Pending<'_, Result<i64, Fault>>;

    /// Reads a value.
    ///
    /// # Errors
    /// A fault when the store does not answer in time.
    fn get(&self, key: &[u8]) -> Pending<'_, Result<Option<Bytes>, Fault>>;

    /// Writes a value that expires after `ttl`.
    ///
    /// # Errors
    /// A fault when the store does not answer in time.
    fn put(&self, key: &[u8], value: Bytes, ttl: Duration) -> Pending<'_, Result<(), Fault>>;

    /// Writes a value that expires after `ttl`, unless there is one. `true` when it was written: what must
    /// happen once happens where this says so.
    ///
    /// # Errors
    /// A fault when the store does not answer in time.
    fn put_new(&self, key: &[u8], value: Bytes, ttl: Duration) -> Pending<'_, Result<bool, Fault>>;
}

/// A limit that is asked, and for how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whose state: the fingerprint of the limit and the key that it counts by.
    pub key: Bytes,
    /// How the limit counts.
    pub measure: Measure,
    /// What is asked for.
    pub cost: u64,
    /// With how much of it the asker is content; less than `cost` where it asks ahead for requests to come.
    pub at_least: u64,
}

/// How a limit in a store counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// So many at once, and one more each time that `every` has passed (GCRA).
    Even {
        /// Time that one takes.
        every: Duration,
        /// Most at once.
        burst: u64,
    },
    /// So many in any window of this length, by the counts of two windows.
    Sliding {
        /// Most in a window.
        at_most: u64,
        /// Its length.
        window: Duration,
    },
    /// So many until a moment, at which the count begins anew.
    Until {
        /// Most until then.
        at_most: u64,
        /// The moment.
        ends: Wall,
    },
}

/// What a limit in a store says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// It was charged.
    Pass {
        /// How much of the cost, at least what was asked for.
        granted: u64,
        /// What is left.
        remaining: u64,
        /// Until there is more.
        next: Duration,
    },
    /// It would be exceeded.
    Deny {
        /// Until the least that was asked for can be had; `None` when it never can.
        wait: Option<Duration>,
    },
}

/// Threads for work that blocks, such as hashing a password.
pub trait Blocking: Send + Sync {
    /// Runs `work` off the request threads and waits for it.
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> Pending<'_, ()>;
}

impl dyn Blocking {
    /// Runs `work` off the request threads and gives its result; `None` when the work panicked.
    pub async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let place = Arc::new(Mutex::new(None));
        let result = Arc::clone(&place);
        let store = move || *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(work());
        self.run(Box::new(store)).await;
        result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Work beside requests: what outlives the request that began it, and waiting.
pub trait Background: Send + Sync {
    /// Runs `work` to its end, whatever becomes of the request that asked for it. Offline hosts drop it.
    fn spawn(&self, work: Pending<'static, ()>);

    /// Waits for `time`. Offline it is over at once.
    fn sleep(&self, time: Duration) -> Pending<'static, ()>;
}

/// Whether the gateway may be sent requests, as far as one filter is concerned.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on it may, or may not.
    pub fn set(&self, is_ready: bool) {
        self.0.store(is_ready, Ordering::Release);
    }

    /// Whether it may. It may not before it was set.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// State that survives a replacement.
///
/// Ticks of two processes have nothing in common, so what is written must be relative to `at`.
pub trait Keep: Send + Sync {
    /// The state at `at`, now on the clock of this process, as bytes bounded by what was reserved.
    fn export(&self, at: Tick) -> Vec<u8>;

    /// Takes over what a predecessor exported at `at` on the clock of this process. Bytes that do not fit
    /// are ignored.
    fn import(&self, state: &[u8], at: Tick);
}

/// Randomness.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// A number that only grows, exported as a metric.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds one.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The sum.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
