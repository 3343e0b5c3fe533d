//! Requests in progress: the one too many is refused, and a place comes back however a request ends.

use std::net::{SocketAddr, TcpListener};

use adamant_tests::client::{CARRIERS, get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::idp::api_key_entry;
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Client, Gateway, H2Client, Origin, Policy, Response, Seen, covers, wait};
use http::Method;

const UPGRADE: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// A route under this path with this filter and further keys, each at the beginning of a line.
fn route(name: &str, filters: &str, more: &str) -> String {
    format!(
        "name: {name}\nmatch: {{ path: /{name}/** }}\npublic: true\nto: origin\n{more}\nfilters:\n  - {filters}"
    )
}

/// One place for each address.
const ONE: &str = "in-flight: { by: address, at-most: 1 }";

/// An origin that does what the path ends in; `held` waits for the gate.
async fn origin(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::start(move |seen| script(seen, &gate)).await
}

fn script(seen: &Seen, gate: &Gate) -> Answer {
    let held = Step::Gate(gate.clone());
    match seen.target.rsplit('/').next().unwrap_or_default() {
        "silent" => Answer::silence(),
        "held" => Answer::stream(vec![Step::Data("begun".into()), held]),
        "reset" => Answer::reset(),
        "broken" => Answer::stream(vec![Step::Data("begun".into()), Step::Reset]),
        "socket" if seen.field("upgrade").is_some() => Answer::switch("websocket"),
        _ => Answer::ok("hello"),
    }
}

/// Waits until nothing is in progress, which is a little after the last byte, and takes the place once more.
async fn comes_back(gateway: &Gateway, name: &str) {
    idle(gateway).await;
    let answer = get(gateway.address(), &format!("/{name}/free"), &[]).await;
    assert_eq!(
        answer.status,
        200,
        "the place under {name} comes back: {}",
        answer.text()
    );
    idle(gateway).await;
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// Waits until nothing is in progress.
async fn idle(gateway: &Gateway) {
    gateway.counts("http_server_active_requests", &[], 0.0).await;
}

/// The request is in progress, so that another one of the same key is too many.
async fn is_taken(at: SocketAddr, name: &str) -> Response {
    let answer = get(at, &format!("/{name}/free"), &[]).await;
    assert_eq!(answer.refused(429), "in-flight.too-many", "{name}");
    answer
}

#[tokio::test]
async fn the_one_too_many_is_refused_and_told_when_to_come_again() {
    covers(&[
        "policies.*[].in-flight.by",
        "policies.*[].in-flight.at-most",
        "policies.*[].in-flight.headers",
    ]);
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let two = "in-flight: { by: address, at-most: 2 }\n    id: at-once";
    let policy = Policy::before(&origin)
        .route(&route("two", two, ""))
        .route(&route(
            "silent",
            "in-flight: { by: address, at-most: 1, headers: false }",
            "",
        ));
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    let mut first = Client::connect(at).await;
    first.send(request("GET", "/two/held", &[], "")).await;
    let head = first.read_head().await;
    assert_eq!(
        head.field("ratelimit-policy"),
        Some("\"at-once\";q=2;qu=\"concurrent-requests\"")
    );
    assert_eq!(head.field("ratelimit"), Some("\"at-once\";r=1"));
    let second = get(at, "/two/free", &[]).await;
    assert_eq!(
        (second.status, second.field("ratelimit")),
        (200, Some("\"at-once\";r=0"))
    );
    let mut other = Client::connect(at).await;
    other.send(request("GET", "/two/held", &[], "")).await;
    assert_eq!(other.read_head().await.status, 200);
    let third = is_taken(at, "two").await;
    assert_eq!(third.field("retry-after"), Some("1"));
    assert_eq!(third.field("ratelimit"), Some("\"at-once\";r=0"));
    assert_eq!(
        third.field("ratelimit-policy"),
        Some("\"at-once\";q=2;qu=\"concurrent-requests\"")
    );
    assert!(third.text().contains("at-once"), "{}", third.text());
    // Another address has places of its own.
    let mut stranger = Client::connect_from("127.0.0.9", at).await;
    assert_eq!(stranger.get("/two/free", &[]).await.status, 200);
    gate.open();
    comes_back(&gateway, "two").await;
    let silent = get(at, "/silent/free", &[]).await;
    assert_eq!((silent.status, silent.field("ratelimit-policy")), (200, None));
}

#[tokio::test]
async fn a_place_comes_back_when_the_client_leaves() {
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("one", ONE, ""))).await;
    let at = gateway.address();
    for carrier in CARRIERS {
        for target in ["/one/silent", "/one/held"] {
            let seen = origin.count();
            let mut client = Client::connect(at).await;
            client.send(request("GET", target, carrier, "")).await;
            origin.received(seen + 1).await;
            if target.ends_with("held") {
                client.bytes_with("begun").await;
            }
            is_taken(at, "one").await;
            drop(client);
            comes_back(&gateway, "one").await;
        }
    }
    // In the middle of its own body.
    let mut client = Client::connect(at).await;
    client
        .send("POST /one/free HTTP/1.1\r\nHost: api.test\r\nContent-Length: 100000\r\n\r\nbegin")
        .await;
    // Whoever looks must not come first, and take the place.
    let active = ["http_request_method=\"POST\"", "url_scheme=\"http\""];
    gateway.counts("http_server_active_requests", &active, 1.0).await;
    wait::polled("the upload is in progress", || async {
        (get(at, "/one/free", &[]).await.status == 429).then_some(())
    })
    .await;
    drop(client);
    comes_back(&gateway, "one").await;
}

