//! The `adamant` program: the builder with the built-in filters, and the process's allocator.
//!
//! Holds nothing else, so that a custom binary is this file with one more line.

use std::process::ExitCode;

// The path through Pingora makes some seventy allocations a request; this allocator makes them cheaper.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    adamant::Adamant::with_builtins().main()
}
