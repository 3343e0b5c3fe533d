//! What the rules found in one request: a score for each kind of attack, and the rules to name in the log.
//!
//! Decides nothing: the threshold is the policy's.

use super::category::Category;
use super::rule::Rule;
use super::rule_set::RuleSet;

/// Rules that are named in the log. A line has room for four notes, and one is the score.
const NAMED_MAX: usize = 3;

/// The findings in one request, or in its body.
#[derive(Debug)]
pub(super) struct Findings {
    seen: RuleSet,
    scores: [u32; Category::COUNT],
    total: u32,
    named: [Option<&'static str>; NAMED_MAX],
}

impl Findings {
    /// Nothing yet, beside what was found in the head before.
    pub(super) const fn beside(score: u32) -> Self {
        Self {
            seen: RuleSet::NONE,
            scores: [0; Category::COUNT],
            total: score,
            named: [None; NAMED_MAX],
        }
    }

    pub(super) fn has(&self, rule: u16) -> bool {
        self.seen.contains(rule)
    }

    /// A rule has matched. It counts once, however often it matches.
    pub(super) fn add(&mut self, index: u16, rule: &Rule) {
        self.seen.insert(index);
        let score = rule.severity.score();
        self.total = self.total.saturating_add(score);
        if let Some(sum) = self.scores.get_mut(rule.category.index()) {
            *sum = sum.saturating_add(score);
        }
        if let Some(free) = self.named.iter_mut().find(|place| place.is_none()) {
            *free = Some(rule.id);
        }
    }

    pub(super) const fn score(&self) -> u32 {
        self.total
    }

    /// The first rules that matched.
    pub(super) fn named(&self) -> impl Iterator<Item = &'static str> {
        self.named.iter().flatten().copied()
    }

    /// The kind of attack with the greatest part in the score; the first of several.
    pub(super) fn category(&self) -> Category {
        let scored = Category::ALL.into_iter().zip(self.scores);
        let greatest = scored.rev().max_by_key(|(_, score)| *score);
        greatest.map_or(Category::Other, |(category, _)| category)
    }
}
