//! One certificate chain with its key: read from files, checked, and read anew when the files change.
//!
//! A broken successor never replaces a good certificate.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Largest file that is read; a chain has a few KiB.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where a certificate is found.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// PEM file with the chain, leaf first.
    pub chain: PathBuf,
    /// The private key.
    pub key: KeySource,
}

/// Where a private key is found.
#[derive(Clone)]
pub enum KeySource {
    /// A PEM file; rotates with the chain.
    File(PathBuf),
    /// PEM text that was handed to the process, under a name for messages.
    Text {
        /// Where it came from, such as the name of an environment variable.
        name: String,
        /// The PEM text.
        pem: Vec<u8>,
    },
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key from {}", self.place())
    }
}

/// A certificate cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The file cannot be opened or is too large.
    #[error("{place} cannot be read")]
    Unreadable {
        /// The file.
        place: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The chain has no certificate, or one that is not X.509.
    #[error("{place} has no valid PEM certificate")]
    NoCertificate {
        /// The chain's file.
        place: String,
    },
    /// There is no private key of a known kind.
    #[error("{place} has no usable PEM private key")]
    NoKey {
        /// The key's file or name.
        place: String,
    },
    /// Key and leaf do not belong together.
    #[error("the key in {key} does not belong to the certificate in {chain}")]
    Mismatch {
        /// The chain's file.
        chain: String,
        /// The key's file or name.
        key: String,
    },
    /// The leaf is past its date.
    #[error("the certificate in {place} has expired")]
    Expired {
        /// The chain's file.
        place: String,
    },
    /// The leaf is before its date.
    #[error("the certificate in {place} is not valid yet")]
    NotYetValid {
        /// The chain's file.
        place: String,
    },
    /// The leaf has no DNS name or address that a client could verify.
    #[error("the certificate in {place} names no host")]
    NoName {
        /// The chain's file.
        place: String,
    },
    /// The leaf cannot be used for TLS.
    #[error("the certificate in {place} cannot be used")]
    Unusable {
        /// The chain's file.
        place: String,
        /// Why.
        source: rustls::Error,
    },
}

/// A certificate that was read and found good.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) key: CertifiedKey,
    /// DNS names of the leaf, lower case; wildcards as written.
    pub(super) names: Vec<String>,
    pub(super) expires: SystemTime,
}

/// Identity of the files at a time; another identity means that they must be read again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp([Option<(i64, i64, u64, u64)>; 2]);

impl KeySource {
    fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text { name, .. } => name.clone(),
        }
    }

    fn pem(&self) -> Result<Vec<u8>, CertificateError> {
        match self {
            Self::File(path) => read(path),
            Self::Text { pem, .. } => Ok(pem.clone()),
        }
    }
}

impl CertificateFiles {
    /// Read and check everything.
    pub(super) fn load(&self, now: SystemTime) -> Result<Loaded, CertificateError> {
        let place = self.chain.display().to_string();
        let no_certificate = || CertificateError::NoCertificate { place: place.clone() };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(&self.chain)?)
            .collect::<Result<_, _>>()
            .map_err(|_| no_certificate())?;
        let leaf = chain.first().ok_or_else(no_certificate)?;
        let (names, expires) = examine(leaf, &place, now)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key.pem()?).map_err(|_| CertificateError::NoKey {
            place: self.key.place(),
        })?;
        let signer = ring::sign::any_supported_type(&key).map_err(|_| CertificateError::NoKey {
            place: self.key.place(),
        })?;
        let key = CertifiedKey::new(chain, signer);
        match key.keys_match() {
            Ok(()) => Ok(Loaded { key, names, expires }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::Mismatch {
                chain: place,
                key: self.key.place(),
            }),
            Err(source) => Err(CertificateError::Unusable { place, source }),
        }
    }

    /// Identity of the files now, without reading them.
    pub(super) fn stamp(&self) -> Stamp {
        let identity = |path: &Path| {
            let data = fs::metadata(path).ok()?;
            Some((data.mtime(), data.mtime_nsec(), data.len(), data.ino()))
        };
        let key = match &self.key {
            KeySource::File(path) => identity(path),
            KeySource::Text { .. } => None,
        };
        Stamp([identity(&self.chain), key])
    }
}

/// Names and end of a leaf that is valid now.
fn examine(
    leaf: &CertificateDer<'_>,
    place: &str,
    now: SystemTime,
) -> Result<(Vec<String>, SystemTime), CertificateError> {
    let place = || place.to_owned();
    let (_, leaf) =
        X509Certificate::from_der(leaf).map_err(|_| CertificateError::NoCertificate { place: place() })?;
    let at = |seconds: i64| {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    };
    let validity = leaf.validity();
    let (begins, expires) = (
        at(validity.not_before.timestamp()),
        at(validity.not_after.timestamp()),
    );
    if now < begins {
        return Err(CertificateError::NotYetValid { place: place() });
    }
    if now > expires {
        return Err(CertificateError::Expired { place: place() });
    }
    let no_name = || CertificateError::NoName { place: place() };
    let alternatives = leaf
        .subject_alternative_name()
        .ok()
        .flatten()
        .ok_or_else(no_name)?;
    let mut names = Vec::new();
    let mut addresses = 0;
    for name in &alternatives.value.general_names {
        match name {
            GeneralName::DNSName(name) => names.push(name.trim_end_matches('.').to_ascii_lowercase()),
            GeneralName::IPAddress(_) => addresses += 1,
            _ => {}
        }
    }
    if names.is_empty() && addresses == 0 {
        Err(no_name())
    } else {
        Ok((names, expires))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable {
        place: path.display().to_string(),
        source,
    };
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    fs::read(path).map_err(unreadable)
}
