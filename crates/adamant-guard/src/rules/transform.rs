//! Transformations: a value as the program behind the gateway may come to read it.
//!
//! Each writes into a buffer and never fails: what is no escape stands for itself. None makes a value longer than its
//! bound, which is the length of what it was given.

use adamant_filter::prelude::*;

use super::marks::Marks;

/// How often escapes of URLs are undone: each layer of software may do it once more.
const UNESCAPES_MAX: usize = 3;
/// The shortest text that is taken for base64. Shorter ones are words.
const BASE64_MIN: usize = 8;

/// A step on the way to the text that a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transform {
    /// A value that is base64 of readable text becomes that text.
    Base64Decode,
    /// `%41` and `%u0041` become `A`, until nothing changes, at most three times.
    UrlDecode,
    /// `&lt;`, `&#60;` and `&#x3c;` become `<`.
    HtmlEntityDecode,
    /// `\u0041`, `\u{41}` and `\x41` of JSON and JavaScript become `A`.
    Unescape,
    /// `\41 ` of CSS becomes `A`, and a backslash before another character is dropped.
    CssUnescape,
    /// Zero bytes are dropped.
    RemoveNulls,
    /// Capital letters of ASCII become small ones.
    LowerCase,
    /// White space becomes one space.
    CompressWhitespace,
    /// Comments of C, HTML and SQL become one space.
    RemoveComments,
    /// `\` becomes `/`, and `a/../b`, `./b` and `//b` become `b`.
    NormalisePath,
}

impl Transform {
    /// The kinds of bytes without which it changes nothing.
    pub(super) const fn triggers(self) -> Marks {
        match self {
            // Whether a value is base64 is not seen by its bytes alone: see `may_be_base64`.
            Self::Base64Decode => Marks::NONE,
            Self::UrlDecode => Marks::among(b"%").with(Marks::OVERLONG),
            Self::HtmlEntityDecode => Marks::among(b"&"),
            Self::Unescape | Self::CssUnescape => Marks::among(b"\\"),
            Self::RemoveNulls => Marks::CONTROL,
            Self::LowerCase => Marks::CAPITAL,
            Self::CompressWhitespace => Marks::SPACE.with(Marks::LINE),
            Self::RemoveComments => Marks::among(b"/<-#"),
            Self::NormalisePath => Marks::among(b"\\/"),
        }
    }

    /// Writes what it makes of `from` behind what `to` holds.
    pub(super) fn write(self, from: &[u8], to: &mut Vec<u8>) {
        match self {
            Self::Base64Decode => base64(from, to),
            Self::UrlDecode => url_repeatedly(from, to),
            Self::HtmlEntityDecode => replace(from, to, b'&', entity),
            Self::Unescape => replace(from, to, b'\\', escape),
            Self::CssUnescape => replace(from, to, b'\\', css_escape),
            Self::RemoveNulls => to.extend(from.iter().filter(|byte| **byte != 0)),
            Self::LowerCase => to.extend(from.iter().map(u8::to_ascii_lowercase)),
            Self::CompressWhitespace => compress(from, to),
            Self::RemoveComments => uncomment(from, to),
            Self::NormalisePath => normalise(from, to),
        }
    }
}

/// Copies, and lets `read` replace what begins at each `mark`: it tells a byte and how much it stands for.
fn replace(from: &[u8], to: &mut Vec<u8>, mark: u8, read: fn(&[u8]) -> Option<(Decoded, usize)>) {
    let mut rest = from;
    while let Some(at) = rest.iter().position(|byte| *byte == mark) {
        let (before, marked) = rest.split_at(at);
        to.extend_from_slice(before);
        let taken = if let Some((decoded, length)) = read(marked) {
            decoded.write(to);
            length
        } else {
            to.push(mark);
            1
        };
        rest = marked.get(taken..).unwrap_or_default();
    }
    to.extend_from_slice(rest);
}

/// What an escape stands for.
#[derive(Clone, Copy)]
struct Decoded(u32);

impl Decoded {
    fn write(self, to: &mut Vec<u8>) {
        if let Ok(byte) = u8::try_from(self.0)
            && byte.is_ascii()
        {
            to.push(byte);
            return;
        }
        // Wide forms of ASCII are what they look like: some programs fold them.
        if let 0xff01..=0xff5e = self.0 {
            to.push(u8::try_from(self.0 - 0xfee0).unwrap_or(b'?'));
            return;
        }
        match char::from_u32(self.0) {
            Some(character) => to.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            None => to.push(b'?'),
        }
    }
}

const fn hex(digit: u8) -> Option<u32> {
    match digit {
        b'0'..=b'9' => Some((digit - b'0') as u32),
        b'a'..=b'f' => Some((digit - b'a') as u32 + 10),
        b'A'..=b'F' => Some((digit - b'A') as u32 + 10),
        _ => None,
    }
}

