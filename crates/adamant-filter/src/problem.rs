//! What is wrong with a file: a code, a sentence, a place and a next step.
//!
//! Never about traffic (that is a verdict) or about the world (that is a fault), and never a warning: a
//! thing is a problem or it is fine.

use std::fmt;
use std::path::Path;

use crate::node::{Node, Span};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    code: &'static str,
    message: String,
    span: Option<Span>,
    path: Option<String>,
    label: Option<String>,
    second: Option<(Span, String)>,
    help: Option<String>,
    hidden: bool,
}

impl Problem {
    /// A problem with a stable code such as `keys.unknown` and one sentence without a full stop.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            message: message.into(),
            span: None,
            path: None,
            label: None,
            second: None,
            help: None,
            hidden: false,
        }))
    }

    /// A problem with the value at `path` of a filter's own configuration, such as `allow` or `keys[2].id`.
    ///
    /// Its code is `values.invalid`.
    #[must_use]
    pub fn at(path: &str, message: impl Into<String>) -> Self {
        let mut problem = Self::new("values.invalid", message);
        problem.0.path = Some(path.to_owned());
        problem
    }

    /// With another code.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = code;
        self
    }

    /// With its place.
    #[must_use]
    pub fn with_span(mut self, span: Span) -> Self {
        self.0.span = (!span.is_nowhere()).then_some(span);
        self
    }

    /// With words beside the caret.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.0.label = Some(label.into());
        self
    }

    /// With a second place and what is there.
    #[must_use]
    pub fn with_second(mut self, span: Span, label: impl Into<String>) -> Self {
        self.0.second = (!span.is_nowhere()).then(|| (span, label.into()));
        self
    }

    /// With a next step.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Whatever stands at the place may be a secret: it is never shown.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.0.hidden = true;
        self
    }

    /// Gives it the place in `config` that its path leads to. A place that it has already stays.
    #[must_use]
    pub fn placed(self, config: &Node) -> Self {
        if self.0.span.is_some() {
            return self;
        }
        let span = config.place(self.0.path.as_deref().unwrap_or_default());
        self.with_span(span)
    }

    /// The same problem in `file`, which is not the policy's own: its place there becomes words, so that it
    /// can be placed where the policy names the file.
    #[must_use]
    pub fn within(mut self, file: &Path) -> Self {
        let place = self
            .0
            .span
            .take()
            .map(|span| format!(":{}:{}", span.line(), span.column()));
        self.0.message = format!(
            "{}{}: {}",
            file.display(),
            place.unwrap_or_default(),
            self.0.message
        );
        // What may not be shown is in that file; the line that names the file may be.
        self.0.hidden = false;
        self.0.path = None;
        self.0.second = None;
        self
    }

    /// Names the value at `path` of the filter's own configuration, as [`Problem::at`] does.
    #[must_use]
    pub fn with_path(mut self, path: &str) -> Self {
        self.0.path = Some(path.to_owned());
        self
    }

    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.0.code
    }

    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The place, when it is known.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// The key path inside the configuration of the filter that made it.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// Words beside the caret.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// The second place and what is there.
    #[must_use]
    pub fn second(&self) -> Option<(Span, &str)> {
        self.0
            .second
            .as_ref()
            .map(|(span, label)| (*span, label.as_str()))
    }

    /// The next step.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Whether the place must not be shown.
    #[must_use]
    pub const fn is_hidden(&self) -> bool {
        self.0.hidden
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.message)
    }
}

impl std::error::Error for Problem {}

/// Everything that is wrong, in the order of the file once sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds those of another.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Keeps the value of a result and adds its problems.
    pub fn take<T, E: Into<Self>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|problems| self.append(problems.into())).ok()
    }

    /// Whether all is well.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Sorts by place and drops what was found twice.
    pub fn sort(&mut self) {
        self.0.sort_by_key(|problem| (problem.span(), problem.code()));
        self.0.dedup();
    }

    /// The value when all is well, else the problems in order.
    ///
    /// # Errors
    /// These problems, when there are any.
    pub fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            return Ok(value);
        }
        self.sort();
        Err(self)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.0.extend(problems);
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self(problems.into_iter().collect())
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}: {problem}", problem.code())?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The word nearest to `written`, when it is near enough to be what was meant.
///
/// A swap of neighbours counts as one edit; a third of the letters may be wrong.
#[must_use]
pub fn did_you_mean<'w>(written: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let letters =
        |word: &str| -> Vec<char> { word.chars().flat_map(char::to_lowercase).take(WORD_MAX).collect() };
    let written = letters(written);
    let allowed = (written.len() / 3).clamp(1, 3);
    words
        .into_iter()
        .map(|word| (distance(&written, &letters(word)), word))
        .filter(|(edits, word)| *edits <= allowed && *edits < word.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// Longer words are compared by their beginning, so that a hostile file costs nothing.
const WORD_MAX: usize = 64;

/// Optimal string alignment distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(above.len());
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (cell(&above, j) + usize::from(x != y)).min(cell(&above, j + 1) + 1);
            best = best.min(cell(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(cell(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_when_it_is_near() {
        let words = ["burst", "by", "allow", "remember"];
        let cases = [
            ("burts", Some("burst")),
            ("Burst", Some("burst")),
            ("BURTS", Some("burst")),
            ("alow", Some("allow")),
            ("remeber", Some("remember")),
            ("bi", Some("by")),
            ("x", None),
            ("zzz", None),
            ("destination", None),
        ];
        for (written, expected) in cases {
            assert_eq!(did_you_mean(written, words), expected, "{written}");
        }
    }

    #[test]
    fn problems_are_sorted_by_place_and_told_once() {
        let at = |line: u32| Span::new((line, line), line, 1, line);
        let mut problems = Problems::new();
        problems.push(Problem::new("b", "second").with_span(at(9)));
        problems.push(Problem::new("a", "first").with_span(at(2)));
        problems.push(Problem::new("b", "second").with_span(at(9)));
        let told: Vec<_> = problems
            .or(())
            .unwrap_err()
            .into_iter()
            .map(|p| p.message().to_owned())
            .collect();
        assert_eq!(told, ["first", "second"]);
    }

    #[test]
    fn a_path_becomes_a_place_once() {
        let node = Node::scalar(Span::new((3, 4), 2, 1, 2), "x", true);
        let problem = Problem::at("allow", "no").placed(&node);
        assert_eq!(problem.span().map(|s| s.line()), Some(2));
        let other = Node::scalar(Span::new((9, 9), 5, 1, 5), "x", true);
        assert_eq!(problem.placed(&other).span().map(|s| s.line()), Some(2));
    }

    #[test]
    fn a_place_in_another_file_becomes_words() {
        let problem = Problem::at("keys[0].hash", "no hash").with_span(Span::new((3, 4), 2, 7, 2));
        let told = problem.within(Path::new("keys.yaml")).with_path("keys.file");
        assert_eq!(told.message(), "keys.yaml:2:7: no hash");
        assert_eq!((told.span(), told.path()), (None, Some("keys.file")));
    }
}
