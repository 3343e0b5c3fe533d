//! What the gateway adds on the heap to Pingora's own sessions, counted beside them in one process.
//!
//! The decision itself allocates nothing (`costs`). Each number here is the whole exchange: accept loop, head, decision,
//! outgoing head, answer, record, meters, access log. One connection, kept by both sides.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod ends;
mod gateway;
mod heap;
mod peers;

use std::net::SocketAddr;

/// What a plain exchange may cost beyond the sessions. 21 were counted, all for five fields that any gateway must
/// set: `X-Forwarded-For`, `-Proto` and `-Host`, and `X-Request-Id` on both sides.
///
/// | calls | what for |
/// |---:|---|
/// | 3 | their values: the address, and the id twice |
/// | 10 | their names, which Pingora makes and shares anew for each field |
/// | 8 | the two maps of either head (values, and names as spelled), which grow by them |
const PLAIN_MAX: u64 = 21 + TIMERS;

/// Pingora makes a timer for each ten milliseconds in which somebody waits, so that a machine under load makes
/// some more of them than a quiet one.
const TIMERS: u64 = 2;

/// A chain, what it may cost beyond the plain path, and what was counted for which reason.
struct Chain {
    name: &'static str,
    path: &'static str,
    credential: Option<Credential>,
    at_most: u64,
}

#[derive(Clone, Copy)]
enum Credential {
    Key,
    Token,
}

const CHAINS: [Chain; 4] = [
    // Counted: 11, for a field that the endpoint sees and one that the client sees: names, and the growth of
    // three heads. Their values are shared.
    chain("header changes", "/changes/items/7", None, 11 + TIMERS),
    // Counted: 11, for `RateLimit` and `RateLimit-Policy`: a value, two names, and the growth of the answer.
    chain(
        "API key, rate",
        "/key/items/7",
        Some(Credential::Key),
        11 + TIMERS,
    ),
    // Counted: 9, for the same; an `Authorization` that is taken away leaves room in the head.
    chain(
        "token, rate, scopes",
        "/token/items/7",
        Some(Credential::Token),
        9 + TIMERS,
    ),
    // Counted: 11; guards cost nothing.
    chain(
        "guards, API key, rate, scopes",
        "/full/items/7",
        Some(Credential::Key),
        11 + TIMERS,
    ),
];

const fn chain(
    name: &'static str,
    path: &'static str,
    credential: Option<Credential>,
    at_most: u64,
) -> Chain {
    Chain {
        name,
        path,
        credential,
        at_most,
    }
}

/// A request that is refused, and what its whole exchange may cost, the session included: nothing else is needed.
struct Refused {
    status: u16,
    path: &'static str,
    credential: Option<Credential>,
    at_most: u64,
}

const REFUSED: [Refused; 4] = [
    // Counted: 11, those of the session.
    refused(404, "/nowhere", None, 11 + TIMERS),
    refused(403, "/outside/items/7", None, 11 + TIMERS),
    // Counted: 24 and 33. Before the answer is written, `rate` adds its fields to it; and the challenge is one.
    refused(401, "/key/items/7", None, 24 + TIMERS),
    refused(429, "/exhausted/items/7", Some(Credential::Key), 33 + TIMERS),
];

const fn refused(status: u16, path: &'static str, credential: Option<Credential>, at_most: u64) -> Refused {
    Refused {
        status,
        path,
        credential,
        at_most,
    }
}

/// Exchanges at a time in the gateway that sheds.
const IN_FLIGHT: usize = 3;

const OVERLOAD: &str = "overload: { in-flight: 3, queue-delay: 10s }\n";

/// What a request that is shed may cost in all. Counted: 11, those of the session.
const SHED_MAX: u64 = 11 + TIMERS;

fn request(path: &str, credential: Option<Credential>) -> String {
    let credential = match credential {
        None => String::new(),
        Some(Credential::Key) => format!("X-Api-Key: {}\r\n", gateway::key().key()),
        Some(Credential::Token) => format!("Authorization: Bearer {}\r\n", gateway::TOKEN),
    };
    format!(
        "GET {path}?limit=10 HTTP/1.1\r\nHost: api.example.test\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n{credential}\r\n"
    )
}

