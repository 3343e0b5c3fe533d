//! What the file means: bytes to a tree, to a validated [`config::Config`], to a plan.
//!
//! Does no I/O and cannot fail except with problems.

pub mod config;
pub mod text;
