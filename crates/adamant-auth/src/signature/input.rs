//! `Signature-Input` and `Signature` (RFC 9421 §4): the one signature of a request that is meant for here.
//!
//! Proves nothing. Whatever two readers could take for different signatures is refused, never resolved.

use std::convert::Infallible;

use adamant_filter::prelude::*;
use sfv::visitor::{DictionaryVisitor, EntryVisitor, Ignored};
use sfv::{BareItem, Dictionary, InnerList, KeyRef, ListEntry, Parameters, Parser};

use super::reason::{
    DUPLICATE_LABEL, LABEL, MALFORMED, MISSING, PARAMETER, SEVERAL, TAG, TOO_LONG, UNPAIRED,
};

pub(super) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// Longest value of each field, in bytes.
const FIELD_MAX: usize = 8 * 1024;

/// Most signatures on a request, whoever they are for. Without a bound, finding a label twice would cost the
/// square of their number.
const SIGNATURES_MAX: usize = 16;

/// Which signature of a request is looked at.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The one with this label.
    pub(super) label: Option<Box<str>>,
    /// The one with this tag.
    pub(super) tag: Option<Box<str>>,
}

/// A signature, not yet verified.
#[derive(Debug)]
pub(super) struct Signed {
    /// What it covers, with its parameters.
    pub(super) covered: InnerList,
    /// Its bytes.
    pub(super) signature: Vec<u8>,
}

/// The parameters of RFC 9421 §2.3.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claims<'s> {
    /// Seconds since the Unix epoch.
    pub(super) created: Option<u64>,
    /// Seconds since the Unix epoch.
    pub(super) expires: Option<u64>,
    /// `keyid`.
    pub(super) key: Option<&'s str>,
    /// `alg`.
    pub(super) algorithm: Option<&'s str>,
    /// `nonce`.
    pub(super) nonce: Option<&'s str>,
    /// `tag`.
    pub(super) tag: Option<&'s str>,
}

impl Signed {
    /// The signature of `request` that is wanted.
    pub(super) fn find(request: &Request, wanted: &Wanted) -> Result<Self, &'static Reason> {
        let (input, signatures) = match (joined(request, &SIGNATURE_INPUT)?, joined(request, &SIGNATURE)?) {
            (None, None) => return Err(&MISSING),
            (Some(input), Some(signatures)) => (dictionary(&input)?, dictionary(&signatures)?),
            (Some(_), None) | (None, Some(_)) => return Err(&UNPAIRED),
        };
        let (label, covered) = choose(input, wanted)?;
        match signatures.get(label.as_str()) {
            Some(ListEntry::Item(item)) => {
                let signature = item.bare_item.as_byte_sequence().ok_or(&MALFORMED)?;
                Ok(Self {
                    covered,
                    signature: signature.to_vec(),
                })
            }
            Some(ListEntry::InnerList(_)) => Err(&MALFORMED),
            None => Err(&UNPAIRED),
        }
    }

    /// Its parameters. Those that RFC 9421 does not know are signed like all others, and mean nothing here.
    pub(super) fn claims(&self) -> Result<Claims<'_>, &'static Reason> {
        claims(&self.covered.params)
    }
}

fn claims(parameters: &Parameters) -> Result<Claims<'_>, &'static Reason> {
    let text = |name: &str| match parameters.get(name) {
        None => Ok(None),
        Some(BareItem::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(&PARAMETER),
    };
    let seconds = |name: &str| match parameters.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(seconds)) => u64::try_from(*seconds).map(Some).map_err(|_| &PARAMETER),
        Some(_) => Err(&PARAMETER),
    };
    Ok(Claims {
        created: seconds("created")?,
        expires: seconds("expires")?,
        key: text("keyid")?,
        algorithm: text("alg")?,
        nonce: text("nonce")?,
        tag: text("tag")?,
    })
}

/// The signature that the file means, which must be one.
fn choose(input: Dictionary, wanted: &Wanted) -> Result<(sfv::Key, InnerList), &'static Reason> {
    let mut left: Vec<(sfv::Key, InnerList)> = Vec::with_capacity(1);
    for (label, entry) in input {
        match entry {
            ListEntry::InnerList(covered) => left.push((label, covered)),
            ListEntry::Item(_) => return Err(&MALFORMED),
        }
    }
    if let Some(wanted) = &wanted.label {
        left.retain(|(label, _)| label.as_str() == &**wanted);
        if left.is_empty() {
            return Err(&LABEL);
        }
    }
    if let Some(wanted) = &wanted.tag {
        let has = |covered: &InnerList| {
            let tag = covered.params.get("tag").and_then(BareItem::as_string);
            tag.is_some_and(|tag| tag.as_str() == &**wanted)
        };
        left.retain(|(_, covered)| has(covered));
        if left.is_empty() {
            return Err(&TAG);
        }
    }
    let chosen = left.pop().ok_or(&MISSING)?;
    if left.is_empty() {
        Ok(chosen)
    } else {
        Err(&SEVERAL)
    }
}

/// All lines of a field as one value (RFC 9110 §5.3).
fn joined(request: &Request, name: &HeaderName) -> Result<Option<Vec<u8>>, &'static Reason> {
    let mut value: Option<Vec<u8>> = None;
    for (_, line) in request.headers().filter(|(field, _)| *field == name) {
        let line = line.as_bytes().trim_ascii();
        match &mut value {
            None => value = Some(line.to_vec()),
            Some(value) => {
                value.extend(b", ");
                value.extend(line);
            }
        }
        if value.as_ref().is_some_and(|value| value.len() > FIELD_MAX) {
            return Err(&TOO_LONG);
        }
    }
    Ok(value)
}

fn dictionary(value: &[u8]) -> Result<Dictionary, &'static Reason> {
    let read: Dictionary = Parser::new(value).parse().map_err(|_| &MALFORMED)?;
    if read.is_empty() || read.len() > SIGNATURES_MAX {
        return Err(&MALFORMED);
    }
    if has_each_once(value) {
        Ok(read)
    } else {
        Err(&DUPLICATE_LABEL)
    }
}

/// Whether no name occurs twice in a dictionary. RFC 9651 lets the last one win, and not everybody does.
pub(super) fn has_each_once(value: &[u8]) -> bool {
    let names = Parser::new(value).parse_dictionary_with_visitor(Names::default());
    names.is_ok_and(|mut names: Vec<&KeyRef>| {
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() == all
    })
}

#[derive(Default)]
struct Names<'d>(Vec<&'d KeyRef>);

impl<'d> DictionaryVisitor<'d> for Names<'d> {
    type Out = Vec<&'d KeyRef>;
    type Error = Infallible;

    fn entry(&mut self, name: &'d KeyRef) -> Result<impl EntryVisitor<'d>, Infallible> {
        self.0.push(name);
        Ok(Ignored)
    }

    fn finish(self) -> Result<Self::Out, Infallible> {
        Ok(self.0)
    }
}
