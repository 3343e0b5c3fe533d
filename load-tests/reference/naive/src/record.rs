//! What the naive gateway writes down about a finished request: a JSON line and labelled counters.
//!
//! Both are made anew for every request, on the request's own path.

use std::time::Instant;

use load_floor::server::Failure;
use pingora::proxy::Session;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};

/// Counters with labels that are looked up by their text.
pub(crate) struct Metrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl Metrics {
    /// Makes them and hands them to the default registry.
    pub(crate) fn registered() -> Result<Self, Failure> {
        let options = Opts::new("gateway_requests_total", "Finished requests.");
        let requests = IntCounterVec::new(options, &["method", "route", "status"])?;
        let options = HistogramOpts::new("gateway_request_seconds", "Time from head to last byte.");
        let seconds = HistogramVec::new(options, &["route"])?;
        prometheus::register(Box::new(requests.clone()))?;
        prometheus::register(Box::new(seconds.clone()))?;
        Ok(Self { requests, seconds })
    }

    /// Counts one request.
    pub(crate) fn count(&self, session: &Session, route: &str, start: Instant) {
        let method = session.req_header().method.to_string();
        self.requests
            .with_label_values(&[method.as_str(), route, status(session).to_string().as_str()])
            .inc();
        self.seconds
            .with_label_values(&[route])
            .observe(start.elapsed().as_secs_f64());
    }
}

/// Writes the line.
pub(crate) fn write(session: &Session, user: Option<&str>, start: Instant) {
    let head = session.req_header();
    let field = |name: &str| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_string)
    };
    let line = serde_json::json!({
        "client": session.client_addr().map(ToString::to_string),
        "method": head.method.to_string(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "host": field("host"),
        "agent": field("user-agent"),
        "user": user,
        "status": status(session),
        "bytes": session.body_bytes_sent(),
        "seconds": start.elapsed().as_secs_f64(),
    });
    log::info!(target: "access", "{line}");
}

/// The status that the client was sent; 0 if none.
fn status(session: &Session) -> u16 {
    session.response_written().map_or(0, |head| head.status.as_u16())
}
