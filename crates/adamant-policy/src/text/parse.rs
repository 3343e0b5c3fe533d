//! YAML events to a tree with places, for that part of YAML in which what is written is what is read.
//!
//! Anchors, aliases, merge keys, tags, directives, several documents, tabs, duplicate keys and hidden
//! characters are refused: each lets two readers of one file see different things.

use std::collections::HashMap;
use std::sync::Arc;

use adamant_filter::{Content, Entry, Node, Problem, Problems, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::source::{Source, count};

/// Largest file.
pub(crate) const BYTES_MAX: usize = 4 << 20;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;
/// Problems after which nothing further is sought.
const PROBLEMS_MAX: usize = 200;

/// What became of a text.
#[derive(Debug)]
pub struct Parsed {
    /// The tree, unless too much of it is missing to be looked at further.
    pub node: Option<Node>,
    /// What is wrong with the text as YAML.
    pub problems: Problems,
}

/// Reads a text as one YAML document.
#[must_use]
pub fn parse(source: &Source) -> Parsed {
    let problems = check_characters(source);
    if !problems.is_empty() {
        return Parsed { node: None, problems };
    }
    let mut builder = Builder {
        source,
        problems,
        open: Vec::new(),
        root: None,
        is_whole: true,
    };
    for event in Parser::new_from_str(source.text()) {
        let went_on = match event {
            Ok((event, place)) => builder.take(event, place),
            Err(error) => builder.fail(&error),
        };
        if !went_on || builder.problems.len() >= PROBLEMS_MAX {
            builder.is_whole = false;
            break;
        }
    }
    builder.finish()
}

/// What must not be in the text at all.
fn check_characters(source: &Source) -> Problems {
    let mut problems = Problems::new();
    if source.size() > BYTES_MAX {
        let message = format!("the file has {} bytes and may have {BYTES_MAX}", source.size());
        return Problem::new("yaml.size", message).into();
    }
    if let Some(at) = source.broken() {
        let problem =
            Problem::new("yaml.encoding", "the file is not UTF-8").with_span(source.span(at, at + 1));
        return problem.with_help("save it as UTF-8").into();
    }
    let text = source.text();
    let (mut at_start, mut after_tab) = (true, false);
    for (at, c) in text.char_indices() {
        let problem = match c {
            // One tab tells of all in its line.
            '\t' if after_tab => continue,
            '\t' => Problem::new("yaml.tab", "a tab is not allowed").with_help("write spaces"),
            '%' if at_start => Problem::new("yaml.directive", "directives are not allowed"),
            '\r' if text.as_bytes().get(at + 1) == Some(&b'\n') => continue,
            c if is_hidden(c) => hidden(c),
            c => {
                at_start = c == '\n';
                after_tab &= !at_start;
                continue;
            }
        };
        at_start = false;
        after_tab |= c == '\t';
        problems.push(problem.with_span(source.span(at, at + c.len_utf8())));
        if problems.len() >= PROBLEMS_MAX {
            break;
        }
    }
    problems
}

fn hidden(c: char) -> Problem {
    let message = format!("the character U+{:04X} is not allowed", u32::from(c));
    let help = "it cannot be seen; in a text in double quotes write it as an escape such as `\\u200E`";
    Problem::new("yaml.character", message).with_help(help)
}

/// Controls, other line ends, and characters that make a text look different from what it is.
fn is_hidden(c: char) -> bool {
    let control = c.is_control() && c != '\n';
    control
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A list or mapping that is not finished.
struct Open {
    start: Span,
    end: Span,
    inside: Inside,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        keys: Keys,
        key: Option<(Option<Arc<str>>, Span)>,
    },
}

/// The keys of a mapping by name. Most mappings have so few that looking through them is faster.
#[derive(Default)]
struct Keys {
    places: HashMap<Arc<str>, Span>,
    written: usize,
}

impl Keys {
    const FEW: usize = 16;

    /// Where this key was written before.
    fn first(&mut self, name: &str, entries: &[Entry]) -> Option<Span> {
        if self.written <= Self::FEW {
            return entries
                .iter()
                .find(|entry| &*entry.key == name)
                .map(|entry| entry.key_span);
        }
        if self.places.is_empty() {
            self.places = entries
                .iter()
                .map(|entry| (Arc::clone(&entry.key), entry.key_span))
                .collect();
        }
        self.places.get(name).copied()
    }

    fn insert(&mut self, name: &Arc<str>, span: Span) {
        self.written += 1;
        if !self.places.is_empty() {
            self.places.insert(Arc::clone(name), span);
        }
    }
}

struct Builder<'s> {
    source: &'s Source,
    problems: Problems,
    open: Vec<Open>,
    root: Option<Node>,
    is_whole: bool,
}

