//! What credentials that were proved before cost in memory: nothing, whoever vouched for them.

#![expect(unsafe_code, reason = "an allocator cannot be written without it")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;

use adamant_auth::{Basic, Introspection};
use adamant_filter::serde_json::{Value, json};
use adamant_filter::trial::{Trial, TrialHost};
use adamant_filter::{Answer, Filter, Request, Verdict};

struct Counting;

thread_local! {
    // Constant and without a destructor: using it allocates nothing.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator as it came, so its guarantees are ours; counting
// touches a thread-local cell only and never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promise about `memory` is passed on.
        unsafe { System.alloc(memory) }
    }

    unsafe fn dealloc(&self, place: *mut u8, memory: Memory) {
        // SAFETY: `place` came from `alloc` above with this `memory`, hence from the system's allocator.
        unsafe { System.dealloc(place, memory) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of the first request with this credential, and of the second.
fn allocations<F: Filter>(config: &Value, host: &mut TrialHost, authorization: &str) -> [u64; 2] {
    let trial = Trial::with_host::<F>(config, host);
    [(); 2].map(|()| {
        let request = Request::build("GET".parse().expect("a method"), "/").expect("a target");
        let mut request = trial.prepare(request.with_header("authorization", authorization));
        let before = CALLS.get();
        let verdict = trial.ask(&mut request);
        let spent = CALLS.get() - before;
        assert!(matches!(verdict, Verdict::Pass), "{verdict:?}");
        spent
    })
}

#[test]
fn a_password_that_was_proved_allocates_nothing() {
    let hash = Basic::hash("sesame", &[7; 16]).expect("a password");
    let users = json!({"users": [{"name": "acme", "hash": hash, "scopes": ["read"]}]});
    let mut host = TrialHost::new().with_file("users.yaml", users.to_string());
    let config = json!({"users": {"file": "users.yaml"}});
    // `acme:sesame`.
    let [first, second] = allocations::<Basic>(&config, &mut host, "Basic YWNtZTpzZXNhbWU=");
    assert!(first > 0, "the counter counts");
    assert_eq!(second, 0);
}

#[test]
fn a_token_that_was_asked_about_allocates_nothing() {
    let answer = Answer {
        status: "200".parse().expect("a status"),
        fields: vec![(
            "content-type".parse().expect("a name"),
            "application/json".parse().expect("a value"),
        )],
        body: r#"{"active":true,"sub":"acme","scope":"read"}"#.into(),
    };
    let mut host = TrialHost::new().with_answer("https://id.test", answer);
    let config = json!({
        "url": "https://id.test/", "client": {"id": "g", "secret": {"env": "S"}},
        "any-audience": true, "active-for": "1m",
    });
    let [first, second] = allocations::<Introspection>(&config, &mut host, "Bearer abc");
    assert!(first > 0, "the counter counts");
    assert_eq!(second, 0);
}
