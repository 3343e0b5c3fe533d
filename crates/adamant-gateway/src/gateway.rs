//! From a compiled plan to a serving process, and to its end. Refuses to start half-bound.
//!
//! Everything that can fail is done before the first listener accepts; there is no reload.

mod prepare;
mod signals;
mod status;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adamant_filter::{Problem, Readiness};
use adamant_policy::config::LogTarget;
use adamant_policy::plan::Plan;
use tokio::runtime::Runtime;

use crate::admin::{AdminAddresses, AdminError, AdminServer};
use crate::carrier::Carriers;
use crate::engine::Engine;
use crate::host::Granted;
use crate::listen::{BindError, Bound, CertificateError, ClientAuthoritiesError, Listening, Workers};
use crate::log_sink::{LogSink, LogWriter};
use crate::observation::Observation;
use crate::upstream::{Background, UpstreamError, Upstreams};
use status::Status;

/// How long busy connections may go on after a signal to stop.
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// How long the last log lines may take to be written at the end.
const LOG_TIME: Duration = Duration::from_secs(2);

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listener cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An operators' listener cannot be bound.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A certificate cannot be served.
    #[error("listener `{listener}`: {source}")]
    Certificate {
        /// The listener.
        listener: Arc<str>,
        /// What is wrong with the certificate.
        source: CertificateError,
    },
    /// Nobody can vouch for the clients of a listener.
    #[error("listener `{listener}`: {} {source}", path.display())]
    ClientAuthorities {
        /// The listener.
        listener: Arc<str>,
        /// The file of the authorities.
        path: PathBuf,
        /// What is wrong with it.
        source: ClientAuthoritiesError,
    },
    /// A secret is missing.
    #[error("{0}")]
    Secret(Problem),
    /// An upstream cannot be reached safely.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The access log cannot be opened.
    #[error("the access log cannot be opened at {path}: {source}")]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system refuses threads or descriptors.
    #[error("the system refuses what the gateway needs: {0}")]
    System(#[from] io::Error),
}

/// What does not stand in the file because it belongs to the machine.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Worker threads; as many as there are processors by default.
    pub workers: Option<usize>,
    /// Folder to which the file's paths are relative.
    pub folder: PathBuf,
    /// Names and versions of the linked filters, for `/version`.
    pub filters: Vec<(String, String)>,
}

/// A gateway with everything bound and loaded, not serving yet.
#[derive(Debug)]
pub struct Gateway {
    engine: Arc<Engine>,
    listening: Vec<Listening>,
    workers: usize,
    background: Runtime,
    upstreams: Background,
    admin: Option<AdminServer>,
    log: Option<LogSink>,
    filters: Vec<(String, String)>,
    ready: Arc<AtomicBool>,
    awaited: Vec<(String, Readiness)>,
}

/// Where a gateway can be reached.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Listeners by name.
    pub listeners: Vec<(Arc<str>, SocketAddr)>,
    /// The operators' listener.
    pub admin: Option<SocketAddr>,
    /// The second operators' listener.
    pub expose: Option<SocketAddr>,
}

/// How a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Connections that were cut.
    pub cut: usize,
    /// A signal did not let the drain go on.
    pub is_cut_short: bool,
}

