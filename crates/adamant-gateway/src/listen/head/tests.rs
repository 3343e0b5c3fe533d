//! Tables and properties over request heads.

use proptest::prelude::*;

use super::*;

const BOUNDS: HeadBounds = HeadBounds {
    bytes: 1024,
    fields: 20,
    target_bytes: 100,
};

fn judge(head: &str) -> Result<Option<HeadFacts>, &'static str> {
    inspect(head.as_bytes(), &BOUNDS).map_err(Reason::code)
}

fn facts(head: &str) -> HeadFacts {
    judge(head).unwrap().unwrap()
}

#[test]
fn a_plain_head_is_accepted_with_its_facts() {
    let head = "GET /a?b=c HTTP/1.1\r\nHost: a.test:80\r\nAccept: */*\r\nX:\t\u{e4} \r\n\r\n";
    let expected = HeadFacts {
        head_len: head.len(),
        body: BodyFraming::None,
        upgrade: false,
        expect_continue: false,
        http10: false,
        close: false,
    };
    assert_eq!(judge(&format!("{head}rest")), Ok(Some(expected)));
}

#[test]
fn fields_decide_about_body_and_connection() {
    for (fields, body) in [
        ("Content-Length: 0", BodyFraming::None),
        ("content-length:  17 ", BodyFraming::Length(17)),
        ("TRANSFER-ENCODING: Chunked", BodyFraming::Chunked),
    ] {
        assert_eq!(
            facts(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")).body,
            body,
            "{fields}"
        );
    }
    let upgrade =
        facts("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n");
    assert!(upgrade.upgrade && upgrade.close);
    let expects = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n";
    assert!(facts(expects).expect_continue);
    assert!(!facts(&expects.replace("HTTP/1.1", "HTTP/1.0")).expect_continue);
    assert!(facts("GET / HTTP/1.0\r\nHost: a\r\n\r\n").close);
    let kept = facts("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, ,te\r\nUpgrade: x\r\n\r\n");
    assert!(kept.http10 && !kept.close && !kept.upgrade);
}

#[test]
fn targets_have_one_of_three_forms() {
    for (line, host) in [
        ("OPTIONS * HTTP/1.1", "a"),
        ("GET http://a.test/x HTTP/1.1", "A.test"),
        ("GET HTTPS://a.test:1?x HTTP/1.1", "a.test:1"),
        ("GET //x{|}^\\`\"<> HTTP/1.1", "[::1]:8080"),
    ] {
        assert!(
            judge(&format!("{line}\r\nHost: {host}\r\n\r\n")).is_ok(),
            "{line}"
        );
    }
}

fn assert_refused(cases: &[(String, &str)]) {
    for (head, code) in cases {
        assert_eq!(judge(head), Err(*code), "{head:?}");
    }
}

#[test]
fn an_ambiguous_request_line_is_refused() {
    let line = |line: &str| format!("{line}\r\nHost: a\r\n\r\n");
    assert_refused(&[
        (line("GET /  HTTP/1.1"), "target"),
        (line("GET  / HTTP/1.1"), "target"),
        (line("GET / HTTP/1.1 "), "request-line"),
        (line("GET / http/1.1"), "request-line"),
        (line("GET /"), "request-line"),
        (line("GET"), "request-line"),
        (line(" GET / HTTP/1.1"), "method"),
        (line("G(T / HTTP/1.1"), "method"),
        (line("GET / HTTP/1.2"), "version"),
        (line("GET / HTTP/3.0"), "version"),
        (line("GET\t/ HTTP/1.1"), "method"),
        (line("GET /\t HTTP/1.1"), "target"),
        (line("GET /\u{e4} HTTP/1.1"), "target"),
        (line("GET /a#b HTTP/1.1"), "target"),
        (line("GET admin HTTP/1.1"), "target"),
        (line("GET foo:bar HTTP/1.1"), "target"),
        (line("GET * HTTP/1.1"), "target"),
        (line("GET  HTTP/1.1"), "target"),
        (line("CONNECT a:1 HTTP/1.1"), "method-unsupported"),
        (line("TRACE / HTTP/1.1"), "method-unsupported"),
        (line("GET http://b/ HTTP/1.1"), "host"),
        (line("GET http://user@a/ HTTP/1.1"), "host"),
        (
            line(&format!("GET /{} HTTP/1.1", "x".repeat(100))),
            "target-too-long",
        ),
    ]);
}

#[test]
fn an_ambiguous_host_is_refused() {
    let head = |host: &str| format!("GET / HTTP/1.1\r\n{host}\r\n\r\n");
    assert_refused(&[
        (head("Accept: */*"), "host-missing"),
        (head("Host:"), "host-missing"),
        (head("Host: a b"), "host"),
        (head("Host: a,b"), "host"),
        (head("Host: a/b"), "host"),
        (head("Host: user@a"), "host"),
        (head("Host: a\r\nhost: a"), "host-twice"),
    ]);
}

#[test]
fn ambiguous_fields_are_refused() {
    let with = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
    assert_refused(&[
        (with("Content-Length: 1\r\nContent-Length: 1"), "content-length"),
        (with("Content-Length: 1, 1"), "content-length"),
        (with("Content-Length: +1"), "content-length"),
        (with("Content-Length: "), "content-length"),
        (with("Content-Length: 99999999999999999999"), "content-length"),
        (
            with("Content-Length: 1\r\nTransfer-Encoding: chunked"),
            "length-and-coding",
        ),
        (
            with("Transfer-Encoding: chunked\r\nContent-Length: 0"),
            "length-and-coding",
        ),
        (with("Transfer-Encoding: gzip, chunked"), "transfer-coding"),
        (
            with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            "transfer-coding",
        ),
        (with("Transfer-Encoding: identity"), "transfer-coding"),
        (with("Transfer-Encoding: \u{b}chunked"), "control-byte"),
        (
            with("Transfer-Encoding: chunked").replace("/1.1", "/1.0"),
            "coding-in-http10",
        ),
        (with("Transfer-Encoding : chunked"), "field-name"),
        (with(": x"), "field-name"),
        (with("no colon"), "field-name"),
        (with("A\u{e4}: x"), "field-name"),
        (with("A: b\r\n folded"), "obs-fold"),
        (with("A: b\r\n\tfolded"), "obs-fold"),
        (with("A: b\nC: d"), "bare-lf"),
        (with("A: b\rC: d"), "bare-cr"),
        (with("A: \0"), "control-byte"),
        (with("A: \u{7f}"), "control-byte"),
        (with("Connection: x-user-id"), "nomination"),
        (with("Connection: close, authorization"), "nomination"),
        (with("Expect: something"), "expectation"),
        (with(&"A: b\r\n".repeat(20)), "too-many-fields"),
        (with(&format!("A: {}", "b".repeat(1100))), "head-too-large"),
    ]);
}

#[test]
fn every_reason_is_distinct_and_an_error() {
    let mut codes: Vec<_> = reasons::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), reasons::ALL.len());
}

