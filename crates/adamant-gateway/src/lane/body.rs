//! A request body that came whole with its head: every check sees it at once, and it leaves with the head.
//!
//! It never waits for the client: a body that is still on its way belongs to the general carrier.

use adamant_filter::Chunk;
use adamant_policy::plan::Refusal;
use adamant_policy::receive::reason as guard;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue};
use pingora::http::RequestHeader;

use crate::engine::Engine;
use crate::exchange::Exchange;

/// Runs the checks of the matched route over the body and keeps it for every attempt.
pub(super) fn admit(engine: &Engine, exchange: &mut Exchange, body: Bytes) -> Option<Refusal> {
    let length = body.len() as u64;
    let moments = engine.moments_of(exchange);
    if let Some(refusal) = engine.count_body(exchange, length) {
        return Some(refusal);
    }
    let held = engine.plan.body_held(&exchange.plan);
    if held.is_some_and(|held| length > held) {
        return Some(Refusal::new(guard::GUARD, &guard::BODY_EXCEEDED));
    }
    let mut chunk = Chunk::new(body, true);
    if moments.request_body
        && let Some(refusal) = engine.plan.request_body(&mut exchange.plan, &mut chunk)
    {
        return Some(refusal);
    }
    exchange.body.held = Some(chunk.into_data());
    exchange.body.is_whole = true;
    None
}

/// Declares the length that the body has after its checks.
pub(super) fn frame(exchange: &Exchange, head: &mut RequestHeader) {
    if let Some(body) = &exchange.body.held
        && exchange.body.seen != body.len() as u64
    {
        // A length is always a valid value.
        let _ = head.insert_header(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
}
