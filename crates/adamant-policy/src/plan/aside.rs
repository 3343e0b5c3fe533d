//! A copy of a request body, for steps in shadow that must see it whole.
//!
//! Never holds a body up: it goes on as it comes. What grows longer than a step can hold is shown to it as a piece of
//! a body, which is what it would refuse.

use adamant_filter::Chunk;
use bytes::Bytes;

/// The copy of one exchange, as far as its body has come.
#[derive(Debug, Default)]
pub(super) struct Aside {
    held: Vec<u8>,
    /// Whether it was shown; nothing is held from then on.
    is_shown: bool,
}

/// What there is to show.
#[derive(Debug)]
pub(super) struct View {
    data: Bytes,
    is_whole: bool,
}

impl View {
    /// What a step sees that can hold so many bytes.
    pub(super) fn for_step(&self, at_most: u64) -> Chunk {
        Chunk::new(
            self.data.clone(),
            self.is_whole && self.data.len() as u64 <= at_most,
        )
    }
}

impl Aside {
    /// Makes room for the next exchange, and keeps no memory for it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds a piece. Something to show once the body is whole, or longer than `at_most`.
    pub(super) fn add(&mut self, chunk: &Chunk, at_most: u64) -> Option<View> {
        if self.is_shown {
            return None;
        }
        let is_too_long = (self.held.len() + chunk.data().len()) as u64 > at_most;
        if is_too_long || (chunk.is_last() && self.held.is_empty()) {
            self.is_shown = true;
            self.held = Vec::new();
            return Some(View {
                data: chunk.data().clone(),
                is_whole: !is_too_long,
            });
        }
        self.held.extend_from_slice(chunk.data());
        chunk.is_last().then(|| self.show()).flatten()
    }

    /// What has come, if the body ends here and was not shown yet.
    pub(super) fn show(&mut self) -> Option<View> {
        if self.is_shown {
            return None;
        }
        self.is_shown = true;
        Some(View {
            data: std::mem::take(&mut self.held).into(),
            is_whole: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces, each with whether it is the last.
    type Pieces = [(&'static str, bool)];

    /// What is shown to a step that can hold `own` bytes, where others can hold 8.
    fn shown(pieces: &Pieces, own: u64) -> Vec<(String, bool)> {
        let mut aside = Aside::default();
        let mut views: Vec<View> = Vec::new();
        for (piece, last) in pieces {
            views.extend(aside.add(&Chunk::new(piece.as_bytes().into(), *last), 8));
        }
        views.extend(aside.show());
        let chunks = views.iter().map(|view| view.for_step(own));
        chunks
            .map(|chunk| {
                (
                    String::from_utf8_lossy(chunk.data()).into_owned(),
                    chunk.is_last(),
                )
            })
            .collect()
    }

    #[test]
    fn a_body_is_shown_once_and_whole_or_as_a_piece() {
        let cases: &[(&Pieces, u64, (&str, bool))] = &[
            (&[], 8, ("", true)),
            (&[("abc", true)], 8, ("abc", true)),
            (&[("abc", false), ("de", true)], 8, ("abcde", true)),
            (&[("abc", false), ("de", false)], 8, ("abcde", true)),
            (&[("abc", false), ("", true)], 8, ("abc", true)),
            (&[("abcdefgh", true)], 8, ("abcdefgh", true)),
            (&[("abcdefghi", true)], 8, ("abcdefghi", false)),
            (
                &[("abcdef", false), ("ghi", false), ("j", true)],
                8,
                ("ghi", false),
            ),
            (&[("abc", true)], 2, ("abc", false)),
        ];
        for (pieces, own, (data, last)) in cases {
            assert_eq!(
                shown(pieces, *own),
                [((*data).to_owned(), *last)],
                "{pieces:?} {own}"
            );
        }
    }
}
