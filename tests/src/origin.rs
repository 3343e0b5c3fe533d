//! An upstream that a test scripts: it answers what it is told and remembers what it received.
//!
//! It believes nothing and repairs nothing; a request that it cannot read closes the connection, as a
//! careful server would do.

mod http1;
mod http2;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::wire::Stream;
use crate::{Answer, Seen, wait};

type Script = dyn Fn(&Seen) -> Answer + Send + Sync;

/// A running origin; it ends when it is dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What all connections share.
struct Shared {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
    }
}

/// How connections are spoken to.
#[derive(Clone, Default)]
struct Manner {
    tls: Option<Arc<ServerConfig>>,
    http2: bool,
}

impl Origin {
    /// An HTTP/1.1 origin.
    pub async fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::launch("127.0.0.1:0", Manner::default(), script).await
    }

    /// An HTTP/1.1 origin that answers `hello` to everything.
    pub async fn hello() -> Self {
        Self::start(|_| Answer::ok("hello")).await
    }

    /// An HTTP/1.1 origin at an address, for one that comes back.
    pub async fn start_at(at: SocketAddr, script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::launch(&at.to_string(), Manner::default(), script).await
    }

    /// An HTTP/2 origin in clear text, by prior knowledge.
    pub async fn start_h2(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::launch(
            "127.0.0.1:0",
            Manner {
                tls: None,
                http2: true,
            },
            script,
        )
        .await
    }

    /// An origin behind TLS, HTTP/2 if the configuration offers `h2`.
    pub async fn start_tls(
        tls: Arc<ServerConfig>,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let http2 = tls.alpn_protocols.first().is_some_and(|name| name == b"h2");
        Self::launch(
            "127.0.0.1:0",
            Manner {
                tls: Some(tls),
                http2,
            },
            script,
        )
        .await
    }

    async fn launch(
        at: &str,
        manner: Manner,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).await.expect("a loopback address is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::new(Vec::new()),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, manner, Arc::clone(&shared)));
        Self {
            address,
            shared,
            task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in order of arrival.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("no test panics in here").clone()
    }

    /// Number of requests so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.seen.lock().expect("no test panics in here").len()
    }

    /// The only request so far.
    #[must_use]
    pub fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(
            seen.len(),
            1,
            "exactly one request should have arrived: {seen:#?}"
        );
        seen.into_iter().next().expect("just counted")
    }

    /// The last request.
    #[must_use]
    pub fn last(&self) -> Seen {
        self.seen().pop().expect("a request should have arrived")
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.seen.lock().expect("no test panics in here").clear();
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Waits until this many requests have arrived.
    pub async fn received(&self, count: usize) -> Vec<Seen> {
        let enough = || Some(self.seen()).filter(|seen| seen.len() >= count);
        wait::some(format!("{count} requests at the origin"), enough).await
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Remembers a request whose head has arrived; tells its place.
    fn arrived(&self, seen: Seen) -> usize {
        let mut all = self.seen.lock().expect("no test panics in here");
        all.push(seen);
        all.len() - 1
    }

    /// Adds to what is known of a request, unless it was forgotten.
    fn amend(&self, place: usize, change: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.seen.lock().expect("no test panics in here").get_mut(place) {
            change(seen);
        }
    }
}

async fn accept(listener: TcpListener, manner: Manner, shared: Arc<Shared>) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
        let (manner, shared) = (manner.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            shared.open.fetch_add(1, Ordering::SeqCst);
            serve(stream, &manner, &shared, number).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

async fn serve(stream: TcpStream, manner: &Manner, shared: &Arc<Shared>, number: usize) {
    // Pieces of an answer must leave when they are written.
    let _ = stream.set_nodelay(true);
    let Ok(lever) = http1::Lever::of(&stream) else {
        return;
    };
    let stream: Box<dyn Stream> = match &manner.tls {
        None => Box::new(stream),
        Some(config) => match TlsAcceptor::from(Arc::clone(config)).accept(stream).await {
            Ok(stream) => Box::new(stream),
            // The other side did not like our certificate, which may be the point of the test.
            Err(_) => return,
        },
    };
    // A broken connection is no failure here: the test looks at what arrived.
    let _ = if manner.http2 {
        http2::serve(stream, shared, number).await
    } else {
        http1::serve(stream, lever, shared, number).await
    };
}
