//! Tests of shared stores against a real redis-server.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use adamant_filter::{Measure, MemoryStore, Span};
use tokio::runtime::Runtime;

use super::*;

/// A server on a free port of loopback, which ends when it is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let arguments = [
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--port",
                &free.port().to_string(),
            ];
            let mut command = Command::new("redis-server");
            command.args(arguments).current_dir(std::env::temp_dir());
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let mut server = Self {
                child: child.expect("redis-server is installed by tests/setup"),
                port: free.port(),
            };
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(15) && server.child.try_wait().unwrap().is_none() {
                if std::net::TcpStream::connect(free).is_ok() {
                    return server;
                }
                std::thread::yield_now();
            }
        }
        panic!("redis-server does not start")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn open(port: u16, runtime: &Runtime) -> RedisStore {
    let store = config::Store {
        name: "counters".into(),
        address: ("127.0.0.1".into(), port),
        tls: None,
        user: None,
        password: None,
        database: 0,
        timeout: Duration::from_secs(5),
        connections: 2,
        span: Span::NOWHERE,
    };
    RedisStore::open(&store, Contents::default(), runtime.handle(), Faults::default()).unwrap()
}

/// The system's clock, which is also that of a server on the same machine.
fn now() -> Wall {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Wall(u64::try_from(since.as_millis()).unwrap())
}

/// SplitMix64: the same questions in every run.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

/// Whether two answers say the same. Times may differ by what passes between two questions.
fn same(one: &Charged, other: &Charged) -> bool {
    let near = |one: Duration, other: Duration| one.abs_diff(other) < Duration::from_secs(60);
    match (one, other) {
        (
            Charged::Pass {
                granted,
                remaining,
                next,
            },
            Charged::Pass {
                granted: other_granted,
                remaining: other_remaining,
                next: other_next,
            },
        ) => (granted, remaining) == (other_granted, other_remaining) && near(*next, *other_next),
        (Charged::Deny { wait: Some(one) }, Charged::Deny { wait: Some(other) }) => near(*one, *other),
        (Charged::Deny { wait: None }, Charged::Deny { wait: None }) => true,
        _ => false,
    }
}

#[test]
fn the_server_decides_as_the_store_in_memory_does() {
    let (server, runtime) = (Server::start(), runtime());
    let (store, memory) = (open(server.port, &runtime), MemoryStore::default());
    let day = Duration::from_secs(86_400);
    let measures = [
        Measure::Even { every: day, burst: 9 },
        Measure::Even {
            every: day * 3,
            burst: 20,
        },
        // Its window began in 1970, so that none ends during the test.
        Measure::Sliding {
            at_most: 12,
            window: day * 36_500,
        },
        Measure::Until {
            at_most: 7,
            ends: Wall(now().0 + 86_400_000),
        },
    ];
    let (mut seed, mut denied) = (1, 0);
    for round in 0..400 {
        let charges: Vec<Charge> = measures
            .iter()
            .enumerate()
            .filter_map(|(number, measure)| {
                let is_asked = random(&mut seed, 3) > 0;
                let cost = 1 + random(&mut seed, 4);
                is_asked.then(|| Charge {
                    key: format!("{number}/{}", round / 40 * 2 + random(&mut seed, 2)).into(),
                    measure: *measure,
                    cost,
                    at_least: 1 + random(&mut seed, cost),
                })
            })
            .collect();
        let ours = runtime.block_on(store.charge(charges.clone(), Wall(0))).unwrap();
        let theirs = runtime.block_on(memory.charge(charges.clone(), now())).unwrap();
        denied += usize::from(ours.iter().any(|answer| matches!(answer, Charged::Deny { .. })));
        assert_eq!(ours.len(), theirs.len());
        for ((one, other), charge) in ours.iter().zip(&theirs).zip(&charges) {
            let next_of_even = matches!(
                (charge.measure, one),
                (Measure::Even { .. }, Charged::Pass { .. })
            );
            // The store in memory tells the whole interval; the server what is left of it.
            let is_same = same(one, other) || next_of_even && passes_alike(one, other);
            assert!(is_same, "{one:?} and {other:?} in round {round}: {charge:?}");
        }
    }
    assert!((50..390).contains(&denied), "{denied} of the rounds were refused");
}

fn passes_alike(one: &Charged, other: &Charged) -> bool {
    match (one, other) {
        (
            Charged::Pass {
                granted, remaining, ..
            },
            Charged::Pass {
                granted: other_granted,
                remaining: other_remaining,
                ..
            },
        ) => (granted, remaining) == (other_granted, other_remaining),
        _ => false,
    }
}

#[test]
fn more_comes_back_at_the_rate() {
    let (server, runtime) = (Server::start(), runtime());
    let store = open(server.port, &runtime);
    let charge = |cost| Charge {
        key: "k".into(),
        measure: Measure::Even {
            every: Duration::from_millis(20),
            burst: 2,
        },
        cost,
        at_least: cost,
    };
    let ask = |cost| {
        runtime
            .block_on(store.charge(vec![charge(cost)], Wall(0)))
            .unwrap()
            .remove(0)
    };
    assert!(matches!(
        ask(2),
        Charged::Pass {
            granted: 2,
            remaining: 0,
            ..
        }
    ));
    // Whoever waits as told passes; one that takes all is told the time of all.
    let mut waits = 0;
    loop {
        match ask(2) {
            Charged::Pass { .. } => break,
            Charged::Deny { wait } => {
                let wait = wait.unwrap();
                assert!(wait <= Duration::from_millis(40), "{wait:?}");
                std::thread::sleep(wait);
                waits += 1;
            }
        }
    }
    assert!(waits <= 1, "{waits}");
    assert_eq!(ask(3), Charged::Deny { wait: None });
}

#[test]
fn numbers_and_values_are_kept_for_their_time() {
    let (server, runtime) = (Server::start(), runtime());
    let store = open(server.port, &runtime);
    let hour = Duration::from_secs(3600);
    runtime.block_on(async {
        assert_eq!(store.add(b"k", 2, hour).await, Ok(2));
        assert_eq!(store.add(b"k", -5, hour).await, Ok(-3));
        assert_eq!(store.get(b"k").await, Ok(None), "a number is no value");
        assert_eq!(
            store.put_new(b"k", Bytes::from_static(b"\0a"), hour).await,
            Ok(true)
        );
        assert_eq!(
            store.put_new(b"k", Bytes::from_static(b"b"), hour).await,
            Ok(false)
        );
        assert_eq!(store.get(b"k").await, Ok(Some(Bytes::from_static(b"\0a"))));
        assert_eq!(
            store
                .put(b"k", Bytes::from_static(b"c"), Duration::from_nanos(1))
                .await,
            Ok(())
        );
        let start = Instant::now();
        while store.get(b"k").await != Ok(None) {
            assert!(start.elapsed() < Duration::from_secs(15), "it never expires");
        }
        assert_eq!(store.add(b"short", 1, Duration::from_nanos(1)).await, Ok(1));
        while store.add(b"short", 1, Duration::from_nanos(1)).await != Ok(1) {
            assert!(start.elapsed() < Duration::from_secs(15), "it never expires");
        }
    });
}

#[test]
fn a_store_that_is_not_there_is_told_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let runtime = runtime();
    let store = open(free.port(), &runtime);
    let fault = runtime.block_on(store.get(b"k")).unwrap_err();
    assert_eq!(fault.reason, &GONE);
    assert_eq!(store.faults.gone.value(), 1);
}
