//! Where the message that is being read ends, followed byte by byte while it passes.
//!
//! It lets the stream hand out exactly one request: what the client sent behind it stays in our buffer
//! until the exchange is over, so that no carrier can read a second request as part of the first one.
//! It never changes or copies a byte, and it is not the parser: the carrier still reads the body itself.

use super::connection::Breach;
use super::frames::Frames;
use super::head::{BodyFraming, HeadFacts};

/// Longest line with a chunk's size and its extensions.
const SIZE_LINE_MAX: u32 = 4 * 1024;
/// Bytes of all trailer lines together.
const TRAILERS_MAX: u32 = 16 * 1024;

/// Progress through one message.
#[derive(Debug)]
pub(super) struct Framing {
    /// Bytes of the head that were not handed out yet.
    head_left: usize,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// This many bytes are left.
    Length(u64),
    Chunked(Chunks),
    /// Not one message but many.
    Http2(Frames),
    /// Not a message: a tunnel.
    Open,
}

impl Framing {
    /// Nothing may be read: between exchanges.
    pub(super) const CLOSED: Self = Self {
        head_left: 0,
        body: Body::Length(0),
    };
    /// Everything may be read.
    pub(super) const OPEN: Self = Self {
        head_left: 0,
        body: Body::Open,
    };
    /// Everything may be read, frame by frame.
    pub(super) const HTTP2: Self = Self {
        head_left: 0,
        body: Body::Http2(Frames::START),
    };

    /// The message whose head was inspected and is still unread.
    pub(super) const fn of(facts: &HeadFacts) -> Self {
        let body = match facts.body {
            BodyFraming::None => Body::Length(0),
            BodyFraming::Length(length) => Body::Length(length),
            BodyFraming::Chunked => Body::Chunked(Chunks::START),
        };
        Self {
            head_left: facts.head_len,
            body,
        }
    }

    /// The body was taken out at once, so only the head is left to hand out.
    pub(super) const fn skip_body(&mut self) {
        self.body = Body::Length(0);
    }

    /// The last byte was handed out.
    #[inline]
    pub(super) const fn is_complete(&self) -> bool {
        self.head_left == 0
            && match &self.body {
                Body::Length(left) => *left == 0,
                Body::Chunked(chunks) => matches!(chunks.state, State::Done),
                Body::Http2(_) | Body::Open => false,
            }
    }

    /// The client has begun something that it must end: the body behind a head, or an HTTP/2 frame.
    #[inline]
    pub(super) const fn is_in_body(&self) -> bool {
        match &self.body {
            Body::Http2(frames) => frames.is_inside(),
            Body::Open => false,
            Body::Length(_) | Body::Chunked(_) => self.head_left == 0 && !self.is_complete(),
        }
    }

    /// How many of these bytes belong to the message; they count as handed out.
    #[inline]
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Result<usize, Breach> {
        let head = self.head_left.min(bytes.len());
        self.head_left -= head;
        let rest = bytes.get(head..).unwrap_or_default();
        // A head goes out before its chunks are looked at, so that a malformed one can still be answered.
        if rest.is_empty() || (head > 0 && matches!(self.body, Body::Chunked(_))) {
            return Ok(head);
        }
        let body = match &mut self.body {
            Body::Length(left) => {
                let passed = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= passed as u64;
                passed
            }
            Body::Chunked(chunks) => chunks.pass(rest)?,
            Body::Http2(frames) => {
                frames.pass(rest);
                rest.len()
            }
            Body::Open => rest.len(),
        };
        Ok(head + body)
    }
}

