//! Classes of bytes and the search for line ends in a request head; knows no header field.

use adamant_filter::Reason;

use super::super::reasons;

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const HOST: u8 = 4;

static CLASSES: [u8; 256] = classes();

/// `tchar` of RFC 9110 §5.6.2.
#[inline]
pub(super) fn is_token(byte: u8) -> bool {
    is_of(byte, TOKEN)
}

/// Visible ASCII without `#`. Wider than RFC 3986 (browsers send `|` and `{`), but nothing that another
/// reader could take for a delimiter of the head.
#[inline]
pub(super) fn is_target_byte(byte: u8) -> bool {
    is_of(byte, TARGET)
}

/// `reg-name`, IP literal and port of RFC 3986 §3.2, without the comma, which would look like a list.
#[inline]
pub(super) fn is_host_byte(byte: u8) -> bool {
    is_of(byte, HOST)
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "a u8 cannot lie outside a table of 256")]
fn is_of(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, over the table's own length"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let character = byte as u8;
        if character.is_ascii_alphanumeric() {
            table[byte] |= TOKEN | HOST;
        }
        if matches!(
            character,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        ) {
            table[byte] |= TOKEN;
        }
        if character.is_ascii_graphic() && character != b'#' {
            table[byte] |= TARGET;
        }
        if matches!(
            character,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b':'
                | b'['
                | b']'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
        ) {
            table[byte] |= HOST;
        }
        byte += 1;
    }
    table
}

/// Takes the next line, without its CRLF, from the front of `rest`. `Ok(None)`: it has not ended yet.
/// The line has no control byte but tabs.
#[inline]
pub(super) fn line<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, &'static Reason> {
    let bytes = *rest;
    let mut from = 0;
    loop {
        let Some(found) = first_control(bytes.get(from..).unwrap_or_default()) else {
            return Ok(None);
        };
        let at = from + found;
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => {
                *rest = bytes.get(at + 2..).unwrap_or_default();
                return Ok(bytes.get(..at));
            }
            (Some(b'\r'), None) => return Ok(None),
            (Some(b'\r'), Some(_)) => return Err(&reasons::BARE_CR),
            (Some(b'\n'), _) => return Err(&reasons::BARE_LF),
            (Some(b'\t'), _) => from = at + 1,
            _ => return Err(&reasons::CONTROL_BYTE),
        }
    }
}

/// Position of the first byte below 0x20 or equal to 0x7f, eight bytes at a time.
#[inline]
fn first_control(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES * 0x80;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let below_space = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        let delete = word ^ (ONES * 0x7f);
        let is_delete = delete.wrapping_sub(ONES) & !delete & TOPS;
        // A borrow can only mark bytes behind a true hit, so the lowest mark is always right.
        let hits = below_space | is_delete;
        if hits != 0 {
            return Some(index * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let at = tail.iter().position(|byte| *byte < 0x20 || *byte == 0x7f)?;
    Some(words.len() * 8 + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_search_by_words_finds_what_the_search_by_bytes_finds(
            bytes in prop::collection::vec(prop_oneof![8 => 0x20_u8..=0xff, 1 => any::<u8>()], 0..60),
        ) {
            let plain = bytes.iter().position(|byte| *byte < 0x20 || *byte == 0x7f);
            prop_assert_eq!(first_control(&bytes), plain);
        }
    }
}
