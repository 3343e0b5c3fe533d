//! The operators' listeners: `/livez`, `/readyz`, `/startupz`, `/metrics`, `/version`.
//!
//! A tiny HTTP/1.1 server that only tells: it changes nothing, whatever is asked, and serves one request
//! per connection. The second listener serves what the file exposes and nothing else. It runs on the
//! background runtime, so a scrape costs the request threads nothing.

mod answer;
mod process;
mod request;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use adamant_policy::config::Admin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use answer::Answer;
pub use process::read as process;
use request::{Asked, read_head};

/// Connections that one listener serves at a time; more are closed at accept.
const CONNECTIONS_MAX: usize = 32;

/// Scrapes at a time; the others wait, so that memory for one text is enough.
const SCRAPES_MAX: usize = 1;

/// From the accept to the end of the head.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// For making and sending an answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// For the client to take the answer before the connection is torn down.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// Unread bytes that are taken in during that time.
const LINGER_BYTES: u64 = 64 * 1024;

/// Pause after an accept that the system refused, for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is asked of the gateway's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Does the process work at all? Never depends on upstreams.
    Live,
    /// May it be given requests? Not before every listener is open, not while draining.
    Ready,
    /// Has it come up? Stays true while draining.
    Startup,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What: a word.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub is_good: bool,
    /// More about it, for people.
    pub detail: String,
}

/// What the gateway tells of itself.
pub trait AdminState: Send + Sync + 'static {
    /// Digest of the policy.
    fn digest(&self) -> &str;

    /// Version of the gateway.
    fn version(&self) -> &str;

    /// Version of the policy language.
    fn language(&self) -> u32;

    /// Names and versions of the linked filters.
    fn filters(&self) -> Vec<(String, String)>;

    /// What was looked at for a probe. It succeeds when all is good.
    fn checks(&self, probe: Probe) -> Vec<Check>;

    /// Appends all metrics as Prometheus text. Called on a thread that may block.
    fn metrics(&self, into: &mut Vec<u8>);
}

/// An operators' listener that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {address} cannot be bound: {source}")]
pub struct AdminError {
    /// Key of the address in the file.
    pub key: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scope {
    health: bool,
    metrics: bool,
    version: bool,
    /// Only names of this machine are answered: a page in a browser could otherwise reach a loopback
    /// address under a name of its own (DNS rebinding).
    is_local: bool,
}

/// The bound listeners, not serving yet.
#[derive(Debug)]
pub struct AdminServer {
    local: TcpListener,
    exposed: Option<(TcpListener, Scope)>,
}

/// Where the operators' listeners can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminAddresses {
    /// The loopback listener.
    pub local: SocketAddr,
    /// The second one.
    pub exposed: Option<SocketAddr>,
}

impl AdminServer {
    /// Binds both listeners, or neither.
    ///
    /// # Errors
    /// The first address that cannot be bound.
    pub fn bind(admin: &Admin) -> Result<Self, AdminError> {
        let local = bind("admin.bind", admin.bind)?;
        let exposed = match &admin.expose {
            Some(expose) => {
                let scope = Scope {
                    health: expose.health,
                    metrics: expose.metrics,
                    version: false,
                    is_local: false,
                };
                Some((bind("admin.expose.bind", expose.bind)?, scope))
            }
            None => None,
        };
        Ok(Self { local, exposed })
    }

    /// The addresses that are really bound.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn addresses(&self) -> io::Result<AdminAddresses> {
        let exposed = self
            .exposed
            .as_ref()
            .map(|(listener, _)| listener.local_addr())
            .transpose()?;
        Ok(AdminAddresses {
            local: self.local.local_addr()?,
            exposed,
        })
    }

    /// Serves on `runtime` until that ends.
    ///
    /// # Errors
    /// When a listener cannot be registered with the runtime.
    pub fn serve(self, runtime: &Handle, state: Arc<dyn AdminState>) -> io::Result<()> {
        let whole = Scope {
            health: true,
            metrics: true,
            version: true,
            is_local: true,
        };
        let scrapes = Arc::new(Semaphore::new(SCRAPES_MAX));
        let _entered = runtime.enter();
        for (listener, scope) in [(self.local, whole)].into_iter().chain(self.exposed) {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let server = Server {
                state: Arc::clone(&state),
                scrapes: Arc::clone(&scrapes),
                scope,
            };
            runtime.spawn(server.accept(listener));
        }
        Ok(())
    }
}

fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, AdminError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| AdminError { key, address, source })
}

/// One listener at work.
#[derive(Clone)]
struct Server {
    state: Arc<dyn AdminState>,
    scrapes: Arc<Semaphore>,
    scope: Scope,
}

impl Server {
    async fn accept(self, listener: tokio::net::TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                continue;
            };
            let server = self.clone();
            tokio::spawn(async move {
                // A connection that ends early or takes too long is of no interest here.
                let _ = server.converse(stream).await;
                drop(place);
            });
        }
    }

    async fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        let Some(asked) = timeout(HEAD_TIME, read_head(&mut stream)).await?? else {
            return Ok(());
        };
        timeout(ANSWER_TIME, async {
            let answer = self.answer(&asked).await;
            stream.write_all(&answer.into_bytes(asked.is_head())).await?;
            stream.shutdown().await
        })
        .await??;
        // Closing with unread bytes resets the connection, which may take the answer away from the client.
        let mut rest = stream.take(LINGER_BYTES);
        timeout(LINGER_TIME, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await??;
        Ok(())
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        let digest = self.state.digest();
        let asked = match asked {
            Asked::Refused(reason) => return Answer::refusal(reason, digest),
            Asked::For(asked) => asked,
        };
        if self.scope.is_local && !asked.is_for_this_machine {
            return Answer::refusal(&answer::FOREIGN_HOST, digest);
        }
        let probe = match asked.path.as_str() {
            "/livez" => Probe::Live,
            "/readyz" => Probe::Ready,
            "/startupz" => Probe::Startup,
            "/metrics" if self.scope.metrics => return self.scrape().await,
            "/version" if self.scope.version => return Answer::version(self.state.as_ref()),
            _ => return Answer::refusal(&answer::NOT_FOUND, digest),
        };
        if !self.scope.health {
            return Answer::refusal(&answer::NOT_FOUND, digest);
        }
        Answer::health(&self.state.checks(probe), digest, asked.is_verbose)
    }

    async fn scrape(&self) -> Answer {
        // The semaphore is never closed; without it the scrape would only use more memory.
        let _turn = self.scrapes.acquire().await;
        let state = Arc::clone(&self.state);
        let written = tokio::task::spawn_blocking(move || {
            let mut text = Vec::new();
            state.metrics(&mut text);
            text
        });
        match written.await {
            Ok(text) => Answer::metrics(text),
            Err(_) => Answer::refusal(&answer::FAILED, self.state.digest()),
        }
    }
}

#[cfg(test)]
mod tests;
