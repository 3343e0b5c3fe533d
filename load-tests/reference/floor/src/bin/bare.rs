//! Pingora as it comes, told only where to send requests.
//!
//! With `REFUSE` it answers each request in the way that the platform offers first, which closes the
//! connection; no lever is touched.

use async_trait::async_trait;
use load_floor::server::{Failure, Platform, origin, refusal, serve};
use pingora::Result;
use pingora::proxy::{ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;

struct Bare {
    origin: HttpPeer,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.origin.clone()))
    }
}

/// A type of its own, so that the proxy above is not charged for a hook.
struct Refusing {
    status: u16,
    origin: HttpPeer,
}

#[async_trait]
impl ProxyHttp for Refusing {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn request_filter(&self, session: &mut Session, (): &mut ()) -> Result<bool> {
        session.respond_error(self.status).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.origin.clone()))
    }
}

fn main() -> Result<(), Failure> {
    let origin = origin()?;
    match refusal()? {
        Some(status) => serve(Refusing { status, origin }, Platform::STOCK),
        None => serve(Bare { origin }, Platform::STOCK),
    }
}
