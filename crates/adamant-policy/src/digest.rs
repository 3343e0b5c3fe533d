//! The identity of a policy: SHA-256 over its canonical meaning, the files it references and the filters
//! that are linked.
//!
//! Never over spelling: comments, key order, quotes and the unit in which a quantity is written do not count.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Identity of policy and binary.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    text: Arc<str>,
}

impl Digest {
    /// The digest of a canonical form, of the policy files' contents, and of the linked filters with their
    /// versions. The order of files and filters does not count.
    #[must_use]
    pub fn of(canonical: &Value, files: &[(String, Arc<[u8]>)], filters: &[(String, String)]) -> Self {
        let mut hash = Sha256::new();
        let mut length = Length(0);
        // Neither a counter nor a hash refuses bytes.
        let _ = write_sorted(canonical, &mut length);
        announce(&mut hash, "policy", length.0);
        let _ = write_sorted(canonical, &mut hash);
        let mut part = |kind: &str, bytes: &[u8]| {
            announce(&mut hash, kind, bytes.len());
            hash.update(bytes);
        };
        let mut files: Vec<_> = files.iter().collect();
        files.sort();
        files.dedup();
        for (path, bytes) in files {
            part("path", path.as_bytes());
            part("content", bytes);
        }
        let mut filters: Vec<_> = filters.iter().collect();
        filters.sort();
        for (name, version) in filters {
            part("filter", name.as_bytes());
            part("version", version.as_bytes());
        }
        let text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { text: text.into() }
    }

    /// The first eight characters, for people and error bodies.
    #[must_use]
    pub fn short(&self) -> &str {
        self.text.get(..8).unwrap_or_default()
    }

    /// All 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Says what comes and how long it is, so that no two sequences of parts read alike.
fn announce(hash: &mut Sha256, kind: &str, length: usize) {
    hash.update(kind.len().to_be_bytes());
    hash.update(kind);
    hash.update(length.to_be_bytes());
}

/// Writes a value as compact JSON with the keys of every map in order. No copy is made: ten thousand routes
/// are tens of mebibytes as values.
fn write_sorted(value: &Value, into: &mut impl Write) -> io::Result<()> {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            into.write_all(b"{")?;
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    into.write_all(b",")?;
                }
                serde_json::to_writer(&mut *into, key)?;
                into.write_all(b":")?;
                write_sorted(value, into)?;
            }
            into.write_all(b"}")
        }
        Value::Array(items) => {
            into.write_all(b"[")?;
            for (at, value) in items.iter().enumerate() {
                if at > 0 {
                    into.write_all(b",")?;
                }
                write_sorted(value, into)?;
            }
            into.write_all(b"]")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Ok(serde_json::to_writer(into, value)?)
        }
    }
}

/// Counts what is written to it.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_files_and_filters_does_not_count() {
        let (a, b) = (
            ("a".to_owned(), Arc::from(*b"1")),
            ("b".to_owned(), Arc::from(*b"2")),
        );
        let (f, g) = (("f".to_owned(), "1".to_owned()), ("g".to_owned(), "1".to_owned()));
        let one: Value = serde_json::from_str(r#"{"x": 1, "y": {"p": [1, 2], "q": "\u00fc"}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"y": {"q": "ü", "p": [1,2]}, "x": 1}"#).unwrap();
        let files: [(String, Arc<[u8]>); 2] = [a, b];
        let [a, b] = files.clone();
        let first = Digest::of(&one, &files, &[f.clone(), g.clone()]);
        assert_eq!(first, Digest::of(&two, &[b, a], &[g, f]));
        assert_eq!((first.to_string().len(), first.short().len()), (64, 8));
    }

    #[test]
    fn every_part_counts() {
        let file = |name: &str, bytes: &[u8]| (name.to_owned(), Arc::from(bytes));
        let filter = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let digests = [
            Digest::of(&json!({}), &[], &[]),
            Digest::of(&json!([]), &[], &[]),
            Digest::of(&json!({"a": [1, 2]}), &[], &[]),
            Digest::of(&json!({"a": [2, 1]}), &[], &[]),
            Digest::of(&json!({"a": "1"}), &[], &[]),
            Digest::of(&json!({"a": 1}), &[], &[]),
            Digest::of(&json!({}), &[file("a", b"1")], &[]),
            Digest::of(&json!({}), &[file("a", b"2")], &[]),
            Digest::of(&json!({}), &[file("a1", b"")], &[]),
            Digest::of(&json!({}), &[], &[filter("a", "1")]),
            Digest::of(&json!({}), &[], &[filter("a", "2")]),
            Digest::of(&json!({}), &[], &[filter("a1", "")]),
        ];
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest), "{at}");
        }
    }
}
