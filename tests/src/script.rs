//! What an origin answers: a status, fields, and a body made of steps.
//!
//! The same script is played over HTTP/1.1 and HTTP/2, except [`Answer::raw`], which is bytes.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

/// A part of an answer's body, or something that happens there.
#[derive(Clone, Debug)]
pub enum Step {
    /// Bytes.
    Data(Bytes),
    /// This many bytes in pieces of 64 KiB, never held at once.
    Fill(u64),
    /// Nothing for a while.
    Pause(Duration),
    /// Nothing until the gate opens or the other side goes away.
    Gate(Gate),
    /// Nothing more, until the other side goes away.
    Hang,
    /// The connection (HTTP/1.1) or stream (HTTP/2) is reset.
    Reset,
    /// The connection is closed at this place.
    Close,
}

/// A gate that a test opens.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets everybody pass from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is open.
    pub async fn passed(&self) {
        let mut state = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = state.wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

/// How the length of a body is told (HTTP/1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`, which says so many bytes whatever the body has.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection.
    Close,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) steps: Vec<Step>,
    pub(crate) framing: Framing,
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) raw: bool,
    pub(crate) early: bool,
    pub(crate) tunnel: bool,
    pub(crate) delay: Duration,
}

impl Answer {
    /// This status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            fields: Vec::new(),
            steps: Vec::new(),
            framing: Framing::Length(0),
            trailers: Vec::new(),
            raw: false,
            early: false,
            tunnel: false,
            delay: Duration::ZERO,
        }
    }

    /// 200 with this body.
    #[must_use]
    pub fn ok(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = body.len() as u64;
        let answer = Self::status(200).with("content-type", "text/plain");
        Self {
            steps: vec![Step::Data(body)],
            framing: Framing::Length(length),
            ..answer
        }
    }

    /// 200 with a body of this media type.
    #[must_use]
    pub fn of(media: &str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::ok(body);
        answer.fields.clear();
        answer.with("content-type", media)
    }

    /// 200 with a body of these steps, chunked.
    #[must_use]
    pub fn stream(steps: Vec<Step>) -> Self {
        Self {
            steps,
            framing: Framing::Chunked,
            ..Self::status(200)
        }
    }

    /// Exactly these bytes, then the connection is closed (HTTP/1.1 only).
    #[must_use]
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::raw_steps(vec![Step::Data(bytes.into()), Step::Close])
    }

    /// Exactly the bytes of these steps (HTTP/1.1 only).
    #[must_use]
    pub fn raw_steps(steps: Vec<Step>) -> Self {
        Self {
            steps,
            raw: true,
            ..Self::status(200)
        }
    }

    /// No byte of an answer; the connection is reset.
    #[must_use]
    pub fn reset() -> Self {
        Self::raw_steps(vec![Step::Reset])
    }

    /// No byte of an answer; the connection stays open.
    #[must_use]
    pub fn silence() -> Self {
        Self::raw_steps(vec![Step::Hang])
    }

    /// 101 to this protocol, then every byte is sent back.
    #[must_use]
    pub fn switch(protocol: &str) -> Self {
        let answer = Self::status(101)
            .with("connection", "upgrade")
            .with("upgrade", protocol);
        Self {
            tunnel: true,
            ..answer
        }
    }

    /// With another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With a header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With trailer fields (chunked or HTTP/2).
    #[must_use]
    pub fn trailers(mut self, trailers: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        self.trailers = trailers.iter().map(owned).collect();
        self
    }

    /// With another way to tell the length.
    #[must_use]
    pub fn framed(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// Answered before the body of the request is read.
    #[must_use]
    pub fn early(self) -> Self {
        Self { early: true, ..self }
    }

    /// Answered after a while.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}
