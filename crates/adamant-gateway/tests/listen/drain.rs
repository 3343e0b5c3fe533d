//! Shutdown: idle connections are closed at once, busy ones finish, and the rest is cut at the deadline.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::{BOUNDS, Gateway, listening};

#[test]
fn draining_closes_idle_connections_and_lets_busy_ones_finish() {
    let mut gateway = Gateway::start(listening(BOUNDS));
    let mut idle: Vec<_> = (0..20).map(|_| gateway.connect()).collect();
    for client in &mut idle {
        assert_eq!(client.get("/a").status, 200);
    }
    let mut silent = gateway.connect();
    let mut busy = gateway.connect();
    busy.send("GET /slower HTTP/1.1\r\nHost: a\r\n\r\n");
    gateway.await_open(22);
    std::thread::sleep(Duration::from_millis(100));
    gateway.workers().drain();
    for client in idle.iter_mut().chain([&mut silent]) {
        assert_eq!(client.rest().unwrap(), b"");
    }
    gateway.await_open(1);
    let answer = busy.answer();
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    assert_eq!(busy.rest().unwrap(), b"");
    let start = Instant::now();
    let workers = gateway.workers.take().unwrap();
    assert_eq!(workers.finish(Duration::from_secs(5), &AtomicBool::new(false)), 0);
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(std::net::TcpStream::connect(gateway.address).is_err());
}

#[test]
fn what_is_not_done_by_the_deadline_is_cut() {
    let mut gateway = Gateway::start(listening(BOUNDS));
    let mut busy = gateway.connect();
    busy.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    gateway.await_open(1);
    let workers = gateway.workers.take().unwrap();
    assert_eq!(
        workers.finish(Duration::from_millis(200), &AtomicBool::new(false)),
        1
    );
    let _ = busy.rest();
}
