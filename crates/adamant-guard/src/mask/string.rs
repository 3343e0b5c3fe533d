//! Strings of JSON: their end, their content, and where a part of the content stands.
//!
//! Changes nothing.

use std::borrow::Cow;

use super::detect::{AT, DASH, DIGIT, DOT, LETTER, PLUS};

/// A string has an escape.
pub(super) const ESCAPED: u8 = 64;
/// A string has bytes beyond ASCII.
const WIDE: u8 = 128;

/// Marks of bytes that end the fast run: quotation mark, backslash and control characters.
const STOP: u16 = 1 << 8;

const KINDS: [u16; 256] = kinds();

#[expect(
    clippy::indexing_slicing,
    reason = "the table is made by the compiler, which would refuse an index beyond it"
)]
const fn kinds() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            0..=0x1f | b'"' | b'\\' => STOP,
            b'0'..=b'9' => DIGIT as u16,
            b'@' => AT as u16,
            b'A'..=b'Z' | b'a'..=b'z' => LETTER as u16,
            b'+' => PLUS as u16,
            b'-' => DASH as u16,
            b'.' => DOT as u16,
            0x80..=0xff => WIDE as u16,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// Kinds of bytes of a text.
pub(super) fn kinds_of(text: &[u8]) -> u8 {
    let all = text.iter().fold(0, |all, byte| {
        all | KINDS.get(usize::from(*byte)).copied().unwrap_or(0)
    });
    u8::try_from(all & 0xff).unwrap_or(u8::MAX)
}

/// How far a string was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Behind its closing quotation mark.
    At(usize),
    /// The text ends within; reading goes on from here.
    Within(usize),
    /// It is no string.
    Malformed,
}

/// Reads on in a string from `from`, which stands behind its opening quotation mark. Kinds of bytes are added to `kinds`.
pub(super) fn read_on(text: &[u8], from: usize, kinds: &mut u8) -> End {
    let mut at = from;
    loop {
        let mut seen = 0u16;
        let rest = text.get(at..).unwrap_or_default();
        let plain = rest
            .iter()
            .take_while(|byte| {
                let kind = KINDS.get(usize::from(**byte)).copied().unwrap_or(STOP);
                seen |= kind;
                kind & STOP == 0
            })
            .count();
        *kinds |= u8::try_from(seen & 0xff).unwrap_or(u8::MAX);
        at += plain;
        match text.get(at) {
            None => return End::Within(at),
            Some(b'"') => return End::At(at + 1),
            Some(b'\\') => {}
            Some(_) => return End::Malformed,
        }
        *kinds |= ESCAPED;
        let length = match text.get(at + 1) {
            None => return End::Within(at),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => 6,
            Some(_) => return End::Malformed,
        };
        let Some(escape) = text.get(at..at + length) else {
            return End::Within(at);
        };
        if !escape.iter().skip(2).all(u8::is_ascii_hexdigit) {
            return End::Malformed;
        }
        at += length;
    }
}

/// Whether the content is text: JSON is UTF-8 (RFC 8259 §8.1).
pub(super) fn is_text(content: &[u8], kinds: u8) -> bool {
    kinds & WIDE == 0 || str::from_utf8(content).is_ok()
}

/// The content without escapes.
pub(super) fn decoded(content: &[u8], kinds: u8) -> Cow<'_, [u8]> {
    if kinds & ESCAPED == 0 {
        return Cow::Borrowed(content);
    }
    let mut text = Vec::with_capacity(content.len());
    let mut at = 0;
    while let Some((character, next)) = step(content, at) {
        text.extend_from_slice(character.get());
        at = next;
    }
    Cow::Owned(text)
}

/// Where the byte at `position` of the decoded content stands in the written one: the beginning of its character.
pub(super) fn written_at(content: &[u8], kinds: u8, position: usize) -> usize {
    if kinds & ESCAPED == 0 {
        return position;
    }
    let (mut at, mut decoded) = (0, 0);
    while let Some((character, next)) = step(content, at) {
        decoded += character.get().len();
        if decoded > position {
            return at;
        }
        at = next;
    }
    content.len()
}

/// Up to four bytes.
struct Character([u8; 4], usize);

impl Character {
    fn byte(byte: u8) -> Self {
        Self([byte, 0, 0, 0], 1)
    }

    fn of(character: char) -> Self {
        let mut bytes = [0; 4];
        let length = character.encode_utf8(&mut bytes).len();
        Self(bytes, length)
    }

    fn get(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

/// The byte or the escape at a place, and the place behind it.
fn step(content: &[u8], at: usize) -> Option<(Character, usize)> {
    let byte = *content.get(at)?;
    if byte != b'\\' {
        return Some((Character::byte(byte), at + 1));
    }
    let plain = match content.get(at + 1)? {
        b'u' => return unicode(content, at),
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => *other,
    };
    Some((Character::byte(plain), at + 2))
}

/// `\u0041`, or two of them that are one character together. Half a pair stands for nothing.
fn unicode(content: &[u8], at: usize) -> Option<(Character, usize)> {
    let unit = hex(content, at)?;
    if let Some(character) = char::from_u32(unit) {
        return Some((Character::of(character), at + 6));
    }
    let low = (content.get(at + 6..at + 8) == Some(b"\\u"))
        .then(|| hex(content, at + 6))
        .flatten();
    if let (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) = (unit, low) {
        let both = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        return Some((Character::of(char::from_u32(both)?), at + 12));
    }
    Some((Character::of(char::REPLACEMENT_CHARACTER), at + 6))
}

fn hex(content: &[u8], at: usize) -> Option<u32> {
    let digits = str::from_utf8(content.get(at + 2..at + 6)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}
