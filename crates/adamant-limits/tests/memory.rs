//! What the limiters cost in memory, counted by the allocator of this test binary.

#![expect(unsafe_code, reason = "an allocator cannot be written without it")]
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;
use std::net::Ipv4Addr;

use adamant_filter::serde_json::json;
use adamant_filter::trial::TrialHost;
use adamant_filter::{Built, Catalogue, Layout, Node, Request, RequestHook, Tick, Verdict};

struct Counting;

thread_local! {
    // Constant and without a destructor: using them allocates nothing.
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: i64) {
    LIVE.set(LIVE.get() + sign * i64::try_from(bytes).expect("no allocation is that large"));
    CALLS.set(CALLS.get() + 1);
}

// SAFETY: every call is handed to the system's allocator as it came, so its guarantees are ours; counting
// touches thread-local cells only and never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        count(memory.size(), 1);
        // SAFETY: the caller's promise about `memory` is passed on.
        unsafe { System.alloc(memory) }
    }

    unsafe fn dealloc(&self, place: *mut u8, memory: Memory) {
        count(memory.size(), -1);
        // SAFETY: `place` came from `alloc` above with this `memory`, hence from the system's allocator.
        unsafe { System.dealloc(place, memory) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The built filter and a request that carries its words.
fn built(config: &adamant_filter::serde_json::Value) -> (Built, Request) {
    let catalogue = adamant_limits::register(Catalogue::new());
    let mut layout = Layout::default();
    let rate = catalogue.get("rate").expect("it is registered");
    let built = rate
        .build(&Node::from_json(config), &mut TrialHost::new(), &mut layout)
        .expect("it builds");
    let mut request = Request::build(adamant_filter::prelude::Method::GET, "/").expect("a request");
    let origin = request.origin().clone();
    request.begin(origin, layout.slots(), layout.words());
    (built, request)
}

fn passes(built: &Built, request: &mut Request, client: u32, now: u64) -> bool {
    let origin = request.origin_mut();
    origin.client = Ipv4Addr::from(client).into();
    origin.now = Tick(now);
    let [RequestHook::Sync(hook)] = built.wired.request.as_slice() else {
        panic!("one sync hook")
    };
    matches!(hook(request), Verdict::Pass)
}

/// SplitMix64: the same addresses in every run.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Two clients that strangers, whose addresses have the second bit, never are.
const HOT: u32 = 1;
const LIGHT: u32 = 5;

/// How many of 10000 requests a second of a hot client pass, and of four a second of a light one, beside a million
/// strangers a second. Memory stays within what was reserved.
fn hot_and_light(config: &adamant_filter::serde_json::Value, keys: u64) -> (u64, u64) {
    let before = LIVE.get();
    let (built, mut request) = built(config);
    let reserved: u64 = built.needs.reserved.iter().map(|(_, size)| size.bytes()).sum();
    let (mut state, mut hot, mut light, mut largest) = (7, 0_u64, 0_u64, 0);
    for n in 0..keys {
        let now = n * 1_000;
        #[expect(clippy::cast_possible_truncation, reason = "an address is the lower half")]
        passes(&built, &mut request, random(&mut state) as u32 | 2, now);
        if n % 100 == 0 {
            hot += u64::from(passes(&built, &mut request, HOT, now));
            largest = largest.max(LIVE.get() - before);
        }
        if n % 250_000 == 0 {
            light += u64::from(passes(&built, &mut request, LIGHT, now));
        }
    }
    let largest = u64::try_from(largest).expect("memory was taken");
    assert!(largest <= reserved, "{largest} of {reserved} bytes");
    (hot, light)
}

#[test]
fn a_hot_key_stays_limited_and_memory_bounded_under_ten_million_random_keys() {
    // Each stranger is in debt for a tenth of a second: twice as many as are remembered.
    let config = json!({"by": "address", "allow": "10/s", "burst": 20, "remember": 50000});
    let (hot, light) = hot_and_light(&config, 10_000_000);
    assert_eq!(hot, 20 + 99, "the burst and ten a second");
    assert_eq!(light, 40, "strangers take nothing from anybody");
}

#[test]
fn the_same_holds_for_windows() {
    let config = json!({"by": "address", "allow": "10/250ms", "algorithm": "sliding", "remember": 5000});
    let (hot, light) = hot_and_light(&config, 10_000_000);
    assert_eq!(hot, sliding(10, 250_000_000), "as one key alone");
    assert_eq!(light, 40, "strangers take nothing from anybody");
}

/// How many of 10000 requests a second pass in ten seconds, by the counts of two windows of so many nanoseconds.
fn sliding(at_most: u64, window: u64) -> u64 {
    let (mut passed, mut began, mut count, mut before) = (0, 0, 0, 0_u64);
    for now in (0..10_000_000_000_u64).step_by(100_000) {
        if now - began >= window {
            (before, count, began) = (count, 0, now - now % window);
        }
        let wanes = (before * (began + window - now)).div_ceil(window);
        if wanes + count < at_most {
            count += 1;
            passed += 1;
        }
    }
    passed
}

#[test]
fn a_known_key_costs_no_allocation() {
    let (built, mut request) = built(&json!({"by": ["address", "method"], "allow": "1/h", "burst": 2}));
    assert!(passes(&built, &mut request, 1, 0));
    let before = CALLS.get();
    let passed = passes(&built, &mut request, 1, 1);
    assert_eq!((passed, CALLS.get() - before), (true, 0));
}