#[test]
fn bounds_hold_exactly() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let exact = HeadBounds {
        bytes: head.len(),
        fields: 1,
        target_bytes: 1,
    };
    assert!(inspect(head.as_bytes(), &exact).is_ok_and(|facts| facts.is_some()));
    let less = HeadBounds {
        bytes: head.len() - 1,
        ..exact
    };
    assert_eq!(
        inspect(head.as_bytes(), &less).unwrap_err().code(),
        "head-too-large"
    );
    let none = HeadBounds {
        target_bytes: 0,
        ..exact
    };
    assert_eq!(
        inspect(head.as_bytes(), &none).unwrap_err().code(),
        "target-too-long"
    );
    let endless = format!("GET /{}", "x".repeat(200));
    assert_eq!(judge(&endless), Err("target-too-long"));
}

#[test]
fn a_search_continues_where_it_ended() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut progress = Progress::default();
    for end in 1..head.len() {
        assert!(!progress.is_due(&head[..end]), "{end}");
    }
    assert!(progress.is_due(head));
    assert!(Progress::default().is_due(b"GET / HTTP/1.1\n"));
}

fn head_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(&b"GET / HTTP/1.1\r\n"[..]),
        Just(&b"GET /a HTTP/1.0\r\n"[..]),
        Just(&b"Host: a\r\n"[..]),
        Just(&b"Content-Length: 3\r\n"[..]),
        Just(&b"Transfer-Encoding: chunked\r\n"[..]),
        Just(&b"A: b\tc\r\n"[..]),
        Just(&b"\r\n"[..]),
        Just(&b" "[..]),
        Just(&b":"[..]),
        Just(&b"\n"[..]),
        Just(&b"x"[..]),
    ];
    (
        prop::collection::vec(piece, 0..8),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    )
        .prop_map(|(pieces, changes)| {
            let mut bytes = pieces.concat();
            for (index, byte) in changes.iter().filter(|_| !pieces.is_empty()) {
                let at = index.index(bytes.len());
                bytes[at] = *byte;
            }
            bytes
        })
}

/// What an independent parser makes of an accepted head.
fn parses(bytes: &[u8]) -> Option<usize> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    match httparse::Request::new(&mut fields).parse(bytes) {
        Ok(httparse::Status::Complete(length)) => Some(length),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = inspect(&bytes, &BOUNDS);
        let _ = Progress::default().is_due(&bytes);
    }

    #[test]
    fn what_is_accepted_is_read_the_same_by_another_parser(bytes in head_like()) {
        if let Ok(Some(facts)) = inspect(&bytes, &BOUNDS) {
            prop_assert_eq!(parses(&bytes), Some(facts.head_len));
        }
    }

    #[test]
    fn a_verdict_does_not_change_when_more_bytes_come(bytes in head_like(), cut in any::<prop::sample::Index>()) {
        let whole = inspect(&bytes, &BOUNDS);
        let part = bytes.get(..cut.index(bytes.len() + 1)).unwrap_or(&bytes);
        match inspect(part, &BOUNDS) {
            Ok(None) => {}
            decided => prop_assert_eq!(decided, whole),
        }
    }

    #[test]
    fn a_search_is_due_no_later_than_a_verdict(bytes in head_like()) {
        if inspect(&bytes, &BOUNDS).is_ok_and(|facts| facts.is_some()) {
            let mut progress = Progress::default();
            prop_assert!((1..=bytes.len()).any(|end| progress.is_due(&bytes[..end])));
        }
    }
}
