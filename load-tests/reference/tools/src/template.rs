//! Requests made from a template and a table of values, in rotation.
//!
//! It does not know HTTP: what it sends is what the template says.

use std::fs;
use std::io;
use std::path::Path;

/// A request with holes, and what goes into them.
#[derive(Debug)]
pub struct Template {
    pieces: Vec<Piece>,
    table: String,
    rows: Vec<Row>,
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(Vec<u8>),
    Hole(usize),
}

/// Where a line stands in the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: usize,
    end: usize,
}

impl Template {
    /// Reads a request whose holes are `{1}`, `{2}`, ..., and the table whose lines hold their values,
    /// separated by tabs.
    pub fn read(request: &Path, values: Option<&Path>) -> io::Result<Self> {
        let text = fs::read(request)?;
        let table = values.map(fs::read_to_string).transpose()?.unwrap_or_default();
        let template = Self::new(&text, table);
        if template.has_holes() && template.rows.is_empty() {
            return Err(io::Error::other("the request has holes and there are no values"));
        }
        Ok(template)
    }

    fn new(text: &[u8], table: String) -> Self {
        let mut rows = Vec::new();
        let mut start = 0;
        for line in table.split_inclusive('\n') {
            rows.push(Row {
                start,
                end: start + line.trim_end().len(),
            });
            start += line.len();
        }
        Self {
            pieces: pieces(text),
            table,
            rows,
        }
    }

    fn has_holes(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Hole(_)))
    }

    /// Puts request number `turn` into `out`, after clearing it.
    pub fn fill(&self, turn: u64, out: &mut Vec<u8>) {
        out.clear();
        let row = self.row(turn);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Hole(column) => {
                    out.extend_from_slice(row.split('\t').nth(*column).unwrap_or_default().as_bytes());
                }
            }
        }
    }

    fn row(&self, turn: u64) -> &str {
        let count = self.rows.len().max(1) as u64;
        let row = self.rows.get((turn % count) as usize);
        row.and_then(|row| self.table.get(row.start..row.end))
            .unwrap_or_default()
    }
}

/// Text and holes in their order; a brace that opens no hole is text.
fn pieces(text: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut run = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        if let [b'{', digit @ b'1'..=b'9', b'}', next @ ..] = rest {
            pieces.push(Piece::Text(std::mem::take(&mut run)));
            pieces.push(Piece::Hole(usize::from(digit - b'1')));
            rest = next;
        } else {
            run.push(*first);
            rest = after;
        }
    }
    pieces.push(Piece::Text(run));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &Template, turn: u64) -> String {
        let mut out = b"left over".to_vec();
        template.fill(turn, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn holes_take_the_columns_of_the_row_in_rotation() {
        let template = Template::new(b"A {2} {1}!", "one\ttwo\nthree\tfour\n".to_string());
        assert_eq!(filled(&template, 0), "A two one!");
        assert_eq!(filled(&template, 1), "A four three!");
        assert_eq!(filled(&template, 2), "A two one!");
    }

    #[test]
    fn braces_that_are_no_hole_stay() {
        let template = Template::new(b"{\"id\":1} {0} {x}", String::new());
        assert_eq!(filled(&template, 7), "{\"id\":1} {0} {x}");
    }
}
