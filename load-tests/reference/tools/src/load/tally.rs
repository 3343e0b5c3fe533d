//! What a load counts: answers, failures, latencies, and the run time of the watched processes.
//!
//! Only the measured window counts; what went before warms caches.

use serde_json::{Map, Value, json};

use crate::accounting::{Core, Modes, core_use, cores, modes, run_time};
use crate::histogram::Histogram;

/// Length of a slice of the window. The cheapest tenth of the slices estimates what a request costs while
/// nothing else (another guest, a sibling thread, a compiler) is in the way.
const SLICE: u64 = 100_000_000;

/// Fewest answers that make a slice's mean worth keeping.
const SLICE_ANSWERS: u64 = 20;

/// Highest status plus one.
const STATUSES: usize = 600;

/// What the kernel said at one moment.
#[derive(Default)]
struct Reading {
    at: u64,
    run: u64,
    modes: Modes,
    cores: Vec<Core>,
}

/// Where the current slice began.
#[derive(Default)]
struct Slice {
    ends: u64,
    run: u64,
    answers: u64,
}

/// Counts.
pub(super) struct Tally {
    watch: Vec<u32>,
    before: Option<Reading>,
    after: Reading,
    answers_ever: u64,
    answers: u64,
    failures: u64,
    connections: u64,
    bytes: u64,
    statuses: Vec<u64>,
    latencies: Histogram,
    slice: Slice,
    costs: Vec<f64>,
}

impl Tally {
    pub(super) fn new(watch: Vec<u32>) -> Self {
        Self {
            watch,
            before: None,
            after: Reading::default(),
            answers_ever: 0,
            answers: 0,
            failures: 0,
            connections: 0,
            bytes: 0,
            statuses: vec![0; STATUSES],
            latencies: Histogram::default(),
            slice: Slice::default(),
            costs: Vec::new(),
        }
    }

    /// Answers so far, those before the window included.
    pub(super) fn answers_ever(&self) -> u64 {
        self.answers_ever
    }

    /// When the window began.
    pub(super) fn began(&self) -> Option<u64> {
        self.before.as_ref().map(|reading| reading.at)
    }

    /// The window begins.
    pub(super) fn begin(&mut self, now: u64) {
        let reading = self.read(now);
        self.slice = Slice {
            ends: now + SLICE,
            run: reading.run,
            answers: 0,
        };
        self.before = Some(reading);
        // What failed or was opened before the window is not part of it.
        self.failures = 0;
        self.connections = 0;
    }

    /// The window ends.
    pub(super) fn end(&mut self, now: u64) {
        self.after = self.read(now);
    }

    fn read(&self, now: u64) -> Reading {
        Reading {
            at: now,
            run: run_time(&self.watch),
            modes: modes(&self.watch),
            cores: cores(),
        }
    }

    /// Ends the current slice if its time has come.
    pub(super) fn slice(&mut self, now: u64) {
        if now < self.slice.ends {
            return;
        }
        let run = run_time(&self.watch);
        let answers = self.answers - self.slice.answers;
        if answers > SLICE_ANSWERS {
            self.costs
                .push(microseconds(run - self.slice.run) / answers as f64);
        }
        self.slice = Slice {
            ends: now + SLICE,
            run,
            answers: self.answers,
        };
    }

    /// An answer came, `latency` nanoseconds after its request was due.
    pub(super) fn answered(&mut self, status: u16, bytes: u64, latency: u64) {
        self.answers_ever += 1;
        if self.before.is_none() {
            return;
        }
        self.answers += 1;
        self.bytes += bytes;
        self.latencies.add(latency);
        if let Some(count) = self.statuses.get_mut(usize::from(status)) {
            *count += 1;
        }
    }

    /// An exchange or a connection failed.
    pub(super) fn failed(&mut self) {
        self.failures += 1;
    }

    /// A connection was opened.
    pub(super) fn connected(&mut self) {
        self.connections += 1;
    }

    /// Everything as one JSON object; `expect` is the status that answers should have.
    pub(super) fn report(mut self, expect: u16, overdue: usize) -> Value {
        let before = self.before.take().unwrap_or_default();
        let after = &self.after;
        let seconds = (after.at - before.at) as f64 / 1e9;
        let answers = self.answers.max(1) as f64;
        let run = microseconds(after.run - before.run);
        let ticks = |before: u64, after: u64| (after - before) as f64 * 10_000.0 / answers;
        self.costs.sort_by(f64::total_cmp);
        let expected = self.statuses.get(usize::from(expect)).copied().unwrap_or(0);
        json!({
            "requests": self.answers,
            "seconds": seconds,
            "per_second": self.answers as f64 / seconds,
            "failures": self.failures,
            "wrong_status": self.answers - expected,
            "statuses": named(&self.statuses),
            "connections": self.connections,
            "megabytes": self.bytes as f64 / 1e6,
            "overdue": overdue,
            "cpu": run / answers,
            "cpu_user": ticks(before.modes.user, after.modes.user),
            "cpu_kernel": ticks(before.modes.kernel, after.modes.kernel),
            "cpu_cheapest": share(&self.costs, 0.1),
            "cpu_middle": share(&self.costs, 0.5),
            "slices": self.costs.len(),
            "gateway_share": run / 1e6 / seconds,
            "cores": core_use(&before.cores, &after.cores),
            "p50": self.latencies.quantile(0.5),
            "p90": self.latencies.quantile(0.9),
            "p99": self.latencies.quantile(0.99),
            "p999": self.latencies.quantile(0.999),
            "slowest": self.latencies.quantile(1.0),
        })
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

/// The value at a share of a sorted list; null when it is empty.
fn share(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share) as usize).copied()
}

/// Counts under their status, without the zeros.
fn named(statuses: &[u64]) -> Value {
    let seen = statuses.iter().enumerate().filter(|(_, count)| **count > 0);
    Value::Object(
        seen.map(|(status, count)| (status.to_string(), json!(count)))
            .collect::<Map<_, _>>(),
    )
}
