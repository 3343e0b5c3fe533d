//! Listeners that only send clients to the TLS listener.

use adamant_filter::Reply;
use bytes::Bytes;
use http::header::{HOST, HeaderValue, LOCATION};

use crate::plan::{Exchange, Plan};

/// The port that `https` means when none is written.
const HTTPS: u16 = 443;

impl Plan {
    /// The answer of a listener with `redirect-to`: the same target at the TLS listener. 308 keeps the
    /// method (RFC 9110 §15.4.9).
    pub(crate) fn redirect_to_tls(&self, exchange: &Exchange) -> Option<Box<Reply>> {
        let listeners = &self.config().listeners;
        let listener = listeners.get(exchange.listener?.0)?;
        let target = listeners.get(listener.redirect_to?.0)?;
        let request = &exchange.request;
        let port = if asked_port(exchange) == Some(listener.bind.port()) {
            target.bind.port()
        } else {
            HTTPS
        };
        let port = if port == HTTPS {
            String::new()
        } else {
            format!(":{port}")
        };
        let query = request
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let location = format!("https://{}{port}{}{query}", request.host(), request.path());
        let fields = HeaderValue::from_str(&location)
            .map(|value| vec![(LOCATION, value)])
            .unwrap_or_default();
        Some(Box::new(Reply {
            status: 308,
            fields,
            body: Bytes::new(),
            refuses: false,
        }))
    }
}

/// The port in `Host`. When it is not that of the listener, something in front maps ports, and the TLS
/// listener is expected at the usual one.
fn asked_port(exchange: &Exchange) -> Option<u16> {
    let head = exchange.request.head();
    let field = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = head
        .uri
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(field)?;
    authority.rsplit_once(':')?.1.parse().ok()
}
