//! One connection of the load and the exchange that is on it.
//!
//! It decides nothing about what comes next; it says how far it has come.

use crate::channel::Channel;
use crate::message::{Kind, Reader};

/// How far an exchange has come.
pub(super) enum Step {
    /// Something has to happen first.
    Waiting,
    /// The answer is whole.
    Answered { status: u16, bytes: u64 },
    /// A connection that was left has ended.
    Gone,
    /// The connection broke, or its bytes made no sense.
    Failed,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// No request.
    Idle,
    /// A request is not yet sent.
    Sending,
    /// An answer is not yet whole.
    Receiving,
    /// The other side should close.
    Leaving,
}

/// A connection, or the place of one.
pub(super) struct Slot {
    channel: Option<Channel>,
    generation: u32,
    phase: Phase,
    request: Vec<u8>,
    sent: usize,
    received: u64,
    due: u64,
    reader: Reader,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            channel: None,
            generation: 0,
            phase: Phase::Idle,
            request: Vec::new(),
            sent: 0,
            received: 0,
            due: 0,
            reader: Reader::new(Kind::Response),
        }
    }

    /// Which of the slot's connections this is; events of earlier ones are stale.
    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    pub(super) fn is_open(&self) -> bool {
        self.channel.is_some()
    }

    /// When the request was due.
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    /// Whether the answer announced the end of its connection.
    pub(super) fn must_close(&self) -> bool {
        self.reader.wants_close()
    }

    /// Starts an exchange; the request goes into what is returned.
    pub(super) fn start(&mut self, due: u64) -> &mut Vec<u8> {
        self.phase = Phase::Sending;
        self.sent = 0;
        self.received = 0;
        self.due = due;
        self.reader.restart();
        &mut self.request
    }

    /// Numbers the connection that is about to be attached.
    pub(super) fn open(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    pub(super) fn attach(&mut self, channel: Channel) {
        self.channel = Some(channel);
    }

    pub(super) fn close(&mut self) {
        self.channel = None;
        self.phase = Phase::Idle;
    }

    /// Waits for the other side to close.
    pub(super) fn leave(&mut self, room: &mut [u8]) -> Step {
        self.phase = Phase::Leaving;
        self.advance(room)
    }

    /// Sends what fits of the request.
    pub(super) fn push(&mut self) -> Step {
        let Some(channel) = &mut self.channel else {
            return Step::Failed;
        };
        let rest = self.request.get(self.sent..).unwrap_or_default();
        match channel.send(rest) {
            Ok(count) => self.sent += count,
            Err(_) => return Step::Failed,
        }
        if self.sent == self.request.len() {
            self.phase = Phase::Receiving;
        }
        Step::Waiting
    }

    /// The connection can do something again.
    pub(super) fn advance(&mut self, room: &mut [u8]) -> Step {
        if self.phase == Phase::Sending
            && let Step::Failed = self.push()
        {
            return Step::Failed;
        }
        match self.phase {
            Phase::Sending => Step::Waiting,
            Phase::Receiving => self.pull(room),
            Phase::Leaving => self.await_end(room),
            Phase::Idle => {
                // Nobody waits for this connection: the next request opens another.
                if let Step::Gone = self.await_end(room) {
                    self.channel = None;
                }
                Step::Waiting
            }
        }
    }

    fn pull(&mut self, room: &mut [u8]) -> Step {
        loop {
            let Some(channel) = &mut self.channel else {
                return Step::Failed;
            };
            let count = match channel.receive(room) {
                Ok(Some(0)) => return self.ended(),
                Ok(Some(count)) => count,
                Ok(None) => return Step::Waiting,
                Err(_) => return Step::Failed,
            };
            self.received += count as u64;
            // Bytes after the answer would belong to no request.
            match self.reader.feed(room.get(..count).unwrap_or_default()) {
                Ok(taken) if taken == count => {}
                _ => return Step::Failed,
            }
            if self.reader.is_done() {
                return self.answered();
            }
            if count < room.len() && matches!(channel, Channel::Plain(_)) {
                return Step::Waiting;
            }
        }
    }

    fn ended(&mut self) -> Step {
        if !self.reader.ends_with_connection() {
            return Step::Failed;
        }
        self.channel = None;
        self.answered()
    }

    fn answered(&mut self) -> Step {
        self.phase = Phase::Idle;
        Step::Answered {
            status: self.reader.status(),
            bytes: self.received,
        }
    }

    fn await_end(&mut self, room: &mut [u8]) -> Step {
        let Some(channel) = &mut self.channel else {
            return Step::Gone;
        };
        loop {
            match channel.receive(room) {
                Ok(None) => return Step::Waiting,
                Ok(Some(count)) if count > 0 => {}
                Ok(_) | Err(_) => {
                    self.close();
                    return Step::Gone;
                }
            }
        }
    }
}
