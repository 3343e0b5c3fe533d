//! Small origins for tests: clear text, TLS and HTTP/2, with an answer that can be changed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ServerConfig, version};

/// An origin and what it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicU16>,
}

/// What an origin speaks.
pub(crate) enum Speech {
    H1,
    H1Tls(TlsAcceptor),
    H2,
    H2Tls(TlsAcceptor),
}

impl Origin {
    /// Serves until the test ends. The body of every answer is `ok`.
    pub(crate) async fn start(speech: Speech) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Self {
            address: listener.local_addr().unwrap(),
            status: Arc::new(AtomicU16::new(200)),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let (served, speech) = (origin.clone(), Arc::new(speech));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (origin, speech) = (served.clone(), Arc::clone(&speech));
                origin.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    match &*speech {
                        Speech::H1 => origin.h1(stream).await,
                        Speech::H2 => origin.h2(stream).await,
                        Speech::H1Tls(tls) => origin.h1(tls.accept(stream).await.ok()?).await,
                        Speech::H2Tls(tls) => origin.h2(tls.accept(stream).await.ok()?).await,
                    }
                });
            }
        });
        origin
    }

    /// The status of all answers from now on; below 200 the connection is closed without one, and 100
    /// stands before a 200.
    pub(crate) fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// Heads and bodies so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> u16 {
        self.connections.load(Ordering::Relaxed)
    }

    fn note(&self, request: String) -> u16 {
        self.requests.lock().unwrap().push(request);
        self.status.load(Ordering::Relaxed)
    }

    async fn h1(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut received = Vec::new();
        loop {
            if stream.read_buf(&mut received).await.ok()? == 0 {
                return None;
            }
            let text = String::from_utf8_lossy(&received).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let lower = head.to_lowercase();
            let length = lower
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
            if body.len() < length {
                continue;
            }
            received.clear();
            let answer = match self.note(text) {
                100 => "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                    .to_owned(),
                ..200 => return None,
                status => format!("HTTP/1.1 {status} Done\r\nX-Origin: test\r\nContent-Length: 2\r\n\r\nok"),
            };
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    async fn h2(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut connection = h2::server::handshake(stream).await.ok()?;
        while let Some(Ok((request, mut answer))) = connection.accept().await {
            let status = self.note(format!("{} {:?}", request.uri(), request.headers()));
            let head = http::Response::builder().status(status).body(()).unwrap();
            answer
                .send_response(head, false)
                .ok()?
                .send_data(Bytes::from_static(b"ok"), true)
                .ok()?;
        }
        Some(())
    }
}

/// An authority of the test's own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A TLS server with a certificate for these names.
    pub(crate) fn acceptor(&self, names: &[&str], alpn: &[u8]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let der = rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der)
            .unwrap();
        config.alpn_protocols = vec![alpn.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}
