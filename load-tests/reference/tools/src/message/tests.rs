//! Messages in one piece and in every cut.

use super::*;

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
    5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n";

const TRAILED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
    1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n";

/// Messages with their status, 0 for requests.
const MESSAGES: [(Kind, &[u8], u16); 7] = [
    (
        Kind::Response,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        200,
    ),
    (Kind::Response, b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    (
        Kind::Response,
        b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        403,
    ),
    (Kind::Response, CHUNKED, 200),
    (Kind::Response, TRAILED, 200),
    (Kind::Request, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    (
        Kind::Request,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        0,
    ),
];

#[test]
fn a_message_ends_where_its_framing_says() {
    for (kind, message, status) in MESSAGES {
        let mut reader = Reader::new(kind);
        let mut bytes = message.to_vec();
        bytes.extend_from_slice(b"next");
        assert_eq!(
            reader.feed(&bytes),
            Ok(message.len()),
            "{}",
            String::from_utf8_lossy(message)
        );
        assert!(reader.is_done());
        assert_eq!(reader.status(), status);
    }
}

#[test]
fn a_message_may_arrive_in_any_two_pieces() {
    for (kind, message, _) in MESSAGES {
        for cut in 0..message.len() {
            let mut reader = Reader::new(kind);
            let (first, second) = message.split_at(cut);
            assert_eq!(reader.feed(first), Ok(cut));
            assert!(
                !reader.is_done(),
                "not whole after {cut} of {} bytes",
                message.len()
            );
            assert_eq!(reader.feed(second), Ok(second.len()));
            assert!(reader.is_done());
        }
    }
}

#[test]
fn a_body_without_length_ends_with_the_connection() {
    let mut reader = Reader::new(Kind::Response);
    assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc"), Ok(22));
    assert!(reader.ends_with_connection() && !reader.is_done());
}

#[test]
fn what_is_no_message_is_refused() {
    for bytes in [
        b"HTTP/1.0 200 OK\r\n\r\n".as_slice(),
        b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
        b"HTTP/1.1 x\r\n\r\n",
    ] {
        assert_eq!(Reader::new(Kind::Response).feed(bytes), Err(Malformed));
    }
    let mut reader = Reader::new(Kind::Response);
    assert_eq!(
        reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        Err(Malformed)
    );
}

#[test]
fn the_next_message_follows_a_restart() {
    let mut reader = Reader::new(Kind::Response);
    for (kind, message, status) in MESSAGES {
        if kind == Kind::Response {
            reader.restart();
            assert_eq!(reader.feed(message), Ok(message.len()));
            assert_eq!(reader.status(), status);
        }
    }
}
