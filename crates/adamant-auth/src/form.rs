//! Names and values as forms and queries write them (`application/x-www-form-urlencoded`), with one spelling
//! for each value.
//!
//! Decides nothing about names that occur twice: whoever asks does.

/// Adds a text in its one spelling, in which a space is `%20`.
pub(crate) fn encode_into(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Pairs as a query or a form.
pub(crate) fn pairs(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        encode_into(&mut text, name.as_bytes());
        text.push('=');
        encode_into(&mut text, value.as_bytes());
    }
    text
}

/// The pairs of a query, not decoded.
pub(crate) fn split(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// A name or a value, decoded. An escape that is none stays as it is.
pub(crate) fn decode(part: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(*byte),
        }
    }
    bytes
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_have_one_spelling() {
        assert_eq!(
            pairs(&[("scope", "openid email"), ("uri", "https://a.test/?x=1&y=ä")]),
            "scope=openid%20email&uri=https%3A%2F%2Fa.test%2F%3Fx%3D1%26y%3D%C3%A4"
        );
        let split: Vec<_> = split("a=1&&b&c=2=3").collect();
        assert_eq!(split, [("a", "1"), ("b", ""), ("c", "2=3")]);
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut text = String::new();
            encode_into(&mut text, &bytes);
            prop_assert_eq!(decode(&text), bytes);
        }
    }
}
