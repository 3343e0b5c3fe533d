//! A rule as it is compiled: where it looks, what it makes of what is there, and what it asks of that.
//!
//! Reads no pack and no request. Which rules are asked at all is decided by `engine`.

use regex_automata::meta::Regex;

use super::category::{Category, Severity};
use super::expression;
use super::literals;
use super::marks::Marks;
use super::place::{Places, Target, Value};
use super::sql::Sql;
use super::transform::Transform;

/// What a rule asks of a text.
#[derive(Debug)]
pub(super) enum Question {
    /// An expression matches.
    Expression(Regex),
    /// It contains one of these, without regard to case.
    Contains,
    /// It begins with one of these.
    Begins(Box<[Box<[u8]>]>),
    /// It ends with one of these.
    Ends(Box<[Box<[u8]>]>),
    /// It is one of these.
    Equals(Box<[Box<[u8]>]>),
    /// Its tokens are those of an injection of SQL.
    Sql,
}

/// How a question is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'t> {
    Expression(&'t str),
    Contains(&'t [&'t str]),
    Begins(&'t [&'t str]),
    Ends(&'t [&'t str]),
    Equals(&'t [&'t str]),
    Sql,
}

/// A rule before it is compiled.
#[derive(Debug)]
pub(super) struct Draft<'t> {
    pub(super) id: &'static str,
    pub(super) category: Category,
    pub(super) severity: Severity,
    pub(super) targets: Vec<Target>,
    pub(super) transforms: Vec<Transform>,
    pub(super) asked: Asked<'t>,
}

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) category: Category,
    pub(super) severity: Severity,
    targets: Box<[Target]>,
    places: Places,
    pub(super) transforms: Box<[Transform]>,
    question: Question,
    /// In small letters: a text that contains none of them does not match. `None`: it has to be asked always.
    pub(super) literals: Option<Vec<Vec<u8>>>,
    /// Kinds of bytes of which a text has at least one if it matches; none when that is not known.
    pub(super) marks: Marks,
}

/// Kinds of bytes without which a text is no injection of SQL.
const SQL_MARKS: Marks = Marks::QUOTE
    .with(Marks::PARENTHESIS)
    .with(Marks::EQUAL)
    .with(Marks::ANGLE)
    .with(Marks::SEMICOLON)
    .with(Marks::HASH)
    .with(Marks::PIPE)
    .with(Marks::STAR)
    .with(Marks::SPACE)
    .with(Marks::SLASH);

impl Rule {
    pub(super) fn compile(draft: Draft<'_>) -> Result<Self, String> {
        let mut marks = Marks::NONE;
        let lower = |texts: &[&str]| -> Vec<Vec<u8>> {
            texts
                .iter()
                .map(|text| text.to_ascii_lowercase().into_bytes())
                .collect()
        };
        let boxed = |texts: &[&str]| -> Box<[Box<[u8]>]> {
            texts.iter().map(|text| text.as_bytes().into()).collect()
        };
        let (question, literals) = match draft.asked {
            Asked::Expression(pattern) => {
                let parsed = expression::parse(pattern)?;
                if parsed.properties().minimum_len() == Some(0) {
                    return Err("this expression matches an empty text, so it matches everything".to_owned());
                }
                let question = Question::Expression(expression::compile(&parsed)?);
                (question, literals::needed(&parsed))
            }
            Asked::Sql => {
                marks = SQL_MARKS;
                (Question::Sql, None)
            }
            Asked::Contains(texts) => (Question::Contains, Some(lower(texts))),
            Asked::Begins(texts) => (Question::Begins(boxed(texts)), Some(lower(texts))),
            Asked::Ends(texts) => (Question::Ends(boxed(texts)), Some(lower(texts))),
            Asked::Equals(texts) => (Question::Equals(boxed(texts)), Some(lower(texts))),
        };
        if literals.iter().flatten().any(Vec::is_empty) {
            return Err("every text contains an empty one".to_owned());
        }
        let places = draft.targets.iter().map(Target::places);
        Ok(Self {
            id: draft.id,
            category: draft.category,
            severity: draft.severity,
            places: places.fold(Places::default(), Places::with),
            targets: draft.targets.into(),
            transforms: draft.transforms.into(),
            question,
            literals,
            marks,
        })
    }

    /// Whether a plain text may match: nothing but letters, digits and `._~-`.
    pub(super) fn may_match_plain(&self) -> bool {
        let is_plain = |text: &Vec<u8>| Marks::of(text).are_plain();
        match &self.literals {
            Some(literals) => literals.iter().any(is_plain),
            None => self.marks == Marks::NONE,
        }
    }

    pub(super) const fn places(&self) -> Places {
        self.places
    }

    /// Whether it looks at a value.
    pub(super) fn looks_at(&self, value: &Value<'_>) -> bool {
        self.places.contain(value.place)
            && self.targets.iter().any(|target| target.covers(value.place, value.name))
    }

    /// Whether a text matches that contains one of its literals, and one of its kinds of bytes.
    pub(super) fn matches(&self, text: &[u8], sql: &Sql) -> bool {
        let any = |texts: &[Box<[u8]>], matches: fn(&[u8], &[u8]) -> bool| {
            texts.iter().any(|expected| matches(text, expected))
        };
        match &self.question {
            Question::Contains => true,
            Question::Expression(regex) => regex.is_match(text),
            Question::Begins(texts) => any(texts, begins),
            Question::Ends(texts) => any(texts, |text, end| {
                let start = text.len().saturating_sub(end.len());
                text.get(start..).unwrap_or_default().eq_ignore_ascii_case(end)
            }),
            Question::Equals(texts) => any(texts, |text, whole| text.eq_ignore_ascii_case(whole)),
            Question::Sql => sql.is_injection(text),
        }
    }
}

fn begins(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}
