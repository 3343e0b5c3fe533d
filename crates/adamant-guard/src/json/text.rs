//! Texts of JSON: escapes, UTF-8 and length.
//!
//! Keeps nothing of a text but how far it was read; the characters of a name go into its hash.

use adamant_filter::prelude::*;

use super::scanner::{SYNTAX, Stop};
use crate::names::Names;

/// Bytes that are not UTF-8.
pub(crate) const UTF8: Reason = Reason::new("utf8", 400, "the body is not valid UTF-8");
/// Half of a pair that stands alone, which no text in Unicode has.
pub(crate) const SURROGATE: Reason = Reason::new("surrogate", 400, "a text has half of a surrogate pair");
/// A control character that is not escaped.
pub(crate) const CONTROL: Reason = Reason::new("control", 400, "a text has a control character");
/// A text that is a value.
pub(crate) const STRING_TOO_LONG: Reason =
    Reason::new("string-too-long", 400, "a text is longer than is accepted");
/// The name of a member.
pub(crate) const NAME_TOO_LONG: Reason =
    Reason::new("name-too-long", 400, "a name is longer than is accepted");

/// Where in a text the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Plain,
    /// Inside a character of several bytes: how many follow, and what the next one may be.
    Character(u8, u8, u8),
    /// Behind a backslash.
    Escape,
    /// Inside `\u` and four digits: digits read and their value.
    Hex(u8, u16),
    /// Behind the first half of a pair, which a second half must follow.
    Pair,
    /// Behind the backslash of the second half.
    PairEscape,
}

/// A text that is being read.
#[derive(Debug, Default)]
pub(super) struct Text {
    place: Place,
    /// The first half of a surrogate pair, or 0.
    high: u16,
    /// Bytes between the quotation marks so far.
    length: u64,
    #[cfg(test)]
    pub(super) steps: u64,
}

impl Text {
    /// Behind the first quotation mark.
    pub(super) const fn begin(&mut self) {
        self.place = Place::Plain;
        self.high = 0;
        self.length = 0;
    }

    /// Reads on, at most to the closing quotation mark. Tells what is left of the piece and whether the text ended.
    /// With `names` it is a name.
    pub(super) fn read<'p>(
        &mut self,
        longest: u64,
        piece: &'p [u8],
        mut names: Option<&mut Names>,
    ) -> Result<(&'p [u8], bool), Stop> {
        let too_long = if names.is_some() {
            &NAME_TOO_LONG
        } else {
            &STRING_TOO_LONG
        };
        let mut rest = piece;
        loop {
            if self.place == Place::Plain {
                let (plain, after) = rest.split_at(plain(rest));
                self.length += plain.len() as u64;
                if let Some(excess) = self.length.checked_sub(longest).filter(|excess| *excess > 0) {
                    // The first byte that is too many is wrong, however the pieces are cut.
                    let excess = usize::try_from(excess).unwrap_or(usize::MAX);
                    return Err(Stop {
                        reason: too_long,
                        left: after.len().saturating_add(excess),
                    });
                }
                if let Some(names) = names.as_deref_mut() {
                    names.write(plain);
                }
                rest = after;
            }
            let Some((&byte, after)) = rest.split_first() else {
                return Ok((rest, false));
            };
            #[cfg(test)]
            {
                self.steps += 1;
            }
            if self.place == Place::Plain {
                if byte == b'"' {
                    return Ok((after, true));
                }
                if let Some((character, after)) = short(rest)
                    && self.length + (rest.len() - after.len()) as u64 <= longest
                {
                    self.length += (rest.len() - after.len()) as u64;
                    if let Some(names) = names.as_deref_mut() {
                        names.write(character.bytes());
                    }
                    rest = after;
                    continue;
                }
            }
            self.length += 1;
            if self.length > longest {
                return Err(Stop::at(too_long, rest));
            }
            let names = names.as_deref_mut();
            self.special(byte, names)
                .map_err(|reason| Stop::at(reason, rest))?;
            rest = after;
        }
    }

    /// A byte that does not stand for itself.
    fn special(&mut self, byte: u8, mut names: Option<&mut Names>) -> Result<(), &'static Reason> {
        let mut write = |bytes: &[u8]| {
            if let Some(names) = names.as_deref_mut() {
                names.write(bytes);
            }
        };
        self.place = match self.place {
            Place::Plain => match byte {
                b'\\' => Place::Escape,
                ..0x20 => return Err(&CONTROL),
                _ => {
                    write(&[byte]);
                    lead(byte)?
                }
            },
            Place::Character(left, low, high) => {
                if !(low..=high).contains(&byte) {
                    return Err(&UTF8);
                }
                write(&[byte]);
                if left == 1 {
                    Place::Plain
                } else {
                    Place::Character(left - 1, 0x80, 0xbf)
                }
            }
            Place::Escape => match escaped(byte) {
                Some(character) => {
                    write(&[character]);
                    Place::Plain
                }
                None if byte == b'u' => Place::Hex(0, 0),
                None => return Err(&SYNTAX),
            },
            Place::Pair if byte == b'\\' => Place::PairEscape,
            Place::PairEscape if byte == b'u' => Place::Hex(0, 0),
            Place::Pair | Place::PairEscape => return Err(&SURROGATE),
            Place::Hex(read, value) => {
                let digit = char::from(byte)
                    .to_digit(16)
                    .and_then(|digit| u16::try_from(digit).ok());
                let value = value << 4 | digit.ok_or(&SYNTAX)?;
                if read < 3 {
                    Place::Hex(read + 1, value)
                } else {
                    self.unit(value, write)?
                }
            }
        };
        Ok(())
    }

    /// A unit of UTF-16 that was written as `\u` and four digits.
    fn unit(&mut self, unit: u16, mut write: impl FnMut(&[u8])) -> Result<Place, &'static Reason> {
        let high = std::mem::take(&mut self.high);
        let character = match (high, unit) {
            (0, 0xd800..=0xdbff) => {
                self.high = unit;
                return Ok(Place::Pair);
            }
            (0, _) => char::from_u32(u32::from(unit)),
            (_, 0xdc00..=0xdfff) => char::decode_utf16([high, unit]).next().and_then(Result::ok),
            _ => None,
        };
        let mut buffer = [0; 4];
        write(character.ok_or(&SURROGATE)?.encode_utf8(&mut buffer).as_bytes());
        Ok(Place::Plain)
    }
}

