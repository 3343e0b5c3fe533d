//! One worker: its runtime, its accept loops, and the connections that live on it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::super::admission::{Excess, Permit};
use super::super::connection::{Connection, Origin};
use super::super::serve::{self, Carrier};
use super::super::stream::{ClientStream, Transport};
use super::super::tls;
use super::{Listener, Listening, Shared, canonical};

/// Pause after the system ran out of descriptors or memory; doubled up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(10);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Bits of a connection's number that count within its worker.
const NUMBER_BITS: u32 = 48;

thread_local! {
    /// Number of the next connection of this worker.
    static NEXT: Cell<u64> = const { Cell::new(0) };
    /// Tasks of this worker's connections, to be woken once when the gateway drains. Kept here and not in
    /// a watch per connection, because waiting on one costs something at every exchange.
    static TASKS: RefCell<HashMap<u64, Waker, RandomState>> = RefCell::default();
}

/// A connection on its way to a less busy worker.
pub(super) struct Handover {
    listener: usize,
    socket: std::net::TcpStream,
    client: SocketAddr,
    permit: Permit,
}

/// What a worker knows.
pub(super) struct Worker {
    pub(super) number: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) peers: Vec<mpsc::Sender<Handover>>,
    pub(super) drain: watch::Receiver<bool>,
    pub(super) halt: watch::Receiver<bool>,
}

/// A worker with its carrier; what every task on it holds.
struct Running<C> {
    worker: Worker,
    carrier: C,
}

/// Turns of ready work after which the worker looks at its sockets. Work that computes (the signatures of new
/// tokens) makes turns long, and by default 61 of them go before: an exchange that goes back and forth a few times
/// would wait for hundreds of signatures of others. The look costs less than a microsecond.
const EVENT_INTERVAL: u32 = 8;

/// A runtime with the listeners registered; made before any thread starts, so that nothing can fail later.
pub(super) struct Engine {
    runtime: Runtime,
    sockets: Vec<TcpListener>,
}

impl Engine {
    pub(super) fn new(listeners: &[Listening]) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .event_interval(EVENT_INTERVAL)
            .build()?;
        let context = runtime.enter();
        let share = |listener: &Listening| TcpListener::from_std(listener.bound.share()?);
        let sockets = listeners.iter().map(share).collect::<io::Result<_>>()?;
        drop(context);
        Ok(Self { runtime, sockets })
    }

    /// Serve until halted. Dropping the runtime then drops every task and closes every connection.
    pub(super) fn run<C: Carrier>(
        self,
        worker: Worker,
        inbox: mpsc::Receiver<Handover>,
        carrier: impl FnOnce() -> C,
    ) {
        let mut halt = worker.halt.clone();
        self.runtime.block_on(async move {
            let running = Arc::new(Running {
                worker,
                carrier: carrier(),
            });
            for (position, socket) in self.sockets.into_iter().enumerate() {
                tokio::spawn(running.clone().accept(position, socket));
            }
            tokio::spawn(running.clone().receive(inbox));
            tokio::spawn(running.wake_when_draining());
            let _ = halt.wait_for(|halted| *halted).await;
        });
    }
}