#[test]
fn the_gateway_adds_few_heap_calls_to_those_of_the_sessions() {
    let folder = gateway::folder();
    let origin = ends::origin();
    let plain = request("/plain/items/7", None);
    let bare = ends::calls_per_exchange(peers::bare(origin), &plain, 200);
    let sessions = ends::calls_per_exchange(peers::sessions(origin), &plain, 200);
    println!("bare Pingora: {bare}; its sessions alone: {sessions}");
    let silent = gateway::start(&folder, origin, "");
    let logged = gateway::start(
        &folder,
        origin,
        "observe: { access-log: { to: { file: access.log } } }\n",
    );
    let added = ends::calls_per_exchange(silent, &plain, 200).saturating_sub(sessions);
    println!("plain: {added} more, at most {PLAIN_MAX}");
    assert!(
        added <= PLAIN_MAX,
        "the plain path makes {added} heap calls of its own"
    );
    assert!(
        sessions + added <= bare,
        "the plain path makes no more than bare Pingora: {bare}"
    );
    let with_log = ends::calls_per_exchange(logged, &plain, 200);
    assert!(
        with_log <= sessions + added + TIMERS,
        "a line in the access log allocates nothing: {with_log}, and {} without",
        sessions + added
    );
    for chain in &CHAINS {
        let asked = request(chain.path, chain.credential);
        let calls = ends::calls_per_exchange(logged, &asked, 200).saturating_sub(with_log);
        println!(
            "{}: {calls} more than plain, at most {}",
            chain.name, chain.at_most
        );
        assert!(
            calls <= chain.at_most,
            "{}: {calls} more than the plain path",
            chain.name
        );
    }
    // One more than without a body: what it is kept in.
    let body = "x".repeat(4092);
    let posted = plain.replacen("GET", "POST", 1).replacen(
        "\r\n\r\n",
        &format!("\r\nContent-Length: 4096\r\n\r\n{body}\r\n\r\n"),
        1,
    );
    let with_body = ends::calls_per_exchange(silent, &posted, 200);
    println!("POST of 4 KiB: {with_body}");
    assert!(
        with_body <= sessions + added + 1 + TIMERS,
        "a body of 4 KiB: {with_body}"
    );
    refusals_cost_little(logged);
    let protected = gateway::start(&folder, origin, OVERLOAD);
    shedding_costs_little(protected, &plain, sessions + added);
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

/// With protection against overload the plain path costs no more, and a request that is shed as much as one that
/// is refused.
fn shedding_costs_little(gateway: SocketAddr, plain: &str, unprotected: u64) {
    let protected = ends::calls_per_exchange(gateway, plain, 200);
    println!("with protection against overload: {protected}, and {unprotected} without");
    assert!(
        protected <= unprotected + TIMERS,
        "protection makes {protected} heap calls, and {unprotected} are made without"
    );
    let held: Vec<_> = (0..IN_FLIGHT)
        .map(|_| ends::held_exchange(gateway, "/plain/items/7"))
        .collect();
    let shed = ends::calls_per_exchange(gateway, plain, 503);
    println!("503: {shed} in all, at most {SHED_MAX}");
    assert!(shed <= SHED_MAX, "what is shed makes {shed} heap calls");
    drop(held);
}

fn refusals_cost_little(gateway: SocketAddr) {
    // Uses up what `exhausted` allows.
    ends::first_exchange(
        gateway,
        &request("/exhausted/items/7", Some(Credential::Key)),
        200,
    );
    for case in &REFUSED {
        let asked = request(case.path, case.credential);
        let calls = ends::calls_per_exchange(gateway, &asked, case.status);
        println!("{}: {calls} in all, at most {}", case.status, case.at_most);
        assert!(
            calls <= case.at_most,
            "a {} makes {calls} heap calls",
            case.status
        );
    }
}
