//! The commands as whoever types them sees them: arguments in, text and exit code out.
//!
//! Runs the built binary in folders of its own; nothing here reaches into the crate.

mod binary;
mod check;
mod example;
mod explain;
mod keygen;
mod repository;
mod run;
mod show;
mod test;
