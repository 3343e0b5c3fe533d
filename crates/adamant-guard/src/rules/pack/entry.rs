//! A built-in rule, as it stands in a table.
//!
//! Its expressions have no regard to case. Holds no rule itself.

use super::super::category::{Category, Severity};
use super::super::place::{Places, Target};
use super::super::rule::{Asked, Draft, Rule};
use super::super::transform::Transform;

/// The text that a built-in rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    /// Behind every escape that is common.
    Decoded,
    /// As the program is given it.
    Raw,
    /// Behind escapes of URLs alone.
    Unescaped,
}

impl View {
    fn transforms(self) -> Vec<Transform> {
        match self {
            Self::Decoded => vec![
                // Padding of base64 is escaped in cookies, and what is base64 may hold escapes.
                Transform::UrlDecode,
                Transform::Base64Decode,
                Transform::UrlDecode,
                Transform::HtmlEntityDecode,
                Transform::Unescape,
                Transform::RemoveNulls,
            ],
            Self::Raw => Vec::new(),
            Self::Unescaped => vec![Transform::UrlDecode],
        }
    }
}

/// A built-in rule.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    pub(super) level: u8,
    places: Places,
    view: View,
    words: bool,
    asked: Asked<'static>,
}

impl Entry {
    const fn new(id: &'static str, places: Places, asked: Asked<'static>) -> Self {
        Self {
            id,
            severity: Severity::Critical,
            level: 1,
            places,
            view: View::Decoded,
            words: false,
            asked,
        }
    }

    /// A rule of the first level that is critical, for decoded values in some places.
    pub(super) const fn regex(id: &'static str, places: Places, pattern: &'static str) -> Self {
        Self::new(id, places, Asked::Expression(pattern))
    }

    /// The same, for injections of SQL by their tokens.
    pub(super) const fn sql(id: &'static str, places: Places) -> Self {
        Self::new(id, places, Asked::Sql)
    }

    pub(super) const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(super) const fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// It looks at values that are one word, too: most are, and what is one word attacks nothing that is safe.
    pub(super) const fn words(mut self) -> Self {
        self.words = true;
        self
    }

    pub(super) const fn view(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    /// Its expression, when it is a critical one of the first level.
    pub(super) const fn expression(&self) -> Option<&'static str> {
        match (self.asked, self.severity, self.level) {
            (Asked::Expression(pattern), Severity::Critical, 1) => Some(pattern),
            _ => None,
        }
    }

    pub(super) fn compile(&self, category: Category) -> Result<Rule, String> {
        let pattern;
        let asked = if let Asked::Expression(written) = self.asked {
            pattern = format!("(?i){written}");
            Asked::Expression(&pattern)
        } else {
            self.asked
        };
        Rule::compile(Draft {
            id: self.id,
            category,
            severity: self.severity,
            targets: vec![Target::of(self.places)],
            transforms: self.view.transforms(),
            words: self.words,
            asked,
        })
    }
}
