//! What a proxy does for every request besides carrying it: nothing, or what no gateway can leave out.
//!
//! It decides about no request: there is no routing, no check and no record here.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::time::Duration;

use http::HeaderValue;
use http::header::HOST;
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;

/// Work that accompanies every request.
pub trait Duties: Send + Sync + 'static {
    /// What is remembered from the request to its answer.
    type Memory: Default + Send + Sync;

    /// Whether answers of our own are changed by `answer`.
    const SIGNS_ANSWERS: bool;

    /// Prepares the peer, once.
    fn peer(peer: HttpPeer) -> HttpPeer;

    /// A request head has arrived.
    fn begin(session: &mut Session, memory: &mut Self::Memory);

    /// The head is about to go to the origin.
    fn forward(session: &Session, head: &mut RequestHeader, memory: &Self::Memory) -> Result<()>;

    /// The head of the answer is about to go to the client.
    fn answer(head: &mut ResponseHeader, memory: &mut Self::Memory) -> Result<()>;
}

/// Nothing: bytes are carried, that is all.
#[derive(Debug)]
pub struct NoDuties;

impl Duties for NoDuties {
    type Memory = ();
    const SIGNS_ANSWERS: bool = false;

    fn peer(peer: HttpPeer) -> HttpPeer {
        peer
    }

    fn begin(_: &mut Session, (): &mut ()) {}

    fn forward(_: &Session, _: &mut RequestHeader, (): &()) -> Result<()> {
        Ok(())
    }

    fn answer(_: &mut ResponseHeader, (): &mut ()) -> Result<()> {
        Ok(())
    }
}

/// Deadlines towards both sides, forwarding fields rebuilt from the connection, a request id of its own.
#[derive(Debug)]
pub struct GatewayDuties;

impl GatewayDuties {
    /// Seconds until an idle client connection is closed.
    const KEEP_SECONDS: u64 = 60;
    /// Longest silence inside a message, either side.
    const SILENCE: Duration = Duration::from_secs(30);
    /// Longest time spent on the rest of a request that nobody wants any more.
    const DRAIN: Duration = Duration::from_secs(5);
    /// Longest time to connect to the origin.
    const CONNECT: Duration = Duration::from_secs(5);
    /// Longest time that an idle connection to the origin is kept.
    const KEEP_ORIGIN: Duration = Duration::from_secs(60);
}

impl Duties for GatewayDuties {
    type Memory = Option<HeaderValue>;
    const SIGNS_ANSWERS: bool = true;

    fn peer(mut peer: HttpPeer) -> HttpPeer {
        peer.options.connection_timeout = Some(Self::CONNECT);
        peer.options.total_connection_timeout = Some(Self::CONNECT);
        peer.options.read_timeout = Some(Self::SILENCE);
        peer.options.write_timeout = Some(Self::SILENCE);
        peer.options.idle_timeout = Some(Self::KEEP_ORIGIN);
        peer
    }

    fn begin(session: &mut Session, id: &mut Option<HeaderValue>) {
        // A close that the platform has decided must not be undone.
        if session.get_keepalive().is_some() {
            session.set_keepalive(Some(Self::KEEP_SECONDS));
        }
        session.set_read_timeout(Some(Self::SILENCE));
        session.set_write_timeout(Some(Self::SILENCE));
        session.set_total_drain_timeout(Some(Self::DRAIN));
        *id = fresh_id();
    }

    fn forward(session: &Session, head: &mut RequestHeader, id: &Option<HeaderValue>) -> Result<()> {
        head.remove_header("forwarded");
        match client(session) {
            Some(client) => head.insert_header("x-forwarded-for", client)?,
            None => drop(head.remove_header("x-forwarded-for")),
        }
        let tls = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
        let proto = HeaderValue::from_static(if tls { "https" } else { "http" });
        head.insert_header("x-forwarded-proto", proto)?;
        match asked_host(session) {
            Some(host) => head.insert_header("x-forwarded-host", host)?,
            None => drop(head.remove_header("x-forwarded-host")),
        }
        match id {
            Some(id) => head.insert_header("x-request-id", id.clone()),
            None => Ok(()),
        }
    }

    fn answer(head: &mut ResponseHeader, id: &mut Option<HeaderValue>) -> Result<()> {
        match id.take() {
            Some(id) => head.insert_header("x-request-id", id),
            None => Ok(()),
        }
    }
}

/// The address of the connection's other end.
fn client(session: &Session) -> Option<HeaderValue> {
    let address = session.client_addr()?.as_inet()?.ip();
    let mut text = [0_u8; 48];
    let mut rest = text.as_mut_slice();
    write!(rest, "{address}").ok()?;
    let unused = rest.len();
    HeaderValue::from_bytes(text.get(..text.len() - unused)?).ok()
}

/// The host that the client asked for: the field of HTTP/1.1 or the authority of HTTP/2.
fn asked_host(session: &Session) -> Option<HeaderValue> {
    let head = session.req_header();
    match head.headers.get(HOST) {
        Some(host) => Some(host.clone()),
        None => HeaderValue::from_str(head.uri.authority()?.as_str()).ok(),
    }
}

thread_local! {
    /// Where this thread's walk through the identifiers stands, and its stride.
    static WALK: Cell<(u64, u64)> = {
        let system = RandomState::new();
        Cell::new((system.hash_one(0), system.hash_one(1) | 1))
    };
}

/// 128 bits that nobody else has, as hexadecimal digits. They are unguessable enough for a label, not for a
/// secret.
fn fresh_id() -> Option<HeaderValue> {
    let (mut at, stride) = WALK.get();
    let mut digits = [0_u8; 32];
    for half in digits.chunks_exact_mut(16) {
        at = at.wrapping_add(stride);
        let mut bits = mixed(at);
        for digit in half {
            bits = bits.rotate_left(4);
            let nibble = (bits & 15) as u8;
            *digit = if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            };
        }
    }
    WALK.set((at, stride));
    HeaderValue::from_bytes(&digits).ok()
}

/// The finishing step of splitmix64: every input bit reaches every output bit.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_hexadecimal_and_differ() {
        let ids: HashSet<_> = (0..10_000).map(|_| fresh_id().unwrap()).collect();
        assert_eq!(ids.len(), 10_000, "no id comes twice");
        for id in ids {
            let text = id.to_str().unwrap();
            assert!(
                text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()),
                "{text}"
            );
        }
    }
}
