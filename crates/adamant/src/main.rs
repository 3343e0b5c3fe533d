//! The `adamant` program: the builder with the built-in filters, and the process's allocator.
//!
//! Holds nothing else, so that a custom binary is this file with one more line.

mod allocator;

use std::process::ExitCode;

// The path through Pingora makes some seventy allocations a request; this allocator makes them cheaper.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    allocator::before_boot();
    adamant::Adamant::with_builtins()
        .before_serving(allocator::before_serving)
        .main()
}
