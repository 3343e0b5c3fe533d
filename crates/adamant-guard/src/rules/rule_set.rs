//! A set of rules by their place in the engine: a few machine words. Knows no rule.

/// Rules that one step may have.
pub(super) const RULES_MAX: usize = WORDS * 64;

const WORDS: usize = 8;

/// Some rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RuleSet([u64; WORDS]);

impl RuleSet {
    pub(super) const NONE: Self = Self([0; WORDS]);

    pub(super) fn insert(&mut self, rule: u16) {
        if let Some(word) = self.0.get_mut(usize::from(rule / 64)) {
            *word |= 1 << (rule % 64);
        }
    }

    pub(super) fn contains(&self, rule: u16) -> bool {
        self.0
            .get(usize::from(rule / 64))
            .is_some_and(|word| word >> (rule % 64) & 1 == 1)
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        let mut words = self.0;
        for (word, other) in words.iter_mut().zip(other.0) {
            *word |= other;
        }
        Self(words)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(one in prop::collection::btree_set(0..512_u16, 0..20), two in prop::collection::btree_set(0..512_u16, 0..20)) {
            let set = |rules: &BTreeSet<u16>| {
                let mut set = RuleSet::NONE;
                rules.iter().for_each(|rule| set.insert(*rule));
                set
            };
            let either = set(&one).or(&set(&two));
            let expected = &one | &two;
            prop_assert!((0..512).all(|rule| either.contains(rule) == expected.contains(&rule)));
            prop_assert!(!RuleSet::NONE.contains(7) && !either.contains(u16::MAX));
        }
    }
}
