//! Paced answers: never faster than the file says, never in memory, and never beyond the time of the exchange.

use std::time::{Duration, Instant};

use adamant_tests::client::{CARRIERS, get, request};
use adamant_tests::policy::to;
use adamant_tests::script::{Framing, Gate, Step};
use adamant_tests::{Answer, Client, Gateway, H2Client, Origin, Policy, Response, covers, procinfo, wait};

fn route(name: &str, filters: &str, more: &str) -> String {
    format!(
        "name: {name}\nmatch: {{ path: /{name}/** }}\npublic: true\nto: origin\n{more}\nfilters:\n  - {filters}"
    )
}

/// An origin whose answers have as many KiB as the path ends in.
async fn origin() -> Origin {
    Origin::start(|seen| {
        let kib: u64 = seen
            .target
            .rsplit('/')
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let body = Answer::stream(vec![Step::Fill(kib << 10)]);
        if seen.target.contains("chunked") {
            body
        } else {
            body.framed(Framing::Length(kib << 10))
        }
    })
    .await
}

#[tokio::test]
async fn an_answer_takes_as_long_as_its_pace_wants() {
    covers(&[
        "policies.*[].bandwidth.response",
        "policies.*[].bandwidth.burst",
        "policies.*[].bandwidth.headers",
    ]);
    let origin = origin().await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .route(&route(
            "slow",
            "bandwidth: { response: 64KiB/s, burst: 32KiB }",
            "",
        ))
        .route(&route(
            "quiet",
            "bandwidth: { response: 64KiB/s, headers: false }",
            "",
        ));
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    // 96 KiB beyond the burst.
    let least = Duration::from_millis(1_500);
    for target in ["/slow/128", "/slow/chunked/128"] {
        for carrier in CARRIERS {
            let begun = Instant::now();
            let answer = get(at, target, carrier).await;
            assert_eq!(
                (answer.status, answer.body.len(), answer.truncated),
                (200, 128 << 10, false)
            );
            assert!(
                begun.elapsed() >= least,
                "{target} {carrier:?} {:?}",
                begun.elapsed()
            );
            assert_eq!(
                answer.field("ratelimit-policy"),
                Some("\"bandwidth\";q=32768;w=1;qu=\"content-bytes\"")
            );
            assert_eq!(answer.field("ratelimit"), None);
        }
    }
    let mut h2 = H2Client::connect(at).await;
    let begun = Instant::now();
    let answer = h2.get("/slow/128", &[]).await;
    assert_eq!(
        (answer.status, answer.body.len(), answer.truncated),
        (200, 128 << 10, false)
    );
    assert!(begun.elapsed() >= least, "{:?}", begun.elapsed());
    let quiet = get(at, "/quiet/1", &[]).await;
    assert_eq!((quiet.status, quiet.field("ratelimit-policy")), (200, None));
}

