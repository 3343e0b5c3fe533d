//! What a whole request costs on the heap: the gateway as it runs, between a client and an origin that
//! allocate nothing.
//!
//! The numbers are for all code of the process, Pingora's and the runtime's included; stock Pingora makes 80
//! heap calls for a proxied request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use adamant_gateway::{Gateway, LiveHost, Machine};

use crate::counting::all_calls;
use crate::site::{Site, TOKEN_STEPS};

// Measured, and a little room for what a minor version of a dependency may change:
/// 76: the session, its head and its answer by Pingora; ours are the request id and the forwarded fields.
const PLAIN: f64 = 82.0;
/// 77: one more, the body.
const POST: f64 = 83.0;
/// 87 to 89: the limit's fields of the answer, and the growth of its head by them.
const CHAIN: f64 = 95.0;
/// 12: the session alone.
const REFUSED: f64 = 15.0;
/// 27: a challenge is a field of its own.
const REFUSED_CHALLENGE: f64 = 31.0;
/// 34: the limit's fields are written for each answer.
const REFUSED_LIMIT: f64 = 39.0;

/// Requests that are counted, after as many that warm up.
const COUNTED: u64 = 500;

/// An origin of one thread per connection that answers every request with the same bytes.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("a connection");
            std::thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello";
                // Requests of these tests are small and arrive whole.
                while connection.read(&mut buffer).is_ok_and(|count| count > 0) {
                    connection.write_all(answer).expect("the gateway reads");
                }
            });
        }
    });
    address
}

/// Starts the gateway with one worker and returns where it listens. It ends with the process.
fn serve(site: &Site) -> SocketAddr {
    let background = Gateway::background().expect("a thread");
    let mut host = LiveHost::live(site.folder(), background.handle().clone());
    let plan = Arc::new(site.plan_with(&mut host));
    let machine = Machine {
        workers: Some(1),
        folder: site.folder().to_owned(),
        filters: Vec::new(),
    };
    let gateway = Gateway::prepare(plan, &machine, background, host.into_counters()).expect("it starts");
    let address = gateway.addresses().listeners[0].1;
    let (ready, is_ready) = sync_channel(1);
    std::thread::spawn(move || gateway.run(|| ready.send(()).expect("the test waits")));
    is_ready.recv().expect("it serves");
    address
}

/// Heap calls of the process for each request, answered with this status, on one connection.
fn calls_per_request(at: SocketAddr, request: &str, status: &str) -> f64 {
    let mut connection = TcpStream::connect(at).expect("it listens");
    let mut buffer = [0; 16 * 1024];
    let mut before = 0;
    for number in 0..2 * COUNTED {
        if number == COUNTED {
            before = all_calls();
        }
        connection
            .write_all(request.as_bytes())
            .expect("the gateway reads");
        let mut read = 0;
        loop {
            let count = connection.read(&mut buffer[read..]).expect("an answer");
            assert!(count > 0, "the connection is kept");
            read += count;
            if is_whole(&buffer[..read]) {
                break;
            }
        }
        assert!(
            buffer.starts_with(status.as_bytes()),
            "{}",
            String::from_utf8_lossy(&buffer[..read])
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let calls = (all_calls() - before) as f64 / COUNTED as f64;
    calls
}

/// An answer with a declared length is here to its end.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|end| end == b"\r\n\r\n") else {
        return false;
    };
    let head = &answer[..end];
    let name = b"content-length: ";
    let at = head
        .windows(name.len())
        .position(|field| field.eq_ignore_ascii_case(name))
        .expect("a declared length");
    let digits = head[at + name.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    answer.len() == end + 4 + length
}

#[test]
fn a_request_makes_no_more_heap_calls_than_stated() {
    let _alone = crate::alone();
    let log = "observe: { access-log: { to: { file: access.log } } }\n";
    let chain = "{ api-key: { keys: { file: keys.yaml } } }, { rate: { by: consumer, allow: 1000000/s, burst: 1000000 } }";
    let site = |steps: &str, more: &str| Site::new().before(origin(), more).routes(10, steps);
    let fields = "Host: api.example.test\r\nUser-Agent: costs\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n";
    let get = |more: &str| format!("GET /r/00005/items/7?limit=10 HTTP/1.1\r\n{fields}{more}\r\n");
    let post = format!(
        "POST /r/00005/items HTTP/1.1\r\n{fields}Content-Length: 4096\r\n\r\n{}",
        "x".repeat(4096)
    );
    let (plain, keys, tokens) = (site("", ""), site(chain, log), site(TOKEN_STEPS, log));
    let shut = site("{ addresses: { allow: [192.0.2.0/24] } }", "");
    let full = site("{ rate: { by: route, allow: 1/h, burst: 1 } }", "");
    let bearer = get(&format!("Authorization: Bearer {}\r\n", tokens.token()));
    let key = get(&format!("X-Api-Key: {}\r\n", Site::KEY));
    let nowhere = format!("GET /nowhere HTTP/1.1\r\n{fields}\r\n");
    let (plain_at, keys_at, full_at) = (serve(&plain), serve(&keys), serve(&full));
    // Uses the quota up, so that every counted request is refused.
    TcpStream::connect(full_at)
        .and_then(|mut once| {
            once.write_all(get("").as_bytes())?;
            once.read(&mut [0; 1024])
        })
        .expect("one request passes");
    let cases = [
        ("plain", plain_at, get(""), "HTTP/1.1 200", PLAIN),
        ("POST of 4 KiB", plain_at, post, "HTTP/1.1 200", POST),
        ("key, limit, log", keys_at, key, "HTTP/1.1 200", CHAIN),
        (
            "remembered token, scope, limit, log",
            serve(&tokens),
            bearer,
            "HTTP/1.1 200",
            CHAIN,
        ),
        ("401", keys_at, get(""), "HTTP/1.1 401", REFUSED_CHALLENGE),
        ("403", serve(&shut), get(""), "HTTP/1.1 403", REFUSED),
        ("404", plain_at, nowhere, "HTTP/1.1 404", REFUSED),
        ("429", full_at, get(""), "HTTP/1.1 429", REFUSED_LIMIT),
    ];
    for (name, at, request, status, at_most) in cases {
        let calls = calls_per_request(at, &request, status);
        println!("{name}: {calls:.1} heap calls, at most {at_most}");
        assert!(
            calls <= at_most,
            "{name}: {calls:.1} heap calls, more than the {at_most} that are stated"
        );
    }
}
