//! Clients of a load test: many that come at a rate whatever becomes of them, and few that are measured.
//!
//! The measured ones have threads of their own, so that the others do not slow them on this side.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use adamant_tests::{Client, client};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

/// Connections that all clients of a load have together at most.
const CONNECTIONS_MAX: usize = 200;

/// Clients that find out how much can be served.
const CLOSED: usize = 4;

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

    /// How many are served a second when few clients wait for each answer.
    pub(crate) async fn capacity(&self, time: Duration) -> f64 {
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
        let idle: Arc<Mutex<Vec<Client>>> = Arc::default();
        let busy = Arc::new(AtomicUsize::new(0));
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
                    None => Client::connect(load.at).await,
                };
                let status = client.exchange(&*load.request).await.status;
                idle.lock().expect("nobody fails in here").push(client);
                busy.fetch_sub(1, Ordering::Relaxed);
                status
            });
        }
        for status in answers.join_all().await {
            counts.count(status);
        }
        counts
    }
}

impl Counts {
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
    let mut stream = TcpStream::connect(at).expect("a connection");
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

/// The time within which so many of a hundred are.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}
