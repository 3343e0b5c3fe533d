//! An answer that filters see whole: it is read to its end before its head leaves.
//!
//! It never decides how much is held: the response hooks did.

use adamant_filter::Chunk;
use adamant_observe::Failure;
use adamant_policy::plan::{Decided, Holding, Refusal};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use pingora::http::ResponseHeader;
use pingora::protocols::http::v1::client::HttpSession as Up;
use pingora::protocols::http::v1::server::HttpSession as Down;

use super::{Attempted, First, Lane, beside_client, send};
use crate::exchange::Exchange;
use crate::proxy::{failure_of, refusal_of};
use crate::reasons;
use crate::upstream::retry::Failure as Failed;

/// What was read of a body that is to be held.
pub(super) enum Held {
    /// All of it.
    Whole(Bytes),
    /// Its beginning; the rest passes as it comes.
    Part(Bytes),
}

impl Lane {
    /// Reads the body as far as it may be held. Nothing has left yet, so whatever goes wrong can still be told.
    pub(super) async fn collect(
        &self,
        down: &mut Down,
        up: &mut Up,
        exchange: &mut Exchange,
        holding: Holding,
    ) -> Result<Held, Attempted> {
        let instead = |by, reason| Attempted::Replaced(Decided::Refuse(Refusal::new(by, reason)));
        let mut held = BytesMut::new();
        loop {
            let read = beside_client(up.read_body_ref(), down, || self.engine.left(exchange).map(drop)).await;
            let piece = match read {
                First::ClientGone => return Err(Attempted::Gone),
                First::Late(refusal) => {
                    exchange.failure = Some(Failure::TotalTimeout);
                    return Err(Attempted::Failed(Failed::Late, refusal));
                }
                First::Upstream(Ok(None)) => return Ok(Held::Whole(held.freeze())),
                First::Upstream(Ok(Some(piece))) => piece,
                First::Upstream(Err(error)) => {
                    exchange.failure = Some(failure_of(&error.into_up(), exchange));
                    return Err(Attempted::Failed(Failed::Late, refusal_of(exchange.failure)));
                }
            };
            if !exchange.room.grow(&self.engine.bodies, piece.len()) {
                return Err(instead(reasons::GATEWAY, &reasons::BODIES_FULL));
            }
            held.extend_from_slice(piece);
            if held.len() as u64 > holding.at_most {
                return match holding.over {
                    Some((by, reason)) => Err(instead(by, reason)),
                    None => Ok(Held::Part(held.freeze())),
                };
            }
        }
    }

    /// Shows the whole body to the filters and sends the answer that they make of it.
    pub(super) async fn send_whole(
        &self,
        down: &mut Down,
        exchange: &mut Exchange,
        mut head: Box<ResponseHeader>,
        whole: Bytes,
    ) -> Attempted {
        let mut chunk = Chunk::held(whole).at(self.engine.clock.tick());
        if let Some(refusal) = self.engine.plan.response_body(&mut exchange.plan, &mut chunk) {
            return Attempted::Replaced(Decided::Refuse(refusal));
        }
        if let Err(ended) = self.pause(down, exchange, chunk.delayed()).await {
            return ended;
        }
        let body = chunk.into_data();
        head.remove_header(&TRANSFER_ENCODING);
        // A length is always a valid value.
        let _ = head.insert_header(CONTENT_LENGTH, HeaderValue::from(body.len()));
        exchange.upstream.is_answering = true;
        exchange.status = head.status.as_u16();
        let sent = down.write_response_header(head).await.is_ok()
            && send(down, &body).await
            && down.finish_body().await.is_ok();
        if sent {
            return Attempted::Complete;
        }
        exchange.failure = Some(Failure::ClientAborted);
        Attempted::Broken
    }
}
