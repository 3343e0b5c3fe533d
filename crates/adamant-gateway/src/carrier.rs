//! What a worker serves with: the lane for what it carries, Pingora's proxy loop for the rest.

mod room;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use adamant_filter::Reason;
use adamant_policy::config::UpstreamProtocol;
use bytes::Bytes;
use pingora::apps::{HttpServerApp, HttpServerOptions, ServerApp};
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::default_h2_options;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use tokio::sync::watch;
use tokio_util::either::Either;

use self::room::Room;
use crate::abandon;
use crate::engine::Engine;
use crate::lane::Lane;
use crate::listen::{Carrier, ClientStream, Connection, HeadFacts};
use crate::observation;
use crate::overload;
use crate::proxy::Proxy;

/// Idle connections that Pingora's pool keeps per worker.
const POOL_MAX: usize = 256;

/// Time between two looks at idle upstream connections of the lane.
const SWEEP_PERIOD: Duration = Duration::from_secs(5);

/// The carriers of one worker.
pub(crate) struct Carriers {
    engine: Arc<Engine>,
    lane: Arc<Lane>,
    proxy: Arc<HttpProxy<Proxy>>,
    draining: watch::Receiver<bool>,
    /// Every upstream speaks HTTP/1.1, so the lane can serve whatever it can read.
    lane_speaks_all: bool,
}

impl Carriers {
    /// Carriers for the worker on whose runtime this is called.
    pub(crate) fn new(engine: Arc<Engine>, worker: usize, draining: watch::Receiver<bool>) -> Self {
        observation::enter(worker);
        abandon::enter(&engine);
        let upstreams = &engine.plan.config().upstreams;
        let lane_speaks_all = upstreams
            .iter()
            .all(|upstream| upstream.protocol == UpstreamProtocol::H1);
        let ca_file = engine.upstreams.ca_file();
        let mut options = ConnectorOptions::new(POOL_MAX);
        options.ca_file = ca_file.map(str::to_owned);
        let conf = ServerConf {
            threads: 1,
            upstream_keepalive_pool_size: POOL_MAX,
            // Attempts are counted by the plan's retry rule; this is only Pingora's own stop.
            max_retries: 16,
            ca_file: ca_file.map(str::to_owned),
            ..ServerConf::default()
        };
        let mut proxy = http_proxy(
            &Arc::new(conf),
            Proxy {
                engine: Arc::clone(&engine),
                connector: Connector::new(Some(options)),
            },
        );
        let mut h2 = default_h2_options();
        let streams = engine
            .plan
            .config()
            .listeners
            .iter()
            .map(|listener| listener.bounds.streams)
            .max();
        h2.max_concurrent_streams(streams.unwrap_or(100));
        proxy.h2_options = Some(h2);
        let mut options = HttpServerOptions::default();
        let idle = engine
            .plan
            .config()
            .listeners
            .iter()
            .map(|listener| listener.bounds.idle_time)
            .max();
        options.h2_idle_timeout = idle;
        proxy.server_options = Some(options);
        let lane = Arc::new(Lane::new(Arc::clone(&engine), ca_file));
        tokio::spawn(sweep(Arc::clone(&lane), draining.clone()));
        if engine.overload.is_some() {
            tokio::spawn(overload::watch(Arc::clone(&engine), worker));
        }
        Self {
            engine,
            lane,
            proxy: Arc::new(proxy),
            draining,
            lane_speaks_all,
        }
    }
}

/// Closes idle upstream connections in time, also of endpoints that are not asked any more.
async fn sweep(lane: Arc<Lane>, draining: watch::Receiver<bool>) {
    while !*draining.borrow() {
        tokio::time::sleep(SWEEP_PERIOD).await;
        lane.sweep();
    }
}

impl Carrier for Carriers {
    fn h1(
        &self,
        mut stream: Box<ClientStream>,
        facts: HeadFacts,
    ) -> impl Future<Output = Option<Box<ClientStream>>> + Send {
        let taken = self
            .lane_speaks_all
            .then(|| Lane::takes(&mut stream, &facts))
            .flatten();
        match taken {
            Some(body) => {
                let lane = Arc::clone(&self.lane);
                Either::Left(Room::around(async move { lane.serve(stream, facts, body).await }))
            }
            None => {
                let mut session = ServerSession::new_http1(stream);
                session.set_keepalive((!facts.close && !*self.draining.borrow()).then_some(0));
                let served = self.proxy.process_new_http(session, &self.draining);
                // Boxed for the same reason as the other, and rare beside it.
                Either::Right(Box::pin(async move {
                    ClientStream::recover(served.await?.consume().0)
                }))
            }
        }
    }

    async fn h2(&self, stream: Box<ClientStream>) {
        self.proxy.process_new(stream, &self.draining).await;
    }

    fn refuse(&self, reason: &'static Reason, connection: &Arc<Connection>) -> Bytes {
        self.engine.refuse_unread(reason, connection)
    }
}
