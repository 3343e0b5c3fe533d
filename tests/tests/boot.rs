//! A gateway that cannot keep what its file promises does not start: it says what is wrong and where, ends
//! with the exit code of its kind, and nobody could connect meanwhile.
//!
//! The wording and the place of every problem inside a file are held beside `policies/rejected`, not here.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::{Adamant, Authority, Gateway, Policy, procinfo, wait};

/// The file is wrong.
const FILE: i32 = 1;
/// The machine lacks something.
const MACHINE: i32 = 3;

const NOTHING: &str = "name: all\nmatch: { path: /** }\npublic: true\nrespond: { status: 204 }";

/// An address that is free now; tests ask for port 0 elsewhere, so nobody else is likely to take it.
fn free() -> SocketAddr {
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    held.local_addr().expect("a bound listener has an address")
}

/// Knocks at an address until it is asked whether anybody opened.
struct Knocker {
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<bool>,
}

impl Knocker {
    fn at(address: SocketAddr) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut was_open = false;
            while !until.load(Ordering::Relaxed) {
                was_open |= is_open(address);
                thread::sleep(Duration::from_micros(200));
            }
            was_open
        });
        Self { is_over, thread }
    }

    fn was_open(self) -> bool {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only knocks")
    }
}

/// Whether somebody listens there. A connection to a free port of loopback may by chance meet itself.
fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok_and(|stream| stream.local_addr().ok() != stream.peer_addr().ok())
}

