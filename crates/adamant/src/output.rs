//! What commands print: results on standard output, problems on standard error.
//!
//! The only place of the program that prints. A reader that has gone away is no error; a result that could
//! not be written, as on a full disk, is one.

pub(crate) mod yaml;

use std::io::{self, ErrorKind, IsTerminal, Write as _, stderr, stdout};

use adamant_policy::text::{Color, json_lines, render};
use serde::Serialize;

use crate::failure::{Exit, Failure};

/// For whom a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// People.
    #[default]
    Text,
    /// Machines.
    Json,
}

impl Format {
    /// By a flag `--json`.
    pub(crate) const fn json_if(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// The streams of the process.
#[derive(Debug, Default)]
pub(crate) struct Output {
    format: Format,
    /// Why a result did not arrive in full; the first reason.
    lost: Option<io::Error>,
}

impl Output {
    /// From now on for these readers.
    pub(crate) const fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// A result for people.
    pub(crate) fn text(&mut self, text: &str) {
        let mut stream = stdout();
        let written = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
        // Whoever closed the stream wants no more of it.
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.lost.get_or_insert(error);
        }
    }

    /// How the process ends that would have ended so: not well when a result was lost. That is told on
    /// standard error for all readers, since standard output has just failed.
    pub(crate) fn finish(&mut self, exit: Exit) -> Exit {
        let Some(error) = self.lost.take() else {
            return exit;
        };
        self.aside(&format!("error: the result cannot be written: {error}\n"));
        if exit == Exit::Ok { Exit::Machine } else { exit }
    }

    /// A result for machines: one JSON value on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        // Results are maps with text keys, which always have a JSON form.
        let line = serde_json::to_string(value).unwrap_or_default();
        self.text(&format!("{line}\n"));
    }

    /// A result for machines that people read too: one JSON value on many lines.
    pub(crate) fn pretty(&mut self, value: &impl Serialize) {
        // See `json`.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.text(&format!("{text}\n"));
    }

    /// Something to know that is not the result.
    #[expect(clippy::unused_self, reason = "printing belongs to whoever holds the output")]
    pub(crate) fn aside(&mut self, text: &str) {
        // See `text`.
        let _ = stderr().write_all(text.as_bytes());
    }

    /// Why the command did not end well.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        match (failure, self.format) {
            (Failure::Problems { source, problems }, Format::Json) => {
                self.text(&json_lines(source, problems))
            }
            (Failure::Problems { source, problems }, Format::Text) => {
                self.aside(&render(source, problems, color()));
            }
            // Each test was told on a line of its own.
            (Failure::Tests(_), Format::Json) => {}
            (other, Format::Json) => self.json(&serde_json::json!({ "error": other.to_string() })),
            (other, Format::Text) => self.aside(&format!("error: {other}\n")),
        }
    }
}

/// Colours on a terminal, unless <https://no-color.org> asks for none.
fn color() -> Color {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && stderr().is_terminal() {
        Color::On
    } else {
        Color::Off
    }
}

/// Bytes in the largest unit that keeps a few digits.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in units {
        if bytes >= unit {
            let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(unit));
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

/// Rows under a head, with columns of equal width.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        longest.max(head.get(column).map_or(0, |name| name.len()))
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut head.iter().copied());
    rows.iter()
        .for_each(|row| text.push_str(&line(&mut row.iter().map(String::as_str))));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_a_tenth() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1025, "1.1 KiB"),
            (5 << 30, "5.0 GiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".to_owned(), "long".to_owned()],
            vec!["bbbbb".to_owned(), String::new()],
        ];
        assert_eq!(table(&["ONE", "TWO"], &rows), "ONE    TWO\na      long\nbbbbb\n");
    }
}
