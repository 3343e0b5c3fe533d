//! Which kinds of bytes a value has: one look at each byte, before anything else is asked.
//!
//! Knows no rule. What it says decides which work can be left out, so it must never miss a byte.

/// A set of kinds of bytes. Each mark of ASCII that is no letter and no digit is a kind of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u64);

impl Marks {
    pub(super) const NONE: Self = Self(0);
    /// Every kind, and that of letters and digits, which nothing else has.
    pub(super) const ANY: Self = Self(u64::MAX);
    /// Capital letters: plain, but changed by `lower-case`.
    pub(super) const CAPITAL: Self = Self(1);
    pub(super) const SPACE: Self = Self(1 << 1);
    /// Line feeds and carriage returns.
    pub(super) const LINE: Self = Self(1 << 2);
    /// Other control bytes.
    pub(super) const CONTROL: Self = Self(1 << 3);
    /// Bytes that begin over-long UTF-8.
    pub(super) const OVERLONG: Self = Self(1 << 4);
    /// Other bytes beyond ASCII.
    pub(super) const HIGH: Self = Self(1 << 5);

    /// Letters and digits.
    const WORD: u64 = 1 << 63;

    /// What is plain: nothing that a program could take for more than a word.
    const PLAIN: Self = Self(Self::WORD)
        .with(Self::CAPITAL)
        .with(kind_of(b'-'))
        .with(kind_of(b'.'))
        .with(kind_of(b'_'))
        .with(kind_of(b'~'));

    /// What words are written in.
    pub(super) const NAME: Self = Self(Self::WORD)
        .with(Self::CAPITAL)
        .with(kind_of(b'-'))
        .with(kind_of(b'_'));

    /// Those of a value. Letters and digits are in every one, empty ones included.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let marks = bytes.iter().fold(Self::WORD, |marks, byte| marks | kind(*byte));
        Self(marks)
    }

    pub(super) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Those of a few bytes, while this is compiled.
    pub(super) const fn among(bytes: &[u8]) -> Self {
        let mut marks = Self::NONE;
        let mut rest = bytes;
        while let [byte, after @ ..] = rest {
            marks = marks.with(kind_of(*byte));
            rest = after;
        }
        marks
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether both have one in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of them are letters, digits or among `other`.
    pub(super) const fn are_among(self, other: Self) -> bool {
        self.0 & !(other.0 | Self::WORD) == 0
    }

    /// Nothing but letters, digits and `.`, `_`, `~`, `-`.
    pub(super) const fn are_plain(self) -> bool {
        self.are_among(Self::PLAIN)
    }

    /// Nothing but letters, digits, `_` and `-`: what most values are.
    pub(super) const fn are_word(self) -> bool {
        self.are_among(Self::NAME)
    }

    /// One kind of which a text has a byte when it contains one of these literals; `None` when that is not known.
    pub(super) fn of_each(literals: &[Vec<u8>]) -> Option<Self> {
        let of = |literal: &Vec<u8>| {
            let marks = literal.iter().map(|byte| kind_of(*byte));
            let mut marks = marks.filter(|mark| *mark != Self::NONE && *mark != Self::CAPITAL);
            marks.next()
        };
        literals
            .iter()
            .try_fold(Self::NONE, |marks, literal| Some(marks.with(of(literal)?)))
    }
}

fn kind(byte: u8) -> u64 {
    // The index of a byte is always in a table of 256.
    KINDS.get(usize::from(byte)).copied().unwrap_or_default()
}

const KINDS: [u64; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    loop {
        #[expect(
            clippy::indexing_slicing,
            reason = "a constant, computed while it is compiled"
        )]
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
        b'a'..=b'z' | b'0'..=b'9' => Marks::NONE,
        b'A'..=b'Z' => Marks::CAPITAL,
        b' ' | b'\t' => Marks::SPACE,
        b'\n' | b'\r' | 0x0b | 0x0c => Marks::LINE,
        0..=0x1f | 0x7f => Marks::CONTROL,
        0xc0 | 0xc1 | 0xe0 | 0xf0 => Marks::OVERLONG,
        0x80.. => Marks::HIGH,
        // 15, 7, 6 and 4 marks.
        b'!'..=b'/' => Marks(1 << (8 + byte - b'!')),
        b':'..=b'@' => Marks(1 << (23 + byte - b':')),
        b'['..=b'`' => Marks(1 << (30 + byte - b'[')),
        b'{'..=b'~' => Marks(1 << (36 + byte - b'{')),
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