/// Progress through the chunked coding, RFC 9112 §7.1.
#[derive(Debug)]
struct Chunks {
    state: State,
    /// Bytes of the size line or of the trailers so far.
    overhead: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// At least one digit is due.
    SizeStart,
    Size(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

impl Chunks {
    const START: Self = Self {
        state: State::SizeStart,
        overhead: 0,
    };

    fn pass(&mut self, bytes: &[u8]) -> Result<usize, Breach> {
        let mut rest = bytes;
        loop {
            if let State::Data(left) = self.state {
                // The bulk of a body is skipped, not looked at.
                let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                rest = rest.get(skipped..).unwrap_or_default();
                let left = left - skipped as u64;
                self.state = if left == 0 {
                    State::DataCr
                } else {
                    State::Data(left)
                };
            }
            if matches!(self.state, State::Done) {
                return Ok(bytes.len() - rest.len());
            }
            let Some((&byte, after)) = rest.split_first() else {
                return Ok(bytes.len());
            };
            self.step(byte)?;
            rest = after;
        }
    }

    fn step(&mut self, byte: u8) -> Result<(), Breach> {
        self.state = match (self.state, byte) {
            (State::SizeStart, _) => {
                self.overhead = 1;
                State::Size(hex(byte).ok_or(Breach::Chunk)?)
            }
            (State::Size(size), b'\r') | (State::Extension(size), b'\r') => State::SizeLf(size),
            (State::Size(size), b';' | b' ' | b'\t') => self.count(SIZE_LINE_MAX, State::Extension(size))?,
            (State::Size(size), _) => {
                let digit = hex(byte).ok_or(Breach::Chunk)?;
                // Four bits at the top must be free before the shift.
                let size = if size >> 60 == 0 {
                    size << 4 | digit
                } else {
                    return Err(Breach::Chunk);
                };
                self.count(SIZE_LINE_MAX, State::Size(size))?
            }
            (State::Extension(size), _) if is_text(byte) => {
                self.count(SIZE_LINE_MAX, State::Extension(size))?
            }
            (State::SizeLf(0), b'\n') => {
                self.overhead = 0;
                State::TrailerStart
            }
            (State::SizeLf(size), b'\n') => State::Data(size),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::SizeStart,
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerStart | State::Trailer, _) if is_text(byte) => {
                self.count(TRAILERS_MAX, State::Trailer)?
            }
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::Done,
            _ => return Err(Breach::Chunk),
        };
        Ok(())
    }

    const fn count(&mut self, max: u32, next: State) -> Result<State, Breach> {
        self.overhead += 1;
        if self.overhead > max {
            Err(Breach::Chunk)
        } else {
            Ok(next)
        }
    }
}

fn hex(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunked() -> Framing {
        Framing {
            head_left: 0,
            body: Body::Chunked(Chunks::START),
        }
    }

    #[test]
    fn a_length_ends_the_message_and_keeps_what_follows() {
        let mut framing = Framing {
            head_left: 4,
            body: Body::Length(3),
        };
        assert_eq!(framing.pass(b"hea"), Ok(3));
        assert!(!framing.is_in_body());
        assert_eq!(framing.pass(b"dbo"), Ok(3));
        assert!(framing.is_in_body());
        assert_eq!(framing.pass(b"dGET /"), Ok(1));
        assert!(framing.is_complete());
        assert_eq!(framing.pass(b"GET /"), Ok(0));
    }

    #[test]
    fn a_head_is_handed_out_before_its_malformed_chunks() {
        let mut framing = Framing {
            head_left: 4,
            body: Body::Chunked(Chunks::START),
        };
        assert_eq!(framing.pass(b"headoops"), Ok(4));
        assert_eq!(framing.pass(b"oops"), Err(Breach::Chunk));
    }

    #[test]
    fn chunked_bodies_end_where_they_say() {
        for (body, ends) in [
            ("0\r\n\r\nGET", 5),
            ("5\r\nhello\r\n0\r\n\r\nGET", 15),
            ("A;x=\"y\"\r\n0123456789\r\n00\r\nTrailer: 1\r\n\r\nGET", 39),
        ] {
            assert_eq!(chunked().pass(body.as_bytes()), Ok(ends), "{body:?}");
        }
    }

    #[test]
    fn two_readings_of_a_chunk_are_refused() {
        for body in [
            "\r\n",
            "0\n\r\n",
            "5\nhello",
            "5\r\nhello0\r\n",
            "5\r\nhello\n0\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x5\r\n",
            "g\r\n",
            "11111111111111111\r\n",
            "5;\0\r\n",
            "0\r\nTrailer\n\r\n",
            "0\r\n\n",
            " 5\r\n",
        ] {
            assert_eq!(chunked().pass(body.as_bytes()), Err(Breach::Chunk), "{body:?}");
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let extension = format!("5;{}", "x".repeat(SIZE_LINE_MAX as usize));
        assert_eq!(chunked().pass(extension.as_bytes()), Err(Breach::Chunk));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(TRAILERS_MAX as usize / 4 + 1));
        assert_eq!(chunked().pass(trailers.as_bytes()), Err(Breach::Chunk));
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_does_not_matter(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..5),
            cuts in prop::collection::vec(1_usize..30, 1..20),
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            let message = wire.len();
            wire.extend_from_slice(b"GET / HTTP/1.1\r\n");
            let mut framing = chunked();
            let (mut passed, mut rest, mut cuts) = (0, &wire[..], cuts.iter().cycle());
            while !framing.is_complete() {
                let piece = rest.len().min(*cuts.next().unwrap());
                let count = framing.pass(&rest[..piece]).unwrap();
                passed += count;
                rest = &rest[count..];
            }
            prop_assert_eq!(passed, message);
        }
    }
}
