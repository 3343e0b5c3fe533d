//! Addresses of electronic mail, and telephone numbers in international form.
//!
//! Both are known by their form alone, so that the forms are narrow.

use std::ops::Range;

use super::{begins_word, ends_word};

/// Endings of file names that are taken for no domain: `icon@2x.png` is a picture.
const FILES: [&[u8]; 14] = [
    b"avif", b"css", b"gif", b"htm", b"html", b"ico", b"jpeg", b"jpg", b"js", b"json", b"png", b"svg", b"ts",
    b"webp",
];

/// The first address that begins at `from` or behind.
pub(super) fn find_email(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        at += text.get(at..)?.iter().position(|byte| *byte == b'@')?;
        if let Some(range) = email_around(text, at, from) {
            return Some(range);
        }
        at += 1;
    }
}

fn email_around(text: &[u8], at: usize, from: usize) -> Option<Range<usize>> {
    let local = text.get(from..at)?;
    let length = local
        .iter()
        .rev()
        .take(65)
        .take_while(|byte| is_local(**byte))
        .count();
    let local = local.get(local.len().checked_sub(length)?..)?;
    let dots = local.iter().take_while(|byte| **byte == b'.').count();
    let local = local.get(dots..)?;
    if local.is_empty() || local.len() > 64 || local.last() == Some(&b'.') {
        return None;
    }
    let domain = text.get(at + 1..)?;
    let domain = domain.get(..domain.iter().take_while(|byte| is_domain(**byte)).count())?;
    let trimmed = domain
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b'.' | b'-'))
        .count();
    let domain = domain.get(..domain.len() - trimmed)?;
    is_host(domain).then(|| at - local.len()..at + 1 + domain.len())
}

/// Characters of a local part that need no quotes (RFC 5322 §3.2.3), but for those that rather end a word.
const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'~')
}

const fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-')
}

/// Labels between dots, the last one of letters.
fn is_host(domain: &[u8]) -> bool {
    if domain.len() > 253 {
        return false;
    }
    let mut labels = domain.split(|byte| *byte == b'.');
    let Some(last) = labels.next_back() else {
        return false;
    };
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len()) && label.first() != Some(&b'-') && label.last() != Some(&b'-')
    };
    let is_ending = last.len() >= 2
        && is_label(last)
        && (last.starts_with(b"xn--")
            || last
                .iter()
                .all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80))
        && !FILES.iter().any(|file| last.eq_ignore_ascii_case(file));
    let mut count = 0;
    let all = labels.all(|label| {
        count += 1;
        is_label(label)
    });
    is_ending && all && count > 0
}

/// The first telephone number that begins at `from` or behind: `+`, the number of a country, and 8 to 15 digits in all.
pub(super) fn find_phone(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        at += text.get(at..)?.iter().position(|byte| *byte == b'+')?;
        if let Some(range) = phone_at(text, at) {
            return Some(range);
        }
        at += 1;
    }
}

fn phone_at(text: &[u8], at: usize) -> Option<Range<usize>> {
    if !begins_word(text, at) || at.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'+') {
        return None;
    }
    let (mut number, mut digits, mut end, mut gap) = (0u64, 0, at + 1, 0);
    for (place, byte) in text.iter().enumerate().skip(at + 1) {
        match byte {
            b'0'..=b'9' if digits == 15 => return None,
            b'0'..=b'9' => {
                number = number * 10 + u64::from(byte - b'0');
                (digits, end, gap) = (digits + 1, place + 1, 0);
            }
            // `+49 (0) 30`: up to three characters stand between two groups.
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if gap < 3 && digits > 0 => gap += 1,
            _ => break,
        }
    }
    let country = number / 10u64.checked_pow(u32::checked_sub(digits, 3)?)?;
    ((8..=15).contains(&digits) && is_country(country) && ends_word(text, end)).then_some(at..end)
}

/// Whether three digits begin with the number of a country (ITU-T E.164).
const fn is_country(three: u64) -> bool {
    matches!(
        three / 10,
        10..=19 | 20..=27 | 29..=46 | 47..=49 | 50..=69 | 70..=82 | 84..=88 | 90..=99
    )
}
