//! Overload protection: who is refused first when there is more to do than can be done, and that the others never
//! notice.
//!
//! Client, endpoint and gateway share the processors of one machine here. So this shows that the gateway protects
//! what matters while one of its workers has three times as much to do as it can, not how much it can do.

#[path = "overload/load.rs"]
mod load;

use std::cell::Cell;
use std::time::Duration;

use adamant_tests::client::{self, CARRIERS, get};
use adamant_tests::gateway::Setup;
use adamant_tests::script::{Gate, Step};
use adamant_tests::{
    Adamant, Answer, Client, Gateway, H2Client, Idp, Origin, Policy, Response, covers, procinfo, wait,
};
use jsonwebtoken::Algorithm;
use load::{Load, Probes, percentile};
use serde_json::json;

const LOCAL: &str = "Host: localhost";

/// Three routes to one origin, by priority, with further keys.
fn by_priority(origin: &Origin, overload: &str, filters: &str) -> Policy {
    let policy = Policy::before(origin)
        .public("protocols: [h1, h2]")
        .observe("access-log: { to: stdout }")
        .top(&format!("overload: {{ {overload} }}"));
    let route = |name: &str, priority: &str| {
        format!("name: {name}\nmatch: {{ path: /{name} }}\npublic: true\nto: origin{priority}{filters}")
    };
    policy
        .route(&route("low", "\npriority: low"))
        .route(&route("usual", ""))
        .route(&route("high", "\npriority: high"))
}

/// An origin whose answers come when the gate opens.
async fn gated(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::start(move |_| Answer::stream(vec![Step::Gate(gate.clone()), Step::Data("late".into())])).await
}

fn shed(answer: &Response) {
    assert_eq!(answer.refused(503), "gateway.overloaded", "{}", answer.text());
    assert_eq!(answer.field("retry-after"), Some("10"));
    let problem = answer.json();
    assert_eq!(
        problem["type"],
        "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
    );
    assert_eq!(problem["violated-policies"], json!(["overload"]));
}

/// Begins an exchange that stays in flight; its answer is for the caller to read.
async fn begin(gateway: &Gateway, path: &str) -> Client {
    let mut client = Client::connect(gateway.address()).await;
    client.send(client::request("GET", path, &[], "")).await;
    client
}

#[tokio::test]
async fn what_matters_least_is_refused_first() {
    covers(&["overload.in-flight", "routes[].priority"]);
    let gate = Gate::new();
    let origin = gated(&gate).await;
    let limit = "\nfilters:\n  - rate: { by: route, allow: 1/d, burst: 20 }";
    let policy = by_priority(&origin, "in-flight: 8, queue-delay: 10s", limit);
    let gateway = Setup::new(&policy).workers(1).start().await;
    let mut held = Vec::new();
    // Of eight, six are for anybody, one more for what is usual, and the last one for what is of high priority.
    for (path, count) in [("/low", 6), ("/usual", 1), ("/high", 1)] {
        for lines in CARRIERS {
            if path != "/low" {
                shed(&get(gateway.address(), "/low", lines).await);
            }
            if path == "/high" {
                shed(&get(gateway.address(), "/usual", lines).await);
            }
        }
        let before = origin.count();
        for _ in 0..count {
            held.push(begin(&gateway, path).await);
        }
        wait::until("they are in flight", || origin.count() == before + count).await;
    }
    for lines in CARRIERS {
        shed(&get(gateway.address(), "/high", lines).await);
    }
    let mut over_h2 = H2Client::connect(gateway.address()).await;
    shed(&over_h2.get("/high", &[]).await);
    assert_eq!(origin.count(), 8, "nothing that was shed went further");
    // Nor is anything else done in vain: what has no route costs nothing, and operators are answered.
    assert_eq!(get(gateway.address(), "/absent", &[]).await.status, 404);
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(gateway.admin(), path, &[LOCAL]).await.status, 200, "{path}");
    }
    for (priority, count) in [("low", 4.0), ("normal", 2.0), ("high", 3.0)] {
        let label = format!("priority=\"{priority}\"");
        gateway
            .counts("adamant_shed_requests_total", &[&label], count)
            .await;
    }
    let refusals = ["filter=\"gateway\"", "reason=\"overloaded\""];
    gateway.counts("adamant_decisions_total", &refusals, 9.0).await;
    gate.open();
    for client in &mut held {
        assert_eq!(client.read().await.status, 200);
    }
    // What was shed was charged nothing: 20 of each, less those that passed.
    for (path, left) in [("/low", 14), ("/usual", 19), ("/high", 19)] {
        for _ in 0..left {
            wait::polled(format!("{path} is let in again"), || async {
                let answer = get(gateway.address(), path, &[]).await;
                (answer.status == 200).then_some(())
            })
            .await;
        }
        assert_eq!(
            get(gateway.address(), path, &[]).await.refused(429),
            "rate.exhausted"
        );
    }
}

