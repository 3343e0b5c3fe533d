//! What every filter must keep, tried on each filter of this crate: one line each.

use adamant_filter::serde_json::json;
use adamant_filter::trial::{Heap, TrialHost, conformance};

use crate::addresses::Addresses;
use crate::body_size::BodySize;
use crate::headers::Headers;
use crate::methods::Methods;

#[global_allocator]
static HEAP: Heap = Heap;

conformance!(methods: Methods, [json!({"allow": ["GET", "POST"]})]);
conformance!(
    addresses: Addresses,
    [
        json!({"allow": ["192.0.2.0/24", "2001:db8::/32"]}),
        json!({"deny": {"file": "list.txt"}}),
    ],
    TrialHost::new().with_file("list.txt", "198.51.100.0/24\n# nobody else\n")
);
conformance!(body_size: BodySize, [json!({"at-most": "0B"}), json!({"at-most": "5B"}), json!({"at-most": "1MiB"})]);
conformance!(headers: Headers, [json!({
    "request": {"set": {"x-a": "1"}, "add": {"vary": "origin"}, "remove": ["x-internal-*", "cookie"]},
    "response": {"remove": ["server"]}
})]);
