//! The harness of the black-box tests: it starts the real binary and stands on both sides of it.
//!
//! It depends on no crate of ours and knows nothing that a user could not know: the command line, the
//! file, sockets, and the JSON that the binary prints. It never mocks a part of the gateway.
//!
//! A test reads like this: an [`Origin`] answers by a script and remembers what it received, a [`Policy`]
//! is the text of `gateway.yaml`, [`Gateway`] is the running process, and a [`Client`] or [`H2Client`]
//! speaks to it. Every wait has a deadline (see [`wait`]); whatever was started ends when it is dropped.

pub mod browser;
pub mod certificates;
pub mod client;
pub mod command;
pub mod folder;
pub mod frames;
pub mod gateway;
pub mod h2_client;
pub mod idp;
pub mod issuer;
pub mod login;
pub mod message;
pub mod mutual;
pub mod origin;
pub mod policy;
pub mod procinfo;
pub mod redis;
pub mod repository;
pub mod script;
pub mod wait;
mod wire;

pub use browser::Browser;
pub use certificates::{Authority, Site};
pub use client::Client;
pub use command::Adamant;
pub use folder::Folder;
pub use gateway::Gateway;
pub use h2_client::H2Client;
pub use idp::Idp;
pub use issuer::Issuer;
pub use message::{Fields, Response, Seen};
pub use mutual::Mutual;
pub use origin::Origin;
pub use policy::Policy;
pub use redis::Redis;
pub use script::Answer;

/// Says which keys of the language the test around it shows at work, such as `upstreams.*.retry.attempts`.
///
/// It does nothing: `tests/keys.rs` reads the sources and fails for every key that no test names.
pub const fn covers(_keys: &[&str]) {}
