//! The commands as whoever types them sees them: arguments in, text and exit code out.
//!
//! Runs the built binary in folders of its own; nothing here reaches into the crate.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod binary;
mod check;
mod example;
mod explain;
mod import;
mod keygen;
mod repository;
mod run;
mod show;
mod test;
