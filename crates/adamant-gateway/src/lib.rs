//! Carry the bytes: Pingora, sockets, files, clock. It decides nothing; the plan does.
//!
//! | module | |
//! |---|---|
//! | `listen` | sockets, accept loops, client streams, TLS |
//! | `upstream` | endpoints, names, health, retries |
//! | `balance` | one endpoint of many |
//! | `echo` | the built-in origin |

mod balance;
mod echo;
pub mod listen;
pub mod upstream;
