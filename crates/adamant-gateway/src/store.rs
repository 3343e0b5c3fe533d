//! Shared stores: state that instances of the gateway have in common, in a server of the Redis protocol.
//!
//! A request asks once and waits no longer than the file says; a store that is gone costs it nothing, since
//! connections are made and proved beside requests. What a fault means is for the filter that asked.

mod link;
mod script;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use adamant_filter::{Charge, Charged, Counter, Fault, Pending, Problem, Reason, Store, Wall};
use adamant_policy::config;
use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::io::AsyncDNSResolver;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    RedisFuture, TlsCertificates, cmd, pipe,
};
use tokio::runtime::Handle;

use link::{Dial, Link};

/// Shortest time that a connection is given to come about: no request waits for it.
const CONNECT_TIME: Duration = Duration::from_secs(1);

/// What stands before every key, by what it stands for: limits, numbers and values never meet.
const LIMITS: &[u8] = b"adamant:l:";
const NUMBERS: &[u8] = b"adamant:n:";
const VALUES: &[u8] = b"adamant:v:";

const GONE: Reason = Reason::new(
    "store-gone",
    503,
    "the state that instances share cannot be reached",
);
const LATE: Reason = Reason::new(
    "store-late",
    503,
    "the state that instances share did not answer in time",
);
const USELESS: Reason = Reason::new(
    "store-useless",
    503,
    "the state that instances share gave no usable answer",
);

/// How often stores failed, all stores together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// No connection worked, and nobody waited.
    pub(crate) gone: Counter,
    /// No answer in time.
    pub(crate) late: Counter,
    /// An error for an answer, or a connection that broke.
    pub(crate) useless: Counter,
}

/// What is not in the file but in what the file refers to.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// The password.
    pub(crate) password: Option<Vec<u8>>,
    /// The trusted authorities in PEM; the system's when absent.
    pub(crate) authorities: Option<Vec<u8>>,
}

/// A server of the Redis protocol.
pub(crate) struct RedisStore {
    links: Box<[Arc<Link>]>,
    next: AtomicUsize,
    timeout: Duration,
    faults: Faults,
}

