//! The file as a tree of values that know where they stand.
//!
//! Knows nothing of YAML (the policy crate parses) and nothing of types (`decode` reads): a scalar is
//! text until a type asks for it.

use std::sync::Arc;

use serde_json::Value;

/// A place in the file: bytes for drawing, line and column for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    start: u32,
    end: u32,
    line: u32,
    column: u32,
    last_line: u32,
}

impl Span {
    /// Of a value that stands in no file, such as one made from JSON.
    pub const NOWHERE: Self = Self {
        start: 0,
        end: 0,
        line: 0,
        column: 0,
        last_line: 0,
    };

    /// Bytes `start..end`; `line` and `column` (in characters) of the first, counted from 1, and the line
    /// of the last.
    #[must_use]
    pub const fn new(bytes: (u32, u32), line: u32, column: u32, last_line: u32) -> Self {
        Self {
            start: bytes.0,
            end: bytes.1,
            line,
            column,
            last_line,
        }
    }

    /// First byte.
    #[must_use]
    pub const fn start(&self) -> u32 {
        self.start
    }

    /// The byte after the last.
    #[must_use]
    pub const fn end(&self) -> u32 {
        self.end
    }

    /// Line of the first byte, from 1; 0 when it stands nowhere.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// Column of the first byte in characters, from 1; 0 when it stands nowhere.
    #[must_use]
    pub const fn column(&self) -> u32 {
        self.column
    }

    /// Whether it reaches over more than one line.
    #[must_use]
    pub const fn is_long(&self) -> bool {
        self.last_line > self.line
    }

    /// Whether it stands in no file.
    #[must_use]
    pub const fn is_nowhere(&self) -> bool {
        self.line == 0
    }

    /// From the first byte of `self` to the last of `other`.
    #[must_use]
    pub const fn to(&self, other: Self) -> Self {
        Self {
            end: other.end,
            last_line: other.last_line,
            ..*self
        }
    }

    pub(crate) const fn numbers(self) -> [u32; 5] {
        [self.start, self.end, self.line, self.column, self.last_line]
    }

    pub(crate) const fn from_numbers(numbers: [u32; 5]) -> Self {
        let [start, end, line, column, last_line] = numbers;
        Self {
            start,
            end,
            line,
            column,
            last_line,
        }
    }
}

