//! Writing: head and body of a small answer leave in one send, large ones pass the buffer by.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::super::connection::Breach;
use super::{ClientStream, Transport};

/// Slices that go to the kernel in one call, the buffer's among them. HTTP/2 sends two at a time.
const SLICES: usize = 8;

impl AsyncWrite for ClientStream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.has_answered = true;
        if data.len() <= this.output.room() {
            this.output.append(data);
            return Poll::Ready(Ok(data.len()));
        }
        this.poll_send(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.has_answered = true;
        let total = data.iter().map(|slice| slice.len()).sum();
        if total <= this.output.room() {
            for slice in data {
                this.output.append(slice);
            }
            return Poll::Ready(Ok(total));
        }
        this.poll_send(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.output.is_empty() {
            let result = this.transport.poll_write(cx, this.output.filled());
            let sent = ready!(this.poll_sent(cx, result))?;
            this.output.consume(sent);
        }
        let result = this.transport.poll_flush(cx);
        this.poll_done(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let this = self.get_mut();
        let result = this.transport.poll_shutdown(cx);
        this.poll_done(cx, result)
    }
}

impl ClientStream {
    /// Send the buffer and `data` in as few calls as possible; the number of bytes taken from `data`.
    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let waiting = self.output.len();
            let mut slices = [IoSlice::new(&[]); SLICES];
            let (first, others) = slices.split_at_mut(1);
            if let [slot] = first {
                *slot = IoSlice::new(self.output.filled());
            }
            for (slot, slice) in others.iter_mut().zip(data) {
                *slot = *slice;
            }
            let count = 1 + data.len().min(SLICES - 1);
            let from = usize::from(waiting == 0);
            let result = self
                .transport
                .poll_write_vectored(cx, slices.get(from..count).unwrap_or_default());
            let sent = ready!(self.poll_sent(cx, result))?;
            self.output.consume(sent.min(waiting));
            if sent > waiting {
                return Poll::Ready(Ok(sent - waiting));
            }
        }
    }

    /// Bytes left, or the wait for it and its deadline.
    #[inline]
    fn poll_sent(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Pending => self.poll_send_expired(cx).map(Err),
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(sent) => {
                self.pace.has_written();
                Poll::Ready(sent)
            }
        }
    }

    /// As [`Self::poll_sent`], for flush and shutdown.
    #[inline]
    fn poll_done(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        match result {
            Poll::Pending => self.poll_send_expired(cx).map(Err),
            Poll::Ready(done) => {
                self.pace.has_written();
                Poll::Ready(done)
            }
        }
    }

    fn poll_send_expired(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        ready!(self.pace.poll_write_expired(cx));
        Poll::Ready(self.fail(Breach::Send))
    }
}

impl Transport {
    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_write_vectored(&mut self, cx: &mut Context<'_>, data: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, data),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, data),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    #[inline]
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) | Self::Gone => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}
