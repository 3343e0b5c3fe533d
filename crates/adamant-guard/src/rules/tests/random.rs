//! Chance that is the same on every run, and texts from grammars. Knows no attack.

/// A source of numbers (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % end
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(super) fn digits(&mut self, alphabet: &[u8], count: usize) -> String {
        (0..count).map(|_| char::from(self.one(alphabet))).collect()
    }

    /// A text of a grammar: each `§name§` is one of the lines that follow that name.
    pub(super) fn text(&mut self, grammar: &[(&str, &[&str])], name: &str) -> String {
        let built_in = match name {
            "n" => Some(self.below(10).to_string()),
            "nn" => Some((10 + self.below(990)).to_string()),
            "w" => Some(self.digits(b"abcdefghijklmnoprstuvwz", 4)),
            "hex" => Some(self.digits(b"0123456789abcdef", 8)),
            _ => None,
        };
        if let Some(text) = built_in {
            return text;
        }
        let (_, lines) = grammar
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("the grammar has no `{name}`"));
        let line = self.one(lines);
        let mut text = String::new();
        for (place, piece) in line.split('§').enumerate() {
            if place % 2 == 0 {
                text.push_str(piece);
            } else {
                text.push_str(&self.text(grammar, piece));
            }
        }
        text
    }
}
