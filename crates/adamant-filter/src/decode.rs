//! From a tree to a type: the schema decides what a scalar is, and every problem has a place.
//!
//! Two passes: `inspect` holds the tree against the JSON Schema of the type and collects everything that
//! is wrong with its form; `read` fills the type in, and stops at the first thing that only the type
//! itself can know. Never knows what a value means beyond its type.

mod form;
mod inspect;
mod read;
mod shape;

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

pub use form::Form;
pub use inspect::inspect;
pub use read::read;
pub use shape::{OneOrMany, ShortOrLong};

use crate::node::{Node, Span};
use crate::problem::Problems;

/// Reads a `T`, or tells everything that is wrong with the tree.
///
/// # Errors
/// All problems of form; when there are none, the first one that only `T` itself can know.
pub fn decode<T: DeserializeOwned + JsonSchema>(node: &Node) -> Result<T, Problems> {
    decode_with(&Form::of::<T>(), "the configuration", node)
}

/// The same, with the form of `T` at hand; messages call the tree `name`: a phrase, or a word between
/// backticks.
///
/// # Errors
/// As [`decode`].
pub fn decode_with<T: DeserializeOwned>(form: &Form, name: &str, node: &Node) -> Result<T, Problems> {
    inspect(form, node, name).or(())?;
    read(node).map_err(Problems::from)
}

/// The JSON Schema (2020-12) of a type, as the decoder understands it.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// A value that remembers where it stands in the file. Written out it is the value alone.
#[derive(Clone, Copy, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value with its place.
    #[must_use]
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Another value at the same place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: change(self.value),
            span: self.span,
        }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> From<T> for Spanned<T> {
    fn from(value: T) -> Self {
        Self {
            value,
            span: Span::NOWHERE,
        }
    }
}

/// Values are compared, places are not.
impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: PartialOrd> PartialOrd for Spanned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for Spanned<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}

impl<T: Serialize> Serialize for Spanned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests;
