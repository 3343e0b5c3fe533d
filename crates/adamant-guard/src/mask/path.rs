//! Paths into JSON: `$.customer.cards[*].number` and `$..iban`, followed while a body is read.
//!
//! All paths of a filter are walked at once: a set of bits says which of their steps may come next. There are no
//! filters, slices or unions in them.

use adamant_filter::prelude::*;

/// Steps that all paths of a filter may have together.
const STEPS_MAX: usize = 64;

/// The paths of a filter.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    steps: Vec<Step>,
    /// First steps.
    begin: u64,
}

#[derive(Debug)]
struct Step {
    wanted: Wanted,
    /// `..`: it may come at any depth.
    descends: bool,
    /// What a path that ends here stands for.
    ends: Option<u32>,
    ignores_case: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Member(Box<[u8]>),
    Element(u32),
    All,
}

/// Where a value stands among its siblings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'k> {
    /// The member of an object.
    Member(&'k [u8]),
    /// The element of an array.
    Element(u32),
}

impl Paths {
    /// Adds a path that stands for `meaning`.
    pub(crate) fn add(
        &mut self,
        at: &str,
        text: &str,
        meaning: u32,
        ignores_case: bool,
    ) -> Result<(), Problem> {
        let steps = parse(text).ok_or_else(|| {
            Problem::at(at, format!("`{text}` is no path"))
                .with_help("write one such as `$.customer.cards[*].number`, `$.items[0]` or `$..iban`")
        })?;
        if self.steps.len() + steps.len() > STEPS_MAX {
            let problem = Problem::at(at, format!("all paths together have at most {STEPS_MAX} steps"));
            return Err(
                problem.with_help("name members at any depth with `fields`, of which there may be more")
            );
        }
        self.begin |= 1 << self.steps.len();
        let last = steps.len().saturating_sub(1);
        for (position, (descends, wanted)) in steps.into_iter().enumerate() {
            self.steps.push(Step {
                wanted,
                descends,
                ends: (position == last).then_some(meaning),
                ignores_case,
            });
        }
        Ok(())
    }

    /// The steps that may come next at the root.
    pub(crate) const fn begin(&self) -> u64 {
        self.begin
    }

    /// The steps that may come next below a value, and the meanings of the paths that end at it.
    pub(crate) fn follow(&self, states: u64, place: Place<'_>, mut ends: impl FnMut(u32)) -> u64 {
        let (mut left, mut next) = (states, 0u64);
        while left != 0 {
            let position = left.trailing_zeros();
            left &= left - 1;
            let Some(step) = self.steps.get(position as usize) else {
                continue;
            };
            if step.descends {
                next |= 1 << position;
            }
            if step.fits(place) {
                match step.ends {
                    Some(meaning) => ends(meaning),
                    None => next |= 1 << (position + 1),
                }
            }
        }
        next
    }
}

impl Step {
    fn fits(&self, place: Place<'_>) -> bool {
        match (&self.wanted, place) {
            (Wanted::All, _) => true,
            (Wanted::Element(own), Place::Element(index)) => *own == index,
            (Wanted::Member(own), Place::Member(name)) => {
                **own == *name || self.ignores_case && own.eq_ignore_ascii_case(name)
            }
            _ => false,
        }
    }
}

fn parse(text: &str) -> Option<Vec<(bool, Wanted)>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (descends, step, after) = if let Some(after) = rest.strip_prefix("..") {
            let (step, after) = member(after)?;
            // Everything at any depth would be the whole body.
            (step != Wanted::All).then_some((true, step, after))?
        } else if let Some(after) = rest.strip_prefix('.') {
            let (step, after) = member(after)?;
            (false, step, after)
        } else {
            let (step, after) = bracket(rest.strip_prefix('[')?)?;
            (false, step, after)
        };
        steps.push((descends, step));
        rest = after;
    }
    (!steps.is_empty()).then_some(steps)
}

fn member(text: &str) -> Option<(Wanted, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let is_name = !name.is_empty() && !name.contains(['*', ' ', '"', '\'', ']', '?', '@', '(', ',']);
    match name {
        "*" => Some((Wanted::All, rest)),
        _ if is_name => Some((Wanted::Member(name.as_bytes().into()), rest)),
        _ => None,
    }
}

fn bracket(text: &str) -> Option<(Wanted, &str)> {
    for quote in ['\'', '"'] {
        if let Some(name) = text.strip_prefix(quote) {
            let (name, rest) = name.split_once(quote)?;
            return Some((Wanted::Member(name.as_bytes().into()), rest.strip_prefix(']')?));
        }
    }
    let (index, rest) = text.split_once(']')?;
    match index {
        "*" => Some((Wanted::All, rest)),
        _ if index.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((Wanted::Element(index.parse().ok()?), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The meanings of the paths that end at the last of these places.
    fn ends(paths: &Paths, places: &[Place<'_>]) -> Vec<u32> {
        let (mut states, mut found) = (paths.begin(), Vec::new());
        for place in places {
            found.clear();
            states = paths.follow(states, *place, |meaning| found.push(meaning));
        }
        found
    }

    #[test]
    fn a_path_ends_where_it_says() {
        use Place::{Element as E, Member as M};
        let cases: &[(&str, &[Place<'_>], bool)] = &[
            ("$.a", &[M(b"a")], true),
            ("$.a", &[M(b"b")], false),
            ("$.a", &[M(b"b"), M(b"a")], false),
            ("$.a.b[*].c", &[M(b"a"), M(b"b"), E(7), M(b"c")], true),
            ("$.a.b[*].c", &[M(b"a"), M(b"b"), M(b"c")], false),
            ("$[0].a", &[E(0), M(b"a")], true),
            ("$[0].a", &[E(1), M(b"a")], false),
            ("$..a", &[M(b"a")], true),
            ("$..a", &[M(b"x"), E(3), M(b"a")], true),
            ("$..a.b", &[M(b"a"), M(b"a"), M(b"b")], true),
            ("$..a.b", &[M(b"a"), M(b"x"), M(b"b")], false),
            ("$['a.b'][\"c d\"]", &[M(b"a.b"), M(b"c d")], true),
            ("$.a.*", &[M(b"a"), M(b"x")], true),
        ];
        for (text, places, fits) in cases {
            let mut paths = Paths::default();
            paths.add("paths[0]", text, 3, false).unwrap();
            assert_eq!(
                ends(&paths, places),
                if *fits { vec![3] } else { vec![] },
                "{text} {places:?}"
            );
        }
    }

    #[test]
    fn several_paths_are_followed_at_once() {
        let mut paths = Paths::default();
        for (meaning, text) in ["$.a.b", "$.*.B", "$..b"].iter().enumerate() {
            paths
                .add("", text, u32::try_from(meaning).unwrap(), true)
                .unwrap();
        }
        assert_eq!(
            ends(&paths, &[Place::Member(b"a"), Place::Member(b"b")]),
            [0, 1, 2]
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for wrong in [
            "",
            "$",
            "a",
            ".a",
            "$a",
            "$.",
            "$..",
            "$..*",
            "$.a[",
            "$.a[x]",
            "$.a[-1]",
            "$.a b",
            "$.a[?(@.b)]",
            "$['a",
        ] {
            assert!(Paths::default().add("", wrong, 0, false).is_err(), "{wrong}");
        }
        let long = format!("${}", ".a".repeat(65));
        assert!(Paths::default().add("", &long, 0, false).is_err());
    }
}
