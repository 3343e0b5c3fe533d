//! Requests through Pingora, one after the other, on one connection.

use std::sync::atomic::Ordering;

use crate::{BOUNDS, Gateway, listening};

#[test]
fn requests_follow_each_other_on_one_connection() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    for path in ["/one", "/two", "/three"] {
        let answer = client.get(path);
        assert_eq!(
            (answer.status, answer.text()),
            (200, format!("path {path}").as_str())
        );
        assert!(answer.head.contains("connection: keep-alive"), "{}", answer.head);
    }
    assert_eq!(client.get("/forbidden").status, 403);
    assert_eq!(client.get("/facts").text(), "clear Exchange");
    gateway.await_open(1);
}

#[test]
fn head_and_body_of_a_small_answer_leave_in_one_send() {
    let gateway = Gateway::start(listening(BOUNDS));
    for path in ["/facts", "/proxied"] {
        let mut client = gateway.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let mut bytes = [0; 4096];
        let count = std::io::Read::read(&mut client.stream, &mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..count]);
        assert!(
            text.ends_with("clear Exchange") || text.ends_with("path /proxied"),
            "{text}"
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    let paths = ["/1", "/slow", "/forbidden", "/4"];
    let requests: String = paths
        .map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .concat();
    client.send(requests);
    let answers: Vec<_> = paths.iter().map(|_| client.answer()).collect();
    assert_eq!(
        answers.iter().map(|answer| answer.status).collect::<Vec<_>>(),
        [200, 200, 403, 200]
    );
    assert_eq!(answers[3].text(), "path /4");
}

#[test]
fn bodies_end_where_they_say_and_the_next_request_begins_there() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    client.send(
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.answer().text(), "path /b");
    let chunked = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\nGET /d HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(chunked);
    assert_eq!(client.answer().text(), "abcde");
    assert_eq!(client.answer().text(), "path /d");
}

#[test]
fn large_bodies_pass_in_both_directions() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    let body = vec![b'z'; 3 * 1024 * 1024];
    client.send(format!(
        "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    let mut writer = client.stream.try_clone().unwrap();
    let sent = body.clone();
    let sender = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &sent).unwrap());
    assert_eq!(client.answer().body, body);
    sender.join().unwrap();
    assert_eq!(client.get("/large").body.len(), 4 * 1024 * 1024);
    assert_eq!(client.get("/after").text(), "path /after");
}

#[test]
fn the_body_of_a_refused_request_does_not_become_a_request() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(format!(
        "POST /forbidden HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{smuggled}",
        smuggled.len()
    ));
    assert_eq!(client.answer().status, 403);
    let rest = client.rest().unwrap_or_default();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(gateway.origin.requests.load(Ordering::Relaxed), 0);
}

#[test]
fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    client.send("POST /forbidden HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
    for _ in 0..30 {
        // The gateway may close its side meanwhile; what counts is that the answer is not destroyed.
        let _ = std::io::Write::write_all(&mut client.stream, &[b'b'; 10_000]);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(client.answer().status, 403);
}

#[test]
fn the_client_decides_when_the_connection_ends() {
    let gateway = Gateway::start(listening(BOUNDS));
    for request in [
        "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /x HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
    ] {
        let mut client = gateway.connect();
        client.send(request);
        assert_eq!(client.answer().status, 200, "{request:?}");
        assert_eq!(client.rest().unwrap(), b"", "{request:?}");
    }
    let mut client = gateway.connect();
    client.send("GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.get("/y").status, 200);
}

#[test]
fn a_switched_protocol_is_a_tunnel_only_after_the_endpoint_agreed() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    let upgrade = "HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.send(format!("GET /websocket {upgrade}"));
    assert_eq!(client.answer().status, 101);
    client.send("ping");
    let mut echoed = [0; 4];
    std::io::Read::read_exact(&mut client.stream, &mut echoed).unwrap();
    assert_eq!(&echoed, b"ping");
    // The endpoint does not switch: what follows is the next request, read as such.
    let mut client = gateway.connect();
    client.send(format!(
        "GET /plain {upgrade}GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
    ));
    assert_eq!(client.answer().text(), "path /plain");
    assert_eq!(client.answer().text(), "path /next");
}

#[test]
fn empty_lines_before_a_request_are_skipped() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    client.send("\r");
    std::thread::sleep(std::time::Duration::from_millis(20));
    client.send("\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().text(), "path /a");
}

#[test]
fn a_head_may_arrive_byte_by_byte_and_be_larger_than_a_block() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    for byte in b"GET /drip HTTP/1.1\r\nHost: a\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.answer().text(), "path /drip");
    let padding = "x".repeat(12_000);
    client.send(format!(
        "GET /big HTTP/1.1\r\nHost: a\r\nPadding: {padding}\r\n\r\n"
    ));
    assert_eq!(client.answer().text(), "path /big");
}

#[test]
fn the_last_answer_survives_a_close_with_unread_requests_behind_it() {
    let gateway = Gateway::start(listening(BOUNDS));
    for _ in 0..20 {
        let mut client = gateway.connect();
        let closing = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        client.send(format!(
            "{closing}{}",
            "GET /b HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2_000)
        ));
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(client.answer().text(), "path /a");
    }
}

#[test]
fn a_client_that_leaves_is_noticed_while_the_endpoint_works() {
    let gateway = Gateway::start(listening(BOUNDS));
    let mut client = gateway.connect();
    assert_eq!(client.get("/a").status, 200);
    client.send("GET /slower HTTP/1.1\r\nHost: a\r\n\r\n");
    std::thread::sleep(std::time::Duration::from_millis(100));
    let start = std::time::Instant::now();
    drop(client);
    gateway.await_open(0);
    // The endpoint would take three seconds.
    assert!(
        start.elapsed() < std::time::Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}
