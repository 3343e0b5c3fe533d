//! Which names may come: a trust domain, names, and patterns for many names.
//!
//! Compares names in their one spelling (see `names`); a pattern stands for whole labels or segments only.

use std::collections::BTreeSet;

use adamant_filter::prelude::*;

use super::names::{dns_name, email, is_spiffe_path, is_trust_domain, spiffe_parts};
use super::{CertificateName, ClientCertificate};
use crate::consumer::is_consumer;

/// What a name must fit.
#[derive(Debug)]
pub(super) struct Permitted {
    /// The trust domain of SPIFFE IDs.
    trust_domain: Option<Box<str>>,
    /// None: every name.
    names: Option<Names>,
}

/// Listed names and patterns.
#[derive(Debug, Default)]
struct Names {
    exact: BTreeSet<Box<str>>,
    /// Host names that end so, with the dot.
    below: Vec<Box<str>>,
    /// Paths that are this or begin with it and a slash.
    under: Vec<Box<str>>,
}

impl Permitted {
    /// Reads what is permitted. The trust domain belongs to SPIFFE IDs, as the caller has made sure.
    pub(super) fn new(
        kind: CertificateName,
        trust_domain: Option<&str>,
        allow: Option<&[String]>,
    ) -> Result<Self, Problem> {
        if let Some(domain) = trust_domain.filter(|domain| !is_trust_domain(domain)) {
            let help = "write it as in the IDs: `example.org` for `spiffe://example.org/…`";
            return Err(
                Problem::at("trust-domain", format!("`{domain}` is no trust domain")).with_help(help),
            );
        }
        let names = allow.map(|names| Names::read(kind, names)).transpose()?;
        Ok(Self {
            trust_domain: trust_domain.map(Into::into),
            names,
        })
    }

    /// Whether this name may come.
    pub(super) fn check(&self, name: &str) -> Result<(), &'static Reason> {
        let compared = match &self.trust_domain {
            None => name,
            Some(own) => {
                let (domain, path) = spiffe_parts(name).ok_or(&ClientCertificate::UNNAMED)?;
                if domain != &**own {
                    return Err(&ClientCertificate::OTHER_TRUST_DOMAIN);
                }
                path
            }
        };
        match &self.names {
            Some(names) if !names.hold(compared) => Err(&ClientCertificate::NOT_PERMITTED),
            Some(_) | None => Ok(()),
        }
    }
}

impl Names {
    fn read(kind: CertificateName, written: &[String]) -> Result<Self, Problem> {
        let mut names = Self::default();
        for (index, text) in written.iter().enumerate() {
            if !names.add(kind, text) {
                let (what, help) = match kind {
                    CertificateName::SpiffeId => (
                        "a path of SPIFFE IDs",
                        "write `/ns/orders/sa/api`, or `/ns/orders/**` for everything below",
                    ),
                    CertificateName::DnsName => (
                        "a host name in lower case",
                        "write `api.example.com`, or `*.example.com` for every name below",
                    ),
                    CertificateName::Email => (
                        "an e-mail address with its domain in lower case",
                        "write `name@example.com`",
                    ),
                    CertificateName::CommonName => ("a common name", "write it as it stands in certificates"),
                };
                let message = format!("`{text}` is not {what}");
                return Err(Problem::at(&format!("allow[{index}]"), message).with_help(help));
            }
        }
        Ok(names)
    }

    /// Adds a name or a pattern; `false` when it is neither.
    fn add(&mut self, kind: CertificateName, text: &str) -> bool {
        let (list, read) = match kind {
            CertificateName::SpiffeId => match text.strip_suffix("/**") {
                Some(path) => (
                    Some(&mut self.under),
                    is_spiffe_path(path).then(|| path.to_owned()),
                ),
                None => (None, is_spiffe_path(text).then(|| text.to_owned())),
            },
            CertificateName::DnsName => match text.strip_prefix("*.") {
                Some(parent) => (
                    Some(&mut self.below),
                    dns_name(parent).map(|name| format!(".{name}")),
                ),
                None => (None, dns_name(text)),
            },
            CertificateName::Email => (None, email(text)),
            // What looks like a pattern would be taken for one.
            CertificateName::CommonName => {
                let is_name = is_consumer(text) && !text.contains('*');
                (None, is_name.then(|| text.to_owned()))
            }
        };
        // One spelling for one name, so that what means the same is written alike.
        let Some(name) = read.filter(|name| text.contains(&**name)) else {
            return false;
        };
        match list {
            Some(patterns) => patterns.push(name.into()),
            None => drop(self.exact.insert(name.into())),
        }
        true
    }

    fn hold(&self, name: &str) -> bool {
        let is_below = |end: &str| name.strip_suffix(end).is_some_and(|label| !label.is_empty());
        let is_under = |start: &str| {
            let rest = name.strip_prefix(start);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.exact.contains(name)
            || self.below.iter().any(|end| is_below(end))
            || self.under.iter().any(|start| is_under(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(kind: CertificateName, allow: &[&str]) -> Permitted {
        let allow: Vec<String> = allow.iter().map(ToString::to_string).collect();
        let domain = (kind == CertificateName::SpiffeId).then_some("example.org");
        Permitted::new(kind, domain, Some(&allow)).unwrap()
    }

    #[test]
    fn patterns_stand_for_whole_labels_and_segments() {
        use CertificateName::{CommonName, DnsName, Email, SpiffeId};
        let spiffe = &["/ns/orders/**", "/ns/stock/sa/api"][..];
        let dns = &["api.example.com", "*.orders.example.com"][..];
        let cases = [
            (SpiffeId, spiffe, "spiffe://example.org/ns/orders", "pass"),
            (SpiffeId, spiffe, "spiffe://example.org/ns/orders/sa/api", "pass"),
            (SpiffeId, spiffe, "spiffe://example.org/ns/stock/sa/api", "pass"),
            (
                SpiffeId,
                spiffe,
                "spiffe://example.org/ns/orders2/sa/api",
                "not-permitted",
            ),
            (
                SpiffeId,
                spiffe,
                "spiffe://example.org/ns/stock/sa/api/b",
                "not-permitted",
            ),
            (SpiffeId, spiffe, "spiffe://example.org/ns/stock", "not-permitted"),
            (
                SpiffeId,
                spiffe,
                "spiffe://example.com/ns/orders",
                "other-trust-domain",
            ),
            (
                SpiffeId,
                spiffe,
                "spiffe://sub.example.org/ns/orders",
                "other-trust-domain",
            ),
            (DnsName, dns, "api.example.com", "pass"),
            (DnsName, dns, "a.orders.example.com", "pass"),
            (DnsName, dns, "a.b.orders.example.com", "pass"),
            (DnsName, dns, "orders.example.com", "not-permitted"),
            (DnsName, dns, "xorders.example.com", "not-permitted"),
            (DnsName, dns, "a.api.example.com", "not-permitted"),
            (Email, &["me@example.com"], "me@example.com", "pass"),
            (Email, &["me@example.com"], "Me@example.com", "not-permitted"),
            (CommonName, &["Orders 1"], "Orders 1", "pass"),
            (CommonName, &["Orders 1"], "Orders 12", "not-permitted"),
        ];
        for (kind, allow, name, expected) in cases {
            let found = permitted(kind, allow).check(name);
            assert_eq!(found.map_or_else(Reason::code, |()| "pass"), expected, "{name}");
        }
    }
}