impl Gateway {
    /// The background runtime that a [`LiveHost`](crate::LiveHost) needs before a plan is compiled.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn background() -> io::Result<Runtime> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("background")
            .enable_all()
            .build()
    }

    /// Loads certificates and authorities and binds every socket. Nothing is served yet; whatever fails
    /// leaves nothing behind.
    ///
    /// # Errors
    /// The first thing that the machine refuses.
    pub fn prepare(
        plan: Arc<Plan>,
        machine: &Machine,
        background: Runtime,
        granted: Granted,
    ) -> Result<Self, StartError> {
        let config = plan.config();
        let folder = machine.folder.as_path();
        let workers = machine.workers.unwrap_or_else(processors).max(1);
        let read = |path: &Path| crate::host::read_bounded(&folder.join(path));
        let upstreams = Arc::new(Upstreams::build(&config.upstreams, &read)?);
        let tls = prepare::certificates(&plan, folder)?;
        let certificates = tls
            .iter()
            .map(|tls| tls.as_ref().map(|(_, certificates)| Arc::clone(certificates)));
        let observation = Observation::new(&plan, workers, granted.counters);
        let log = config
            .observe
            .access_log
            .as_ref()
            .map(|log| open_log(&log.to, folder))
            .transpose()?;
        let admin = config.admin.as_ref().map(AdminServer::bind).transpose()?;
        let bound = Bound::all(
            config
                .listeners
                .iter()
                .map(|listener| (&listener.name, listener.bind)),
        )?;
        let ready = Arc::new(AtomicBool::new(false));
        let engine = Arc::new(Engine::new(
            Arc::clone(&plan),
            Arc::clone(&upstreams),
            observation,
            certificates.collect(),
        ));
        let listening = prepare::listening(config, bound, tls);
        let upstreams = upstreams.start(background.handle());
        let filters = machine.filters.clone();
        Ok(Self {
            engine,
            listening,
            workers,
            background,
            upstreams,
            admin,
            log,
            filters,
            ready,
            awaited: granted.readiness,
        })
    }

    /// The addresses that are bound.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        let listeners = self
            .listening
            .iter()
            .map(|one| (Arc::clone(one.bound.name()), one.bound.local()))
            .collect();
        let admin = self.admin.as_ref().and_then(|admin| admin.addresses().ok());
        Addresses {
            listeners,
            admin: admin.map(|AdminAddresses { local, .. }| local),
            expose: admin.and_then(|AdminAddresses { exposed, .. }| exposed),
        }
    }

    /// Serves until a signal ends it, then drains. `serving` is called once every listener accepts.
    /// Tells how many connections were cut, and whether that was before the drain time was over.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn run(self, serving: impl FnOnce()) -> Result<Ended, StartError> {
        let Self {
            engine,
            listening,
            workers,
            background,
            upstreams,
            admin,
            log,
            filters,
            ready,
            awaited,
        } = self;
        let signals = signals::Signals::install(&background)?;
        let log = match (log, &engine.observation.log) {
            (Some(sink), Some(lines)) => Some(LogWriter::start(Arc::clone(lines), sink)?),
            _ => None,
        };
        let shared = Arc::clone(&engine);
        let workers = Workers::start(listening, workers, move |number, draining| {
            Carriers::new(Arc::clone(&shared), number, draining)
        })?;
        let status = Status {
            engine,
            workers: workers.watch(),
            ready: Arc::clone(&ready),
            awaited,
            filters,
        };
        if let Some(admin) = admin {
            admin.serve(background.handle(), Arc::new(status))?;
        }
        ready.store(true, Ordering::Release);
        serving();
        let stop = signals.wait(&background);
        log::info!("{}: draining for at most {} s", stop.signal, DRAIN_TIME.as_secs());
        ready.store(false, Ordering::Release);
        let cut = workers.finish(DRAIN_TIME, &stop.at_once);
        drop(upstreams);
        if let Some(log) = log
            && !log.stop(LOG_TIME)
        {
            log::warn!("the last lines of the access log could not be written in time");
        }
        background.shutdown_background();
        Ok(Ended {
            cut,
            is_cut_short: stop.at_once.load(Ordering::Acquire),
        })
    }
}

fn open_log(target: &LogTarget, folder: &Path) -> Result<LogSink, StartError> {
    LogSink::open(target, folder).map_err(|source| {
        let path = match target {
            LogTarget::File(path) => path.clone(),
            LogTarget::Stdout => PathBuf::from("standard output"),
        };
        StartError::Log { path, source }
    })
}

/// Processors that this process may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
