//! An authority and the certificates of its sites, made anew for each test.
//!
//! Nothing here is read from disk or stays valid longer than the test.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use crate::Folder;

/// Somebody who signs certificates.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with its own key.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).expect("an authority signs itself").pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// Its certificate.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for these names (DNS names or IP addresses).
    #[must_use]
    pub fn site(&self, names: &[&str]) -> Site {
        let key = KeyPair::generate().expect("a key can be made");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).expect("the names of a test are well formed");
        let certificate = params.signed_by(&key, &self.issuer).expect("an authority signs");
        Site {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// A certificate of any kind, which `change` describes.
    #[must_use]
    pub fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Site {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("an authority signs");
        Site {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// What a client needs that trusts this authority only and offers these protocols by ALPN.
    #[must_use]
    pub fn client(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        self.client_of(alpn, &[&version::TLS13, &version::TLS12])
    }

    /// The same, with these versions of TLS.
    #[must_use]
    pub fn client_of(
        &self,
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        self.client_showing(None, alpn, versions)
    }

    /// The same, with a certificate of its own that it shows when it is asked for one.
    #[must_use]
    pub fn client_showing(
        &self,
        shown: Option<&Site>,
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let der = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("our own PEM");
        roots.add(der).expect("our own certificate");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("ring knows both versions")
            .with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(site) => {
                let (chain, key) = site.parts();
                let built = builder.with_client_auth_cert(chain, key);
                built.expect("certificate and key belong together")
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// A certificate with its private key, both PEM.
#[derive(Clone, Debug)]
pub struct Site {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Site {
    /// Writes `<stem>.pem` and `<stem>.key`.
    pub fn write(&self, folder: &Folder, stem: &str) -> (PathBuf, PathBuf) {
        let certificate = folder.write(&format!("{stem}.pem"), &self.certificate);
        (certificate, folder.write(&format!("{stem}.key"), &self.key))
    }

    fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("our own PEM")];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("our own PEM");
        (chain, key)
    }

    /// What a server needs that shows this certificate and accepts these protocols by ALPN.
    #[must_use]
    pub fn server(&self, alpn: &[&str]) -> Arc<ServerConfig> {
        let (chain, key) = self.parts();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows both versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("certificate and key belong together");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