#[tokio::test]
async fn a_place_comes_back_when_a_stream_of_http2_is_reset() {
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let policy = Policy::before(&origin)
        .public("protocols: [h1, h2]")
        .route(&route("one", ONE, ""));
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    let mut client = H2Client::connect(at).await;
    for target in ["/one/silent", "/one/held"] {
        let seen = origin.count();
        let head = client.head(Method::GET, "api.test", target, &[]);
        let (answer, mut stream) = client.open(head, true).await.expect("a stream");
        origin.received(seen + 1).await;
        is_taken(at, "one").await;
        stream.send_reset(h2::Reason::CANCEL);
        drop(answer);
        comes_back(&gateway, "one").await;
    }
}

#[tokio::test]
async fn a_place_comes_back_when_the_upstream_fails() {
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let nobody = nobody();
    let retried = format!(
        "endpoints: [\"{}\"]\nretry: {{ attempts: 3, on: [connect, reset] }}\ntimeouts: {{ first-byte: 300ms, total: 2s }}",
        origin.address()
    );
    let to_nobody = route("nobody", "use: shared", "").replace("to: origin", "to: nobody");
    let policy = Policy::new()
        .listener("public", "")
        .upstream("origin", &retried)
        .upstream("nobody", &format!("endpoints: [\"{nobody}\"]"))
        .policy("shared", &format!("- {ONE}"))
        .route(&route("one", "use: shared", ""))
        .route(&to_nobody);
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    let rows = [
        ("/one/reset", 502),
        ("/one/silent", 504),
        ("/one/broken", 200),
        ("/nobody/free", 502),
    ];
    for carrier in CARRIERS {
        for (target, status) in rows {
            let seen = origin.count();
            let answer = get(at, target, carrier).await;
            assert_eq!(answer.status, status, "{target} {carrier:?} {}", answer.text());
            if target.ends_with("reset") {
                assert_eq!(origin.count(), seen + 3, "it was tried again");
            }
            comes_back(&gateway, "one").await;
        }
    }
}

#[tokio::test]
async fn a_websocket_has_its_place_until_it_is_closed() {
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let policy = Policy::before(&origin).route(&route("one", ONE, "upgrade: websocket"));
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    let mut client = Client::connect(at).await;
    client.send(request("GET", "/one/socket", &UPGRADE, "")).await;
    assert_eq!(client.read_head().await.status, 101);
    client.send("message").await;
    client.bytes_with("message").await;
    is_taken(at, "one").await;
    drop(client);
    comes_back(&gateway, "one").await;
}

#[tokio::test]
async fn whoever_is_refused_holds_no_place() {
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let refused_below = format!(
        "{ONE}\n  - addresses: {{ allow: [192.0.2.0/24] }}\n    when: {{ headers: {{ x-shut: {{ present: true }} }} }}"
    );
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("one", &refused_below, ""))).await;
    let at = gateway.address();
    for carrier in CARRIERS {
        let mut lines = vec!["X-Shut: 1"];
        lines.extend(carrier);
        for _ in 0..3 {
            let answer = get(at, "/one/free", &lines).await;
            assert_eq!(answer.refused(403), "addresses.outside");
            idle(&gateway).await;
        }
        comes_back(&gateway, "one").await;
    }
    let mut holder = Client::connect(at).await;
    holder.send(request("GET", "/one/held", &[], "")).await;
    assert_eq!(holder.read_head().await.status, 200);
    for _ in 0..5 {
        is_taken(at, "one").await;
    }
    drop(holder);
    comes_back(&gateway, "one").await;
}

