//! Answers of the upstream, judged by the description: their status, media type and JSON.
//!
//! Changes no answer and tells the client nothing of one that does not fit: what is wrong there is not the client's
//! business.

use adamant_filter::Counter;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::{self, Value};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::Openapi;
use super::config::Responses;
use super::operation::{Fate, Operation};
use crate::json::limits::Limits;
use crate::json::scanner::Scanner;
use crate::media::Media;

/// A status that the operation does not have.
pub(super) const ANSWER_STATUS: Reason = Reason::new(
    "answer-status",
    502,
    "the upstream answered in a way that is not described",
);
/// A media type or a coding that the operation does not have.
pub(super) const ANSWER_TYPE: Reason = Reason::new(
    "answer-type",
    502,
    "the upstream answered with a body that is not described",
);
/// JSON that does not fit.
pub(super) const ANSWER: Reason = Reason::new(
    "answer",
    502,
    "the answer of the upstream does not fit its description",
);
/// More than is held.
pub(super) const ANSWER_TOO_LONG: Reason = Reason::new(
    "answer-too-long",
    502,
    "the answer of the upstream is too long to be judged",
);

/// How answers are judged.
#[derive(Debug)]
pub(super) struct Answers {
    refuses: bool,
    at_most: Size,
    misfits: Counter,
    /// Which operation the request was for; 0 is none.
    operation: Word,
    /// One more than the position of the schema that the body must fit.
    schema: Word,
}

impl Answers {
    /// What the file asks for, if it asks for anything.
    pub(super) fn new(responses: Responses, at_most: Size, boot: &mut Boot<'_>) -> Option<Self> {
        if responses == Responses::Off {
            return None;
        }
        boot.hold_response(at_most);
        Some(Self {
            refuses: responses == Responses::Refuse,
            at_most,
            misfits: boot.counter(
                "openapi_answers_misfit",
                "Answers of upstreams that do not fit their description",
            ),
            operation: boot.word(),
            schema: boot.word(),
        })
    }

    /// Remembers the operation of a request: its path and its position there.
    pub(super) fn remember(&self, request: &Request, item: usize, position: usize) {
        request.set_word(self.operation, (item as u64) << 8 | (position as u64 + 1));
    }

    fn misfit(&self, reason: &'static Reason) -> Verdict {
        self.misfits.add_one();
        if self.refuses {
            reason.deny()
        } else {
            Verdict::Pass
        }
    }
}

impl Openapi {
    pub(super) fn check_answer(&self, response: &mut Response<'_>) -> Verdict {
        let Some(answers) = self.answers.as_ref().filter(|_| !response.is_ours()) else {
            return Verdict::Pass;
        };
        let Some(operation) = self.operation_at(response.word(answers.operation)) else {
            return Verdict::Pass;
        };
        let status = response.status();
        let Some(answer) = operation.answer(status.as_u16()) else {
            return answers.misfit(&ANSWER_STATUS);
        };
        let has_no_body =
            response.request().method() == Method::HEAD || matches!(status.as_u16(), 204 | 205 | 304);
        if has_no_body || answer.contents.is_empty() {
            return Verdict::Pass;
        }
        let fate = {
            let mut types = response.header_all(&CONTENT_TYPE);
            let media = types
                .next()
                .and_then(|value| value.to_str().ok())
                .and_then(Media::parse);
            let media = media.filter(|_| types.next().is_none());
            media.map_or(Fate::Unknown, |media| answer.contents.fate(&media))
        };
        match fate {
            // It was not asked for: see `check_head`.
            Fate::Judged(_) if response.header(&CONTENT_ENCODING).is_some() => answers.misfit(&ANSWER_TYPE),
            Fate::Judged(schema) => {
                response.set_word(answers.schema, schema as u64 + 1);
                let over = if answers.refuses {
                    Over::Refuse(&ANSWER_TOO_LONG)
                } else {
                    Over::Pass
                };
                response.hold_body(answers.at_most, over);
                Verdict::Pass
            }
            Fate::Free | Fate::Unread => Verdict::Pass,
            Fate::Unknown => answers.misfit(&ANSWER_TYPE),
        }
    }

    pub(super) fn check_answer_body(&self, request: &Request, chunk: &mut Chunk) -> Verdict {
        let Some(answers) = &self.answers else {
            return Verdict::Pass;
        };
        let position = usize::try_from(request.word(answers.schema)).unwrap_or(usize::MAX);
        // Without a schema, or in pieces, which only happens where answers are not refused.
        let Some(position) = position.checked_sub(1).filter(|_| chunk.is_whole()) else {
            return Verdict::Pass;
        };
        if chunk.data().len() as u64 > answers.at_most.bytes() {
            return answers.misfit(&ANSWER_TOO_LONG);
        }
        let is_json = Scanner::judge(&Limits::default(), chunk.data()).is_ok();
        let value = serde_json::from_slice::<Value>(chunk.data())
            .ok()
            .filter(|_| is_json);
        let schema = self.operations.bodies.get(position);
        match (value, schema) {
            (Some(value), Some(schema)) if schema.judge(&value).is_ok() => Verdict::Pass,
            _ => answers.misfit(&ANSWER),
        }
    }

    /// The operation that was remembered.
    fn operation_at(&self, word: u64) -> Option<&Operation> {
        let position = usize::try_from(word & 0xff).ok()?.checked_sub(1)?;
        let item = self.operations.items.get(usize::try_from(word >> 8).ok()?)?;
        item.operations.get(position).map(|(_, operation)| operation)
    }
}
