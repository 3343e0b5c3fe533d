//! Passwords that pass, passwords that do not, and who has to wait.

use std::net::IpAddr;
use std::sync::OnceLock;

use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Outcome, Trial, TrialHost};
use adamant_filter::{Consumer, Consumers, KnownBy};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// 2026-11-24T00:00:00Z.
const NOW: Wall = Wall(1_795_478_400_000);

/// The hash of `sesame`, the cheapest that is accepted.
fn sesame() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| bcrypt::hash("sesame", 10).unwrap())
}

fn user(name: &str) -> Value {
    json!({"name": name, "hash": sesame()})
}

fn with(mut value: Value, member: &str, to: impl Into<Value>) -> Value {
    value[member] = to.into();
    value
}

fn config() -> Value {
    json!({"users": {"file": "users.yaml"}})
}

fn host(users: &Value) -> TrialHost {
    TrialHost::new().with_file("users.yaml", json!({ "users": users }).to_string())
}

fn trial(config: &Value, users: &Value) -> Trial {
    Trial::with_host::<Basic>(config, &mut host(users))
}

fn field(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// A request of a client at this second.
fn request(client: &str, second: u64, field: &str) -> Request {
    let client: IpAddr = client.parse().unwrap();
    Request::build(Method::GET, "/")
        .unwrap()
        .from_client(client)
        .at(Tick(second * 1_000_000_000), NOW)
        .with_header("authorization", field)
}

fn ask(trial: &Trial, client: &str, second: u64, password: &str) -> Outcome {
    trial.request(request(client, second, &field("alice", password)))
}

const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");

#[test]
fn a_password_proves_its_user_and_is_taken_away() {
    let made = Basic::hash("open: sésame", &[1; 16]).unwrap();
    let users = json!([with(with(user("alice"), "hash", made), "scopes", json!(["a:b"]))]);
    for (forward, is_left) in [(false, false), (true, true)] {
        let trial = trial(&with(config(), "forward", forward), &users);
        // Hashed the first time, remembered the second.
        for _ in 0..2 {
            let mut request = trial.prepare(request("192.0.2.1", 0, &field("alice", "open: sésame")));
            assert!(matches!(trial.ask(&mut request), Verdict::Pass));
            let identity: &Identity = request.slot(0).unwrap();
            assert_eq!((identity.method(), identity.consumer()), ("basic", "alice"));
            assert!(identity.has_scope("a:b"));
            assert_eq!(request.header(&AUTHORIZATION).is_some(), is_left);
        }
    }
}

#[test]
fn a_user_may_stand_for_a_consumer_of_the_file() {
    let known = KnownBy {
        method: "basic",
        issuer: "",
        name: "alice",
    };
    let acme = Consumer {
        name: "acme".into(),
        ..Consumer::default()
    };
    let consumers = Consumers::new(Vec::new(), [(known, Arc::new(acme))]);
    let mut host = host(&json!([user("alice")])).with_consumers(consumers);
    let trial = Trial::with_host::<Basic>(&config(), &mut host);
    let mut request = trial.prepare(request("192.0.2.1", 0, &field("alice", "sesame")));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    assert_eq!(request.slot::<Identity>(0).unwrap().consumer(), "acme");
}

#[test]
fn every_refusal_has_its_reason_and_its_status() {
    let ended = with(user("ended"), "not-after", "2026-11-24T00:00:00Z");
    let trial = trial(&with(config(), "realm", "here"), &json!([user("alice"), ended]));
    let cases = [
        (field("alice", "Sesame"), "basic.wrong", 401),
        (field("alice", ""), "basic.wrong", 401),
        (field("Alice", "sesame"), "basic.wrong", 401),
        (field("nobody", "sesame"), "basic.wrong", 401),
        (field("ended", "wrong"), "basic.wrong", 401),
        (field("ended", "sesame"), "basic.expired", 401),
        ("Bearer abc".to_owned(), "basic.missing", 401),
        ("Basic !".to_owned(), "basic.unreadable", 400),
    ];
    for (number, (field, code, status)) in cases.into_iter().enumerate() {
        let denial = trial
            .request(request(&format!("192.0.2.{number}"), 0, &field))
            .denied(code);
        assert_eq!(denial.reason.status(), status, "{code}");
        let challenge = denial.fields.first().map(|(_, value)| value.to_str().unwrap());
        assert_eq!(
            challenge,
            (status == 401).then_some("Basic realm=\"here\", charset=\"UTF-8\""),
            "{code}"
        );
    }
    let twice = request("192.0.2.1", 0, &field("alice", "sesame"));
    trial
        .request(twice.with_header("authorization", "Basic YTpi"))
        .denied("basic.several");
}

#[test]
fn whoever_guesses_has_to_wait_longer_and_longer() {
    let trial = trial(
        &with(config(), "guard", json!({"after": 2})),
        &json!([user("alice")]),
    );
    let client = "198.51.100.1";
    ask(&trial, client, 0, "a").denied("basic.wrong");
    ask(&trial, client, 0, "b").denied("basic.wrong");
    let denial = ask(&trial, client, 0, "sesame").denied("basic.account-blocked");
    assert_eq!(denial.reason.status(), 429);
    assert_eq!(
        denial.fields,
        [(HeaderName::from_static("retry-after"), HeaderValue::from(1))]
    );
    ask(&trial, client, 1, "c").denied("basic.wrong");
    ask(&trial, client, 2, "sesame").denied("basic.account-blocked");
    ask(&trial, client, 3, "sesame").passes();
    ask(&trial, client, 3, "d").denied("basic.wrong");
    ask(&trial, client, 3, "e").denied("basic.wrong");
    ask(&trial, client, 3, "f").denied("basic.account-blocked");
    // A name that does not exist is no different.
    for code in ["basic.wrong", "basic.wrong", "basic.account-blocked"] {
        trial
            .request(request(client, 9, &field("nobody", "x")))
            .denied(code);
    }
}

#[test]
fn a_network_that_guesses_many_names_has_to_wait() {
    let guard = json!({"after": 100, "after-from-source": 3});
    let trial = trial(&with(config(), "guard", guard), &json!([user("alice")]));
    ask(&trial, "2001:db8::1", 0, "sesame").passes();
    for name in ["a", "b", "c"] {
        trial
            .request(request("2001:db8::1", 0, &field(name, "x")))
            .denied("basic.wrong");
    }
    // Not even a password that is remembered: memory must not tell which guess is right.
    let denial = ask(&trial, "2001:db8::2", 0, "sesame").denied("basic.source-blocked");
    assert_eq!(denial.reason.status(), 429);
    ask(&trial, "2001:db8:0:1::1", 0, "sesame").passes();
    ask(&trial, "2001:db8::1", 1, "sesame").passes();
}

#[test]
fn failures_elsewhere_do_not_lock_out_who_has_proved_the_password() {
    let trial = trial(
        &with(config(), "guard", json!({"after": 1})),
        &json!([user("alice")]),
    );
    ask(&trial, "192.0.2.1", 0, "sesame").passes();
    ask(&trial, "198.51.100.1", 0, "guess").denied("basic.wrong");
    ask(&trial, "192.0.2.1", 0, "sesame").passes();
    ask(&trial, "198.51.100.1", 0, "sesame").denied("basic.account-blocked");
    ask(&trial, "192.0.2.1", 0, "other").denied("basic.account-blocked");
}

#[test]
fn a_proof_is_good_for_the_stated_time() {
    let asked = |remember_for: &str, second: u64| {
        let trial = trial(
            &with(config(), "remember-for", remember_for),
            &json!([user("alice")]),
        );
        let quick = |second: u64| {
            let mut request = trial.prepare(request("192.0.2.1", second, &field("alice", "sesame")));
            match trial.built().wired.request.as_slice() {
                [adamant_filter::RequestHook::Either(quick, _)] => quick(&mut request).is_some(),
                other => panic!("{other:?}"),
            }
        };
        assert!(!quick(0), "nothing is known before the first proof");
        ask(&trial, "192.0.2.1", 0, "sesame").passes();
        quick(second)
    };
    assert!(asked("10s", 9) && !asked("10s", 10) && !asked("0s", 0));
}

#[test]
fn no_more_passwords_are_hashed_than_the_file_says() {
    let mut host = host(&json!([user("alice")]));
    let config: BasicConfig = serde_json::from_value(with(config(), "at-once", 1)).unwrap();
    let catalogue = adamant_filter::Catalogue::new().filter::<Holding>("0");
    let node = adamant_filter::Node::from_json(&serde_json::to_value(&config).unwrap());
    let built =
        catalogue
            .get(Holding::NAME)
            .unwrap()
            .build(&node, &mut host, &mut adamant_filter::Layout::default());
    built.unwrap();
    let basic = HELD.lock().unwrap().take().unwrap();
    let begin = |password: &str| basic.begin(&request("192.0.2.1", 0, &field("alice", password)));
    let Ok((Some(first), wait)) = begin("a") else {
        panic!("there is room")
    };
    drop(first);
    drop(wait);
    // The check of a trial is done at once, so that room is free again.
    assert!(begin("b").is_ok());
    let asked = {
        let mut room: Room = [0; TEXT_MAX + 3];
        let request = request("192.0.2.1", 0, &field("alice", "held"));
        let credential = Credential::read(&request, &mut room).unwrap();
        basic.checker.ask(credential, &request)
    };
    let held = basic.checker.board(&asked);
    assert!(
        matches!(begin("held"), Ok((None, _))),
        "the same password waits for the same check"
    );
    let Err(Verdict::Fault(fault)) = begin("c") else {
        panic!("there is no room")
    };
    assert_eq!((fault.reason.code(), fault.reason.status()), ("busy", 503));
    drop(held);
    assert!(begin("c").is_ok());
}

static HELD: std::sync::Mutex<Option<Basic>> = std::sync::Mutex::new(None);

/// Hands the filter to the test in place of wiring it.
struct Holding;

impl Filter for Holding {
    const NAME: &'static str = "holding";
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = Basic::REASONS;
    type Config = BasicConfig;

    fn build(config: BasicConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        *HELD.lock().unwrap() = Some(Basic::build(config, boot)?);
        Ok(Self)
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
    }
}

#[test]
fn a_file_that_could_mislead_is_one_problem_of_the_step() {
    let hash = |hash: &str| json!([with(user("alice"), "hash", hash)]);
    let cases = [
        (json!([]), "nobody"),
        (json!([{"name": "a"}]), "hash"),
        (json!([with(user("a"), "password", "x")]), "password"),
        (json!([user("a"), user("a")]), "two users"),
        (json!([user("a:b")]), "colon"),
        (json!([user("")]), "1 to 255"),
        (json!([user(&"a".repeat(256))]), "1 to 255"),
        (json!([with(user("a"), "scopes", json!(["a b"]))]), "scope"),
        (json!([with(user("a"), "not-after", "soon")]), "point in time"),
        (
            hash("hunter2"),
            "user `alice`: the hash is neither argon2id nor bcrypt",
        ),
        (
            hash("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="),
            "user `alice`: the hash is neither",
        ),
        (
            hash("$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0"),
            "user `alice`: the hash is neither",
        ),
        (
            hash(&sesame().replace("$10$", "$08$")),
            "user `alice`: the hash is weak",
        ),
        (
            hash(&sesame().replace("$10$", "$20$")),
            "user `alice`: the hash is a way to stop",
        ),
    ];
    for (users, part) in cases {
        let problems = Trial::try_build::<Basic>(&config(), &mut host(&users)).unwrap_err();
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("users.yaml") && told[0].contains(part),
            "{part}: {told:?}"
        );
        assert!(
            !told[0].contains("hunter2"),
            "a password in the wrong place is not printed"
        );
        assert_eq!(problems.iter().next().unwrap().path(), Some("users.file"));
    }
    let settings = [
        ("at-once", json!(0)),
        ("at-once", json!(65)),
        ("remember-for", json!("25h")),
        ("realm", json!("\"")),
    ];
    for (key, value) in settings {
        let config = with(config(), key, value);
        let problems = Trial::try_build::<Basic>(&config, &mut host(&json!([user("a")]))).unwrap_err();
        assert_eq!(problems.iter().next().unwrap().path(), Some(key));
    }
}

#[test]
fn memory_for_hashes_is_told() {
    let argon2 = with(user("a"), "hash", Basic::hash("x", &[1; 16]).unwrap());
    let trial = trial(&with(config(), "at-once", 3), &json!([argon2, user("b")]));
    let reserved = &trial.built().needs.reserved;
    let hashing = reserved
        .iter()
        .find(|(what, _)| *what == "passwords that are hashed");
    assert_eq!(hashing.unwrap().1, Size::from_bytes(3 * 19 * 1024 * 1024));
    assert_eq!(reserved.len(), 4);
}
