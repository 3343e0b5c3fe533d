//! A piece of a body on its way through a hook. Never a whole body unless the filter asked for one.

use std::time::Duration;

use bytes::Bytes;

use crate::time::Tick;

/// One piece of a body.
#[derive(Debug)]
pub struct Chunk {
    data: Bytes,
    last: bool,
    whole: bool,
    now: Tick,
    delay: Duration,
}

impl Chunk {
    /// A piece; `last` when nothing follows.
    #[must_use]
    pub const fn new(data: Bytes, last: bool) -> Self {
        Self {
            data,
            last,
            whole: false,
            now: Tick(0),
            delay: Duration::ZERO,
        }
    }

    /// The same piece, looked at now.
    #[must_use]
    pub const fn at(mut self, now: Tick) -> Self {
        self.now = now;
        self
    }

    /// The body of an answer that was held to its end: its head has not left yet.
    #[must_use]
    pub fn held(data: Bytes) -> Self {
        Self {
            whole: true,
            ..Self::new(data, true)
        }
    }

    /// The same piece for a step in shadow: what is put in its place goes nowhere, and a delay neither.
    #[cfg(feature = "engine")]
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            data: self.data.clone(),
            delay: Duration::ZERO,
            ..*self
        }
    }

    /// Whether this is the whole body of an answer whose head has not left yet, so that a denial replaces the
    /// answer and the body may become longer or shorter. See [`Response::hold_body`](crate::Response::hold_body).
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// The bytes; may be empty.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.last
    }

    /// When a piece of an answer came. For pieces of a request this is no time at all: they are not looked at one
    /// by one.
    #[must_use]
    pub const fn now(&self) -> Tick {
        self.now
    }

    /// Puts other bytes in place of these.
    pub fn replace(&mut self, data: Bytes) {
        self.data = data;
    }

    /// Asks that a piece of an answer be sent so much later. Of several hooks that ask, the longest time holds. What
    /// follows waits at the endpoint meanwhile, and the maximum of time for the whole exchange still cuts it.
    pub fn delay(&mut self, time: Duration) {
        self.delay = self.delay.max(time);
    }

    /// How much later the piece is to be sent.
    #[must_use]
    pub const fn delayed(&self) -> Duration {
        self.delay
    }

    /// Gives up the bytes.
    #[must_use]
    pub fn into_data(self) -> Bytes {
        self.data
    }
}
