//! What a policy author writes under `client-certificate`.
//!
//! Which name counts has no default: a certificate may carry several, and each would be another consumer.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;
use serde::Serializer;

use super::permitted::Permitted;

/// Proves the consumer by the certificate that the client shows. The listener asks for it: see
/// `listeners.*.tls.clients`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClientCertificateConfig {
    /// Which name in the certificate is the consumer: `spiffe-id`, `dns-name`, `email` or `common-name`. A
    /// certificate without such a name, or with more than one, is refused.
    pub consumer: CertificateName,
    /// The SPIFFE trust domain that the certificate must be of, such as `example.org`. Required with `spiffe-id`, and
    /// only allowed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
    /// Names that are permitted; hosts and domains in lower case. With `dns-name`, `*.example.com` stands for
    /// every name below `example.com`. With `spiffe-id`, paths of the trust domain: `/ns/orders/**` stands for
    /// `/ns/orders` and everything below. Default: every name that the listener's authorities vouch for.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "sorted")]
    #[schemars(length(min = 1))]
    pub allow: Option<Vec<String>>,
    /// How many certificates of usual size (4 KiB of memory with their identity) are remembered, so that they need
    /// not be read again; 0 remembers none.
    #[serde(default = "default_remember")]
    pub remember: u32,
}

/// A kind of name in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateName {
    /// The SPIFFE ID: the one URI among the alternative names.
    SpiffeId,
    /// The one DNS name among the alternative names.
    DnsName,
    /// The one e-mail address among the alternative names.
    Email,
    /// The one common name of the subject. For authorities that write no alternative names.
    CommonName,
}

const fn default_remember() -> u32 {
    1000
}

/// Neither the order of names nor a repetition means anything, so neither may change the digest.
fn sorted<S: Serializer>(names: &Option<Vec<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    let names = names.as_ref().map(|names| names.iter().collect::<BTreeSet<_>>());
    names.serialize(serializer)
}

impl ClientCertificateConfig {
    /// What is permitted, when it can be understood.
    pub(super) fn permitted(&self) -> Result<Permitted, Problem> {
        match (&self.trust_domain, self.consumer) {
            (None, CertificateName::SpiffeId) => {
                let message = "a SPIFFE ID is worth what its trust domain is worth, so that must be named";
                return Err(Problem::at("consumer", message).with_help("write `trust-domain: example.org`"));
            }
            (Some(_), CertificateName::DnsName | CertificateName::Email | CertificateName::CommonName) => {
                let message = "only SPIFFE IDs have a trust domain";
                return Err(Problem::at("trust-domain", message)
                    .with_help("write `consumer: spiffe-id`, or leave this out"));
            }
            (Some(_), CertificateName::SpiffeId) | (None, _) => {}
        }
        Permitted::new(self.consumer, self.trust_domain.as_deref(), self.allow.as_deref())
    }
}