#[tokio::test]
async fn whoever_leaves_makes_room() {
    let gate = Gate::new();
    let origin = gated(&gate).await;
    let policy = by_priority(&origin, "in-flight: 1, queue-delay: 10s", "");
    let gateway = Setup::new(&policy).workers(1).start().await;
    let active = ["http_request_method=\"GET\"", "url_scheme=\"http\""];
    for (number, lines) in CARRIERS.into_iter().cycle().take(6).enumerate() {
        let mut client = Client::connect(gateway.address()).await;
        client.send(client::request("GET", "/low", lines, "")).await;
        wait::until("it is in flight", || origin.count() == number + 1).await;
        shed(&get(gateway.address(), "/low", lines).await);
        drop(client);
        gateway.counts("http_server_active_requests", &active, 0.0).await;
    }
    gate.open();
    assert_eq!(get(gateway.address(), "/low", &[]).await.status, 200);
}

#[tokio::test]
async fn the_log_says_what_was_shed_and_explanations_never_are() {
    let gate = Gate::new();
    let origin = gated(&gate).await;
    let policy = by_priority(&origin, "in-flight: 1, queue-delay: 10s", "");
    let gateway = Setup::new(&policy).workers(1).start().await;
    let mut held = begin(&gateway, "/high").await;
    wait::until("it is in flight", || origin.count() == 1).await;
    shed(&get(gateway.address(), "/high", &[]).await);
    let line = gateway.logged(1).await[0].clone();
    assert_eq!(
        (&line["reason"], &line["route"], &line["status"]),
        (&json!("gateway.overloaded"), &json!("high"), &json!(503))
    );
    for (path, priority) in [("low", "low"), ("usual", "normal"), ("high", "high")] {
        let url = format!("http://api.test/{path}");
        let told = Adamant::run(gateway.folder().path(), &["explain", "--url", &url, "--json"]).await;
        let told = told.exits(0).json();
        assert_eq!(
            (&told["priority"], &told["upstream"]),
            (&json!(priority), &json!("origin"))
        );
    }
    let posture = Adamant::run(gateway.folder().path(), &["show", "--posture"]).await;
    let posture = posture.exits(0).stdout;
    assert!(
        posture.contains("priority: high") && posture.contains("priority: low"),
        "{posture}"
    );
    gate.open();
    assert_eq!(held.read().await.status, 200);
}

#[tokio::test]
async fn a_bound_that_leaves_a_worker_without_any_exchange_does_not_start() {
    let origin = Origin::hello().await;
    let policy = by_priority(&origin, "in-flight: 3, queue-delay: 50ms", "");
    let ended = Setup::new(&policy).workers(4).refuses().await;
    assert_eq!(ended.code, Some(3), "{}", ended.text());
    assert!(ended.stderr.contains("overload.in-flight"), "{}", ended.stderr);
}

/// How long the endpoint of what matters takes.
const ENDPOINT: Duration = Duration::from_millis(150);

/// How long work may wait in the gateway.
const TARGET_MILLIS: u32 = 10;

/// Signatures that are checked for each request of low priority, none of them remembered: what it costs.
const SIGNATURES: usize = 16;

const ROUNDS: usize = 5;

/// How long each half of a round is measured.
const MEASURED: Duration = Duration::from_millis(1200);

/// One worker with a route of low priority that costs much, and one of high priority that costs little. What costs
/// much is also there with high priority, where it can be asked how much of it can be done.
async fn costly(idp: &Idp, origin: &Origin) -> Gateway {
    let jwt = "- jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, \
               algorithms: [ES384], type: at+jwt, remember: 0, forward: true }\n";
    let costly = |name: &str, priority: &str| {
        format!(
            "name: {name}\nmatch: {{ path: /{name} }}\npriority: {priority}\n\
             filters: [{{ use: costly }}]\nrespond: {{ status: 200, text: done }}"
        )
    };
    let overload = format!("overload: {{ in-flight: 10000, queue-delay: {TARGET_MILLIS}ms }}");
    let policy = Policy::before(origin)
        .top(&overload)
        .policy("costly", &jwt.repeat(SIGNATURES))
        .route("name: vital\nmatch: { path: /vital }\npublic: true\npriority: high\nto: origin")
        .route(&costly("bulk", "low"))
        .route(&costly("all", "high"));
    Setup::new(&policy)
        .file("jwks.json", idp.jwks())
        .workers(1)
        .start()
        .await
}

/// The part of low priority that is being shed.
async fn shed_ratio(gateway: &Gateway) -> f64 {
    let ratio = gateway.metric("adamant_shed_ratio", &["priority=\"low\""]).await;
    ratio.expect("the gateway tells it")
}

