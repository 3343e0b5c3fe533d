//! TLS of a listener: certificates chosen by SNI, versions and protocols, and what a handshake agreed on.
//!
//! Certificates rotate without a new policy; versions and protocols do not.

use std::sync::Arc;

use adamant_filter::TlsFacts;
use adamant_policy::config::{Protocols, TlsVersion};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ServerConfig, ServerConnection};

mod certificate;
mod resolver;

pub use certificate::{CertificateError, CertificateFiles, KeySource};
pub use resolver::Certificates;

/// The TLS configuration of a listener.
///
/// # Errors
/// The crypto provider offers nothing for the versions.
pub fn server_config(
    certificates: Arc<Certificates>,
    at_least: TlsVersion,
    protocols: Protocols,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    static BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
    static NEWEST: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
    // The provider is named here, because the process default belongs to whoever installs it first.
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(match at_least {
            TlsVersion::V1_2 => BOTH,
            TlsVersion::V1_3 => NEWEST,
        })?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    if protocols.h2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    if protocols.h1 {
        config.alpn_protocols.push(b"http/1.1".to_vec());
    }
    // Stateless tickets: resumption costs the client no round trip and us no memory per session.
    config.ticketer = ring::Ticketer::new()?;
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
        client_chain: Vec::new(),
    }
}

/// The client chose HTTP/2 by ALPN.
pub(super) fn is_http2(session: &ServerConnection) -> bool {
    session.alpn_protocol() == Some(b"h2")
}
