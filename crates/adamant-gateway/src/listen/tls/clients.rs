//! Who may vouch for clients: authorities from the policy's file, made into the verifier of a listener.
//!
//! The verifier checks issuer, time and purpose in the handshake. Who the client is, is not decided here.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;

/// Nobody can vouch for clients.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientAuthoritiesError {
    /// The file is not PEM.
    #[error("is not a PEM file: {0}")]
    NotPem(String),
    /// The file has no certificate.
    #[error("contains no certificate, so no client could be verified")]
    Empty,
    /// A certificate cannot be that of an authority.
    #[error("has a certificate, number {number}, that is malformed")]
    Malformed {
        /// Counted from 1.
        number: usize,
    },
    /// The verifier cannot be made.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

/// What verifies clients against the authorities in `pem`. Unless one is `required`, a client may come without
/// a certificate, but never with one that is not good.
///
/// # Errors
/// When `pem` holds no authorities, or anything besides that cannot be one.
pub fn client_verifier(
    pem: &[u8],
    required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, ClientAuthoritiesError> {
    let mut authorities = RootCertStore::empty();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem)) {
        let certificate = certificate.map_err(|error| ClientAuthoritiesError::NotPem(error.to_string()))?;
        let added = authorities.add(certificate);
        added.map_err(|_| ClientAuthoritiesError::Malformed { number })?;
    }
    if authorities.is_empty() {
        return Err(ClientAuthoritiesError::Empty);
    }
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
    let builder = if required {
        builder
    } else {
        builder.allow_unauthenticated()
    };
    builder
        .build()
        .map_err(|error| ClientAuthoritiesError::Unusable(error.to_string()))
}