impl Builder<'_> {
    /// Takes one event; `false` when nothing further can be made of the text.
    fn take(&mut self, event: Event<'_>, place: saphyr_parser::Span) -> bool {
        let span = self.place(place);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                if self.root.is_some() {
                    let problem = Problem::new("yaml.documents", "a second document begins here");
                    self.problems
                        .push(problem.with_span(span).with_help("one file holds one document"));
                    return false;
                }
            }
            Event::Alias(_) => {
                self.refuse_alias(span);
                self.put(Node::scalar(span, "", true));
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), span);
                let plain = style == ScalarStyle::Plain;
                self.put(Node::scalar(self.trim(span, style), &text, plain));
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), span);
                return self.begin(Inside::Sequence(Vec::new()), span);
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), span);
                let inside = Inside::Mapping {
                    entries: Vec::new(),
                    keys: Keys::default(),
                    key: None,
                };
                return self.begin(inside, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
        }
        true
    }

    fn place(&self, place: saphyr_parser::Span) -> Span {
        let (from, to) = (place.start, place.end);
        let start = self.source.offset(from.line(), from.col());
        let end = if to == from {
            start
        } else {
            self.source.offset(to.line(), to.col()).max(start)
        };
        // What ends before the first column ends with the line before.
        let last = if to.col() == 0 {
            to.line().saturating_sub(1)
        } else {
            to.line()
        };
        let line = count(from.line());
        Span::new(
            (count(start), count(end)),
            line,
            count(from.col() + 1),
            count(last).max(line),
        )
    }

    /// Scalars reach to the next token when the parser looks ahead; people expect them to end with their text.
    fn trim(&self, span: Span, style: ScalarStyle) -> Span {
        let (start, end) = (span.start() as usize, span.end() as usize);
        let text = self.source.text().get(start..end).unwrap_or_default();
        let length = match style {
            ScalarStyle::Plain => text.trim_end().len(),
            ScalarStyle::SingleQuoted => quoted_length(text, '\''),
            ScalarStyle::DoubleQuoted => quoted_length(text, '"'),
            ScalarStyle::Literal | ScalarStyle::Folded => text.lines().next().unwrap_or_default().len(),
        };
        let lines = if span.is_long() {
            text.get(..length).unwrap_or_default().matches('\n').count()
        } else {
            0
        };
        let bytes = (span.start(), count(start + length));
        Span::new(bytes, span.line(), span.column(), span.line() + count(lines))
    }

    fn refuse_alias(&mut self, span: Span) {
        self.is_whole = false;
        let problem = Problem::new("yaml.anchor", "aliases are not allowed").with_span(span);
        self.problems
            .push(problem.with_help("name a list of filters under `policies` and write `use`"));
    }

    fn refuse_marks(&mut self, anchor: usize, is_tagged: bool, span: Span) {
        if anchor > 0 {
            let problem =
                Problem::new("yaml.anchor", "anchors are not allowed").with_span(self.mark('&', span));
            self.problems
                .push(problem.with_help("name a list of filters under `policies` and write `use`"));
        }
        if is_tagged {
            let problem = Problem::new("yaml.tag", "tags are not allowed").with_span(self.mark('!', span));
            self.problems
                .push(problem.with_help("the language knows the type of every value"));
        }
    }

    /// The word beginning with `sign` that stands before a value.
    fn mark(&self, sign: char, value: Span) -> Span {
        let text = self.source.text();
        let from = self.source.line_start(value.line().saturating_sub(1).max(1));
        let before = text.get(from..value.start() as usize + 1).unwrap_or_default();
        let Some(at) = before.rfind(sign) else {
            return value;
        };
        let word = text.get(from + at..).unwrap_or_default();
        let length = word.find(char::is_whitespace).unwrap_or(word.len());
        self.source.span(from + at, from + at + length)
    }

    fn begin(&mut self, inside: Inside, span: Span) -> bool {
        if self.open.len() >= DEPTH_MAX {
            let problem = Problem::new(
                "yaml.depth",
                format!("this is nested more than {DEPTH_MAX} levels deep"),
            );
            self.problems.push(problem.with_span(span));
            return false;
        }
        self.open.push(Open {
            start: span,
            end: span,
            inside,
        });
        true
    }

    fn end(&mut self, span: Span) {
        let Some(open) = self.open.pop() else { return };
        // Only a closing bracket has a length of its own.
        let end = if span.end() > span.start() { span } else { open.end };
        let content = match open.inside {
            Inside::Sequence(items) => Content::Sequence(items.into()),
            Inside::Mapping { entries, .. } => Content::Mapping(entries.into()),
        };
        self.put(Node::new(open.start.to(end), content));
    }

    fn put(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.end = node.span();
        match &mut open.inside {
            Inside::Sequence(items) => items.push(node),
            Inside::Mapping { entries, keys, key } => match key.take() {
                None => *key = Some((self.problems.take(key_of(&node)), node.head())),
                Some((None, _)) => {}
                Some((Some(name), key_span)) => match keys.first(&name, entries) {
                    Some(first) => self.problems.push(twice(&name, key_span, first)),
                    None => {
                        keys.insert(&name, key_span);
                        // A value that is not there is pointed at by its key.
                        let value = if node.is_empty() {
                            Node::scalar(key_span, "", true)
                        } else {
                            node
                        };
                        entries.push(Entry {
                            key: name,
                            key_span,
                            value,
                        });
                    }
                },
            },
        }
    }

    fn fail(&mut self, error: &ScanError) -> bool {
        let at = self.source.offset(error.marker().line(), error.marker().col());
        let end = self
            .source
            .text()
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, |c| match c {
                '\n' | '\r' => 0,
                c => c.len_utf8(),
            });
        let span = self.source.span(at, at + end);
        if error.info().contains("unknown anchor") {
            self.refuse_alias(span);
            return false;
        }
        let problem = match error.info() {
            info if info.contains("recursion limit") => Problem::new(
                "yaml.depth",
                format!("this is nested more than {DEPTH_MAX} levels deep"),
            ),
            info => {
                let problem = Problem::new("yaml.syntax", format!("this is not YAML: {info}"));
                let here = self.source.text().get(at..).unwrap_or_default();
                match here.starts_with(['{', '}', '[', ']']) {
                    true => {
                        problem.with_help("inside braces or brackets, a text with braces stands in quotes")
                    }
                    false => problem,
                }
            }
        };
        self.problems.push(problem.with_span(span));
        false
    }

    fn finish(mut self) -> Parsed {
        if self.root.as_ref().is_none_or(Node::is_empty) && self.problems.is_empty() {
            let problem = Problem::new("yaml.empty", "the file is empty");
            self.problems
                .push(problem.with_help("begin with `adamant: 1`, `listeners` and `routes`"));
        }
        self.problems.sort();
        let node = self.root.filter(|node| self.is_whole && !node.is_empty());
        Parsed {
            node,
            problems: self.problems,
        }
    }
}

/// Length of a quoted text with its quotes.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut inside = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        match c {
            '\\' if quote == '"' => {
                inside.next();
            }
            '\'' if quote == '\'' && inside.peek().is_some_and(|(_, next)| *next == '\'') => {
                inside.next();
            }
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn key_of(node: &Node) -> Result<Arc<str>, Problem> {
    let wrong = |message: &str| Problem::new("yaml.key", message).with_span(node.head());
    match node.content() {
        Content::Scalar { text, plain: true } if &**text == "<<" => {
            let help = "name a list of filters under `policies` and write `use`";
            Err(Problem::new("yaml.merge", "merge keys are not allowed")
                .with_span(node.span())
                .with_help(help))
        }
        Content::Scalar { text, .. } if text.is_empty() => Err(wrong("a key must not be empty")),
        Content::Scalar { text, .. } => Ok(Arc::clone(text)),
        Content::Sequence(_) | Content::Mapping(_) => Err(wrong("a key must be a text")),
    }
}

fn twice(name: &str, span: Span, first: Span) -> Problem {
    Problem::new("keys.duplicate", format!("the key `{name}` is written twice"))
        .with_span(span)
        .with_second(first, "first written here")
}

#[cfg(test)]
mod tests;
