//! What an upstream answers, described in words, and what leaves of it behind the filters.
//!
//! Asks nobody: without a description, what an upstream answers is not known.

use std::sync::Arc;

use adamant_filter::Chunk;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use pingora_http::ResponseHeader;
use serde::Deserialize;

use super::{End, QuestionError, answer};
use crate::plan::{Decided, Exchange, Plan, Refusal};

/// An answer of an upstream, described in words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Given {
    /// Its status.
    #[serde(default = "ok")]
    pub status: u16,
    /// Header fields, in order. `Content-Length` is that of the body unless it stands here.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Its body.
    #[serde(default)]
    pub body: String,
}

const fn ok() -> u16 {
    200
}

impl Given {
    /// Tells what is wrong with the description.
    pub(super) fn head(&self) -> Result<Box<ResponseHeader>, QuestionError> {
        // What is interim, or begins another protocol, is no answer with a body.
        let status = StatusCode::from_u16(self.status).ok();
        let status = status.filter(|status| (200..600).contains(&status.as_u16()));
        let status = status.ok_or(QuestionError::Status(self.status))?;
        let mut head = answer::head(status.as_u16());
        for (name, value) in &self.headers {
            let field =
                HeaderName::try_from(name.as_str()).map_err(|_| QuestionError::FieldName(name.clone()))?;
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| QuestionError::FieldValue(name.clone()))?;
            // An insertion fails beyond 32,768 fields; nobody describes so many.
            let _ = head.append_header(field, value);
        }
        if !head.headers.contains_key(CONTENT_LENGTH) && has_body(&Method::GET, &head) {
            // A length is always a valid value.
            let _ = head.insert_header(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        Ok(head)
    }
}

/// Whether a body follows this head (RFC 9110 §6.4.1).
fn has_body(method: &Method, head: &ResponseHeader) -> bool {
    method != Method::HEAD && !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

impl Plan {
    /// What the client sees of the answer that the upstream of this name gives.
    pub(super) fn relayed(
        &self,
        exchange: &mut Exchange,
        given: &Given,
        upstream: Option<Arc<str>>,
    ) -> Result<End, QuestionError> {
        let mut head = given.head()?;
        let end = match self.response(exchange, &mut head, false) {
            Some(instead) => self.instead(exchange, instead, head),
            None => {
                self.answered(exchange, head.status, None, exchange.request.now());
                self.behind(exchange, head, &given.body)
            }
        };
        Ok(End { upstream, ..end })
    }

    /// What a response hook wants the client to see.
    fn instead(&self, exchange: &mut Exchange, instead: Decided, head: Box<ResponseHeader>) -> End {
        match instead {
            Decided::Refuse(refusal) => self.refused(exchange, refusal),
            Decided::Reply(reply) => {
                let body = reply.body.clone();
                End::of(self.complete(exchange, answer::reply(*reply), None), Some(body))
            }
            Decided::Go => End::of(head, None),
        }
    }

    /// The answer behind the body hooks.
    fn behind(&self, exchange: &mut Exchange, mut head: Box<ResponseHeader>, body: &str) -> End {
        let holding = exchange.holding.take();
        if !has_body(exchange.request.method(), &head) {
            if holding.is_some() {
                // A filter might have changed the body, and its length with it.
                head.remove_header(&CONTENT_LENGTH);
            }
            return End::of(head, Some(Bytes::new()));
        }
        let is_longer = |at_most: u64| body.len() as u64 > at_most;
        if let Some((by, reason)) = holding
            .filter(|one| is_longer(one.at_most))
            .and_then(|one| one.over)
        {
            return self.refused(exchange, Refusal::new(by, reason));
        }
        let data = Bytes::copy_from_slice(body.as_bytes());
        let mut chunk = match holding {
            Some(holding) if !is_longer(holding.at_most) => Chunk::held(data),
            _ => Chunk::new(data, true),
        }
        .at(exchange.request.now());
        let is_whole = chunk.is_whole();
        match self.response_body(exchange, &mut chunk) {
            Some(refusal) if is_whole => self.refused(exchange, refusal),
            // The head has left by then, so the answer only breaks off.
            Some(refusal) => End {
                reason: Some((refusal.by, refusal.reason)),
                ..End::of(head, Some(Bytes::new()))
            },
            None => {
                let body = chunk.into_data();
                if is_whole {
                    // A length is always a valid value.
                    let _ = head.insert_header(CONTENT_LENGTH, HeaderValue::from(body.len()));
                }
                End::of(head, Some(body))
            }
        }
    }
}

#[cfg(test)]
mod tests;
