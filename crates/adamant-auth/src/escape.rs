//! Percent-encoding, exactly once in each direction.
//!
//! What was decoded is never decoded again, and what was encoded has no byte that a field value must not have.

/// The bytes that a text with escapes stands for. What is no escape stands for itself.
pub(crate) fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut left = text.as_bytes();
    std::iter::from_fn(move || {
        let (first, rest) = left.split_first()?;
        if *first == b'%'
            && let Some((digits, after)) = rest.split_first_chunk::<2>()
            && let Some(byte) = byte_of(*digits)
        {
            left = after;
            return Some(byte);
        }
        left = rest;
        Some(*first)
    })
}

fn byte_of([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Writes `text` so that every byte is printable ASCII, and none is a blank, a comma or an escape of its own.
pub(crate) fn encode(text: &str, into: &mut Vec<u8>) {
    for byte in text.bytes() {
        if matches!(byte, 0x21..=0x7e) && byte != b'%' && byte != b',' {
            into.push(byte);
        } else {
            into.push(b'%');
            into.extend([byte >> 4, byte & 15].map(digit));
        }
    }
}

const fn digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'A' + value - 10
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        for (text, expected) in [
            ("7", "7"),
            ("%37", "7"),
            ("%2537", "%37"),
            ("a%20b%C3%A4", "a bä"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
        ] {
            let bytes: Vec<u8> = decoded(text).collect();
            assert_eq!(bytes, expected.as_bytes(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_fits_a_field_and_comes_back(text in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
            let mut written = Vec::new();
            encode(&text, &mut written);
            prop_assert!(written.iter().all(|byte| matches!(byte, 0x21..=0x7e) && *byte != b','));
            let written = String::from_utf8(written).unwrap();
            prop_assert_eq!(decoded(&written).collect::<Vec<_>>(), text.as_bytes());
        }
    }
}
