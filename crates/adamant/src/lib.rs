//! The program: commands, and the builder with which a custom binary links filters of its own.
//!
//! It parses arguments, calls the crates below and prints. It decides nothing about requests.
//!
//! | Module | What it holds |
//! |---|---|
//! | `builder`, `builtins` | which filters a binary links |
//! | `commands` | one file per command |
//! | `policy_file` | the file that a command works on |
//! | `posture` | who can reach what under which protection |
//! | `rehearsal` | keys, tokens and the host of `adamant test` |
//! | `leaves` | the keys of the language |
//! | `manual` | the manual of the linked filters |
//! | `failure`, `output`, `diagnostics` | how a command ends, prints and logs |

mod builder;
mod builtins;
mod commands;
mod diagnostics;
mod failure;
mod leaves;
mod manual;
mod output;
mod policy_file;
mod posture;
mod rehearsal;
mod seclang;

pub use builder::Adamant;
