//! `compress`: answers in the coding that the client takes (RFC 9110 §12.5.3).
//!
//! Compresses nothing that is compressed already, and never looks at what it compresses.

mod accepted;

use std::sync::{Mutex, PoisonError};

use adamant_filter::prelude::*;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, VARY,
};

use crate::coding::{Coding, Encoder};
use crate::media_range::{self, MediaRange};

/// Compresses answers for clients that take that.
///
/// An answer is compressed when its media type is one of `types`, it has at least so many bytes or does not tell how
/// many, and nobody has coded it before; `Cache-Control: no-transform` is respected. `Vary`, `ETag` (which becomes a weak
/// one) and the length say so; ranges are not offered. The step stands above those that look at answers (`mask`), since
/// answers go through the file from its end to its beginning.
///
/// Do not put it where an answer has both a secret and something that the client can choose: the length of a compressed
/// answer tells about its content (BREACH).
///
/// Example: `compress: { codings: [zstd, br, gzip], at-least: 1KiB }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CompressConfig {
    /// What is offered, the best first: of what the client likes equally well, the first one is taken.
    /// Default: `[zstd, br, gzip]`
    #[serde(default = "offered")]
    codings: Vec<Offered>,
    /// Shorter answers are sent as they are. Default: `1KiB`
    #[serde(default = "least")]
    at_least: Size,
    /// Media types that are worth it. Example: `[application/json, text/*, application/*+json]`. Default:
    /// `application/json`, `application/*+json`, `application/javascript`, `application/xml`, `application/*+xml`,
    /// `image/svg+xml`, and of `text/*` all but `text/event-stream`.
    #[serde(
        default,
        serialize_with = "canonical",
        skip_serializing_if = "Option::is_none"
    )]
    types: Option<Vec<String>>,
    /// Whether each piece is sent as soon as it comes, as streams of events need it; that costs length.
    /// Default: `false`
    #[serde(default)]
    flush: bool,
}

/// A coding that may be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Offered {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Br,
    /// RFC 1952.
    Gzip,
}

impl Offered {
    const fn coding(self) -> Coding {
        match self {
            Self::Zstd => Coding::Zstd,
            Self::Br => Coding::Brotli,
            Self::Gzip => Coding::Gzip,
        }
    }
}

fn offered() -> Vec<Offered> {
    vec![Offered::Zstd, Offered::Br, Offered::Gzip]
}

const fn least() -> Size {
    Size::from_bytes(1024)
}

fn canonical<S: serde::Serializer>(written: &Option<Vec<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    match written {
        Some(written) => media_range::canonical(written, serializer),
        None => serializer.serialize_none(),
    }
}

/// Without `types`.
const TYPES: [&str; 7] = [
    "application/json",
    "application/*+json",
    "application/javascript",
    "application/xml",
    "application/*+xml",
    "image/svg+xml",
    "text/*",
];

/// Memory of one encoder with what it holds back: the windows are 256 KiB.
const PER_ANSWER: u64 = 3 << 20;

/// The encoder of the answer that is under way.
#[derive(Debug)]
struct UnderWay(Mutex<Option<Encoder>>);

impl Slot for UnderWay {
    const NAME: &'static str = "compressed answer";
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Compress {
    codings: Box<[Coding]>,
    at_least: u64,
    types: Box<[MediaRange]>,
    takes_events: bool,
    flush: bool,
    under_way: Writes<UnderWay>,
    encoder: MayRead<UnderWay>,
    /// Position of the coding that the client takes, from 1; the highest bit when this answer is coded.
    chosen: Word,
}

/// In the word: this answer is being compressed.
const CODES: u64 = 1 << 63;

impl Filter for Compress {
    const NAME: &'static str = "compress";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[&Self::BROKEN];
    type Config = CompressConfig;

