//! A named text with its lines. Whatever the bytes are, there is a text to point into.

use adamant_filter::Span;

/// A file as it was read, once.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    lines: Vec<Line>,
    /// Length of the bytes as read.
    size: usize,
    /// First byte that is not UTF-8, if there is one.
    broken: Option<usize>,
}

/// A line of the text.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Byte at which it begins.
    start: usize,
    /// Every character is one byte, so that columns need no counting: a file that a program wrote may be one
    /// line of a mebibyte.
    is_plain: bool,
}

impl Source {
    /// A text with the name that messages call it by. A byte order mark is dropped; bytes that are not
    /// UTF-8 are replaced and remembered, so that parsing can point at them.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: &[u8]) -> Self {
        let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (text, broken) = match std::str::from_utf8(body) {
            Ok(text) => (text.to_owned(), None),
            Err(error) => (
                String::from_utf8_lossy(body).into_owned(),
                Some(error.valid_up_to()),
            ),
        };
        let mut start = 0;
        let lines = text
            .split('\n')
            .map(|line| {
                let found = Line {
                    start,
                    is_plain: line.is_ascii(),
                };
                start += line.len() + 1;
                found
            })
            .collect();
        Self {
            name: name.into(),
            text,
            lines,
            size: bytes.len(),
            broken,
        }
    }

    /// The name that messages call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text without a byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Number of bytes that were read.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// First byte that is not UTF-8.
    pub(crate) const fn broken(&self) -> Option<usize> {
        self.broken
    }

    /// The byte at `line`, counted from 1, and `column` in characters, counted from 0.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let Some(Line { start, is_plain }) = self.lines.get(line.saturating_sub(1)).copied() else {
            return self.text.len();
        };
        if is_plain {
            return (start + column).min(self.text.len());
        }
        let rest = self.text.get(start..).unwrap_or_default();
        rest.char_indices()
            .nth(column)
            .map_or(self.text.len(), |(at, _)| start + at)
    }

    /// The place of a range of bytes.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let line = self.line_of(start);
        let last_line = self.line_of(end.max(start + 1) - 1);
        let column = self.lines.get(line).map_or(0, |line| {
            let before = self.text.get(line.start..start).unwrap_or_default();
            if line.is_plain {
                before.len()
            } else {
                before.chars().count()
            }
        });
        Span::new(
            (count(start), count(end)),
            count(line + 1),
            count(column + 1),
            count(last_line + 1),
        )
    }

    /// The byte at which a line begins, counted from 1; the end of the text when there are fewer.
    pub(crate) fn line_start(&self, line: u32) -> usize {
        let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        self.lines.get(index).map_or(self.text.len(), |line| line.start)
    }

    fn line_of(&self, byte: usize) -> usize {
        self.lines
            .partition_point(|line| line.start <= byte)
            .saturating_sub(1)
    }
}

/// Texts are bounded at a few MiB long before they are parsed; beyond that the place is not exact.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_one() {
        let source = Source::new("x", "a: 1\nüü: ä b\n".as_bytes());
        let start = source.text().find('b').unwrap();
        let span = source.span(start, start + 1);
        assert_eq!((span.line(), span.column()), (2, 7));
        assert_eq!(source.offset(2, 6), start);
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_bad_bytes_are_remembered() {
        let source = Source::new("x", b"\xef\xbb\xbfa: b\xffc");
        assert_eq!(source.text(), "a: b\u{fffd}c");
        assert_eq!(source.broken(), Some(4));
    }

    #[test]
    fn a_place_beyond_the_end_is_the_end() {
        let source = Source::new("x", b"a");
        assert_eq!(source.offset(9, 9), 1);
        assert_eq!(source.span(1, 1).line(), 1);
    }
}
