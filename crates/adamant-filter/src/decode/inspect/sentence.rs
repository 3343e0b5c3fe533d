//! Parts of the sentences in which problems of form are told.

use std::fmt;
use std::fmt::Write as _;

use crate::decode::form::{Form, Rule, RuleId, Text};

/// What a value belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'o> {
    /// A phrase such as `the file`.
    Phrase(&'o str),
    /// The value of a key.
    Key(&'o str),
    /// An item of the list under a key.
    Item(&'o str),
}

impl Owner<'_> {
    /// The owner of an item of this value.
    pub(super) const fn item(self) -> Self {
        match self {
            Self::Key(key) => Self::Item(key),
            Self::Phrase(_) | Self::Item(_) => self,
        }
    }

    /// The key alone, where it does not matter which item it is.
    pub(super) const fn key(self) -> Self {
        match self {
            Self::Item(key) => Self::Key(key),
            Self::Phrase(_) | Self::Key(_) => self,
        }
    }

    /// `takes` or `is`.
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Item(_) => "is",
            Self::Phrase(_) | Self::Key(_) => "takes",
        }
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phrase(phrase) => f.write_str(phrase),
            Self::Key(key) => write!(f, "`{key}`"),
            Self::Item(key) => write!(f, "an item of `{key}`"),
        }
    }
}

/// What a rule takes, in a few words.
pub(super) fn kind(form: &Form, id: RuleId) -> String {
    match form.rule(id) {
        Rule::Words(words) => format!("one of {}", listed(words)),
        Rule::Mapping(_) => "a mapping".to_owned(),
        Rule::List(_) => "a list".to_owned(),
        Rule::Text(text) => text_kind(text).to_owned(),
        Rule::Number(number) => number_kind(number.whole).to_owned(),
        Rule::Truth => TRUTH.to_owned(),
        Rule::Secret(inner) => kind(form, *inner),
        Rule::Choice(_) | Rule::All(_) | Rule::Same(_) | Rule::Anything => "something else".to_owned(),
    }
}

pub(super) const TRUTH: &str = "true or false";

pub(super) const fn number_kind(whole: bool) -> &'static str {
    if whole { "a whole number" } else { "a number" }
}

pub(super) fn text_kind(text: &Text) -> &'static str {
    match text.format.as_deref() {
        Some("size") => "a size such as `64KiB`",
        Some("rate") => "a rate such as `100/s`",
        Some("period") => "a length of time such as `10s`",
        Some("percent") => "a share such as `50%`",
        Some("cidr") => "a network such as `10.0.0.0/8`",
        Some(_) | None => "a text",
    }
}

/// `1 item`, `2 items`.
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `a`, `b` and `c`, each between backticks.
pub(super) fn listed(words: &[impl AsRef<str>]) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == words.len() => " and ",
            _ => ", ",
        };
        let _ = write!(text, "{separator}`{}`", word.as_ref());
    }
    text
}

/// The beginning of a text that may be long.
pub(super) fn cut(text: &str) -> &str {
    text.char_indices()
        .nth(60)
        .and_then(|(end, _)| text.get(..end))
        .unwrap_or(text)
}

/// Whether a text is a number with zeros in front.
pub(super) fn starts_with_zero(text: &str) -> bool {
    let rest = text.trim_start_matches('0');
    rest.len() < text.len() && !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())
}
