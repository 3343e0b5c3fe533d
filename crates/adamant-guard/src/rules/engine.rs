//! All rules of a step at once: one pass over a text tells which of them can match, and only those are asked.
//!
//! Knows values and no requests. Allocates nothing but room for what has to be decoded.

use aho_corasick::automaton::Automaton as _;
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};

use super::exceptions::Exceptions;
use super::findings::Findings;
use super::marks::Marks;
use super::place::{Places, Value};
use super::rule::Rule;
use super::rule_set::RuleSet;
use super::sql::Sql;
use super::transform::{Transform, may_be_base64};

/// The rules.
#[derive(Debug)]
pub(super) struct Engine {
    rules: Box<[Rule]>,
    /// Finds all literals of all rules.
    literals: DFA,
    /// The rules of each literal.
    owners: Box<[Box<[u16]>]>,
    lanes: Box<[Lane]>,
    /// Where a plain text may match.
    plain: Places,
    exceptions: Exceptions,
    sql: Sql,
}

/// Rules that look at the same text, since they transform values in the same way.
#[derive(Debug)]
struct Lane {
    transforms: Box<[Transform]>,
    triggers: Marks,
    reads_base64: bool,
    places: Places,
    members: RuleSet,
    /// Rules without literals, with the kinds of bytes that they need.
    unconditional: Box<[(u16, Marks)]>,
}

/// Buffers for texts that are decoded, kept from value to value.
#[derive(Debug, Default)]
pub(super) struct Room {
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Engine {
    /// Compiles rules into one pass.
    pub(super) fn of(rules: Vec<Rule>, exceptions: Exceptions) -> Result<Self, String> {
        let mut literals: Vec<Vec<u8>> = Vec::new();
        let mut owners: Vec<Vec<u16>> = Vec::new();
        for (index, rule) in (0_u16..).zip(&rules) {
            for literal in rule.literals.iter().flatten() {
                let known = literals.iter().position(|known| known == literal);
                if let Some(owner) = known.and_then(|place| owners.get_mut(place)) {
                    owner.push(index);
                } else {
                    literals.push(literal.clone());
                    owners.push(vec![index]);
                }
            }
        }
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(&literals)
            .map_err(|error| format!("the literals of the rules are too many: {error}"))?;
        let plain = rules.iter().filter(|rule| rule.may_match_plain()).map(Rule::places);
        Ok(Self {
            plain: plain.fold(Places::default(), Places::with),
            lanes: lanes(&rules),
            owners: owners.into_iter().map(Into::into).collect(),
            rules: rules.into(),
            literals: automaton,
            exceptions,
            sql: Sql::new()?,
        })
    }

    /// What it takes in memory, without the expressions.
    pub(super) fn size(&self) -> usize {
        self.literals.memory_usage()
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Looks at one value of a request on a route.
    pub(super) fn inspect(&self, value: Value<'_>, route: &str, room: &mut Room, found: &mut Findings) {
        let marks = Marks::of(value.bytes);
        let base64 = may_be_base64(value.bytes, marks);
        if marks.are_plain() && !base64 && !self.plain.contain(value.place) {
            return;
        }
        let look = Look { value, route };
        let mut unchanged = RuleSet::NONE;
        for lane in self.lanes.iter().filter(|lane| lane.places.contain(value.place)) {
            let is_changed = marks.meets(lane.triggers) || (base64 && lane.reads_base64);
            let text = is_changed.then(|| lane.transformed(value.bytes, room)).flatten();
            match text {
                Some(text) => {
                    let possible = self.possible(text).and(&lane.members);
                    self.ask(look, text, possible.or(&lane.unconditional(text)), found);
                }
                None => unchanged = unchanged.or(&lane.members),
            }
        }
        if unchanged != RuleSet::NONE {
            let mut possible = self.possible(value.bytes).and(&unchanged);
            for lane in &self.lanes {
                possible = possible.or(&lane.unconditional_by(marks).and(&unchanged));
            }
            self.ask(look, value.bytes, possible, found);
        }
    }

    /// The rules of which a text contains a literal.
    fn possible(&self, text: &[u8]) -> RuleSet {
        let mut possible = RuleSet::NONE;
        let automaton = &self.literals;
        let Ok(mut state) = automaton.start_state(Anchored::No) else {
            return possible;
        };
        for byte in text {
            state = automaton.next_state(Anchored::No, state, *byte);
            if !automaton.is_special(state) || !automaton.is_match(state) {
                continue;
            }
            for nth in 0..automaton.match_len(state) {
                let literal = automaton.match_pattern(state, nth).as_usize();
                let owners = self.owners.get(literal).into_iter().flatten();
                owners.for_each(|rule| possible.insert(*rule));
            }
        }
        possible
    }

    /// Asks the rules that may match.
    fn ask(&self, look: Look<'_>, text: &[u8], possible: RuleSet, found: &mut Findings) {
        for index in possible.iter() {
            let Some(rule) = self.rules.get(usize::from(index)) else {
                continue;
            };
            if found.has(index) || !rule.looks_at(&look.value) || !rule.matches(text, &self.sql) {
                continue;
            }
            if !self.exceptions.spare(index, &look.value, look.route) {
                found.add(index, rule);
            }
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy)]
struct Look<'l> {
    value: Value<'l>,
    route: &'l str,
}

impl Lane {
    /// The value as its rules see it; `None` when that is the value itself.
    fn transformed<'r>(&self, value: &[u8], room: &'r mut Room) -> Option<&'r [u8]> {
        let Room { first, second } = room;
        first.clear();
        first.extend_from_slice(value);
        for transform in &self.transforms {
            second.clear();
            transform.write(first, second);
            std::mem::swap(first, second);
        }
        (first.as_slice() != value).then_some(first.as_slice())
    }

    fn unconditional(&self, text: &[u8]) -> RuleSet {
        if self.unconditional.is_empty() {
            return RuleSet::NONE;
        }
        self.unconditional_by(Marks::of(text))
    }

    fn unconditional_by(&self, marks: Marks) -> RuleSet {
        let mut rules = RuleSet::NONE;
        for (rule, needed) in &self.unconditional {
            if *needed == Marks::NONE || marks.meets(*needed) {
                rules.insert(*rule);
            }
        }
        rules
    }
}

/// Groups rules by what they make of values.
fn lanes(rules: &[Rule]) -> Box<[Lane]> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (index, rule) in (0_u16..).zip(rules) {
        let place = lanes.iter().position(|lane| lane.transforms == rule.transforms);
        let place = place.unwrap_or_else(|| {
            lanes.push(Lane {
                triggers: rule
                    .transforms
                    .iter()
                    .fold(Marks::NONE, |marks, transform| marks.with(transform.triggers())),
                reads_base64: rule.transforms.contains(&Transform::Base64Decode),
                transforms: rule.transforms.clone(),
                places: Places::default(),
                members: RuleSet::NONE,
                unconditional: Box::default(),
            });
            lanes.len() - 1
        });
        let Some(lane) = lanes.get_mut(place) else { continue };
        lane.places = lane.places.with(rule.places());
        lane.members.insert(index);
        if rule.literals.is_none() {
            let unconditional = std::mem::take(&mut lane.unconditional);
            lane.unconditional = unconditional.into_iter().chain([(index, rule.marks)]).collect();
        }
    }
    lanes.into()
}
