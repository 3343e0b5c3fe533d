//! JSON strings from bytes that the network sent: always valid JSON, always valid UTF-8, never a line end.
//!
//! Writes values only; which keys there are is the business of `line`.

/// Bytes of one value that are written; a longer one is cut and ends with an ellipsis. Bounds a line.
pub(super) const VALUE_MAX: usize = 2048;

/// A byte in every place of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// The highest bit in every place of a word.
const HIGHS: u64 = ONES << 7;

/// Appends `value` in quotes.
#[inline]
pub(super) fn push_string(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    push_escaped(out, value);
    out.push(b'"');
}

/// Appends what stands between the quotes.
#[inline]
pub(super) fn push_escaped(out: &mut Vec<u8>, value: &[u8]) {
    if value.len() <= VALUE_MAX && is_plain(value) {
        out.extend_from_slice(value);
        return;
    }
    push_with_care(out, value);
}

/// Whether `value` is printable ASCII without quotes and backslashes, so that it may be copied.
#[inline]
fn is_plain(value: &[u8]) -> bool {
    let mut words = value.chunks_exact(8);
    let mut careful = 0;
    for word in words.by_ref() {
        careful |= flags(<[u8; 8]>::try_from(word).map_or(u64::MAX, u64::from_ne_bytes));
    }
    careful == 0 && words.remainder().iter().all(|byte| is_plain_byte(*byte))
}

const fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b'\\'
}

/// Not zero when any of eight bytes needs care. A borrow can only flag the neighbour of a byte that is
/// flagged itself, so the answer to "any" is exact.
const fn flags(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero_byte(word ^ (ONES * b'"' as u64));
    let backslash = zero_byte(word ^ (ONES * b'\\' as u64));
    let delete = zero_byte(word ^ (ONES * 0x7f));
    (control | quote | backslash | delete | word) & HIGHS
}

const fn zero_byte(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

#[cold]
fn push_with_care(out: &mut Vec<u8>, value: &[u8]) {
    let cut = cut(value);
    for chunk in cut.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_character(out, character);
        }
        if !chunk.invalid().is_empty() {
            push_raw(out, char::REPLACEMENT_CHARACTER);
        }
    }
    if cut.len() < value.len() {
        push_raw(out, '…');
    }
}

/// The part of `value` that is written; a character is not cut in two.
fn cut(value: &[u8]) -> &[u8] {
    let Some(kept) = value.get(..VALUE_MAX).filter(|kept| kept.len() < value.len()) else {
        return value;
    };
    // A character has at most three bytes after its first.
    let started = kept
        .iter()
        .rev()
        .take(4)
        .position(|byte| !matches!(byte, 0x80..0xc0));
    match started {
        Some(back) if kept.iter().rev().nth(back).is_some_and(|byte| *byte >= 0xc0) => {
            kept.get(..VALUE_MAX - back - 1).unwrap_or(kept)
        }
        _ => kept,
    }
}

fn push_character(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        // Beyond what JSON demands: C1 controls and the Unicode line separators, since a log is also
        // read in terminals and by tools that split lines.
        '\0'..' ' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => push_code(out, character),
        _ => push_raw(out, character),
    }
}

/// `\u` and four digits; only characters of the first plane come here.
fn push_code(out: &mut Vec<u8>, character: char) {
    let code = u32::from(character);
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = char::from_digit((code >> shift) & 0xf, 16).unwrap_or('0');
        push_raw(out, digit);
    }
}

fn push_raw(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(value: &[u8]) -> String {
        let mut out = Vec::new();
        push_string(&mut out, value);
        String::from_utf8(out).expect("a log line is UTF-8")
    }

    #[test]
    fn what_needs_escaping_is_escaped() {
        let cases: [(&[u8], &str); 9] = [
            (b"plain text, 19 bytes", r#""plain text, 19 bytes""#),
            (b"a\"b", r#""a\"b""#),
            (b"a\\b", r#""a\\b""#),
            (b"a\r\nb\tc", r#""a\r\nb\tc""#),
            (b"\0\x1b[31m", r#""\u0000\u001b[31m""#),
            (b"\x7f", r#""\u007f""#),
            ("ö\u{85}\u{2028}".as_bytes(), "\"ö\\u0085\\u2028\""),
            (b"\xff\xfeok", "\"\u{fffd}\u{fffd}ok\""),
            (b"", r#""""#),
        ];
        for (value, expected) in cases {
            assert_eq!(encoded(value), expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let mut long = vec![b'a'; VALUE_MAX - 1];
        long.extend_from_slice("öö".as_bytes());
        assert_eq!(encoded(&long), format!("\"{}…\"", "a".repeat(VALUE_MAX - 1)));
        assert_eq!(
            encoded(&[b'a'; VALUE_MAX]),
            format!("\"{}\"", "a".repeat(VALUE_MAX))
        );
        assert_eq!(encoded(&[0xbf; VALUE_MAX + 1]).chars().count(), VALUE_MAX + 3);
    }

    proptest! {
        #[test]
        fn a_reader_gets_back_what_was_written(value: String) {
            let read: String = serde_json::from_str(&encoded(value.as_bytes())).expect("JSON");
            prop_assert_eq!(read, value);
        }

        #[test]
        fn any_bytes_become_one_line_of_json(value: Vec<u8>) {
            let line = encoded(&value);
            prop_assert!(!line.contains(|c: char| c.is_control()));
            let read: String = serde_json::from_str(&line).expect("JSON");
            prop_assert_eq!(read, String::from_utf8_lossy(&value));
        }
    }
}