    fn build(config: CompressConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.codings.is_empty() {
            return Err(Problem::at("codings", "an empty list would compress nothing"));
        }
        for (position, coding) in config.codings.iter().enumerate() {
            if config.codings.iter().take(position).any(|known| known == coding) {
                let path = format!("codings[{position}]");
                return Err(Problem::at(&path, "this coding stands here twice"));
            }
        }
        let written = config.types.clone();
        let types = written.unwrap_or_else(|| TYPES.map(str::to_owned).into());
        boot.reserve("an answer that is compressed", Size::from_bytes(PER_ANSWER));
        Ok(Self {
            codings: config.codings.iter().map(|offered| offered.coding()).collect(),
            at_least: config.at_least.bytes(),
            takes_events: config.types.is_some(),
            types: media_range::all_of("types", &types)?,
            flush: config.flush,
            under_way: boot.writes(),
            encoder: boot.may_read(),
            chosen: boot.word(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request(Self::ask)
            .response(Self::announce)
            .response_body(Self::encode)
    }
}

impl Compress {
    const BROKEN: Reason = Reason::new("broken", 500, "the answer could not be compressed");

    /// Sees what the client takes, before anything later in the file can change it.
    fn ask(&self, request: &mut Request) -> Verdict {
        let values = request.headers().filter(|(name, _)| **name == ACCEPT_ENCODING);
        let chosen = accepted::choose(values.map(|(_, value)| value), &self.codings);
        let number = chosen.map_or(0, |position| position as u64 + 1);
        request.set_word(self.chosen, number);
        if number > 0 {
            // Only on routes that compress, for clients that take it: the body hook has nowhere else to keep it.
            request.put(&self.under_way, UnderWay(Mutex::new(None)));
        }
        Verdict::Pass
    }

    fn announce(&self, response: &mut Response<'_>) -> Verdict {
        if !self.is_worth_it(response) {
            return Verdict::Pass;
        }
        vary(response);
        let chosen = response.word(self.chosen);
        let Some(coding) = self.coding(chosen) else {
            return Verdict::Pass;
        };
        response.set_word(self.chosen, chosen | CODES);
        response.set_header(CONTENT_ENCODING, HeaderValue::from_static(coding.word()));
        response.resize_body();
        response.remove_header(&ACCEPT_RANGES);
        for stale in ["content-md5", "content-digest", "repr-digest", "digest"] {
            response.remove_header(&HeaderName::from_static(stale));
        }
        weaken(response);
        Verdict::Pass
    }

    fn is_worth_it(&self, response: &Response<'_>) -> bool {
        let status = response.status().as_u16();
        let has_body = status >= 200 && !matches!(status, 204 | 206 | 304);
        let is_plain =
            response.header(&CONTENT_ENCODING).is_none() && response.header(&CONTENT_RANGE).is_none();
        if response.is_ours() || !has_body || !is_plain || forbids(response) {
            return false;
        }
        let length = response
            .header(&CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length < self.at_least) {
            return false;
        }
        let media = response.header(&CONTENT_TYPE).map(media_range::essence);
        media.is_some_and(|media| {
            let is_event_stream = media.eq_ignore_ascii_case(b"text/event-stream");
            (self.takes_events || !is_event_stream) && self.types.iter().any(|range| range.holds(media))
        })
    }

    fn coding(&self, word: u64) -> Option<Coding> {
        let position = usize::try_from(word & !CODES).ok()?.checked_sub(1)?;
        self.codings.get(position).copied()
    }

    fn encode(&self, request: &Request, chunk: &mut Chunk) -> Verdict {
        let word = request.word(self.chosen);
        if word & CODES == 0 {
            return Verdict::Pass;
        }
        match self.encoded(request, word, chunk) {
            Some(coded) => {
                chunk.replace(coded.into());
                Verdict::Pass
            }
            None => Self::BROKEN.deny(),
        }
    }

    /// What is sent for a piece; `None` when there was no memory.
    fn encoded(&self, request: &Request, word: u64, chunk: &Chunk) -> Option<Vec<u8>> {
        let under_way = request.peek(&self.encoder)?;
        let mut encoder = under_way.0.lock().unwrap_or_else(PoisonError::into_inner);
        if encoder.is_none() {
            *encoder = Encoder::new(self.coding(word)?);
        }
        let mut coded = encoder
            .as_mut()?
            .push(chunk.data(), self.flush && !chunk.is_last())?;
        if chunk.is_last() {
            coded.extend(encoder.take()?.finish()?);
        }
        Some(coded)
    }
}

/// RFC 9111 §5.2.2.6.
fn forbids(response: &Response<'_>) -> bool {
    response.header_all(&CACHE_CONTROL).any(|value| {
        let mut directives = value.as_bytes().split(|byte| *byte == b',');
        directives.any(|one| one.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
    })
}

/// Tells caches that another client may get other bytes.
fn vary(response: &mut Response<'_>) {
    let says_so = response.header_all(&VARY).any(|value| {
        let mut names = value
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii);
        names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding"))
    });
    if !says_so {
        response.append_header(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

/// The bytes are not those of the strong tag any more (RFC 9110 §8.8.1).
fn weaken(response: &mut Response<'_>) {
    let Some(tag) = response
        .header(&ETAG)
        .filter(|tag| !tag.as_bytes().starts_with(b"W/"))
    else {
        return;
    };
    match HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
        Ok(weak) => response.set_header(ETAG, weak),
        Err(_) => response.remove_header(&ETAG),
    }
}

#[cfg(test)]
mod tests;
