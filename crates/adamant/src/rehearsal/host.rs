//! The host of `adamant test`: the offline host with other contents for key files and secrets.
//!
//! Every capability but these two is that of the offline host.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adamant_auth::KeySource;
use adamant_filter::{
    Background, Blocking, Consumers, Counter, Host, Keep, Node, Periodic, Problem, Random, Readiness, Secret,
    SecretRef, Store, Target, Transport,
};
use adamant_gateway::{LiveHost, PolicyHost};
use adamant_policy::config::Config;

use super::ring::Ring;

/// Grants made keys in place of the policy's own.
#[derive(Debug)]
pub(crate) struct RehearsalHost {
    offline: LiveHost,
    files: HashMap<PathBuf, Arc<[u8]>>,
    secrets: HashMap<SecretRef, Secret>,
}

impl RehearsalHost {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            offline: LiveHost::offline(folder),
            files: HashMap::new(),
            secrets: HashMap::new(),
        }
    }

    /// Puts the keys of a ring where a step looks for them.
    pub(super) fn put(&mut self, source: &KeySource, ring: &Ring) {
        match source {
            KeySource::File(path) => self.put_file(path, ring.jwks()),
            KeySource::Pem(path) => self.put_file(path, ring.pem()),
            KeySource::Secret(at) => self.put_secret(at, ring.secret()),
            KeySource::SecretBase64(at) => self.put_secret(at, ring.secret_base64().as_bytes()),
        }
    }

    pub(super) fn put_file(&mut self, path: &Path, content: String) {
        self.files.insert(path.to_owned(), content.into_bytes().into());
    }

    fn put_secret(&mut self, at: &SecretRef, secret: &[u8]) {
        self.secrets.insert(at.clone(), Secret::new(secret));
    }
}

impl PolicyHost for RehearsalHost {
    fn know(&mut self, config: &Config) {
        self.offline.know(config);
    }
}

impl Host for RehearsalHost {
    fn secret(&mut self, at: &SecretRef) -> Result<Secret, Problem> {
        match self.secrets.get(at) {
            Some(secret) => Ok(secret.clone()),
            None => self.offline.secret(at),
        }
    }

    fn file(&mut self, path: &Path) -> Result<Arc<[u8]>, Problem> {
        match self.files.get(path) {
            Some(content) => Ok(Arc::clone(content)),
            None => self.offline.file(path),
        }
    }

    fn document(&mut self, path: &Path, bytes: &[u8]) -> Result<Node, Problem> {
        self.offline.document(path, bytes)
    }

    fn outbound(&mut self, target: &Target) -> Result<Arc<dyn Transport>, Problem> {
        self.offline.outbound(target)
    }

    fn store(&mut self, name: &str) -> Result<Arc<dyn Store>, Problem> {
        self.offline.store(name)
    }

    fn every(&mut self, period: Duration, task: Periodic) {
        self.offline.every(period, task);
    }

    fn blocking(&mut self) -> Arc<dyn Blocking> {
        self.offline.blocking()
    }

    fn background(&mut self) -> Arc<dyn Background> {
        self.offline.background()
    }

    fn readiness(&mut self, what: &str) -> Readiness {
        self.offline.readiness(what)
    }

    fn declare(&mut self, consumers: Arc<Consumers>) {
        self.offline.declare(consumers);
    }

    fn consumers(&self) -> Arc<Consumers> {
        self.offline.consumers()
    }

    fn keep(&mut self, fingerprint: &str, state: Arc<dyn Keep>) {
        self.offline.keep(fingerprint, state);
    }

    fn counter(&mut self, name: &'static str, help: &'static str) -> Counter {
        self.offline.counter(name, help)
    }

    fn random(&mut self) -> Arc<dyn Random> {
        self.offline.random()
    }
}
