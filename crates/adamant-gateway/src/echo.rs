//! The built-in origin: a small HTTP/1.1 server on loopback that answers with what it received.
//!
//! It lets a `gateway.yaml` run alone. It is reached like any other endpoint, through a socket, so nothing
//! that it shows is different for a real upstream. It is no file server and keeps nothing.
//!
//! | path | answer |
//! |---|---|
//! | `/status/404` | that status |
//! | `/delay/250` | after so many milliseconds, 10 s at most |
//! | `/bytes/1048576` | so many bytes, 2 GiB at most |
//! | `/events` | five server-sent events |
//! | `/ws` | a WebSocket that returns every message |
//! | anything else | method, path, query, fields and body as JSON |

mod frames;
mod paths;
mod report;
mod websocket;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use pingora::protocols::Stream;
use pingora::protocols::http::v1::server::HttpSession;
use pingora::protocols::l4::stream::Stream as Socket;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 4096;

/// Longest silence of a client. Far above any time for which a gateway keeps a connection, so that it is
/// never this side that closes one under a request.
const IDLE: Duration = Duration::from_secs(600);

/// Longest time in which a client takes nothing of an answer.
const SEND_IDLE: Duration = Duration::from_secs(60);

/// Pause after a failed accept; such failures (no descriptors left) do not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The origin, bound and not yet serving.
#[derive(Debug)]
pub(crate) struct Echo {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Echo {
    /// Takes a free loopback port.
    pub(crate) fn bind() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is cancelled; connections that are open then end by themselves.
    pub(crate) async fn serve(self) {
        let listener = match TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return log::error!("the built-in origin cannot serve: {error}"),
        };
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(connection(stream, permit))),
                Err(error) => {
                    debug!("the built-in origin could not accept: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Requests of one connection, one after the other.
async fn connection(stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let mut socket = Socket::from(stream);
    if let Err(error) = socket.set_nodelay() {
        return debug!("the built-in origin lost a client: {error}");
    }
    let mut stream: Stream = Box::new(socket);
    loop {
        let mut session = HttpSession::new(stream);
        session.set_read_timeout(Some(IDLE));
        session.set_write_timeout(Some(SEND_IDLE));
        if !matches!(session.read_request().await, Ok(Some(_))) {
            return;
        }
        session.respect_keepalive();
        if let Err(error) = paths::answer(&mut session).await {
            return debug!("the built-in origin lost a client: {error}");
        }
        match session.reuse().await {
            Ok(Some(kept)) => (stream, _) = kept.into_parts(),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests;
