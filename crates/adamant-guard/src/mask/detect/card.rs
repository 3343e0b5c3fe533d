//! Numbers of payment cards (ISO/IEC 7812).
//!
//! A number needs a known prefix of the right length and its check digit; ten random numbers in a hundred have the
//! latter alone.

use std::ops::Range;

use super::{Grouped, digit, is_word};

/// The first number of a card that begins at `from` or behind.
pub(super) fn find(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    while let Some(offset) = text.get(at..)?.iter().position(u8::is_ascii_digit) {
        at += offset;
        let run = Grouped::<20>::read(text, at, b" -", |byte| byte.is_ascii_digit());
        if starts(text, at) && ends(text, run.end) && is_card(run.get()) {
            return Some(at..run.end);
        }
        // A number may stand behind another one and a blank, so that the next group is tried, too.
        let digits = text.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
        at += digits.count().max(1);
    }
    None
}

/// Not inside a word, and no fraction.
fn starts(text: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|place| text.get(place)).copied();
    match before(1) {
        None => true,
        Some(byte) if is_word(byte) => false,
        Some(b'.' | b',') => before(2).is_none_or(|byte| !byte.is_ascii_digit()),
        Some(_) => true,
    }
}

fn ends(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None => true,
        Some(byte) if is_word(*byte) => false,
        Some(b'.' | b',') => text.get(at + 1).is_none_or(|byte| !byte.is_ascii_digit()),
        Some(_) => true,
    }
}

fn is_card(digits: &[u8]) -> bool {
    has_prefix(digits) && luhn(digits)
}

/// Prefixes and lengths of the networks.
fn has_prefix(digits: &[u8]) -> bool {
    let length = digits.len();
    if !(13..=19).contains(&length) {
        return false;
    }
    let four = digits
        .iter()
        .take(4)
        .fold(0, |value, byte| value * 10 + digit(*byte));
    let two = four / 100;
    let three = four / 10;
    match four {
        _ if four / 1000 == 4 => matches!(length, 13 | 16 | 19),
        _ if (51..=55).contains(&two) || (2221..=2720).contains(&four) => length == 16,
        _ if matches!(two, 34 | 37) => length == 15,
        _ if (300..=305).contains(&three) || matches!(two, 36 | 38 | 39) => matches!(length, 14 | 16 | 19),
        _ if (3528..=3589).contains(&four) => (16..=19).contains(&length),
        _ if four == 6011 || (644..=659).contains(&three) || two == 62 => (16..=19).contains(&length),
        // Maestro and its relatives.
        _ if matches!(two, 50 | 56..=58 | 60 | 63 | 67) => matches!(length, 13 | 15 | 16 | 18 | 19),
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, byte)| {
            let value = digit(*byte) << (position % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    // A row of the same digits is a placeholder.
    sum.is_multiple_of(10) && digits.iter().any(|byte| Some(byte) != digits.first())
}
