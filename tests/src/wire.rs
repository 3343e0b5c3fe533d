//! Reading HTTP/1.1 off a connection, for both sides of the harness.
//!
//! It is strict and never repairs: what it cannot read is an error that the test sees.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::Fields;

/// How much of a body is kept; the rest is only counted.
pub(crate) const KEPT: usize = 1024 * 1024;

/// A connection of any kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection and what was read ahead from it.
pub(crate) struct Wire {
    pub(crate) stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

/// A body as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// Its beginning, at most [`KEPT`] bytes.
    pub(crate) kept: Vec<u8>,
    /// Bytes in all.
    pub(crate) length: u64,
    /// Trailer fields.
    pub(crate) trailers: Fields,
    /// It ended as its framing said.
    pub(crate) complete: bool,
}

impl Body {
    fn take(&mut self, bytes: &[u8]) {
        let room = KEPT - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
    }
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// More bytes into the buffer; false at the end of the connection.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        // On the heap: futures are nested deeply, and each would carry the piece by value.
        self.buffer.reserve(64 * 1024);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }

    /// What is buffered, which is then no longer buffered.
    pub(crate) fn take_buffered(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Everything up to and with this mark, or `None` when the connection ends before its first byte.
    pub(crate) async fn through(&mut self, mark: &[u8]) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|window| window == mark) {
                return Ok(Some(self.buffer.drain(..at + mark.len()).collect()));
            }
            if !self.fill().await? {
                let cut = io::Error::new(ErrorKind::UnexpectedEof, "the connection ended inside a message");
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(cut)
                };
            }
        }
    }

    /// A body of a known length.
    pub(crate) async fn length(&mut self, length: u64, body: &mut Body) -> io::Result<()> {
        let mut left = length;
        while left > 0 {
            if self.buffer.is_empty() && !self.fill().await? {
                return Ok(());
            }
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            body.take(&self.buffer[..now]);
            self.buffer.drain(..now);
            left -= now as u64;
        }
        body.complete = true;
        Ok(())
    }

    /// A body that the end of the connection ends.
    pub(crate) async fn drain_to_end(&mut self, body: &mut Body) -> io::Result<()> {
        loop {
            body.take(&self.buffer);
            self.buffer.clear();
            if !self.fill().await? {
                body.complete = true;
                return Ok(());
            }
        }
    }

    /// A chunked body, RFC 9112 §7.1.
    pub(crate) async fn chunked(&mut self, body: &mut Body) -> io::Result<()> {
        loop {
            let Some(line) = self.through(b"\r\n").await? else {
                return Ok(());
            };
            let text = String::from_utf8_lossy(&line);
            let digits = text.trim_end().split(';').next().unwrap_or_default();
            let bad = |_| io::Error::new(ErrorKind::InvalidData, format!("not a chunk size: {text:?}"));
            let size = u64::from_str_radix(digits, 16).map_err(bad)?;
            if size == 0 {
                return self.trailers(body).await;
            }
            let mut data = Body {
                kept: std::mem::take(&mut body.kept),
                length: body.length,
                ..Body::default()
            };
            self.length(size, &mut data).await?;
            (body.kept, body.length) = (data.kept, data.length);
            if !data.complete {
                return Ok(());
            }
            let mut end = Body::default();
            self.length(2, &mut end).await?;
            if end.kept != b"\r\n" {
                return Ok(());
            }
        }
    }

    async fn trailers(&mut self, body: &mut Body) -> io::Result<()> {
        let mut text = String::new();
        while let Some(line) = self.through(b"\r\n").await? {
            if line == b"\r\n" {
                body.trailers = Fields::parse(&text);
                body.complete = true;
                break;
            }
            text.push_str(&String::from_utf8_lossy(&line));
        }
        Ok(())
    }
}
