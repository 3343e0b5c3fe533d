//! Request ids: UUID version 7 (RFC 9562 §5.7), sortable by time, made without a lock or an allocation.
//!
//! Not a secret: the random part keeps ids apart, nothing is authorised by knowing one.

use std::cell::Cell;

use adamant_filter::Wall;

/// A request id in its text form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId([u8; 36]);

impl std::fmt::Debug for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

thread_local! {
    static STATE: Cell<[u64; 2]> = const { Cell::new([0; 2]) };
}

/// Xorshift128+ per thread, seeded once from the system.
fn random() -> u64 {
    STATE.with(|state| {
        let [mut a, mut b] = state.get();
        if a == 0 && b == 0 {
            let mut seed = [0u8; 16];
            if getrandom::fill(&mut seed).is_err() {
                // Without system randomness ids are still told apart by time and by this address.
                seed = (std::ptr::from_ref(state).addr() as u128 | 1).to_ne_bytes();
            }
            let seed = u128::from_ne_bytes(seed) | 1;
            #[expect(clippy::cast_possible_truncation, reason = "the two halves of the seed")]
            {
                a = seed as u64;
                b = (seed >> 64) as u64;
            }
        }
        a ^= a << 23;
        let next = a ^ b ^ (a >> 17) ^ (b >> 26);
        state.set([b, next]);
        b.wrapping_add(next)
    })
}

impl RequestId {
    /// A new id for a request that arrived at `wall`.
    #[must_use]
    pub(crate) fn new(wall: Wall) -> Self {
        let (high, low) = (random(), random());
        let mut value = u128::from(wall.0 & 0xffff_ffff_ffff) << 80;
        value |= 0x7 << 76 | u128::from(high & 0xfff) << 64;
        value |= 0b10 << 62 | u128::from(low >> 2);
        Self(text(value))
    }

    /// The id that a trusted proxy sent, when it is a UUID.
    #[must_use]
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let id: [u8; 36] = bytes.try_into().ok()?;
        let fits = id.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        fits.then_some(Self(id))
    }

    /// The text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        // Only hexadecimal digits and hyphens are ever put in.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text as bytes.
    #[must_use]
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn text(value: u128) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [b'-'; 36];
    let mut shift = 128u32;
    for (place, byte) in out.iter_mut().enumerate() {
        if matches!(place, 8 | 13 | 18 | 23) {
            continue;
        }
        shift -= 4;
        let digit = usize::try_from((value >> shift) & 15).unwrap_or(0);
        *byte = DIGITS.get(digit).copied().unwrap_or(b'0');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_7_uuid_that_sorts_by_time() {
        let (early, late) = (
            RequestId::new(Wall(1_795_000_000_000)),
            RequestId::new(Wall(1_795_000_000_001)),
        );
        assert!(early.as_str() < late.as_str());
        assert_eq!(early.as_bytes()[14], b'7');
        assert!(matches!(early.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_eq!(RequestId::parse(early.as_bytes()), Some(early));
    }

    #[test]
    fn ids_of_one_instant_differ() {
        let ids: std::collections::HashSet<_> = (0..10_000)
            .map(|_| RequestId::new(Wall(7)).as_str().to_owned())
            .collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn only_a_uuid_is_taken_from_a_proxy() {
        for text in [
            "",
            "x",
            "6f1d2c9e-8a37-4b21-9f0e-3a5b7c1d2e4",
            "6f1d2c9e_8a37_4b21_9f0e_3a5b7c1d2e4f",
        ] {
            assert!(RequestId::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