#[tokio::test]
async fn answers_over_http2_from_an_upstream_of_http2_are_paced() {
    let origin = Origin::start_h2(|_| Answer::stream(vec![Step::Fill(96 << 10)])).await;
    let policy = Policy::new()
        .listener("public", "protocols: [h1, h2]")
        .upstream("origin", &format!("{}\nprotocol: h2", to(&origin)))
        .route(&route(
            "slow",
            "bandwidth: { response: 64KiB/s, burst: 32KiB }",
            "",
        ));
    let gateway = Gateway::start(&policy).await;
    let mut h2 = H2Client::connect(gateway.address()).await;
    let begun = Instant::now();
    let answer = h2.get("/slow/x", &[]).await;
    assert_eq!(
        (answer.status, answer.body.len(), answer.truncated),
        (200, 96 << 10, false)
    );
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn answers_of_one_key_share_their_pace() {
    covers(&[
        "policies.*[].bandwidth.by",
        "policies.*[].bandwidth.missing",
        "policies.*[].bandwidth.remember",
    ]);
    let origin = origin().await;
    let by_key = "bandwidth: { response: 32KiB/s, burst: 32KiB, by: \"header:x-key\", missing: skip, remember: 1 }\n  - headers: { request: { remove: [x-key] } }";
    let by_deny = by_key.replace("missing: skip", "missing: deny");
    let policy = Policy::before(&origin)
        .route(&route("all", by_key, ""))
        .route(&route("deny", &by_deny, ""));
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    let begun = Instant::now();
    for carrier in CARRIERS {
        let mut lines = vec!["X-Key: a"];
        lines.extend(carrier);
        assert_eq!(get(at, "/all/32", &lines).await.body.len(), 32 << 10);
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "the second one had to wait"
    );
    // What has no key is not paced: at this pace it would take longer than any test.
    assert_eq!(get(at, "/all/1024", &[]).await.body.len(), 1 << 20);
    assert_eq!(
        get(at, "/deny/1", &[]).await.refused(400),
        "bandwidth.key-missing"
    );
    // There is room for one key, so that the one in debt is forgotten.
    assert_eq!(get(at, "/all/64", &["X-Key: a"]).await.body.len(), 64 << 10);
    assert_eq!(get(at, "/all/1", &["X-Key: b"]).await.body.len(), 1 << 10);
    assert!(gateway.metric("adamant_bandwidth_forgotten_total", &[]).await >= Some(1.0));
}

/// Cut short, or refused where the head still waited for its first pieces.
fn is_cut(answer: &Response) -> bool {
    match answer.status {
        200 => answer.truncated,
        _ => answer.refused(504) == "upstream.total-timeout",
    }
}

#[tokio::test]
async fn the_total_time_still_holds() {
    let origin = origin().await;
    let policy = Policy::new()
        .listener("public", "protocols: [h1, h2]")
        .upstream("origin", &format!("{}\ntimeouts: {{ total: 1s }}", to(&origin)))
        .route(&route(
            "slow",
            "bandwidth: { response: 1KiB/s, burst: 64KiB }",
            "",
        ))
        .route(&route("late", "bandwidth: { response: 1KiB/s, burst: 1KiB }", ""));
    let gateway = Gateway::start(&policy).await;
    for carrier in CARRIERS {
        let answer = get(gateway.address(), "/slow/chunked/512", carrier).await;
        assert!(
            is_cut(&answer),
            "{carrier:?} {} {}",
            answer.status,
            answer.truncated
        );
        gateway.counts("http_server_active_requests", &[], 0.0).await;
    }
    let mut h2 = H2Client::connect(gateway.address()).await;
    let cut = h2.get("/slow/512", &[]).await;
    assert!(is_cut(&cut), "{} {}", cut.status, cut.truncated);
    // The head of an answer goes with its first piece, if the endpoint sent them together.
    let late = h2.get("/late/64", &[]).await;
    assert!(is_cut(&late), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_waits_at_the_endpoint() {
    let origin = origin().await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .route(&route(
            "slow",
            "bandwidth: { response: 1MiB/s, burst: 1MiB }",
            "stream: true",
        ));
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    assert_eq!(get(at, "/slow/1", &["Connection: close"]).await.status, 200);
    let before = procinfo::resident_bytes(gateway.pid());
    // 1 GiB each, which loopback would bring in a moment.
    let mut clients = Vec::new();
    for carrier in CARRIERS {
        let mut client = Client::connect(at).await;
        client.send(request("GET", "/slow/1048576", carrier, "")).await;
        assert_eq!(client.read_head().await.status, 200);
        clients.push(client);
    }
    for client in &mut clients {
        assert!(client.skip(3 << 20).await);
    }
    let mut h2 = H2Client::connect(at).await;
    let head = h2.head(http::Method::GET, "api.test", "/slow/1048576", &[]);
    let (answer, _stream) = h2.open(head, true).await.expect("a stream");
    let mut body = wait::soon("a head", answer).await.expect("an answer").into_body();
    let mut read = 0;
    while read < 3 << 20 {
        let data = wait::soon("a piece", body.data())
            .await
            .expect("more")
            .expect("whole");
        body.flow_control()
            .release_capacity(data.len())
            .expect("a window");
        read += data.len();
    }
    let grown = procinfo::peak_resident_bytes(gateway.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "grew by {} KiB", grown >> 10);
}

#[tokio::test]
async fn whoever_leaves_is_not_waited_for() {
    let origin = origin().await;
    let filters = "bandwidth: { response: 1KiB/s, burst: 64KiB }";
    let gateway =
        Gateway::start(&Policy::before(&origin).route(&route("slow", filters, "stream: true"))).await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(request("GET", "/slow/512", &[], "")).await;
    assert_eq!(client.read_head().await.status, 200);
    drop(client);
    gateway.counts("http_server_active_requests", &[], 0.0).await;
}

/// A gateway whose only place, at the endpoint and in a filter, is taken while an answer is on its way. Behind its
/// first bytes comes what waits for its pace for longer than any test.
async fn with_one_place(gate: &Gate) -> (Origin, Gateway) {
    let gate = gate.clone();
    let origin = Origin::start(move |_| {
        let steps = vec![
            Step::Data("begun".into()),
            Step::Gate(gate.clone()),
            Step::Fill(512 << 10),
        ];
        Answer::stream(steps).early()
    })
    .await;
    let filters = "in-flight: { by: route, at-most: 1 }\n  - bandwidth: { response: 1KiB/s, burst: 1KiB }";
    let policy = Policy::new()
        .listener("public", "protocols: [h1, h2]")
        .upstream("origin", &format!("{}\nlimits: {{ in-flight: 1 }}", to(&origin)))
        .route(&route("slow", filters, "stream: true"));
    let gateway = Gateway::start(&policy).await;
    (origin, gateway)
}

/// Whoever waits for the condition of a test waits for a quarter of the minute for which a piece of an answer does.
async fn places_come_back(gateway: &Gateway) {
    for name in [
        "http_server_active_requests",
        "adamant_upstream_endpoint_in_flight",
    ] {
        gateway.counts(name, &[], 0.0).await;
    }
}

/// The endpoint's place is taken, and has been for as long as it takes to ask twice.
async fn place_stays_taken(gateway: &Gateway) {
    for _ in 0..2 {
        gateway
            .counts("adamant_upstream_endpoint_in_flight", &[], 1.0)
            .await;
    }
}

#[tokio::test]
async fn places_of_clients_of_http1_that_left_a_paced_answer_come_back() {
    let unfinished = ["Content-Length: 500000"];
    let chunked = ["Transfer-Encoding: chunked"];
    let cases: [(&str, &[&str], usize); 5] = [
        ("GET", CARRIERS[0], 0),
        ("GET", CARRIERS[1], 0),
        ("POST", &unfinished, 1),
        // Lies before the end of the connection, unread.
        ("POST", &unfinished, 40_000),
        ("POST", &chunked, 0),
    ];
    for (method, lines, sent) in cases {
        let gate = Gate::new();
        let (_origin, gateway) = with_one_place(&gate).await;
        let mut client = Client::connect(gateway.address()).await;
        client.send(request(method, "/slow/x", lines, "")).await;
        assert_eq!(client.read_head().await.status, 200, "{method} {lines:?}");
        gate.open();
        client.send(vec![b'x'; sent]).await;
        place_stays_taken(&gateway).await;
        drop(client);
        places_come_back(&gateway).await;
    }
}

#[tokio::test]
async fn places_of_streams_of_http2_that_left_a_paced_answer_come_back() {
    for (method, closes) in [("GET", false), ("GET", true), ("POST", false), ("POST", true)] {
        let gate = Gate::new();
        let (_origin, gateway) = with_one_place(&gate).await;
        let mut h2 = H2Client::connect(gateway.address()).await;
        let head = h2.head(method.parse().expect("a method"), "api.test", "/slow/x", &[]);
        let (answer, upload) = h2.open(head, method == "GET").await.expect("a stream");
        let answer = wait::soon("a head", answer).await.expect("an answer");
        assert_eq!(answer.status(), 200, "{method}");
        gate.open();
        place_stays_taken(&gateway).await;
        let connection = (!closes).then_some(h2);
        drop((answer, upload));
        places_come_back(&gateway).await;
        drop(connection);
    }
}

#[tokio::test]
async fn a_connection_goes_on_behind_a_paced_answer() {
    let origin = origin().await;
    let filters = "bandwidth: { response: 64KiB/s, burst: 16KiB }";
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("slow", filters, ""))).await;
    for carrier in CARRIERS {
        let mut client = Client::connect(gateway.address()).await;
        for target in ["/slow/24", "/slow/chunked/24", "/slow/24"] {
            let answer = client.get(target, carrier).await;
            assert_eq!(
                (answer.status, answer.body.len(), answer.truncated),
                (200, 24 << 10, false),
                "{target} {carrier:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_pace_in_shadow_holds_nothing_up() {
    let origin = origin().await;
    let filters = "bandwidth: { response: 1KiB/s, burst: 1KiB }\n    shadow: true";
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("slow", filters, ""))).await;
    for carrier in CARRIERS {
        // At that pace it would take minutes.
        assert_eq!(
            get(gateway.address(), "/slow/512", carrier).await.body.len(),
            512 << 10
        );
    }
}
