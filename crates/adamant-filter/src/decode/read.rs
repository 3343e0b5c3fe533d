//! The second pass: a serde deserializer over the tree.
//!
//! A type that asks for a text gets the text, whatever it looks like; only a type that takes anything
//! gets a guess by the core schema of YAML 1.2.

mod spanned;

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::shape::SHAPE;
use crate::node::{Content, Entry, Node, Plain, Span};
use crate::problem::{Problem, did_you_mean};
use spanned::{SPANNED, SpannedKey, SpannedParts};

/// Reads a `T` and stops at the first problem. Callers inspect the tree first, for all problems of form.
///
/// # Errors
/// The first problem, with its place.
pub fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Problem> {
    T::deserialize(Reader(node)).map_err(|ReadError(problem)| problem.placed(node))
}

/// A problem on its way through serde.
#[derive(Debug)]
pub(super) struct ReadError(Problem);

impl ReadError {
    fn new(code: &'static str, message: String) -> Self {
        Self(Problem::new(code, message))
    }

    /// Gives it a place unless it has one.
    fn or_at(self, span: Span) -> Self {
        Self(if self.0.span().is_some() {
            self.0
        } else {
            self.0.with_span(span)
        })
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("values.invalid", message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let guess = did_you_mean(field, expected.iter().copied());
        let guess = guess
            .map(|word| format!("; did you mean `{word}`?"))
            .unwrap_or_default();
        Self::new("keys.unknown", format!("`{field}` is not a key here{guess}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("keys.missing", format!("the key `{field}` is missing"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let guess = did_you_mean(variant, expected.iter().copied());
        let guess = guess
            .map(|word| format!("; did you mean `{word}`?"))
            .unwrap_or_default();
        Self::new(
            "values.choice",
            format!("`{variant}` is not one of the choices{guess}"),
        )
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new("values.type", format!("expected {expected}"))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new("values.range", format!("expected {expected}"))
    }
}

/// A node as serde sees it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'n>(&'n Node);

impl<'n> Reader<'n> {
    fn wrong(self, expected: &str) -> ReadError {
        let message = format!("expected {expected}, found {}", self.0.kind());
        ReadError::new("values.type", message).or_at(self.0.head())
    }

    fn text(self) -> Result<&'n str, ReadError> {
        match self.0.as_text() {
            Some(_) if self.0.is_empty() => Err(self.wrong("a text")),
            Some(text) => Ok(text),
            None => Err(self.wrong("a text")),
        }
    }

    fn plain(self) -> Option<Plain> {
        match self.0.content() {
            Content::Scalar { text, plain: true } => Some(Plain::of(text)),
            Content::Scalar { .. } | Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    fn placed<T>(self, result: Result<T, ReadError>) -> Result<T, ReadError> {
        result.map_err(|error| error.or_at(self.0.head()))
    }

    fn any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match (self.0.content(), self.plain()) {
            (Content::Sequence(items), _) => visitor.visit_seq(Items(items.iter())),
            (Content::Mapping(entries), _) => visitor.visit_map(Entries::new(entries)),
            (_, Some(Plain::Null)) => visitor.visit_unit(),
            (_, Some(Plain::Bool(value))) => visitor.visit_bool(value),
            (_, Some(Plain::Unsigned(value))) => visitor.visit_u64(value),
            (_, Some(Plain::Signed(value))) => visitor.visit_i64(value),
            (_, Some(Plain::Float(value))) => visitor.visit_f64(value),
            (Content::Scalar { text, .. }, _) => visitor.visit_borrowed_str(text),
        }
    }

    fn map<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let entries = self.0.as_mapping().ok_or_else(|| self.wrong("a mapping"))?;
        self.placed(visitor.visit_map(Entries::new(entries)))
    }
}

impl<'n> Deserializer<'n> for Reader<'n> {
    type Error = ReadError;

    // Numbers and truths have one reading only, so what takes anything serves them too.
    forward_to_deserialize_any! {
        <V: Visitor<'n>>
        bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64
    }

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.placed(self.any(visitor))
    }

