//! What a text must contain for an expression to match it: one of a few literals.
//!
//! It may say too little, and then the expression is asked more often; it must never say too much.

use regex_syntax::hir::{Class, Hir, HirKind};

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
    /// Texts of which every match contains one.
    needed: Option<Literals>,
}

/// Literals in lower case of which every text that matches contains at least one, in whatever case. `None`: there is no
/// such set.
pub(super) fn needed(expression: &Hir) -> Option<Literals> {
    part(expression).into_needed()
}

impl Part {
    const UNKNOWN: Self = Self {
        exact: None,
        needed: None,
    };

    fn exactly(literals: Literals) -> Self {
        Self {
            exact: Some(literals),
            needed: None,
        }
    }

    fn into_needed(self) -> Option<Literals> {
        better(self.needed, self.exact.filter(is_useful))
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
                    needed: None,
                },
                (0, _) => Part::UNKNOWN,
                _ => Part {
                    exact: None,
                    needed: inner.into_needed(),
                },
            }
        }
        HirKind::Concat(parts) => row(parts),
        HirKind::Alternation(branches) => choice(branches),
    }
}

/// Parts one behind the other: texts grow together as long as they are few.
fn row(parts: &[Hir]) -> Part {
    let mut grown: Literals = vec![Vec::new()];
    let mut needed = None;
    let mut is_whole = true;
    for next in parts.iter().map(part) {
        let joined = next.exact.as_ref().and_then(|texts| joined(&grown, texts));
        if let Some(joined) = joined {
            grown = joined;
            continue;
        }
        is_whole = false;
        let before = std::mem::replace(&mut grown, vec![Vec::new()]);
        needed = better(needed, Some(before).filter(is_useful));
        match next.exact {
            Some(texts) => grown = texts,
            None => needed = better(needed, next.needed),
        }
    }
    if is_whole {
        return Part {
            exact: Some(grown),
            needed,
        };
    }
    Part {
        exact: None,
        needed: better(needed, Some(grown).filter(is_useful)),
    }
}

fn choice(branches: &[Hir]) -> Part {
    let mut exact: Option<Literals> = Some(Vec::new());
    let mut needed: Option<Literals> = Some(Vec::new());
    for branch in branches.iter().map(part) {
        exact = match (exact, &branch.exact) {
            (Some(all), Some(texts)) => united(all, texts.clone()),
            _ => None,
        };
        needed = match (needed, branch.into_needed()) {
            (Some(all), Some(texts)) => united(all, texts),
            _ => None,
        };
    }
    Part { exact, needed }
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
    let pairs = firsts
        .iter()
        .flat_map(|first| seconds.iter().map(move |second| [first.as_slice(), second].concat()));
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

#[expect(clippy::ptr_arg, reason = "it is a condition on an optional set")]
fn is_useful(texts: &Literals) -> bool {
    shortest(texts) > 0
}

/// The set that is found more rarely: longer literals first, then fewer.
fn better(one: Option<Literals>, other: Option<Literals>) -> Option<Literals> {
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one.or(other),
    };
    // Beyond four bytes a literal is rare enough, and fewer are better.
    let rank = |texts: &Literals| (shortest(texts).min(4), usize::MAX - texts.len());
    Some(if rank(&other) > rank(&one) { other } else { one })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::expression;
    use super::*;

    fn needed_by(pattern: &str) -> Option<Vec<String>> {
        let texts = needed(&expression::parse(pattern).unwrap())?;
        Some(texts.into_iter().map(|text| String::from_utf8(text).unwrap()).collect())
    }

    #[test]
    fn the_rarest_literals_are_found() {
        let cases: [(&str, Option<&[&str]>); 10] = [
            ("(?i)union\\s+select", Some(&["union"])),
            ("(?i)[\\s(]sleep\\s*\\(", Some(&["sleep"])),
            ("a|b*", None),
            ("(?:drop|alter)\\s+table", Some(&["table"])),
            ("(?i)<(?:script|iframe)", Some(&["<iframe", "<script"])),
            ("x?yz", Some(&["xyz", "yz"])),
            ("\\w+", None),
            ("(?:abc)+\\d", Some(&["abc"])),
            ("^/etc/", Some(&["/etc/"])),
            ("(?:ab|cd){2,}", Some(&["ab", "cd"])),
        ];
        for (pattern, expected) in cases {
            let found = needed_by(pattern);
            let found: Option<Vec<&str>> = found
                .as_ref()
                .map(|texts| texts.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), expected, "{pattern}");
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
            if let Some(literals) = needed_by(pattern) {
                prop_assert!(literals.iter().any(|literal| text.contains(literal.as_str())), "{literals:?} {text}");
            }
        }
    }
}
