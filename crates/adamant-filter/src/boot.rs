//! What a filter may ask for while it is built. Asking is the declaration: order checks, memory budget,
//! digest and documentation follow from it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;

use crate::consumers::Consumers;
use crate::host::{
    Background, Blocking, Counter, Host, Keep, Periodic, Random, Readiness, Secret, Store, Target, Transport,
};
use crate::identity::Identity;
use crate::key::{Key, KeyBy, Part};
use crate::node::Node;
use crate::problem::Problem;
use crate::slot::{Layout, MayRead, Reads, Slot, Word, Writes};
use crate::units::{SecretRef, Size};

/// What one step asked for.
#[derive(Debug, Default)]
pub struct Needs {
    /// Slots it reads and cannot do without, by their index in the layout.
    pub reads: Vec<usize>,
    /// Slots it writes.
    pub writes: Vec<usize>,
    /// It looks at the certificate of the client, so a listener has to ask for one.
    pub client_certificate: bool,
    /// The request body must be held whole, up to this many bytes.
    pub buffer_request: Option<Size>,
    /// Declared bounds of its memory.
    pub reserved: Vec<(&'static str, Size)>,
    /// Policy files it read; their contents enter the digest.
    pub files: Vec<(PathBuf, Arc<[u8]>)>,
    /// Parameters that the path of every route with this step must have.
    pub captures: Vec<Box<str>>,
    /// Names of shared stores that it was granted.
    pub stores: Vec<Arc<str>>,
}

/// Capabilities for the filter being built.
pub struct Boot<'a> {
    id: &'a str,
    host: &'a mut dyn Host,
    layout: &'a mut Layout,
    needs: Needs,
}

impl std::fmt::Debug for Boot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Boot")
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

impl<'a> Boot<'a> {
    pub(crate) fn new(id: &'a str, host: &'a mut dyn Host, layout: &'a mut Layout) -> Self {
        Self {
            id,
            host,
            layout,
            needs: Needs::default(),
        }
    }

    pub(crate) fn into_needs(self) -> Needs {
        self.needs
    }

    /// What the file calls this step: its `id`, or the filter's word.
    #[must_use]
    pub const fn id(&self) -> &str {
        self.id
    }

    /// The right to write a slot for later filters.
    pub fn writes<T: Slot>(&mut self) -> Writes<T> {
        let index = self.layout.slot::<T>();
        self.needs.writes.push(index);
        Writes::at(index)
    }

    /// The right to read a slot. The boot is refused when no earlier filter on the route writes it.
    pub fn reads<T: Slot>(&mut self) -> Reads<T> {
        let index = self.layout.slot::<T>();
        self.needs.reads.push(index);
        Reads::at(index)
    }

    /// The right to look into a slot that may be empty.
    pub fn may_read<T: Slot>(&mut self) -> MayRead<T> {
        MayRead::at(self.layout.slot::<T>())
    }

    /// The right to read what the path captures under `name` ([`Request::capture`](crate::Request::capture)). The
    /// boot is refused when the step stands on a route whose path has no such parameter.
    pub fn capture(&mut self, name: &str) {
        self.needs.captures.push(name.into());
    }

    /// Whether the file has a route of this name. A trial of a single filter has no file, and knows them all.
    #[must_use]
    pub fn knows_route(&self, name: &str) -> bool {
        self.layout.knows_route(name)
    }

    /// A machine word of each exchange, for this filter alone.
    pub fn word(&mut self) -> Word {
        Word {
            index: self.layout.word(),
        }
    }

    /// The right to expect certificates of clients in [`TlsFacts`](crate::TlsFacts). The boot is refused when none of
    /// the listeners that serve a route with this step asks for them, and when they trust other authorities.
    pub const fn client_certificate(&mut self) {
        self.needs.client_certificate = true;
    }

    /// Compiles what a limit counts by. Words that need the identity imply [`Boot::reads`].
    ///
    /// # Errors
    /// When a word is unknown or names no possible header field.
    pub fn key(&mut self, by: &KeyBy) -> Result<Key, Problem> {
        if by.words().is_empty() {
            return Err(Problem::at(
                "by",
                "an empty list would put everyone under one key",
            ));
        }
        let parts: Result<Vec<_>, _> = by.words().iter().map(|word| self.key_part(word)).collect();
        Ok(Key { parts: parts?.into() })
    }

