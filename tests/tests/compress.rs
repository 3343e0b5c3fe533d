//! Compressed answers: only for clients that take them, and what they stand for is what the origin has sent.

use std::io::Read as _;

use adamant_tests::client::{CARRIERS, get, request};
use adamant_tests::script::{Framing, Gate, Step};
use adamant_tests::{Answer, Client, Gateway, H2Client, Origin, Policy, Response, covers};
use flate2::read::MultiGzDecoder;

const LINE: &str = "{\"name\":\"a line that stands here many times\"}\n";

fn of(body: String, kind: &str) -> Answer {
    let length = body.len() as u64;
    Answer::stream(vec![Step::Data(body.into())])
        .framed(Framing::Length(length))
        .with("content-type", kind)
}

/// An origin with a long answer, of a kind that the path names.
async fn origin() -> Origin {
    Origin::start(|seen| {
        let body = LINE.repeat(2_000);
        match seen.target.rsplit('/').next() {
            Some("chunked") => {
                Answer::stream(vec![Step::Data(body.into())]).with("content-type", "application/json")
            }
            Some("image") => of(body, "image/png"),
            Some("short") => of("{}".to_owned(), "application/json"),
            _ => of(body, "application/json").with("etag", "\"one\""),
        }
    })
    .await
}

fn route(name: &str, config: &str) -> String {
    format!(
        "name: {name}\nmatch: {{ path: /{name}/** }}\npublic: true\nto: origin\nfilters:\n  - compress: {config}"
    )
}

/// The body of an answer without gzip.
fn plain(answer: &Response) -> String {
    let mut text = String::new();
    let mut decoder = MultiGzDecoder::new(&*answer.body);
    decoder.read_to_string(&mut text).expect("a whole body in gzip");
    text
}

#[tokio::test]
async fn an_answer_is_compressed_for_whoever_takes_it() {
    covers(&["policies.*[].compress.codings"]);
    let origin = origin().await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .route(&route("all", "{}"))
        .route(&route("gzip", "{ codings: [gzip] }"));
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    for target in ["/gzip/long", "/gzip/chunked"] {
        for carrier in CARRIERS {
            let lines = [&["Accept-Encoding: br, gzip;q=0.5"], carrier].concat();
            let mut client = Client::connect(at).await;
            for _ in 0..2 {
                let answer = client.get(target, &lines).await;
                assert_eq!(answer.field("content-encoding"), Some("gzip"), "{target}");
                assert_eq!(answer.field("vary"), Some("Accept-Encoding"));
                assert!(
                    answer.body.len() < 2_000 && !answer.truncated,
                    "{}",
                    answer.body.len()
                );
                assert_eq!(plain(&answer), LINE.repeat(2_000));
            }
            let as_it_is = client.get(target, carrier).await;
            assert_eq!(as_it_is.field("content-encoding"), None);
            assert_eq!(as_it_is.text(), LINE.repeat(2_000));
        }
        let mut h2 = H2Client::connect(at).await;
        let answer = h2.get(target, &[("accept-encoding", "gzip")]).await;
        assert_eq!(
            (answer.field("content-encoding"), plain(&answer)),
            (Some("gzip"), LINE.repeat(2_000))
        );
    }
    let tagged = get(at, "/all/long", &["Accept-Encoding: *"]).await;
    assert_eq!(
        (tagged.field("content-encoding"), tagged.field("etag")),
        (Some("zstd"), Some("W/\"one\""))
    );
    let head = Client::connect(at)
        .await
        .exchange(request("HEAD", "/all/long", &["Accept-Encoding: br"], ""))
        .await;
    assert_eq!(
        (head.field("content-encoding"), head.field("content-length")),
        (Some("br"), None)
    );
}

#[tokio::test]
async fn what_is_short_or_of_another_kind_stays_as_it_is() {
    covers(&["policies.*[].compress.at-least", "policies.*[].compress.types"]);
    let origin = origin().await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .route(&route("usual", "{}"))
        .route(&route(
            "every",
            "{ at-least: 1B, types: [image/png, application/json] }",
        ));
    let gateway = Gateway::start(&policy).await;
    for (target, coding) in [
        ("/usual/short", None),
        ("/usual/image", None),
        ("/every/short", Some("gzip")),
        ("/every/image", Some("gzip")),
    ] {
        for carrier in CARRIERS {
            let lines = [&["Accept-Encoding: gzip"], carrier].concat();
            let answer = get(gateway.address(), target, &lines).await;
            assert_eq!(answer.field("content-encoding"), coding, "{target}");
        }
    }
}

#[tokio::test]
async fn events_are_sent_as_they_come() {
    covers(&["policies.*[].compress.flush"]);
    let gates = [Gate::new(), Gate::new()];
    let closed = gates.clone();
    let origin = Origin::start(move |seen| {
        let second = &closed[usize::from(seen.target.ends_with('1'))];
        let steps = vec![
            Step::Data("data: one\n\n".into()),
            Step::Gate(second.clone()),
            Step::Data("data: two\n\n".into()),
        ];
        Answer::stream(steps)
            .framed(Framing::Chunked)
            .with("content-type", "text/event-stream")
    })
    .await;
    let policy = Policy::before(&origin).route(&route(
        "events",
        "{ codings: [gzip], types: [text/event-stream], flush: true }",
    ));
    let gateway = Gateway::start(&policy).await;
    for (number, carrier) in CARRIERS.into_iter().enumerate() {
        let mut client = Client::connect(gateway.address()).await;
        let lines = [&["Accept-Encoding: gzip"], carrier].concat();
        let asked = request("GET", &format!("/events/{number}"), &lines, "");
        client.send(asked).await;
        assert_eq!(client.read_head().await.field("content-encoding"), Some("gzip"));
        // The origin waits with the second event.
        let mut chunks = Vec::new();
        let mut text = String::new();
        while text != "data: one\n\n" {
            chunks.extend(client.bytes().await);
            text = begun(&chunks);
        }
        gates[number].open();
        client.bytes_with("\r\n0\r\n\r\n").await;
    }
}

/// What the chunks so far hold, without gzip.
fn begun(mut chunks: &[u8]) -> String {
    let mut coded = Vec::new();
    while let Some(end) = chunks.windows(2).position(|two| two == b"\r\n") {
        let (size, rest) = (&chunks[..end], &chunks[end + 2..]);
        let size = std::str::from_utf8(size).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        coded.extend_from_slice(&rest[..size.min(rest.len())]);
        chunks = rest.get(size + 2..).unwrap_or_default();
    }
    let mut decoder = MultiGzDecoder::new(&*coded);
    let (mut text, mut piece) = (Vec::new(), [0; 100]);
    while let Ok(read @ 1..) = decoder.read(&mut piece) {
        text.extend_from_slice(&piece[..read]);
    }
    String::from_utf8(text).expect("a text")
}