/// A character that does not stand for itself and is whole in this piece.
#[derive(Clone, Copy)]
enum Short<'p> {
    Escaped([u8; 1]),
    Several(&'p [u8]),
}

impl Short<'_> {
    const fn bytes(&self) -> &[u8] {
        match self {
            Self::Escaped(byte) => byte,
            Self::Several(bytes) => bytes,
        }
    }
}

/// Most characters that do not stand for themselves, with what follows: the same as byte by byte, at a third of the
/// price.
fn short(rest: &[u8]) -> Option<(Short<'_>, &[u8])> {
    match rest {
        [b'\\', escape, after @ ..] => Some((Short::Escaped([escaped(*escape)?]), after)),
        [0xc2..=0xdf, 0x80..=0xbf, ..] => {
            let (several, after) = rest.split_at_checked(2)?;
            Some((Short::Several(several), after))
        }
        [0xe1..=0xec | 0xee..=0xef, 0x80..=0xbf, 0x80..=0xbf, ..] => {
            let (several, after) = rest.split_at_checked(3)?;
            Some((Short::Several(several), after))
        }
        _ => None,
    }
}

/// What may follow the first byte of a character (RFC 3629 §4): no character has two spellings.
const fn lead(byte: u8) -> Result<Place, &'static Reason> {
    Ok(match byte {
        0xc2..=0xdf => Place::Character(1, 0x80, 0xbf),
        0xe0 => Place::Character(2, 0xa0, 0xbf),
        0xed => Place::Character(2, 0x80, 0x9f),
        0xe1..=0xef => Place::Character(2, 0x80, 0xbf),
        0xf0 => Place::Character(3, 0x90, 0xbf),
        0xf1..=0xf3 => Place::Character(3, 0x80, 0xbf),
        0xf4 => Place::Character(3, 0x80, 0x8f),
        _ => return Err(&UTF8),
    })
}

const fn escaped(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' | b'/' => Some(byte),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        _ => None,
    }
}

/// How many bytes at the front stand for themselves. Eight at a time: texts are most of most bodies.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
        let slash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
        let control = word.wrapping_sub(ONES * 0x20);
        // The highest bit of a byte is set where one of the differences borrowed, or where it was set before. A
        // borrow can only spoil bytes behind the first one that stops.
        let stops = (quote | slash | control | word) & HIGHS;
        if stops != 0 {
            return bytes.len() - rest.len() + (stops.trailing_zeros() / 8) as usize;
        }
        rest = after;
    }
    let is_plain = |byte: &u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7f);
    let tail = rest.iter().take_while(|byte| is_plain(byte)).count();
    bytes.len() - rest.len() + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_stops_a_run_or_does_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let stops = !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\';
            for at in 0..20 {
                for length in at + 1..24 {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let expected = if stops { at } else { length };
                    assert_eq!(plain(&bytes), expected, "{byte:#x} at {at} of {length}");
                }
            }
        }
    }
}
