//! Carry the bytes: Pingora, sockets, files, clock. It decides nothing; the plan does.
//!
//! May depend on the contract, the policy, observation and everything that touches the outside world. Must
//! hold no decision of its own: no `if` on the content of a policy.
//!
//! | module | |
//! |---|---|
//! | `gateway` | from a plan to a serving process, and its end |
//! | `host` | what filters are granted |
//! | `outbound` | calls that filters make |
//! | `listen` | sockets, accept loops, client streams, TLS |
//! | `body_memory` | the memory that held bodies take |
//! | `carrier` | which carrier serves a request |
//! | `lane` | the lean carrier: HTTP/1.1 requests that are here whole |
//! | `proxy` | the general carrier: Pingora's proxy loop |
//! | `engine` | what both do with an exchange: begin, decide, answer |
//! | `exchange` | a request with its response on the way |
//! | `outgoing` | the head that an endpoint sees |
//! | `answers` | our own answers |
//! | `overload` | what is in flight, how long work waits, and whom to shed |
//! | `finish`, `observation` | records and numbers |
//! | `upstream` | endpoints, names, health, retries |
//! | `balance` | one endpoint of many |
//! | `store` | state that instances share |
//! | `echo` | the built-in origin |
//! | `admin` | the operators' listeners |
//! | `log_sink` | where access log lines end |
//! | `clock`, `request_id`, `reasons` | small parts |

mod abandon;
pub mod admin;
mod answers;
mod balance;
mod body_memory;
mod carrier;
mod clock;
mod echo;
mod engine;
mod exchange;
mod finish;
mod gateway;
mod host;
mod incoming;
mod lane;
pub mod listen;
mod log_sink;
mod observation;
mod outbound;
mod outgoing;
mod overload;
mod proxy;
mod reasons;
mod request_id;
mod store;
pub mod upstream;

pub use gateway::{Addresses, Ended, Gateway, Machine, StartError};
pub use host::{Granted, LiveHost, PolicyHost};
