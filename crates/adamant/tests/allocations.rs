//! What a decision costs on the heap: nothing on the plain path, and a small number that is written down
//! here on the full chain.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use adamant_filter::{Catalogue, Request};
use adamant_gateway::LiveHost;
use adamant_policy::config::ListenerId;
use adamant_policy::plan::{Decided, Exchange, Plan, Progress};
use adamant_policy::text::Source;
use http::Method;

/// Counts the heap calls of the thread that asks.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

#[allow(unsafe_code, reason = "a global allocator cannot be written without it")]
// SAFETY: every call goes to the system's allocator with the same arguments, so its guarantees hold; the
// counter is a plain cell without a destructor, which may be touched at any time of a thread's life.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const KEY: &str = "adm_demo_secret";

fn plan(filters: &str, routes: usize) -> Plan {
    let mut text = String::from(
        "adamant: 1\nlisteners: { public: { bind: \"127.0.0.1:0\" } }\nupstreams: { echo: { built-in: echo } }\nroutes:\n",
    );
    for route in 0..routes {
        text.push_str(&format!(
            "  - {{ name: r{route}, match: {{ path: /r/{route:05}/** }}, public: true, to: echo, filters: [{filters}] }}\n"
        ));
    }
    let catalogue =
        adamant_limits::register(adamant_guard::register(adamant_auth::register(Catalogue::new())));
    let source = Source::new("gateway.yaml", text.as_bytes());
    let (config, canonical) = adamant_policy::load(&source, &catalogue).expect("the file holds");
    let mut host = LiveHost::offline(Path::new("."));
    Plan::compile(config, &canonical, &catalogue, &mut host).expect("the plan compiles")
}

/// Heap calls of one decision after the memory of an exchange has grown to its size.
fn calls_per_decision(plan: &Plan, path: &str) -> u64 {
    let mut exchange = Exchange::default();
    let mut spent = 0;
    for round in 0..8 {
        let mut request = Request::build(Method::GET, path).expect("a target");
        for (name, value) in [
            ("host", "api.example.test"),
            ("accept", "*/*"),
            ("x-api-key", KEY),
            ("x-client", "c-1"),
        ] {
            request = request.with_header(name, value);
        }
        let origin = request.origin().clone();
        let before = CALLS.get();
        exchange.begin(origin, plan.layout().slots(), plan.layout().words());
        exchange.request.swap_head(request.head_mut());
        plan.receive(&mut exchange, ListenerId(0))
            .expect("the request is well formed");
        let decided = plan.request(&mut exchange);
        let after = CALLS.get();
        assert!(matches!(decided, Progress::Done(Decided::Go)), "{decided:?}");
        if round == 7 {
            spent = after - before;
        }
    }
    spent
}

#[test]
fn the_plain_path_allocates_nothing() {
    assert_eq!(calls_per_decision(&plan("", 10), "/r/00005/items/7?limit=10"), 0);
}

#[test]
fn ten_thousand_routes_allocate_nothing_either() {
    assert_eq!(calls_per_decision(&plan("", 10_000), "/r/05000/items/7"), 0);
}

#[test]
fn guards_and_limits_that_pass_allocate_nothing() {
    let steps = [
        "methods: { allow: [GET] }",
        "addresses: { allow: [192.0.2.0/24] }",
        "body-size: { at-most: 1MiB }",
        "rate: { by: [address, \"header:x-client\"], allow: 1000/s, burst: 1000, remember: 1000, missing: deny }",
    ];
    let steps: Vec<String> = steps.iter().map(|step| format!("{{ {step} }}")).collect();
    assert_eq!(
        calls_per_decision(&plan(&steps.join(", "), 10), "/r/00005/items/7"),
        0
    );
}
