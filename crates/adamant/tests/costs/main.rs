//! What decisions cost on the heap. Whole exchanges are counted in `floor`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod counting;
mod decisions;
mod site;
