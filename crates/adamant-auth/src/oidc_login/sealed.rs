//! Text that only this gateway can read and make: AES-256-GCM under a key that is derived from a secret.
//!
//! Each purpose has a key of its own, bound to issuer and client, so that what was sealed for one thing is
//! never taken for another. An older secret still opens, and never seals.

use std::fmt;
use std::sync::Arc;

use adamant_filter::{Random, Secret};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of a secret at least: those of the key.
pub(super) const SECRET_MIN: usize = 32;

/// Seals and opens texts of one purpose.
pub(super) struct Sealer {
    current: LessSafeKey,
    previous: Option<LessSafeKey>,
    random: Arc<dyn Random>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose<'p> {
    /// What is sealed.
    pub(super) word: &'static str,
    /// Who vouches for it.
    pub(super) issuer: &'p str,
    /// For whom.
    pub(super) client: &'p str,
    /// What the file takes the claims for: a step that takes them for something else reads none of it.
    pub(super) meaning: &'p str,
}

impl Sealer {
    /// A sealer; `None` when the secret is withheld from this command.
    pub(super) fn new(
        current: &Secret,
        previous: Option<&Secret>,
        purpose: Purpose<'_>,
        random: Arc<dyn Random>,
    ) -> Option<Self> {
        Some(Self {
            current: derive(current.reveal()?, purpose)?,
            previous: previous
                .and_then(Secret::reveal)
                .and_then(|secret| derive(secret, purpose)),
            random,
        })
    }

    /// Seals a text for a cookie. `None` when the library fails.
    pub(super) fn seal(&self, plain: &[u8]) -> Option<String> {
        // Random nonces are good for 2^32 texts under one key (NIST SP 800-38D §8.3).
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        let mut sealed = plain.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.current
            .seal_in_place_append_tag(unique, Aad::empty(), &mut sealed)
            .ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a text that was sealed here; `None` when it was not, or was changed.
    pub(super) fn open(&self, text: &[u8]) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let keys = [Some(&self.current), self.previous.as_ref()];
        keys.into_iter().flatten().find_map(|key| {
            let mut plain = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = key.open_in_place(nonce, Aad::empty(), &mut plain).ok()?;
            Some(opened.to_vec())
        })
    }
}

fn derive(secret: &[u8], purpose: Purpose<'_>) -> Option<LessSafeKey> {
    // Neither part can hold a zero byte, so the parts cannot run into each other.
    let info = [
        purpose.word.as_bytes(),
        &[0],
        purpose.issuer.as_bytes(),
        &[0],
        purpose.client.as_bytes(),
        &[0],
        purpose.meaning.as_bytes(),
    ];
    let key = Salt::new(HKDF_SHA256, b"adamant oidc-login").extract(secret);
    let okm = key.expand(&info, &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(okm)))
}

#[cfg(test)]
mod tests {
    use adamant_filter::Host as _;
    use adamant_filter::trial::TrialHost;

    use super::*;

    const PURPOSE: Purpose<'static> = Purpose {
        word: "session",
        issuer: "i",
        client: "c",
        meaning: "sub scope",
    };

    fn sealer(current: u8, previous: Option<u8>, purpose: Purpose<'_>) -> Sealer {
        let secret = |byte| Secret::new(&[byte; 32]);
        let previous = previous.map(secret);
        Sealer::new(
            &secret(current),
            previous.as_ref(),
            purpose,
            TrialHost::new().random(),
        )
        .unwrap()
    }

    #[test]
    fn what_was_sealed_opens_here_and_nowhere_else() {
        let one = sealer(1, None, PURPOSE);
        let sealed = one.seal(b"text").unwrap();
        assert_eq!(one.open(sealed.as_bytes()).unwrap(), b"text");
        assert_ne!(one.seal(b"text").unwrap(), sealed, "nonces differ");
        for other in [
            (2, PURPOSE),
            (
                1,
                Purpose {
                    word: "login",
                    ..PURPOSE
                },
            ),
            (
                1,
                Purpose {
                    issuer: "j",
                    ..PURPOSE
                },
            ),
            (
                1,
                Purpose {
                    client: "d",
                    ..PURPOSE
                },
            ),
            (
                1,
                Purpose {
                    meaning: "email scope",
                    ..PURPOSE
                },
            ),
        ] {
            let (current, purpose) = other;
            let other = sealer(current, None, purpose);
            assert_eq!(other.open(sealed.as_bytes()), None);
        }
        let next = sealer(2, Some(1), PURPOSE);
        assert_eq!(next.open(sealed.as_bytes()).unwrap(), b"text");
        assert_eq!(one.open(next.seal(b"new").unwrap().as_bytes()), None);
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let one = sealer(1, None, PURPOSE);
        let sealed = one.seal(b"some text").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(one.open(&changed), None, "{place}");
            assert_eq!(one.open(&sealed.as_bytes()[..place]), None, "cut at {place}");
        }
        assert_eq!(one.open("ä".as_bytes()), None);
    }
}
