//! Shared stores: instances that count together, what becomes of requests while the store is gone, and what the
//! store is told.

use std::time::{Duration, Instant};

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::{Authority, Client, Folder, Gateway, Policy, Redis, Response, covers, wait};
use tokio::task::JoinSet;

/// A step that counts in the store.
fn rate(limit: &str, shared: &str) -> String {
    format!(
        "rate: {{ by: address, {limit}, remember: 100, scope: {{ shared: {{ store: counters, {shared} }} }} }}\n    id: all"
    )
}

/// A gateway's policy whose only route is under this step, with a store of these keys.
fn policy(store: &str, step: &str) -> Policy {
    Policy::new()
        .listener("public", "")
        .store("counters", store)
        .route(&format!(
            "name: all\nmatch: {{ path: /** }}\npublic: true\nrespond: {{ status: 204 }}\nfilters:\n  - {step}"
        ))
}

fn at(redis: &Redis) -> String {
    format!("address: \"{}\", timeout: 2s", redis.address())
}

async fn ask(gateway: &Gateway) -> Response {
    get(gateway.address(), "/", &[]).await
}

async fn statuses(gateway: &Gateway, count: usize) -> Vec<u16> {
    let mut client = Client::connect(gateway.address()).await;
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(client.get("/", &[]).await.status);
    }
    statuses
}

/// What instances let through in all while clients ask without a pause.
async fn load(gateways: &[Gateway], start: Instant, time: Duration) -> (usize, usize) {
    let mut clients = JoinSet::new();
    for gateway in gateways.iter().chain(gateways) {
        let address = gateway.address();
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            let (mut passed, mut refused) = (0, 0);
            while start.elapsed() < time {
                match client.get("/", &[]).await.status {
                    204 => passed += 1,
                    status => {
                        assert_eq!(status, 429);
                        refused += 1;
                    }
                }
            }
            (passed, refused)
        });
    }
    let (passed, refused): (Vec<usize>, Vec<usize>) = clients.join_all().await.into_iter().unzip();
    (passed.iter().sum(), refused.iter().sum())
}

async fn four(policy: &Policy) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for _ in 0..4 {
        gateways.push(Gateway::start(policy).await);
    }
    gateways
}