/// Starts a gateway that must not serve: checks the exit code, that the text names all of `named`, and
/// that nobody could connect to `public` or to the operators' listener.
async fn refused(policy: impl Fn(SocketAddr, SocketAddr) -> Setup, code: i32, named: &[&str]) -> Adamant {
    let (public, admin) = (free(), free());
    let setup = policy(public, admin);
    let knockers = [Knocker::at(public), Knocker::at(admin)];
    let ended = setup.refuses().await.exits(code);
    for knocker in knockers {
        assert!(!knocker.was_open(), "a listener was open: {}", ended.text());
    }
    for name in named {
        assert!(ended.stderr.contains(name), "`{name}` is named: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended
}

fn policy(public: SocketAddr, admin: SocketAddr) -> Policy {
    Policy::new()
        .admin(&format!("{{ bind: \"{admin}\" }}"))
        .listener_at("public", &public.to_string(), "")
}

fn with_tls(public: SocketAddr, admin: SocketAddr, key: &str) -> Setup {
    let tls = format!("tls: {{ certificate: site.pem, key: {key} }}");
    Setup::new(&policy(public, admin).listener("secure", &tls).route(NOTHING))
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_listener() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound listener has an address");
    let policy = Policy::new()
        .listener("public", "")
        .listener_at("partners", &address.to_string(), "")
        .route(NOTHING);
    let ended = Setup::new(&policy).refuses().await.exits(MACHINE);
    let text = format!("listener partners: {address} is already in use");
    assert!(ended.stderr.contains(&text), "{}", ended.stderr);
}

#[tokio::test]
async fn an_operators_port_in_use_is_named_with_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound listener has an address");
    let public = free();
    let knocker = Knocker::at(public);
    let setup = Setup::new(&policy(public, address).route(NOTHING));
    let ended = setup.refuses().await.exits(MACHINE);
    assert!(!knocker.was_open(), "a listener was open: {}", ended.text());
    for name in ["admin.bind", &address.to_string()] {
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn an_address_of_another_machine_is_named_with_its_listener() {
    // A network for documentation (RFC 5737), which no machine has.
    let policy = Policy::new()
        .listener_at("public", "192.0.2.1:8080", "")
        .route(NOTHING);
    let ended = Setup::new(&policy).refuses().await.exits(MACHINE);
    for name in ["public", "192.0.2.1:8080"] {
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn an_unreadable_certificate_is_named_with_its_listener() {
    let missing = |public, admin| with_tls(public, admin, "{ file: site.key }").file("site.key", "x");
    refused(missing, MACHINE, &["`secure`", "site.pem"]).await;
    let garbled = |public, admin| {
        with_tls(public, admin, "{ file: site.key }")
            .file("site.key", "x")
            .file("site.pem", "not a certificate")
    };
    refused(garbled, MACHINE, &["`secure`", "site.pem"]).await;
}

#[tokio::test]
async fn a_key_of_another_certificate_is_named_with_its_listener() {
    let authority = Authority::new("boot");
    let (site, other) = (authority.site(&["api.test"]), authority.site(&["api.test"]));
    let swapped = |public, admin| {
        with_tls(public, admin, "{ file: site.key }")
            .file("site.pem", &site.certificate)
            .file("site.key", &other.key)
    };
    refused(swapped, MACHINE, &["`secure`", "site.pem"]).await;
}

#[tokio::test]
async fn a_missing_secret_is_named_and_never_printed() {
    let site = Authority::new("boot").site(&["api.test"]);
    let unset = |public, admin| {
        with_tls(public, admin, "{ env: ADAMANT_TEST_UNSET_KEY }").file("site.pem", &site.certificate)
    };
    refused(unset, MACHINE, &["`ADAMANT_TEST_UNSET_KEY` is not set"]).await;
    let empty = |public, admin| unset(public, admin).variable("ADAMANT_TEST_UNSET_KEY", "");
    refused(empty, MACHINE, &["`ADAMANT_TEST_UNSET_KEY` is empty"]).await;
    let file = |public, admin| {
        with_tls(public, admin, "{ file: keys/site.key }").file("site.pem", &site.certificate)
    };
    refused(file, MACHINE, &["keys/site.key", "cannot be read"]).await;
    let wrong = |public, admin| unset(public, admin).variable("ADAMANT_TEST_UNSET_KEY", "hunter2");
    let ended = refused(wrong, MACHINE, &["`secure`"]).await;
    assert!(!ended.text().contains("hunter2"), "{}", ended.text());
}

#[tokio::test]
async fn a_missing_secret_of_a_filter_is_shown_in_the_file() {
    let keys = |public, admin| {
        let step = "- jwt:\n    keys: { secret: { env: ADAMANT_TEST_UNSET_SECRET } }\n    issuer: https://id.test/\n    \
                    audience: orders\n    algorithms: [HS256]\n    type: at+jwt";
        let route =
            "name: all\nmatch: { path: /** }\nfilters: [ { use: partner } ]\nrespond: { status: 204 }";
        Setup::new(&policy(public, admin).policy("partner", step).route(route))
    };
    let named = [
        "error[secrets.missing]",
        "--> gateway.yaml:",
        "`ADAMANT_TEST_UNSET_SECRET` is not set",
    ];
    refused(keys, MACHINE, &named).await;
}

#[tokio::test]
async fn a_broken_file_is_told_with_the_place_of_every_problem() {
    let broken = |public, admin| {
        Setup::new(
            &policy(public, admin)
                .route("name: a\nmatch: { path: /a }\npublik: true\nrespond: { status: 204 }")
                .route("name: b\nmatch: { path: /b }\npublic: true\nto: nowhere"),
        )
    };
    let named = [
        "error[keys.unknown]",
        "`publik`",
        "`nowhere`",
        "--> gateway.yaml:",
    ];
    refused(broken, FILE, &named).await;
    let torn = |_, _| Setup::text("adamant: 1\nlisteners: [\n");
    refused(torn, FILE, &["error[yaml.syntax]", "--> gateway.yaml:"]).await;
    let empty = |_, _| Setup::text("");
    refused(empty, FILE, &["gateway.yaml"]).await;
}

#[tokio::test]
async fn tls_to_an_upstream_needs_the_name_that_its_certificate_must_have() {
    let upstream = |keys: &'static str| {
        move |public, admin| {
            Setup::new(
                &policy(public, admin)
                    .upstream("orders", keys)
                    .route("name: all\nmatch: { path: /** }\npublic: true\nto: orders"),
            )
        }
    };
    let unnamed = upstream("endpoints: [\"127.0.0.1:443\"]\ntls: {}");
    refused(
        unnamed,
        FILE,
        &["error[keys.missing]", "`server-name`", "--> gateway.yaml:"],
    )
    .await;
    let scheme = upstream("endpoints: [\"https://orders.test:443\"]");
    refused(
        scheme,
        FILE,
        &["error[values.address]", "server-name", "--> gateway.yaml:"],
    )
    .await;
}

#[tokio::test]
async fn a_log_that_cannot_be_opened_is_named() {
    let unwritable = |public, admin| {
        let log = "access-log: { to: { file: missing/access.log } }";
        Setup::new(&policy(public, admin).route(NOTHING).observe(log))
    };
    refused(unwritable, MACHINE, &["access log", "missing/access.log"]).await;
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_mistake_in_the_arguments() {
    let setup = Setup::text("");
    let ended = setup.run(&["run", "--config", "absent.yaml"]).await.exits(2);
    assert!(ended.stderr.contains("absent.yaml"), "{}", ended.stderr);
}

/// The knocker is worth nothing if it could not tell an open listener.
#[tokio::test]
async fn what_is_right_is_served() {
    let (public, admin) = (free(), free());
    let knocker = Knocker::at(public);
    let gateway = Setup::new(&policy(public, admin).route(NOTHING)).start().await;
    assert_eq!(get(gateway.address(), "/", &[]).await.status, 204);
    assert_eq!(gateway.address(), public);
    wait::until("somebody knocked", || is_open(public)).await;
    assert!(knocker.was_open());
}

#[tokio::test]
async fn ten_thousand_routes_hold_little_memory() {
    const MIB: u64 = 1024 * 1024;
    let mut resident = Vec::new();
    for routes in [10, 10_000] {
        let mut policy = Policy::new()
            .public("")
            .upstream("origin", "endpoints: [127.0.0.1:1]");
        for number in 0..routes {
            let keys = "public: true\nto: origin";
            policy = policy.route(&format!(
                "name: r-{number}\nmatch: {{ path: /r/{number:05}/** }}\n{keys}"
            ));
        }
        let gateway = Gateway::start(&policy).await;
        resident.push(procinfo::resident_bytes(gateway.pid()));
    }
    let grown = resident[1].saturating_sub(resident[0]);
    // 14 MiB in most starts and 22 in some, as pages happen to be shared; a hundred if nothing goes back.
    assert!(
        grown < 32 * MIB,
        "what the boot needed is given back: {} KiB",
        grown / 1024
    );
}
