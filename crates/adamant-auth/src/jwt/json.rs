//! JSON that has one reading: an object in which no name occurs twice, at any depth.
//!
//! RFC 7515 §4 and RFC 7519 §4 allow to refuse what parsers disagree about; this refuses.

use std::fmt;

use adamant_filter::serde_json::{self, Map, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Parses an object, or `None` when it is anything else.
pub(super) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    parse(bytes, OnRepetition::Refuse)
}

/// Parses an object in which each object with a repeated name is null: for lists of which each entry stands
/// alone.
pub(super) fn object_with_gaps(bytes: &[u8]) -> Option<Map<String, Value>> {
    parse(bytes, OnRepetition::Void)
}

fn parse(bytes: &[u8], on_repetition: OnRepetition) -> Option<Map<String, Value>> {
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let value = StrictVisitor(on_repetition).deserialize(&mut text).ok()?;
    text.end().ok()?;
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// What an object with a repeated name is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnRepetition {
    /// The end of the whole text.
    Refuse,
    /// Null.
    Void,
}

/// Reads a value without a repeated name.
#[derive(Clone, Copy)]
struct StrictVisitor(OnRepetition);

impl<'j> DeserializeSeed<'j> for StrictVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'j> Visitor<'j> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value without repeated names")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'j>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut is_void = false;
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if map.insert(name, value).is_some() {
                if self.0 == OnRepetition::Refuse {
                    return Err(A::Error::custom("a name occurs twice"));
                }
                is_void = true;
            }
        }
        Ok(if is_void { Value::Null } else { Value::Object(map) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_one_reading_is_accepted() {
        let cases: [(&str, bool); 14] = [
            ("{}", true),
            (r#"{"a":1,"b":[1,2.5,-3,null,true,"x",{"a":1}]}"#, true),
            (r#" {"a":1} "#, true),
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1,"\u0061":2}"#, false),
            (r#"{"a":{"b":1,"b":2}}"#, false),
            (r#"{"a":[{"b":1,"b":2}]}"#, false),
            (r#"{"a":1}{}"#, false),
            (r#"{"a":1,}"#, false),
            ("[]", false),
            ("null", false),
            ("\"a\"", false),
            ("", false),
            ("\u{feff}{}", false),
        ];
        for (text, accepted) in cases {
            assert_eq!(object(text.as_bytes()).is_some(), accepted, "{text}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_none(), "not UTF-8");
        let deep = format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        assert!(object(deep.as_bytes()).is_none(), "deeper than any claim");
    }
}
