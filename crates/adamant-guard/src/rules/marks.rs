//! Which kinds of bytes a value has: one look at each byte, before anything else is asked.
//!
//! Knows no rule. What it says decides which work can be left out, so it must never miss a byte.

/// A set of kinds of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u32);

impl Marks {
    pub(super) const NONE: Self = Self(0);
    pub(super) const PERCENT: Self = Self(1);
    pub(super) const PLUS: Self = Self(1 << 1);
    pub(super) const AMPERSAND: Self = Self(1 << 2);
    pub(super) const BACKSLASH: Self = Self(1 << 3);
    /// Control bytes other than white space.
    pub(super) const CONTROL: Self = Self(1 << 4);
    pub(super) const SPACE: Self = Self(1 << 5);
    /// `'`, `"` and the backtick.
    pub(super) const QUOTE: Self = Self(1 << 6);
    pub(super) const PARENTHESIS: Self = Self(1 << 7);
    /// `<` and `>`.
    pub(super) const ANGLE: Self = Self(1 << 8);
    pub(super) const EQUAL: Self = Self(1 << 9);
    pub(super) const SEMICOLON: Self = Self(1 << 10);
    pub(super) const SLASH: Self = Self(1 << 11);
    pub(super) const STAR: Self = Self(1 << 12);
    pub(super) const HASH: Self = Self(1 << 13);
    pub(super) const PIPE: Self = Self(1 << 14);
    /// Every other byte that is not plain.
    pub(super) const OTHER: Self = Self(1 << 15);
    /// Capital letters: plain, but changed by `lower-case`.
    pub(super) const CAPITAL: Self = Self(1 << 16);
    /// `-`: plain, but two of them begin a comment of SQL.
    pub(super) const DASH: Self = Self(1 << 17);
    /// `.`: plain, but part of every path.
    pub(super) const DOT: Self = Self(1 << 18);

    /// Bytes that begin over-long UTF-8.
    pub(super) const OVERLONG: Self = Self(1 << 19);

    /// Those of a value.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let marks = bytes.iter().fold(0, |marks, byte| marks | kind(*byte));
        Self(marks)
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether both have one in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of them are among `other`.
    pub(super) const fn are_among(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Nothing but letters, digits and `.`, `_`, `~`, `-`: what most values are.
    pub(super) const fn are_plain(self) -> bool {
        self.are_among(Self::CAPITAL.with(Self::DASH).with(Self::DOT))
    }
}

fn kind(byte: u8) -> u32 {
    // The index of a byte is always in a table of 256.
    KINDS.get(usize::from(byte)).copied().unwrap_or_default()
}

const KINDS: [u32; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "a constant, computed while it is compiled")]
        {
            kinds[byte as usize] = kind_of(byte).0;
        }
        if byte == u8::MAX {
            break kinds;
        }
        byte += 1;
    }
};

const fn kind_of(byte: u8) -> Marks {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'_' | b'~' => Marks::NONE,
        b'A'..=b'Z' => Marks::CAPITAL,
        b'-' => Marks::DASH,
        b'.' => Marks::DOT,
        b'%' => Marks::PERCENT,
        b'+' => Marks::PLUS,
        b'&' => Marks::AMPERSAND,
        b'\\' => Marks::BACKSLASH,
        b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => Marks::SPACE,
        0..=0x1f | 0x7f => Marks::CONTROL,
        b'\'' | b'"' | b'`' => Marks::QUOTE,
        b'(' | b')' => Marks::PARENTHESIS,
        b'<' | b'>' => Marks::ANGLE,
        b'=' => Marks::EQUAL,
        b';' => Marks::SEMICOLON,
        b'/' => Marks::SLASH,
        b'*' => Marks::STAR,
        b'#' => Marks::HASH,
        b'|' => Marks::PIPE,
        0xc0 | 0xc1 | 0xe0 | 0xf0 => Marks::OVERLONG,
        _ => Marks::OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_bytes_are_plain() {
        for byte in 0..=u8::MAX {
            let is_unreserved = byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
            assert_eq!(Marks::of(&[byte]).are_plain(), is_unreserved, "{byte}");
        }
        assert!(Marks::of(b"").are_plain());
        assert!(!Marks::of(b"550e8400-e29b-41d4-a716-446655440000%00").are_plain());
    }
}
