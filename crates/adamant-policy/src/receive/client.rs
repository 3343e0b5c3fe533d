//! The client's address behind trusted proxies (semantics of `X-Forwarded-For`, and RFC 7239).
//!
//! Hops are counted from the right and only while each one is trusted; an untrusted peer's word is nothing.

use std::net::{IpAddr, SocketAddr};

use adamant_filter::{Cidr, Reason, Told};
use http::header::{FORWARDED, HeaderMap, HeaderName};

use super::reason;
use crate::config::{ForwardingHeader, Trust};

/// `X-Forwarded-For`.
pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Hops that a forwarding header may list.
const HOPS_MAX: u8 = 10;

/// Whether `address` is a trusted proxy.
#[must_use]
pub fn is_trusted(trust: &Trust, address: IpAddr) -> bool {
    trust
        .proxies
        .iter()
        .any(|network: &Cidr| network.contains(address))
}

/// The client behind the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Where trusted proxies say what it asked for.
    pub(crate) told: Told,
}

/// The client: the peer, or what trusted proxies say of it.
pub(crate) fn of(trust: &Trust, peer: IpAddr, headers: &HeaderMap) -> Result<Client, &'static Reason> {
    let peer = peer.to_canonical();
    let mut client = Client {
        address: peer,
        told: Told::Nothing,
    };
    if trust.proxies.is_empty() || !is_trusted(trust, peer) {
        return Ok(client);
    }
    let name = match trust.header {
        ForwardingHeader::XForwardedFor => {
            client.told = Told::XForwarded;
            &X_FORWARDED_FOR
        }
        ForwardingHeader::Forwarded => &FORWARDED,
    };
    let mut hops = 0;
    for line in headers.get_all(name).iter().rev() {
        let line = line.to_str().map_err(|_| &reason::FORWARDING_SEVERAL)?;
        for element in line.rsplit(',') {
            if hops >= HOPS_MAX {
                return Err(&reason::HOPS_TOO_MANY);
            }
            let address = match trust.header {
                ForwardingHeader::XForwardedFor => node(element.trim()),
                ForwardingHeader::Forwarded => {
                    // A trusted proxy has written it, whatever it calls its client.
                    client.told = Told::Forwarded { element: hops };
                    forwarded_for(element)
                }
            };
            hops += 1;
            // `unknown`, an obfuscated or a broken node: what stands left of it cannot be believed.
            let Some(address) = address else { return Ok(client) };
            client.address = address;
            if !is_trusted(trust, address) {
                return Ok(client);
            }
        }
    }
    Ok(client)
}

/// The `for` parameter of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_for = name.trim().eq_ignore_ascii_case("for");
        is_for.then(|| node(value.trim().trim_matches('"'))).flatten()
    })
}

/// An address with an optional port, brackets around IPv6.
fn node(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    address.or_else(bare).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(header: ForwardingHeader, lines: &[&str]) -> Result<String, &'static str> {
        let proxies = ["10.0.0.0/8", "::1/128"]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        let trust = Trust {
            header,
            proxies,
            request_id: false,
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            let name = if header == ForwardingHeader::Forwarded {
                FORWARDED
            } else {
                X_FORWARDED_FOR
            };
            headers.append(name, line.parse().unwrap());
        }
        of(&trust, "10.0.0.1".parse().unwrap(), &headers)
            .map(|client| client.address.to_string())
            .map_err(Reason::code)
    }

    #[test]
    fn hops_count_from_the_right_while_they_are_trusted() {
        let cases: &[(&[&str], Result<&str, &str>)] = &[
            (&[], Ok("10.0.0.1")),
            (&["192.0.2.7"], Ok("192.0.2.7")),
            (&["198.51.100.1, 192.0.2.7"], Ok("192.0.2.7")),
            (&["198.51.100.1, 192.0.2.7, 10.9.9.9"], Ok("192.0.2.7")),
            (&["198.51.100.1", "192.0.2.7, 10.9.9.9"], Ok("192.0.2.7")),
            (&["192.0.2.7:4711"], Ok("192.0.2.7")),
            (&["[2001:db8::7]:4711"], Ok("2001:db8::7")),
            (&["::ffff:192.0.2.7"], Ok("192.0.2.7")),
            (&["192.0.2.7, unknown, 10.9.9.9"], Ok("10.9.9.9")),
            (
                &[
                    "1.1.1.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8,10.0.0.9,10.0.0.10,10.0.0.11",
                ],
                Err("hops-too-many"),
            ),
        ];
        for (lines, expected) in cases {
            assert_eq!(
                client(ForwardingHeader::XForwardedFor, lines)
                    .as_deref()
                    .map_err(|c| *c),
                *expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn forwarded_is_read_by_its_own_grammar() {
        let cases = [
            ("for=192.0.2.7;proto=https", "192.0.2.7"),
            ("For=\"[2001:db8::7]:4711\";by=10.0.0.1", "2001:db8::7"),
            ("for=198.51.100.1, for=192.0.2.7", "192.0.2.7"),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ];
        for (line, expected) in cases {
            assert_eq!(
                client(ForwardingHeader::Forwarded, &[line]).as_deref(),
                Ok(expected),
                "{line}"
            );
        }
    }
}
