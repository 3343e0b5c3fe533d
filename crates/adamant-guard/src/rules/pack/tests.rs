//! What holds for every built-in rule.

use std::collections::BTreeSet;

use super::super::marks::Marks;
use super::*;

fn entries() -> impl Iterator<Item = (Category, &'static Entry)> {
    let of_kind = |category: Category| built_in(category).iter().map(move |entry| (category, entry));
    Category::ALL.into_iter().flat_map(of_kind)
}

#[test]
fn every_rule_compiles_and_has_a_name_of_its_own() {
    let mut ids = BTreeSet::new();
    for (category, entry) in entries() {
        assert!(ids.insert(entry.id), "{}", entry.id);
        if let Err(message) = entry.compile(category) {
            panic!("{}: {message}", entry.id);
        }
        assert!((1..=4).contains(&entry.level), "{}", entry.id);
    }
    assert!(ids.len() > 60 && ids.len() < RULES_MAX);
}

/// Rules that are asked of every text, or of most, would cost every request.
#[test]
fn questions_of_the_first_level_need_literals_or_rare_bytes() {
    for (category, entry) in entries().filter(|(_, entry)| entry.level == 1) {
        let rule = entry.compile(category).unwrap();
        for question in &rule.questions {
            let is_rare = !question.may_match(Marks::SPACE.with(Marks::CAPITAL).with(Marks::among(b",.-_")));
            assert!(
                entry.id == "sql-tokens" || is_rare || !question.literals.is_empty(),
                "{}: {question:?}",
                entry.id
            );
        }
    }
}
