//! The key of an exchange, carried from its request moment to later ones.
//!
//! Later moments cannot ask for the key again: filters take credentials off the head, and a connection that is lost
//! takes the head with it. Three words of the exchange hold the key, or what stands for it; nothing is allocated.

use adamant_filter::prelude::*;
use sha2::{Digest, Sha256};

/// Bytes of a key that are carried as they are. Addresses have ten, and most consumers fewer than this.
const SHORT_MAX: usize = 23;

/// First byte of a key that is stood for by its SHA-256.
const HASHED: u8 = u8::MAX;

/// A key in a form of one length. Two keys have the same one only if they are the same, or if 184 bits of their
/// SHA-256 are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortKey([u8; SHORT_MAX + 1]);

impl ShortKey {
    /// The form of a key.
    pub(crate) fn of(key: &[u8]) -> Self {
        let mut short = [0; SHORT_MAX + 1];
        let (head, rest) = short.split_at_mut(1);
        match (rest.get_mut(..key.len()), u8::try_from(key.len() + 1)) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(key);
                head.fill(length);
            }
            _ => {
                for (byte, hashed) in rest.iter_mut().zip(Sha256::digest(key)) {
                    *byte = hashed;
                }
                head.fill(HASHED);
            }
        }
        Self(short)
    }

    /// The bytes.
    pub(crate) const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The place of the key in an exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CarriedKey([Word; 3]);

impl CarriedKey {
    /// Asks for the place.
    pub(crate) fn new(boot: &mut Boot<'_>) -> Self {
        Self([(); 3].map(|()| boot.word()))
    }

    /// Puts the key there.
    pub(crate) fn set(&self, request: &Request, key: &ShortKey) {
        let (parts, _) = key.0.as_chunks();
        for (word, part) in self.0.iter().zip(parts) {
            request.set_word(*word, u64::from_le_bytes(*part));
        }
    }

    /// Takes the key out of the exchange, so that nothing is done for it twice.
    pub(crate) fn forget(&self, request: &Request) {
        if let Some(first) = self.0.first() {
            request.set_word(*first, 0);
        }
    }

    /// The key, if the request moment put one there.
    pub(crate) fn get(&self, request: &Request) -> Option<ShortKey> {
        let mut key = [0; SHORT_MAX + 1];
        let (parts, _) = key.as_chunks_mut();
        for (word, part) in self.0.iter().zip(parts) {
            *part = request.word(*word).to_le_bytes();
        }
        (key.first() != Some(&0)).then_some(ShortKey(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_different_in_their_short_form() {
        let long: Vec<Vec<u8>> = (0..64)
            .flat_map(|length| [vec![0; length], vec![1; length]])
            .collect();
        for (at, one) in long.iter().enumerate() {
            for other in long.iter().skip(at + 1) {
                let same = one == other;
                assert_eq!(
                    ShortKey::of(one) == ShortKey::of(other),
                    same,
                    "{one:?} {other:?}"
                );
            }
            assert_ne!(ShortKey::of(one).bytes().first(), Some(&0));
        }
    }
}
