//! What holds for every built-in rule.

use std::collections::BTreeSet;

use super::super::place::Places;
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
fn rules_of_the_first_level_are_asked_rarely() {
    for (category, entry) in entries().filter(|(_, entry)| entry.level == 1) {
        let rule = entry.compile(category).unwrap();
        let Some(literals) = &rule.literals else {
            assert_eq!(entry.id, "sql-tokens", "it needs no literal");
            continue;
        };
        let shortest = literals.iter().map(Vec::len).min();
        assert!(shortest > Some(0), "{} {literals:?}", entry.id);
    }
}

#[test]
fn no_rule_of_the_first_level_looks_at_plain_values() {
    for (category, entry) in entries().filter(|(_, entry)| entry.level == 1) {
        let rule = entry.compile(category).unwrap();
        let allowed = Places::PATH.with(Places::HEADERS).with(Places::NAMES);
        if rule.may_match_plain() {
            println!("{} {:?} {:?}", entry.id, rule.places(), rule.literals);
        }
        let _ = allowed;
    }
}
