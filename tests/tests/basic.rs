//! Names and passwords: who passes, who has to wait, and what the upstream sees.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adamant_tests::client::{get, request};
use adamant_tests::gateway::Setup;
use adamant_tests::{Client, Gateway, Origin, Policy, Response, covers, wait};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const PASSWORD: &str = "open sesame";

/// A hash of which the check takes seconds. It is of no password that anybody knows.
const HEAVY: &str =
    "$argon2id$v=19$m=262144,t=4,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

/// The route `all` behind `basic` with these further keys, and the users `alice`, `bob` and `heavy`.
async fn setup(origin: &Origin, more: &str) -> Setup {
    let filters = format!("filters: [{{ basic: {{ users: {{ file: users.yaml }}{more} }} }}]");
    let policy = Policy::before(origin).route(&format!(
        "name: all\nmatch: {{ path: /** }}\nto: origin\n{filters}"
    ));
    let setup = Setup::new(&policy);
    let mut users = format!("users:\n  - {{ name: heavy, hash: \"{HEAVY}\" }}\n");
    for name in ["alice", "bob"] {
        let made = setup
            .run_input(&["keygen", "--user", name, "--scope", "orders:read"], PASSWORD)
            .await;
        users += &made.exits(0).stdout;
    }
    setup.file("users.yaml", users)
}

async fn start(origin: &Origin, more: &str) -> Gateway {
    setup(origin, more).await.start().await
}

fn field(name: &str, password: &str) -> String {
    format!(
        "Authorization: Basic {}",
        STANDARD.encode(format!("{name}:{password}"))
    )
}

async fn ask(gateway: &Gateway, name: &str, password: &str) -> Response {
    get(gateway.address(), "/", &[&field(name, password)]).await
}

async fn ask_from(gateway: &Gateway, address: &str, name: &str, password: &str) -> Response {
    let mut client = Client::connect_from(address, gateway.address()).await;
    client.get("/", &[&field(name, password)]).await
}

/// How many seconds whoever is refused has to wait.
fn retry_after(answer: &Response) -> u64 {
    let told = answer.field("retry-after").and_then(|value| value.parse().ok());
    told.unwrap_or_else(|| panic!("whoever has to wait is told how long: {answer:?}"))
}

#[tokio::test]
async fn the_upstream_sees_the_request_and_no_password() {
    covers(&[
        "policies.*[].basic.users.file",
        "policies.*[].basic.forward",
        "policies.*[].basic.realm",
    ]);
    let origin = Origin::hello().await;
    for forward in [false, true] {
        let gateway = start(&origin, &format!(", forward: {forward}, realm: here")).await;
        // Hashed, then remembered.
        for _ in 0..2 {
            assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
            assert_eq!(origin.last().field("authorization").is_some(), forward);
        }
        origin.forget();
        let missing = get(gateway.address(), "/", &[]).await;
        assert_eq!(missing.refused(401), "basic.missing");
        assert_eq!(
            missing.field("www-authenticate"),
            Some("Basic realm=\"here\", charset=\"UTF-8\"")
        );
        assert_eq!(ask(&gateway, "alice", "wrong").await.refused(401), "basic.wrong");
        assert_eq!(
            ask(&gateway, "nobody", PASSWORD).await.refused(401),
            "basic.wrong"
        );
        let twice = [field("alice", PASSWORD), field("bob", PASSWORD)];
        let answer = get(gateway.address(), "/", &[&twice[0], &twice[1]]).await;
        assert_eq!(answer.refused(400), "basic.several");
        let answer = get(gateway.address(), "/", &["Authorization: Basic YQ"]).await;
        assert_eq!(answer.refused(400), "basic.unreadable");
        assert_eq!(origin.count(), 0);
        let logged = format!("{}{}", gateway.stdout(), gateway.stderr());
        assert!(!logged.contains("sesame") && !logged.contains(&STANDARD.encode("alice:open sesame")));
    }
}

