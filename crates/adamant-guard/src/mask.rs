//! `mask`: what answers hold of people and secrets, hidden from those who need not see it.
//!
//! Knows JSON and plain text. What it cannot read is refused or passed as the file says, never passed in silence.

mod action;
mod config;
mod detect;
mod held;
mod number;
mod path;
mod rewriter;
mod rules;
mod string;

use std::sync::Arc;

use adamant_filter::prelude::*;
use adamant_filter::{Counter, Over};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};

use crate::coding::{self, CodingError, Codings};
use crate::media_range::{essence, is_json};
use config::{MaskConfig, Unreadable};
use held::Running;
use rewriter::{Cut, Rewriter};
use rules::Rules;

/// Fields that describe the bytes of the body as the upstream sent it.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// The filter.
#[derive(Debug)]
pub(crate) struct Mask {
    rules: Arc<Rules>,
    at_most: Size,
    longer: Unreadable,
    others: Unreadable,
    text: bool,
    stream: bool,
    /// Which rules apply to the caller, and what the answer is.
    word: Word,
    /// Only where answers are masked while they pass.
    running: Option<(Writes<Running>, MayRead<Running>)>,
    masked: Counter,
}

/// What the body of an answer is, in the lowest bits of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing that is masked.
    Other = 0,
    Json = 1,
    Text = 2,
}

/// Bits of the word that are the kind, and that tell that the request hook ran.
const KIND: u64 = 0b11;
const ASKED: u64 = 0b100;
/// Where the number of a coding begins; it has three bits. 0 is none.
const CODING: u32 = 3;
const RULES: u32 = 8;

/// Codings that are taken off.
const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

