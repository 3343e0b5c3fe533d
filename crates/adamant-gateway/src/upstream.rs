//! The upstream side: where requests go, and whether there is anything to go to.
//!
//! A request asks an [`Upstream`] for an endpoint and gets one from memory; it never waits here for a
//! lock, a name or a probe. Names, health and the built-in origin live on a background runtime that the
//! caller gives. Addresses and conditions are data and may change; nothing of the policy does.
//!
//! | file | |
//! |---|---|
//! | `template` | an upstream's terms as Pingora's options |
//! | `authorities` | trusted certificates, proved before use |
//! | `endpoint` | one address and its counters |
//! | `pool` | all endpoints at one moment |
//! | `resolve` | names to addresses, off the request path |
//! | `health` | active checks |
//! | `limits` | what all routes together may send |
//! | `background` | tasks that end with their owner |
//! | `status` | what metrics see |
//! | `retry` | whether another attempt is made |
//! | `client` | outbound calls of our own |

pub(crate) mod authorities;
mod background;
pub mod client;
mod endpoint;
mod health;
mod limits;
mod pool;
pub(crate) mod resolve;
pub mod retry;
mod spread;
mod status;
mod template;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use adamant_filter::{Span, Tick};
use adamant_policy::config::{self, UpstreamId};
use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::echo::Echo;
pub use authorities::AuthoritiesError;
pub use background::Background;
use background::Task;
use client::Client;
pub(crate) use endpoint::Endpoint;
pub use endpoint::{AttemptTerms, Condition, EndpointId, Picked};
pub(crate) use limits::Exceeded;
use limits::Limits;
use pool::{Member, Pool};
pub use status::{EndpointStatus, Readiness};
pub use template::PeerError;
use template::Template;

/// Why the upstreams of a file cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("upstream {upstream}: {cause}")]
pub struct UpstreamError {
    /// Its key in the file.
    pub upstream: Arc<str>,
    /// The place in the file that is to blame.
    pub span: Span,
    /// What is wrong.
    pub cause: UpstreamFault,
}

/// What is wrong with an upstream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamFault {
    /// No connection could be verified.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The built-in origin gets no port.
    #[error("cannot open a loopback port for the built-in origin: {0}")]
    Echo(#[source] std::io::Error),
}

/// All upstreams of a file.
#[derive(Debug)]
pub struct Upstreams {
    list: Box<[Arc<Upstream>]>,
    /// Bound when built, so that its address is known; served from `start` on.
    echo: Mutex<Option<Echo>>,
    trusts_system: bool,
}

impl Upstreams {
    /// Builds every upstream without touching the network beyond a loopback port for the built-in origin.
    /// `read` returns the bytes of a file that the policy names.
    ///
    /// # Errors
    /// When authorities cannot be loaded or a server name cannot be verified. A name that does not resolve
    /// is no error: its upstream has no endpoints until it does.
    pub fn build(
        upstreams: &[config::Upstream],
        read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, UpstreamError> {
        let echo = match upstreams
            .iter()
            .find(|upstream| matches!(upstream.origin, config::Origin::Echo))
        {
            Some(first) => Some(Echo::bind().map_err(|error| first.error(UpstreamFault::Echo(error)))?),
            None => None,
        };
        let trusting = upstreams
            .iter()
            .find(|upstream| upstream.tls.as_ref().is_some_and(|tls| tls.ca.is_none()));
        if let Some(upstream) = trusting {
            authorities::check_system().map_err(|error| upstream.error(UpstreamFault::Peer(error.into())))?;
        }
        let list = (1..)
            .zip(upstreams)
            .map(|(group, upstream)| {
                Upstream::build(upstream, group, echo.as_ref().map(Echo::address), read)
                    .map(Arc::new)
                    .map_err(|error| upstream.error(UpstreamFault::Peer(error)))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            list,
            echo: Mutex::new(echo),
            trusts_system: trusting.is_some(),
        })
    }

    /// The upstream at this position of the file.
    #[must_use]
    pub fn get(&self, id: UpstreamId) -> Option<&Upstream> {
        self.list.get(id.0).map(AsRef::as_ref)
    }

    /// All upstreams, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Upstream> {
        self.list.iter().map(AsRef::as_ref)
    }

    /// What Pingora's connectors must be told as `ca_file`: an empty one when no upstream trusts the
    /// system's authorities, which saves parsing them and keeps a machine without any from mattering.
    #[must_use]
    pub const fn ca_file(&self) -> Option<&'static str> {
        if self.trusts_system {
            None
        } else {
            Some(client::NO_AUTHORITIES)
        }
    }

    /// Starts resolving, health checks and the built-in origin on `runtime`. They end when the returned
    /// value is dropped.
    pub fn start(&self, runtime: &Handle) -> Background {
        let client = Arc::new(Client::new(self.ca_file()));
        let mut tasks = Vec::new();
        if let Some(echo) = self.echo.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tasks.push(Task(runtime.spawn(echo.serve())));
        }
        for upstream in &self.list {
            if upstream.has_names() {
                let lookup = Arc::new(resolve::System);
                tasks.push(Task(
                    runtime.spawn(resolve::keep_resolved(Arc::clone(upstream), lookup)),
                ));
            }
            if let Some(checks) = &upstream.health {
                let (upstream, checks) = (Arc::clone(upstream), Arc::clone(checks));
                tasks.push(Task(runtime.spawn(health::watch(
                    upstream,
                    checks,
                    Arc::clone(&client),
                ))));
            }
        }
        Background { tasks }
    }

    /// Every endpoint as it is now, for metrics.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointStatus> {
        self.list.iter().flat_map(|upstream| {
            let pool = upstream.pool.load_full();
            let statuses: Vec<_> = pool.endpoints().iter().map(|e| upstream.status_of(e)).collect();
            statuses
        })
    }
}

