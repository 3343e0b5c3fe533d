//! `openapi`: lets pass the requests that an OpenAPI description has.
//!
//! Changes nothing and judges no answer. Tells which parameter or place of a body is wrong, and never its value.

mod answers;
mod config;
mod dialect;
mod document;
mod operation;
mod parameter;
mod paths;
mod sent;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::{self, Value};
use http::header::{ACCEPT_ENCODING, ALLOW};

use self::answers::{ANSWER, ANSWER_STATUS, ANSWER_TOO_LONG, ANSWER_TYPE, Answers};
use self::config::{OpenapiConfig, Responses};
use self::document::Document;
use self::operation::{Fate, Operation, Operations};
use self::parameter::Misfit;
use self::sent::{COOKIES, QUERY, Sent};
use crate::gate::{CODED, CODING, DECODED_TOO_LONG, EMPTY, Gate, IN_PIECES, Kind, MEDIA_TYPE, Otherwise};
use crate::json::limits::Limits;
use crate::json::scanner::Scanner;
use crate::json::{self, CHARSET};
use crate::media::{CONTENT_TYPE_WRONG, Media};
use crate::schema::uri_of;

/// A body where the operation has none.
const NO_BODY: Reason = Reason::new("no-body", 400, "this request must not have a body");

const WRONG_HEADS: &[&Reason] = &[&MEDIA_TYPE, &CONTENT_TYPE_WRONG, &CODED, &CHARSET, &NO_BODY];

/// The filter.
#[derive(Debug)]
pub(crate) struct Openapi {
    operations: Operations,
    base: Box<str>,
    undeclared_operations: Otherwise,
    undeclared_parameters: Otherwise,
    other_bodies: Otherwise,
    /// The way of bodies that must come, and of those that may.
    needed: Gate,
    optional: Gate,
    /// One more than the position of the schema that the body must fit.
    schema: Word,
    limits: Limits,
    answers: Option<Answers>,
    /// Why JSON that does not fit is refused.
    reason: &'static Reason,
}

