//! Who grants capabilities: the live gateway, the offline commands, or the author's test bench.
//!
//! Filters never see a `Host`; they ask `Boot`, which writes down what was asked.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::node::Node;
use crate::problem::Problem;
use crate::time::Tick;
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
    /// `http` or `https`, host and port: `https://id.example.com:443`.
    pub origin: String,
    /// Longest time for one call.
    pub timeout: Duration,
    /// Largest answer that is read.
    pub answer_max: u64,
}

/// A call to a service.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Header fields; `Host` and `Content-Length` are set by the transport.
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

/// Carries calls to one service.
pub trait Transport: Send + Sync {
    /// Makes a call.
    ///
    /// # Errors
    /// A fault when there is no complete answer in time.
    fn call(&self, call: Call) -> Pending<'_, Result<Answer, Fault>>;
}

/// State shared between instances. Keys and values are small.
pub trait Store: Send + Sync {
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