/// A number of exactly so many hexadecimal digits.
fn fixed(text: &[u8], digits: usize) -> Option<u32> {
    let digits = text.get(..digits)?;
    digits
        .iter()
        .try_fold(0, |number, digit| Some(number << 4 | hex(*digit)?))
}

/// A number of some digits, and how many they are.
fn open(text: &[u8], radix: u32, digits_max: usize) -> Option<(u32, usize)> {
    let digits = text.iter().take(digits_max);
    let digits = digits.map_while(|digit| hex(*digit).filter(|value| *value < radix));
    let (number, length) = digits.fold((0_u32, 0), |(number, length), digit| {
        (number.saturating_mul(radix).saturating_add(digit), length + 1)
    });
    (length > 0).then_some((number, length))
}

/// Undoes one layer of `%` escapes.
pub(super) fn url(from: &[u8], to: &mut Vec<u8>) {
    let mut rest = from;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let (before, marked) = rest.split_at(at);
        to.extend_from_slice(before);
        let digits = marked.get(1..).unwrap_or_default();
        let taken = if let Some(byte) = fixed(digits, 2) {
            // Two digits are one byte.
            to.push(u8::try_from(byte).unwrap_or(b'?'));
            3
        } else if let Some(unit) = wide(digits) {
            Decoded(unit).write(to);
            6
        } else {
            to.push(b'%');
            1
        };
        rest = marked.get(taken..).unwrap_or_default();
    }
    to.extend_from_slice(rest);
}

/// `u0041` behind `%`, which IIS reads.
fn wide(digits: &[u8]) -> Option<u32> {
    match digits {
        [b'u' | b'U', rest @ ..] => fixed(rest, 4),
        _ => None,
    }
}

fn url_repeatedly(from: &[u8], to: &mut Vec<u8>) {
    let start = to.len();
    url(from, to);
    for _ in 1..UNESCAPES_MAX {
        let written = to.get(start..).unwrap_or_default();
        if !written.contains(&b'%') {
            break;
        }
        let last = written.to_vec();
        to.truncate(start);
        url(&last, to);
    }
    unfold_overlong(to, start);
}

/// Over-long UTF-8 such as `c0 af` for `/` is read by lenient decoders, and `c0 2f` by those that drop what is wrong.
fn unfold_overlong(text: &mut Vec<u8>, start: usize) {
    let tail = text.get(start..).unwrap_or_default();
    if !Marks::of(tail).meets(Marks::OVERLONG) {
        return;
    }
    let whole = tail.to_vec();
    let mut rest = whole.as_slice();
    text.truncate(start);
    while let Some((first, after)) = rest.split_first() {
        let (byte, taken) = match rest {
            [0xc0 | 0xc1, next @ 0x80..=0xbf, ..] => ((first & 1) << 6 | (next & 0x3f), 2),
            [0xc0 | 0xc1, next @ ..0x80, ..] => (*next, 2),
            [0xe0, 0x80 | 0x81, next @ 0x80..=0xbf, ..] => (next & 0x3f, 3),
            [0xf0, 0x80, 0x80 | 0x81, next @ 0x80..=0xbf, ..] => (next & 0x3f, 4),
            _ => (*first, 1),
        };
        text.push(byte);
        rest = rest.get(taken..).unwrap_or(after);
    }
}

/// Named entities that stand for characters with a meaning.
const ENTITIES: [(&[u8], u32); 14] = [
    (b"lt", 0x3c),
    (b"gt", 0x3e),
    (b"amp", 0x26),
    (b"quot", 0x22),
    (b"apos", 0x27),
    (b"colon", 0x3a),
    (b"lpar", 0x28),
    (b"rpar", 0x29),
    (b"tab", 0x09),
    (b"newline", 0x0a),
    (b"nbsp", 0x20),
    (b"sol", 0x2f),
    (b"equals", 0x3d),
    (b"num", 0x23),
];

fn entity(text: &[u8]) -> Option<(Decoded, usize)> {
    let inner = text.get(1..)?;
    let (number, length) = match inner {
        [b'#', b'x' | b'X', digits @ ..] => {
            let (number, length) = open(digits, 16, 8)?;
            (number, length + 3)
        }
        [b'#', digits @ ..] => {
            let (number, length) = open(digits, 10, 8)?;
            (number, length + 2)
        }
        _ => {
            let named = |name: &[u8]| {
                let written = inner.get(..name.len())?;
                let ends = inner.get(name.len()) == Some(&b';');
                (ends && written.eq_ignore_ascii_case(name)).then_some(name.len() + 1)
            };
            ENTITIES
                .iter()
                .find_map(|(name, number)| Some((*number, named(name)?)))?
        }
    };
    let closed = usize::from(text.get(length) == Some(&b';'));
    Some((Decoded(number), length + closed))
}

