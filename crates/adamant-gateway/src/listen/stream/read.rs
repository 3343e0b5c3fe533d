//! Reading: exactly one request is handed out, from the buffer first, large bodies past it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::super::buffer::BLOCK;
use super::super::connection::Phase;
use super::super::framing::Framing;
use super::{ClientStream, Transport};

impl AsyncRead for ClientStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if this.may_tunnel && this.connection.phase() == Phase::Tunnel {
            this.may_tunnel = false;
            this.framing = Framing::OPEN;
        }
        if this.framing.is_complete() {
            return this.poll_end_of_client(cx);
        }
        if this.input.is_empty() {
            if this.end_of_input {
                return Poll::Ready(Ok(()));
            }
            if out.remaining() >= BLOCK {
                return this.poll_read_past_buffer(cx, out);
            }
            if ready!(this.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        this.hand_out(out)
    }
}

impl ClientStream {
    /// Copy what belongs to the message from the input buffer.
    #[inline]
    fn hand_out(&mut self, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled = self.input.filled();
        let window = filled.get(..out.remaining()).unwrap_or(filled);
        let passed = match self.framing.pass(window) {
            Ok(passed) => passed,
            Err(breach) => return Poll::Ready(Err(self.fail(breach))),
        };
        out.put_slice(window.get(..passed).unwrap_or_default());
        self.input.consume(passed);
        self.count_preface(passed);
        Poll::Ready(Ok(()))
    }

    /// The reader's buffer is large: read into it directly, and put back what belongs to the next request.
    fn poll_read_past_buffer(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        match self.transport.poll_read(cx, out) {
            Poll::Pending => return self.poll_expired(cx).map(Err),
            Poll::Ready(result) => result?,
        }
        let fresh = out.filled().get(before..).unwrap_or_default();
        if fresh.is_empty() {
            self.end_of_input = true;
            return Poll::Ready(Ok(()));
        }
        self.pace.has_read(fresh.len());
        let passed = match self.framing.pass(fresh) {
            Ok(passed) => passed,
            Err(breach) => return Poll::Ready(Err(self.fail(breach))),
        };
        if passed < fresh.len() {
            self.input.append(fresh.get(passed..).unwrap_or_default());
            out.set_filled(before + passed);
        }
        self.count_preface(passed);
        Poll::Ready(Ok(()))
    }

    /// The request was handed out to its last byte, so only the client's leaving is news: Pingora reads
    /// here while it waits for the endpoint. Anything else is the next request and stays in our buffer;
    /// while it is there a leaving client is only noticed when the answer cannot be written.
    fn poll_end_of_client(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.end_of_input {
            return Poll::Ready(Ok(()));
        }
        if self.input.is_empty() && ready!(self.poll_fill(cx))? == 0 {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// HTTP/2 has begun in earnest once its first frame header is there.
    #[inline]
    fn count_preface(&mut self, passed: usize) {
        if self.preface_left > 0 {
            self.preface_left = self.preface_left.saturating_sub(passed);
            if self.preface_left == 0 {
                self.pace.restart();
                self.connection.set_phase(Phase::Exchange);
            }
        }
    }
}

impl Transport {
    #[inline]
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, out),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, out),
            Self::Gone => Poll::Ready(Ok(())),
        };
        match result {
            // A TLS client that leaves without close_notify. Harmless: both framings know their end.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            other => other,
        }
    }

    /// Bytes wait in the socket, as far as the last poll has told; asks the kernel only then.
    pub(super) fn has_unread(&self) -> bool {
        self.socket()
            .is_some_and(|socket| matches!(socket.try_read(&mut [0]), Ok(1..)))
    }

    /// The socket, for its descriptor.
    pub(super) fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Tls(stream) => Some(stream.get_ref().0),
            Self::Gone => None,
        }
    }
}
