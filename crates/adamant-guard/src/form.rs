//! `form`: lets pass forms that have one reading.
//!
//! Judges names and lengths, never what a value means, and changes nothing.

mod config;
mod pairs;

use adamant_filter::prelude::*;

use self::config::FormConfig;
use self::pairs::{ESCAPE, NAME_TOO_LONG, NUL, Pairs, SEMICOLON, SYNTAX, UTF8, VALUE_TOO_LONG};
use crate::gate::{CODED, CODING, DECODED_TOO_LONG, EMPTY, Gate, IN_PIECES, Kind, MEDIA_TYPE};
use crate::media::{CONTENT_TYPE_WRONG, Media};
use crate::names::Names;

/// A form that is said to be in something else than UTF-8.
const CHARSET: Reason = Reason::new("charset", 415, "a form must be in UTF-8");

const WRONG_HEADS: &[&Reason] = &[&MEDIA_TYPE, &CONTENT_TYPE_WRONG, &CODED, &CHARSET];

/// The filter.
#[derive(Debug)]
pub(crate) struct Form {
    gate: Gate,
    fields: u32,
    /// Bytes of a name and of a value.
    longest: (u64, u64),
    /// Sorted, like the lists below.
    allowed: Option<Box<[String]>>,
    required: Box<[String]>,
    repeated: Box<[String]>,
}

impl Filter for Form {
    const NAME: &'static str = "form";
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
        &ESCAPE,
        &SEMICOLON,
        &UTF8,
        &NUL,
        &NAME_TOO_LONG,
        &VALUE_TOO_LONG,
        &Self::TOO_MANY_FIELDS,
        &Self::DUPLICATE,
        &Self::UNDECLARED,
        &Self::MISSING,
    ];
    type Config = FormConfig;

    fn build(config: FormConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        boot.buffer_request(config.body_at_most);
        boot.reserve(
            "names of one form",
            Size::from_bytes(u64::from(config.fields) * 72),
        );
        let list = |names: std::collections::BTreeSet<String>| names.into_iter().collect();
        Ok(Self {
            gate: Gate::new(
                boot,
                (config.other, config.empty),
                WRONG_HEADS,
                config.decoded_at_most,
            ),
            fields: config.fields,
            longest: (config.name.bytes(), config.value.bytes()),
            allowed: config.allowed.map(list),
            required: list(config.required),
            repeated: list(config.repeated),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request(Self::check_head)
            .request_body(Self::check_body)
            .attempt(Self::check_no_body)
    }
}

impl Form {
    const TOO_MANY_FIELDS: Reason = Reason::new(
        "too-many-fields",
        400,
        "the form has more fields than are accepted",
    );
    const DUPLICATE: Reason = Reason::new("duplicate", 400, "the form has the same name twice");
    const UNDECLARED: Reason = Reason::new("undeclared", 400, "the form has a field that is not known here");
    const MISSING: Reason = Reason::new("missing-field", 400, "the form lacks a field that is needed");

    fn check_head(&self, request: &mut Request) -> Verdict {
        let kind = match Media::of(request) {
            Err(reason) => Kind::Wrong(reason),
            Ok(Some(media)) if media.is("application", "x-www-form-urlencoded") => {
                if media.is_utf8() {
                    Kind::Own
                } else {
                    Kind::Wrong(&CHARSET)
                }
            }
            Ok(_) => Kind::Other,
        };
        self.gate.head(request, kind)
    }

    fn check_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        self.gate
            .body(request, chunk, |_, chunk| self.judge(chunk.data()))
    }

    fn check_no_body(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        self.gate.attempt(attempt)
    }

    fn judge(&self, body: &[u8]) -> Verdict {
        let (mut pairs, mut names) = (Pairs::of(body), Names::new());
        let (mut count, mut found) = (0_u32, 0_u64);
        loop {
            let see = |name: &str, _| {
                count += 1;
                if count > self.fields {
                    return Err(&Self::TOO_MANY_FIELDS);
                }
                if self.allowed.as_ref().is_some_and(|allowed| !has(allowed, name)) {
                    return Err(&Self::UNDECLARED);
                }
                if !has(&self.repeated, name) {
                    names.write(name.as_bytes());
                    if !names.add(0, 0) {
                        return Err(&Self::DUPLICATE);
                    }
                }
                if let Ok(position) = self.required.binary_search_by(|known| known.as_str().cmp(name)) {
                    found |= 1 << position;
                }
                Ok(())
            };
            match pairs.next(self.longest, see) {
                Ok(true) => (),
                Ok(false) => break,
                Err((reason, at)) => {
                    return reason.deny_at(Details::of(Place::Offset(at as u64), reason.code()));
                }
            }
        }
        let mut missing = Details::default();
        for (position, name) in self.required.iter().enumerate() {
            if found & (1 << position) == 0 {
                missing.add(Place::Parameter(name.as_str().into()), Self::MISSING.code());
            }
        }
        if missing.is_empty() {
            Verdict::Pass
        } else {
            Self::MISSING.deny_at(missing)
        }
    }
}

fn has(names: &[String], wanted: &str) -> bool {
    names.binary_search_by(|known| known.as_str().cmp(wanted)).is_ok()
}

#[cfg(test)]
mod tests;
