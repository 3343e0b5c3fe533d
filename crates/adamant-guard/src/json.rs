//! `json`: lets pass JSON that has one reading and a bounded structure.
//!
//! Builds no tree and changes nothing. Tells at which byte a body is wrong, and never what stands there.

mod config;
pub(crate) mod limits;
mod number;
pub(crate) mod scanner;
mod text;

use std::sync::{Mutex, PoisonError};

use adamant_filter::prelude::*;

use self::config::JsonConfig;
use self::limits::Limits;
use self::number::{OUT_OF_RANGE, TOO_MANY_DIGITS};
use self::scanner::{
    BOM, DUPLICATE, SYNTAX, Scanner, TOO_DEEP, TOO_MANY_ITEMS, TOO_MANY_MEMBERS, TOO_MANY_VALUES, TRAILING,
    TRUNCATED, Wrong,
};
use self::text::{CONTROL, NAME_TOO_LONG, STRING_TOO_LONG, SURROGATE, UTF8};
use crate::gate::{CODED, CODING, DECODED_TOO_LONG, EMPTY, Gate, IN_PIECES, Kind, MEDIA_TYPE};
use crate::media::{CONTENT_TYPE_WRONG, Media};

/// JSON that is said to be in something else than UTF-8.
pub(crate) const CHARSET: Reason = Reason::new("charset", 415, "JSON must be in UTF-8");

/// Reasons for which a head makes a body of JSON wrong.
pub(crate) const WRONG_HEADS: &[&Reason] = &[&MEDIA_TYPE, &CONTENT_TYPE_WRONG, &CODED, &CHARSET];

/// The filter.
#[derive(Debug)]
pub(crate) struct Json {
    gate: Gate,
    limits: Limits,
    /// Where the scanners of bodies that are judged as they come stand, and which one is this step's.
    stream: Option<(Writes<Scanners>, MayRead<Scanners>, Word)>,
}

/// How far the bodies of one exchange were read, by each step that judges them as they come. No two hooks of an
/// exchange run at the same time, so the lock is always free.
#[derive(Debug, Default)]
struct Scanners(Mutex<Vec<Scanner>>);

impl Slot for Scanners {
    const NAME: &'static str = "scanners of JSON";
}

impl Filter for Json {
    const NAME: &'static str = "json";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &MEDIA_TYPE,
        &CONTENT_TYPE_WRONG,
        &CODED,
        &CODING,
        &DECODED_TOO_LONG,
        &CHARSET,
        &EMPTY,
        &IN_PIECES,
        &SYNTAX,
        &TRUNCATED,
        &TRAILING,
        &BOM,
        &UTF8,
        &SURROGATE,
        &CONTROL,
        &DUPLICATE,
        &TOO_DEEP,
        &TOO_MANY_MEMBERS,
        &TOO_MANY_ITEMS,
        &TOO_MANY_VALUES,
        &NAME_TOO_LONG,
        &STRING_TOO_LONG,
        &TOO_MANY_DIGITS,
        &OUT_OF_RANGE,
    ];
    type Config = JsonConfig;

    fn build(config: JsonConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let limits = config.limits()?;
        boot.reserve("names of one body", limits.memory());
        let gate = Gate::new(
            boot,
            (config.other, config.empty),
            WRONG_HEADS,
            config.decoded_at_most,
        );
        if config.stream {
            let stream = (
                boot.writes::<Scanners>(),
                boot.may_read::<Scanners>(),
                boot.word(),
            );
            return Ok(Self {
                gate: gate.streaming(),
                limits,
                stream: Some(stream),
            });
        }
        boot.buffer_request(config.body_at_most.unwrap_or(crate::gate::HELD));
        Ok(Self {
            gate,
            limits,
            stream: None,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request(Self::check_head)
            .request_body(Self::check_body)
            .attempt(Self::check_no_body)
    }
}

impl Json {
    fn check_head(&self, request: &mut Request) -> Verdict {
        self.gate.head(request, kind(request))
    }

    fn check_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        self.gate.body(request, chunk, |request, chunk| {
            let read = match &self.stream {
                None => Scanner::judge(&self.limits, chunk.data()),
                Some(stream) => self.read_on(stream, request, chunk),
            };
            read.map_or_else(deny, |()| Verdict::Pass)
        })
    }

    fn check_no_body(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        self.gate.attempt(attempt)
    }

    /// Judges one piece of a body that is on its way. What it remembers between pieces is on the heap: it lives as
    /// long as the body takes.
    fn read_on(
        &self,
        (write, read, own): &(Writes<Scanners>, MayRead<Scanners>, Word),
        request: &mut Request,
        chunk: &Chunk,
    ) -> Result<(), Wrong> {
        if request.peek(read).is_none() {
            request.put(write, Scanners::default());
        }
        let scanners = request.peek(read).map(|scanners| &scanners.0);
        // The slot was filled just now; without it nothing could be judged.
        let Some(scanners) = scanners else {
            return Err(Wrong {
                reason: &IN_PIECES,
                offset: 0,
            });
        };
        let mut scanners = scanners.lock().unwrap_or_else(PoisonError::into_inner);
        if request.word(*own) == 0 {
            scanners.push(Scanner::new());
            request.set_word(*own, scanners.len() as u64);
        }
        let position = usize::try_from(request.word(*own)).unwrap_or(usize::MAX);
        let Some(scanner) = scanners.get_mut(position.wrapping_sub(1)) else {
            return Err(Wrong {
                reason: &IN_PIECES,
                offset: 0,
            });
        };
        scanner.push(&self.limits, chunk.data())?;
        if chunk.is_last() {
            scanner.finish(&self.limits)?;
        }
        Ok(())
    }
}

/// What the head says about a body of JSON.
pub(crate) fn kind(request: &Request) -> Kind {
    match Media::of(request) {
        Err(reason) => Kind::Wrong(reason),
        Ok(Some(media)) if media.is_json() => {
            if media.is_utf8() {
                Kind::Own
            } else {
                Kind::Wrong(&CHARSET)
            }
        }
        Ok(_) => Kind::Other,
    }
}

/// The refusal of a body, with the place.
pub(crate) fn deny(wrong: Wrong) -> Verdict {
    let place = Place::Offset(wrong.offset);
    wrong.reason.deny_at(Details::of(place, wrong.reason.code()))
}

#[cfg(test)]
mod tests;
