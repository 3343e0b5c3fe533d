//! Keys, texts and numbers of JSON, one after the other. Nothing of it is kept.
//!
//! Lenient: it looks for values and does not prove that they stand where they may. A text that does not end is no JSON.

use super::super::place::{Place, Value};

/// How deep values may stand in each other; what is deeper is shown as a whole.
const DEPTH_MAX: usize = 64;

/// Shows all keys and values until `see` has seen enough. Tells whether this is JSON.
pub(super) fn values(body: &[u8], see: &mut impl FnMut(Value<'_>) -> bool) -> bool {
    let mut reader = Reader {
        rest: body,
        key: Text::default(),
        text: Text::default(),
        depth: 0,
    };
    let mut goes_on = true;
    while goes_on {
        match reader.next() {
            Some(Token::Key) => {
                let name = reader.key.bytes();
                goes_on = see(Value {
                    place: Place::JsonKey,
                    name,
                    bytes: name,
                });
            }
            Some(Token::Value) => {
                goes_on = see(Value {
                    place: Place::JsonValue,
                    name: reader.key.bytes(),
                    bytes: reader.text.bytes(),
                });
            }
            Some(Token::Mark) => {}
            Some(Token::Wrong) => return false,
            None => return reader.depth == 0,
        }
    }
    true
}

enum Token {
    Key,
    Value,
    Mark,
    Wrong,
}

/// A text without escapes: a part of the body, or copied when it had some.
#[derive(Default)]
struct Text<'b> {
    written: &'b [u8],
    read: Vec<u8>,
}

impl<'b> Text<'b> {
    fn bytes(&self) -> &[u8] {
        if self.read.is_empty() {
            self.written
        } else {
            &self.read
        }
    }

    fn set(&mut self, written: &'b [u8]) {
        self.written = written;
        self.read.clear();
    }
}

struct Reader<'b> {
    rest: &'b [u8],
    /// The key that was read last.
    key: Text<'b>,
    /// The value that was read last.
    text: Text<'b>,
    depth: usize,
}

impl<'b> Reader<'b> {
    fn next(&mut self) -> Option<Token> {
        self.rest = self.rest.trim_ascii_start();
        let (first, after) = self.rest.split_first()?;
        Some(match first {
            b'{' | b'[' => {
                self.rest = after;
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    Token::Wrong
                } else {
                    Token::Mark
                }
            }
            b'}' | b']' if self.depth > 0 => {
                self.rest = after;
                self.depth -= 1;
                Token::Mark
            }
            b',' | b':' => {
                self.rest = after;
                Token::Mark
            }
            b'"' => {
                self.rest = after;
                self.string()
            }
            b'-' | b'0'..=b'9' => self.word(Token::Value),
            _ if [&b"true"[..], b"false", b"null"]
                .into_iter()
                .any(|word| self.rest.starts_with(word)) =>
            {
                self.word(Token::Mark)
            }
            _ => Token::Wrong,
        })
    }

    /// A text, which is a key where a colon follows.
    fn string(&mut self) -> Token {
        let end = self.rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        let Some(end) = end else { return Token::Wrong };
        let (written, marked) = self.rest.split_at(end);
        self.text.set(written);
        if let [b'"', after @ ..] = marked {
            self.rest = after;
        } else if !self.escaped(marked) {
            return Token::Wrong;
        }
        if self.rest.trim_ascii_start().first() == Some(&b':') {
            std::mem::swap(&mut self.key, &mut self.text);
            return Token::Key;
        }
        Token::Value
    }

    /// The rest of a text from its first escape on. Tells whether it ends.
    fn escaped(&mut self, mut marked: &'b [u8]) -> bool {
        self.text.read.extend_from_slice(self.text.written);
        loop {
            if let [b'"', after @ ..] = marked {
                self.rest = after;
                return true;
            }
            let Some(length) = unescape(marked, &mut self.text.read) else {
                return false;
            };
            let rest = marked.get(length..).unwrap_or_default();
            let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            let Some(end) = end else { return false };
            let (before, after) = rest.split_at(end);
            self.text.read.extend_from_slice(before);
            marked = after;
        }
    }

    fn word(&mut self, token: Token) -> Token {
        let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
        let length = self.rest.iter().position(is_end);
        let (word, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
        self.text.set(word);
        self.rest = rest;
        token
    }
}

/// Writes what an escape stands for. Tells its length.
fn unescape(marked: &[u8], text: &mut Vec<u8>) -> Option<usize> {
    let simple = match marked.get(1)? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 0x08,
        b'f' => 0x0c,
        b'u' => {
            let unit = unit(marked)?;
            let second = marked
                .get(6..)
                .filter(|rest| rest.starts_with(b"\\u"))
                .and_then(unit_of);
            let units = [unit, second.unwrap_or_default()];
            let pair = (0xd800..0xdc00).contains(&unit) && second.is_some();
            let read = units.get(..if pair { 2 } else { 1 }).unwrap_or_default();
            for character in char::decode_utf16(read.iter().copied()) {
                let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            return Some(if pair { 12 } else { 6 });
        }
        other => *other,
    };
    text.push(simple);
    Some(2)
}

fn unit_of(marked: &[u8]) -> Option<u16> {
    unit(marked)
}

fn unit(marked: &[u8]) -> Option<u16> {
    let digits = str::from_utf8(marked.get(2..6)?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json;
    use proptest::prelude::*;

    use super::*;

    /// All keys and values of a tree in the order in which they are written.
    fn expected(value: &serde_json::Value, all: &mut Vec<Vec<u8>>) {
        match value {
            serde_json::Value::String(text) => all.push(text.clone().into_bytes()),
            serde_json::Value::Number(number) => all.push(number.to_string().into_bytes()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| expected(item, all)),
            serde_json::Value::Object(entries) => {
                for (key, value) in entries {
                    all.push(key.clone().into_bytes());
                    expected(value, all);
                }
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) => {}
        }
    }

    fn tree() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_key_and_value_is_shown(tree in tree()) {
            let mut wanted = Vec::new();
            expected(&tree, &mut wanted);
            let mut shown = Vec::new();
            let is_json = values(tree.to_string().as_bytes(), &mut |value| {
                shown.push(value.bytes.to_vec());
                true
            });
            prop_assert!(is_json);
            prop_assert_eq!(shown, wanted);
        }

        #[test]
        fn any_bytes_come_to_an_end(body in prop::collection::vec(any::<u8>(), 0..200)) {
            values(&body, &mut |_| true);
        }
    }

    #[test]
    fn what_is_too_deep_or_does_not_end_is_no_json() {
        let deep = "[".repeat(DEPTH_MAX + 1);
        for body in [deep.as_str(), "{\"a", "[1", "]", "x", "\"\\", "\"\\u00\""] {
            assert!(!values(body.as_bytes(), &mut |_| true), "{body}");
        }
        assert!(values(b" ", &mut |_| true));
    }
}
