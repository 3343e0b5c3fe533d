//! What a text must contain for an expression to match it: one of a few literals.
//!
//! It may say too little, and then the expression is asked more often; it must never say too much.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::marks::Marks;

/// Literals that are kept for one place of an expression. More of them say less than they cost.
const LITERALS_MAX: usize = 256;
/// The longest literal that is put together.
const LENGTH_MAX: usize = 24;
/// Bytes of a class that are still taken one by one.
const CLASS_MAX: usize = 6;

/// A set of literals in lower case.
type Literals = Vec<Vec<u8>>;

/// What is known of a part of an expression.
struct Part {
    /// All texts that it matches, when they are few.
    exact: Option<Literals>,
    /// Sets of texts: every match contains one of each.
    needed: Vec<Literals>,
}

/// Sets of literals in lower case: every text that matches contains at least one of each, in whatever case. The set that
/// is found most rarely comes first.
pub(super) fn needed(expression: &Hir) -> Vec<Literals> {
    let mut sets = part(expression).into_needed();
    sets.sort_by_key(|texts| std::cmp::Reverse(rank(texts)));
    let mut kept: Vec<Literals> = Vec::new();
    for set in sets {
        if !kept.iter().any(|rarer| says_more(rarer, &set)) {
            kept.push(set);
        }
    }
    kept
}

/// Whether every text with a literal of one set has one of the other.
fn says_more(one: &Literals, other: &Literals) -> bool {
    let contains = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
    one.iter()
        .all(|text| other.iter().any(|part| contains(text, part)))
}

impl Part {
    const UNKNOWN: Self = Self {
        exact: None,
        needed: Vec::new(),
    };

    fn exactly(literals: Literals) -> Self {
        Self {
            exact: Some(literals),
            needed: Vec::new(),
        }
    }

    fn into_needed(mut self) -> Vec<Literals> {
        self.needed.extend(self.exact.filter(is_useful));
        self.needed
    }

    /// The set that is found most rarely.
    fn into_best(self) -> Option<Literals> {
        self.into_needed().into_iter().max_by_key(rank)
    }
}

fn part(expression: &Hir) -> Part {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => Part::exactly(vec![Vec::new()]),
        HirKind::Literal(literal) => Part::exactly(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => bytes_of(class).map_or(Part::UNKNOWN, Part::exactly),
        HirKind::Capture(capture) => part(&capture.sub),
        HirKind::Repetition(repeated) => {
            let inner = part(&repeated.sub);
            match (repeated.min, repeated.max) {
                (0, Some(1)) => Part {
                    exact: inner.exact.map(|mut texts| {
                        texts.push(Vec::new());
                        texts
                    }),
                    needed: Vec::new(),
                },
                (0, _) => Part::UNKNOWN,
                (times, _) => Part {
                    exact: None,
                    needed: repeated_texts(inner, times),
                },
            }
        }
        HirKind::Concat(parts) => row(parts),
        HirKind::Alternation(branches) => choice(branches),
    }
}

/// What a part needs that comes at least so often.
fn repeated_texts(inner: Part, times: u32) -> Vec<Literals> {
    let once = match &inner.exact {
        Some(texts) if texts.len() == 1 && is_useful(texts) => texts.clone(),
        _ => return inner.into_needed(),
    };
    let mut all = once.clone();
    for _ in 1..times.min(4) {
        all = joined(&all, &once).unwrap_or(all);
    }
    vec![all]
}

/// Parts one behind the other: texts grow together as long as they are few.
fn row(parts: &[Hir]) -> Part {
    let mut grown: Literals = vec![Vec::new()];
    let mut needed = Vec::new();
    let mut is_whole = true;
    for next in parts.iter().map(part) {
        let joined = next.exact.as_ref().and_then(|texts| joined(&grown, texts));
        if let Some(joined) = joined {
            grown = joined;
            needed.extend(next.needed);
            continue;
        }
        is_whole = false;
        let before = std::mem::replace(&mut grown, vec![Vec::new()]);
        needed.extend(Some(before).filter(is_useful));
        needed.extend(next.needed);
        if let Some(texts) = next.exact {
            grown = texts;
        }
    }
    if is_whole {
        return Part {
            exact: Some(grown),
            needed,
        };
    }
    needed.extend(Some(grown).filter(is_useful));
    Part { exact: None, needed }
}

