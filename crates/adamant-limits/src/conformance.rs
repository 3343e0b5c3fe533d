//! What every filter must keep, tried on each filter of this crate: one line each, with bounds that are small.

use adamant_filter::serde_json::json;
use adamant_filter::trial::{Heap, TrialHost, conformance};

use crate::bandwidth::Bandwidth;
use crate::failures::Failures;
use crate::in_flight::InFlight;
use crate::quota::Quota;
use crate::rate::RateLimit;

#[global_allocator]
static HEAP: Heap = Heap;

conformance!(rate: RateLimit, [
    json!({"by": "address", "allow": "5/s", "remember": 100}),
    json!({"by": ["consumer", "header:x-tenant"], "missing": "share", "allow": "5/s", "remember": 100}),
    json!({"by": "address", "remember": 100, "limits": [
        {"id": "second", "allow": "2/s"}, {"id": "day", "allow": "90/d", "by": "method"}
    ]}),
]);
conformance!(in_flight: InFlight, [json!({"by": "address", "at-most": 1, "remember": 100})]);
conformance!(
    quota: Quota,
    [
        json!({"by": "address", "allow": 3, "per": "day", "keep-local": true, "remember": 100}),
        json!({"by": "method", "allow": 900, "per": "month", "zone": "Europe/Berlin",
            "store": "counters", "when-gone": "deny"}),
    ],
    TrialHost::new().with_id("orders")
);
conformance!(failures: Failures, [
    json!({"by": "address", "statuses": [401, 404], "allow": "5/m", "remember": 100}),
]);
conformance!(bandwidth: Bandwidth, [
    json!({"response": "1KiB/s"}),
    json!({"response": "1KiB/s", "by": "address", "remember": 100}),
]);
