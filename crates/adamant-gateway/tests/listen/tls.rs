//! TLS: certificates by SNI, versions, ALPN, and rotation.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adamant_gateway::listen::{
    CertificateError, CertificateFiles, Certificates, KeySource, Listening, server_config,
};
use adamant_policy::config::{Bounds, Protocols, TlsVersion};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{BOUNDS, Gateway, http2};

/// A certificate for `names` in files of its own directory.
struct Site {
    directory: PathBuf,
    der: rustls_pki_types::CertificateDer<'static>,
}

impl Site {
    fn new(names: &[&str]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("adamant-listen-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let der = write(&directory, names, |_| {});
        Self { directory, der }
    }

    fn files(&self) -> CertificateFiles {
        CertificateFiles {
            chain: self.directory.join("chain.pem"),
            key: KeySource::File(self.directory.join("key.pem")),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn write(
    directory: &Path,
    names: &[&str],
    change: impl Fn(&mut CertificateParams),
) -> rustls_pki_types::CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    fs::write(directory.join("chain.pem"), certificate.pem()).unwrap();
    fs::write(directory.join("key.pem"), key.serialize_pem()).unwrap();
    certificate.der().clone()
}

fn listening_with(certificates: &Arc<Certificates>, at_least: TlsVersion, bounds: Bounds) -> Listening {
    let config = server_config(
        certificates.clone(),
        at_least,
        Protocols { h1: true, h2: true },
        None,
    )
    .unwrap();
    Listening {
        tls: Some((config, certificates.clone())),
        ..crate::listening(bounds)
    }
}

/// A TLS listener for `a.test`; its files are gone afterwards, which must not matter.
pub(crate) fn listening(bounds: Bounds) -> Listening {
    let site = Site::new(&["a.test"]);
    listening_with(
        &Certificates::load(vec![site.files()]).unwrap(),
        TlsVersion::V1_2,
        bounds,
    )
}

struct Hello<'a> {
    trusts: &'a [&'a Site],
    name: &'a str,
    versions: &'static [&'static SupportedProtocolVersion],
    protocols: &'a [&'a str],
}

