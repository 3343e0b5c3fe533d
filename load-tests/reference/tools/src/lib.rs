//! What drives the load tests: the parts of the origin, the load generator and the fixture maker.
//!
//! It knows no gateway: it sees a port, processes to watch, and bytes.

pub mod accounting;
pub mod channel;
pub mod histogram;
pub mod job;
pub mod load;
pub mod message;
pub mod poller;
pub mod template;
pub mod tokens;
