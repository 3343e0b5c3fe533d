//! The transport on loopback: real sockets, real Pingora sessions, a small origin behind them.
//!
//! It reaches nothing but the public interface of `listen`.

#![cfg(test)]

mod carrier;
mod client;
mod deadlines;
mod drain;
mod exchanges;
mod http2;
mod idle_memory;
mod origin;
mod refusals;
mod tls;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use adamant_filter::Size;
use adamant_gateway::listen::{Bound, Listening, Workers};
use adamant_policy::config::{Bounds, Protocols};

/// Maxima that no test of something else meets.
pub(crate) const BOUNDS: Bounds = Bounds {
    connections: 10_000,
    connections_per_client: 10_000,
    header_bytes: Size::from_kib(16),
    header_fields: 50,
    target_bytes: Size::from_kib(4),
    header_time: Duration::from_secs(30),
    idle_time: Duration::from_secs(30),
    handshake_time: Duration::from_secs(10),
    body_idle: Duration::from_secs(30),
    body_rate: Size::from_bytes(0),
    send_idle: Duration::from_secs(30),
    streams: 100,
};

/// A listener in clear text for both versions of HTTP.
pub(crate) fn listening(bounds: Bounds) -> Listening {
    Listening {
        bound: Bound::new(&Arc::from("test"), "127.0.0.1:0".parse().unwrap()).unwrap(),
        protocols: Protocols { h1: true, h2: true },
        tls: None,
        bounds,
    }
}

/// A running gateway with the test carrier and one listener.
pub(crate) struct Gateway {
    pub(crate) workers: Option<Workers>,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) origin: origin::Origin,
}

impl Gateway {
    pub(crate) fn start(listening: Listening) -> Self {
        Self::start_with(listening, 2)
    }

    pub(crate) fn start_with(listening: Listening, workers: usize) -> Self {
        let origin = origin::Origin::start();
        let address = listening.bound.local();
        let port = origin.port;
        let make = move |_worker, draining| carrier::TestCarrier::new(port, draining);
        let workers = Workers::start(vec![listening], workers, make).unwrap();
        Self {
            workers: Some(workers),
            address,
            origin,
        }
    }

    pub(crate) fn connect(&self) -> client::Client {
        client::Client::connect(self.address)
    }

    pub(crate) fn workers(&self) -> &Workers {
        self.workers.as_ref().unwrap()
    }

    /// Wait until the gateway has exactly that many open connections.
    pub(crate) fn await_open(&self, count: usize) {
        for _ in 0..400 {
            if self.workers().open() == count {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{} connections are open, not {count}", self.workers().open());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(workers) = self.workers.take() {
            workers.finish(Duration::from_millis(200), &AtomicBool::new(false));
        }
    }
}
