//! Sockets of all listeners, bound before any of them serves.
//!
//! Binding is all or nothing, and nothing is accepted here.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted; the system caps it at `somaxconn`.
const BACKLOG: i32 = 65_535;

/// A bound socket that listens and is not yet accepted from.
#[derive(Debug)]
pub struct Bound {
    name: Arc<str>,
    socket: TcpListener,
    local: SocketAddr,
}

/// A listener could not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another process, or another listener of the file, holds the address.
    #[error("listener {listener}: {address} is already in use")]
    InUse {
        /// Key of the listener in the file.
        listener: Arc<str>,
        /// What was to be bound.
        address: SocketAddr,
    },
    /// Ports below 1024 need a privilege.
    #[error("listener {listener}: no permission to bind {address}")]
    Permission {
        /// Key of the listener in the file.
        listener: Arc<str>,
        /// What was to be bound.
        address: SocketAddr,
    },
    /// The machine does not have the address.
    #[error("listener {listener}: this machine has no address {address}")]
    NoSuchAddress {
        /// Key of the listener in the file.
        listener: Arc<str>,
        /// What was to be bound.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("listener {listener}: {address} cannot be bound")]
    Other {
        /// Key of the listener in the file.
        listener: Arc<str>,
        /// What was to be bound.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
}

impl Bound {
    /// Bind one listener; port 0 asks the system for a free one, see [`Bound::local`].
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn new(name: &Arc<str>, address: SocketAddr) -> Result<Self, BindError> {
        let refused = |source: io::Error| {
            let listener = name.clone();
            match source.kind() {
                io::ErrorKind::AddrInUse => BindError::InUse { listener, address },
                io::ErrorKind::PermissionDenied => BindError::Permission { listener, address },
                io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { listener, address },
                _ => BindError::Other {
                    listener,
                    address,
                    source,
                },
            }
        };
        let socket = listen(address).map_err(refused)?;
        let local = socket.local_addr().map_err(refused)?;
        Ok(Self {
            name: name.clone(),
            socket,
            local,
        })
    }

    /// Bind all listeners, in order; when one fails, those before it are closed again.
    ///
    /// # Errors
    /// The first address that cannot be bound.
    pub fn all<'a>(
        listeners: impl IntoIterator<Item = (&'a Arc<str>, SocketAddr)>,
    ) -> Result<Vec<Self>, BindError> {
        listeners
            .into_iter()
            .map(|(name, address)| Self::new(name, address))
            .collect()
    }

    /// Key of the listener in the file.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The address that is really bound.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// A further descriptor of the same socket, for a worker of its own.
    ///
    /// One socket with several descriptors instead of several sockets with `SO_REUSEPORT`: closing one
    /// of those resets what waits in its queue, so they would lose connections at every hand-over.
    pub(super) fn share(&self) -> io::Result<TcpListener> {
        self.socket.try_clone()
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted gateway must not wait for the connections of its predecessor to time out.
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it on Linux, which saves a call for each of them.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<str> {
        Arc::from(text)
    }

    #[test]
    fn port_zero_becomes_a_real_port() {
        let bound = Bound::new(&name("a"), "127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(bound.local().port(), 0);
    }

    #[test]
    fn an_address_in_use_names_listener_and_address() {
        let first = Bound::new(&name("a"), "127.0.0.1:0".parse().unwrap()).unwrap();
        let error = Bound::new(&name("b"), first.local()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("listener b: {} is already in use", first.local())
        );
    }

    #[test]
    fn a_foreign_address_is_told_apart() {
        let error = Bound::new(&name("a"), "192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert!(matches!(error, BindError::NoSuchAddress { .. }), "{error}");
    }

    #[test]
    fn binding_is_all_or_nothing() {
        let taken = Bound::new(&name("taken"), "127.0.0.1:0".parse().unwrap()).unwrap();
        let free = Bound::new(&name("free"), "127.0.0.1:0".parse().unwrap()).unwrap();
        let (first, second) = (name("first"), name("second"));
        let address = free.local();
        drop(free);
        assert!(Bound::all([(&first, address), (&second, taken.local())]).is_err());
        assert!(Bound::new(&first, address).is_ok());
    }

    #[test]
    fn accepted_sockets_have_no_delay() {
        let bound = Bound::new(&name("a"), "127.0.0.1:0".parse().unwrap()).unwrap();
        let _client = std::net::TcpStream::connect(bound.local()).unwrap();
        bound.socket.set_nonblocking(false).unwrap();
        assert!(bound.socket.accept().unwrap().0.nodelay().unwrap());
    }
}
