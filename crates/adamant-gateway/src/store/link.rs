//! One connection to a server, kept: made anew when it is lost, and proved before anybody is given it.
//!
//! Everything here runs on the background runtime, which owns the connection; requests only take a handle to it.
//! No request ever waits for a connection.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, cmd};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::script::script;

/// Failures in a row after which a connection is not used until it has been proved again.
const FAILURES_MAX: u32 = 3;

/// Shortest and longest pause between two tries to connect.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// How often a connection is proved while nothing goes wrong.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// How a connection is made.
pub(super) struct Dial {
    /// What the file calls the store.
    pub(super) name: Arc<str>,
    pub(super) client: Client,
    pub(super) config: AsyncConnectionConfig,
    /// Longest time for an answer to a probe.
    pub(super) patience: Duration,
}

/// A connection that may be there.
#[derive(Default)]
pub(super) struct Link {
    connection: ArcSwapOption<MultiplexedConnection>,
    /// Failures since the last answer.
    failures: AtomicU32,
    lost: Notify,
}

impl Link {
    /// A handle to the connection, when there is one that works.
    pub(super) fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.load().as_deref().cloned()
    }

    /// It has answered.
    pub(super) fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// It has not answered, or not as it should.
    pub(super) fn failed(&self) {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_MAX {
            self.lose();
        }
    }

    /// It is broken, so nobody is given it any more.
    pub(super) fn lose(&self) {
        if self.connection.swap(None).is_some() {
            self.lost.notify_one();
        }
    }

    /// Keeps the connection as long as the store is there. `first` is told once the first try is over.
    pub(super) async fn keep(link: Weak<Self>, dial: Arc<Dial>, first: SyncSender<()>) {
        let (mut pause, mut is_told) = (PAUSES[0], false);
        let mut first = Some(first);
        while let Some(link) = link.upgrade() {
            let connected = dial.connect().await;
            match connected {
                Ok(connection) => {
                    if is_told {
                        log::info!("the store `{}` is back", dial.name);
                    }
                    pause = PAUSES[0];
                    link.failures.store(0, Ordering::Relaxed);
                    link.connection.store(Some(Arc::new(connection.clone())));
                    drop(first.take());
                    link.watch(connection, &dial).await;
                    log::warn!("a connection to the store `{}` is lost", dial.name);
                    is_told = true;
                }
                Err(error) => {
                    if !is_told {
                        log::warn!("the store `{}` cannot be reached: {error}", dial.name);
                        is_told = true;
                    }
                    drop(first.take());
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES[1]);
                }
            }
        }
    }

    /// Ends when the connection is lost.
    async fn watch(&self, mut connection: MultiplexedConnection, dial: &Dial) {
        loop {
            tokio::select! {
                () = self.lost.notified() => return,
                () = tokio::time::sleep(PROBE_EVERY) => {}
            }
            let ping = async { cmd("PING").query_async::<()>(&mut connection).await };
            if !matches!(timeout(dial.patience, ping).await, Ok(Ok(()))) {
                self.connection.store(None);
                return;
            }
        }
    }
}

impl Dial {
    /// A connection that has answered a question.
    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let made = async {
            let mut connection = self
                .client
                .get_multiplexed_async_connection_with_config(&self.config)
                .await?;
            script().load_async(&mut connection).await?;
            Ok(connection)
        };
        let late = |_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        timeout(self.patience, made).await.map_err(late)?
    }
}
