//! What requests cost: heap calls of decisions, heap calls of whole requests, instructions of decisions.
//!
//! Numbers of calls and instructions do not depend on the machine's load; no time is measured here.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod counting;
mod decisions;
mod instructions;
mod requests;
mod site;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits until no other test of this binary counts the heap calls of the process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
