//! What was changed while a group of steps was asked, so that a branch which refused leaves nothing behind.
//!
//! It only remembers what was there before, newest last; whoever owns the request puts it back. Off, it costs one look
//! for each change.

use std::any::Any;
use std::sync::Arc;

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// What was there before a change.
#[derive(Debug)]
pub(crate) enum Before {
    /// A value of a field, to be added again.
    Value(HeaderName, HeaderValue),
    /// The field is to be taken away first.
    Field(HeaderName),
    /// The target.
    Target(Uri),
    /// What stood in a slot.
    Slot(usize, Option<Arc<dyn Any + Send + Sync>>),
}

/// A place to which a request can go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    entries: usize,
    words: usize,
}

/// Changes since it was switched on. Its memory is kept from exchange to exchange.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Before>,
    /// All words of the exchange, for each mark.
    words: Vec<u64>,
    is_on: bool,
}

impl Journal {
    /// Switches it on. Tells the place to which a branch can go back.
    pub(crate) fn mark(&mut self, words: impl Iterator<Item = u64>) -> Mark {
        self.is_on = true;
        let mark = Mark {
            entries: self.entries.len(),
            words: self.words.len(),
        };
        self.words.extend(words);
        mark
    }

    /// The words as they were at a mark.
    pub(crate) fn words(&self, mark: Mark) -> &[u64] {
        self.words.get(mark.words..).unwrap_or_default()
    }

    /// Forgets everything, and switches it off.
    pub(crate) fn end(&mut self) {
        self.is_on = false;
        self.entries.clear();
        self.words.clear();
    }

    /// The newest change behind a place.
    pub(crate) fn pop(&mut self, mark: Mark) -> Option<Before> {
        if self.entries.len() > mark.entries {
            self.entries.pop()
        } else {
            None
        }
    }

    /// A field is about to change.
    pub(crate) fn field(&mut self, headers: &HeaderMap, name: &HeaderName) {
        if !self.is_on {
            return;
        }
        let first = self.entries.len();
        let values = headers.get_all(name).iter();
        self.entries
            .extend(values.map(|value| Before::Value(name.clone(), value.clone())));
        // They are put back from the end.
        if let Some(values) = self.entries.get_mut(first..) {
            values.reverse();
        }
        self.entries.push(Before::Field(name.clone()));
    }

    /// Whether this field has been changed.
    pub(crate) fn has_field(&self, name: &HeaderName) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| matches!(entry, Before::Field(field) if field == name))
    }

    /// The target is about to change.
    pub(crate) fn target(&mut self, target: &Uri) {
        if self.is_on {
            self.entries.push(Before::Target(target.clone()));
        }
    }

    /// A slot is about to change.
    pub(crate) fn slot(&mut self, index: usize, value: impl FnOnce() -> Option<Arc<dyn Any + Send + Sync>>) {
        if self.is_on {
            self.entries.push(Before::Slot(index, value()));
        }
    }
}
