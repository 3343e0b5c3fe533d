//! Both ends of what is counted: a client and an origin on loopback.
//!
//! They stand apart from what serves, and know nothing of who stands between them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::heap;

/// Exchanges after which every buffer and table has grown to its size.
const WARM: u64 = 64;

/// Exchanges that are counted together. A timer ticks and a log is written beside them now and then: the
/// cheapest of several batches has none of that.
const BATCH: u64 = 50;
const BATCHES: u64 = 12;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\nServer: o\r\n\r\nok\n";

/// A listener on a free port of loopback.
pub(crate) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// An origin that answers every request with the same 200, on as many connections as come. The last four bytes
/// of a request are those of an empty line, with a body or without one.
pub(crate) fn origin() -> SocketAddr {
    let (listener, address) = listen();
    thread::spawn(move || {
        heap::stand_apart();
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            thread::spawn(move || {
                heap::stand_apart();
                answer(stream);
            });
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = [0; 16 * 1024];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]) {
        filled += read;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(ANSWER).is_err() {
                return;
            }
        }
    }
}

/// Makes one exchange on a connection of its own.
pub(crate) fn first_exchange(gateway: SocketAddr, request: &str, status: u16) {
    heap::stand_apart();
    let mut stream = TcpStream::connect(gateway).expect("a connection");
    assert_eq!(exchange(&mut stream, request), status, "{request}");
}

/// Begins an exchange that lasts as long as the connection that is returned: its body never comes, and is waited
/// for before anybody else hears of the request.
pub(crate) fn held_exchange(gateway: SocketAddr, path: &str) -> TcpStream {
    heap::stand_apart();
    let mut stream = TcpStream::connect(gateway).expect("a connection");
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: api.example.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("a request is sent");
    stream
}

/// Heap calls per exchange of everything that serves, with one client on one connection.
pub(crate) fn calls_per_exchange(gateway: SocketAddr, request: &str, status: u16) -> u64 {
    heap::stand_apart();
    let mut stream = TcpStream::connect(gateway).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    for _ in 0..WARM {
        exchange(&mut stream, request);
    }
    let mut batch = || {
        let before = heap::calls();
        for _ in 0..BATCH {
            let told = exchange(&mut stream, request);
            assert_eq!(told, status, "{request}");
        }
        heap::calls() - before
    };
    let cheapest = (0..BATCHES).map(|_| batch()).min().expect("several batches");
    cheapest.div_ceil(BATCH)
}

/// Sends a request and reads its answer to the end; returns the status.
fn exchange(stream: &mut TcpStream, request: &str) -> u16 {
    stream.write_all(request.as_bytes()).expect("a request is sent");
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).expect("an answer");
        assert!(read > 0, "{request}: the connection ended");
        filled += read;
        let answer = String::from_utf8_lossy(&buffer[..filled]).to_ascii_lowercase();
        if let Some((head, body)) = answer.split_once("\r\n\r\n")
            && length(head) == Some(body.len())
        {
            return answer[9..12].parse().expect("a status");
        }
    }
}

/// The declared length of a body.
fn length(head: &str) -> Option<usize> {
    let value = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    value.and_then(|value| value.parse().ok())
}