impl Hello<'_> {
    async fn connect(&self, gateway: &Gateway) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
        let mut roots = RootCertStore::empty();
        for site in self.trusts {
            roots.add(site.der.clone()).unwrap();
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = self
            .protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        let stream = tokio::net::TcpStream::connect(gateway.address).await?;
        let name = rustls_pki_types::ServerName::try_from(self.name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

async fn get(stream: &mut TlsStream<tokio::net::TcpStream>, path: &str) -> String {
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut bytes = vec![0; 4096];
    let count = stream.read(&mut bytes).await.unwrap();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[tokio::test]
async fn the_name_chooses_the_certificate_and_facts_reach_the_hooks() {
    let (first, second) = (
        Site::new(&["a.test", "*.a.test"]),
        Site::new(&["b.test", "127.0.0.1"]),
    );
    let certificates = Certificates::load(vec![first.files(), second.files()]).unwrap();
    let gateway = Gateway::start(listening_with(&certificates, TlsVersion::V1_2, BOUNDS));
    for (site, name) in [(&first, "a.test"), (&first, "deep.a.test"), (&second, "b.test")] {
        let hello = Hello {
            trusts: &[site],
            name,
            versions: rustls::ALL_VERSIONS,
            protocols: &["http/1.1"],
        };
        let mut stream = hello.connect(&gateway).await.unwrap();
        for _ in 0..2 {
            let answer = get(&mut stream, "/facts").await;
            assert!(
                answer.ends_with(&format!("TLSv1.3 Some(\"{name}\") Exchange")),
                "{answer}"
            );
        }
        assert!(get(&mut stream, "/a").await.ends_with("path /a"));
    }
    assert_eq!(
        (
            certificates.position("b.test"),
            certificates.position("unknown.test")
        ),
        (1, 0)
    );
    assert_eq!(certificates.position("too.deep.a.test"), 0);
}

#[tokio::test]
async fn alpn_chooses_http2() {
    let site = Site::new(&["a.test"]);
    let gateway = Gateway::start(listening_with(
        &Certificates::load(vec![site.files()]).unwrap(),
        TlsVersion::V1_2,
        BOUNDS,
    ));
    let hello = Hello {
        trusts: &[&site],
        name: "a.test",
        versions: rustls::ALL_VERSIONS,
        protocols: &["h2", "http/1.1"],
    };
    let stream = hello.connect(&gateway).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (status, body) = http2::get(stream, "/facts").await;
    assert_eq!(
        (status, &body[..]),
        (200, &b"TLSv1.3 Some(\"a.test\") Exchange"[..])
    );
    let stream = hello.connect(&gateway).await.unwrap();
    assert_eq!(http2::get(stream, "/large").await.1.len(), 4 * 1024 * 1024);
}

#[tokio::test]
async fn tls_1_2_is_refused_where_1_3_is_the_least() {
    static OLD: &[&SupportedProtocolVersion] = &[&version::TLS12];
    let site = Site::new(&["a.test"]);
    let certificates = Certificates::load(vec![site.files()]).unwrap();
    let hello = Hello {
        trusts: &[&site],
        name: "a.test",
        versions: OLD,
        protocols: &["http/1.1"],
    };
    let strict = Gateway::start(listening_with(&certificates, TlsVersion::V1_3, BOUNDS));
    assert!(hello.connect(&strict).await.is_err());
    strict.await_open(0);
    assert_eq!(
        strict
            .workers()
            .counts()
            .handshakes_failed
            .load(Ordering::Relaxed),
        1
    );
    let lenient = Gateway::start(listening_with(&certificates, TlsVersion::V1_2, BOUNDS));
    let mut stream = hello.connect(&lenient).await.unwrap();
    assert!(get(&mut stream, "/facts").await.contains("TLSv1.2"));
}

#[tokio::test]
async fn a_new_certificate_is_served_and_a_broken_one_keeps_its_predecessor() {
    let mut site = Site::new(&["a.test"]);
    let certificates = Certificates::load(vec![site.files()]).unwrap();
    let gateway = Gateway::start(listening_with(&certificates, TlsVersion::V1_2, BOUNDS));
    fs::write(site.directory.join("key.pem"), "broken").unwrap();
    certificates.refresh();
    let connects = async |site: &Site| {
        let hello = Hello {
            trusts: &[site],
            name: "a.test",
            versions: rustls::ALL_VERSIONS,
            protocols: &[],
        };
        hello.connect(&gateway).await.is_ok()
    };
    assert!(connects(&site).await);
    let before = Site {
        directory: PathBuf::new(),
        der: site.der.clone(),
    };
    site.der = write(&site.directory, &["a.test"], |_| {});
    certificates.refresh();
    assert!(connects(&site).await);
    assert!(!connects(&before).await);
}

#[test]
fn certificates_are_checked_before_anything_serves() {
    let site = Site::new(&["a.test"]);
    let other = Site::new(&["b.test"]);
    let load = |files: CertificateFiles| Certificates::load(vec![files]).unwrap_err();
    let key = |key: PathBuf| CertificateFiles {
        key: KeySource::File(key),
        ..site.files()
    };
    let foreign = load(key(other.directory.join("key.pem")));
    assert!(matches!(foreign, CertificateError::Mismatch { .. }), "{foreign}");
    let missing = load(key(site.directory.join("none.pem")));
    assert!(
        missing.to_string().ends_with("none.pem cannot be read"),
        "{missing}"
    );
    let no_key = load(key(site.directory.join("chain.pem")));
    assert!(matches!(no_key, CertificateError::NoKey { .. }), "{no_key}");
    let no_chain = load(CertificateFiles {
        chain: site.directory.join("key.pem"),
        ..site.files()
    });
    assert!(
        matches!(no_chain, CertificateError::NoCertificate { .. }),
        "{no_chain}"
    );
    write(&site.directory, &["a.test"], |params| {
        params.not_after = rcgen::date_time_ymd(2001, 1, 1)
    });
    assert!(matches!(load(site.files()), CertificateError::Expired { .. }));
    write(&site.directory, &["a.test"], |params| {
        params.not_before = rcgen::date_time_ymd(2101, 1, 1)
    });
    assert!(matches!(load(site.files()), CertificateError::NotYetValid { .. }));
    write(&site.directory, &[], |_| {});
    assert!(matches!(load(site.files()), CertificateError::NoName { .. }));
}

#[tokio::test]
async fn an_idle_tls_connection_is_closed_with_a_notice() {
    let site = Site::new(&["a.test"]);
    let bounds = Bounds {
        idle_time: Duration::from_millis(200),
        ..BOUNDS
    };
    let certificates = Certificates::load(vec![site.files()]).unwrap();
    let gateway = Gateway::start(listening_with(&certificates, TlsVersion::V1_2, bounds));
    let hello = Hello {
        trusts: &[&site],
        name: "a.test",
        versions: rustls::ALL_VERSIONS,
        protocols: &[],
    };
    let mut stream = hello.connect(&gateway).await.unwrap();
    // Without close_notify this would be an error.
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
}
