//! A new key: what its owner gets once, and what stands in the file.
//!
//! Brings no randomness of its own; whoever calls must take it from the system.

use adamant_filter::serde_json;
use sha2::{Digest, Sha256};

/// Letters that survive being read out, typed and selected by a double click (RFC 4648 §6, lower case).
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A key that was made just now. Its `Debug` form hides the key.
#[derive(Clone, PartialEq, Eq)]
pub struct GeneratedKey {
    id: String,
    key: String,
    hash: String,
}

impl std::fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeneratedKey")
            .field("id", &self.id)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl GeneratedKey {
    /// 5 bytes become the id, 32 bytes the secret.
    pub(super) fn from_random(random: &[u8; 37]) -> Self {
        let (id, secret) = random.split_at(5);
        let id = letters(id);
        let key = format!("adm_{id}_{}", letters(secret));
        let hash = format!("{}{}", super::key_file::HASH_PREFIX, hex(&Sha256::digest(&key)));
        Self { id, key, hash }
    }

    /// Names the key in files and logs; says nothing about the secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key: `adm_<id>_<secret>`. To be shown once and kept nowhere.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The entry for the list `keys` of the key file; `not_after` is a timestamp of RFC 3339.
    #[must_use]
    pub fn yaml_entry(&self, consumer: &str, scopes: &[&str], not_after: Option<&str>) -> String {
        let entry = format!(
            "  - id: {}\n    consumer: {}\n    hash: {}\n",
            self.id,
            quoted(consumer),
            self.hash
        );
        entry + &grants(scopes, not_after)
    }
}

/// The lines of an entry that say what it grants, and until when.
pub(crate) fn grants(scopes: &[&str], not_after: Option<&str>) -> String {
    let mut lines = String::new();
    if !scopes.is_empty() {
        let scopes: Vec<_> = scopes.iter().map(|scope| quoted(scope)).collect();
        lines.push_str(&format!("    scopes: [{}]\n", scopes.join(", ")));
    }
    if let Some(end) = not_after {
        lines.push_str(&format!("    not-after: {end}\n"));
    }
    lines
}

/// A JSON string is a quoted YAML scalar.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Five bits a letter, the last one filled up with zeros.
fn letters(bytes: &[u8]) -> String {
    let bit = |at: usize| {
        bytes
            .get(at / 8)
            .is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    };
    let letter = |at: usize| (at..at + 5).fold(0_usize, |value, at| value << 1 | usize::from(bit(at)));
    let chosen = (0..bytes.len() * 8)
        .step_by(5)
        .filter_map(|at| LETTERS.get(letter(at)));
    chosen.map(|letter| char::from(*letter)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_base32() {
        let cases: [(&[u8], &str); 6] = [
            (b"", ""),
            (b"f", "my"),
            (b"fo", "mzxq"),
            (b"foo", "mzxw6"),
            (b"fooba", "mzxw6ytb"),
            (b"foobar", "mzxw6ytboi"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(letters(bytes), expected);
        }
    }

    #[test]
    fn a_key_carries_its_id_and_all_of_its_randomness() {
        let mut random = [0; 37];
        random.iter_mut().zip(1..).for_each(|(byte, value)| *byte = value);
        let made = GeneratedKey::from_random(&random);
        let parts: Vec<_> = made.key().split('_').collect();
        assert_eq!(parts[..2], ["adm", made.id()]);
        assert_eq!((made.id().len(), parts[2].len()), (8, 52));
        for place in 0..37 {
            let mut other = random;
            other[place] ^= 1;
            assert_ne!(
                GeneratedKey::from_random(&other).key(),
                made.key(),
                "byte {place}"
            );
        }
        assert!(
            !format!("{made:?}").contains(parts[2]),
            "the key is never printed"
        );
    }
}
