//! What a step does with a body before it looks into it: is there one, is it of the kind that the step judges, is it
//! here whole.
//!
//! Knows no format. A body that is to be judged and does not come whole is refused, never judged in part.

use adamant_filter::prelude::*;
use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};

use crate::coding::{self, CodingError, Codings};

/// A body of a kind that the step does not judge.
pub(crate) const MEDIA_TYPE: Reason =
    Reason::new("media-type", 415, "a body of this type is not accepted here");
/// No body where one is needed.
pub(crate) const EMPTY: Reason = Reason::new("empty", 400, "the request must have a body");
/// A body that the gateway could not hold back.
pub(crate) const IN_PIECES: Reason =
    Reason::new("in-pieces", 400, "the body of this request cannot be judged");

/// A body that is compressed where none may be, or in a way that is not understood.
pub(crate) const CODED: Reason = Reason::new("coded", 415, "a body of this coding is not accepted here");
/// A body that is not of its coding.
pub(crate) const CODING: Reason = Reason::new(
    "coding",
    400,
    "the body is not of the coding that it claims to have",
);
/// A body that grows too much.
pub(crate) const DECODED_TOO_LONG: Reason = Reason::new(
    "decoded-too-long",
    413,
    "the body is larger than is accepted when it is decoded",
);

/// Bytes of a body that a step may hold back, or decode.
const HELD_MAX: Size = Size::from_mib(16);
/// Bytes of a body that a step holds back unless the file says otherwise.
pub(crate) const HELD: Size = Size::from_kib(64);

/// What becomes of something that a step does not expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Otherwise {
    /// The request is refused.
    #[default]
    Refuse,
    /// The request goes on, unjudged.
    Pass,
}

/// What the head says about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The step judges it.
    Own,
    /// It is of a type that the step does not judge.
    Other,
    /// It is refused if there is one.
    Wrong(&'static Reason),
}

/// How far the body of an exchange is. The word is 0 where the step was not come to.
mod state {
    pub(super) const AWAITED: u64 = 1;
    /// It was judged, or there was none to judge.
    pub(super) const DONE: u64 = 2;
    /// It goes by.
    pub(super) const FREE: u64 = 3;
    /// It has begun to go by.
    pub(super) const GOING: u64 = 4;
    /// It is judged as it comes, and has begun.
    pub(super) const COMING: u64 = 5;
    /// It is judged as it comes, and was announced: it comes when the upstream is already being called.
    pub(super) const ANNOUNCED: u64 = 6;
    /// From here on: refused for one of the reasons of the step.
    pub(super) const WRONG: u64 = 7;
}

/// The way of bodies through one step.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Word,
    other: Otherwise,
    empty: Otherwise,
    /// Reasons for which a head can make its body wrong.
    wrong: &'static [&'static Reason],
    /// Whether bodies are judged as they come.
    streams: bool,
    /// Bytes of a body that is decoded to be judged.
    decoded: Option<u64>,
}

