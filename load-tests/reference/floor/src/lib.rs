//! The parts of the reference gateways: what a gateway on this platform costs before it does anything.
//!
//! Nothing here is used by the gateway itself, and no peer does less than its name says.

pub mod duties;
pub mod lean;
pub mod server;
pub mod still;
