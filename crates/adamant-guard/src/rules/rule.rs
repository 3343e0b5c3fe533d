//! A rule as it is compiled: where it looks, what it makes of what is there, and what it asks of that.
//!
//! Reads no pack and no request. Which questions are asked at all is decided by `engine`.

use regex_automata::meta::Regex;

use super::category::{Category, Severity};
use super::expression;
use super::literals;
use super::marks::Marks;
use super::place::{Places, Target, Value};
use super::sql::Sql;
use super::transform::Transform;

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
    /// Whether it looks at values that are one word, too.
    pub(super) words: bool,
    pub(super) asked: Asked<'t>,
}

/// A rule. It matches when one of its questions does.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) category: Category,
    pub(super) severity: Severity,
    targets: Box<[Target]>,
    places: Places,
    pub(super) transforms: Box<[Transform]>,
    words: bool,
    pub(super) questions: Vec<Question>,
}

/// What a rule asks of a text.
#[derive(Debug)]
pub(super) struct Question {
    test: Test,
    /// Sets of literals in small letters: a text that lacks one of a set does not match.
    pub(super) literals: Vec<Vec<Vec<u8>>>,
    /// Sets of kinds of bytes: a text that has none of a set does not match.
    marks: Box<[Marks]>,
}

#[derive(Debug)]
enum Test {
    /// An expression matches.
    Expression(Regex),
    /// It contains one of these.
    Contains(Box<[Box<[u8]>]>),
    /// It begins with one of these.
    Begins(Box<[Box<[u8]>]>),
    /// It ends with one of these.
    Ends(Box<[Box<[u8]>]>),
    /// It is one of these.
    Equals(Box<[Box<[u8]>]>),
    /// Outside of quotation marks its tokens are those of an injection of SQL.
    SqlOutside,
    /// Within quotation marks they are.
    SqlWithin,
}

/// The shortest literal that is looked for. What is shorter is a kind of bytes, or in every text.
const LITERAL_MIN: usize = 2;

/// Sets of literals that are looked at for one question.
const SETS_MAX: usize = 3;

impl Rule {
    pub(super) fn compile(draft: Draft<'_>) -> Result<Self, String> {
        let texts = |texts: &[&str]| -> Box<[Box<[u8]>]> {
            texts.iter().map(|text| text.as_bytes().into()).collect()
        };
        let one = |test, written: &[&str]| Question::of_texts(test, written).map(|question| vec![question]);
        let questions = match draft.asked {
            Asked::Expression(pattern) => expressions(pattern)?,
            Asked::Sql => vec![
                Question {
                    test: Test::SqlOutside,
                    literals: vec![Sql::key_words()],
                    marks: [Sql::SIGNS].into(),
                },
                Question {
                    test: Test::SqlWithin,
                    literals: Vec::new(),
                    marks: [Sql::QUOTES].into(),
                },
            ],
            Asked::Contains(written) => one(Test::Contains(texts(written)), written)?,
            Asked::Begins(written) => one(Test::Begins(texts(written)), written)?,
            Asked::Ends(written) => one(Test::Ends(texts(written)), written)?,
            Asked::Equals(written) => one(Test::Equals(texts(written)), written)?,
        };
        let places = draft.targets.iter().map(Target::places);
        Ok(Self {
            id: draft.id,
            category: draft.category,
            severity: draft.severity,
            places: places.fold(Places::default(), Places::with),
            targets: draft.targets.into(),
            transforms: draft.transforms.into(),
            words: draft.words,
            questions,
        })
    }

    pub(super) const fn places(&self) -> Places {
        self.places
    }

    /// Where a value may match that is one word: letters, digits, `_` and `-`.
    pub(super) fn word_places(&self) -> Places {
        let may_match = self
            .questions
            .iter()
            .any(|question| question.may_match(Marks::NAME));
        if self.words && may_match {
            self.places
        } else {
            Places::default()
        }
    }

    /// Whether it looks at a value.
    pub(super) fn looks_at(&self, value: &Value<'_>) -> bool {
        self.places.contain(value.place)
            && self
                .targets
                .iter()
                .any(|target| target.covers(value.place, value.name))
    }
}

pub(super) fn expressions(pattern: &str) -> Result<Vec<Question>, String> {
    let parsed = expression::parse(pattern)?;
    if parsed.properties().minimum_len() == Some(0) {
        return Err("this expression matches an empty text, so it matches everything".to_owned());
    }
    let compile = |branch| {
        let regex = expression::compile(branch)?;
        Ok(Question::of(Test::Expression(regex), literals::needed(branch)))
    };
    expression::alternatives(&parsed).iter().map(compile).collect()
}

impl Question {
    fn of(test: Test, mut literals: Vec<Vec<Vec<u8>>>) -> Self {
        let marks = literals.iter().filter_map(|set| Marks::of_each(set)).collect();
        literals.retain(|set| set.iter().all(|literal| literal.len() >= LITERAL_MIN));
        literals.truncate(SETS_MAX);
        Self {
            test,
            literals,
            marks,
        }
    }

    fn of_texts(test: Test, written: &[&str]) -> Result<Self, String> {
        if written.iter().any(|text| text.is_empty()) {
            return Err("every text contains an empty one".to_owned());
        }
        if written.is_empty() {
            return Err("an empty list matches nothing".to_owned());
        }
        let lower = written.iter().map(|text| text.to_ascii_lowercase().into_bytes());
        Ok(Self::of(test, vec![lower.collect()]))
    }

    /// The kinds of bytes that are met most rarely, of which a text has at least one if it matches.
    pub(super) fn rarest_marks(&self) -> Marks {
        let rank = |marks: &&Marks| (marks.meets(Marks::SPACE), marks.count());
        let rarest = self.marks.iter().min_by_key(rank);
        rarest.copied().unwrap_or(Marks::ANY)
    }

    /// Whether a text with these kinds of bytes may match.
    pub(super) fn may_match(&self, marks: Marks) -> bool {
        self.marks.iter().all(|needed| marks.meets(*needed))
    }

    /// What it takes in memory on one thread.
    pub(super) fn size(&self) -> usize {
        match &self.test {
            Test::Expression(regex) => regex.memory_usage() + expression::CACHED_MAX,
            _ => 0,
        }
    }

    /// Whether a text matches that has the literals and the kinds of bytes.
    pub(super) fn matches(&self, text: &[u8], sql: &Sql) -> bool {
        let any = |texts: &[Box<[u8]>], matches: fn(&[u8], &[u8]) -> bool| {
            texts.iter().any(|expected| matches(text, expected))
        };
        match &self.test {
            // With literals that are looked for, they have been found.
            Test::Contains(texts) => !self.literals.is_empty() || any(texts, contains),
            Test::Expression(regex) => regex.is_match(text),
            Test::Begins(texts) => any(texts, begins),
            Test::Ends(texts) => any(texts, |text, end| {
                let start = text.len().saturating_sub(end.len());
                text.get(start..).unwrap_or_default().eq_ignore_ascii_case(end)
            }),
            Test::Equals(texts) => any(texts, |text, whole| text.eq_ignore_ascii_case(whole)),
            Test::SqlOutside => sql.is_injection_outside(text),
            Test::SqlWithin => sql.is_injection_within(text),
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part))
}

fn begins(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}
