//! Workers that accept and serve: one thread, one runtime and one carrier each, no work stealing.
//!
//! A connection stays on its worker for life. What is served is the carrier's business.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use adamant_policy::config::{Bounds, Protocols};
use tokio::sync::{mpsc, watch};
use tokio_rustls::rustls::ServerConfig;

use super::admission::Admission;
use super::bind::Bound;
use super::head::HeadBounds;
use super::pace::Times;
use super::serve::Carrier;
use super::stream::HeadRules;
use super::tls::Certificates;

mod worker;

use worker::{Engine, Worker};

/// Connections that may be on their way from one worker to another.
const HANDOVERS_MAX: usize = 256;
/// Time between two looks at the certificates' files.
const CERTIFICATE_PERIOD: Duration = Duration::from_secs(10);

/// A bound listener with everything that its connections are subject to.
#[derive(Debug)]
pub struct Listening {
    /// Its socket.
    pub bound: Bound,
    /// Versions of HTTP spoken here.
    pub protocols: Protocols,
    /// TLS, with the certificates behind it; clear text when absent.
    pub tls: Option<(Arc<ServerConfig>, Arc<Certificates>)>,
    /// Maxima of the transport.
    pub bounds: Bounds,
}

/// What happened to connections since the start, for metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Accepted and admitted.
    pub accepted: AtomicU64,
    /// Closed at accept because `connections` were open.
    pub over_connections: AtomicU64,
    /// Closed at accept because `connections-per-client` were open.
    pub over_client: AtomicU64,
    /// Failed or slow TLS handshakes.
    pub handshakes_failed: AtomicU64,
    /// Times that the system had no descriptor or memory for a further connection.
    pub exhausted: AtomicU64,
}

/// State of a listener that all workers share.
struct Listener {
    position: usize,
    local: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    head: HeadRules,
    times: Times,
    admission: Arc<Admission>,
}

/// State of the gateway that all workers share.
struct Shared {
    listeners: Vec<Listener>,
    counts: Counts,
    /// Open connections per worker.
    loads: Vec<Arc<AtomicUsize>>,
    draining: Arc<AtomicBool>,
}

/// The running workers.
#[derive(Debug)]
pub struct Workers {
    shared: Arc<Shared>,
    drain: watch::Sender<bool>,
    halt: watch::Sender<bool>,
    threads: Vec<thread::JoinHandle<()>>,
    certificates: Option<thread::JoinHandle<()>>,
}

impl Workers {
    /// Start `count` workers (at least one) that accept from every listener. `carrier` is called once per
    /// worker, on its thread and inside its runtime, with the number of the worker and a watch that turns
    /// `true` when the gateway drains.
    ///
    /// # Errors
    /// A descriptor could not be shared or a thread not be started; nothing serves then.
    pub fn start<C, F>(listeners: Vec<Listening>, count: usize, carrier: F) -> io::Result<Self>
    where
        C: Carrier,
        F: Fn(usize, watch::Receiver<bool>) -> C + Send + Sync + 'static,
    {
        let count = count.max(1);
        let certificates = listeners
            .iter()
            .filter_map(|listener| Some(listener.tls.as_ref()?.1.clone()))
            .collect();
        let engines = (0..count)
            .map(|_| Engine::new(&listeners))
            .collect::<io::Result<Vec<_>>>()?;
        let shared = Arc::new(Shared::new(listeners, count));
        let (drain, drained) = watch::channel(false);
        let (halt, halted) = watch::channel(false);
        let (peers, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(HANDOVERS_MAX)).unzip();
        let carrier = Arc::new(carrier);
        let mut workers = Self {
            shared,
            drain,
            halt,
            threads: Vec::new(),
            certificates: None,
        };
        for (number, (engine, inbox)) in engines.into_iter().zip(inboxes).enumerate() {
            let worker = Worker {
                number,
                shared: workers.shared.clone(),
                peers: peers.clone(),
                drain: drained.clone(),
                halt: halted.clone(),
            };
            let (carrier, drain) = (carrier.clone(), drained.clone());
            let run = move || engine.run(worker, inbox, move || carrier(number, drain));
            workers.threads.push(
                thread::Builder::new()
                    .name(format!("worker-{number}"))
                    .spawn(run)?,
            );
        }
        workers.certificates = watch_certificates(certificates, halted)?;
        Ok(workers)
    }