#[tokio::test]
async fn a_place_comes_back_when_the_head_is_not_what_it_was() {
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let by_key = "in-flight: { by: \"header:x-key\", at-most: 1, missing: skip }\n    when: { headers: { x-key: { present: true } } }\n  - headers: { request: { remove: [x-key] } }";
    let gateway = Gateway::start(&Policy::before(&origin).route(&route("one", by_key, ""))).await;
    let at = gateway.address();
    for carrier in CARRIERS {
        let mut lines = vec!["X-Key: someone"];
        lines.extend(carrier);
        for target in ["/one/free", "/one/silent", "/one/held"] {
            let seen = origin.count();
            let mut client = Client::connect(at).await;
            client.send(request("GET", target, &lines, "")).await;
            origin.received(seen + 1).await;
            drop(client);
            idle(&gateway).await;
        }
        assert_eq!(get(at, "/one/free", &lines).await.status, 200);
        idle(&gateway).await;
    }
}

#[tokio::test]
async fn a_limit_in_shadow_counts_and_gives_back() {
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let shadowed = format!("{ONE}\n    shadow: true");
    let policy = Policy::before(&origin)
        .route(&route("one", &shadowed, ""))
        .observe("access-log: { to: stdout, format: json }");
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    for _ in 0..3 {
        assert_eq!(get(at, "/one/free", &[]).await.status, 200);
        idle(&gateway).await;
    }
    gateway.logged(3).await;
    assert!(!gateway.stdout().contains("too-many"), "{}", gateway.stdout());
    let mut holder = Client::connect(at).await;
    holder.send(request("GET", "/one/held", &[], "")).await;
    assert_eq!(holder.read_head().await.status, 200);
    let beside = get(at, "/one/free", &[]).await;
    assert_eq!((beside.status, beside.field("retry-after")), (200, None));
    let lines = gateway.logged(4).await;
    assert!(lines[3].to_string().contains("too-many"), "{}", lines[3]);
}

#[tokio::test]
async fn more_keys_than_can_be_counted_are_refused_and_a_missing_key_is_dealt_with() {
    covers(&[
        "policies.*[].in-flight.remember",
        "policies.*[].in-flight.missing",
    ]);
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let by_key = |missing: &str| {
        format!("in-flight: {{ by: \"header:x-key\", at-most: 1, remember: 1, missing: {missing} }}")
    };
    let mut policy = Policy::before(&origin);
    for missing in ["deny", "share", "skip"] {
        policy = policy.route(&route(missing, &by_key(missing), ""));
    }
    let gateway = Gateway::start(&policy).await;
    let at = gateway.address();
    assert_eq!(
        get(at, "/deny/free", &[]).await.refused(400),
        "in-flight.key-missing"
    );
    let mut holder = Client::connect(at).await;
    holder.send(request("GET", "/share/held", &[], "")).await;
    assert_eq!(holder.read_head().await.status, 200);
    assert_eq!(
        get(at, "/share/free", &[]).await.refused(429),
        "in-flight.too-many"
    );
    assert_eq!(
        get(at, "/share/free", &["X-Key: a"]).await.refused(503),
        "in-flight.crowded"
    );
    for _ in 0..3 {
        let mut holder = Client::connect(at).await;
        holder.send(request("GET", "/skip/held", &[], "")).await;
        assert_eq!(holder.read_head().await.status, 200);
    }
}

#[tokio::test]
async fn every_consumer_has_places_of_its_own() {
    let gate = Gate::new();
    let origin = origin(&gate).await;
    let filters = "api-key: { header: x-api-key, keys: { file: keys.yaml } }\n  - in-flight: { by: consumer, at-most: 1 }";
    let keys = [
        api_key_entry("first", "adm_first", "acme", ""),
        api_key_entry("other", "adm_other", "emca", ""),
    ];
    let policy = Policy::before(&origin).route(&route("one", filters, ""));
    let gateway = Setup::new(&policy)
        .file("keys.yaml", format!("keys:\n{}", keys.concat()))
        .start()
        .await;
    let at = gateway.address();
    let mut holder = Client::connect(at).await;
    holder
        .send(request("GET", "/one/held", &["X-Api-Key: adm_first"], ""))
        .await;
    assert_eq!(holder.read_head().await.status, 200);
    let status = async |key: &str| get(at, "/one/free", &[&format!("X-Api-Key: {key}")]).await.status;
    assert_eq!((status("adm_first").await, status("adm_other").await), (429, 200));
}
