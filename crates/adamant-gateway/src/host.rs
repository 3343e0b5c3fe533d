//! Grants capabilities to filters: files, secrets, background work, randomness.
//!
//! The same type serves the running gateway and the offline commands; offline, secrets are withheld and
//! nothing is started.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::{
    Background, Blocking, Consumers, Counter, Host, Keep, MemoryStore, Node, Pending, Periodic, Problem,
    Random, Readiness, Secret, SecretRef, Store, Target, Transport, did_you_mean,
};
use adamant_policy::config::{self, Config};
use adamant_policy::text::{self, Source};
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::store::{Contents, Faults, RedisStore};

/// Largest policy file that is read.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// A host that is told of the file before it is asked for anything.
pub trait PolicyHost: Host {
    /// Takes over what the file says about capabilities: its stores.
    fn know(&mut self, config: &Config);
}

/// Grants capabilities while a plan is compiled.
pub struct LiveHost {
    folder: PathBuf,
    background: Option<Handle>,
    read: HashMap<PathBuf, Arc<[u8]>>,
    granted: Granted,
    consumers: Arc<Consumers>,
    kept: Vec<(String, Arc<dyn Keep>)>,
    stores: Vec<config::Store>,
    /// By name; opened when the first filter asks.
    opened: HashMap<String, Arc<dyn Store>>,
}

/// What filters were granted that the gateway tells operators of.
#[derive(Debug, Default)]
pub struct Granted {
    /// Counters: name, help, value.
    pub counters: Vec<(&'static str, &'static str, Counter)>,
    /// Words about whether requests may come, and about what.
    pub readiness: Vec<(String, Readiness)>,
}

impl std::fmt::Debug for LiveHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveHost")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl LiveHost {
    /// A host for commands that start nothing and know no secrets. Paths are relative to `folder`.
    #[must_use]
    pub fn offline(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            background: None,
            read: HashMap::new(),
            granted: Granted::default(),
            consumers: Arc::default(),
            kept: Vec::new(),
            stores: Vec::new(),
            opened: HashMap::new(),
        }
    }

    /// A host for the running gateway; background work runs on `background`.
    #[must_use]
    pub fn live(folder: &Path, background: Handle) -> Self {
        Self {
            background: Some(background),
            ..Self::offline(folder)
        }
    }

    /// The place of a path of the file.
    #[must_use]
    pub fn place(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// What filters were granted.
    #[must_use]
    pub fn into_granted(self) -> Granted {
        self.granted
    }

    /// The bytes behind a reference to a secret.
    ///
    /// # Errors
    /// When the environment variable is not set, or the file cannot be read or is empty.
    pub fn reveal(&self, at: &SecretRef) -> Result<Vec<u8>, Problem> {
        let missing = |text: String, help: &str| Problem::new("secrets.missing", text).with_help(help);
        match at {
            SecretRef::Env(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Ok(value.into_bytes()),
                Ok(_) => Err(missing(
                    format!("the environment variable `{name}` is empty"),
                    "give it the secret",
                )),
                Err(_) => Err(missing(
                    format!("the environment variable `{name}` is not set"),
                    "set it in the environment of the gateway",
                )),
            },
            SecretRef::File(path) => {
                let place = self.place(path);
                let mut bytes = read_bounded(&place).map_err(|error| {
                    missing(
                        format!("the secret file `{}` cannot be read: {error}", path.display()),
                        "create it, or correct the path",
                    )
                })?;
                if bytes.ends_with(b"\n") {
                    bytes.pop();
                    if bytes.ends_with(b"\r") {
                        bytes.pop();
                    }
                }
                if bytes.is_empty() {
                    return Err(missing(
                        format!("the secret file `{}` is empty", path.display()),
                        "put the secret into it",
                    ));
                }
                Ok(bytes)
            }
        }
    }
}

/// Reads a file of bounded size.
pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > FILE_MAX {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            "the file is larger than 64 MiB",
        ));
    }
    std::fs::read(path)
}

impl LiveHost {
    /// Connects to a store.
    fn open(&mut self, store: &config::Store, background: &Handle) -> Result<Arc<dyn Store>, Problem> {
        let password = store.password.as_ref().map(|at| self.reveal(at)).transpose()?;
        let authorities = store.tls.as_ref().and_then(|tls| Some((tls, tls.ca.as_ref()?)));
        let authorities = authorities.map(|(tls, path)| {
            read_bounded(&self.place(path)).map_err(|error| {
                let text = format!("the authorities `{}` cannot be read: {error}", path.display());
                Problem::new("files.unreadable", text).with_span(tls.span)
            })
        });
        let contents = Contents {
            password,
            authorities: authorities.transpose()?,
        };
        let faults = Faults {
            gone: self.counter(
                "store_gone",
                "Questions to a shared store that no connection could take.",
            ),
            late: self.counter(
                "store_late",
                "Questions to a shared store that were not answered in time.",
            ),
            useless: self.counter(
                "store_useless",
                "Questions to a shared store that failed or had no usable answer.",
            ),
        };
        Ok(Arc::new(RedisStore::open(store, contents, background, faults)?))
    }
}

fn no_store(name: &str, stores: &[config::Store]) -> Problem {
    let guess = did_you_mean(name, stores.iter().map(|store| &*store.name));
    let guess = guess
        .map(|guess| format!("; did you mean `{guess}`?"))
        .unwrap_or_default();
    let problem = Problem::new("names.unknown", format!("there is no store `{name}`{guess}"));
    match stores {
        [] => problem.with_help("name it under `stores`"),
        [..] => problem,
    }
}