    fn key_part(&mut self, word: &str) -> Result<Part, Problem> {
        if let Some(name) = word.strip_prefix("header:") {
            let name = HeaderName::try_from(name)
                .map_err(|_| Problem::at("by", format!("`{name}` is not a header field name")))?;
            return Ok(Part::Header(name));
        }
        if let Some(name) = word.strip_prefix("claim:") {
            return Ok(Part::Claim(self.reads::<Identity>(), name.into()));
        }
        match word {
            "consumer" => Ok(Part::Consumer(self.reads::<Identity>())),
            "address" => Ok(Part::Address),
            "route" => Ok(Part::Route),
            "listener" => Ok(Part::Listener),
            "method" => Ok(Part::Method),
            _ => Err(
                Problem::at("by", format!("`{word}` is not something to count by"))
                    .with_help("use consumer, address, route, listener, method, header:NAME or claim:NAME"),
            ),
        }
    }

    /// Holds request bodies whole, up to `at_most`, before the upstream is contacted; the body hook then
    /// sees one piece. Otherwise bodies stream.
    pub fn buffer_request(&mut self, at_most: Size) {
        self.needs.buffer_request = Some(
            self.needs
                .buffer_request
                .map_or(at_most, |size| size.max(at_most)),
        );
    }

    /// Adds to the memory budget. Unbounded state has no capability.
    pub fn reserve(&mut self, what: &'static str, at_most: Size) {
        self.needs.reserved.push((what, at_most));
    }

    /// A late-bound secret.
    ///
    /// # Errors
    /// When the reference cannot be resolved.
    pub fn secret(&mut self, at: &SecretRef) -> Result<Secret, Problem> {
        self.host.secret(at)
    }

    /// The bytes of a policy file; they enter the digest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn file(&mut self, path: &Path) -> Result<Arc<[u8]>, Problem> {
        let bytes = self.host.file(path)?;
        self.needs.files.push((path.to_owned(), Arc::clone(&bytes)));
        Ok(bytes)
    }

    /// A policy file of keys and values as a tree, read by the rules of the policy's own file; its bytes
    /// enter the digest. Places in the tree are places in that file: see [`Problem::within`].
    ///
    /// # Errors
    /// When the file cannot be read or is not well formed.
    pub fn document(&mut self, path: &Path) -> Result<Node, Problem> {
        let bytes = self.file(path)?;
        self.host.document(path, &bytes)
    }

    /// A client for one service.
    ///
    /// # Errors
    /// When the target is not allowed.
    pub fn outbound(&mut self, target: &Target) -> Result<Arc<dyn Transport>, Problem> {
        self.host.outbound(target)
    }

    /// A shared store by its name in the file.
    ///
    /// # Errors
    /// When the file has no such store.
    pub fn store(&mut self, name: &str) -> Result<Arc<dyn Store>, Problem> {
        let store = self.host.store(name)?;
        self.needs.stores.push(name.into());
        Ok(store)
    }

    /// Runs `task` about every `period`, off the request path.
    pub fn every(&mut self, period: Duration, task: Periodic) {
        self.host.every(period, task);
    }

    /// Threads for work that blocks.
    pub fn blocking(&mut self) -> Arc<dyn Blocking> {
        self.host.blocking()
    }

    /// Work beside requests, and waiting.
    pub fn background(&mut self) -> Arc<dyn Background> {
        self.host.background()
    }

    /// A word about whether the gateway may be sent requests, as far as `what` of this step is concerned. Until
    /// it is said, the gateway is not ready.
    pub fn readiness(&mut self, what: &str) -> Readiness {
        self.host.readiness(&format!("{}: {what}", self.id))
    }

    /// The consumers that the file declares. A filter that proves an identity must ask them about it
    /// ([`Consumers::resolve`]) once for each credential, before it writes the identity.
    #[must_use]
    pub fn consumers(&self) -> Arc<Consumers> {
        self.host.consumers()
    }

    /// Keeps state across a replacement under `fingerprint`, which must change with the meaning of the
    /// state and with nothing else.
    pub fn keep(&mut self, fingerprint: &str, state: Arc<dyn Keep>) {
        self.host.keep(fingerprint, state);
    }

    /// A word for [`Request::note`](crate::Request::note) that only the file knows. It lives as long as the process,
    /// which reads one file and is then replaced.
    #[must_use]
    pub fn intern(&self, word: &str) -> &'static str {
        Box::leak(Box::from(word))
    }

    /// A counter that the metrics endpoint exports as `adamant_<name>_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> Counter {
        self.host.counter(name, help)
    }

    /// A source of randomness; seeded offline.
    pub fn random(&mut self) -> Arc<dyn Random> {
        self.host.random()
    }
}
