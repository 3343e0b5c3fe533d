//! The certificates of a listener and the choice among them by the name that the client asks for.
//!
//! The choice is two look-ups in a table that is swapped as a whole when a certificate rotates.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificate::{CertificateError, CertificateFiles, Loaded, Stamp};

/// Certificates of a listener, in file order; the first serves names that no other has.
pub struct Certificates {
    table: ArcSwap<Table>,
    sources: Mutex<Vec<Source>>,
}

/// One certificate and where it comes from.
struct Source {
    files: CertificateFiles,
    stamp: Stamp,
    loaded: Arc<Loaded>,
}

struct Table {
    keys: Vec<Arc<CertifiedKey>>,
    exact: HashMap<String, usize, RandomState>,
    /// `*.example.com` under `example.com`; stands for exactly one label (RFC 9525 §6.3).
    wildcard: HashMap<String, usize, RandomState>,
    expires: Option<SystemTime>,
}

impl Certificates {
    /// Load and check all certificates.
    ///
    /// # Errors
    /// The first one that cannot be served.
    pub fn load(files: Vec<CertificateFiles>) -> Result<Arc<Self>, CertificateError> {
        let now = SystemTime::now();
        let sources = files
            .into_iter()
            .map(|files| {
                // Before the content: a change in between is then seen at the next look.
                let stamp = files.stamp();
                let loaded = Arc::new(files.load(now)?);
                Ok(Source { files, stamp, loaded })
            })
            .collect::<Result<Vec<_>, CertificateError>>()?;
        let table = ArcSwap::from_pointee(Table::new(&sources));
        Ok(Arc::new(Self {
            table,
            sources: Mutex::new(sources),
        }))
    }

    /// Position of the certificate that a client gets who asks for `name` (lower case); the first when
    /// none has that name. Two names with different positions must not share a connection (421).
    #[must_use]
    pub fn position(&self, name: &str) -> usize {
        self.table.load().position(name).unwrap_or(0)
    }

    /// When the first of them expires.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.table.load().expires
    }

    /// Look whether files have changed and serve the new certificates from the next handshake on. What
    /// is broken keeps its predecessor and is logged once. Blocks for the file system.
    pub fn refresh(&self) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for source in sources.iter_mut() {
            let stamp = source.files.stamp();
            if stamp == source.stamp {
                continue;
            }
            source.stamp = stamp;
            let chain = source.files.chain.display();
            match source.files.load(SystemTime::now()) {
                Ok(loaded) => {
                    log::info!("certificate {chain} was replaced");
                    source.loaded = Arc::new(loaded);
                    changed = true;
                }
                Err(error) => log::error!("certificate {chain} keeps its predecessor: {error}"),
            }
        }
        if changed {
            self.table.store(Arc::new(Table::new(&sources)));
        }
    }
}

impl Table {
    fn new(sources: &[Source]) -> Self {
        let mut table = Self {
            keys: Vec::new(),
            exact: HashMap::default(),
            wildcard: HashMap::default(),
            expires: None,
        };
        for (position, source) in sources.iter().enumerate() {
            table.keys.push(Arc::new(source.loaded.key.clone()));
            table.expires = table.expires.into_iter().chain([source.loaded.expires]).min();
            for name in &source.loaded.names {
                // The first certificate with a name wins, as in the file.
                match name.strip_prefix("*.") {
                    Some(suffix) => table.wildcard.entry(suffix.to_owned()).or_insert(position),
                    None => table.exact.entry(name.clone()).or_insert(position),
                };
            }
        }
        table
    }

    fn position(&self, name: &str) -> Option<usize> {
        let by_suffix = || {
            let (label, suffix) = name.split_once('.')?;
            if label.is_empty() {
                None
            } else {
                self.wildcard.get(suffix)
            }
        };
        self.exact.get(name).or_else(by_suffix).copied()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = self.table.load();
        let position = hello.server_name().and_then(|name| {
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                table.position(&name.to_ascii_lowercase())
            } else {
                table.position(name)
            }
        });
        table.keys.get(position.unwrap_or(0)).cloned()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificates", self.table.load().keys.len())
    }
}
