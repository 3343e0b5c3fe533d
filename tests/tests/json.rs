//! Bodies of JSON on both ways through the gateway: what is wrong never reaches the upstream.

use adamant_tests::client::{CARRIERS, exchange, request};
use adamant_tests::{Client, Gateway, H2Client, Origin, Policy, Response, covers};

const JSON: &str = "Content-Type: application/json";

/// A gateway whose only route has `json` with these keys.
async fn under(origin: &Origin, keys: &str) -> Gateway {
    let route = format!(
        "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - json: {{ {keys} }}"
    );
    Gateway::start(&Policy::before(origin).route(&route)).await
}

async fn post(gateway: &Gateway, lines: &[&str], body: &str) -> Response {
    exchange(gateway.address(), request("POST", "/", lines, body)).await
}

/// The status of an answer, and the reason of a refusal.
fn told(answer: &Response) -> (u16, String) {
    let reason = if answer.status < 400 {
        String::new()
    } else {
        answer.reason()
    };
    (answer.status, reason)
}

/// Keys, a body that passes and one that does not, and the refusal.
type Row = (&'static str, &'static str, &'static str, u16, &'static str);

#[rustfmt::skip] // One row a line: it is a table.
const ROWS: [Row; 11] = [
    ("depth: 2", "[[1]]", "[[[1]]]", 400, "json.too-deep"),
    ("members: 1", r#"{"a":1}"#, r#"{"a":1,"b":2}"#, 400, "json.too-many-members"),
    ("name: 2B", r#"{"ab":1}"#, r#"{"abc":1}"#, 400, "json.name-too-long"),
    ("items: 2", "[1,2]", "[1,2,3]", 400, "json.too-many-items"),
    ("string: 2B", r#""ab""#, r#""abc""#, 400, "json.string-too-long"),
    ("values: 3", "[1,2]", "[1,[2]]", 400, "json.too-many-values"),
    ("number-digits: 2", "12", "123", 400, "json.too-many-digits"),
    ("number-range: safe", "9007199254740991", "9007199254740992", 400, "json.out-of-range"),
    ("number-range: any", "1e999", "1e", 400, "json.syntax"),
    ("number-range: double", "1e300", "1e999", 400, "json.out-of-range"),
    ("body-at-most: 7B", "[1,2,3]", "[1,2,34]", 413, "request.body-exceeded"),
];

#[tokio::test]
async fn each_bound_holds_for_bodies_of_json() {
    covers(&[
        "policies.*[].json.depth",
        "policies.*[].json.members",
        "policies.*[].json.name",
        "policies.*[].json.items",
        "policies.*[].json.string",
        "policies.*[].json.values",
        "policies.*[].json.number-digits",
        "policies.*[].json.number-range",
        "policies.*[].json.body-at-most",
    ]);
    let origin = Origin::hello().await;
    for (keys, good, bad, status, reason) in ROWS {
        let gateway = under(&origin, keys).await;
        for carrier in CARRIERS {
            origin.forget();
            let lines: Vec<&str> = carrier.iter().copied().chain([JSON]).collect();
            let passes = post(&gateway, &lines, good).await;
            assert_eq!(told(&passes), (200, String::new()), "{keys} {lines:?}");
            assert_eq!(origin.last().body, good.as_bytes());
            let before = origin.count();
            let refused = post(&gateway, &lines, bad).await;
            assert_eq!(told(&refused), (status, reason.to_owned()), "{keys} {lines:?}");
            assert_eq!(origin.count(), before, "{keys}: nothing of it left");
        }
    }
}

#[tokio::test]
async fn a_refusal_tells_the_byte_and_not_what_stands_there() {
    let origin = Origin::hello().await;
    let gateway = under(&origin, "").await;
    let deep = "[".repeat(10_000);
    let table = [
        (r#"{"token":"hunter2","\u0074oken":1}"#, "duplicate", 31),
        ("{\"hunter2\":\"\\ud800\"}", "surrogate", 18),
        ("[1] hunter2", "trailing", 4),
        ("\u{feff}{}", "bom", 0),
        ("NaN", "syntax", 0),
        (deep.as_str(), "too-deep", 32),
    ];
    for carrier in CARRIERS {
        let lines: Vec<&str> = carrier.iter().copied().chain([JSON]).collect();
        for (body, code, offset) in table {
            let answer = post(&gateway, &lines, body).await;
            assert_eq!(told(&answer), (400, format!("json.{code}")), "{body:.40}");
            assert_eq!(answer.field("content-type"), Some("application/problem+json"));
            let problem = answer.json();
            assert_eq!(
                problem["errors"],
                serde_json::json!([{"offset": offset, "code": code}]),
                "{problem}"
            );
            assert!(!answer.text().contains("hunter2"), "{problem}");
        }
    }
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn what_is_no_json_does_what_the_file_says() {
    covers(&["policies.*[].json.other", "policies.*[].json.empty"]);
    let origin = Origin::hello().await;
    let strict = under(&origin, "other: refuse, empty: refuse").await;
    let lenient = under(&origin, "other: pass, empty: pass").await;
    for carrier in CARRIERS {
        let with = |line| -> Vec<&str> { carrier.iter().copied().chain([line]).collect() };
        let cases = [
            (
                with("Content-Type: text/plain"),
                "{",
                (415, "json.media-type"),
                200,
            ),
            (with("X-None: 1"), "{", (415, "json.media-type"), 200),
            (with(JSON), "", (400, "json.empty"), 200),
            (with("X-None: 1"), "", (400, "json.empty"), 200),
            (
                with("Content-Type: application/json; charset=utf-16"),
                "{}",
                (415, "json.charset"),
                415,
            ),
            (
                with("Content-Type: application/json\r\nContent-Encoding: gzip"),
                "{}",
                (415, "json.coded"),
                415,
            ),
            (
                with("Content-Type: application/json\r\nContent-Type: text/plain"),
                "{}",
                (400, "json.content-type"),
                400,
            ),
        ];
        for (lines, body, (status, reason), lenient_status) in cases {
            let refused = post(&strict, &lines, body).await;
            assert_eq!(told(&refused), (status, reason.to_owned()), "{lines:?} {body}");
            assert_eq!(
                post(&lenient, &lines, body).await.status,
                lenient_status,
                "{lines:?} {body}"
            );
        }
    }
}

#[tokio::test]
async fn a_long_body_may_be_judged_on_its_way() {
    covers(&["policies.*[].json.stream"]);
    let origin = Origin::hello().await;
    let held = under(&origin, "items: 1000000, values: 1000000").await;
    let stream = under(&origin, "items: 1000000, values: 1000000, stream: true").await;
    let body = |last: &str| format!("[{}{last}]", "12345,".repeat(50_000));
    for carrier in CARRIERS {
        let lines: Vec<&str> = carrier.iter().copied().chain([JSON]).collect();
        let good = body("1");
        assert_eq!(
            told(&post(&held, &lines, &good).await),
            (413, "request.body-exceeded".to_owned())
        );
        assert_eq!(
            told(&post(&stream, &lines, &good).await),
            (200, String::new()),
            "{lines:?}"
        );
        assert_eq!(origin.last().body, good.as_bytes());
        // One goes wrong in its last byte, the other ends too early.
        for bad in [body("]"), good.trim_end_matches(']').to_owned()] {
            origin.forget();
            let mut client = Client::connect(stream.address()).await;
            client.send(request("POST", "/", &lines, &bad)).await;
            let answer = client.read().await;
            assert!(answer.status >= 400, "{}", answer.status);
            let seen = origin.seen();
            assert!(seen.iter().all(|seen| !seen.complete), "no whole body arrives");
        }
    }
}

/// A chunked request with these pieces.
fn chunked(carrier: &[&str], pieces: &[&str]) -> String {
    let lines = carrier
        .iter()
        .copied()
        .chain([JSON, "Transfer-Encoding: chunked"]);
    let head: String = lines.map(|line| format!("{line}\r\n")).collect();
    let body: String = pieces
        .iter()
        .map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()))
        .collect();
    format!("POST / HTTP/1.1\r\nHost: api.test\r\n{head}\r\n{body}0\r\n\r\n")
}

#[tokio::test]
async fn however_a_body_arrives_it_is_judged_alike() {
    let origin = Origin::hello().await;
    for keys in ["", "stream: true"] {
        let route = format!(
            "name: all\nmatch: {{ path: /** }}\npublic: true\nto: origin\nfilters:\n  - json: {{ {keys} }}"
        );
        let policy = Policy::before(&origin)
            .public("protocols: [h1, h2]")
            .route(&route);
        let gateway = Gateway::start(&policy).await;
        let mut h2 = H2Client::connect(gateway.address()).await;
        let media = [("content-type", "application/json")];
        let cases: [(&[&str], u16, &str); 4] = [
            (&["{\"a", "\":[1,", "2]}"], 200, ""),
            (&["{\"a\":1,\"", "a\":2}"], 400, "json.duplicate"),
            (&["[1"], 400, "json.truncated"),
            (&[], 400, "json.empty"),
        ];
        for (pieces, status, reason) in cases {
            let expected = (status, reason.to_owned());
            origin.forget();
            let answer = h2.post("/", &media, pieces.concat().as_bytes()).await;
            assert_eq!(told(&answer), expected, "HTTP/2 {keys} {pieces:?}");
            for carrier in CARRIERS {
                let answer = exchange(gateway.address(), chunked(carrier, pieces)).await;
                assert_eq!(told(&answer), expected, "{keys} {carrier:?} {pieces:?}");
            }
            let whole = origin.seen().iter().filter(|seen| seen.complete).count();
            assert_eq!(whole, if status == 200 { 3 } else { 0 }, "{keys} {pieces:?}");
        }
    }
}
