//! Both sides of a handshake in which clients show certificates.
//!
//! The gateway's own certificate and those of clients come from authorities that know nothing of each other.

use std::sync::Arc;

use rcgen::SanType;
use tokio_rustls::rustls::{ClientConfig, SupportedProtocolVersion, version};

use crate::gateway::Setup;
use crate::{Authority, Client, Gateway, Origin, Policy, Response, Site};

/// A step that takes SPIFFE IDs of `example.org` for consumers.
pub const SPIFFE: &str = "client-certificate: { consumer: spiffe-id, trust-domain: example.org }";

/// Both versions of TLS.
pub const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

/// The authorities of both sides, and a service behind the gateway.
#[derive(Debug)]
pub struct Mutual {
    /// Vouches for the gateway.
    pub sites: Authority,
    /// Vouches for clients.
    pub clients: Authority,
    /// What stands behind the gateway.
    pub origin: Origin,
}

impl Mutual {
    /// New authorities, and an origin that says hello.
    pub async fn new() -> Self {
        Self {
            sites: Authority::new("sites"),
            clients: Authority::new("clients"),
            origin: Origin::hello().await,
        }
    }

    /// A gateway that asks clients for certificates, with these steps on its only route.
    #[must_use]
    pub fn setup(&self, required: &str, steps: &[&str]) -> Setup {
        let mut route = "name: all\nmatch: { path: /** }\nto: origin\nfilters:".to_owned();
        for step in steps {
            route += &format!("\n  - {step}");
        }
        self.with(&self.policy(required).route(&route))
    }

    /// A listener that asks clients for certificates, with further keys of `clients`, and no route.
    #[must_use]
    pub fn policy(&self, required: &str) -> Policy {
        let tls = "protocols: [h1, h2]\ntls:\n  certificate: site.pem\n  key: { file: site.key }";
        let clients = format!("{tls}\n  clients: {{ authorities: clients.pem{required} }}");
        Policy::before(&self.origin)
            .public(&clients)
            .observe("access-log: { to: stdout }")
    }

    /// What a gateway needs to start with such a policy.
    #[must_use]
    pub fn with(&self, policy: &Policy) -> Setup {
        let site = self.sites.site(&["api.test"]);
        Setup::new(policy)
            .file("site.pem", site.certificate)
            .file("site.key", site.key)
            .file("clients.pem", self.clients.pem())
    }

    /// A client that shows this certificate.
    #[must_use]
    pub fn config(
        &self,
        shown: Option<&Site>,
        alpn: &str,
        version: &'static SupportedProtocolVersion,
    ) -> Arc<ClientConfig> {
        self.sites.client_showing(shown, &[alpn], &[version])
    }

    /// Who shows this SPIFFE ID.
    #[must_use]
    pub fn spiffe(&self, id: &str) -> Site {
        self.clients
            .issue(|params| params.subject_alt_names = vec![uri(id)])
    }
}

/// An URI among the alternative names.
#[must_use]
pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("an URI is ASCII"))
}

/// A host among the alternative names.
#[must_use]
pub fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().expect("a name is ASCII"))
}

/// An e-mail address among the alternative names.
#[must_use]
pub fn email(text: &str) -> SanType {
    SanType::Rfc822Name(text.try_into().expect("an address is ASCII"))
}

/// A GET over HTTP/1.1 on a connection of its own.
pub async fn h1(gateway: &Gateway, config: Arc<ClientConfig>, lines: &[&str]) -> Response {
    let mut client = Client::connect_tls(gateway.address(), "api.test", config)
        .await
        .expect("the handshake ends well");
    client.get("/", lines).await
}
