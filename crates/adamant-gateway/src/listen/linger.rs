//! Closing a connection whose client may still be sending.
//!
//! Closing a socket with unread bytes resets it, and the reset destroys the answer on its way to the
//! client. So the sending side is closed and what still comes is thrown away, for a bounded time and amount.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::admission::Permit;
use super::stream::Transport;

/// Longest wait for the client to read the answer and leave.
const TIME_MAX: Duration = Duration::from_secs(2);
/// Bytes that are thrown away at most.
const BYTES_MAX: usize = 1024 * 1024;
/// Bytes thrown away in one read.
const GULP: usize = 4 * 1024;

/// Close `transport` in the background; `permit` counts it as open until then.
pub(super) fn close(transport: Transport, permit: Option<Permit>) {
    // Without a runtime (the process is ending) the socket is simply dropped.
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    let socket = match transport {
        Transport::Tcp(socket) => socket,
        // Records that still come are not decrypted: nobody will read them.
        Transport::Tls(stream) => stream.into_inner().0,
        Transport::Gone => return,
    };
    runtime.spawn(async move {
        let _ = tokio::time::timeout(TIME_MAX, drain(socket)).await;
        drop(permit);
    });
}

async fn drain(mut socket: TcpStream) {
    if socket.shutdown().await.is_err() {
        return;
    }
    let mut gulp = [0; GULP];
    let mut left = BYTES_MAX;
    while let Ok(count @ 1..) = socket.read(&mut gulp).await {
        left = left.saturating_sub(count);
        if left == 0 {
            return;
        }
    }
}
