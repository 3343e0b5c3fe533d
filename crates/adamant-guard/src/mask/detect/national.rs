//! National identifiers. Each function tells how long the identifier at a place is, if one stands there.
//!
//! What has a check digit is checked; what has none must have exactly its usual form.

use std::ops::Range;

use super::{Grouped, begins_word, digit, ends_word};

/// The first identifier of a kind that begins at `from` or behind.
pub(super) fn find(text: &[u8], from: usize, kind: fn(&[u8]) -> Option<usize>) -> Option<Range<usize>> {
    let mut begins = (from..text.len()).filter(|at| {
        begins_word(text, *at)
            && text.get(*at).is_some_and(u8::is_ascii_alphanumeric)
            // No part of a longer number in groups.
            && !continues(text, *at)
    });
    begins.find_map(|at| {
        let length = kind(text.get(at..)?)?;
        let end = at + length;
        let goes_on =
            text.get(end) == Some(&b'-') && text.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        (ends_word(text, end) && !goes_on).then_some(at..end)
    })
}

/// Whether a hyphen or a point joins the place to a word before it.
fn continues(text: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|place| text.get(place));
    matches!(before(1), Some(b'-' | b'.')) && before(2).is_some_and(u8::is_ascii_alphanumeric)
}

/// `123-45-6789`; numbers that are never given out are none.
pub(super) fn us_ssn(text: &[u8]) -> Option<usize> {
    let number = text.get(..11)?;
    let is_form = number.iter().enumerate().all(|(position, byte)| match position {
        3 | 6 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let area = number.get(..3)?;
    let is_given = area != b"000" && area != b"666" && area.first() != Some(&b'9');
    (is_form && is_given && number.get(4..6)? != b"00" && number.get(7..)? != b"0000").then_some(11)
}

/// Eleven digits, of which the last one checks (ISO 7064, mod 11,10). Among the first ten, one digit occurs twice or
/// three times, and all others at most once.
pub(super) fn de_tax_id(text: &[u8]) -> Option<usize> {
    let run = Grouped::<11>::read(text, 0, b" ", |byte| byte.is_ascii_digit());
    let digits = run.get();
    let (first, last) = (digits.first()?, digits.get(10)?);
    if *first == b'0' {
        return None;
    }
    let mut counts = [0u8; 10];
    let mut product = 10;
    for byte in digits.iter().take(10) {
        *counts.get_mut(digit(*byte) as usize)? += 1;
        let sum = (digit(*byte) + product) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let most = counts.iter().max().copied().unwrap_or(0);
    let check = (11 - product) % 10;
    (repeated == 1 && most <= 3 && check == digit(*last)).then_some(run.end)
}

/// `AB123456C`, with or without blanks.
pub(super) fn uk_nino(text: &[u8]) -> Option<usize> {
    let run = Grouped::<9>::read(text, 0, b" ", |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit()
    });
    let [one, two, digits @ .., suffix] = run.get() else {
        return None;
    };
    let prefix = [*one, *two];
    let is_prefix = prefix.iter().all(u8::is_ascii_uppercase)
        && !prefix.iter().any(|byte| b"DFIQUV".contains(byte))
        && *two != b'O'
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&prefix);
    let is_number = digits.len() == 6 && digits.iter().all(u8::is_ascii_digit);
    (is_prefix && is_number && (b'A'..=b'D').contains(suffix)).then_some(run.end)
}

/// Thirteen characters and a key of two digits.
pub(super) fn fr_nir(text: &[u8]) -> Option<usize> {
    let run = Grouped::<15>::read(text, 0, b" ", |byte| {
        byte.is_ascii_digit() || matches!(byte, b'A' | b'B')
    });
    let number = run.get();
    let key = digits(number.get(13..15)?)?;
    if !matches!(number.first()?, b'1' | b'2') {
        return None;
    }
    let month = digits(number.get(3..5)?)?;
    if !matches!(month, 1..=12 | 20 | 30..=42 | 50..=99) {
        return None;
    }
    // Corsica: 2A counts as 19, 2B as 18.
    let department = match number.get(5..7)? {
        b"2A" => 19,
        b"2B" => 18,
        other => digits(other)?,
    };
    if !(1..=99).contains(&department) {
        return None;
    }
    let value = (digits(number.get(..5)?)? * 100 + department) * 1_000_000 + digits(number.get(7..13)?)?;
    (97 - value % 97 == key).then_some(run.end)
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0u64, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + u64::from(digit(*byte)))
    })
}

/// `12345678Z` and `X1234567L`; a hyphen may stand before the letter.
pub(super) fn es_dni(text: &[u8]) -> Option<usize> {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let lead = match text.first()? {
        b'X' => Some(0),
        b'Y' => Some(1),
        b'Z' => Some(2),
        _ => None,
    };
    let (skipped, count) = if lead.is_some() { (1, 7) } else { (0, 8) };
    let number = digits(text.get(skipped..skipped + count)?)? + lead.unwrap_or(0) * 10_000_000;
    let end = skipped + count;
    let end = if text.get(end) == Some(&b'-') {
        end + 1
    } else {
        end
    };
    let letter = text.get(end)?;
    let right = LETTERS.get(usize::try_from(number % 23).ok()?)?;
    (letter == right).then_some(end + 1)
}

/// Sixteen characters, of which the last one checks. Digits may be replaced by letters (omocodia).
pub(super) fn it_codice_fiscale(text: &[u8]) -> Option<usize> {
    const FORM: &[u8; 16] = b"LLLLLLDDMDDLDDDL";
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    let code = text.get(..16)?;
    let fits = code.iter().zip(FORM).all(|(byte, form)| match form {
        b'L' => byte.is_ascii_uppercase(),
        b'M' => b"ABCDEHLMPRST".contains(byte),
        _ => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
    });
    if !fits {
        return None;
    }
    let value = |byte: u8| {
        if byte.is_ascii_digit() {
            digit(byte)
        } else {
            u32::from(byte - b'A')
        }
    };
    let (last, checked) = code.split_last()?;
    let sum: u32 = checked
        .iter()
        .enumerate()
        .map(|(position, byte)| match position % 2 {
            // The first position counts as odd.
            0 => ODD.get(value(*byte) as usize).copied().unwrap_or(0),
            _ => value(*byte),
        })
        .sum();
    (sum % 26 == value(*last)).then_some(16)
}