    /// Connections that are open now, those in a handshake or a lingering close included.
    #[must_use]
    pub fn open(&self) -> usize {
        self.loads().sum()
    }

    /// Open connections of every worker.
    pub fn loads(&self) -> impl Iterator<Item = usize> {
        self.shared.loads.iter().map(|load| load.load(Ordering::Relaxed))
    }

    /// A look at the workers that outlives this owner.
    #[must_use]
    pub fn watch(&self) -> WorkersWatch {
        WorkersWatch {
            shared: Arc::clone(&self.shared),
        }
    }

    /// What happened since the start.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Stop accepting, close idle connections and tell carriers that busy ones are to end.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.drain.send_replace(true);
    }

    /// Drain, wait until no connection is open, `at_most` has passed or `at_once` is set, and end the
    /// workers. Blocks.
    /// Returns the connections that were cut.
    pub fn finish(mut self, at_most: Duration, at_once: &AtomicBool) -> usize {
        const LOOK: Duration = Duration::from_millis(5);
        self.drain();
        let deadline = Instant::now() + at_most;
        while self.open() > 0 && Instant::now() < deadline && !at_once.load(Ordering::Acquire) {
            thread::sleep(LOOK);
        }
        let cut = self.open();
        self.halt.send_replace(true);
        for thread in self.threads.drain(..).chain(self.certificates.take()) {
            thread.thread().unpark();
            // A worker that has panicked was logged by the panic itself.
            let _ = thread.join();
        }
        cut
    }
}

/// Looks at running workers from elsewhere.
#[derive(Clone, Debug)]
pub struct WorkersWatch {
    shared: Arc<Shared>,
}

impl WorkersWatch {
    /// See [`Workers::open`].
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared
            .loads
            .iter()
            .map(|load| load.load(Ordering::Relaxed))
            .sum()
    }

    /// See [`Workers::counts`].
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.halt.send_replace(true);
    }
}

impl Shared {
    fn new(listeners: Vec<Listening>, workers: usize) -> Self {
        let listeners = listeners
            .into_iter()
            .enumerate()
            .map(|(position, listening)| Listener {
                position,
                local: listening.bound.local(),
                head: HeadRules {
                    bounds: HeadBounds::of(&listening.bounds),
                    h1: listening.protocols.h1,
                    h2_prior_knowledge: listening.protocols.h2 && listening.tls.is_none(),
                },
                tls: listening.tls.map(|(config, _)| config),
                times: Times::of(&listening.bounds),
                admission: Admission::new(
                    listening.bounds.connections,
                    listening.bounds.connections_per_client,
                ),
            });
        Self {
            listeners: listeners.collect(),
            counts: Counts::default(),
            loads: (0..workers).map(|_| Arc::default()).collect(),
            draining: Arc::default(),
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} listeners, {} workers",
            self.listeners.len(),
            self.loads.len()
        )
    }
}

impl Listener {
    /// The address that the client connected to; asked of the kernel only when the listener has many.
    fn local_of(&self, socket: &tokio::net::TcpStream) -> SocketAddr {
        let is_any = match self.local.ip() {
            IpAddr::V4(address) => address.is_unspecified(),
            IpAddr::V6(address) => address.is_unspecified(),
        };
        if is_any {
            socket.local_addr().map_or(self.local, canonical)
        } else {
            self.local
        }
    }
}

/// An IPv4 peer of an IPv6 socket as what it is.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A thread that looks at the certificates' files now and then, away from the workers because file
/// systems block.
fn watch_certificates(
    certificates: Vec<Arc<Certificates>>,
    halted: watch::Receiver<bool>,
) -> io::Result<Option<thread::JoinHandle<()>>> {
    if certificates.is_empty() {
        return Ok(None);
    }
    let look = move || {
        while !*halted.borrow() {
            thread::park_timeout(CERTIFICATE_PERIOD);
            certificates
                .iter()
                .for_each(|certificates| certificates.refresh());
        }
    };
    thread::Builder::new()
        .name("certificates".to_owned())
        .spawn(look)
        .map(Some)
}
