//! Problems as text for people, with the line and a caret, and as JSON lines for machines.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use adamant_filter::{Problem, Problems, Span};
use annotate_snippets::{Annotation, AnnotationKind, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::Source;

/// So many problems are shown; nobody reads more at once.
pub const SHOWN_MAX: usize = 50;

/// Whether the text is for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Off,
    /// With the colours of a terminal.
    On,
}

/// Problems in the order of the file, each with its line, a caret and a next step.
#[must_use]
pub fn render(source: &Source, problems: &Problems, color: Color) -> String {
    let renderer = match color {
        Color::Off => Renderer::plain(),
        Color::On => Renderer::styled(),
    };
    let renderer = renderer.term_width(WIDTH);
    let mut text = String::new();
    for problem in in_order(problems).iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "{}\n", draw(source, problem, &renderer));
    }
    let _ = match problems.len() {
        1 => writeln!(text, "1 problem in {}", source.name()),
        all if all > SHOWN_MAX => writeln!(
            text,
            "{all} problems in {}, the first {SHOWN_MAX} shown",
            source.name()
        ),
        all => writeln!(text, "{all} problems in {}", source.name()),
    };
    text
}

/// One JSON object a line: `code`, `message`, `file`, and where known `line`, `column`, `label`, `second`
/// and `help`.
#[must_use]
pub fn json_lines(source: &Source, problems: &Problems) -> String {
    let mut text = String::new();
    for problem in in_order(problems).iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "{}", as_json(source, problem));
    }
    text
}

/// Longer lines are cut around the caret.
const WIDTH: usize = 140;

fn in_order(problems: &Problems) -> Problems {
    let mut problems = problems.clone();
    problems.sort();
    problems
}

fn draw(source: &Source, problem: &Problem, renderer: &Renderer) -> String {
    let title = Level::ERROR.primary_title(problem.message()).id(problem.code());
    let help = problem.help().map(|help| Level::HELP.message(help));
    let Some(span) = problem.span() else {
        return renderer.render(&[title.element(Origin::path(source.name())).elements(help)]);
    };
    let window = Window::around(source, problem, span);
    let primary = AnnotationKind::Primary.span(window.range(span));
    let primary = match problem.label() {
        Some(label) => primary.label(label),
        None => primary,
    };
    let second: Option<Annotation<'_>> = problem
        .second()
        .map(|(span, label)| AnnotationKind::Context.span(window.range(span)).label(label));
    let snippet = Snippet::source(window.text.as_ref())
        .line_start(window.line)
        .path(source.name())
        .annotation(primary)
        .annotations(second);
    renderer.render(&[title.element(snippet).elements(help)])
}

/// The lines that a problem is about; drawing a whole file for each problem would be slow.
struct Window<'s> {
    text: Cow<'s, str>,
    line: usize,
    start: usize,
}

impl<'s> Window<'s> {
    fn around(source: &'s Source, problem: &Problem, span: Span) -> Self {
        let second = problem.second().map_or(span, |(second, _)| second);
        let (first, last) = (span.line().min(second.line()), span.line().max(second.line()));
        let (start, end) = (
            source.line_start(first),
            source.line_start(last.saturating_add(1)),
        );
        let text = source.text().get(start..end).unwrap_or_default();
        let mut window = Self {
            text: Cow::Borrowed(text),
            line: usize::try_from(first).unwrap_or(1),
            start,
        };
        if problem.is_hidden() {
            window.hide(window.range(span));
        }
        window
    }

    /// The part of a place that lies on its first line, in bytes of the window.
    fn range(&self, span: Span) -> Range<usize> {
        let at = |byte: u32| (byte as usize).saturating_sub(self.start).min(self.text.len());
        let (start, end) = (at(span.start()), at(span.end()));
        let line = self.text.get(start..end).unwrap_or_default();
        let length = line.find('\n').unwrap_or(line.len());
        start..start + line.get(..length).unwrap_or_default().trim_end().len()
    }

    /// From the place to the end of the line nothing is shown: a secret may hold spaces and quotes.
    fn hide(&mut self, range: Range<usize>) {
        let mut text = String::with_capacity(self.text.len());
        text.push_str(self.text.get(..range.start).unwrap_or_default());
        text.extend(std::iter::repeat_n('*', range.len()));
        let mut in_line = true;
        for c in self.text.get(range.end..).unwrap_or_default().chars() {
            in_line &= c != '\n';
            text.extend(std::iter::repeat_n(
                if in_line { '*' } else { c },
                if in_line { c.len_utf8() } else { 1 },
            ));
        }
        self.text = Cow::Owned(text);
    }
}

fn as_json(source: &Source, problem: &Problem) -> Value {
    let mut value = json!({ "code": problem.code(), "message": problem.message(), "file": source.name() });
    let mut put = |key: &str, field: Option<Value>| {
        if let (Some(map), Some(field)) = (value.as_object_mut(), field) {
            map.insert(key.to_owned(), field);
        }
    };
    put("line", problem.span().map(|span| span.line().into()));
    put("column", problem.span().map(|span| span.column().into()));
    put("label", problem.label().map(Value::from));
    let second = problem.second();
    put(
        "second",
        second.map(|(at, label)| json!({ "line": at.line(), "column": at.column(), "label": label })),
    );
    put("help", problem.help().map(Value::from));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source::new(
            "gateway.yaml",
            b"routes:\n  - nmae: x\n    key: \"s3cret x\" # why\n",
        )
    }

    fn drawn(problem: Problem) -> String {
        render(&source(), &problem.into(), Color::Off)
    }

    #[test]
    fn a_problem_shows_its_line_with_a_caret_and_a_next_step() {
        let at = source().span(12, 16);
        let text = drawn(
            Problem::new("keys.unknown", "`nmae` is not a key")
                .with_span(at)
                .with_help("write `name`"),
        );
        let expected = "error[keys.unknown]: `nmae` is not a key
 --> gateway.yaml:2:5
  |
2 |   - nmae: x
  |     ^^^^
  |
  = help: write `name`

1 problem in gateway.yaml
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_hidden_value_is_not_shown() {
        let at = source().span(29, 39);
        let text = drawn(Problem::new("values.secret", "no literal").with_span(at).hidden());
        assert!(text.contains("key: ***") && !text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_problem_without_a_place_names_the_file() {
        let text = drawn(Problem::new("yaml.empty", "the file is empty"));
        assert!(
            text.contains("error[yaml.empty]: the file is empty\n--> gateway.yaml\n"),
            "{text}"
        );
    }

    #[test]
    fn machines_get_one_object_a_line() {
        let at = source().span(12, 16);
        let problem = Problem::new("keys.unknown", "no")
            .with_span(at)
            .with_second(source().span(0, 6), "here");
        let line = json_lines(&source(), &problem.into());
        let value: Value = serde_json::from_str(line.trim()).unwrap();
        assert_eq!(
            (value["line"].as_u64(), value["second"]["line"].as_u64()),
            (Some(2), Some(1))
        );
    }

    #[test]
    fn only_the_first_problems_are_shown() {
        let at = |byte| source().span(byte, byte + 1);
        let problems: Problems = (0..80)
            .map(|n| Problem::new("x", format!("number {n}")).with_span(at(n % 10)))
            .collect();
        let text = render(&source(), &problems, Color::Off);
        assert!(text.ends_with("80 problems in gateway.yaml, the first 50 shown\n"));
        assert_eq!(text.matches("error[x]").count(), SHOWN_MAX);
    }
}