impl PolicyHost for LiveHost {
    fn know(&mut self, config: &Config) {
        self.stores.clone_from(&config.stores);
    }
}

impl Host for LiveHost {
    fn secret(&mut self, at: &SecretRef) -> Result<Secret, Problem> {
        if self.background.is_none() {
            return Ok(Secret::withheld());
        }
        self.reveal(at).map(|bytes| Secret::new(&bytes))
    }

    fn file(&mut self, path: &Path) -> Result<Arc<[u8]>, Problem> {
        if let Some(bytes) = self.read.get(path) {
            return Ok(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = read_bounded(&self.place(path))
            .map_err(|error| {
                let text = format!("the file `{}` cannot be read: {error}", path.display());
                Problem::new("files.unreadable", text)
                    .with_help("paths are relative to the folder of the policy file")
            })?
            .into();
        self.read.insert(path.to_owned(), Arc::clone(&bytes));
        Ok(bytes)
    }

    fn document(&mut self, path: &Path, bytes: &[u8]) -> Result<Node, Problem> {
        let name = path.display().to_string();
        let parsed = text::parse(&Source::new(name.clone(), bytes));
        match (parsed.problems.iter().next(), parsed.node) {
            (None, Some(node)) => Ok(node),
            (Some(first), _) => Err(first.clone().within(path)),
            (None, None) => Err(Problem::new(
                "files.unreadable",
                format!("the file `{name}` is empty"),
            )),
        }
    }

    fn outbound(&mut self, target: &Target) -> Result<Arc<dyn Transport>, Problem> {
        let text = format!(
            "this gateway grants no outbound calls, and the filter wants to call `{}`",
            target.origin
        );
        Err(Problem::new("capabilities.outbound", text))
    }

    fn store(&mut self, name: &str) -> Result<Arc<dyn Store>, Problem> {
        let Some(store) = self.stores.iter().find(|store| *store.name == *name).cloned() else {
            return Err(no_store(name, &self.stores));
        };
        let opened = match self.background.clone() {
            // One store for all commands that start nothing: each has a process of its own.
            None => None,
            Some(_) if self.opened.contains_key(name) => None,
            Some(background) => Some(self.open(&store, &background)?),
        };
        match self.opened.entry(name.to_owned()) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(place) => {
                let store = opened.unwrap_or_else(|| Arc::new(MemoryStore::default()));
                Ok(Arc::clone(place.insert(store)))
            }
        }
    }

    fn every(&mut self, period: Duration, task: Periodic) {
        let Some(background) = &self.background else {
            return;
        };
        background.spawn(async move {
            let clock = Clock::default();
            let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
            loop {
                ticks.tick().await;
                task(clock.tick());
            }
        });
    }

    fn blocking(&mut self) -> Arc<dyn Blocking> {
        Arc::new(Threads {
            background: self.background.clone(),
        })
    }

    fn background(&mut self) -> Arc<dyn Background> {
        Arc::new(Threads {
            background: self.background.clone(),
        })
    }

    fn readiness(&mut self, what: &str) -> Readiness {
        let readiness = Readiness::default();
        self.granted.readiness.push((what.to_owned(), readiness.clone()));
        readiness
    }

    fn declare(&mut self, consumers: Arc<Consumers>) {
        self.consumers = consumers;
    }

    fn consumers(&self) -> Arc<Consumers> {
        Arc::clone(&self.consumers)
    }

    fn keep(&mut self, fingerprint: &str, state: Arc<dyn Keep>) {
        self.kept.push((fingerprint.to_owned(), state));
    }

    fn counter(&mut self, name: &'static str, help: &'static str) -> Counter {
        let counters = &mut self.granted.counters;
        if let Some((_, _, counter)) = counters.iter().find(|(known, _, _)| *known == name) {
            return counter.clone();
        }
        let counter = Counter::default();
        counters.push((name, help, counter.clone()));
        counter
    }

    fn random(&mut self) -> Arc<dyn Random> {
        if self.background.is_some() {
            Arc::new(SystemRandom)
        } else {
            Arc::new(Seeded)
        }
    }
}

/// Work on the background runtime. Offline, blocking work is done in place, and any other is dropped.
struct Threads {
    background: Option<Handle>,
}

impl Blocking for Threads {
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> Pending<'_, ()> {
        match &self.background {
            Some(background) => {
                let task = background.spawn_blocking(work);
                Box::pin(async move {
                    if task.await.is_err() {
                        log::error!("blocking work of a filter has panicked");
                    }
                })
            }
            None => {
                work();
                Box::pin(std::future::ready(()))
            }
        }
    }
}

impl Background for Threads {
    fn spawn(&self, work: Pending<'static, ()>) {
        if let Some(background) = &self.background {
            background.spawn(work);
        }
    }

    fn sleep(&self, time: Duration) -> Pending<'static, ()> {
        match &self.background {
            // The timer is that of the runtime which waits, so that no other thread has to wake it.
            Some(_) => Box::pin(async move { tokio::time::sleep(time).await }),
            None => Box::pin(std::future::ready(())),
        }
    }
}

/// Randomness of the system.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            log::error!("the system gives no randomness");
        }
    }
}

/// The same numbers in every offline run.
struct Seeded;

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(place % 251).unwrap_or(0);
        }
    }
}
