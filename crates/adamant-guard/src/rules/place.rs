//! Where in a request a value stands, and how a rule or an exception names such places.
//!
//! Reads no request: see `head` and `body`.

use adamant_filter::prelude::*;

/// A place of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    QueryName,
    QueryValue,
    /// A field of the head with free text.
    HeaderValue,
    /// A field of the head whose form is fixed, such as `accept`.
    FormalValue,
    /// A field of the head that names the page from which a request comes.
    PageValue,
    CookieName,
    CookieValue,
    FormName,
    FormValue,
    JsonKey,
    JsonValue,
    /// The name of a field of a multipart form, or of its file.
    FileName,
    Body,
}

impl Place {
    /// As one bit of [`Places`].
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(u16);

impl Places {
    pub(super) const fn of(places: &[Place]) -> Self {
        let mut set = 0;
        let mut rest = places;
        while let [place, after @ ..] = rest {
            set |= place.bit();
            rest = after;
        }
        Self(set)
    }

    pub(super) const fn contain(self, place: Place) -> bool {
        self.0 & place.bit() != 0
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Everything that a client writes as data.
    pub(super) const VALUES: Self = Self::of(&[
        Place::Path,
        Place::QueryValue,
        Place::HeaderValue,
        Place::PageValue,
        Place::CookieValue,
        Place::FormValue,
        Place::JsonValue,
        Place::FileName,
        Place::Body,
    ]);
    /// Names that a client may write.
    pub(super) const NAMES: Self = Self::of(&[
        Place::QueryName,
        Place::CookieName,
        Place::FormName,
        Place::JsonKey,
    ]);
    pub(super) const FORMAL: Self = Self::of(&[Place::FormalValue]);
    pub(super) const PATH: Self = Self::of(&[Place::Path]);
    pub(super) const HEADERS: Self = Self::of(&[Place::HeaderValue, Place::PageValue, Place::FormalValue]);
    pub(super) const ALL: Self = Self::VALUES.with(Self::NAMES).with(Self::FORMAL);
}

/// Words for places, for those who write packs and exceptions.
const WORDS: [(&str, Places); 16] = [
    ("all", Places::ALL),
    ("path", Places::PATH),
    ("query", Places::of(&[Place::QueryName, Place::QueryValue])),
    ("query-names", Places::of(&[Place::QueryName])),
    ("query-values", Places::of(&[Place::QueryValue])),
    ("header", Places::HEADERS),
    ("cookie", Places::of(&[Place::CookieName, Place::CookieValue])),
    ("cookie-names", Places::of(&[Place::CookieName])),
    ("cookie-values", Places::of(&[Place::CookieValue])),
    ("form", Places::of(&[Place::FormName, Place::FormValue])),
    ("form-names", Places::of(&[Place::FormName])),
    ("form-values", Places::of(&[Place::FormValue])),
    ("json-keys", Places::of(&[Place::JsonKey])),
    ("json", Places::of(&[Place::JsonKey, Place::JsonValue])),
    ("file-names", Places::of(&[Place::FileName])),
    ("body", Places::of(&[Place::Body])),
];

/// A place as it is written: `query`, or `query:q` for the one of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    places: Places,
    /// In small letters for fields of the head, which have no case.
    name: Option<Box<str>>,
}

impl Target {
    /// Reads a target.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (word, name) = match text.split_once(':') {
            Some((word, name)) => (word, Some(name)),
            None => (text, None),
        };
        let Some((_, places)) = WORDS.iter().find(|(known, _)| *known == word) else {
            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
            return Err(format!(
                "`{word}` is no place of a request; use {}",
                words.join(", ")
            ));
        };
        if name.is_some() && !matches!(word, "query" | "header" | "cookie" | "form" | "json") {
            return Err(format!("`{word}` has no parts with names"));
        }
        if name == Some("") {
            return Err(format!("the name behind `{word}:` is missing"));
        }
        let name = match (word, name) {
            ("header", Some(name)) => Some(name.to_ascii_lowercase()),
            (_, name) => name.map(str::to_owned),
        };
        Ok(Self {
            places: *places,
            name: name.map(Into::into),
        })
    }

    /// All values.
    pub(super) const fn of(places: Places) -> Self {
        Self { places, name: None }
    }

    /// Whether it speaks of a value.
    pub(super) fn covers(&self, place: Place, name: &[u8]) -> bool {
        self.places.contain(place) && self.name.as_ref().is_none_or(|own| own.as_bytes() == name)
    }

    pub(super) const fn places(&self) -> Places {
        self.places
    }
}

/// A value of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'v> {
    pub(super) place: Place,
    /// What it is called; a name is called by itself.
    pub(super) name: &'v [u8],
    pub(super) bytes: &'v [u8],
}

/// Whether a word is one for a place, to tell authors of exceptions early.
pub(super) fn check_target(path: &str, text: &str) -> Result<Target, Problem> {
    Target::parse(text).map_err(|message| Problem::at(path, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_words_and_names() {
        let query = Target::parse("query:q").unwrap();
        assert!(query.covers(Place::QueryValue, b"q") && query.covers(Place::QueryName, b"q"));
        assert!(!query.covers(Place::QueryValue, b"Q") && !query.covers(Place::FormValue, b"q"));
        let header = Target::parse("header:User-Agent").unwrap();
        assert!(header.covers(Place::HeaderValue, b"user-agent"));
        assert!(Target::parse("all").unwrap().covers(Place::Body, b""));
        for wrong in ["querry", "query:", "path:x", "", "body:x"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
