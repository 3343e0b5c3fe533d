//! The peer of an upstream without its address: every option that Pingora would leave open is set here.
//!
//! Nothing is decided per request. Pingora's defaults are no time-outs, one stream per HTTP/2 connection
//! and pools shared by whoever has the same address; none of them survives.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use adamant_policy::config;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use rustls_pki_types::ServerName;

use super::authorities::{self, AuthoritiesError};

/// Streams on one HTTP/2 connection; the endpoint's own setting, usually 100, may lower it.
const STREAMS_MAX: usize = 128;

/// Bytes of one answer that wait for a slow client on an HTTP/2 connection. Pingora's 8 MiB are also its
/// bound for the whole connection, so that one slow client would stop all others.
const STREAM_WINDOW: u32 = 1 << 20;

/// Bytes of all answers that wait on one HTTP/2 connection.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Why no peer can be made for an upstream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// Verification would compare with a name that no certificate can carry.
    #[error("{0:?} is neither a host name nor an IP address, so no certificate can be verified against it")]
    ServerName(Arc<str>),
    /// The file of trusted authorities cannot be used.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
}

/// Makes peers for the addresses of one upstream.
#[derive(Debug)]
pub(super) struct Template {
    peer: HttpPeer,
}

impl Template {
    /// The terms of an upstream. `group` is not zero and no other upstream's: Pingora's pools do not
    /// look at authorities or protocol, so connections must never be shared across upstreams.
    pub(super) fn new(
        upstream: &config::Upstream,
        group: u64,
        read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, PeerError> {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let secure = upstream.tls.as_ref();
        // An empty name for clear text saves a heap call per clone; under TLS it would switch verification
        // off, which `ServerName` excludes.
        let name = secure.map(|tls| tls.server_name.to_string()).unwrap_or_default();
        if let Some(tls) = secure {
            ServerName::try_from(&*tls.server_name)
                .map_err(|_| PeerError::ServerName(Arc::clone(&tls.server_name)))?;
        }
        let mut peer = HttpPeer::new(nowhere, secure.is_some(), name);
        peer.group_key = group;
        set_options(&mut peer, upstream);
        if let Some(path) = secure.and_then(|tls| tls.ca.as_ref()) {
            peer.options.ca = Some(authorities::load(path, read)?);
        }
        Ok(Self { peer })
    }

    /// The peer at this address.
    pub(super) fn at(&self, address: SocketAddr) -> HttpPeer {
        let mut peer = self.peer.clone();
        peer._address = address.into();
        peer
    }
}

fn set_options(peer: &mut HttpPeer, upstream: &config::Upstream) {
    let options = &mut peer.options;
    let times = &upstream.timeouts;
    options.connection_timeout = Some(times.connect);
    options.total_connection_timeout = Some(times.connect);
    // Pingora has one read time-out for the head and for silences in the body. The longer of the two keeps
    // slow bodies whole; the shorter wait for the first byte is held by whoever runs the attempt.
    options.read_timeout = Some(times.first_byte.max(times.idle));
    options.write_timeout = Some(times.idle);
    options.idle_timeout = Some(upstream.keep_idle);
    options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
    options.max_h2_streams = STREAMS_MAX;
    options.h2_stream_window_size = Some(STREAM_WINDOW);
    options.h2_connection_window_size = Some(CONNECTION_WINDOW);
    match upstream.protocol {
        config::UpstreamProtocol::H1 => options.set_http_version(1, 1),
        config::UpstreamProtocol::H2 => options.set_http_version(2, 2),
    }
}
