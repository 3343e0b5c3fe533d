//! All rules of a step at once: one pass over a text tells which questions can be answered with yes, and only those are
//! asked.
//!
//! Knows values and no requests. Allocates nothing but room for what has to be decoded.

mod found_sets;
mod lanes;

use std::collections::HashMap;

use aho_corasick::automaton::Automaton as _;
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};

use super::exceptions::Exceptions;
use super::findings::Findings;
use super::marks::Marks;
use super::place::{Places, Value};
use super::rule::{Question, Rule};
use super::rule_set::RuleSet;
use super::sql::Sql;
use super::transform::may_be_base64;
use found_sets::{FoundSets, SETS_MAX};
use lanes::{Lane, lanes};

pub(super) use lanes::Room;

/// The rules.
#[derive(Debug)]
pub(super) struct Engine {
    rules: Box<[Rule]>,
    asked: Box<[Placed]>,
    /// Finds all literals of all questions.
    literals: DFA,
    /// The sets of each literal.
    owners: Box<[Box<[u16]>]>,
    /// For each set, the question that it is the rarest of, with kinds of bytes that this needs.
    first: Box<[(Marks, u16)]>,
    /// Questions without literals, with the kinds of bytes that they need.
    unconditional: Box<[(Marks, u16)]>,
    lanes: Box<[Lane]>,
    /// Where a word may match.
    words: Places,
    /// All kinds of bytes that questions without literals need.
    unconditional_marks: Marks,
    exceptions: Exceptions,
    sql: Sql,
}

/// A question with its rule.
#[derive(Debug)]
struct Placed {
    rule: u16,
    question: Question,
    /// Sets of literals that have to be found beside the rarest.
    others: Box<[u16]>,
}

/// Collects literals and their sets.
#[derive(Default)]
struct Sets {
    literals: Vec<Vec<u8>>,
    places: HashMap<Vec<u8>, usize>,
    owners: Vec<Vec<u16>>,
    first: Vec<(Marks, u16)>,
}

impl Sets {
    fn add(&mut self, literals: &[Vec<u8>], first: (Marks, u16)) -> Result<u16, String> {
        let set = u16::try_from(self.first.len()).ok();
        let set = set.filter(|set| usize::from(*set) < SETS_MAX);
        let set = set.ok_or("the rules have more alternatives than one step may have")?;
        self.first.push(first);
        for literal in literals {
            let known = self.places.get(literal);
            if let Some(owners) = known.and_then(|place| self.owners.get_mut(*place)) {
                owners.push(set);
            } else {
                self.places.insert(literal.clone(), self.literals.len());
                self.literals.push(literal.clone());
                self.owners.push(vec![set]);
            }
        }
        Ok(set)
    }
}

impl Engine {
    /// Compiles rules into one pass.
    pub(super) fn of(mut rules: Vec<Rule>, exceptions: Exceptions) -> Result<Self, String> {
        let mut sets = Sets::default();
        let mut asked = Vec::new();
        let mut unconditional = Vec::new();
        let words = rules
            .iter()
            .map(Rule::word_places)
            .fold(Places::default(), Places::with);
        for (index, rule) in (0_u16..).zip(&mut rules) {
            for question in std::mem::take(&mut rule.questions) {
                let number = u16::try_from(asked.len()).map_err(|_| "the rules ask too much")?;
                let mut others = Vec::new();
                let marks = question.rarest_marks();
                for (place, literals) in question.literals.iter().enumerate() {
                    let set = sets.add(
                        literals,
                        if place == 0 {
                            (marks, number)
                        } else {
                            (Marks::NONE, 0)
                        },
                    )?;
                    others.extend((place > 0).then_some(set));
                }
                if question.literals.is_empty() {
                    unconditional.push((marks, number));
                }
                asked.push(Placed {
                    rule: index,
                    question,
                    others: others.into(),
                });
            }
        }
        let literals = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(&sets.literals)
            .map_err(|error| format!("the literals of the rules are too many: {error}"))?;
        Ok(Self {
            words,
            unconditional_marks: unconditional
                .iter()
                .fold(Marks::NONE, |all, (marks, _)| all.with(*marks)),
            lanes: lanes(&rules),
            owners: sets.owners.into_iter().map(Into::into).collect(),
            first: sets.first.into(),
            unconditional: unconditional.into(),
            asked: asked.into(),
            rules: rules.into(),
            literals,
            exceptions,
            sql: Sql::new()?,
        })
    }

