//! The load: requests on many connections from one thread, as fast as answers come or at a constant rate.
//!
//! At a constant rate a request is due at its time whether or not a connection is free, and its latency
//! counts from then: a slow answer never hides the ones that had to wait for it.

mod slot;
mod tally;

use std::collections::VecDeque;
use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::slot::{Slot, Step};
use self::tally::Tally;
use crate::channel::Dialler;
use crate::job::Job;
use crate::poller::Poller;
use crate::template::Template;

/// Largest piece taken from a connection at once.
const ROOM: usize = 256 * 1024;

/// Longest sleep, so that ends of windows are seen.
const NAP: u64 = 20_000_000;

/// Longest wait for the warm requests beyond the warm time.
const WARM_WAIT: u64 = 8_000_000_000;

/// A running load.
struct Load {
    job: Job,
    template: Template,
    dialler: Dialler,
    poller: Poller,
    slots: Vec<Slot>,
    /// Connections with nothing to do, at a constant rate.
    free: VecDeque<usize>,
    /// Times of requests that are due and found no free connection.
    overdue: VecDeque<u64>,
    /// Slots whose connection could not be opened.
    broken: Vec<usize>,
    turn: u64,
    room: Vec<u8>,
    start: Instant,
    tally: Tally,
}

/// Does the job and reports.
pub fn run(job: Job) -> Result<Value, Box<dyn Error>> {
    let template = Template::read(&job.request, job.values.as_deref())?;
    // Without it the kernel may round a wait up by 50 µs.
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?;
    let mut load = Load {
        dialler: Dialler::new(job.port, job.tls, job.fresh)?,
        poller: Poller::new()?,
        slots: (0..job.connections).map(|_| Slot::new()).collect(),
        free: VecDeque::new(),
        overdue: VecDeque::new(),
        broken: Vec::new(),
        turn: 0,
        room: vec![0; ROOM],
        start: Instant::now(),
        tally: Tally::new(job.watch.clone()),
        template,
        job,
    };
    load.measure()?;
    let overdue = load.overdue.len();
    Ok(load.tally.report(load.job.expect, overdue))
}

impl Load {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn measure(&mut self) -> Result<(), Box<dyn Error>> {
        for index in 0..self.slots.len() {
            self.next(index);
        }
        let warm = nanoseconds(self.job.warm_seconds);
        let length = nanoseconds(self.job.seconds);
        let mut issued = 0;
        loop {
            let now = self.now();
            if let Some(began) = self.tally.began() {
                if now >= began + length {
                    self.tally.end(now);
                    return Ok(());
                }
                self.tally.slice(now);
            } else if now >= warm
                && (self.tally.answers_ever() >= self.job.warm_requests || now >= warm + WARM_WAIT)
            {
                self.tally.begin(now);
            }
            let wait = match self.job.rate {
                Some(rate) => self.issue(rate, &mut issued, now),
                None => NAP,
            };
            let tokens = self.poller.wait(Some(Duration::from_nanos(wait)))?;
            if tokens.is_empty() {
                self.mend();
            }
            for token in &tokens {
                self.handle(*token);
            }
            self.poller.recycle(tokens);
        }
    }

    /// Starts what is due at a constant rate; tells how long nothing more is.
    fn issue(&mut self, rate: f64, issued: &mut u64, now: u64) -> u64 {
        loop {
            let due = (*issued as f64 * 1e9 / rate) as u64;
            if due > now {
                return (due - now).min(NAP);
            }
            *issued += 1;
            match self.free.pop_front() {
                Some(index) => self.begin(index, due),
                None => self.overdue.push_back(due),
            }
        }
    }

    /// Tries connections again that could not be opened.
    fn mend(&mut self) {
        for index in std::mem::take(&mut self.broken) {
            self.next(index);
        }
    }

    /// A slot has nothing to do: gives it its next request, if one is due.
    fn next(&mut self, index: usize) {
        if self.job.rate.is_none() {
            self.begin(index, self.now());
        } else if let Some(due) = self.overdue.pop_front() {
            self.begin(index, due);
        } else {
            self.free.push_back(index);
        }
    }

    fn begin(&mut self, index: usize, due: u64) {
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        self.template.fill(self.turn, slot.start(due));
        self.turn += 1;
        if slot.is_open() {
            if let Step::Failed = slot.push() {
                self.fail(index);
            }
            return;
        }
        let dialled = self.dialler.dial();
        self.tally.connected();
        let watched = dialled.and_then(|channel| {
            let token = u64::from(slot.open()) << 32 | index as u64;
            self.poller.watch(&channel, token)?;
            slot.attach(channel);
            Ok(())
        });
        if watched.is_err() {
            self.tally.failed();
            self.broken.push(index);
        }
    }

    fn handle(&mut self, token: u64) {
        let index = (token & u64::from(u32::MAX)) as usize;
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        if u64::from(slot.generation()) != token >> 32 {
            return;
        }
        match slot.advance(&mut self.room) {
            Step::Waiting => {}
            Step::Failed => self.fail(index),
            Step::Gone => self.next(index),
            Step::Answered { status, bytes } => {
                let due = slot.due();
                self.tally.answered(status, bytes, self.now().saturating_sub(due));
                self.finish(index);
            }
        }
    }

    /// An answer is complete: what becomes of its connection?
    fn finish(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        if self.job.fresh && !self.job.tls {
            // The gateway closes first, as the request asked, and keeps the closed connection's remains.
            if let Step::Waiting = slot.leave(&mut self.room) {
                return;
            }
        } else if self.job.fresh || slot.must_close() {
            slot.close();
        }
        self.next(index);
    }

    fn fail(&mut self, index: usize) {
        self.tally.failed();
        if let Some(slot) = self.slots.get_mut(index) {
            slot.close();
        }
        self.next(index);
    }
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