/// A value of the file with its place. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Node {
    span: Span,
    content: Content,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// Text. `plain` when written without quotes, so that it may also be read as number, truth or null.
    Scalar {
        /// The text, without quotes.
        text: Arc<str>,
        /// Written without quotes.
        plain: bool,
    },
    /// A list.
    Sequence(Arc<[Node]>),
    /// Keys with values in file order; no key twice.
    Mapping(Arc<[Entry]>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// Place of the key.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A node from its parts.
    #[must_use]
    pub const fn new(span: Span, content: Content) -> Self {
        Self { span, content }
    }

    /// A scalar.
    #[must_use]
    pub fn scalar(span: Span, text: &str, plain: bool) -> Self {
        Self {
            span,
            content: Content::Scalar {
                text: text.into(),
                plain,
            },
        }
    }

    /// A tree that stands nowhere. Strings become quoted scalars, everything else plain ones.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        let content = match value {
            Value::String(text) => Content::Scalar {
                text: text.as_str().into(),
                plain: false,
            },
            Value::Array(items) => Content::Sequence(items.iter().map(Self::from_json).collect()),
            Value::Object(map) => Content::Mapping(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.as_str().into(),
                        key_span: Span::NOWHERE,
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => Content::Scalar {
                text: value.to_string().into(),
                plain: true,
            },
        };
        Self {
            span: Span::NOWHERE,
            content,
        }
    }

    /// Its whole place.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The part of its place that is worth pointing at: all of it on one line, else its first key or item.
    #[must_use]
    pub fn head(&self) -> Span {
        if !self.span.is_long() {
            return self.span;
        }
        match &self.content {
            Content::Scalar { .. } => self.span,
            Content::Sequence(items) => items.first().map_or(self.span, Self::head),
            Content::Mapping(entries) => entries.first().map_or(self.span, |entry| entry.key_span),
        }
    }

    /// What it holds.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Its text when it is a scalar.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// Its items when it is a list.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Self]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            Content::Scalar { .. } | Content::Mapping(_) => None,
        }
    }

    /// Its entries when it is a mapping.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            Content::Scalar { .. } | Content::Sequence(_) => None,
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_mapping()?.iter().find(|entry| &*entry.key == key)
    }

    /// Whether nothing was written: `key:` with no value after it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, plain: true } if text.is_empty())
    }

    /// The place that a path such as `request.remove[1]` leads to, or that of the last part of the path
    /// which exists.
    #[must_use]
    pub fn place(&self, path: &str) -> Span {
        let mut node = self;
        let mut span = self.head();
        for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
            let next = match part.strip_suffix(']') {
                Some(index) => index.parse().ok().and_then(|i: usize| node.as_sequence()?.get(i)),
                None => node.get(part),
            };
            let Some(next) = next else { break };
            // A long value is found by its key.
            span = match node.entry(part) {
                Some(entry) if next.span.is_long() => entry.key_span,
                _ => next.head(),
            };
            node = next;
        }
        span
    }

    /// What it is, for messages: `a list`, `a mapping`, `a text`, `a number`, …
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
            Content::Scalar { plain: false, .. } => "a text",
            Content::Scalar { text, .. } => match Plain::of(text) {
                Plain::Null => "nothing",
                Plain::Bool(_) => "true or false",
                Plain::Unsigned(_) | Plain::Signed(_) | Plain::Float(_) => "a number",
                Plain::Text => "a text",
            },
        }
    }
}

/// What a scalar without quotes may mean to a type that takes anything (core schema of YAML 1.2, decimal
/// numbers only).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Plain {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text,
}

impl Plain {
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" => return Self::Null,
            "true" => return Self::Bool(true),
            "false" => return Self::Bool(false),
            _ => {}
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        // `010` is eight to one reader and ten to another.
        let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        if leading_zero || !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return Self::Text;
        }
        if let Ok(number) = text.parse() {
            return Self::Unsigned(number);
        }
        if let Ok(number) = text.parse() {
            return Self::Signed(number);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Self::Float(number),
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_says() {
        let cases = [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("true", Plain::Bool(true)),
            ("yes", Plain::Text),
            ("no", Plain::Text),
            ("0", Plain::Unsigned(0)),
            ("17", Plain::Unsigned(17)),
            ("-17", Plain::Signed(-17)),
            ("1.5", Plain::Float(1.5)),
            ("010", Plain::Text),
            ("0x1f", Plain::Text),
            ("1_000", Plain::Text),
            (".inf", Plain::Text),
            ("inf", Plain::Text),
            ("1e400", Plain::Text),
            ("10s", Plain::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(Plain::of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_path_leads_to_a_value_or_as_near_as_it_gets() {
        let at = |line| Span::new((0, 1), line, 1, line);
        let item = Node::scalar(at(7), "x", true);
        let list = Node::new(at(6), Content::Sequence([item].into()));
        let entry = Entry {
            key: "remove".into(),
            key_span: at(5),
            value: list,
        };
        let root = Node::new(at(4), Content::Mapping([entry].into()));
        assert_eq!(root.place("remove[0]").line(), 7);
        assert_eq!(root.place("remove[3]").line(), 6);
        assert_eq!(root.place("add").line(), 4);
        assert_eq!(root.place("remove").line(), 6);
    }

    #[test]
    fn a_tree_from_json_keeps_text_apart_from_numbers() {
        let node = Node::from_json(&json!({"a": ["1", 1]}));
        let items = node.get("a").and_then(Node::as_sequence).unwrap();
        assert_eq!((items[0].kind(), items[1].kind()), ("a text", "a number"));
        assert!(node.span().is_nowhere());
    }
}
