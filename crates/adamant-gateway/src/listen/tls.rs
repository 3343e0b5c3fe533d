//! TLS of a listener: certificates chosen by SNI, versions and protocols, and what a handshake agreed on.
//!
//! Certificates rotate without a new policy; versions, protocols and who vouches for clients do not.

use std::sync::Arc;

use adamant_filter::TlsFacts;
use adamant_policy::config::{Protocols, TlsVersion};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoClientAuth, NoServerSessionStorage};
use tokio_rustls::rustls::{self, ServerConfig, ServerConnection};

mod certificate;
mod clients;
mod resolver;

pub use certificate::{CertificateError, CertificateFiles, KeySource};
pub use clients::{ClientAuthoritiesError, client_verifier};
pub use resolver::Certificates;

/// The TLS configuration of a listener. With `clients` it asks them for certificates.
///
/// # Errors
/// The crypto provider offers nothing for the versions.
pub fn server_config(
    certificates: Arc<Certificates>,
    at_least: TlsVersion,
    protocols: Protocols,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    static BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
    static NEWEST: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
    // The provider is named here, because the process default belongs to whoever installs it first.
    let provider = Arc::new(ring::default_provider());
    let is_anonymous = clients.is_none();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(match at_least {
            TlsVersion::V1_2 => BOTH,
            TlsVersion::V1_3 => NEWEST,
        })?
        .with_client_cert_verifier(clients.unwrap_or_else(|| Arc::new(NoClientAuth)))
        .with_cert_resolver(certificates);
    if protocols.h2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    if protocols.h1 {
        config.alpn_protocols.push(b"http/1.1".to_vec());
    }
    if is_anonymous {
        // Stateless tickets: resumption costs the client no round trip and us no memory per session.
        config.ticketer = ring::Ticketer::new()?;
    } else {
        // A resumed session is as old as its first handshake, whose certificate may have expired since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

/// What the handshake of a connection agreed on.
pub(super) fn facts(session: &ServerConnection) -> TlsFacts {
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    };
    let cipher = session
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str());
    TlsFacts {
        version,
        cipher: Arc::from(cipher.unwrap_or("unknown")),
        server_name: session
            .server_name()
            .map(|name| Arc::from(name.to_ascii_lowercase())),
        // Only what was verified is here: a handshake with anything else has failed.
        client_chain: session
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|certificate| Arc::from(certificate.as_ref()))
            .collect(),
    }
}

/// The client chose HTTP/2 by ALPN.
pub(super) fn is_http2(session: &ServerConnection) -> bool {
    session.alpn_protocol() == Some(b"h2")
}
