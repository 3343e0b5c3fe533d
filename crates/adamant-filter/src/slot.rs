//! Slots: typed facts that one filter writes and later filters read.
//!
//! A slot is reached only through a token that `Boot` handed out, and handing it out is the
//! declaration from which the engine proves that every reader stands behind a writer. Never a string map.

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A fact that travels with an exchange.
pub trait Slot: Any + Send + Sync {
    /// Its word in messages: "needs `consumer`".
    const NAME: &'static str;
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<T> {
            pub(crate) index: usize,
            marker: PhantomData<fn(T)>,
        }

        impl<T> $name<T> {
            pub(crate) const fn at(index: usize) -> Self {
                Self { index, marker: PhantomData }
            }
        }
    };
}

token!(
    /// The right to write a slot.
    Writes
);
token!(
    /// The right to read a slot that an earlier filter certainly wrote.
    Reads
);
token!(
    /// The right to look into a slot that may be empty.
    MayRead
);

/// A machine word of the exchange that belongs to one filter alone: a count, a tick, a flag.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    pub(crate) index: usize,
}

/// Which slots and words an exchange of this plan carries. Filled while filters are built.
#[derive(Debug, Default)]
pub struct Layout {
    slots: Vec<(TypeId, &'static str)>,
    words: usize,
    /// Names of the routes that the file has; `None` where nobody knows.
    routes: Option<Vec<Arc<str>>>,
}

impl Layout {
    /// The position of a slot, added when it is new.
    pub(crate) fn slot<T: Slot>(&mut self) -> usize {
        let id = TypeId::of::<T>();
        if let Some(index) = self.slots.iter().position(|(known, _)| *known == id) {
            return index;
        }
        self.slots.push((id, T::NAME));
        self.slots.len() - 1
    }

    pub(crate) fn word(&mut self) -> usize {
        self.words += 1;
        self.words - 1
    }

    /// The position of a slot, if any filter asked for it.
    #[must_use]
    pub fn find<T: Slot>(&self) -> Option<usize> {
        self.slots
            .iter()
            .position(|(known, _)| *known == TypeId::of::<T>())
    }

    /// The word of the slot at `index`.
    #[must_use]
    pub fn name(&self, index: usize) -> &'static str {
        self.slots.get(index).map_or("?", |(_, name)| name)
    }

    /// Tells which routes the file has.
    pub fn declare_routes(&mut self, names: Vec<Arc<str>>) {
        self.routes = Some(names);
    }

    /// Whether the file has a route of this name, as far as anybody knows.
    pub(crate) fn knows_route(&self, name: &str) -> bool {
        let routes = self.routes.as_ref();
        routes.is_none_or(|routes| routes.iter().any(|route| **route == *name))
    }

    /// Number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Number of words.
    #[must_use]
    pub fn words(&self) -> usize {
        self.words
    }
}

/// The facts of one exchange. Its memory is reused by the next exchange on the same thread.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    slots: Vec<Option<Arc<dyn Any + Send + Sync>>>,
    /// Atomic so that moments which only look at a request can still write the words of their filter; no
    /// two hooks of one exchange run at the same time.
    words: Vec<AtomicU64>,
}

impl Facts {
    /// Empties all facts and makes room for a plan's layout; allocates only when the room grows.
    pub(crate) fn reset(&mut self, slots: usize, words: usize) {
        self.slots.clear();
        self.slots.resize(slots, None);
        self.words.clear();
        self.words.resize_with(words, AtomicU64::default);
    }

    pub(crate) fn put<T: Slot>(&mut self, index: usize, value: Arc<T>) {
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(value);
        }
    }

    /// All words.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        self.words.iter().map(|word| word.load(Ordering::Relaxed))
    }

    /// Sets the first words.
    pub(crate) fn set_words(&self, values: &[u64]) {
        for (word, value) in self.words.iter().zip(values) {
            word.store(*value, Ordering::Relaxed);
        }
    }

    /// What stands in a slot, whatever its type.
    pub(crate) fn raw(&self, index: usize) -> Option<Arc<dyn Any + Send + Sync>> {
        self.slots.get(index)?.clone()
    }

    /// Puts back what [`Facts::raw`] gave.
    pub(crate) fn put_raw(&mut self, index: usize, value: Option<Arc<dyn Any + Send + Sync>>) {
        if let Some(place) = self.slots.get_mut(index) {
            *place = value;
        }
    }

    pub(crate) fn get<T: Slot>(&self, index: usize) -> Option<&T> {
        self.slots.get(index)?.as_deref()?.downcast_ref()
    }

    pub(crate) fn word(&self, word: Word) -> u64 {
        self.words
            .get(word.index)
            .map_or(0, |place| place.load(Ordering::Relaxed))
    }

    pub(crate) fn set_word(&self, word: Word, value: u64) {
        if let Some(place) = self.words.get(word.index) {
            place.store(value, Ordering::Relaxed);
        }
    }
}

#[cfg(feature = "engine")]
impl Facts {
    /// The same facts in other memory; values are shared, not copied.
    pub(crate) fn shadow_copy(&self) -> Self {
        let words = self
            .words
            .iter()
            .map(|word| word.load(Ordering::Relaxed).into())
            .collect();
        Self {
            slots: self.slots.clone(),
            words,
        }
    }

    /// Takes over the words of a copy. Slots stay as they are.
    pub(crate) fn take_words(&self, copy: &Self) {
        for (word, copied) in self.words.iter().zip(&copy.words) {
            word.store(copied.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
