//! Where an HTTP/1.1 message ends, found piece by piece as its bytes arrive.
//!
//! It reads what a benchmark needs (status, length, framing) and judges nothing else.

use memchr::memmem;

/// Longest head that is waited for.
const HEAD_MAX: usize = 64 * 1024;

/// The bytes are no HTTP/1.1 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    close: bool,
}

/// How far a message has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Fixed(u64),
    Chunked(Chunks),
    UntilClose,
    Done,
}

/// Whether a body follows a head without length and chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No.
    Request,
    /// Yes, until the connection ends.
    Response,
}

/// Reads one message after the other.
#[derive(Debug)]
pub struct Reader {
    kind: Kind,
    stage: Stage,
    head: Vec<u8>,
    status: u16,
    close: bool,
    marked: bool,
}

impl Reader {
    /// A reader at the start of a message.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            stage: Stage::Head,
            head: Vec::new(),
            status: 0,
            close: false,
            marked: false,
        }
    }

    /// Forgets the message and starts anew.
    pub fn restart(&mut self) {
        self.stage = Stage::Head;
        self.head.clear();
    }

    /// Status of the response whose head was read last.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the message asked for the connection to be closed.
    pub fn wants_close(&self) -> bool {
        self.close
    }

    /// Whether the target of the request contains `/large`.
    pub fn wants_large(&self) -> bool {
        self.marked
    }

    /// Whether the message is whole.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whether nothing of a message has been read yet.
    pub fn is_fresh(&self) -> bool {
        self.stage == Stage::Head && self.head.is_empty()
    }

    /// Whether the end of the connection is the end of the message.
    pub fn ends_with_connection(&self) -> bool {
        self.stage == Stage::UntilClose
    }

    /// Takes bytes up to the end of the message; tells how many it took.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            match self.stage {
                Stage::Done => return Ok(taken),
                Stage::Fixed(0) => self.stage = Stage::Done,
                _ if rest.is_empty() => return Ok(taken),
                Stage::Head => taken += self.feed_head(rest)?,
                Stage::UntilClose => return Ok(bytes.len()),
                Stage::Fixed(left) => {
                    let part = left.min(rest.len() as u64);
                    self.stage = Stage::Fixed(left - part);
                    taken += part as usize;
                }
                Stage::Chunked(mut chunks) => {
                    taken += chunks.feed(rest)?;
                    self.stage = if chunks.is_done() {
                        Stage::Done
                    } else {
                        Stage::Chunked(chunks)
                    };
                }
            }
        }
    }

    fn feed_head(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        if self.head.is_empty()
            && let Some(at) = memmem::find(bytes, b"\r\n\r\n")
        {
            self.start_body(bytes.get(..at).unwrap_or_default())?;
            return Ok(at + 4);
        }
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let head = std::mem::take(&mut self.head);
        match memmem::find(&head, b"\r\n\r\n") {
            Some(at) => {
                self.start_body(head.get(..at).unwrap_or_default())?;
                Ok(at + 4 - before)
            }
            None if head.len() > HEAD_MAX => Err(Malformed),
            None => {
                self.head = head;
                Ok(bytes.len())
            }
        }
    }

    fn start_body(&mut self, head: &[u8]) -> Result<(), Malformed> {
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = lines.next().ok_or(Malformed)?;
        let mut framing = Framing {
            length: None,
            chunked: false,
            close: false,
        };
        for line in lines {
            framing.read(line)?;
        }
        self.close = framing.close;
        let empty = match self.kind {
            Kind::Request => {
                self.marked = memmem::find(first, b"/large").is_some();
                !framing.chunked && framing.length.is_none()
            }
            Kind::Response => {
                self.status = status(first)?;
                self.status == 204 || self.status == 304
            }
        };
        self.stage = match (empty, framing.chunked, framing.length) {
            (true, ..) => Stage::Done,
            (_, true, _) => Stage::Chunked(Chunks::new()),
            (_, _, Some(length)) => Stage::Fixed(length),
            _ => Stage::UntilClose,
        };
        Ok(())
    }
}

/// The status in the first line of a response.
fn status(line: &[u8]) -> Result<u16, Malformed> {
    let digits = line
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .ok_or(Malformed)?;
    number(digits, 10)
        .and_then(|status| u16::try_from(status).ok())
        .ok_or(Malformed)
}

/// Digits to a base as a number.
fn number(digits: &[u8], base: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, base).ok()
}

impl Framing {
    fn read(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let colon = memchr::memchr(b':', line).ok_or(Malformed)?;
        let (name, value) = line.split_at(colon);
        // The lengths of the three names tell most fields apart without a comparison.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.length = Some(number(trimmed(value), 10).ok_or(Malformed)?);
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.close = trimmed(value).eq_ignore_ascii_case(b"close");
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.chunked = trimmed(value).eq_ignore_ascii_case(b"chunked");
            }
            _ => {}
        }
        Ok(())
    }
}

/// A field value after its colon, without white space.
fn trimmed(value: &[u8]) -> &[u8] {
    value.get(1..).unwrap_or_default().trim_ascii()
}

/// How far a chunked body has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunks {
    /// Inside the line with a chunk's size.
    Size {
        size: u64,
        extension: bool,
    },
    /// Inside a chunk's data and the line end after it.
    Data {
        left: u64,
    },
    /// Inside the lines after the last chunk; how long the current one is.
    Trailer {
        length: usize,
    },
    Done,
}

impl Chunks {
    fn new() -> Self {
        Self::Size {
            size: 0,
            extension: false,
        }
    }

    fn is_done(self) -> bool {
        self == Self::Done
    }

    /// Takes bytes up to the end of the body; tells how many it took.
    fn feed(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut taken = 0;
        while let Some(byte) = bytes.get(taken) {
            match *self {
                Self::Done => break,
                Self::Data { left } => {
                    let part = left.min((bytes.len() - taken) as u64);
                    taken += part as usize;
                    *self = match left - part {
                        0 => Self::new(),
                        left => Self::Data { left },
                    };
                    continue;
                }
                Self::Size { size, extension } => *self = Self::sized(size, extension, *byte)?,
                Self::Trailer { length: 0 } if *byte == b'\n' => *self = Self::Done,
                Self::Trailer { .. } if *byte == b'\n' => *self = Self::Trailer { length: 0 },
                Self::Trailer { .. } if *byte == b'\r' => {}
                Self::Trailer { length } => *self = Self::Trailer { length: length + 1 },
            }
            taken += 1;
        }
        Ok(taken)
    }

    /// The stage after one more byte of a size line.
    fn sized(size: u64, extension: bool, byte: u8) -> Result<Self, Malformed> {
        Ok(match byte {
            b'\n' if size == 0 => Self::Trailer { length: 0 },
            b'\n' => Self::Data { left: size + 2 },
            b'\r' => Self::Size { size, extension },
            _ if extension || byte == b';' => Self::Size {
                size,
                extension: true,
            },
            _ => {
                let digit = (byte as char).to_digit(16).ok_or(Malformed)?;
                let size = size.checked_mul(16).ok_or(Malformed)? + u64::from(digit);
                Self::Size {
                    size,
                    extension: false,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