    fn deserialize_str<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.placed(self.text().and_then(|text| visitor.visit_borrowed_str(text)))
    }

    fn deserialize_string<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.placed(
            self.text()
                .and_then(|text| visitor.visit_borrowed_bytes(text.as_bytes())),
        )
    }

    fn deserialize_byte_buf<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        // What is written is there: absence has no spelling, so `key:` alone is a mistake.
        self.placed(visitor.visit_some(self))
    }

    fn deserialize_unit<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.plain() {
            Some(Plain::Null) => self.placed(visitor.visit_unit()),
            _ => Err(self.wrong("nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name != SHAPE {
            return self.placed(visitor.visit_newtype_struct(self));
        }
        self.placed(match self.0.content() {
            Content::Scalar { .. } => visitor.visit_newtype_struct(self),
            Content::Sequence(items) => visitor.visit_seq(Items(items.iter())),
            Content::Mapping(entries) => visitor.visit_map(Entries::new(entries)),
        })
    }

    fn deserialize_seq<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let items = self.0.as_sequence().ok_or_else(|| self.wrong("a list"))?;
        self.placed(visitor.visit_seq(Items(items.iter())))
    }

    fn deserialize_tuple<V: Visitor<'n>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == SPANNED {
            return self.placed(visitor.visit_map(SpannedParts::new(self.0)));
        }
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.placed(match self.0.content() {
            Content::Scalar { text, .. } => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            Content::Mapping(entries) => match &**entries {
                [entry] => visitor.visit_enum(Choice(entry)),
                _ => Err(self.wrong("a mapping with exactly one key")),
            },
            Content::Sequence(_) => Err(self.wrong("a choice")),
        })
    }

    fn deserialize_ignored_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }
}

/// Items of a list.
struct Items<'n>(std::slice::Iter<'n, Node>);

impl<'n> SeqAccess<'n> for Items<'n> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.0
            .next()
            .map(|node| seed.deserialize(Reader(node)))
            .transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Entries of a mapping.
struct Entries<'n> {
    rest: std::slice::Iter<'n, Entry>,
    value: Option<&'n Node>,
}

impl<'n> Entries<'n> {
    fn new(entries: &'n [Entry]) -> Self {
        Self {
            rest: entries.iter(),
            value: None,
        }
    }
}

impl<'n> MapAccess<'n> for Entries<'n> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'n>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some(entry) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(&entry.value);
        seed.deserialize(KeyReader(entry))
            .map(Some)
            .map_err(|error| error.or_at(entry.key_span))
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let value = self
            .value
            .take()
            .ok_or_else(|| ReadError::new("values.type", "a key is due".to_owned()))?;
        seed.deserialize(Reader(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A key as serde sees it: always text.
#[derive(Clone, Copy)]
struct KeyReader<'n>(&'n Entry);

impl<'n> Deserializer<'n> for KeyReader<'n> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(&self.0.key)
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(&self.0.key))
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == SPANNED {
            return visitor.visit_map(SpannedKey::new(self.0));
        }
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'n>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// `{ variant: value }`.
struct Choice<'n>(&'n Entry);

impl<'n> EnumAccess<'n> for Choice<'n> {
    type Error = ReadError;
    type Variant = ChosenValue<'n>;

    fn variant_seed<V: DeserializeSeed<'n>>(self, seed: V) -> Result<(V::Value, ChosenValue<'n>), ReadError> {
        let variant = seed
            .deserialize(KeyReader(self.0))
            .map_err(|error| error.or_at(self.0.key_span))?;
        Ok((variant, ChosenValue(&self.0.value)))
    }
}

struct ChosenValue<'n>(&'n Node);

impl<'n> VariantAccess<'n> for ChosenValue<'n> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Err(Reader(self.0).wrong("the choice alone, without a value"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'n>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(Reader(self.0))
    }

    fn tuple_variant<V: Visitor<'n>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        Reader(self.0).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'n>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        Reader(self.0).map(visitor)
    }
}
