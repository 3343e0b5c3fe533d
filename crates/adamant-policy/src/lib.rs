//! What the file means: bytes to a tree, to a validated [`config::Config`], to a plan, and the pipeline
//! that a plan runs.
//!
//! May depend on `adamant-filter` and on parsers. Does no I/O, reads no clock, and cannot fail except
//! with problems of the file.
//!
//! | Module | What it holds |
//! |---|---|
//! | `text` | bytes to a tree with positions, problems as text |
//! | `language` | what may be written, and what it means |
//! | `check` | cross references and meaning |
//! | `config` | the validated file |
//! | `digest` | its identity |
//! | `receive` | from a head to one canonical request on one route |
//! | `plan` | the executable policy |
//! | `explain` | one request through the plan, and why it ends as it does |
//! | `trials` | policy tests: requests and what is expected of them, in virtual time |

mod check;
pub mod config;
pub mod digest;
pub mod explain;
mod language;
pub mod plan;
pub mod receive;
pub mod text;
pub mod trials;

pub use language::{Words, load, schema};
