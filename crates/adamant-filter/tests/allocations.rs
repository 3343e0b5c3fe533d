//! What the contract itself costs in memory: nothing, as long as no hook waits.

#![expect(unsafe_code, reason = "an allocator cannot be written without it")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;
use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{self, json};
use adamant_filter::trial::Trial;
use pingora_http::{RequestHeader, ResponseHeader};

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

/// Allocations during `work`.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

/// A filter with a hook at every moment that does what filters do.
struct Everywhere {
    writes: Writes<Identity>,
    reads: Reads<Identity>,
    word: Word,
    key: Key,
    identity: Arc<Identity>,
    value: HeaderValue,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

const FIELD: HeaderName = HeaderName::from_static("x-field");

impl Everywhere {
    const SHORT: Reason = Reason::new("short", 400, "the key is too short");

    fn ask(&self, request: &mut Request) -> Verdict {
        // Identities live in a table or cache; sharing one is not making one.
        request.put(&self.writes, Arc::clone(&self.identity));
        let scoped = request
            .get(&self.reads)
            .is_some_and(|identity| identity.has_scope("orders:read"));
        let length = self.key.of(request, |key| key.map_or(0, <[u8]>::len));
        request.set_word(self.word, length as u64);
        request.remove_headers(|name| name.as_str().starts_with("x-internal-"));
        request.note("seen");
        let known = request.path().len() + request.host().len() + request.segments().count();
        if scoped && known > 0 && length > 20 {
            Verdict::Pass
        } else {
            Self::SHORT.deny()
        }
    }

    fn piece(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        request.set_word(self.word, request.word(self.word) + chunk.data().len() as u64);
        Verdict::Pass
    }
}

impl Filter for Everywhere {
    const NAME: &'static str = "everywhere";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::SHORT];
    type Config = Nothing;

    fn build(_: Nothing, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let by = [
            "consumer",
            "address",
            "route",
            "listener",
            "method",
            "header:x-tenant",
        ];
        let by = serde_json::from_value(json!(by)).map_err(|e| Problem::at("", e.to_string()))?;
        let identity = Identity::new("api-key", "", "acme").with_scopes(["orders:read"]);
        Ok(Self {
            writes: boot.writes(),
            reads: boot.reads(),
            word: boot.word(),
            key: boot.key(&by)?,
            identity: Arc::new(identity),
            value: HeaderValue::from_static("seen"),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request(Self::ask)
            .request_or_async(|_, _| Some(Verdict::Pass), Self::never)
            .request_body(Self::piece)
            .attempt(|_, attempt| {
                attempt.remove_header(&FIELD);
                Ok(())
            })
            .response(|filter, response| {
                response.remove_headers(|name| filter.value == name.as_str());
                response.set_word(filter.word, u64::from(response.status().as_u16()));
                Verdict::Pass
            })
            .response_body(|filter, request, _| {
                request.set_word(filter.word, 0);
                Verdict::Pass
            })
            .finish(|filter, finished| {
                let _ = finished.word(filter.word);
            })
    }
}

impl Everywhere {
    async fn never(&self, _: &mut Request) -> Verdict {
        Self::SHORT.deny()
    }
}

fn request() -> Request {
    let request = Request::build(Method::POST, "/v1/orders/7?page=2").expect("a request target");
    let request = request
        .with_header("x-tenant", "blue")
        .with_header("x-internal-a", "1");
    request
        .with_header("x-internal-b", "2")
        .with_header("accept", "*/*")
}

#[test]
fn hooks_that_do_not_wait_allocate_nothing() {
    let trial = Trial::of::<Everywhere>(&json!({}));
    let mut request = trial.prepare(request());
    let mut piece = Chunk::new("body".into(), true);
    let mut outgoing = RequestHeader::clone(request.head());
    let mut answer = ResponseHeader::build_no_case(200, None).expect("a head");
    let count = allocations(|| {
        assert!(matches!(trial.ask(&mut request), Verdict::Pass));
        assert!(matches!(trial.body(&mut request, &mut piece), Verdict::Pass));
        assert!(trial.attempt(&request, &mut outgoing, 1, "orders").is_ok());
        assert!(matches!(
            trial.response(&request, &mut answer, false),
            Verdict::Pass
        ));
        assert!(matches!(trial.response_body(&request, &mut piece), Verdict::Pass));
    });
    assert_eq!(count, 0);
    assert!(
        request.header(&HeaderName::from_static("x-internal-a")).is_none(),
        "the hooks really ran"
    );
}

#[test]
fn a_refusal_without_fields_allocates_nothing() {
    let trial = Trial::of::<Everywhere>(&json!({}));
    let mut request = trial.prepare(Request::build(Method::GET, "/").expect("a request target"));
    let count = allocations(|| assert!(matches!(trial.ask(&mut request), Verdict::Deny(_))));
    assert_eq!(count, 0);
}

#[test]
fn a_request_is_used_again_without_allocation() {
    let trial = Trial::of::<Everywhere>(&json!({}));
    let mut request = trial.prepare(request());
    let origin = request.origin().clone();
    let (slots, words) = (1, 1);
    // The carrier takes its head back at the end of an exchange and leaves the spare one.
    request.end();
    let count = allocations(|| {
        for _ in 0..3 {
            request.end();
            request.begin(origin.clone(), slots, words);
        }
    });
    assert_eq!(count, 0);
}
