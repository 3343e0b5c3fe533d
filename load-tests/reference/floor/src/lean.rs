//! Pingora with every lever of its public interface: hooks that cost no heap call, no modules, a peer that is
//! ready, refusals that are ready and keep the connection.
//!
//! What it does besides carrying bytes is exactly its [`Duties`].

use std::marker::PhantomData;
use std::os::fd::RawFd;

use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};

use crate::duties::Duties;
use crate::hook;
use crate::server::{Failure, Platform, origin, refusal, serve};
use crate::still::{Answer, Passed, Unit, settled};

/// The proxy.
struct Lean<D> {
    origin: HttpPeer,
    refusal: Option<ResponseHeader>,
    duties: PhantomData<D>,
}

/// Runs the proxy that the environment describes.
pub fn run<D: Duties>() -> Result<(), Failure> {
    let refusal = match refusal()? {
        Some(status) => {
            let mut head = ResponseHeader::build(status, Some(4))?;
            head.insert_header("content-length", "0")?;
            Some(head)
        }
        None => None,
    };
    serve(
        Lean::<D> {
            origin: D::peer(origin()?),
            refusal,
            duties: PhantomData,
        },
        Platform::TUNED,
    )
}

/// Writes a refusal; the connection stays open.
async fn refuse<D: Duties>(
    session: &mut Session,
    head: &ResponseHeader,
    memory: &mut D::Memory,
) -> Result<bool> {
    if D::SIGNS_ANSWERS {
        let mut head = Box::new(head.clone());
        D::answer(&mut head, memory)?;
        session.write_response_header(head, true).await?;
    } else {
        session.write_response_header_ref(head, true).await?;
    }
    session.write_response_body(None, true).await?;
    Ok(true)
}

impl<D: Duties> ProxyHttp for Lean<D> {
    type CTX = D::Memory;

    fn new_ctx(&self) -> D::Memory {
        D::Memory::default()
    }

    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    hook! { ['s, 'c] fn early_request_filter(
        self, session: &'s mut Session, memory: &'c mut D::Memory
    ) -> Result<()> {
        D::begin(session, memory);
        Box::pin(Passed)
    } }

    hook! { ['s, 'c] fn request_filter(
        self, session: &'s mut Session, memory: &'c mut D::Memory
    ) -> Result<bool> {
        match &self.refusal {
            None => Box::pin(Answer::<false>),
            Some(head) => Box::pin(refuse::<D>(session, head, memory)),
        }
    } }

    hook! { ['s, 'c] fn upstream_peer(
        self, _session: &'s mut Session, _memory: &'c mut D::Memory
    ) -> Result<Box<HttpPeer>> {
        Box::pin(std::future::ready(Ok(Box::new(self.origin.clone()))))
    } }

    hook! { ['s, 'c] fn proxy_upstream_filter(
        self, _session: &'s mut Session, _memory: &'c mut D::Memory
    ) -> Result<bool> {
        Box::pin(Answer::<true>)
    } }

    hook! { ['s, 'p, 'd, 'c] fn connected_to_upstream(
        self, _session: &'s mut Session, _reused: bool, _peer: &'p HttpPeer, _fd: RawFd,
        _digest: Option<&'d Digest>, _memory: &'c mut D::Memory
    ) -> Result<()> {
        Box::pin(Passed)
    } }

    hook! { ['s, 'h, 'c] fn upstream_request_filter(
        self, session: &'s mut Session, head: &'h mut RequestHeader, memory: &'c mut D::Memory
    ) -> Result<()> {
        settled(D::forward(session, head, memory))
    } }

    hook! { ['s, 'b, 'c] fn request_body_filter(
        self, _session: &'s mut Session, _body: &'b mut Option<Bytes>, _end: bool, _memory: &'c mut D::Memory
    ) -> Result<()> {
        Box::pin(Passed)
    } }

    hook! { ['s, 'h, 'c] fn upstream_response_filter(
        self, _session: &'s mut Session, _head: &'h mut ResponseHeader, _memory: &'c mut D::Memory
    ) -> Result<()> {
        Box::pin(Passed)
    } }

    hook! { ['s, 'h, 'c] fn response_filter(
        self, _session: &'s mut Session, head: &'h mut ResponseHeader, memory: &'c mut D::Memory
    ) -> Result<()> {
        settled(D::answer(head, memory))
    } }

    hook! { ['s, 'e, 'c] fn logging(
        self, _session: &'s mut Session, _error: Option<&'e Error>, _memory: &'c mut D::Memory
    ) -> () {
        Box::pin(Unit)
    } }
}