/// A named group of endpoints.
#[derive(Debug)]
pub struct Upstream {
    name: Arc<str>,
    sources: Box<[Source]>,
    template: Template,
    balance: config::Balance,
    health: Option<Arc<config::Health>>,
    limits: Option<Arc<Limits>>,
    pool: ArcSwap<Pool>,
    /// Serialises the resolver and the health checks when they replace the pool. Requests never take it.
    replacing: Mutex<()>,
    replaced: Notify,
    next_id: AtomicU32,
}

/// Where endpoints come from.
#[derive(Clone, Debug)]
enum Source {
    /// An address that stands in the file.
    Address(Member),
    /// A name that has to be resolved.
    Name { host: Arc<str>, port: u16, weight: u32 },
}

impl Upstream {
    fn build(
        upstream: &config::Upstream,
        group: u64,
        echo: Option<SocketAddr>,
        read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, PeerError> {
        let sources: Box<[Source]> = match &upstream.origin {
            config::Origin::Endpoints(endpoints) => endpoints.iter().map(Source::of).collect(),
            config::Origin::Echo => echo
                .map(|address| Source::Address(Member { address, weight: 1 }))
                .into_iter()
                .collect(),
        };
        let built = Self {
            name: Arc::clone(&upstream.name),
            template: Template::new(upstream, group, read)?,
            balance: upstream.balance,
            health: upstream.health.clone().map(Arc::new),
            limits: Limits::of(&upstream.limits),
            pool: ArcSwap::from_pointee(Pool::new(upstream.balance, Box::default())),
            replacing: Mutex::new(()),
            replaced: Notify::new(),
            next_id: AtomicU32::new(0),
            sources,
        };
        let fixed: Vec<Member> = built.sources.iter().filter_map(Source::address).collect();
        built.set_members(&fixed);
        Ok(built)
    }

    /// Its key in the file.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The endpoint for the next attempt, counted as in flight; none when all are down or none is known,
    /// which is a 503. Endpoints of earlier attempts come last.
    #[must_use]
    pub fn pick(&self, tried: &[EndpointId]) -> Option<Picked> {
        self.pool
            .load()
            .pick(tried)
            .map(|endpoint| Picked::new(Arc::clone(endpoint)))
    }

    /// Counts an attempt at a picked endpoint towards what all routes together may send.
    ///
    /// # Errors
    /// When that would be too much; nothing was counted.
    pub(crate) fn admit(&self, picked: &mut Picked, now: Tick) -> Result<(), Exceeded> {
        if let Some(limits) = &self.limits {
            picked.permit = Some(limits.admit(now)?);
        }
        Ok(())
    }

    /// How much of it can be used now.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let pool = self.pool.load();
        let usable = pool.endpoints().iter().filter(|e| e.is_usable()).count();
        Readiness {
            usable,
            known: pool.endpoints().len(),
        }
    }

    fn has_names(&self) -> bool {
        self.sources
            .iter()
            .any(|source| matches!(source, Source::Name { .. }))
    }

    fn status_of(&self, endpoint: &Endpoint) -> EndpointStatus {
        EndpointStatus {
            upstream: Arc::clone(&self.name),
            address: endpoint.address(),
            condition: endpoint.condition(),
            in_flight: endpoint.in_flight(),
        }
    }

    /// Replaces the addresses. Those that stay keep their endpoint, its counters and its condition; an
    /// address that is listed twice counts once.
    fn set_members(&self, members: &[Member]) {
        let _one_at_a_time = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.pool.load();
        let mut endpoints: Vec<Arc<Endpoint>> = Vec::with_capacity(members.len());
        for &member in members {
            if endpoints.iter().any(|e| e.address() == member.address) {
                continue;
            }
            endpoints.push(
                old.find(member)
                    .cloned()
                    .unwrap_or_else(|| self.new_endpoint(member)),
            );
        }
        self.pool
            .store(Arc::new(Pool::new(self.balance, endpoints.into())));
        self.replaced.notify_one();
    }

    /// Sets what the checks found and shares the requests anew.
    fn set_condition(&self, endpoint: &Endpoint, condition: Condition) {
        let _one_at_a_time = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        endpoint.set_condition(condition);
        let endpoints = self.pool.load().endpoints().into();
        self.pool.store(Arc::new(Pool::new(self.balance, endpoints)));
    }

    fn new_endpoint(&self, member: Member) -> Arc<Endpoint> {
        let id = EndpointId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let peer = self.template.at(member.address);
        Arc::new(Endpoint::new(id, member.weight, member.address, peer))
    }
}

impl Source {
    fn of(endpoint: &config::Endpoint) -> Self {
        let config::Endpoint {
            ref host,
            port,
            weight,
            ..
        } = *endpoint;
        match host.parse() {
            Ok(ip) => Self::Address(Member {
                address: SocketAddr::new(ip, port),
                weight,
            }),
            Err(_) => Self::Name {
                host: Arc::clone(host),
                port,
                weight,
            },
        }
    }

    const fn address(&self) -> Option<Member> {
        match self {
            Self::Address(member) => Some(*member),
            Self::Name { .. } => None,
        }
    }
}

/// Names the upstream and the place in the file beside a fault.
trait Blame {
    fn error(&self, cause: UpstreamFault) -> UpstreamError;
}

impl Blame for config::Upstream {
    fn error(&self, cause: UpstreamFault) -> UpstreamError {
        let span = self.tls.as_ref().map_or(self.span, |tls| tls.span);
        UpstreamError {
            upstream: Arc::clone(&self.name),
            span,
            cause,
        }
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
