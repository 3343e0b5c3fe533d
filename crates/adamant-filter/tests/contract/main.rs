//! Toy filters, one for each thing that a later filter will need: proof that the contract carries them.
//!
//! Nothing here is a filter of the product, and nothing uses more than what strangers may use.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod exchange;
mod outside;
mod successor;

use adamant_filter::prelude::*;

/// The configuration of a toy that has nothing to configure.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn get(path: &str) -> Request {
    Request::build(Method::GET, path).expect("a request target")
}
