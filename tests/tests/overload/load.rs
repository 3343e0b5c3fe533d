//! Clients of a load test: many that come at a rate whatever becomes of them, and few that are measured.
//!
//! The measured ones have threads of their own, so that the others do not slow them on this side.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use adamant_tests::{Client, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

/// Connections that all clients of a load have together at most.
const CONNECTIONS_MAX: usize = 200;

/// Clients that find out how much can be served.
const CLOSED: usize = 4;

/// Looks at how much can be served. Others use the machine too, so the best of them counts.
const CAPACITY_LOOKS: u32 = 4;

/// Clients that are measured.
const PROBES: usize = 6;

/// A request that is sent very often.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    at: SocketAddr,
    request: Arc<str>,
}

/// What became of the requests of a load.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Answered 200.
    pub(crate) served: usize,
    /// Answered 503.
    pub(crate) shed: usize,
    /// Not sent, since every connection was busy.
    pub(crate) unsent: usize,
    /// From the first to the last of them.
    pub(crate) time: Duration,
}

/// A load that comes at its rate until it is stopped.
pub(crate) struct Running {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Counts>,
}

impl Load {
    pub(crate) fn new(at: SocketAddr, request: &str) -> Self {
        Self {
            at,
            request: request.into(),
        }
    }

    /// How many are served a second, at best, when few clients wait for each answer.
    pub(crate) async fn capacity(&self, time: Duration) -> f64 {
        let mut most = 0.0_f64;
        for _ in 0..CAPACITY_LOOKS {
            most = most.max(self.served(time / CAPACITY_LOOKS).await);
        }
        most
    }

    async fn served(&self, time: Duration) -> f64 {
        let start = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..CLOSED {
            let load = self.clone();
            clients.spawn(async move {
                let mut client = Client::connect(load.at).await;
                let mut count = 0_u32;
                while start.elapsed() < time {
                    assert_eq!(client.exchange(&*load.request).await.status, 200);
                    count += 1;
                }
                count
            });
        }
        let all: u32 = clients.join_all().await.into_iter().sum();
        f64::from(all) / start.elapsed().as_secs_f64()
    }

    /// Comes so many times a second, whether or not earlier ones were answered.
    pub(crate) fn start(&self, rate: f64) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(self.clone().come(rate, Arc::clone(&stop)));
        Running { stop, task }
    }

    async fn come(self, rate: f64, stop: Arc<AtomicBool>) -> Counts {
        let idle: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let busy = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let (mut answers, mut counts) = (JoinSet::new(), Counts::default());
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while !stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            while let Some(status) = answers.try_join_next() {
                counts.count(status.expect("a client does not fail"));
            }
            if busy.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
                counts.unsent += 1;
                continue;
            }
            busy.fetch_add(1, Ordering::Relaxed);
            let (load, idle, busy) = (self.clone(), Arc::clone(&idle), Arc::clone(&busy));
            answers.spawn(async move {
                let spare = idle.lock().expect("nobody fails in here").pop();
                let mut client = match spare {
                    Some(client) => client,
                    None => TcpStream::connect(load.at).await.expect("a connection"),
                };
                let status = exchange(&mut client, &load.request).await;
                idle.lock().expect("nobody fails in here").push(client);
                busy.fetch_sub(1, Ordering::Relaxed);
                status
            });
        }
        for status in answers.join_all().await {
            counts.count(status);
        }
        counts.time = start.elapsed();
        counts
    }
}

/// Sends a request and reads no more of its answer than must be known: the clients of a load share their
/// processors with the gateway.
async fn exchange(client: &mut TcpStream, request: &str) -> u16 {
    client.write_all(request.as_bytes()).await.expect("it is taken");
    let (mut answer, mut length) = ([0; 2048], 0);
    loop {
        let read = client.read(&mut answer[length..]).await.expect("an answer");
        assert!(read > 0, "the connection goes on");
        length += read;
        // The text of the route, and the end of a problem document.
        if answer[..length].ends_with(b"done") || answer[..length].ends_with(b"}\n") {
            break;
        }
    }
    let status = str::from_utf8(&answer[9..12]).expect("digits");
    status.parse().expect("a status")
}

impl Counts {
    pub(crate) fn served_per_second(&self) -> f64 {
        self.served as f64 / self.time.as_secs_f64()
    }

    fn count(&mut self, status: u16) {
        match status {
            200 => self.served += 1,
            503 => self.shed += 1,
            other => panic!("a load is served or shed, and this was answered {other}"),
        }
    }
}

impl Running {
    /// Comes no more. Every request that came is answered.
    pub(crate) async fn stop(self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the load does not fail")
    }
}

/// Clients that are measured.
pub(crate) struct Probes;

impl Probes {
    /// How long each answer took, of several clients that come one request after the other. All must be 200.
    pub(crate) async fn run(at: SocketAddr, path: &'static str, time: Duration) -> Vec<Duration> {
        let all = move || {
            thread::scope(|scope| {
                let probes: Vec<_> = (0..PROBES)
                    .map(|_| scope.spawn(move || probe(at, path, time)))
                    .collect();
                let taken = probes
                    .into_iter()
                    .flat_map(|one| one.join().expect("a probe is answered"));
                taken.collect()
            })
        };
        tokio::task::spawn_blocking(all)
            .await
            .expect("probes are answered")
    }
}

fn probe(at: SocketAddr, path: &str, time: Duration) -> Vec<Duration> {
    let mut stream = std::net::TcpStream::connect(at).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    stream
        .set_read_timeout(Some(Duration::from_secs(15)))
        .expect("a socket");
    let request = client::request("GET", path, &[], "");
    let (start, mut taken, mut answer) = (Instant::now(), Vec::new(), [0; 4096]);
    while start.elapsed() < time {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).expect("it is taken");
        let mut length = 0;
        while !answer[..length].ends_with(b"vital") {
            let read = stream.read(&mut answer[length..]).expect("an answer in time");
            assert!(read > 0, "{}", String::from_utf8_lossy(&answer[..length]));
            length += read;
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer[..length])
        );
        taken.push(sent.elapsed());
    }
    taken
}

/// A thread with a runtime of its own. It must be shut down in the background.
pub(crate) fn aside() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a thread")
}

/// The time within which so many of a hundred are.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}