fn escape(text: &[u8]) -> Option<(Decoded, usize)> {
    match text {
        [_, b'u' | b'U', b'{', digits @ ..] => {
            let (number, length) = open(digits, 16, 6)?;
            (digits.get(length) == Some(&b'}')).then_some((Decoded(number), length + 4))
        }
        [_, b'u' | b'U', digits @ ..] => Some((Decoded(fixed(digits, 4)?), 6)),
        [_, b'x' | b'X', digits @ ..] => Some((Decoded(fixed(digits, 2)?), 4)),
        _ => None,
    }
}

fn css_escape(text: &[u8]) -> Option<(Decoded, usize)> {
    if let Some((number, length)) = open(text.get(1..)?, 16, 6) {
        let space = usize::from(text.get(length + 1).is_some_and(u8::is_ascii_whitespace));
        return Some((Decoded(number), 1 + length + space));
    }
    match text {
        [_, byte, ..] if byte.is_ascii() => Some((Decoded(u32::from(*byte)), 2)),
        _ => None,
    }
}

fn compress(from: &[u8], to: &mut Vec<u8>) {
    let mut was_space = false;
    for byte in from {
        let is_space = byte.is_ascii_whitespace() || *byte == 0x0b;
        if !is_space {
            to.push(*byte);
        } else if !was_space {
            to.push(b' ');
        }
        was_space = is_space;
    }
}

fn uncomment(from: &[u8], to: &mut Vec<u8>) {
    let mut rest = from;
    while let Some((first, after)) = rest.split_first() {
        let end: &[u8] = match rest {
            [b'/', b'*', ..] => b"*/",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'-', b'-', ..] | [b'#', ..] => b"\n",
            _ => {
                to.push(*first);
                rest = after;
                continue;
            }
        };
        to.push(b' ');
        let ends = rest.windows(end.len()).skip(2).position(|window| window == end);
        rest = ends
            .and_then(|at| rest.get(at + 2 + end.len()..))
            .unwrap_or_default();
    }
}

fn normalise(from: &[u8], to: &mut Vec<u8>) {
    if !from.iter().any(|byte| matches!(byte, b'/' | b'\\')) {
        to.extend_from_slice(from);
        return;
    }
    let start = to.len();
    let mut segments = from.split(|byte| matches!(byte, b'/' | b'\\')).peekable();
    let is_absolute = matches!(from.first(), Some(b'/' | b'\\'));
    while let Some(segment) = segments.next() {
        match segment {
            b".." => {
                let written = to.get(start..).unwrap_or_default();
                let parent = written.strip_suffix(b"/").unwrap_or(written);
                let cut = parent
                    .iter()
                    .rposition(|byte| *byte == b'/')
                    .map_or(0, |at| at + 1);
                // What climbs above the beginning is what rules look for.
                if parent.is_empty() || parent.ends_with(b"..") {
                    to.extend_from_slice(b"../");
                } else {
                    to.truncate(start + cut);
                }
            }
            b"." => {}
            b"" if segments.peek().is_some() && !(is_absolute && to.len() == start) => {}
            _ => {
                to.extend_from_slice(segment);
                if segments.peek().is_some() {
                    to.push(b'/');
                }
            }
        }
    }
}

/// Whether a value can be base64 of readable text, as far as its first bytes tell.
pub(super) fn may_be_base64(value: &[u8], marks: Marks) -> bool {
    const ALPHABET: Marks = Marks::CAPITAL.with(Marks::among(b"+/-_="));
    if value.len() < BASE64_MIN || !marks.are_among(ALPHABET) {
        return false;
    }
    let first = value.get(..8).unwrap_or_default();
    let mut groups = first.chunks(4).map(|group| {
        group
            .iter()
            .try_fold(0, |number, digit| Some(number << 6 | sextet(*digit)?))
    });
    groups.all(|group| group.is_some_and(is_readable))
}

const fn sextet(digit: u8) -> Option<u32> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    } as u32)
}

/// Whether three bytes are text of ASCII.
fn is_readable(group: u32) -> bool {
    group.to_be_bytes().iter().skip(1).all(|byte| is_text(*byte))
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e | b'\t' | b'\n' | b'\r')
}

fn base64(from: &[u8], to: &mut Vec<u8>) {
    let start = to.len();
    let digits = from
        .iter()
        .rposition(|byte| *byte != b'=')
        .map_or(0, |last| last + 1);
    let digits = from.get(..digits).unwrap_or_default();
    let mut number = 0;
    let mut bits = 0;
    for digit in digits {
        let Some(value) = sextet(*digit) else { break };
        number = (number << 6 | value) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            to.push(u8::try_from(number >> bits & 0xff).unwrap_or_default());
        }
    }
    let decoded = to.get(start..).unwrap_or_default();
    let is_whole = decoded.len() == digits.len() * 3 / 4 && digits.len() % 4 != 1;
    if from.len() < BASE64_MIN || !is_whole || !decoded.iter().all(|byte| is_text(*byte)) {
        to.truncate(start);
        to.extend_from_slice(from);
    }
}

#[cfg(test)]
mod tests;
