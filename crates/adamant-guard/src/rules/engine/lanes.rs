//! Rules that look at the same text, since they transform values in the same way.
//!
//! Asks no rule anything.

use super::super::marks::Marks;
use super::super::place::{Place, Places};
use super::super::rule::Rule;
use super::super::rule_set::RuleSet;
use super::super::transform::Transform;

/// Rules with the same transformations.
#[derive(Debug)]
pub(super) struct Lane {
    transforms: Box<[Transform]>,
    triggers: Marks,
    reads_base64: bool,
    places: Places,
    pub(super) members: RuleSet,
}

/// Buffers for texts that are decoded, kept from value to value.
#[derive(Debug, Default)]
pub(in super::super) struct Room {
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Lane {
    pub(super) const fn looks_at(&self, place: Place) -> bool {
        self.places.contain(place)
    }

    /// The value as its rules see it; `None` when that is the value itself, which most are.
    pub(super) fn transformed<'r>(
        &self,
        value: &[u8],
        (marks, base64): (Marks, bool),
        room: &'r mut Room,
    ) -> Option<&'r [u8]> {
        let is_read = marks.meets(self.triggers) || (base64 && self.reads_base64);
        if !is_read {
            return None;
        }
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
}

/// Groups rules by what they make of values.
pub(super) fn lanes(rules: &[Rule]) -> Box<[Lane]> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (index, rule) in (0_u16..).zip(rules) {
        let place = lanes.iter().position(|lane| lane.transforms == rule.transforms);
        let place = place.unwrap_or_else(|| {
            let triggers = rule.transforms.iter().map(|transform| transform.triggers());
            lanes.push(Lane {
                triggers: triggers.fold(Marks::NONE, Marks::with),
                reads_base64: rule.transforms.contains(&Transform::Base64Decode),
                transforms: rule.transforms.clone(),
                places: Places::default(),
                members: RuleSet::NONE,
            });
            lanes.len() - 1
        });
        let Some(lane) = lanes.get_mut(place) else {
            continue;
        };
        lane.places = lane.places.with(rule.places());
        lane.members.insert(index);
    }
    lanes.into()
}