impl Filter for Openapi {
    const NAME: &'static str = "openapi";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &MEDIA_TYPE,
        &CONTENT_TYPE_WRONG,
        &CODED,
        &CODING,
        &DECODED_TOO_LONG,
        &CHARSET,
        &NO_BODY,
        &EMPTY,
        &IN_PIECES,
        &QUERY,
        &COOKIES,
        &Self::PATH,
        &Self::METHOD,
        &Self::UNDECLARED,
        &Self::MISSING,
        &Self::DUPLICATE,
        &Self::PARAMETER,
        &Self::STRUCTURE,
        &Self::MISMATCH,
        &Self::BAD_REQUEST,
        &ANSWER_STATUS,
        &ANSWER_TYPE,
        &ANSWER,
        &ANSWER_TOO_LONG,
    ];
    type Config = OpenapiConfig;

    fn build(config: OpenapiConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let node = boot.document(&config.file)?;
        let wrong = |error: String| {
            let name = config.file.display();
            Problem::at(
                "file",
                format!("`{name}` is not a description that can be enforced: {error}"),
            )
        };
        let uri = uri_of(&config.file);
        let mut document = Document::read(&node, uri, config.formats).map_err(wrong)?;
        let operations =
            Operations::read(&mut document, config.responses != Responses::Off).map_err(wrong)?;
        let limits = Limits::default();
        let at_most = config.response_at_most.unwrap_or(crate::gate::HELD);
        let answers = Answers::new(config.responses, at_most, boot);
        boot.buffer_request(config.body_at_most);
        boot.reserve("names of one body", limits.memory());
        let decoded = config.decoded_at_most;
        let mut gate = |empty| Gate::new(boot, (Otherwise::Refuse, empty), WRONG_HEADS, decoded);
        Ok(Self {
            operations,
            base: config.base.into(),
            undeclared_operations: config.undeclared_operations,
            undeclared_parameters: config.undeclared_parameters,
            other_bodies: config.other_bodies,
            needed: gate(Otherwise::Refuse),
            optional: gate(Otherwise::Pass),
            schema: boot.word(),
            limits,
            answers,
            reason: if config.status == 400 {
                &Self::BAD_REQUEST
            } else {
                &Self::MISMATCH
            },
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = hooks
            .request(Self::check_head)
            .request_body(Self::check_body)
            .attempt(Self::check_no_body);
        if self.answers.is_none() {
            return hooks;
        }
        hooks
            .response(Self::check_answer)
            .response_body(Self::check_answer_body)
    }
}

impl Openapi {
    const PATH: Reason = Reason::new("path", 404, "there is nothing at this path");
    const METHOD: Reason = Reason::new("method", 405, "this method is not known at this path");
    const UNDECLARED: Reason = Reason::new(
        "undeclared",
        400,
        "the query has a parameter that is not known here",
    );
    const MISSING: Reason = Reason::new("missing", 400, "the request lacks a parameter that is needed");
    const DUPLICATE: Reason = Reason::new("duplicate", 400, "the request has the same parameter twice");
    const PARAMETER: Reason = Reason::new("parameter", 400, "a parameter does not fit its description");
    const STRUCTURE: Reason = Reason::new("structure", 400, "the body is not JSON that is accepted");
    const MISMATCH: Reason = Reason::new("mismatch", 422, "the body does not fit its description");
    const BAD_REQUEST: Reason = Reason::new("bad-request", 400, "the body does not fit its description");

    fn check_head(&self, request: &mut Request) -> Verdict {
        let verdict = self.check_request(request);
        if self.answers.is_some() && matches!(verdict, Verdict::Pass) {
            // Answers are judged as they are; compressing them for the client is another step.
            request.remove_header(&ACCEPT_ENCODING);
        }
        verdict
    }

    fn check_request(&self, request: &Request) -> Verdict {
        let undeclared = |verdict| match self.undeclared_operations {
            Otherwise::Refuse => verdict,
            Otherwise::Pass => Verdict::Pass,
        };
        let path = request.path().strip_prefix(&*self.base);
        let found = path.and_then(|path| self.operations.paths.find(path));
        let item = found
            .as_ref()
            .and_then(|(end, _)| self.operations.items.get(*end));
        let (Some((end, values)), Some(item)) = (&found, item) else {
            return undeclared(Self::PATH.deny());
        };
        let by = |wanted: &Method| item.operations.iter().position(|(method, _)| method == wanted);
        let is_head = request.method() == Method::HEAD;
        let position = by(request.method()).or_else(|| by(&Method::GET).filter(|_| is_head));
        let operation = position.and_then(|position| Some((position, &item.operations.get(position)?.1)));
        let Some((position, operation)) = operation else {
            return undeclared(Self::METHOD.deny_with(vec![(ALLOW, item.allow.clone())]));
        };
        if let Some(answers) = &self.answers {
            answers.remember(request, *end, position);
        }
        // Texts that are decoded are on the heap; most stand in the head as they are.
        let sent = match Sent::of(request, (&item.names, values.as_slice()), &operation.parameters) {
            Ok(sent) => sent,
            Err(reason) => return reason.deny(),
        };
        match self.check_parameters(operation, &sent) {
            Verdict::Pass => self.check_media(operation, request),
            refusal => refusal,
        }
    }

    fn check_parameters(&self, operation: &Operation, sent: &Sent<'_>) -> Verdict {
        if self.undeclared_parameters == Otherwise::Refuse && sent.has_undeclared(&operation.parameters) {
            return Self::UNDECLARED.deny();
        }
        let mut values = Vec::new();
        for parameter in &operation.parameters {
            values.clear();
            sent.values(parameter, &mut values);
            let place = || Place::Parameter(parameter.label.clone());
            if values.is_empty() {
                if parameter.required {
                    return Self::MISSING.deny_at(Details::of(place(), "required"));
                }
                continue;
            }
            match parameter.judge(&values) {
                Ok(()) => (),
                Err(Misfit::Several) => return Self::DUPLICATE.deny_at(Details::of(place(), "duplicate")),
                Err(Misfit::Schema(code)) => return Self::PARAMETER.deny_at(Details::of(place(), code)),
            }
        }
        Verdict::Pass
    }

    fn check_media(&self, operation: &Operation, request: &Request) -> Verdict {
        let Some(body) = &operation.body else {
            return self.optional.head(request, Kind::Wrong(&NO_BODY));
        };
        let kind = match Media::of(request) {
            Err(reason) => Kind::Wrong(reason),
            Ok(None) => Kind::Wrong(&MEDIA_TYPE),
            Ok(Some(media)) => match (body.contents.fate(&media), self.other_bodies) {
                (Fate::Judged(schema), _) => {
                    request.set_word(self.schema, schema as u64 + 1);
                    json::kind(request)
                }
                (Fate::Free, _) | (Fate::Unread, Otherwise::Pass) => Kind::Own,
                (Fate::Unread, Otherwise::Refuse) | (Fate::Unknown, _) => Kind::Wrong(&MEDIA_TYPE),
            },
        };
        let gate = if body.required {
            &self.needed
        } else {
            &self.optional
        };
        gate.head(request, kind)
    }

    fn check_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        for gate in [&self.needed, &self.optional] {
            let verdict = gate.body(request, chunk, |request, chunk| self.judge(request, chunk.data()));
            if !matches!(verdict, Verdict::Pass) {
                return verdict;
            }
        }
        Verdict::Pass
    }

    fn judge(&self, request: &Request, body: &[u8]) -> Verdict {
        let position = usize::try_from(request.word(self.schema)).unwrap_or(usize::MAX);
        // Nothing is said about a body without a schema.
        let Some(position) = position.checked_sub(1) else {
            return Verdict::Pass;
        };
        if let Err(wrong) = Scanner::judge(&self.limits, body) {
            let place = Place::Offset(wrong.offset);
            return Self::STRUCTURE.deny_at(Details::of(place, wrong.reason.code()));
        }
        // The tree is on the heap and as large as the body: a schema looks at a value from several sides.
        let (Ok(value), Some(schema)) = (
            serde_json::from_slice::<Value>(body),
            self.operations.bodies.get(position),
        ) else {
            return Self::STRUCTURE.deny();
        };
        match schema.judge(&value) {
            Ok(()) => Verdict::Pass,
            Err(details) => self.reason.deny_at(details),
        }
    }

    fn check_no_body(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        self.needed.attempt(attempt)?;
        self.optional.attempt(attempt)
    }
}

#[cfg(test)]
mod tests;
