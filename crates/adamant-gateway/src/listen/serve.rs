//! The life of one connection: its requests one after the other, each handed to a carrier.
//!
//! It knows neither routes nor filters; whatever is decided here is about the connection alone.

use std::future::Future;
use std::sync::Arc;

use adamant_filter::Reason;
use bytes::Bytes;

use super::connection::Connection;
use super::head::{HeadFacts, Progress};
use super::stream::{Arrival, ClientStream, HeadRules, HeadSearch};

/// Who serves exchanges. One carrier per worker, so it may own pools that nobody else touches.
pub trait Carrier: Send + Sync + 'static {
    /// Serve exactly one HTTP/1 request. Its head was inspected and is still unread; not a byte behind
    /// the request can be read. The stream comes back when the connection may go on.
    ///
    /// The future lives inside the connection's task, so a large one makes every idle connection large:
    /// box what is big.
    fn h1(
        &self,
        stream: Box<ClientStream>,
        facts: HeadFacts,
    ) -> impl Future<Output = Option<Box<ClientStream>>> + Send;

    /// Serve an HTTP/2 connection to its end. The preface is still unread.
    fn h2(&self, stream: Box<ClientStream>) -> impl Future<Output = ()> + Send;

    /// A complete HTTP/1.1 answer, `Connection: close` included, for a request head that is refused.
    fn refuse(&self, reason: &'static Reason, connection: &Arc<Connection>) -> Bytes;
}

/// Serve a connection to its end.
pub(super) async fn connection(mut stream: Box<ClientStream>, carrier: &impl Carrier, rules: &HeadRules) {
    if stream.connection().is_http2() {
        stream.begin_http2();
        carrier.h2(stream).await;
        return;
    }
    let mut is_first = true;
    loop {
        let search = HeadSearch {
            rules,
            is_first,
            progress: Progress::default(),
        };
        is_first = false;
        match stream.arrival(search).await {
            Arrival::Request(facts) => {
                stream.begin(&facts);
                let Some(mut returned) = carrier.h1(stream, facts).await else {
                    return;
                };
                if !returned.end() {
                    return;
                }
                if facts.close {
                    // The carrier has kept the connection although the client asked for its end.
                    pingora::protocols::Shutdown::shutdown(&mut *returned).await;
                    return;
                }
                stream = returned;
            }
            Arrival::Http2 => {
                stream.begin_http2();
                carrier.h2(stream).await;
                return;
            }
            Arrival::Refused(reason) => {
                let answer = carrier.refuse(reason, stream.connection());
                stream.close_with(&answer).await;
                return;
            }
            Arrival::Closed => {
                // TLS clients are told (close_notify); in clear text this is the FIN.
                pingora::protocols::Shutdown::shutdown(&mut *stream).await;
                return;
            }
        }
    }
}