/// Measured delays: those within so many seconds (a bound of the histogram), and all.
async fn delays(gateway: &Gateway, within: &str) -> (f64, f64) {
    let bucket = "adamant_queue_delay_seconds_bucket";
    let label = format!("le=\"{within}\"");
    let few = gateway
        .metric(bucket, &[&label])
        .await
        .expect("the bound is one of it");
    let all = gateway
        .metric(bucket, &["le=\"+Inf\""])
        .await
        .expect("all are counted");
    (few, all)
}

/// Waits until the gateway sheds, and work does not wait too long any more.
async fn brought_down(gateway: &Gateway) {
    wait::polled("the gateway sheds", || async {
        (shed_ratio(gateway).await > 0.2).then_some(())
    })
    .await;
    let last = Cell::new(delays(gateway, "0.05").await);
    wait::polled("work does not wait", || async {
        let (now, before) = (delays(gateway, "0.05").await, last.get());
        // A look at many measurements that are new.
        let (prompt, all) = (now.0 - before.0, now.1 - before.1);
        if all < 20.0 {
            return None;
        }
        last.set(now);
        (prompt >= 0.9 * all).then_some(())
    })
    .await;
}

/// What the rounds have shown.
#[derive(Debug, Default)]
struct Shown {
    /// Requests a second that can be served.
    capacity: f64,
    /// The 99th percentile of what is of high priority, under load against without.
    ratios: Vec<f64>,
    /// Delays that the gateway has measured under load: those within 50 ms, and all.
    prompt: f64,
    measured: f64,
    served: usize,
    shed: usize,
    memory: Vec<u64>,
}

/// The control, then the same under three times what can be served.
async fn round(gateway: &Gateway, load: &Load, shown: &mut Shown) {
    wait::polled("nothing is shed any more", || async {
        (shed_ratio(gateway).await == 0.0).then_some(())
    })
    .await;
    let control = Probes::run(gateway.address(), "/vital", MEASURED).await;
    let running = load.start(3.0 * shown.capacity);
    brought_down(gateway).await;
    let before = delays(gateway, "0.05").await;
    let loaded = Probes::run(gateway.address(), "/vital", MEASURED).await;
    let after = delays(gateway, "0.05").await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(get(gateway.admin(), path, &[LOCAL]).await.status, 200, "{path}");
    }
    let counts = running.stop().await;
    let (control, loaded) = (percentile(&control, 99), percentile(&loaded, 99));
    println!(
        "{:.0}/s can be served; {counts:?}; p99 {loaded:?}, without load {control:?}",
        shown.capacity
    );
    shown.ratios.push(loaded.as_secs_f64() / control.as_secs_f64());
    shown.prompt += after.0 - before.0;
    shown.measured += after.1 - before.1;
    shown.served += counts.served;
    shown.shed += counts.shed;
    shown.memory.push(procinfo::resident_bytes(gateway.pid()));
    // Where others left more of the machine to the gateway than before, three times is more, too.
    shown.capacity = shown.capacity.max(counts.served_per_second());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_times_too_much_of_low_priority_does_not_slow_what_is_of_high_priority() {
    covers(&["overload.queue-delay"]);
    let idp = Idp::new(&[Algorithm::ES384]);
    // The endpoint has a thread of its own, too, so that what is measured is the gateway.
    let aside = load::aside();
    let origin = aside.spawn(Origin::start(|_| Answer::ok("vital").after(ENDPOINT)));
    let origin = origin.await.expect("an origin");
    let gateway = costly(&idp, &origin).await;
    let line = format!("Authorization: Bearer {}", idp.token("bulk", ""));
    let load = |path| Load::new(gateway.address(), &client::request("GET", path, &[&line], ""));
    let mut shown = Shown {
        capacity: load("/all").capacity(2 * MEASURED).await,
        ..Shown::default()
    };
    let load = load("/bulk");
    for _ in 0..ROUNDS {
        round(&gateway, &load, &mut shown).await;
    }
    shown.ratios.sort_by(f64::total_cmp);
    assert!(
        shown.ratios[ROUNDS / 2] <= 3.0,
        "what is of high priority is as fast as without load: {shown:?}"
    );
    assert!(
        shown.prompt >= 0.8 * shown.measured,
        "work waits no longer than 50 ms, at a target of {TARGET_MILLIS} ms: {shown:?}"
    );
    assert!(
        shown.served > 0 && shown.shed > shown.served / 2,
        "what there is time for is done, and much else is shed: {shown:?}"
    );
    let (first, last) = (shown.memory[0], shown.memory[ROUNDS - 1]);
    assert!(last < first + first / 4, "memory does not grow: {shown:?}");
    let high = gateway
        .metric("adamant_shed_requests_total", &["priority=\"high\""])
        .await;
    assert_eq!(high, Some(0.0), "no request of high priority was shed");
    drop(origin);
    aside.shutdown_background();
}
