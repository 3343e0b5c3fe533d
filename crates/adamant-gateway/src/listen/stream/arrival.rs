//! Waiting for the next request on a connection that speaks HTTP/1.1, or may turn out to speak HTTP/2.

use std::future::poll_fn;
use std::task::{Context, Poll};

use adamant_filter::Reason;

use super::super::connection::{Breach, Phase};
use super::super::head::{HeadBounds, HeadFacts, Progress, inspect};
use super::super::reasons;
use super::ClientStream;

/// RFC 9113 §3.4.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What came.
#[derive(Debug)]
pub(in super::super) enum Arrival {
    /// A request whose head is complete and sound, and still unread.
    Request(HeadFacts),
    /// The preface of HTTP/2, still unread.
    Http2,
    /// A head that must not be served; the connection cannot go on.
    Refused(&'static Reason),
    /// The client left, was silent for too long, or the gateway drains.
    Closed,
}

/// What a listener accepts at the start of a request.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct HeadRules {
    pub(in super::super) bounds: HeadBounds,
    /// HTTP/1 is spoken.
    pub(in super::super) h1: bool,
    /// HTTP/2 by prior knowledge is spoken; never under TLS, where ALPN decides.
    pub(in super::super) h2_prior_knowledge: bool,
}

/// State of one search for the end of a head.
pub(in super::super) struct HeadSearch<'a> {
    pub(in super::super) rules: &'a HeadRules,
    /// Only the first bytes of a connection can be the preface.
    pub(in super::super) is_first: bool,
    pub(in super::super) progress: Progress,
}

impl ClientStream {
    /// Wait for the next request; holds no buffer until its first byte is there.
    pub(in super::super) async fn arrival(&mut self, mut search: HeadSearch<'_>) -> Arrival {
        poll_fn(|cx| self.poll_arrival(cx, &mut search)).await
    }

    fn poll_arrival(&mut self, cx: &mut Context<'_>, search: &mut HeadSearch<'_>) -> Poll<Arrival> {
        loop {
            if !self.input.is_empty() {
                self.connection.set_phase(Phase::Head);
                if let Some(arrival) = self.judge(search) {
                    return Poll::Ready(arrival);
                }
            }
            if self.end_of_input || (self.input.is_empty() && self.connection.is_draining()) {
                return Poll::Ready(Arrival::Closed);
            }
            if !self.input.make_room(search.rules.bounds.bytes) {
                return Poll::Ready(Arrival::Refused(&reasons::HEAD_TOO_LARGE));
            }
            match self.poll_fill(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => {
                    let too_slow = self.connection.breach() == Some(Breach::Head);
                    return Poll::Ready(if too_slow {
                        Arrival::Refused(&reasons::HEAD_TOO_SLOW)
                    } else {
                        Arrival::Closed
                    });
                }
            }
        }
    }

    /// What the buffered bytes are, if they are enough to tell.
    #[inline]
    fn judge(&mut self, search: &mut HeadSearch<'_>) -> Option<Arrival> {
        let rules = search.rules;
        if search.is_first && rules.h2_prior_knowledge {
            let bytes = self.input.filled();
            let compared = bytes.len().min(PREFACE.len());
            if bytes.get(..compared) == PREFACE.get(..compared) {
                return (compared == PREFACE.len()).then_some(Arrival::Http2);
            }
        }
        if !rules.h1 {
            return Some(Arrival::Refused(&reasons::VERSION));
        }
        // RFC 9112 §2.2: empty lines before a request line are skipped.
        while self.input.filled().starts_with(b"\r\n") {
            self.input.consume(2);
            search.progress = Progress::default();
        }
        let bytes = self.input.filled();
        if matches!(bytes, b"" | b"\r") {
            return None;
        }
        let is_continued = search.progress.has_begun();
        if is_continued && bytes.len() < rules.bounds.bytes && !search.progress.is_due(bytes) {
            return None;
        }
        match inspect(bytes, &rules.bounds) {
            Ok(Some(facts)) => Some(Arrival::Request(facts)),
            Err(reason) => Some(Arrival::Refused(reason)),
            Ok(None) => {
                if !is_continued {
                    search.progress.is_due(bytes);
                }
                None
            }
        }
    }
}