fn choice(branches: &[Hir]) -> Part {
    let mut exact: Option<Literals> = Some(Vec::new());
    let mut needed: Option<Literals> = Some(Vec::new());
    for branch in branches.iter().map(part) {
        exact = match (exact, &branch.exact) {
            (Some(all), Some(texts)) => united(all, texts.clone()),
            _ => None,
        };
        needed = match (needed, branch.into_best()) {
            (Some(all), Some(texts)) => united(all, texts),
            _ => None,
        };
    }
    Part {
        exact,
        needed: needed.into_iter().collect(),
    }
}

fn united(mut all: Literals, texts: Literals) -> Option<Literals> {
    all.extend(texts);
    all.sort_unstable();
    all.dedup();
    (all.len() <= LITERALS_MAX).then_some(all)
}

fn joined(firsts: &Literals, seconds: &Literals) -> Option<Literals> {
    if firsts.len().saturating_mul(seconds.len()) > LITERALS_MAX {
        return None;
    }
    let pairs = firsts.iter().flat_map(|first| {
        seconds
            .iter()
            .map(move |second| [first.as_slice(), second].concat())
    });
    let mut texts: Literals = pairs.collect();
    texts.sort_unstable();
    texts.dedup();
    texts.iter().all(|text| text.len() <= LENGTH_MAX).then_some(texts)
}

/// The bytes of a small class, in lower case.
fn bytes_of(class: &Class) -> Option<Literals> {
    let Class::Bytes(class) = class else { return None };
    let mut bytes: Literals = Vec::new();
    for range in class.ranges() {
        if range.len() > CLASS_MAX {
            return None;
        }
        bytes.extend((range.start()..=range.end()).map(|byte| vec![byte.to_ascii_lowercase()]));
    }
    bytes.sort_unstable();
    bytes.dedup();
    (bytes.len() <= CLASS_MAX && !bytes.is_empty()).then_some(bytes)
}

fn shortest(texts: &Literals) -> usize {
    texts.iter().map(Vec::len).min().unwrap_or_default()
}

fn is_useful(texts: &Literals) -> bool {
    shortest(texts) > 0
}

/// How rarely a set is found: longer literals first, then those that have marks, then fewer. Beyond four bytes a literal
/// is rare enough.
fn rank(texts: &Literals) -> (usize, bool, usize) {
    let has_marks = Marks::of_each(texts).is_some();
    (shortest(texts).min(4), has_marks, usize::MAX - texts.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::expression;
    use super::*;

    fn needed_by(pattern: &str) -> Vec<Vec<String>> {
        let text = |text| String::from_utf8(text).unwrap();
        let sets = needed(&expression::parse(pattern).unwrap()).into_iter();
        sets.map(|texts| texts.into_iter().map(text).collect()).collect()
    }

    #[test]
    fn literals_are_found_and_the_rarest_come_first() {
        let cases: [(&str, &[&[&str]]); 11] = [
            ("(?i)union\\d*select", &[&["union"], &["select"]]),
            ("(?i)[ (]sleep\\s*\\(", &[&[" sleep", "(sleep"], &["("]]),
            ("a|b*", &[]),
            ("(?:drop|alter)\\d+table", &[&["table"], &["alter", "drop"]]),
            ("(?i)<(?:script|iframe)", &[&["<iframe", "<script"]]),
            ("x?yz", &[&["xyz", "yz"]]),
            ("\\w+", &[]),
            ("(?:abc)+\\d", &[&["abc"]]),
            ("^/etc/", &[&["/etc/"]]),
            ("(?:ab|cd){2,}", &[&["ab", "cd"]]),
            ("\\.{2,}/", &[&[".."], &["/"]]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(needed_by(pattern), expected, "{pattern}");
        }
    }

    const PATTERNS: [&str; 6] = [
        "(?i-u)un(ion|ite)[ \t]+(all )?sel(ect)?",
        "[ab]?(c|de)+f{2,3}x*",
        "(?i-u)(or|and)[ ]*[0-9]=[0-9]",
        "(a|b|c)(d|e|f)(g|h|i)(j|k|l)[m-z]",
        "(?i-u)java[ ]?script:",
        "x(y|z(a|bc)?)w",
    ];

    proptest! {
        #[test]
        fn every_match_contains_a_literal(
            (pattern, text) in prop::sample::select(&PATTERNS[..]).prop_flat_map(|pattern| {
                (Just(pattern), prop::string::string_regex(pattern).unwrap())
            })
        ) {
            let text = text.to_ascii_lowercase();
            for literals in needed_by(pattern) {
                prop_assert!(literals.iter().any(|literal| text.contains(literal.as_str())), "{literals:?} {text}");
            }
        }
    }
}
