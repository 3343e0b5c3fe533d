//! Names of query parameters, in whatever spelling: receivers decode them.
//!
//! Decodes nothing into memory, and reads no values.

/// Whether a name as it is written in a query means `name`: escapes and `+` are read as receivers of forms read them.
#[must_use]
pub fn is_parameter(written: &[u8], name: &str) -> bool {
    let mut wanted = name.bytes();
    let mut rest = written;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                // No escape: it stands for itself.
                _ => (b'%', rest.get(1..).unwrap_or_default()),
            },
            (b'+', _) => (b' ', after),
            _ => (*first, after),
        };
        if wanted.next() != Some(byte) {
            return false;
        }
        rest = after;
    }
    wanted.next().is_none()
}

/// A query without the pairs of this name, with its question mark unless it is empty; `None` when it has no such pair.
pub(crate) fn without_parameter(query: &str, name: &str) -> Option<String> {
    let is_meant = |pair: &str| is_parameter(pair.split('=').next().unwrap_or_default().as_bytes(), name);
    if !query.split('&').any(is_meant) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_meant(pair)).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    Some(format!("{mark}{}", kept.join("&")))
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_every_spelling() {
        let same = [
            "access_token",
            "%61ccess_token",
            "access%5ftoken",
            "%61%63%63%65%73%73%5F%74%6f%6b%65%6e",
        ];
        for written in same {
            assert!(is_parameter(written.as_bytes(), "access_token"), "{written}");
        }
        let others = [
            "",
            "access",
            "access_token2",
            "%6access_token",
            "access%token",
            "access_toke%",
            "access_toke%6",
            "Access_token",
        ];
        for written in others {
            assert!(!is_parameter(written.as_bytes(), "access_token"), "{written}");
        }
        assert!(is_parameter(b"a+b", "a b") && is_parameter(b"a%zzb", "a%zzb"));
    }

    #[test]
    fn what_is_left_of_a_query_is_as_it_was() {
        let cases = [
            ("a=1", None),
            ("", None),
            ("t=1", Some("")),
            ("a=1&t=2&b", Some("?a=1&b")),
            ("%74=1&a=t&t", Some("?a=t")),
        ];
        for (query, left) in cases {
            assert_eq!(without_parameter(query, "t").as_deref(), left, "{query}");
        }
    }
}
