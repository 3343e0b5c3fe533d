//! The host of `adamant test`: the offline host with other contents for key files, secrets and published keys.
//!
//! Every capability but these is that of the offline host. Work beside requests is done before the request that
//! asked for it goes on, or not at all when it would have to wait.

use std::collections::HashMap;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use adamant_auth::KeySource;
use adamant_filter::prelude::StatusCode;
use adamant_filter::{
    Answer, Background, Blocking, Call, Consumers, Counter, Fault, Host, Keep, Node, Pending, Periodic,
    Problem, Random, Readiness, Secret, SecretRef, Store, Target, Transport, offline,
};
use adamant_gateway::LiveHost;

use super::ring::Ring;

/// Grants made keys in place of the policy's own.
#[derive(Debug)]
pub(crate) struct RehearsalHost {
    offline: LiveHost,
    files: HashMap<PathBuf, Arc<[u8]>>,
    secrets: HashMap<SecretRef, Secret>,
    /// What is published, by origin and path.
    published: HashMap<String, HashMap<String, String>>,
}

impl RehearsalHost {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            offline: LiveHost::offline(folder),
            files: HashMap::new(),
            secrets: HashMap::new(),
            published: HashMap::new(),
        }
    }

    /// Puts the keys of a ring where a step looks for them.
    pub(super) fn put(&mut self, source: &KeySource, ring: &Ring) {
        match source {
            KeySource::File(path) => self.put_file(path, ring.jwks()),
            KeySource::Pem(path) => self.put_file(path, ring.pem()),
            KeySource::Secret(at) => self.put_secret(at, ring.secret()),
            KeySource::SecretBase64(at) => self.put_secret(at, ring.secret_base64().as_bytes()),
            KeySource::Url(at) => {
                let service = self.published.entry(at.target.origin.clone()).or_default();
                service.insert(at.path.clone(), ring.jwks());
            }
        }
    }

    pub(super) fn put_file(&mut self, path: &Path, content: String) {
        self.files.insert(path.to_owned(), content.into_bytes().into());
    }

    fn put_secret(&mut self, at: &SecretRef, secret: &[u8]) {
        self.secrets.insert(at.clone(), Secret::new(secret));
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
        match self.published.get(&target.origin) {
            Some(pages) => Ok(Arc::new(Published(pages.clone()))),
            None => self.offline.outbound(target),
        }
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
        Arc::new(AtOnce)
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

/// A service that publishes what stands here, by path.
struct Published(HashMap<String, String>);

impl Transport for Published {
    fn call(&self, call: Call) -> Pending<'_, Result<Answer, Fault>> {
        Box::pin(ready(match self.0.get(&call.target) {
            Some(page) => Ok(Answer {
                status: StatusCode::OK,
                fields: Vec::new(),
                body: page.clone().into(),
            }),
            None => Err(Fault {
                reason: &offline::NO_ANSWER,
            }),
        }))
    }
}

/// No other time than that of the request.
struct AtOnce;

impl Background for AtOnce {
    fn spawn(&self, mut work: Pending<'static, ()>) {
        // What has to wait is dropped, as all of it is in other offline commands.
        let _ = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }

    fn sleep(&self, _time: Duration) -> Pending<'static, ()> {
        Box::pin(ready(()))
    }
}
