//! Which sets of literals were found in a text: a few machine words. Knows no literal.

/// Sets that one engine may have.
pub(super) const SETS_MAX: usize = WORDS * 64;

const WORDS: usize = 48;

/// Some sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundSets {
    words: [u64; WORDS],
    /// Which words have something.
    used: u64,
}

impl FoundSets {
    pub(super) const NONE: Self = Self {
        words: [0; WORDS],
        used: 0,
    };

    pub(super) fn insert(&mut self, set: u16) {
        if let Some(word) = self.words.get_mut(usize::from(set / 64)) {
            *word |= 1 << (set % 64);
            self.used |= 1 << (set / 64);
        }
    }

    pub(super) fn contains(&self, set: u16) -> bool {
        self.words
            .get(usize::from(set / 64))
            .is_some_and(|word| word >> (set % 64) & 1 == 1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u16> {
        bits(self.used).flat_map(|place| {
            let word = self.words.get(usize::from(place)).copied().unwrap_or_default();
            bits(word).map(move |bit| place * 64 + bit)
        })
    }
}

fn bits(word: u64) -> impl Iterator<Item = u16> {
    // What is left of the word after its lowest bits were taken.
    let rest = std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)));
    let rest = rest.take_while(|rest| *rest != 0);
    // A bit of a word is below 64.
    rest.map(|rest| u16::try_from(rest.trailing_zeros()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(sets in prop::collection::btree_set(0..3072_u16, 0..40)) {
            let mut found = FoundSets::NONE;
            sets.iter().for_each(|set| found.insert(*set));
            prop_assert_eq!(found.iter().collect::<BTreeSet<_>>(), sets.clone());
            prop_assert!(sets.iter().all(|set| found.contains(*set)));
            prop_assert!(!FoundSets::NONE.contains(3) && !found.contains(u16::MAX));
        }
    }
}