/// Holds four instances to a limit of 1000/s with an error of so many requests. What passed and what is left at the
/// end are together what the limit gives, whether the clients were fast all the time or not.
async fn hold(shared: &str, error: f64) {
    let redis = Redis::start().await;
    let gateways = four(&policy(&at(&redis), &rate("allow: 1000/s, burst: 1000", shared))).await;
    let start = Instant::now();
    let (passed, refused) = load(&gateways, start, Duration::from_secs(5)).await;
    let last = ask(&gateways[0]).await;
    let time = start.elapsed();
    let left = last
        .field("ratelimit")
        .and_then(|field| field.split(";r=").nth(1)?.split(';').next());
    let left: f64 = left.expect("it is told what is left").parse().expect("a number");
    let passed = passed as f64 + f64::from(u8::from(last.status == 204));
    let given = 1000.0 + 1000.0 * time.as_secs_f64();
    let told = format!("{passed} passed, {left} left, {refused} refused in {time:?}");
    assert!(passed <= given * 1.01 + error, "more than {given}: {told}");
    assert!(passed + left >= given * 0.99 - error, "less than {given}: {told}");
    // Else nobody was limited. The slowest machine asks for more than half of it again.
    assert!(passed + left + refused as f64 > 2500.0, "{told}");
    for gateway in &gateways {
        for counter in [
            "adamant_store_gone_total",
            "adamant_store_late_total",
            "adamant_rate_degraded_total",
        ] {
            assert_eq!(gateway.metric(counter, &[]).await, Some(0.0), "{counter}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_instances_hold_one_limit() {
    covers(&["policies.*[].rate.scope.shared.store", "stores.*.redis.address"]);
    hold("when-gone: deny", 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_instances_that_take_ahead_hold_it_within_what_they_took() {
    hold("when-gone: deny, batch: 50", 4.0 * 50.0).await;
}

#[tokio::test]
async fn what_is_taken_ahead_costs_no_question() {
    covers(&["policies.*[].rate.scope.shared.batch"]);
    let redis = Redis::start().await;
    let step = rate("allow: 60/m, burst: 60", "when-gone: deny, batch: 20");
    let gateway = Gateway::start(&policy(&at(&redis), &step)).await;
    assert_eq!(statuses(&gateway, 20).await, [204; 20]);
    assert_eq!(redis.questions().await, 1);
    assert_eq!(statuses(&gateway, 40).await, [204; 40]);
    assert_eq!(redis.questions().await, 3);
    assert_eq!(ask(&gateway).await.refused(429), "rate.exhausted");
}

#[tokio::test]
async fn a_flood_of_refused_requests_does_not_reach_the_store() {
    let redis = Redis::start().await;
    let gateway = Gateway::start(&policy(&at(&redis), &rate("allow: 2/h", "when-gone: deny"))).await;
    let others = Gateway::start(&policy(&at(&redis), &rate("allow: 2/h", "when-gone: deny"))).await;
    assert_eq!(statuses(&gateway, 2).await, [204, 204]);
    assert_eq!(
        statuses(&others, 1).await,
        [429],
        "the other instance knows it from the store"
    );
    let refused = ask(&gateway).await;
    assert_eq!(refused.refused(429), "rate.exhausted");
    assert_eq!(refused.field("ratelimit-policy"), Some("\"all\";q=2;w=3600"));
    let wait: u64 = refused
        .field("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((1700..=1800).contains(&wait), "{wait}");
    let asked = redis.questions().await;
    assert_eq!(statuses(&gateway, 50).await, [429; 50]);
    assert_eq!(redis.questions().await, asked);
}

#[tokio::test]
async fn the_file_says_what_happens_while_the_store_is_gone() {
    covers(&["policies.*[].rate.scope.shared.when-gone"]);
    let mut redis = Redis::start().await;
    let start = async |when_gone: &str| {
        let step = rate("allow: 3/h", &format!("when-gone: {when_gone}"));
        let step = step.replace("id: all", &format!("id: {when_gone}"));
        Gateway::start(&policy(&at(&redis), &step)).await
    };
    let (deny, allow, local) = (start("deny").await, start("allow").await, start("local").await);
    for gateway in [&deny, &allow, &local] {
        assert_eq!(statuses(gateway, 2).await, [204, 204]);
    }
    redis.kill();
    let refused = wait::polled("the store is missed", || async {
        Some(ask(&deny).await).filter(|answer| answer.status == 503)
    });
    assert_eq!(refused.await.refused(503), "rate.store-gone");
    assert_eq!(statuses(&deny, 3).await, [503; 3]);
    assert_eq!(statuses(&allow, 5).await, [204; 5]);
    assert_eq!(
        statuses(&local, 5).await,
        [204, 204, 204, 429, 429],
        "by itself, and exactly"
    );
    for (gateway, degraded) in [(&deny, 4.0), (&allow, 5.0), (&local, 5.0)] {
        let told = gateway.metric("adamant_rate_degraded_total", &[]).await;
        assert!(told >= Some(degraded), "{told:?}");
        let faults = [
            gateway.metric("adamant_store_gone_total", &[]).await,
            gateway.metric("adamant_store_useless_total", &[]).await,
        ];
        assert_eq!(
            faults.into_iter().flatten().sum::<f64>(),
            told.unwrap_or_default()
        );
        assert_eq!(gateway.metric("adamant_store_late_total", &[]).await, Some(0.0));
    }
    // The store has lost everything, so that there are three again, for each of the limits.
    redis.restart().await;
    for (gateway, status) in [(&deny, 204), (&local, 204), (&allow, 429)] {
        wait::polled("the store is asked again, without a restart", || async {
            (ask(gateway).await.status == status).then_some(())
        })
        .await;
    }
    assert!(
        deny.stderr().contains("the store `counters` is back"),
        "{}",
        deny.stderr()
    );
}

#[tokio::test]
async fn a_store_that_hangs_costs_its_time_out_and_soon_nothing() {
    covers(&["stores.*.redis.timeout", "stores.*.redis.connections"]);
    let redis = Redis::start().await;
    let keys = format!("address: \"{}\", timeout: 200ms, connections: 3", redis.address());
    let gateway = Gateway::start(&policy(&keys, &rate("allow: 1000/h", "when-gone: allow"))).await;
    assert_eq!(statuses(&gateway, 1).await, [204]);
    let clients = redis.ask(&["CLIENT LIST"]).await;
    assert_eq!(
        clients
            .matches("lib-name=redis-rs")
            .count()
            .max(clients.matches(" cmd=").count() - 1),
        3,
        "{clients}"
    );
    redis.hang();
    // Three failures on each of three connections, and then nobody waits for it any more.
    wait::polled("nobody waits any more", || async {
        assert_eq!(ask(&gateway).await.status, 204);
        gateway
            .metric("adamant_store_gone_total", &[])
            .await
            .filter(|gone| *gone > 20.0)
    })
    .await;
    let late = gateway
        .metric("adamant_store_late_total", &[])
        .await
        .unwrap_or_default();
    assert!((1.0..=9.0).contains(&late), "{late}");
    redis.go_on();
    let asked = redis.questions().await;
    wait::polled("the store is asked again", || async {
        assert_eq!(ask(&gateway).await.status, 204);
        (redis.questions().await > asked).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_changed_limit_reads_no_old_state_and_another_edit_resets_nothing() {
    let redis = Redis::start().await;
    let deny = "when-gone: deny";
    let first = Gateway::start(&policy(&at(&redis), &rate("allow: 3/h", deny))).await;
    assert_eq!(statuses(&first, 4).await, [204, 204, 204, 429]);
    for (limit, expected) in [
        ("allow: 2/h", [204, 204, 429]),
        ("allow: 3/h, burst: 1", [204, 429, 429]),
        ("allow: 3/h, algorithm: sliding", [204, 204, 204]),
        ("allow: 3/h, headers: false", [429, 429, 429]),
        ("allow: 3/h, missing: skip, legacy: triple", [429, 429, 429]),
    ] {
        let limit = limit.replace("missing: skip, ", "");
        let changed = Gateway::start(&policy(&at(&redis), &rate(&limit, deny))).await;
        assert_eq!(statuses(&changed, 3).await, expected, "{limit}");
    }
    let renamed = rate("allow: 3/h", deny).replace("id: all", "id: other");
    let renamed = Gateway::start(&policy(&at(&redis), &renamed)).await;
    assert_eq!(statuses(&renamed, 1).await, [204]);
}

#[tokio::test]
async fn the_store_is_told_no_key_and_keeps_nothing_for_ever() {
    let redis = Redis::start().await;
    let step =
        rate("allow: 5/h, missing: deny", "when-gone: deny").replace("by: address", "by: \"header:x-token\"");
    let gateway = Gateway::start(&policy(&at(&redis), &step)).await;
    let answer = get(gateway.address(), "/", &["X-Token: swordfish"]).await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        get(gateway.address(), "/", &[]).await.refused(400),
        "rate.key-missing"
    );
    let held = redis.ask(&["DBSIZE", "KEYS *", "INFO keyspace"]).await;
    assert!(
        held.starts_with(":1\r\n") && !held.contains("swordfish"),
        "{held}"
    );
    assert!(held.contains("keys=1,expires=1"), "{held}");
}

/// A server behind TLS that knows one user.
async fn guarded(authority: &Authority) -> Redis {
    let folder = Folder::new();
    folder.write("ca.pem", authority.pem());
    authority.site(&["counters.test"]).write(&folder, "site");
    let tls = [
        "--tls-cert-file",
        "site.pem",
        "--tls-key-file",
        "site.key",
        "--tls-ca-cert-file",
        "ca.pem",
    ];
    let more = [
        "--tls-auth-clients",
        "no",
        "--user",
        "edge",
        "on",
        ">swordfish",
        "~adamant:*",
        "+@all",
    ];
    Redis::start_with(folder, true, &[tls.as_slice(), &more].concat()).await
}

#[tokio::test]
async fn a_store_with_a_password_and_a_certificate_is_asked_and_no_other() {
    covers(&[
        "stores.*.redis.user",
        "stores.*.redis.password.env",
        "stores.*.redis.password.file",
        "stores.*.redis.database",
        "stores.*.redis.tls.server-name",
        "stores.*.redis.tls.ca",
    ]);
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let redis = guarded(&ours).await;
    let start = async |more: &str, password: &str, authority: &Authority| {
        let keys = format!("{}, user: edge, database: 3, {more}", at(&redis));
        let setup = Setup::new(&policy(&keys, &rate("allow: 1000/h", "when-gone: deny")));
        let setup = setup.file("ca.pem", authority.pem()).file("password", password);
        setup.variable("COUNTERS_PASSWORD", password).start().await
    };
    let tls = "tls: { server-name: counters.test, ca: ca.pem }";
    let (file, env) = (
        "password: { file: password }",
        "password: { env: COUNTERS_PASSWORD }",
    );
    for password in [file, env] {
        let gateway = start(&format!("{password}, {tls}"), "swordfish", &ours).await;
        assert_eq!(ask(&gateway).await.status, 204, "{}", gateway.stderr());
    }
    let other_name = tls.replace("counters.test", "other.test");
    for (password, tls, word, authority) in [
        (file, tls, "wrong", &ours),
        (env, tls, "wrong", &ours),
        (file, tls, "swordfish", &theirs),
        (file, &*other_name, "swordfish", &ours),
    ] {
        let gateway = start(&format!("{password}, {tls}"), word, authority).await;
        assert_eq!(
            ask(&gateway).await.refused(503),
            "rate.store-gone",
            "{tls} {word}"
        );
        let told = gateway.stderr();
        assert!(told.contains("the store `counters` cannot be reached"), "{told}");
        assert!(!told.contains("swordfish") && !told.contains("wrong\""), "{told}");
    }
    let plain = start(file, "swordfish", &ours).await;
    assert_eq!(ask(&plain).await.refused(503), "rate.store-gone", "in clear text");
}

#[tokio::test]
async fn nothing_but_requests_needs_the_store() {
    let mut redis = Redis::start().await;
    let text = policy(&at(&redis), &rate("allow: 2/h", "when-gone: deny"));
    redis.kill();
    let setup = Setup::new(&text);
    for command in [
        &["check"][..],
        &["show"],
        &["digest"],
        &["explain", "--method", "GET", "--url", "http://localhost/"],
    ] {
        let told = setup.run(command).await.exits(0);
        assert!(!told.text().contains("store-gone"), "{}", told.text());
    }
    let gateway = setup.start().await;
    assert_eq!(ask(&gateway).await.refused(503), "rate.store-gone");
    redis.restart().await;
    wait::polled("the store is found", || async {
        (ask(&gateway).await.status == 204).then_some(())
    })
    .await;
}

#[tokio::test]
async fn names_of_stores_are_held_against_the_file() {
    let store = "address: \"127.0.0.1:1\"";
    let deny = "when-gone: deny";
    let unknown = rate("allow: 2/h", deny).replace("counters", "counter");
    let unnamed = rate("allow: 2/h", deny).replace("id: all", "shadow: false");
    let ahead = rate("allow: 2/h", "when-gone: deny, batch: 3");
    let silent = rate("allow: 2/h", "batch: 2");
    for (step, told) in [
        (&*unknown, "names.unknown"),
        (&*unknown, "there is no store `counter`; did you mean `counters`?"),
        ("methods: { allow: [GET] }", "no filter uses the store `counters`"),
        (&*unnamed, "write `id: NAME` beside `rate`"),
        (&*ahead, "no more than 2 may come at once"),
        (&*silent, "needs the key `when-gone`"),
    ] {
        let checked = Setup::new(&policy(store, step)).run(&["check"]).await.exits(1);
        assert!(checked.text().contains(told), "{told}: {}", checked.text());
    }
    let none = policy(store, &rate("allow: 2/h", deny)).yaml();
    let none = none.split("stores:\n").collect::<Vec<_>>();
    let rest = none[1].split("routes:").nth(1).expect("the routes follow");
    let checked = Setup::text(&format!("{}routes:{rest}", none[0]))
        .run(&["check"])
        .await
        .exits(1);
    assert!(
        checked.text().contains("name it under `stores`"),
        "{}",
        checked.text()
    );
}
