//! `multipart`: lets pass forms with parts that have one reading, and of these the declared parts.
//!
//! Looks at names, types and sizes, never at what a file holds, and changes nothing.

mod config;
mod disposition;
mod parts;

use adamant_filter::prelude::*;

use self::config::{FieldConfig, MultipartConfig};
use self::disposition::{DISPOSITION, Disposition, ENCODING, FILE_NAME, HEADER, NAME, NESTED};
use self::parts::{AMBIGUOUS, BOUNDARY, HEADER_TOO_LONG, OUTSIDE, Part, Parts, TRUNCATED};
use crate::gate::{CODED, CODING, DECODED_TOO_LONG, EMPTY, Gate, IN_PIECES, Kind, MEDIA_TYPE, Otherwise};
use crate::media::{CONTENT_TYPE_WRONG, Media};
use crate::names::Names;

const WRONG_HEADS: &[&Reason] = &[&MEDIA_TYPE, &CONTENT_TYPE_WRONG, &CODED, &BOUNDARY];

/// The filter.
#[derive(Debug)]
pub(crate) struct Multipart {
    gate: Gate,
    parts: u32,
    /// Sorted by name.
    fields: Box<[(String, FieldConfig)]>,
    undeclared: Otherwise,
}

impl Filter for Multipart {
    const NAME: &'static str = "multipart";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &MEDIA_TYPE,
        &CONTENT_TYPE_WRONG,
        &CODED,
        &CODING,
        &DECODED_TOO_LONG,
        &EMPTY,
        &IN_PIECES,
        &BOUNDARY,
        &OUTSIDE,
        &AMBIGUOUS,
        &TRUNCATED,
        &HEADER_TOO_LONG,
        &HEADER,
        &DISPOSITION,
        &NAME,
        &FILE_NAME,
        &ENCODING,
        &NESTED,
        &Self::TOO_MANY_PARTS,
        &Self::DUPLICATE,
        &Self::UNDECLARED,
        &Self::NO_FILE,
        &Self::FILE,
        &Self::PART_TYPE,
        &Self::PART_TOO_LARGE,
        &Self::MISSING,
    ];
    type Config = MultipartConfig;

    fn build(config: MultipartConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        boot.buffer_request(config.body_at_most);
        boot.reserve(
            "names of one form",
            Size::from_bytes(u64::from(config.parts) * 72),
        );
        Ok(Self {
            gate: Gate::new(
                boot,
                (config.other, config.empty),
                WRONG_HEADS,
                config.decoded_at_most,
            ),
            parts: config.parts,
            fields: config.fields.into_iter().collect(),
            undeclared: config.undeclared,
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request(Self::check_head)
            .request_body(Self::check_body)
            .attempt(Self::check_no_body)
    }
}

impl Multipart {
    const TOO_MANY_PARTS: Reason =
        Reason::new("too-many-parts", 400, "the form has more parts than are accepted");
    const DUPLICATE: Reason = Reason::new("duplicate", 400, "the form has the same name twice");
    const UNDECLARED: Reason = Reason::new("undeclared", 400, "the form has a part that is not known here");
    const NO_FILE: Reason = Reason::new("no-file", 400, "a part must be a file with a name");
    const FILE: Reason = Reason::new("file", 400, "a part must not be a file");
    const PART_TYPE: Reason = Reason::new("part-type", 415, "a part of this media type is not accepted");
    const PART_TOO_LARGE: Reason = Reason::new("part-too-large", 413, "a part is larger than is accepted");
    const MISSING: Reason = Reason::new("missing-part", 400, "the form lacks a part that is needed");

    fn check_head(&self, request: &mut Request) -> Verdict {
        let kind = match Media::of(request) {
            Err(reason) => Kind::Wrong(reason),
            Ok(Some(media)) if media.is("multipart", "form-data") => {
                if parts::boundary(&media).is_some() {
                    Kind::Own
                } else {
                    Kind::Wrong(&BOUNDARY)
                }
            }
            Ok(_) => Kind::Other,
        };
        self.gate.head(request, kind)
    }

    fn check_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        self.gate.body(request, chunk, |request, chunk| {
            let media = Media::of(request).ok().flatten();
            let Some(boundary) = media.as_ref().and_then(parts::boundary) else {
                // A later step took the media type away.
                return BOUNDARY.deny();
            };
            match self.judge(chunk.data(), boundary) {
                Ok(verdict) => verdict,
                Err((reason, at)) => reason.deny_at(Details::of(Place::Offset(at as u64), reason.code())),
            }
        })
    }

    fn check_no_body(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        self.gate.attempt(attempt)
    }

    fn judge(&self, body: &[u8], boundary: &str) -> Result<Verdict, parts::Wrong> {
        let mut parts = Parts::of(body, boundary)?;
        let mut names = Names::new();
        let (mut count, mut found) = (0_u32, 0_u64);
        while let Some(part) = parts.next()? {
            count += 1;
            if count > self.parts {
                return Err((&Self::TOO_MANY_PARTS, part.at));
            }
            self.judge_part(&part, &mut names, &mut found)
                .map_err(|reason| (reason, part.at))?;
        }
        let mut missing = Details::default();
        for (position, (name, field)) in self.fields.iter().enumerate() {
            if field.required && found & (1 << position) == 0 {
                missing.add(Place::Parameter(name.as_str().into()), Self::MISSING.code());
            }
        }
        Ok(if missing.is_empty() {
            Verdict::Pass
        } else {
            Self::MISSING.deny_at(missing)
        })
    }

    fn judge_part(&self, part: &Part<'_>, names: &mut Names, found: &mut u64) -> Result<(), &'static Reason> {
        let told = Disposition::read(part.fields)?;
        let declared = self
            .fields
            .binary_search_by(|(name, _)| name.as_str().cmp(told.name));
        let declared = declared.ok().and_then(|at| Some((at, &self.fields.get(at)?.1)));
        let Some((position, field)) = declared else {
            return match self.undeclared {
                Otherwise::Refuse => Err(&Self::UNDECLARED),
                Otherwise::Pass => once(names, told.name),
            };
        };
        *found |= 1 << position;
        if !field.repeated {
            once(names, told.name)?;
        }
        match (field.file, told.is_file) {
            (true, false) => return Err(&Self::NO_FILE),
            (false, true) => return Err(&Self::FILE),
            (true, true) | (false, false) => (),
        }
        let is_accepted = |written: &String| match (&told.media, written.split_once('/')) {
            (None, _) => written.eq_ignore_ascii_case("text/plain"),
            (Some(media), Some((kind, "*"))) => media.is_kind(kind),
            (Some(media), Some((kind, subtype))) => media.is(kind, subtype),
            (Some(_), None) => false,
        };
        if !field.types.iter().any(is_accepted) {
            return Err(&Self::PART_TYPE);
        }
        if field
            .at_most
            .is_some_and(|at_most| part.content.len() as u64 > at_most.bytes())
        {
            return Err(&Self::PART_TOO_LARGE);
        }
        Ok(())
    }
}

/// Remembers a name that must not come again.
fn once(names: &mut Names, name: &str) -> Result<(), &'static Reason> {
    names.write(name.as_bytes());
    if names.add(0, 0) {
        Ok(())
    } else {
        Err(&Multipart::DUPLICATE)
    }
}

#[cfg(test)]
mod tests;
