//! A carrier that hands everything to Pingora's proxy, as the gateway's general carrier does.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use adamant_filter::Reason;
use adamant_gateway::listen::{Breach, Carrier, ClientStream, Connection, HeadFacts, Phase};
use async_trait::async_trait;
use bytes::Bytes;
use pingora::apps::{HttpServerApp, ServerApp};
use pingora::http::ResponseHeader;
use pingora::modules::http::HttpModules;
use pingora::prelude::*;
use pingora::protocols::http::ServerSession;
use pingora::proxy::{FailToProxy, HttpProxy, ProxyHttp, Session, http_proxy};
use pingora::server::configuration::ServerConf;
use tokio::sync::watch;

pub(crate) struct TestCarrier {
    proxy: Arc<HttpProxy<TestProxy>>,
    draining: watch::Receiver<bool>,
}

impl TestCarrier {
    pub(crate) fn new(origin: u16, draining: watch::Receiver<bool>) -> Self {
        let mut peer = HttpPeer::new(("127.0.0.1", origin), false, String::new());
        peer.options.http_upstream_request_policy = Default::default();
        let proxy = http_proxy(&Arc::new(ServerConf::default()), TestProxy { peer });
        Self {
            proxy: Arc::new(proxy),
            draining,
        }
    }
}

impl Carrier for TestCarrier {
    fn h1(
        &self,
        stream: Box<ClientStream>,
        _facts: HeadFacts,
    ) -> impl Future<Output = Option<Box<ClientStream>>> + Send {
        // The same box from here into Pingora and back: no allocation for the hand-over.
        let session = ServerSession::new_http1(stream);
        let exchange: Pin<Box<dyn Future<Output = _> + Send + '_>> =
            HttpServerApp::process_new_http(&self.proxy, session, &self.draining);
        async move { ClientStream::recover(exchange.await?.consume().0) }
    }

    async fn h2(&self, stream: Box<ClientStream>) {
        self.proxy.process_new(stream, &self.draining).await;
    }

    fn refuse(&self, reason: &'static Reason, _connection: &Arc<Connection>) -> Bytes {
        let (status, code) = (reason.status(), reason.code());
        let length = code.len();
        let head =
            format!("HTTP/1.1 {status} Refused\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        Bytes::from(head + code)
    }
}

pub(crate) struct TestProxy {
    peer: HttpPeer,
}

fn connection(session: &Session) -> &Arc<Connection> {
    Connection::of(session.digest()).expect("the connection is reachable from every hook")
}

async fn respond(session: &mut Session, status: u16, body: String) -> Result<bool> {
    let mut head = ResponseHeader::build(status, Some(1))?;
    head.insert_header("content-length", body.len().to_string())?;
    session.write_response_header(Box::new(head), false).await?;
    session.write_response_body(Some(Bytes::from(body)), true).await?;
    Ok(true)
}

#[async_trait]
impl ProxyHttp for TestProxy {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, _ctx: &mut ()) -> Result<bool> {
        let connection = connection(session).clone();
        let known = session
            .client_addr()
            .and_then(|address| address.as_inet())
            .copied();
        assert_eq!(known, Some(connection.client()));
        match session.req_header().uri.path() {
            "/facts" => {
                let facts = match connection.tls() {
                    Some(tls) => format!("{} {:?} {:?}", tls.version, tls.server_name, connection.phase()),
                    None => format!("clear {:?}", connection.phase()),
                };
                respond(session, 200, facts).await
            }
            "/forbidden" => respond(session, 403, "no".to_owned()).await,
            _ => Ok(false),
        }
    }

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.peer.clone()))
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        _ctx: &mut (),
    ) -> Result<()> {
        if response.status == 101 {
            connection(session).set_phase(Phase::Tunnel);
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        _response: &mut ResponseHeader,
        _ctx: &mut (),
    ) -> Result<()> {
        if connection(session).is_draining() {
            session.set_keepalive(None);
        }
        Ok(())
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, _ctx: &mut ()) -> FailToProxy {
        let status = match connection(session).breach() {
            Some(Breach::Body) => 408,
            Some(Breach::Chunk) => 400,
            _ if error.esource() == &ErrorSource::Upstream => 502,
            _ => 500,
        };
        if session.response_written().is_none() {
            let _ = session.respond_error(status).await;
        }
        FailToProxy {
            error_code: status,
            can_reuse_downstream: false,
        }
    }
}
