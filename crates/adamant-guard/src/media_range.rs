//! Media types: as a file lists them, and as the field `Content-Type` names one.
//!
//! Looks at type and subtype alone; parameters are read by whoever needs them.

use adamant_filter::prelude::*;

/// `application/json`, `image/*`, `*/*` or `application/*+json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaRange {
    /// In small letters; `None` stands for all.
    kind: Option<Box<str>>,
    subtype: Subtype,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subtype {
    Any,
    Exact(Box<str>),
    /// `+json`
    Suffix(Box<str>),
}

impl MediaRange {
    /// # Errors
    /// When the text is no range of media types.
    pub(crate) fn of(path: &str, text: &str) -> Result<Self, Problem> {
        let wrong = || {
            Problem::at(path, format!("`{text}` is no media type"))
                .with_help("write one such as `application/json`, `image/*` or `application/*+json`")
        };
        let lower = text.to_ascii_lowercase();
        let (kind, subtype) = lower.split_once('/').ok_or_else(wrong)?;
        let subtype = match subtype.strip_prefix('*') {
            Some("") => Subtype::Any,
            Some(suffix) if suffix.starts_with('+') && is_token(suffix) => Subtype::Suffix(suffix.into()),
            None if is_token(subtype) => Subtype::Exact(subtype.into()),
            Some(_) | None => return Err(wrong()),
        };
        let kind = match kind {
            "*" if subtype == Subtype::Any => None,
            _ if is_token(kind) && !kind.contains('*') => Some(kind.into()),
            _ => return Err(wrong()),
        };
        Ok(Self { kind, subtype })
    }

    /// Whether a media type, without its parameters, is one of these.
    pub(crate) fn holds(&self, media: &[u8]) -> bool {
        let Some(slash) = media.iter().position(|byte| *byte == b'/') else {
            return false;
        };
        let (kind, subtype) = media.split_at(slash);
        let subtype = subtype.get(1..).unwrap_or_default();
        let fits = self
            .kind
            .as_ref()
            .is_none_or(|own| own.as_bytes().eq_ignore_ascii_case(kind));
        fits && match &self.subtype {
            Subtype::Any => true,
            Subtype::Exact(own) => own.as_bytes().eq_ignore_ascii_case(subtype),
            Subtype::Suffix(own) => ends_with(subtype, own.as_bytes()),
        }
    }
}

/// The ranges of a list.
///
/// # Errors
/// When one is no range of media types, or stands there twice, or none does.
pub(crate) fn all_of(key: &str, written: &[String]) -> Result<Box<[MediaRange]>, Problem> {
    if written.is_empty() {
        return Err(Problem::at(key, "an empty list would refuse every media type"));
    }
    let mut ranges: Vec<MediaRange> = Vec::with_capacity(written.len());
    for (position, text) in written.iter().enumerate() {
        let path = format!("{key}[{position}]");
        let range = MediaRange::of(&path, text)?;
        if ranges.contains(&range) {
            return Err(Problem::at(&path, format!("`{text}` stands here twice")));
        }
        ranges.push(range);
    }
    Ok(ranges.into())
}

/// A list as the value of a field.
///
/// # Errors
/// When it cannot stand there.
pub(crate) fn listed(key: &str, written: &[String]) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(sorted(written).join(", "))
        .map_err(|_| Problem::at(key, "these are no media types"))
}

/// Media types have no case, and their order means nothing.
pub(crate) fn canonical<S: serde::Serializer>(written: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    sorted(written).serialize(serializer)
}

fn sorted(written: &[String]) -> Vec<String> {
    let mut types: Vec<_> = written.iter().map(|media| media.to_ascii_lowercase()).collect();
    types.sort_unstable();
    types
}

fn is_token(text: &str) -> bool {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    !text.is_empty() && text.bytes().all(is_character)
}

fn ends_with(text: &[u8], suffix: &[u8]) -> bool {
    let rest = text.len().checked_sub(suffix.len());
    rest.and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// The media type of a field, without its parameters and the blanks around it.
pub(crate) fn essence(value: &HeaderValue) -> &[u8] {
    let value = value.as_bytes();
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    value.get(..end).unwrap_or_default().trim_ascii()
}

/// Whether a media type is JSON by its name (RFC 6839 §3.1).
pub(crate) fn is_json(media: &[u8]) -> bool {
    media.eq_ignore_ascii_case(b"application/json")
        || media.eq_ignore_ascii_case(b"text/json")
        || ends_with(media, b"+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_it_names_in_any_case() {
        let cases = [
            ("application/json", "Application/JSON", true),
            ("application/json", "application/json5", false),
            ("image/*", "image/png", true),
            ("image/*", "images/png", false),
            ("*/*", "a/b", true),
            ("*/*", "nothing", false),
            ("application/*+json", "application/problem+JSON", true),
            ("application/*+json", "application/json", false),
        ];
        for (range, media, holds) in cases {
            assert_eq!(
                MediaRange::of("", range).unwrap().holds(media.as_bytes()),
                holds,
                "{range} {media}"
            );
        }
        for wrong in [
            "", "json", "*/json", "a b/c", "a/b;c", "a/*b", "a/**", "a/b/c", "*a/b",
        ] {
            assert!(MediaRange::of("", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parameters_are_no_part_of_a_media_type() {
        let value = HeaderValue::from_static(" application/json ; charset=utf-8");
        assert_eq!(essence(&value), b"application/json");
        assert!(
            is_json(essence(&value))
                && is_json(b"application/problem+json")
                && !is_json(b"application/jsonp")
        );
    }
}
