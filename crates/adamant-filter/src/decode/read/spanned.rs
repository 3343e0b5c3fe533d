//! How [`Spanned`] asks serde for the place of a value: as a struct of a name that only our deserializer
//! knows.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::{KeyReader, ReadError, Reader};
use crate::decode::Spanned;
use crate::node::{Entry, Node, Span};

/// The struct name by which [`Spanned`] asks for a place.
pub(super) const SPANNED: &str = "$adamant::Spanned";
const FIELDS: &[&str] = &["span", "value"];

/// What [`Spanned`] is told about a value: its place, then the value.
pub(super) struct SpannedParts<'n> {
    node: &'n Node,
    next: usize,
}

impl<'n> SpannedParts<'n> {
    pub(super) const fn new(node: &'n Node) -> Self {
        Self { node, next: 0 }
    }
}

impl<'n> MapAccess<'n> for SpannedParts<'n> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'n>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        part_key(&mut self.next, seed)
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        if self.next == 1 {
            return seed.deserialize(numbers(self.node.head()));
        }
        seed.deserialize(Reader(self.node))
    }
}

/// The same for a key.
pub(super) struct SpannedKey<'n> {
    entry: &'n Entry,
    next: usize,
}

impl<'n> SpannedKey<'n> {
    pub(super) const fn new(entry: &'n Entry) -> Self {
        Self { entry, next: 0 }
    }
}

impl<'n> MapAccess<'n> for SpannedKey<'n> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'n>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        part_key(&mut self.next, seed)
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        if self.next == 1 {
            return seed.deserialize(numbers(self.entry.key_span));
        }
        seed.deserialize(KeyReader(self.entry))
    }
}

fn part_key<'n, K: DeserializeSeed<'n>>(next: &mut usize, seed: K) -> Result<Option<K::Value>, ReadError> {
    let Some(field) = FIELDS.get(*next) else {
        return Ok(None);
    };
    *next += 1;
    seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some)
}

type Numbers = SeqDeserializer<std::array::IntoIter<u32, 5>, ReadError>;

fn numbers(span: Span) -> Numbers {
    SeqDeserializer::new(span.numbers().into_iter())
}

impl<'n, T: de::Deserialize<'n>> de::Deserialize<'n> for Spanned<T> {
    fn deserialize<D: Deserializer<'n>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(SPANNED, FIELDS, SpannedVisitor(PhantomData))
    }
}

struct SpannedVisitor<T>(PhantomData<T>);

impl<'n, T: de::Deserialize<'n>> Visitor<'n> for SpannedVisitor<T> {
    type Value = Spanned<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a file")
    }

    fn visit_map<A: MapAccess<'n>>(self, mut map: A) -> Result<Spanned<T>, A::Error> {
        let mut span = Span::NOWHERE;
        while let Some(field) = map.next_key::<&str>()? {
            if field == "value" {
                return Ok(Spanned {
                    value: map.next_value()?,
                    span,
                });
            }
            span = Span::from_numbers(map.next_value()?);
        }
        Err(de::Error::missing_field("value"))
    }
}