    /// What it takes in memory on one thread.
    pub(super) fn size(&self) -> usize {
        let questions = self.asked.iter().map(|placed| placed.question.size());
        questions.fold(self.literals.memory_usage(), usize::saturating_add)
    }

    /// Looks at one value of a request on a route.
    pub(super) fn inspect(&self, value: Value<'_>, route: &str, room: &mut Room, found: &mut Findings) {
        let marks = Marks::of(value.bytes);
        let base64 = may_be_base64(value.bytes, marks);
        let is_word = marks.are_word() && value.bytes.first() != Some(&b'_');
        if is_word && !base64 && !self.words.contain(value.place) {
            return;
        }
        let mut unchanged = RuleSet::NONE;
        for lane in self.lanes.iter().filter(|lane| lane.looks_at(value.place)) {
            match lane.transformed(value.bytes, (marks, base64), room) {
                Some(text) => {
                    let look = Look {
                        value,
                        route,
                        text,
                        marks: Marks::of(text),
                    };
                    self.look(look, &lane.members, found);
                }
                None => unchanged = unchanged.or(&lane.members),
            }
        }
        if unchanged != RuleSet::NONE {
            let look = Look {
                value,
                route,
                text: value.bytes,
                marks,
            };
            self.look(look, &unchanged, found);
        }
    }

    /// Asks what may be answered with yes.
    fn look(&self, look: Look<'_>, rules: &RuleSet, found: &mut Findings) {
        let mut sets = FoundSets::NONE;
        self.find_sets(look.text, &mut sets);
        let by_literal = sets.iter().filter_map(|set| self.first.get(usize::from(set)));
        let has_any = look.marks.meets(self.unconditional_marks);
        let unconditional = if has_any { &*self.unconditional } else { &[] };
        for (marks, number) in by_literal.chain(unconditional) {
            let Some(placed) = self
                .asked
                .get(usize::from(*number))
                .filter(|_| look.marks.meets(*marks))
            else {
                continue;
            };
            if rules.contains(placed.rule)
                && placed.question.may_match(look.marks)
                && placed.others.iter().all(|set| sets.contains(*set))
            {
                self.ask(look, placed, found);
            }
        }
    }

    /// The sets of which a text contains a literal.
    fn find_sets(&self, text: &[u8], found: &mut FoundSets) {
        let automaton = &self.literals;
        let Ok(mut state) = automaton.start_state(Anchored::No) else {
            return;
        };
        for byte in text {
            state = automaton.next_state(Anchored::No, state, *byte);
            if !automaton.is_special(state) || !automaton.is_match(state) {
                continue;
            }
            for nth in 0..automaton.match_len(state) {
                let literal = automaton.match_pattern(state, nth).as_usize();
                let owners = self.owners.get(literal).into_iter().flatten();
                owners.for_each(|set| found.insert(*set));
            }
        }
    }

    fn ask(&self, look: Look<'_>, placed: &Placed, found: &mut Findings) {
        let Some(rule) = self.rules.get(usize::from(placed.rule)) else {
            return;
        };
        if !found.has(placed.rule)
            && rule.looks_at(&look.value)
            && placed.question.matches(look.text, &self.sql)
            && !self.exceptions.spare(placed.rule, &look.value, look.route)
        {
            found.add(placed.rule, rule);
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy)]
struct Look<'l> {
    value: Value<'l>,
    route: &'l str,
    /// The value as the rules see it.
    text: &'l [u8],
    marks: Marks,
}