impl Gate {
    pub(crate) fn new(
        boot: &mut Boot<'_>,
        (other, empty): (Otherwise, Otherwise),
        wrong: &'static [&'static Reason],
        decoded: Option<Size>,
    ) -> Self {
        if let Some(decoded) = decoded {
            boot.reserve("a decoded body", decoded);
        }
        Self {
            state: boot.word(),
            other,
            empty,
            wrong,
            streams: false,
            decoded: decoded.map(Size::bytes),
        }
    }

    /// The same for a step that judges bodies as they come.
    pub(crate) const fn streaming(mut self) -> Self {
        self.streams = true;
        self
    }

    /// Judges the head. A body that certainly comes and is of a wrong kind is refused before it is read.
    pub(crate) fn head(&self, request: &Request, kind: Kind) -> Verdict {
        let kind = match kind {
            Kind::Own if !self.is_readable(request) => Kind::Wrong(&CODED),
            kind => kind,
        };
        let reason = match (kind, self.other) {
            (Kind::Own, _) => {
                let is_announced = self.streams && has_body(request);
                request.set_word(
                    self.state,
                    if is_announced {
                        state::ANNOUNCED
                    } else {
                        state::AWAITED
                    },
                );
                return Verdict::Pass;
            }
            (Kind::Other, Otherwise::Pass) => {
                request.set_word(self.state, state::FREE);
                return Verdict::Pass;
            }
            (Kind::Other, Otherwise::Refuse) => &MEDIA_TYPE,
            (Kind::Wrong(reason), _) => reason,
        };
        if has_body(request) {
            return reason.deny();
        }
        let position = self.wrong.iter().position(|known| *known == reason);
        let position = position.unwrap_or(self.wrong.len()) as u64;
        request.set_word(self.state, state::WRONG + position);
        Verdict::Pass
    }

    /// Takes a piece of the body. `judge` sees a body of the kind: whole, unless the step judges bodies as they come.
    pub(crate) fn body(
        &self,
        request: &mut Request,
        chunk: &Chunk,
        judge: impl FnOnce(&mut Request, &Chunk) -> Verdict,
    ) -> Verdict {
        let (is_last, is_empty) = (chunk.is_last(), chunk.data().is_empty());
        match request.word(self.state) {
            0 | state::GOING => Verdict::Pass,
            state::DONE if is_empty => Verdict::Pass,
            state::DONE => IN_PIECES.deny(),
            state::AWAITED if !is_last && !self.streams => IN_PIECES.deny(),
            state::AWAITED | state::ANNOUNCED | state::FREE | state::WRONG.. if is_empty && !is_last => {
                Verdict::Pass
            }
            state::AWAITED | state::ANNOUNCED | state::FREE | state::WRONG.. if is_empty => {
                self.no_body(request)
            }
            state::AWAITED | state::ANNOUNCED | state::COMING => {
                request.set_word(self.state, if is_last { state::DONE } else { state::COMING });
                match self.decode(request, chunk) {
                    Ok(None) => judge(request, chunk),
                    Ok(Some(decoded)) => judge(request, &decoded),
                    Err(reason) => reason.deny(),
                }
            }
            state::FREE => {
                request.set_word(self.state, state::GOING);
                Verdict::Pass
            }
            wrong @ state::WRONG.. => self.wrong(wrong).deny(),
        }
    }

    /// A request without a body has no body moment.
    pub(crate) fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Fault> {
        let is_missing = matches!(
            attempt.request().word(self.state),
            state::AWAITED | state::FREE | state::WRONG..
        );
        if is_missing && self.empty == Otherwise::Refuse {
            return Err(Fault { reason: &EMPTY });
        }
        Ok(())
    }

    /// Whether a body of the kind can be read, as far as its codings are concerned.
    fn is_readable(&self, request: &Request) -> bool {
        match Codings::of(codings(request)) {
            Ok(codings) => codings.is_identity() || self.decoded.is_some(),
            Err(_) => false,
        }
    }

    /// The body without its codings, if it has any. It reaches the upstream as it came all the same: which bytes are
    /// signed or counted is known to client and upstream alone.
    fn decode(&self, request: &Request, chunk: &Chunk) -> Result<Option<Chunk>, &'static Reason> {
        if request.header(&CONTENT_ENCODING).is_none() {
            return Ok(None);
        }
        let codings = Codings::of(codings(request)).map_err(|_| &CODED)?;
        if codings.is_identity() {
            return Ok(None);
        }
        // A body that was not announced as coded, and is now.
        let at_most = self.decoded.ok_or(&CODED)?;
        match coding::decode(&codings, chunk.data(), at_most) {
            Ok(body) => Ok(Some(Chunk::new(body, true))),
            Err(CodingError::TooLong) => Err(&DECODED_TOO_LONG),
            Err(CodingError::Unknown) => Err(&CODED),
            Err(CodingError::Malformed | CodingError::Truncated) => Err(&CODING),
        }
    }

    fn no_body(&self, request: &Request) -> Verdict {
        if self.empty == Otherwise::Refuse {
            return EMPTY.deny();
        }
        request.set_word(self.state, state::DONE);
        Verdict::Pass
    }

    fn wrong(&self, state: u64) -> &'static Reason {
        let position = usize::try_from(state - state::WRONG).unwrap_or(usize::MAX);
        self.wrong.get(position).copied().unwrap_or(&MEDIA_TYPE)
    }
}

/// Whether bodies may be held so long, and decoded so long.
pub(crate) fn check_held(at_most: Size, decoded: Option<Size>) -> Result<(), Problem> {
    let sizes = [("body-at-most", Some(at_most)), ("decoded-at-most", decoded)];
    for (path, size) in sizes {
        if let Some(size) = size
            && (size == Size::from_bytes(0) || size > HELD_MAX)
        {
            let message = format!("a body of {size} cannot be held; between 1 byte and {HELD_MAX} can");
            return Err(Problem::at(path, message));
        }
    }
    Ok(())
}

/// The values of `Content-Encoding`.
fn codings(request: &Request) -> impl Iterator<Item = &HeaderValue> {
    let fields = request.headers().filter(|(name, _)| *name == CONTENT_ENCODING);
    fields.map(|(_, value)| value)
}

/// Whether a body certainly follows. HTTP/2 need not say so.
fn has_body(request: &Request) -> bool {
    request.declared_length().is_some_and(|length| length > 0) || request.header(&TRANSFER_ENCODING).is_some()
}
