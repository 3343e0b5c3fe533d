//! Certificates of trusted authorities, read and proved before anything connects.
//!
//! Pingora would panic on what it cannot parse, at the first connection or while it is built; here every
//! such case is an error with a name. Nothing in this file can switch verification off.
//!
//! Pingora makes the TLS configuration of an upstream with a `ca` of its own anew for each connection. That
//! takes a microsecond, but such connections do not resume sessions, so that a new one costs about a seventh
//! more CPU, both sides together (measured: 1.13 against 0.98 ms, unoptimised build). Kept connections make
//! it rare, and the alternative, one store for all upstreams, would let each trust the authorities of all
//! the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pingora::protocols::tls::CaType;
use pingora::tls::{RootCertStore, load_native_certs};
use pingora::utils::tls::{WrappedX509, parse_x509};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Why authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthoritiesError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// As written.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not PEM.
    #[error("{} is not a PEM file: {text}", path.display())]
    NotPem {
        /// As written.
        path: PathBuf,
        /// What is wrong with it.
        text: String,
    },
    /// The file has no certificate.
    #[error("{} contains no certificate", path.display())]
    Empty {
        /// As written.
        path: PathBuf,
    },
    /// A certificate is malformed.
    #[error("certificate {number} in {} is malformed", path.display())]
    Malformed {
        /// As written.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
    },
    /// The system's authorities cannot be read.
    #[error("cannot read the system's trusted authorities: {0}")]
    System(String),
    /// The system trusts nobody.
    #[error("the system has no trusted authorities; install its CA bundle or give the upstream a `ca`")]
    SystemEmpty,
}

/// The authorities in a PEM file, in the form that a peer carries.
pub(crate) fn load(
    path: &Path,
    read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
) -> Result<Arc<CaType>, AuthoritiesError> {
    let path = || path.to_path_buf();
    let bytes = read(&path()).map_err(|source| AuthoritiesError::Unreadable { path: path(), source })?;
    let mut authorities = Vec::new();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(&bytes)) {
        let certificate = certificate.map_err(|error| AuthoritiesError::NotPem {
            path: path(),
            text: error.to_string(),
        })?;
        // Two parsers will read it, and each must succeed: rustls' per connection, and Pingora's, which
        // panics instead of failing.
        let sound = RootCertStore::empty().add(certificate.clone()).is_ok()
            && X509Certificate::from_der(&certificate).is_ok();
        if !sound {
            return Err(AuthoritiesError::Malformed { path: path(), number });
        }
        authorities.push(WrappedX509::new(certificate.to_vec(), parse_x509));
    }
    if authorities.is_empty() {
        return Err(AuthoritiesError::Empty { path: path() });
    }
    Ok(authorities.into())
}

/// Proves that Pingora can load the system's authorities; it would panic where this fails.
pub(crate) fn check_system() -> Result<(), AuthoritiesError> {
    let certificates = load_native_certs().map_err(|error| AuthoritiesError::System(error.to_string()))?;
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store
            .add(certificate)
            .map_err(|error| AuthoritiesError::System(error.to_string()))?;
    }
    if store.is_empty() {
        Err(AuthoritiesError::SystemEmpty)
    } else {
        Ok(())
    }
}
