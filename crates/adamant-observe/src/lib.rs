//! What happened: pure functions of finished exchanges, which become log lines and numbers.
//!
//! May depend on: the contract, `http`, `log` and `jiff` (text of a timestamp). Must never know a
//! socket, a file, a thread of its own or a clock: time is handed in, and what leaves the process leaves
//! through a [`Sink`] that the gateway provides.
//!
//! | Module | What it holds |
//! |---|---|
//! | `record` | one finished exchange, borrowed |
//! | `attribute` | the closed sets of label values |
//! | `access_log` | record to JSON line, and the bounded way to the writer thread |
//! | `meters` | counters and histograms, indexed at boot, sharded by worker |
//! | `prometheus` | the numbers as Prometheus text |

mod access_log;
mod attribute;
mod decimal;
mod meters;
mod prometheus;
mod record;

pub use access_log::{AccessLog, AccessLogShape, InvalidFieldName, LogCounts, Sink, Writer};
pub use attribute::{Failure, Method, Protocol, Scheme};
pub use meters::{
    AttemptCounts, DurationTotals, Durations, ExchangeCounts, FilterCounter, FilterMeter, Filters, Inventory,
    Kind, METRICS, Meters, Metric, Outcome, RouteName,
};
pub use prometheus::{CONTENT_TYPE, Connections, EndpointState, Process, Shedding, Surroundings};
pub use record::{Record, Step, UpstreamUse};

/// A thread that carries requests, counted from 0. Each has counters and a log buffer of its own; a
/// number beyond those counted at boot shares the last one's, which is slower but never wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker(pub usize);