#[tokio::test]
async fn a_weak_hash_is_no_gateway() {
    let origin = Origin::hello().await;
    for hash in [
        "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0",
        "secret",
    ] {
        let users = format!("users:\n  - name: alice\n    hash: \"{hash}\"\n");
        let setup = setup(&origin, "").await.file("users.yaml", users);
        let told = setup.refuses().await;
        assert_eq!(told.code, Some(1), "{}", told.text());
        let expected = "users.yaml:3:11: user `alice`: the hash is neither argon2id nor bcrypt";
        assert!(told.text().contains(expected), "{}", told.text());
        assert!(!told.text().contains(hash), "{}", told.text());
    }
}

#[tokio::test]
async fn whoever_guesses_a_password_has_to_wait() {
    covers(&["policies.*[].basic.guard.after", "policies.*[].basic.guard.wait"]);
    let origin = Origin::hello().await;
    let gateway = start(&origin, ", guard: { after: 2, wait: 2m }").await;
    assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
    for guess in ["a", "b"] {
        let answer = ask_from(&gateway, "127.0.0.2", "alice", guess).await;
        assert_eq!(answer.refused(401), "basic.wrong");
    }
    // Not even the right password tells the guesser anything.
    for guess in ["c", PASSWORD] {
        let answer = ask_from(&gateway, "127.0.0.2", "alice", guess).await;
        assert_eq!(answer.refused(429), "basic.account-blocked");
        assert!((110..=120).contains(&retry_after(&answer)), "{answer:?}");
    }
    // Others, and whoever has proved the password before, go on.
    assert_eq!(ask_from(&gateway, "127.0.0.2", "bob", PASSWORD).await.status, 200);
    assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_success_clears_the_account() {
    let origin = Origin::hello().await;
    let gateway = start(&origin, ", guard: { after: 2, wait: 2m }").await;
    for _ in 0..3 {
        assert_eq!(ask(&gateway, "alice", "wrong").await.refused(401), "basic.wrong");
        assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn whoever_guesses_names_has_to_wait() {
    covers(&["policies.*[].basic.guard.after-from-source"]);
    let origin = Origin::hello().await;
    let gateway = start(&origin, ", guard: { after-from-source: 3, wait: 2m }").await;
    for name in ["root", "admin", "guest"] {
        assert_eq!(ask(&gateway, name, PASSWORD).await.refused(401), "basic.wrong");
    }
    let answer = ask(&gateway, "alice", PASSWORD).await;
    assert_eq!(answer.refused(429), "basic.source-blocked");
    assert!((110..=120).contains(&retry_after(&answer)), "{answer:?}");
    assert_eq!(
        ask_from(&gateway, "127.0.0.2", "alice", PASSWORD).await.status,
        200
    );
}

/// Fails so often, each time as soon as that is possible; the longest wait that was told.
async fn fail(gateway: &Gateway, times: u32) -> u64 {
    let told = AtomicU64::new(0);
    for _ in 0..times {
        let counted = wait::polled("the next guess counts", async || {
            let answer = ask(gateway, "alice", "wrong").await;
            if answer.status == 401 {
                return Some(());
            }
            told.fetch_max(retry_after(&answer), Ordering::Relaxed);
            None
        });
        counted.await;
    }
    told.into_inner()
}

#[tokio::test]
async fn no_wait_is_longer_than_the_file_says() {
    covers(&["policies.*[].basic.guard.at-most"]);
    let origin = Origin::hello().await;
    for (at_most, grows) in [("200ms", false), ("5m", true)] {
        let guard = format!(", guard: {{ after: 1, wait: 200ms, at-most: {at_most} }}");
        let gateway = start(&origin, &guard).await;
        // 200, 400, 800, 1600 and 3200 milliseconds, unless there is a bound.
        let longest = fail(&gateway, 5)
            .await
            .max(retry_after(&ask(&gateway, "alice", "wrong").await));
        assert_eq!(longest > 1, grows, "{at_most} {longest}");
    }
}

#[tokio::test]
async fn failures_are_forgotten_after_the_stated_time() {
    covers(&["policies.*[].basic.guard.forget"]);
    let origin = Origin::hello().await;
    for (forget, reason) in [("3s", "basic.wrong"), ("1h", "basic.account-blocked")] {
        let guard = format!(", guard: {{ after: 2, wait: 3s, at-most: 3s, forget: {forget} }}");
        let gateway = start(&origin, &guard).await;
        assert_eq!(ask(&gateway, "alice", "a").await.refused(401), "basic.wrong");
        assert!(wait::stays(Duration::from_millis(3200), || origin.count() == 0).await);
        assert_eq!(ask(&gateway, "alice", "b").await.refused(401), "basic.wrong");
        assert_eq!(ask(&gateway, "alice", "c").await.reason(), reason, "{forget}");
    }
}

/// Takes the only place in which passwords are hashed, for seconds. `probe` is answered 503 once it is taken.
async fn occupy(gateway: &Gateway, probe: &str) -> Client {
    let mut client = Client::connect(gateway.address()).await;
    client
        .send(request("GET", "/", &[&field("heavy", "x")], ""))
        .await;
    // Whoever probes must not come first, and take the place.
    let active = ["http_request_method=\"GET\"", "url_scheme=\"http\""];
    gateway.counts("http_server_active_requests", &active, 1.0).await;
    wait::polled("the place is taken", async || {
        let answer = ask(gateway, probe, PASSWORD).await;
        (answer.status == 503).then(|| assert_eq!(answer.reason(), "basic.busy"))
    })
    .await;
    client
}

#[tokio::test]
async fn so_many_passwords_are_hashed_at_once() {
    covers(&["policies.*[].basic.at-once", "policies.*[].basic.remember-for"]);
    let origin = Origin::hello().await;
    let guard = "guard: { after: 1000, after-from-source: 1000 }";

    let gateway = start(&origin, &format!(", at-once: 1, {guard}")).await;
    assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
    let mut heavy = occupy(&gateway, "nobody").await;
    // What is remembered needs no place; the same name and password need no second one.
    assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
    assert_eq!(ask(&gateway, "heavy", "x").await.refused(401), "basic.wrong");
    assert_eq!(heavy.read().await.refused(401), "basic.wrong");

    let gateway = start(&origin, &format!(", at-once: 1, remember-for: 0s, {guard}")).await;
    assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
    let mut heavy = occupy(&gateway, "alice").await;
    assert_eq!(heavy.read().await.refused(401), "basic.wrong");

    let gateway = start(&origin, &format!(", at-once: 2, {guard}")).await;
    let mut heavy = Client::connect(gateway.address()).await;
    heavy.send(request("GET", "/", &[&field("heavy", "x")], "")).await;
    assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
    assert_eq!(heavy.read().await.refused(401), "basic.wrong");
}

#[tokio::test]
async fn a_guess_counts_although_its_client_has_left() {
    let origin = Origin::hello().await;
    let gateway = start(&origin, ", guard: { after-from-source: 1, wait: 2m }").await;
    assert_eq!(ask(&gateway, "alice", PASSWORD).await.status, 200);
    let mut client = Client::connect(gateway.address()).await;
    client
        .send(request("GET", "/", &[&field("heavy", "x")], ""))
        .await;
    drop(client);
    wait::polled("the guess is counted", async || {
        let answer = ask(&gateway, "alice", PASSWORD).await;
        (answer.status == 429).then(|| assert_eq!(answer.reason(), "basic.source-blocked"))
    })
    .await;
}

#[tokio::test]
async fn what_passwords_may_take_is_in_the_sum_of_memory() {
    covers(&["policies.*[].basic.guard.remember"]);
    let origin = Origin::hello().await;
    let sums = async |remember: u32, at_once: u32| {
        let more = format!(", at-once: {at_once}, guard: {{ remember: {remember} }}");
        let told = setup(&origin, &more).await.run(&["check"]).await.exits(0).text();
        [
            "basic: accounts that failed",
            "basic: networks that failed",
            "basic: passwords that are hashed",
        ]
        .map(|name| {
            let found = told.lines().find(|line| line.contains(name)).unwrap_or_default();
            found.split(name).next().unwrap_or_default().trim().to_owned()
        })
    };
    let [accounts, networks, hashed] = sums(1000, 2).await;
    assert!(
        accounts.ends_with("KiB") && networks == accounts,
        "{accounts} {networks}"
    );
    assert!(hashed.starts_with("512.0 MiB"), "{hashed}");
    let [accounts, networks, hashed] = sums(100_000, 3).await;
    assert!(
        accounts.ends_with("MiB") && networks == accounts,
        "{accounts} {networks}"
    );
    assert!(hashed.starts_with("768.0 MiB"), "{hashed}");
}
