//! Upstreams and endpoints for tests, as the file's defaults would have them.

pub(crate) mod origin;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::Span;
use adamant_policy::config;
use pingora::upstreams::peer::HttpPeer;

use super::endpoint::{Endpoint, EndpointId};
use super::{Upstream, Upstreams};

/// An upstream with these endpoints, `host:port` or `host:port*weight`.
pub(crate) fn upstream(endpoints: &[&str]) -> config::Upstream {
    config::Upstream {
        name: "orders".into(),
        origin: config::Origin::Endpoints(endpoints.iter().map(|text| endpoint(text)).collect()),
        balance: config::Balance::RoundRobin,
        health: None,
        timeouts: config::Timeouts {
            connect: Duration::from_millis(500),
            first_byte: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(30),
        },
        retry: config::Retry {
            attempts: 2,
            on_connect: true,
            on_reset: false,
            on_status: Vec::new(),
        },
        limits: config::UpstreamLimits::default(),
        tls: None,
        protocol: config::UpstreamProtocol::H1,
        keep_idle: Duration::from_secs(50),
        host: config::UpstreamHost::Client,
        span: Span::NOWHERE,
    }
}

fn endpoint(text: &str) -> config::Endpoint {
    let (address, weight) = text.split_once('*').unwrap_or((text, "1"));
    let (host, port) = address.rsplit_once(':').unwrap();
    config::Endpoint {
        host: host.into(),
        port: port.parse().unwrap(),
        weight: weight.parse().unwrap(),
        span: Span::NOWHERE,
    }
}

/// The same over TLS, verified against the authorities in `ca`.
pub(crate) fn secure(endpoints: &[&str], server_name: &str) -> config::Upstream {
    let tls = config::UpstreamTls {
        server_name: server_name.into(),
        ca: Some("ca.pem".into()),
        span: Span::NOWHERE,
    };
    config::Upstream {
        tls: Some(tls),
        ..upstream(endpoints)
    }
}

/// Health checks that decide within milliseconds.
pub(crate) fn checks() -> config::Health {
    config::Health {
        path: "/healthz?deep=1".into(),
        every: Duration::from_millis(20),
        timeout: Duration::from_millis(500),
        up_after: 2,
        down_after: 3,
        host: None,
    }
}

/// Builds upstreams that name no files.
pub(crate) fn build(upstreams: &[config::Upstream]) -> Upstreams {
    Upstreams::build(upstreams, &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap()
}

/// The first upstream.
pub(crate) fn first(upstreams: &Upstreams) -> &Arc<Upstream> {
    upstreams.list.first().unwrap()
}

/// Endpoints of these weights at 127.0.0.1, ports from 1.
pub(crate) fn endpoints(weights: &[u32]) -> Vec<Arc<Endpoint>> {
    (1..)
        .zip(weights)
        .map(|(number, &weight)| {
            let address = SocketAddr::from(([127, 0, 0, 1], number));
            let peer = HttpPeer::new(address, false, String::new());
            Arc::new(Endpoint::new(EndpointId(number.into()), weight, address, peer))
        })
        .collect()
}

/// Waits until something holds; fails after five seconds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("after five seconds it does not hold that {what}");
}
