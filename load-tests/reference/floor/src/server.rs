//! Starts a Pingora server on the addresses that the load tests name in the environment.
//!
//! It never chooses what a proxy does with a request.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use pingora::listeners::ListenerConfig;
use pingora::listeners::tls::TlsSettings;
use pingora::protocols::l4::stream::L4BufferSettings;
use pingora::proxy::{ProxyHttp, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

/// Whatever stops a peer before it serves.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How the platform is set up.
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    /// Let the runtime's workers take tasks from each other.
    pub work_stealing: bool,
    /// Bytes of the read buffer of an accepted connection; Pingora's default when absent.
    pub read_buffer: Option<usize>,
}

impl Platform {
    /// As Pingora comes.
    pub const STOCK: Self = Self {
        work_stealing: true,
        read_buffer: None,
    };

    /// With the settings that measurements favour for one worker.
    pub const TUNED: Self = Self {
        work_stealing: false,
        read_buffer: Some(8 * 1024),
    };

    /// A listener on loopback, on the port that a variable names.
    fn listener(self, name: &str) -> Result<ListenerConfig, Failure> {
        let listener = ListenerConfig::tcp(format!("127.0.0.1:{}", port(name)?));
        Ok(match self.read_buffer {
            // The write buffer keeps the platform's size: one segment.
            Some(bytes) => listener.l4_buffer(L4BufferSettings::new(bytes, 1460)),
            None => listener,
        })
    }
}

/// The value of an environment variable; empty counts as absent.
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A port from the environment.
pub fn port(name: &str) -> Result<u16, Failure> {
    let text = setting(name).ok_or_else(|| format!("{name} is not set"))?;
    text.parse()
        .map_err(|_| format!("{name} is not a port: {text}").into())
}

/// The origin that `ORIGIN_PORT` names.
pub fn origin() -> Result<HttpPeer, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port("ORIGIN_PORT")?));
    Ok(HttpPeer::new(address, false, String::new()))
}

/// The status with which every request is refused, if `REFUSE` names one.
pub fn refusal() -> Result<Option<u16>, Failure> {
    let status = setting("REFUSE").map(|text| text.parse());
    status.transpose().map_err(|_| "REFUSE is not a status".into())
}

/// Serves `proxy` on `GATEWAY_PORT`, and on `TLS_PORT` when `CERTIFICATE` and `KEY` are given. It returns
/// only if something is wrong before the start.
pub fn serve<P>(proxy: P, platform: Platform) -> Result<(), Failure>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync + 'static,
{
    let conf = ServerConf {
        threads: 1,
        work_stealing: platform.work_stealing,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, proxy);
    service.add_listener(platform.listener("GATEWAY_PORT")?);
    if let (Some(certificate), Some(key)) = (setting("CERTIFICATE"), setting("KEY")) {
        let mut tls = TlsSettings::intermediate(&certificate, &key)?;
        tls.enable_h2();
        service.add_listener(platform.listener("TLS_PORT")?.tls(tls));
    }
    server.add_service(service);
    server.run_forever()
}
