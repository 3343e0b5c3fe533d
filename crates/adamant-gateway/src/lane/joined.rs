//! A connection to an endpoint that can hold a request's head back until its body is there, so that both
//! leave in one send.
//!
//! Pingora's session flushes behind the head; a send is the dearest thing that a proxied request does. It
//! holds only while it is told to, and it never reads, changes or reorders a byte.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::listen::Buffer;

/// The connection with what it holds back.
pub(super) struct Joined {
    inner: Stream,
    held: Buffer,
    /// The next flush is that behind the head: nothing leaves yet.
    holds: bool,
}

impl Joined {
    pub(super) fn over(inner: Stream) -> Box<Self> {
        Box::new(Self {
            inner,
            held: Buffer::default(),
            holds: false,
        })
    }

    /// The connection that was given to a session; `None` when the session ran on another one.
    pub(super) fn recover(stream: Stream) -> Option<Box<Self>> {
        stream.into_any().downcast().ok()
    }

    /// Lets the next head wait for what is written behind it.
    pub(super) const fn hold(&mut self) {
        self.holds = true;
    }

    /// Whether nothing waits to be read, without waiting for it. A closed connection and one with bytes that
    /// nobody asked for (the beginning of somebody else's answer) are both of no use.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut probe = [0_u8; 1];
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.inner)
            .poll_read(&mut context, &mut ReadBuf::new(&mut probe))
            .is_pending()
    }

    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let sent = ready!(Pin::new(&mut self.inner).poll_write(cx, self.held.filled()))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.held.consume(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Joined {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, out)
    }
}

impl AsyncWrite for Joined {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // What comes behind a held head joins it; its size is that of a request that was here whole.
        if this.holds || !this.held.is_empty() {
            this.held.append(data);
            return Poll::Ready(Ok(data.len()));
        }
        Pin::new(&mut this.inner).poll_write(cx, data)
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.holds {
            this.holds = false;
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait::async_trait]
impl Shutdown for Joined {
    async fn shutdown(&mut self) {
        self.inner.shutdown().await;
    }
}

impl UniqueID for Joined {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl Ssl for Joined {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl GetTimingDigest for Joined {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }
}

impl GetProxyDigest for Joined {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }
}

impl GetSocketDigest for Joined {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}

impl Peek for Joined {}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A held-back connection, and its other end.
    async fn pair() -> (Box<Joined>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let near = pingora::protocols::l4::stream::Stream::from(near);
        (Joined::over(Box::new(near)), far)
    }

    #[tokio::test]
    async fn a_held_head_leaves_with_its_body() {
        let (mut near, mut far) = pair().await;
        near.hold();
        near.write_all(b"head ").await.unwrap();
        near.flush().await.unwrap();
        assert!(far.try_read(&mut [0; 8]).is_err(), "nothing has left yet");
        let body = vec![b'x'; 3 * 8 * 1024];
        near.write_all(&body).await.unwrap();
        near.flush().await.unwrap();
        let mut read = vec![0; 5 + body.len()];
        far.read_exact(&mut read).await.unwrap();
        assert_eq!(read, [b"head ", &body[..]].concat());
    }

    #[tokio::test]
    async fn without_being_told_it_holds_nothing() {
        let (mut near, mut far) = pair().await;
        for text in [b"one", b"two"] {
            near.write_all(text).await.unwrap();
            near.flush().await.unwrap();
            let mut read = [0; 3];
            far.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, text);
        }
    }

    #[tokio::test]
    async fn a_connection_with_bytes_that_nobody_asked_for_is_not_quiet() {
        let (mut near, mut far) = pair().await;
        assert!(near.is_quiet());
        far.write_all(b"HTTP/1.1 200").await.unwrap();
        tokio::time::timeout(std::time::Duration::from_secs(5), async {
            while near.is_quiet() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the bytes arrive");
    }
}
