//! An origin as a filter names it: scheme, host and port, and nothing else.
//!
//! Decides what may be called at all: `https` to anybody, `http` to this machine alone.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use adamant_filter::Problem;
use rustls_pki_types::ServerName;

use super::not_allowed;

/// A place that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Whether the service has to prove that it is the host.
    pub(super) is_secure: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// A host, as an address or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    Name(Arc<str>),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl Origin {
    /// Reads an origin.
    ///
    /// # Errors
    /// When it is none, or may not be called.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let refused = |what: &str| {
            let help = "write it as `https://host` or `https://host:port`";
            not_allowed(format!("`{text}` is not an origin: {what}"), help)
        };
        let (is_secure, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some((scheme, _)) => return Err(refused(&format!("`{scheme}` is neither `https` nor `http`"))),
            None => return Err(refused("it has no scheme")),
        };
        if rest.contains(['/', '?', '#', '@']) {
            return Err(refused("there is more than a host and a port"));
        }
        let (host, port) = split(rest).ok_or_else(|| refused("the host is malformed"))?;
        let host = Host::parse(host).ok_or_else(|| refused("this is neither a host name nor an address"))?;
        let port = match port {
            Some(digits) => port_of(digits).ok_or_else(|| refused("the port is not one of 1 to 65535"))?,
            None if is_secure => 443,
            None => 80,
        };
        let is_here = matches!(host, Host::Address(address) if address.is_loopback());
        if !is_secure && !is_here {
            let text = format!("`{text}` would be called in clear text");
            let help =
                "use https; http is only for addresses of this machine, such as `http://127.0.0.1:8181`";
            return Err(not_allowed(text, help));
        }
        Ok(Self {
            is_secure,
            host,
            port,
        })
    }

    /// What `Host` has to say: the port only where it is not that of the scheme.
    pub(super) fn authority(&self) -> String {
        let host = match &self.host {
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            host => host.to_string(),
        };
        let usual = if self.is_secure { 443 } else { 80 };
        if self.port == usual {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl Host {
    /// A host that a certificate can name.
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        match ServerName::try_from(&*text).ok()? {
            ServerName::IpAddress(_) => text.parse().ok().map(Self::Address),
            ServerName::DnsName(_) => Some(Self::Name(text.into())),
            _ => None,
        }
    }
}

/// Host and port, where an address of version 6 stands in brackets.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    let Some(bracketed) = text.strip_prefix('[') else {
        return match text.split_once(':') {
            Some((host, port)) => Some((host, Some(port))),
            None => Some((text, None)),
        };
    };
    let (host, after) = bracketed.split_once(']')?;
    host.parse::<Ipv6Addr>().ok()?;
    match after.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None => after.is_empty().then_some((host, None)),
    }
}

fn port_of(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = is_number.then(|| digits.parse().ok())??;
    (port != 0).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_and_written() {
        let cases = [
            ("https://id.example.com", "https://id.example.com", 443),
            ("https://ID.example.com:443", "https://id.example.com", 443),
            ("https://id.example.com:8443", "https://id.example.com:8443", 8443),
            ("https://192.0.2.1", "https://192.0.2.1", 443),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443", 8443),
            ("http://127.0.0.1:8181", "http://127.0.0.1:8181", 8181),
            ("http://127.255.0.9", "http://127.255.0.9", 80),
            ("http://[::1]:80", "http://[::1]", 80),
        ];
        for (text, written, port) in cases {
            let origin = Origin::parse(text).unwrap();
            assert_eq!((origin.to_string(), origin.port), (written.to_owned(), port));
        }
    }

    #[test]
    fn what_is_no_origin_or_not_allowed_is_refused() {
        let cases = [
            ("id.example.com", "no scheme"),
            ("ftp://id.example.com", "`ftp` is neither"),
            ("HTTPS://id.example.com", "`HTTPS` is neither"),
            ("https://", "neither a host name"),
            ("https://id.example.com/", "more than"),
            ("https://id.example.com/a", "more than"),
            ("https://me@id.example.com", "more than"),
            ("https://id.example.com?x", "more than"),
            ("https://id.example.com:", "the port"),
            ("https://id.example.com:0", "the port"),
            ("https://id.example.com:+1", "the port"),
            ("https://id.example.com:65536", "the port"),
            ("https://2001:db8::1", "neither a host name"),
            ("https://[192.0.2.1]", "malformed"),
            ("https://[::1]x", "malformed"),
            ("https://a b", "neither a host name"),
            ("https://a\r\nb", "neither a host name"),
            ("http://id.example.com", "clear text"),
            ("http://localhost", "clear text"),
            ("http://192.0.2.1", "clear text"),
            ("http://0.0.0.0", "clear text"),
            ("http://[::ffff:127.0.0.1]", "clear text"),
        ];
        for (text, part) in cases {
            let problem = Origin::parse(text).unwrap_err();
            assert_eq!(problem.code(), "capabilities.outbound");
            assert!(problem.message().contains(part), "{text}: {}", problem.message());
        }
    }
}
