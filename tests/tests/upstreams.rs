//! Upstreams: how an endpoint is chosen, when it is left out, how long it may take, and who is asked again.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use adamant_tests::client::{GENERAL, exchange, get, request};
use adamant_tests::policy::{ALL, to, to_all};
use adamant_tests::script::{Gate, Step};
use adamant_tests::{Answer, Client, Gateway, Origin, Policy, Response, covers, wait};

/// The public route `all` to an upstream with these keys.
fn policy(keys: &str) -> Policy {
    Policy::new()
        .listener("public", "")
        .upstream("origin", keys)
        .route(ALL)
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

async fn post(at: SocketAddr) -> Response {
    exchange(at, request("POST", "/", GENERAL, "order")).await
}

/// GETs one after the other, each on a connection of its own; all succeed.
async fn all_succeed(at: SocketAddr, count: usize) {
    for _ in 0..count {
        assert_eq!(get(at, "/", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn round_robin_gives_every_endpoint_its_turn() {
    covers(&["upstreams.*.balance", "upstreams.*.endpoints[]"]);
    let (a, b, c) = (
        Origin::hello().await,
        Origin::hello().await,
        Origin::hello().await,
    );
    let keys = format!("{}\nbalance: round-robin", to_all(&[&a, &b, &c]));
    let gateway = Gateway::start(&policy(&keys)).await;
    for turn in 1..=10 {
        all_succeed(gateway.address(), 3).await;
        assert_eq!((a.count(), b.count(), c.count()), (turn, turn, turn));
    }
}

#[tokio::test]
async fn weights_share_the_requests_exactly() {
    covers(&[
        "upstreams.*.endpoints[].weight",
        "upstreams.*.endpoints[].address",
    ]);
    let (heavy, light) = (Origin::hello().await, Origin::hello().await);
    let keys = format!(
        "endpoints: [{{ address: \"{}\", weight: 3 }}, {{ address: \"{}\" }}]\nbalance: round-robin",
        heavy.address(),
        light.address()
    );
    let gateway = Gateway::start(&policy(&keys)).await;
    for turn in 1..=10 {
        all_succeed(gateway.address(), 4).await;
        assert_eq!((heavy.count(), light.count()), (3 * turn, turn));
    }
}

#[tokio::test]
async fn least_requests_leaves_a_busy_endpoint_alone() {
    covers(&["upstreams.*.balance"]);
    let gate = Gate::new();
    let script = |gate: Gate| {
        move |seen: &adamant_tests::Seen| match seen.target.as_str() {
            "/slow" => Answer::stream(vec![Step::Gate(gate.clone())]),
            _ => Answer::ok("quick"),
        }
    };
    let a = Origin::start(script(gate.clone())).await;
    let b = Origin::start(script(gate.clone())).await;
    let keys = format!("{}\nbalance: least-requests", to_all(&[&a, &b]));
    let gateway = Gateway::start(&policy(&keys)).await;
    let mut slow = Client::connect(gateway.address()).await;
    slow.send(request("GET", "/slow", &[], "")).await;
    wait::until("the slow request arrives", || a.count() + b.count() == 1).await;
    let (busy, free) = if a.count() == 1 { (&a, &b) } else { (&b, &a) };
    // On one connection an exchange is over before the next begins, so that no two of them compete.
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..20 {
        assert_eq!(client.get("/", &[]).await.status, 200);
    }
    assert_eq!((busy.count(), free.count()), (1, 20));
    gate.open();
    assert_eq!(slow.read().await.status, 200);
}

/// An origin whose health a test switches.
async fn patient(healthy: &Arc<AtomicBool>) -> Origin {
    let healthy = Arc::clone(healthy);
    Origin::start(move |seen| {
        let up = healthy.load(Ordering::SeqCst);
        match seen.target.as_str() {
            "/healthz" if !up => Answer::status(503),
            "/healthz" => Answer::status(204),
            _ => Answer::ok("served"),
        }
    })
    .await
}

/// Requests that are no probes.
fn served(origin: &Origin) -> usize {
    let seen = origin.seen();
    seen.iter().filter(|seen| seen.target != "/healthz").count()
}

#[tokio::test]
async fn a_health_check_takes_an_endpoint_out_and_in_again() {
    covers(&[
        "upstreams.*.health.path",
        "upstreams.*.health.every",
        "upstreams.*.health.timeout",
        "upstreams.*.health.up-after",
        "upstreams.*.health.down-after",
    ]);
    let healthy = Arc::new(AtomicBool::new(true));
    let (steady, patient) = (Origin::hello().await, patient(&healthy).await);
    let keys = format!(
        "{}\nhealth: {{ path: /healthz, every: 200ms, timeout: 200ms, up-after: 2, down-after: 2 }}",
        to_all(&[&steady, &patient])
    );
    let gateway = Gateway::start(&policy(&keys)).await;
    let at = gateway.address();
    let reached = async || {
        let before = served(&patient);
        all_succeed(at, 4).await;
        served(&patient) > before
    };
    assert!(reached().await, "a healthy endpoint is used");
    healthy.store(false, Ordering::SeqCst);
    wait::polled("the endpoint is out", async || (!reached().await).then_some(())).await;
    for _ in 0..5 {
        assert!(!reached().await, "an endpoint that is out gets nothing");
    }
    healthy.store(true, Ordering::SeqCst);
    wait::polled("the endpoint is back", async || reached().await.then_some(())).await;
}

#[tokio::test]
async fn one_failed_probe_of_several_takes_nothing_out() {
    covers(&["upstreams.*.health.down-after"]);
    let failing = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&failing);
    let origin = Origin::start(move |seen| {
        // Decided with the whole request, so that exactly one probe fails.
        let fails = seen.target == "/healthz" && seen.complete && told.swap(false, Ordering::SeqCst);
        Answer::status(if fails { 500 } else { 200 })
    })
    .await;
    let keys = format!(
        "{}\nhealth: {{ path: /healthz, every: 150ms, down-after: 2 }}",
        to(&origin)
    );
    let gateway = Gateway::start(&policy(&keys)).await;
    failing.store(true, Ordering::SeqCst);
    wait::until("a probe fails", || !failing.load(Ordering::SeqCst)).await;
    let probed = origin.count();
    while origin.count() < probed + 10 {
        all_succeed(gateway.address(), 1).await;
    }
}

#[tokio::test]
async fn without_a_usable_endpoint_the_answer_is_503() {
    let healthy = Arc::new(AtomicBool::new(false));
    let origin = patient(&healthy).await;
    let keys = format!(
        "{}\nhealth: {{ path: /healthz, every: 50ms, up-after: 1, down-after: 1 }}",
        to(&origin)
    );
    let gateway = Gateway::start(&policy(&keys)).await;
    let at = gateway.address();
    let ask = async |status: u16| {
        let answer = get(at, "/", &[]).await;
        (answer.status == status).then_some(answer)
    };
    let refused = wait::polled("no endpoint is usable", async || ask(503).await).await;
    assert_eq!(refused.refused(503), "upstream.unavailable");
    let before = served(&origin);
    assert_eq!(post(at).await.refused(503), "upstream.unavailable");
    assert_eq!(served(&origin), before, "nothing was sent");
    healthy.store(true, Ordering::SeqCst);
    wait::polled("the endpoint is back", async || ask(200).await).await;
}

#[tokio::test]
async fn a_refused_connection_is_502() {
    let gateway = Gateway::start(&policy(&format!("endpoints: [\"{}\"]", nobody()))).await;
    let answer = get(gateway.address(), "/", &[]).await;
    assert_eq!(answer.refused(502), "upstream.connect");
    assert_eq!(post(gateway.address()).await.refused(502), "upstream.connect");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_503_and_does_not_stop_the_start() {
    let origin = Origin::hello().await;
    let policy = Policy::before(&origin)
        .upstream("lost", "endpoints: [\"lost.invalid:80\"]")
        .route("name: lost\nmatch: { path: /lost }\npublic: true\nto: lost")
        .route(ALL);
    let gateway = Gateway::start(&policy).await;
    let lost = get(gateway.address(), "/lost", &[]).await;
    assert_eq!(lost.refused(503), "upstream.unavailable");
    assert_eq!(get(gateway.address(), "/", &[]).await.status, 200);
}

#[tokio::test]
async fn a_silent_endpoint_is_504_in_time() {
    covers(&["upstreams.*.timeouts.first-byte"]);
    let origin = Origin::start(|_| Answer::silence()).await;
    let keys = format!(
        "{}\ntimeouts: {{ first-byte: 300ms }}\nretry: {{ attempts: 3, on: [connect, reset, \"503\", \"504\"] }}",
        to(&origin)
    );
    let gateway = Gateway::start(&policy(&keys)).await;
    let start = Instant::now();
    let answer = get(gateway.address(), "/", &[]).await;
    assert_eq!(answer.refused(504), "upstream.timeout");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(post(gateway.address()).await.refused(504), "upstream.timeout");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(origin.count(), 2, "whoever is slow is not asked twice");
}

#[tokio::test]
async fn the_total_time_bounds_all_attempts_and_the_body() {
    covers(&["upstreams.*.timeouts.total", "routes[].stream"]);
    let origin = Origin::start(|seen| match seen.target.as_str() {
        "/silent" => Answer::silence(),
        _ => {
            let drip = [Step::Data("drip".into()), Step::Pause(Duration::from_millis(100))];
            Answer::stream(drip.into_iter().cycle().take(20).collect())
        }
    })
    .await;
    let keys = format!("{}\ntimeouts: {{ total: 500ms }}", to(&origin));
    let gateway = Gateway::start(
        &Policy::new()
            .listener("public", "")
            .upstream("origin", &keys)
            .route("name: streamed\nmatch: { path: /streamed }\npublic: true\nto: origin\nstream: true")
            .route(ALL),
    )
    .await;
    let at = gateway.address();
    let start = Instant::now();
    let silent = get(at, "/silent", &[]).await;
    assert_eq!(silent.status, 504, "{silent:?}");
    let dripping = get(at, "/dripping", &[]).await;
    assert_eq!((dripping.status, dripping.truncated), (200, true));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let streamed = get(at, "/streamed", &[]).await;
    assert_eq!(
        (streamed.truncated, streamed.text()),
        (false, "drip".repeat(10)),
        "a route that streams lifts the total time"
    );
}

#[tokio::test]
async fn silence_inside_a_body_ends_the_answer_visibly() {
    covers(&["upstreams.*.timeouts.idle"]);
    let origin = Origin::start(|_| Answer::stream(vec![Step::Data("half".into()), Step::Hang])).await;
    let keys = format!("{}\ntimeouts: {{ idle: 300ms }}", to(&origin));
    let gateway = Gateway::start(&policy(&keys)).await;
    let answer = get(gateway.address(), "/", &[]).await;
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.truncated),
        (200, "half", true)
    );
    wait::until("the endpoint's connection is closed", || {
        origin.open_connections() == 0
    })
    .await;
}

const RETRY: &str = "balance: round-robin\nretry: { attempts: 2, on: [connect, reset, \"503\"] }";

#[tokio::test]
async fn a_get_is_asked_again_at_another_endpoint() {
    covers(&["upstreams.*.retry.attempts", "upstreams.*.retry.on"]);
    for answer in [Answer::reset(), Answer::status(503)] {
        let bad = Origin::start(move |_| answer.clone()).await;
        let good = Origin::hello().await;
        let keys = format!("{}\n{RETRY}", to_all(&[&bad, &good]));
        let gateway = Gateway::start(&policy(&keys)).await;
        all_succeed(gateway.address(), 10).await;
        assert_eq!(good.count(), 10);
        assert!(bad.count() > 0, "the bad one had its turn");
    }
}

#[tokio::test]
async fn attempts_end_at_the_number_of_the_file() {
    covers(&["upstreams.*.retry.attempts"]);
    for (script, status) in [(Answer::reset(), 502), (Answer::status(503), 503)] {
        let origin = Origin::start(move |_| script.clone()).await;
        let keys = format!("{}\nretry: {{ attempts: 3, on: [reset, \"503\"] }}", to(&origin));
        let gateway = Gateway::start(&policy(&keys)).await;
        assert_eq!(get(gateway.address(), "/", &[]).await.status, status);
        assert_eq!(origin.count(), 3);
    }
}

#[tokio::test]
async fn nothing_is_asked_again_unless_the_file_says_so() {
    for (script, status) in [(Answer::reset(), 502), (Answer::status(503), 503)] {
        let origin = Origin::start(move |_| script.clone()).await;
        for keys in [
            to(&origin),
            format!("{}\nretry: {{ attempts: 3, on: [\"502\"] }}", to(&origin)),
        ] {
            origin.forget();
            let gateway = Gateway::start(&policy(&keys)).await;
            assert_eq!(get(gateway.address(), "/", &[]).await.status, status);
            assert_eq!(origin.count(), 1, "{keys}");
        }
    }
}

#[tokio::test]
async fn rfc9110_9_2_2_a_post_is_never_sent_twice() {
    let a = Origin::start(|_| Answer::status(503)).await;
    let b = Origin::start(|_| Answer::status(503)).await;
    let gateway = Gateway::start(&policy(&format!("{}\n{RETRY}", to_all(&[&a, &b])))).await;
    for _ in 0..6 {
        assert_eq!(post(gateway.address()).await.status, 503);
    }
    assert_eq!(a.count() + b.count(), 6);
}

#[tokio::test]
async fn a_post_may_go_elsewhere_while_nothing_was_sent() {
    covers(&["upstreams.*.retry.on"]);
    let origin = Origin::hello().await;
    let keys = format!("endpoints: [\"{}\", \"{}\"]\n{RETRY}", nobody(), origin.address());
    let gateway = Gateway::start(&policy(&keys)).await;
    for number in 1..=6 {
        assert_eq!(post(gateway.address()).await.status, 200);
        assert_eq!((origin.count(), origin.last().body), (number, b"order".to_vec()));
    }
}
