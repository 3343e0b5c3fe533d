//! What a certificate says: its names, in the one spelling in which they are compared, and its time.
//!
//! Verifies nothing: the handshake has. A name that people or programs could read in two ways is no name.

use adamant_filter::prelude::*;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{CertificateName, ClientCertificate};
use crate::consumer::is_consumer;

/// Longest SPIFFE ID (SPIFFE-ID §2.3).
const SPIFFE_MAX: usize = 2048;

/// Longest name in the DNS.
const DNS_MAX: usize = 253;

/// A certificate that was read.
#[derive(Debug)]
pub(super) struct Certificate<'d> {
    certificate: X509Certificate<'d>,
    pub(super) validity: Validity,
}

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    /// First millisecond since the Unix epoch.
    from: u64,
    /// First millisecond in which it is not valid any more.
    until: u64,
}

impl Validity {
    /// Whether it holds at a moment.
    pub(super) const fn at(self, now: Wall) -> Result<(), &'static Reason> {
        if now.0 < self.from {
            return Err(&ClientCertificate::NOT_YET_VALID);
        }
        if now.0 >= self.until {
            return Err(&ClientCertificate::EXPIRED);
        }
        Ok(())
    }
}

impl<'d> Certificate<'d> {
    /// Reads a certificate in DER.
    pub(super) fn read(der: &'d [u8]) -> Result<Self, &'static Reason> {
        match X509Certificate::from_der(der) {
            Ok(([], certificate)) => {
                let seconds = certificate.validity();
                let validity = Validity {
                    from: milliseconds(seconds.not_before.timestamp()),
                    // The last second is part of it (RFC 5280 §4.1.2.5).
                    until: milliseconds(seconds.not_after.timestamp().saturating_add(1)),
                };
                Ok(Self {
                    certificate,
                    validity,
                })
            }
            _ => Err(&ClientCertificate::UNREADABLE),
        }
    }

    /// The one name of a kind.
    pub(super) fn name(&self, kind: CertificateName) -> Result<String, &'static Reason> {
        let found = match kind {
            CertificateName::SpiffeId => self.alternative(|name| match name {
                GeneralName::URI(uri) => Some(uri),
                _ => None,
            }),
            CertificateName::DnsName => self.alternative(|name| match name {
                GeneralName::DNSName(name) => Some(name),
                _ => None,
            }),
            CertificateName::Email => self.alternative(|name| match name {
                GeneralName::RFC822Name(address) => Some(address),
                _ => None,
            }),
            CertificateName::CommonName => self.common_name(),
        }?;
        let name = match kind {
            CertificateName::SpiffeId => spiffe_id(found),
            CertificateName::DnsName => dns_name(found),
            CertificateName::Email => email(found),
            CertificateName::CommonName => Some(found.to_owned()),
        };
        name.filter(|name| is_consumer(name))
            .ok_or(&ClientCertificate::UNNAMED)
    }

    /// The one alternative name that `of` finds.
    fn alternative<'s>(
        &'s self,
        of: impl Fn(&GeneralName<'d>) -> Option<&'d str> + 's,
    ) -> Result<&'s str, &'static Reason> {
        let names = self.certificate.subject_alternative_name();
        let names = names.map_err(|_| &ClientCertificate::UNREADABLE)?;
        let names = names.map(|extension| extension.value.general_names.as_slice());
        one(names.unwrap_or_default().iter().filter_map(of))
    }

    fn common_name(&self) -> Result<&str, &'static Reason> {
        let name = one(self.certificate.subject().iter_common_name())?;
        name.as_str().map_err(|_| &ClientCertificate::UNREADABLE)
    }
}

/// The only one: to choose among several would be to guess who is meant.
fn one<T>(mut found: impl Iterator<Item = T>) -> Result<T, &'static Reason> {
    match (found.next(), found.next()) {
        (Some(name), None) => Ok(name),
        (None, _) => Err(&ClientCertificate::UNNAMED),
        (Some(_), Some(_)) => Err(&ClientCertificate::SEVERAL),
    }
}

/// Seconds of a certificate as milliseconds since the Unix epoch; all earlier moments are its beginning.
fn milliseconds(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or_default().saturating_mul(1000)
}