impl RedisStore {
    /// Connects, and goes on trying as long as the store lives. Waits for the first try, so that a gateway whose
    /// store is there begins with it; a store that is not there keeps nobody from starting.
    ///
    /// # Errors
    /// When password or authorities cannot be used.
    pub(crate) fn open(
        store: &config::Store,
        contents: Contents,
        background: &Handle,
        faults: Faults,
    ) -> Result<Self, Problem> {
        let wrong = |text: String| Problem::new("stores.unusable", text).with_span(store.span);
        let patience = store.timeout.max(CONNECT_TIME);
        let client = client(store, contents)
            .map_err(|error| wrong(format!("the store `{}` cannot be used: {error}", store.name)))?;
        let dial = Arc::new(Dial {
            name: Arc::clone(&store.name),
            client,
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(patience))
                .set_response_timeout(None)
                .set_dns_resolver(At(Arc::clone(&store.address.0))),
            patience,
        });
        let links: Box<[Arc<Link>]> = (0..store.connections).map(|_| Arc::default()).collect();
        let (first, tried) = sync_channel(0);
        for link in &links {
            background.spawn(Link::keep(Arc::downgrade(link), Arc::clone(&dial), first.clone()));
        }
        drop(first);
        // Nothing is ever sent: the wait is over when every link has dropped its end.
        let _ = tried.recv_timeout(patience);
        Ok(Self {
            links,
            next: AtomicUsize::new(0),
            timeout: store.timeout,
            faults,
        })
    }

    /// One question over a connection that works.
    async fn call<T, F>(&self, ask: impl FnOnce(MultiplexedConnection) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let Some((link, connection)) = self.link() else {
            self.faults.gone.add_one();
            return Err(Fault { reason: &GONE });
        };
        match tokio::time::timeout(self.timeout, ask(connection)).await {
            Ok(Ok(answer)) => {
                link.answered();
                Ok(answer)
            }
            Ok(Err(error)) => {
                if error.is_unrecoverable_error() {
                    link.lose();
                } else {
                    link.failed();
                }
                self.faults.useless.add_one();
                Err(Fault { reason: &USELESS })
            }
            Err(_) => {
                link.failed();
                self.faults.late.add_one();
                Err(Fault { reason: &LATE })
            }
        }
    }

    /// The next connection in turn that works.
    fn link(&self) -> Option<(&Link, MultiplexedConnection)> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let turn = self.links.iter().cycle().skip(first % self.links.len().max(1));
        turn.take(self.links.len())
            .find_map(|link| Some((&**link, link.connection()?)))
    }
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("links", &self.links.len())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A client with everything that a connection needs to know. It connects to nothing yet.
fn client(store: &config::Store, contents: Contents) -> Result<Client, RedisError> {
    let (host, port) = &store.address;
    let address = match &store.tls {
        None => ConnectionAddr::Tcp(host.to_string(), *port),
        // The name in the certificate; `At` knows where the server is.
        Some(tls) => ConnectionAddr::TcpTls {
            host: tls.server_name.to_string(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
    };
    let mut login = RedisConnectionInfo::default().set_db(i64::from(store.database));
    if let Some(user) = &store.user {
        login = login.set_username(user);
    }
    if let Some(password) = contents.password {
        let text = String::from_utf8(password);
        let text = text.map_err(|_| {
            RedisError::from((redis::ErrorKind::InvalidClientConfig, "the password is not UTF-8"))
        })?;
        login = login.set_password(text);
    }
    let to = address
        .into_connection_info()?
        .set_tcp_settings(TcpSettings::default().set_nodelay(true))
        .set_redis_settings(login);
    match &store.tls {
        None => Client::open(to),
        Some(_) => Client::build_with_tls(
            to,
            TlsCertificates {
                client_tls: None,
                root_cert: contents.authorities,
            },
        ),
    }
}

/// Where the server is, whatever name its certificate carries.
struct At(Arc<str>);

impl AsyncDNSResolver for At {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        _name: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((&*self.0, port)).await?.collect();
            Ok(Box::new(found.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

/// A time to live that the server takes: at least a millisecond.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX >> 1).max(1)
}

impl Store for RedisStore {
    fn charge(&self, charges: Vec<Charge>, _now: Wall) -> Pending<'_, Result<Vec<Charged>, Fault>> {
        Box::pin(async move {
            let question = script::ask(LIMITS, &charges);
            let numbers: Vec<i64> = self
                .call(|mut connection| async move { question.invoke_async(&mut connection).await })
                .await?;
            script::read(&numbers, charges.len()).ok_or_else(|| {
                self.faults.useless.add_one();
                Fault { reason: &USELESS }
            })
        })
    }

    fn add(&self, key: &[u8], amount: i64, ttl: Duration) -> Pending<'_, Result<i64, Fault>> {
        let key = [NUMBERS, key].concat();
        Box::pin(self.call(move |mut connection| async move {
            let mut both = pipe();
            both.atomic();
            both.cmd("SET")
                .arg(&key)
                .arg(0)
                .arg("PX")
                .arg(millis(ttl))
                .arg("NX")
                .ignore();
            both.cmd("INCRBY").arg(&key).arg(amount);
            let (sum,): (i64,) = both.query_async(&mut connection).await?;
            Ok(sum)
        }))
    }

    fn get(&self, key: &[u8]) -> Pending<'_, Result<Option<Bytes>, Fault>> {
        let key = [VALUES, key].concat();
        Box::pin(self.call(move |mut connection| async move {
            let value: Option<Vec<u8>> = cmd("GET").arg(key).query_async(&mut connection).await?;
            Ok(value.map(Bytes::from))
        }))
    }

    fn put(&self, key: &[u8], value: Bytes, ttl: Duration) -> Pending<'_, Result<(), Fault>> {
        let key = [VALUES, key].concat();
        Box::pin(self.call(move |mut connection| async move {
            let mut set = cmd("SET");
            set.arg(key).arg(&value[..]).arg("PX").arg(millis(ttl));
            set.query_async(&mut connection).await
        }))
    }

    fn put_new(&self, key: &[u8], value: Bytes, ttl: Duration) -> Pending<'_, Result<bool, Fault>> {
        let key = [VALUES, key].concat();
        Box::pin(self.call(move |mut connection| async move {
            let mut set = cmd("SET");
            set.arg(key).arg(&value[..]).arg("PX").arg(millis(ttl)).arg("NX");
            let written: Option<String> = set.query_async(&mut connection).await?;
            Ok(written.is_some())
        }))
    }
}

#[cfg(test)]
mod tests;