impl Filter for Mask {
    const NAME: &'static str = "mask";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &Self::FORBIDDEN,
        &Self::CODED,
        &Self::MALFORMED,
        &Self::PARTIAL,
        &Self::TOO_LONG,
        &Self::UNREADABLE,
        &Self::UNASKED,
    ];
    type Config = MaskConfig;

    fn build(config: MaskConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let rules = Rules::of(&config, boot)?;
        let running = if config.stream {
            boot.reserve("the value that is looked at", config.at_most);
            Some((boot.writes(), boot.may_read()))
        } else {
            boot.hold_response(config.at_most);
            None
        };
        Ok(Self {
            rules: Arc::new(rules),
            at_most: config.at_most,
            longer: config.longer,
            others: config.others,
            text: config.text,
            stream: config.stream,
            word: boot.word(),
            running,
            masked: boot.counter("masked_answers", "Answers in which something was masked"),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request(Self::ask)
            .response(Self::look)
            .response_body(Self::rewrite)
    }
}

impl Mask {
    const FORBIDDEN: Reason = Reason::new("forbidden", 502, "the answer holds something that must not leave");
    const CODED: Reason = Reason::new(
        "coded",
        502,
        "the answer is coded in a way in which nothing in it can be masked",
    );
    const MALFORMED: Reason = Reason::new("malformed", 502, "the answer says that it is JSON and is not");
    const PARTIAL: Reason = Reason::new("partial", 502, "a part of an answer cannot be masked");
    const TOO_LONG: Reason = Reason::new("too-long", 502, "the answer is too long to be masked");
    const UNREADABLE: Reason =
        Reason::new("unreadable", 502, "the answer is of a kind that cannot be masked");
    const UNASKED: Reason = Reason::new("unasked", 500, "it is not known what to mask for this caller");

    /// Finds the rules for the caller, and asks the upstream for the whole answer without a coding.
    fn ask(&self, request: &mut Request) -> Verdict {
        let active = self.rules.active(request);
        request.set_word(self.word, u64::from(active) << RULES | ASKED);
        if active == 0 {
            return Verdict::Pass;
        }
        for name in [ACCEPT_ENCODING, RANGE, IF_RANGE] {
            request.remove_header(&name);
        }
        if let Some((writes, reads)) = &self.running {
            let rewriter = Rewriter::new(Arc::clone(&self.rules), active, self.limit());
            // Allocates: what is left of one piece has to be there for the next one.
            match request.peek(reads) {
                Some(running) => running.add(rewriter),
                None => request.put(writes, Running::of(rewriter)),
            }
        }
        Verdict::Pass
    }

    fn limit(&self) -> (usize, Unreadable) {
        (self.at_most.as_usize(), self.longer)
    }

    /// Decides by the head what becomes of the body.
    fn look(&self, response: &mut Response<'_>) -> Verdict {
        if response.is_ours() {
            return Verdict::Pass;
        }
        let word = response.word(self.word);
        if word & ASKED == 0 {
            return Self::UNASKED.deny();
        }
        if word >> RULES == 0 || has_no_body(response) {
            return Verdict::Pass;
        }
        let kind = self.kind_of(response);
        if kind == Kind::Other {
            return match self.others {
                Unreadable::Refuse => Self::UNREADABLE.deny(),
                Unreadable::Pass => Verdict::Pass,
            };
        }
        let Some(coding) = self.coding_of(response) else {
            return Self::CODED.deny();
        };
        if response.status() == StatusCode::PARTIAL_CONTENT {
            return Self::PARTIAL.deny();
        }
        let word = word | kind as u64 | coding << CODING;
        response.set_word(self.word, word);
        self.announce(response, coding > 0);
        Verdict::Pass
    }

    fn kind_of(&self, response: &Response<'_>) -> Kind {
        let mut types = response.header_all(&CONTENT_TYPE);
        // What names two media types names none: its reader would choose.
        let media = match (types.next(), types.next()) {
            (Some(value), None) => essence(value),
            _ => &[],
        };
        if is_json(media) {
            Kind::Json
        } else if self.text
            && media
                .get(..5)
                .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/"))
        {
            Kind::Text
        } else {
            Kind::Other
        }
    }

    /// The number of the one coding of the answer; `None` when it cannot be taken off.
    fn coding_of(&self, response: &Response<'_>) -> Option<u64> {
        let mut codings = response.header_all(&CONTENT_ENCODING);
        let coding = match (codings.next(), codings.next()) {
            (None, _) => return Some(0),
            (Some(coding), None) => coding.as_bytes(),
            (Some(_), Some(_)) => return None,
        };
        if coding.eq_ignore_ascii_case(b"identity") {
            return Some(0);
        }
        let found = (1..)
            .zip(&CODINGS)
            .find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(coding));
        found.map(|(number, _)| number).filter(|_| !self.stream)
    }

    /// The body that leaves is another one than the upstream describes.
    fn announce(&self, response: &mut Response<'_>, is_coded: bool) {
        response.remove_header(&ETAG);
        response.remove_header(&ACCEPT_RANGES);
        for name in &DIGESTS {
            response.remove_header(name);
        }
        response.resize_body();
        if !self.stream {
            let over = match self.longer {
                Unreadable::Pass if !is_coded => Over::Pass,
                // The head says that the coding is gone, so a coded body cannot pass any more.
                Unreadable::Pass | Unreadable::Refuse => Over::Refuse(&Self::TOO_LONG),
            };
            response.remove_header(&CONTENT_ENCODING);
            response.hold_body(self.at_most, over);
        }
    }

    fn rewrite(&self, request: &Request, chunk: &mut Chunk) -> Verdict {
        let word = request.word(self.word);
        let kind = word & KIND;
        if kind == Kind::Other as u64 {
            return Verdict::Pass;
        }
        let mut out = Vec::with_capacity(chunk.data().len() + 64);
        let done = if let Some((_, reads)) = &self.running {
            let running = request.peek(reads);
            running.map(|running| running.push(&self.rules, chunk.data(), chunk.is_last(), &mut out))
        } else if chunk.is_whole() {
            Some(self.rewrite_whole(word, chunk.data(), &mut out))
        } else if self.longer == Unreadable::Pass {
            return Verdict::Pass;
        } else {
            None
        };
        chunk.replace(Bytes::new());
        match done {
            Some(Ok(masked)) => {
                if masked && chunk.is_last() {
                    self.masked.add_one();
                }
                chunk.replace(out.into());
                Verdict::Pass
            }
            Some(Err(Cut::Forbidden)) => Self::FORBIDDEN.deny(),
            Some(Err(Cut::Coded)) => Self::CODED.deny(),
            Some(Err(Cut::Malformed)) => Self::MALFORMED.deny(),
            Some(Err(Cut::TooLong)) => Self::TOO_LONG.deny(),
            None => Self::UNASKED.deny(),
        }
    }

    fn rewrite_whole(&self, word: u64, body: &Bytes, out: &mut Vec<u8>) -> Result<bool, Cut> {
        let active = u32::try_from(word >> RULES).unwrap_or(u32::MAX);
        let number = usize::try_from(word >> CODING & 0b111).unwrap_or_default();
        let coding = number.checked_sub(1).and_then(|position| CODINGS.get(position));
        let coding = coding.map(|word| HeaderValue::from_static(word));
        let codings = Codings::of(&coding).map_err(of_coding)?;
        // An answer to `HEAD` has the fields of a coded body and nothing else.
        let body = if body.is_empty() {
            body.clone()
        } else {
            coding::decode(&codings, body, self.at_most.bytes()).map_err(of_coding)?
        };
        if word & KIND == Kind::Text as u64 {
            return self.rules.rewrite_text(active, &body, out);
        }
        let limit = (usize::MAX, Unreadable::Refuse);
        let mut rewriter = Rewriter::new(Arc::clone(&self.rules), active, limit);
        rewriter.push(&body, true, out)?;
        Ok(rewriter.has_masked())
    }
}

fn of_coding(error: CodingError) -> Cut {
    match error {
        CodingError::TooLong => Cut::TooLong,
        CodingError::Unknown | CodingError::Malformed | CodingError::Truncated => Cut::Coded,
    }
}

/// Answers without a body say what one would be.
fn has_no_body(response: &Response<'_>) -> bool {
    let status = response.status();
    status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

#[cfg(test)]
mod tests;
