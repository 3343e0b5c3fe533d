//! What a filter is: the contract between Adamant and everyone who writes a step of policy.
//!
//! May depend on: `http`, `bytes`, `serde`, `schemars` and `pingora-http` (a private detail: heads are
//! opaque). Must never know a socket, a runtime, a file system or a clock; those reach a filter only
//! through what [`Boot`] grants. Depends on no other crate of Adamant.
//!
//! Start with [`Filter`]; the example below is a whole one.
//!
//! | Module | What it holds |
//! |---|---|
//! | `filter` | the trait and the roles |
//! | `hooks` | wiring of methods to moments |
//! | `verdict` | pass, deny, reply, fault, and constant reasons |
//! | `details` | where in a request something is wrong |
//! | `request`, `response`, `attempt`, `body`, `finished` | what hooks see |
//! | `query` | names of query parameters |
//! | `slot`, `identity`, `consumers`, `key` | typed facts between filters, the consumer, keys for limits |
//! | `journal` | what a branch of a group changed |
//! | `boot`, `host` | what a filter may ask for, and who grants it |
//! | `unanswered`, `offline` | why a call brought no answer, and the world where nobody answers |
//! | `memory_store` | a shared store for trials and offline commands |
//! | `catalogue` | registered filters behind an object-safe face |
//! | `node`, `decode`, `problem`, `units` | the file's tree with positions, and quantities with units |
//! | `time` | ticks and wall time |
//! | `trial` | the author's test bench (feature `trial`) |
//!
//! ```
//! use adamant_filter::prelude::*;
//!
//! /// Refuses requests that carry the header field `x-debug`.
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields, rename_all = "kebab-case")]
//! pub struct NoDebugConfig {
//!     /// Let everyone through, for staging.
//!     #[serde(default)]
//!     lenient: bool,
//! }
//!
//! pub struct NoDebug { lenient: bool }
//!
//! impl NoDebug {
//!     const PRESENT: Reason = Reason::new("present", 403, "debug requests are not served here");
//!
//!     fn check(&self, request: &mut Request) -> Verdict {
//!         if self.lenient || request.header(&HeaderName::from_static("x-debug")).is_none() {
//!             return Verdict::Pass;
//!         }
//!         Self::PRESENT.deny()
//!     }
//! }
//!
//! impl Filter for NoDebug {
//!     const NAME: &'static str = "no-debug";
//!     const ROLE: Role = Role::Guard;
//!     const REASONS: &'static [&'static Reason] = &[&Self::PRESENT];
//!     type Config = NoDebugConfig;
//!
//!     fn build(config: NoDebugConfig, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
//!         Ok(Self { lenient: config.lenient })
//!     }
//!
//!     fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
//!         hooks.request(Self::check)
//!     }
//! }
//! ```
#![cfg_attr(
    not(feature = "engine"),
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "constructors that only the engine calls are compiled but not exported"
    )
)]

mod answered;
mod attempt;
mod body;
mod boot;
mod catalogue;
mod consumers;
mod decode;
mod details;
mod fields;
mod filter;
mod finished;
mod hooks;
mod host;
mod identity;
mod journal;
mod key;
mod memory_store;
mod node;
pub mod offline;
pub mod prelude;
mod problem;
mod query;
mod request;
mod response;
mod slot;
mod time;
#[cfg(feature = "trial")]
pub mod trial;
mod turn;
pub mod unanswered;
mod units;
mod verdict;

pub use answered::Answered;
pub use attempt::Attempt;
pub use body::Chunk;
pub use boot::{Boot, Needs, Preflights};
pub use catalogue::{Built, Catalogue, Registered};
pub use consumers::{Consumer, Consumers, KnownBy};
pub use decode::{Form, OneOrMany, ShortOrLong, Spanned, decode, decode_with, inspect, read, schema_of};
pub use details::{DETAILS_MAX, Detail, Details, Place};
pub use filter::{Filter, Role};
pub use finished::Finished;
pub use hooks::{AsyncFn, AsyncHook, Hooks, RequestHook, Waiting, Wired};
pub use host::{
    Answer, Background, Blocking, Call, Charge, Charged, Counter, Host, Keep, Measure, Pending, Periodic,
    Random, Readiness, Secret, Store, Target, Transport,
};
pub use identity::{Identity, TlsFacts};
#[cfg(feature = "engine")]
pub use journal::Mark;
pub use key::{Key, KeyBy};
pub use memory_store::MemoryStore;
pub use node::{Content, Entry, Node, Span};
pub use problem::{Problem, Problems, did_you_mean};
pub use query::is_parameter;
#[cfg(feature = "engine")]
pub use request::InvalidTarget;
pub use request::{CAPTURES_MAX, Origin, Request, RouteFacts, Single, Told};
pub use response::{Hold, Over, Response};
pub use slot::{Layout, MayRead, Reads, Slot, Word, Writes};
pub use time::{Tick, Wall};
pub use turn::{AfterOthers, after_others};
pub use units::{ByteRate, Cidr, Percent, Period, Rate, SecretRef, Size, UnitError};
pub use verdict::{Denial, Fault, Fields, Reason, Reply, Verdict};

pub use {schemars, serde, serde_json};

/// The guide for authors, so that its blocks are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-filters.md")]
struct Guide;