impl<C: Carrier> Running<C> {
    /// Accept from one listener until the gateway drains; the descriptor is closed then.
    async fn accept(self: Arc<Self>, position: usize, socket: TcpListener) {
        let Some(listener) = self.worker.shared.listeners.get(position) else {
            return;
        };
        let mut drain = self.worker.drain.clone();
        let mut pause = PAUSE;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = drain.wait_for(|drained| *drained) => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((socket, client)) => {
                    pause = PAUSE;
                    self.clone().admit(listener, socket, canonical(client));
                    // Others may want the next one: a burst must not end on one worker.
                    tokio::task::yield_now().await;
                }
                Err(error) if is_exhausted(&error) => {
                    self.worker
                        .shared
                        .counts
                        .exhausted
                        .fetch_add(1, Ordering::Relaxed);
                    log::warn!("no further connection can be accepted for {pause:?}: {error}");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                // The client has left before it was accepted.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Count the connection in and choose the worker that serves it.
    fn admit(self: Arc<Self>, listener: &Listener, socket: TcpStream, client: SocketAddr) {
        let counts = &self.worker.shared.counts;
        let permit = match listener.admission.admit(client.ip()) {
            Ok(permit) => permit,
            Err(excess) => {
                let count = match excess {
                    Excess::Listener => &counts.over_connections,
                    Excess::Client => &counts.over_client,
                };
                count.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        counts.accepted.fetch_add(1, Ordering::Relaxed);
        let Some((peer, load)) = self.less_busy() else {
            return self.adopt(listener.position, socket, client, permit);
        };
        let Ok(socket) = socket.into_std() else { return };
        // Counted there from now on: until that worker wakes, its load would attract the whole burst.
        let permit = permit.on(load);
        let handover = Handover {
            listener: listener.position,
            socket,
            client,
            permit,
        };
        if let Err(refused) = peer.try_send(handover) {
            self.adopt_from(refused.into_inner());
        }
    }

    /// A worker that has clearly fewer connections. Whoever wakes first accepts most of a burst, and
    /// long-lived connections would keep that imbalance.
    fn less_busy(&self) -> Option<(&mpsc::Sender<Handover>, &Arc<AtomicUsize>)> {
        let loads = &self.worker.shared.loads;
        let own = loads.get(self.worker.number)?.load(Ordering::Relaxed);
        let others = loads.iter().zip(&self.worker.peers);
        let (load, peer) = others.min_by_key(|(load, _)| load.load(Ordering::Relaxed))?;
        let least = load.load(Ordering::Relaxed);
        (own > least + 1 + least / 8).then_some((peer, load))
    }

    /// Take connections that busier workers have accepted.
    async fn receive(self: Arc<Self>, mut inbox: mpsc::Receiver<Handover>) {
        while let Some(handover) = inbox.recv().await {
            self.clone().adopt_from(handover);
        }
    }

    fn adopt_from(self: Arc<Self>, handover: Handover) {
        if let Ok(socket) = TcpStream::from_std(handover.socket) {
            self.adopt(handover.listener, socket, handover.client, handover.permit);
        }
    }

    /// Serve the connection here, in a task of its own.
    fn adopt(self: Arc<Self>, position: usize, socket: TcpStream, client: SocketAddr, permit: Permit) {
        let Some(load) = self.worker.shared.loads.get(self.worker.number) else {
            return;
        };
        let permit = permit.on(load);
        let id = next_id(self.worker.number);
        tokio::spawn(async move {
            let _task = Task::register(id).await;
            if let Some(listener) = self.worker.shared.listeners.get(position) {
                let origin = Origin {
                    id,
                    listener: position,
                    client,
                    local: listener.local_of(&socket),
                };
                self.serve(listener, socket, origin, permit).await;
            }
        });
    }

    async fn serve(&self, listener: &Listener, socket: TcpStream, origin: Origin, permit: Permit) {
        let draining = self.worker.shared.draining.clone();
        let (transport, connection) = match &listener.tls {
            None => (Transport::Tcp(socket), Connection::new(origin, None, draining)),
            Some(config) => {
                let Some(stream) = self.handshake(listener, config, socket, origin.client).await else {
                    return;
                };
                let session = stream.get_ref().1;
                let connection = Connection::new(origin, Some(Arc::new(tls::facts(session))), draining);
                if tls::is_http2(session) {
                    connection.set_http2();
                }
                (Transport::Tls(Box::new(stream)), connection)
            }
        };
        let stream = ClientStream::new(transport, Arc::new(connection), listener.times, Some(permit));
        serve::connection(stream, &self.carrier, &listener.head).await;
    }

    async fn handshake(
        &self,
        listener: &Listener,
        config: &Arc<ServerConfig>,
        socket: TcpStream,
        client: SocketAddr,
    ) -> Option<TlsStream<TcpStream>> {
        // Boxed, because the state of a handshake would else be part of every idle connection.
        let handshake = Box::pin(TlsAcceptor::from(config.clone()).accept(socket));
        match tokio::time::timeout(listener.times.handshake, handshake).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => log::debug!("TLS handshake with {client} failed: {error}"),
            Err(_) => log::debug!("TLS handshake with {client} took too long"),
        }
        self.worker
            .shared
            .counts
            .handshakes_failed
            .fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Wake every connection once when the gateway drains; idle ones then see the flag and close.
    async fn wake_when_draining(self: Arc<Self>) {
        let mut drain = self.worker.drain.clone();
        if drain.wait_for(|drained| *drained).await.is_ok() {
            TASKS.with_borrow(|tasks| tasks.values().for_each(Waker::wake_by_ref));
        }
    }
}

/// The entry of a connection's task among those to be woken.
struct Task(u64);

impl Task {
    async fn register(id: u64) -> Self {
        poll_fn(|cx| {
            TASKS.with_borrow_mut(|tasks| tasks.insert(id, cx.waker().clone()));
            Poll::Ready(())
        })
        .await;
        Self(id)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The thread may be ending, and its tasks with it. The waker is dropped outside of the borrow,
        // because it may own the last reference to a task.
        let waker = TASKS.try_with(|tasks| tasks.try_borrow_mut().ok()?.remove(&self.0));
        drop(waker);
    }
}

/// Unique while the process lives: the worker's number above a count.
fn next_id(worker: usize) -> u64 {
    let count = NEXT.get();
    NEXT.set(count + 1);
    (worker as u64) << NUMBER_BITS | count
}

/// No descriptor or memory was left: pausing helps, trying again at once does not.
fn is_exhausted(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
