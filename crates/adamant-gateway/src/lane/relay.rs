//! An answer on its way from the endpoint to the client: as it comes, or held where filters see it whole.

use std::time::Duration;

use adamant_filter::Chunk;
use adamant_observe::Failure;
use adamant_policy::plan::Refusal;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use pingora::http::ResponseHeader;
use pingora::protocols::http::v1::client::HttpSession as Up;
use pingora::protocols::http::v1::server::HttpSession as Down;

use super::held::Held;
use super::joined::Joined;
use super::{Attempted, First, Lane, beside_client, send};
use crate::exchange::Exchange;
use crate::incoming;
use crate::proxy::failure_of;
use crate::upstream::retry::{FailedAttempt, Failure as Failed, is_idempotent};

impl Lane {
    /// Passes an answer on, or finds that it must not be.
    pub(super) async fn relay(&self, down: &mut Down, mut up: Up, exchange: &mut Exchange) -> Attempted {
        let Some(head) = up.resp_header() else {
            return Attempted::Broken;
        };
        let status = head.status.as_u16();
        let mut head: Box<ResponseHeader> = Box::new(head.clone());
        let attempt = FailedAttempt {
            number: exchange.upstream.attempts,
            failure: Failed::Status(status),
            idempotent: is_idempotent(exchange.plan.request.method()),
            replayable: true,
        };
        if self.engine.retries(exchange, &attempt) {
            let refusal = Refusal::new(crate::reasons::UPSTREAM, &crate::reasons::UNAVAILABLE);
            return Attempted::Failed(Failed::Status(status), refusal);
        }
        up.respect_keepalive();
        if let Some(instead) = self.engine.relay(exchange, &mut head) {
            return Attempted::Replaced(instead);
        }
        let ended = self.deliver(down, &mut up, exchange, head).await;
        let ended = ended.unwrap_or_else(|ended| ended);
        if up.is_body_done()
            && matches!(ended, Attempted::Complete | Attempted::Replaced(_))
            && let Some(picked) = exchange.upstream.picked.take()
        {
            let (id, group) = (picked.id(), picked.peer().group_key);
            drop(picked);
            if let Some(stream) = up.reuse().await.and_then(Joined::recover) {
                self.connections.put(id, group, stream);
            }
        }
        ended
    }

    /// Sends the head and the body, held before where the filters want that.
    async fn deliver(
        &self,
        down: &mut Down,
        up: &mut Up,
        exchange: &mut Exchange,
        mut head: Box<ResponseHeader>,
    ) -> Result<Attempted, Attempted> {
        let has_body = incoming::has_body(exchange.plan.request.method(), head.status);
        let part = match exchange.plan.holding.take() {
            None => Bytes::new(),
            Some(_) if !has_body => {
                // A filter might have changed the body, and its length with it.
                head.remove_header(&CONTENT_LENGTH);
                Bytes::new()
            }
            Some(holding) => match self.collect(down, up, exchange, holding).await? {
                Held::Whole(whole) => return Ok(self.send_whole(down, exchange, head, whole).await),
                Held::Part(part) => part,
            },
        };
        exchange.upstream.is_answering = true;
        exchange.status = head.status.as_u16();
        let streams = !head.headers.contains_key(CONTENT_LENGTH);
        if has_body {
            incoming::end_by_chunks(&mut head);
        }
        let mut sent = down.write_response_header(head).await.is_ok();
        if sent && !part.is_empty() {
            let part = self.pass_piece(down, exchange, part, false).await?;
            sent = send(down, &part).await;
        }
        if !sent {
            exchange.failure = Some(Failure::ClientAborted);
            return Err(Attempted::Broken);
        }
        Ok(self.relay_body(down, up, exchange, streams).await)
    }

    async fn relay_body(
        &self,
        down: &mut Down,
        up: &mut Up,
        exchange: &mut Exchange,
        streams: bool,
    ) -> Attempted {
        let hooks = self.engine.moments_of(exchange).response_body;
        loop {
            // A body of known length is there in a moment; only a stream can outlive its reader.
            let read = if streams {
                beside_client(up.read_body_ref(), down, || self.engine.left(exchange).map(drop)).await
            } else {
                First::Upstream(up.read_body_ref().await)
            };
            let piece = match read {
                First::ClientGone => return Attempted::Gone,
                First::Late(_) => {
                    exchange.failure = Some(Failure::TotalTimeout);
                    return Attempted::Broken;
                }
                First::Upstream(Ok(piece)) => piece,
                First::Upstream(Err(error)) => {
                    exchange.failure = Some(failure_of(&error.into_up(), exchange));
                    return Attempted::Broken;
                }
            };
            let last = piece.is_none();
            let written = if hooks {
                let piece = piece.map(Bytes::copy_from_slice).unwrap_or_default();
                match self.pass_piece(down, exchange, piece, last).await {
                    Ok(piece) => send(down, &piece).await,
                    Err(ended) => return ended,
                }
            } else {
                send(down, piece.unwrap_or_default()).await
            };
            if !written {
                exchange.failure = Some(Failure::ClientAborted);
                return Attempted::Broken;
            }
            if last {
                return if down.finish_body().await.is_ok() {
                    Attempted::Complete
                } else {
                    Attempted::Broken
                };
            }
            if self.engine.left(exchange).is_err() {
                exchange.failure = Some(Failure::TotalTimeout);
                return Attempted::Broken;
            }
        }
    }

    /// One piece of an answer through the hooks, and the time that they make it wait. Meanwhile nothing is read
    /// from the endpoint.
    async fn pass_piece(
        &self,
        down: &mut Down,
        exchange: &mut Exchange,
        piece: Bytes,
        last: bool,
    ) -> Result<Bytes, Attempted> {
        let mut chunk = Chunk::new(piece, last).at(self.engine.clock.tick());
        if let Some(refusal) = self.engine.plan.response_body(&mut exchange.plan, &mut chunk) {
            exchange.refused = Some((refusal.by, refusal.reason));
            return Err(Attempted::Broken);
        }
        self.pause(down, exchange, chunk.delayed()).await?;
        Ok(chunk.into_data())
    }

    pub(super) async fn pause(
        &self,
        down: &mut Down,
        exchange: &mut Exchange,
        time: Duration,
    ) -> Result<(), Attempted> {
        if time.is_zero() {
            return Ok(());
        }
        let pause = tokio::time::sleep(self.engine.pause(exchange, time));
        let waited = beside_client(pause, down, || self.engine.left(exchange).map(drop)).await;
        if matches!(waited, First::ClientGone) {
            return Err(Attempted::Gone);
        }
        if self.engine.left(exchange).is_err() {
            exchange.failure = Some(Failure::TotalTimeout);
            return Err(Attempted::Broken);
        }
        Ok(())
    }
}
