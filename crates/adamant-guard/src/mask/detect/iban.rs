//! International bank account numbers (ISO 13616).
//!
//! Knows the length for each country, not the form of its account numbers.

use std::ops::Range;

use super::{Grouped, begins_word, ends_word};

/// Countries and the length of their numbers.
#[rustfmt::skip] // A table.
const LENGTHS: [(&[u8; 2], usize); 79] = [
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22),
    (b"BH", 22), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22), (b"CY", 28), (b"CZ", 24), (b"DE", 22),
    (b"DK", 18), (b"DO", 28), (b"EE", 20), (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FO", 18), (b"FR", 27),
    (b"GB", 22), (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27), (b"GT", 28), (b"HR", 21), (b"HU", 28),
    (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30), (b"KW", 30), (b"KZ", 20),
    (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20), (b"LV", 21), (b"LY", 25), (b"MC", 27),
    (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NL", 18), (b"NO", 15),
    (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22), (b"SA", 24),
    (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"SM", 27), (b"ST", 25), (b"SV", 28),
    (b"TL", 23), (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20),
];

/// The first number that begins at `from` or behind. A number may be written in groups, with single blanks.
pub(super) fn find(text: &[u8], from: usize) -> Option<Range<usize>> {
    let rest = text.get(from..)?;
    let begins = rest.windows(4).enumerate().filter(|(_, head)| {
        matches!(head, [a, b, c, d] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic()
            && c.is_ascii_digit() && d.is_ascii_digit())
    });
    begins
        .filter(|(offset, _)| begins_word(text, from + offset))
        .find_map(|(offset, _)| at(text, from + offset))
}

fn at(text: &[u8], from: usize) -> Option<Range<usize>> {
    let country = text.get(from..from + 2)?.to_ascii_uppercase();
    let (_, length) = LENGTHS.iter().find(|(name, _)| name.as_slice() == country)?;
    let run = Grouped::<32>::read(text, from, b" ", |byte| byte.is_ascii_alphanumeric());
    let number = run.get().get(..*length)?;
    // The run may go on into the next word; the number ends where its characters are complete.
    let end = end_of(text, from, *length)?;
    (ends_word(text, end) && checks(number)).then_some(from..end)
}

/// Behind the character that completes the number.
fn end_of(text: &[u8], from: usize, length: usize) -> Option<usize> {
    let rest = text.get(from..)?.iter().enumerate();
    let mut characters = rest.filter(|(_, byte)| byte.is_ascii_alphanumeric());
    characters.nth(length - 1).map(|(offset, _)| from + offset + 1)
}

/// ISO 7064, mod 97-10, with the first four characters moved to the end.
fn checks(number: &[u8]) -> bool {
    let (head, body) = number.split_at_checked(4).unwrap_or_default();
    let rest = body.iter().chain(head).fold(0u32, |rest, byte| {
        let value = (*byte as char).to_digit(36).unwrap_or(0);
        (rest * if value < 10 { 10 } else { 100 } + value) % 97
    });
    rest == 1
}
