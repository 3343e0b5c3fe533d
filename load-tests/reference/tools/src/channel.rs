//! A client connection that never waits, in clear text or under TLS.
//!
//! It trusts any certificate: the load core must not become the bottleneck, and nothing secret is sent.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// Largest number of source addresses among which new connections are spread.
const SOURCES: u8 = 200;

/// A connection to the gateway.
#[derive(Debug)]
pub enum Channel {
    /// Clear text.
    Plain(TcpStream),
    /// TLS.
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// Opens connections.
#[derive(Debug)]
pub struct Dialler {
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    /// New connections come from one loopback address after the other, so that closed ones waiting for their
    /// end never use up the ports.
    spread: bool,
    source: u8,
}

impl Dialler {
    /// A dialler for a port on loopback.
    pub fn new(port: u16, tls: bool, spread: bool) -> Result<Self, rustls::Error> {
        let tls = if tls {
            Some(Arc::new(client_config()?))
        } else {
            None
        };
        Ok(Self {
            port,
            tls,
            spread,
            source: 0,
        })
    }

    /// Starts a connection; it is usable when it becomes writable.
    pub fn dial(&mut self) -> io::Result<Channel> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        if self.spread {
            self.source = (self.source + 1) % SOURCES;
            bind(
                &socket,
                &SocketAddrV4::new(Ipv4Addr::new(127, 0, 1, 1 + self.source), 0),
            )?;
        }
        match connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port)) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let stream = TcpStream::from(socket);
        match &self.tls {
            None => Ok(Channel::Plain(stream)),
            Some(config) => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                let mut session =
                    ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                session.set_buffer_limit(None);
                Ok(Channel::Secure(Box::new(StreamOwned::new(session, stream))))
            }
        }
    }
}

impl Channel {
    /// Sends what fits; tells how much. Nothing fits during a handshake, which this drives forward.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        };
        waiting_is_nothing(sent)
    }

    /// Takes what has arrived. `None`: nothing yet; `Some(0)`: the other side has ended.
    pub fn receive(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        let taken = match self {
            Self::Plain(stream) => stream.read(room),
            Self::Secure(stream) => stream.read(room),
        };
        match taken {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            // Most servers close a TLS connection without saying so first.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Plain(stream) => stream.as_fd(),
            Self::Secure(stream) => stream.sock.as_fd(),
        }
    }
}

fn waiting_is_nothing(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// TLS 1.3 without resumption: every connection pays for its handshake.
fn client_config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Anyone(Arc::clone(&provider)));
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts every certificate.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
