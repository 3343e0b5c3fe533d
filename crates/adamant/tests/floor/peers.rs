//! What the gateway is compared with: Pingora's sessions alone, and Pingora's proxy as it comes.
//!
//! Nothing here decides about a request or changes it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::HttpSession as Up;
use pingora::protocols::http::v1::server::HttpSession as Down;
use pingora::protocols::l4::stream::Stream as Socket;
use pingora::proxy::{ProxyHttp, Session, http_proxy};
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use tokio::sync::watch;

use crate::ends;

/// Pingora's sessions as any user of the library would join them: read a head, write a copy of it, read the
/// answer's head, write a copy of it, pass the body on. Whatever a gateway costs beyond that is its own.
pub(crate) fn sessions(origin: SocketAddr) -> SocketAddr {
    serve(move |stream| relay(stream, origin))
}

async fn relay(mut stream: Stream, origin: SocketAddr) {
    let mut kept: Option<Stream> = None;
    loop {
        let mut down = Down::new(stream);
        if !matches!(down.read_request().await, Ok(Some(_))) {
            return;
        }
        down.set_server_keepalive(Some(0));
        let request = Box::new(down.req_header().clone());
        let connection = match kept.take() {
            Some(connection) => connection,
            None => connect(origin).await,
        };
        let mut up = Up::new(connection);
        up.write_request_header(request).await.expect("a request");
        up.read_response().await.expect("an answer");
        let head = Box::new(up.resp_header().expect("a head").clone());
        up.respect_keepalive();
        down.write_response_header(head).await.expect("a head is sent");
        while let Some(piece) = up.read_body_ref().await.expect("a body") {
            down.write_body(piece).await.expect("a body is sent");
        }
        down.finish_body().await.expect("an end");
        kept = up.reuse().await;
        match down.reuse().await {
            Ok(Some(next)) => (stream, _) = next.into_parts(),
            _ => return,
        }
    }
}

async fn connect(address: SocketAddr) -> Stream {
    let stream = tokio::net::TcpStream::connect(address).await.expect("the origin");
    stream.set_nodelay(true).expect("a socket");
    Box::new(Socket::from(stream))
}

struct Bare {
    origin: HttpPeer,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(self.origin.clone()))
    }
}

/// Pingora's proxy as it comes, told only where to send requests.
pub(crate) fn bare(origin: SocketAddr) -> SocketAddr {
    let conf = ServerConf {
        threads: 1,
        ..ServerConf::default()
    };
    let bare = Bare {
        origin: HttpPeer::new(origin, false, String::new()),
    };
    let proxy = Arc::new(http_proxy(&Arc::new(conf), bare));
    let (stop, stopping) = watch::channel(false);
    serve(move |stream| {
        let (proxy, stopping) = (Arc::clone(&proxy), stopping.clone());
        // The end that would stop it lives as long as the connection.
        let stop = stop.clone();
        async move {
            let mut next = Some(stream);
            while let Some(stream) = next {
                next = proxy.process_new(stream, &stopping).await;
            }
            drop(stop);
        }
    })
}

/// Serves connections on a thread of its own, as one worker does. It ends with the process.
fn serve<F>(connection: impl Fn(Stream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, address) = ends::listen();
    listener.set_nonblocking(true).expect("a socket");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("a socket");
                tokio::spawn(connection(Box::new(Socket::from(stream))));
            }
        });
    });
    address
}
