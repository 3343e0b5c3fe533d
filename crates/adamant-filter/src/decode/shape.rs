//! Values that may be written in two shapes: one or many, short or long.
//!
//! The shape decides, never a guess at a scalar's type: `host: 404` is the host `404`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// The newtype name by which a type asks to be told the shape.
pub(super) const SHAPE: &str = "$adamant::Shape";

/// One value, or a list of them. Written out it is always a list, so that `a` and `[a]` are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> IntoIterator for OneOrMany<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'n, T: Deserialize<'n>> Deserialize<'n> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'n>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SHAPE, OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'n, T: Deserialize<'n>> Visitor<'n> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of them")
    }

    fn visit_newtype_struct<D: Deserializer<'n>>(self, one: D) -> Result<Self::Value, D::Error> {
        T::deserialize(one).map(|one| OneOrMany(vec![one]))
    }

    fn visit_map<A: MapAccess<'n>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.visit_newtype_struct(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'n>>(self, items: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMany)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// A scalar (or, where the short form has lists, a list) that says it all, or a mapping that says more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShortOrLong<S, L> {
    /// The scalar.
    Short(S),
    /// The mapping.
    Long(L),
}

impl<S: Serialize, L: Serialize> Serialize for ShortOrLong<S, L> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        match self {
            Self::Short(short) => short.serialize(serializer),
            Self::Long(long) => long.serialize(serializer),
        }
    }
}

impl<'n, S: Deserialize<'n>, L: Deserialize<'n>> Deserialize<'n> for ShortOrLong<S, L> {
    fn deserialize<D: Deserializer<'n>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SHAPE, ShortOrLongVisitor(PhantomData))
    }
}

struct ShortOrLongVisitor<S, L>(PhantomData<(S, L)>);

impl<'n, S: Deserialize<'n>, L: Deserialize<'n>> Visitor<'n> for ShortOrLongVisitor<S, L> {
    type Value = ShortOrLong<S, L>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a mapping")
    }

    fn visit_newtype_struct<D: Deserializer<'n>>(self, short: D) -> Result<Self::Value, D::Error> {
        S::deserialize(short).map(ShortOrLong::Short)
    }

    fn visit_seq<A: SeqAccess<'n>>(self, items: A) -> Result<Self::Value, A::Error> {
        S::deserialize(SeqAccessDeserializer::new(items)).map(ShortOrLong::Short)
    }

    fn visit_map<A: MapAccess<'n>>(self, map: A) -> Result<Self::Value, A::Error> {
        L::deserialize(MapAccessDeserializer::new(map)).map(ShortOrLong::Long)
    }
}

impl<S: JsonSchema, L: JsonSchema> JsonSchema for ShortOrLong<S, L> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}_or_{}", S::schema_name(), L::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (short, long) = (generator.subschema_for::<S>(), generator.subschema_for::<L>());
        json_schema!({ "anyOf": [short, long] })
    }
}