/// A SPIFFE ID of a workload: what names a whole trust domain is nobody's (X509-SVID §5.2).
fn spiffe_id(uri: &str) -> Option<String> {
    let (domain, path) = spiffe_parts(uri)?;
    (uri.len() <= SPIFFE_MAX && is_trust_domain(domain) && is_spiffe_path(path)).then(|| uri.to_owned())
}

/// Trust domain and path of a SPIFFE ID; the path begins with a slash.
pub(super) fn spiffe_parts(id: &str) -> Option<(&str, &str)> {
    let rest = id.strip_prefix("spiffe://")?;
    rest.split_at_checked(rest.find('/')?)
}

/// SPIFFE-ID §2.1.
pub(super) fn is_trust_domain(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(fits)
}

/// SPIFFE-ID §2.2: segments of few characters, none empty, none of dots.
pub(super) fn is_spiffe_path(path: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(fits);
    path.strip_prefix('/')
        .is_some_and(|segments| segments.split('/').all(is_segment))
}

/// A host name in lower case. One with a wildcard is many names.
pub(super) fn dns_name(name: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(fits);
    (name.len() <= DNS_MAX && name.split('.').all(is_label)).then(|| name.to_ascii_lowercase())
}

/// An address whose domain is in lower case: hosts do not tell cases apart, mailboxes may (RFC 5280 §7.5).
pub(super) fn email(address: &str) -> Option<String> {
    let (mailbox, domain) = address.rsplit_once('@')?;
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"*@\"(),:;<>[\\]".contains(&byte);
    let is_mailbox = !mailbox.is_empty() && mailbox.bytes().all(fits);
    let domain = dns_name(domain)?;
    is_mailbox.then(|| format!("{mailbox}@{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling_or_are_none() {
        type Reading = fn(&str) -> Option<String>;
        let cases: &[(Reading, &str, Option<&str>)] = &[
            (
                spiffe_id,
                "spiffe://example.org/ns/a/sa/b",
                Some("spiffe://example.org/ns/a/sa/b"),
            ),
            (
                spiffe_id,
                "spiffe://example.org/A-b_c.d",
                Some("spiffe://example.org/A-b_c.d"),
            ),
            (spiffe_id, "spiffe://example.org", None),
            (spiffe_id, "spiffe://example.org/", None),
            (spiffe_id, "spiffe://example.org/a/", None),
            (spiffe_id, "spiffe://example.org//a", None),
            (spiffe_id, "spiffe://example.org/a/../b", None),
            (spiffe_id, "spiffe://example.org/./b", None),
            (spiffe_id, "spiffe://example.org/a%2fb", None),
            (spiffe_id, "spiffe://example.org/a?b", None),
            (spiffe_id, "spiffe://example.org/a#b", None),
            (spiffe_id, "spiffe://Example.org/a", None),
            (spiffe_id, "spiffe://example.org:443/a", None),
            (spiffe_id, "spiffe://me@example.org/a", None),
            (spiffe_id, "spiffe:///a", None),
            (spiffe_id, "SPIFFE://example.org/a", None),
            (spiffe_id, "https://example.org/a", None),
            (dns_name, "API.Example.com", Some("api.example.com")),
            (dns_name, "localhost", Some("localhost")),
            (dns_name, "*.example.com", None),
            (dns_name, "a..b", None),
            (dns_name, "a.", None),
            (dns_name, "", None),
            (dns_name, "a\0.example.com", None),
            (dns_name, "exämple.com", None),
            (email, "Me@Example.com", Some("Me@example.com")),
            (email, "a.b+c@example.com", Some("a.b+c@example.com")),
            (email, "@example.com", None),
            (email, "me", None),
            (email, "me@", None),
            (email, "a@b@example.com", None),
            (email, "\"me\"@example.com", None),
            (email, "me @example.com", None),
            (email, "*@example.com", None),
        ];
        for (read, text, expected) in cases {
            assert_eq!(read(text).as_deref(), *expected, "{text:?}");
        }
        let long = format!("spiffe://example.org/{}", "a".repeat(2048));
        assert_eq!(spiffe_id(&long), None);
        assert_eq!(dns_name(&["a"; 128].join(".")), None);
    }
}
