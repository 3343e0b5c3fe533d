//! The rules of a filter, compiled: who sees everything, which values they fit, and what they find in a text.
//!
//! Reads no bodies: it is asked about names, places and texts.

use std::ops::Range;

use adamant_filter::prelude::*;

use super::action::Action;
use super::config::{MaskConfig, RuleConfig, Unless};
use super::detect::Detector;
use super::path::Paths;
use super::rewriter::Cut;
use super::string::kinds_of;

/// The most rules; each is a bit.
const RULES_MAX: usize = 32;

/// Compiled rules.
#[derive(Debug)]
pub(crate) struct Rules {
    rules: Box<[Rule]>,
    pub(super) paths: Paths,
    /// Names of members at any depth, by their length.
    fields: Box<[Box<[Field]>]>,
    /// What is looked for in texts, in the order of the rules.
    detectors: Box<[(u32, Detector)]>,
    identity: Option<Reads<Identity>>,
}

#[derive(Debug)]
struct Rule {
    action: Action,
    unless: Option<Unless>,
}

#[derive(Debug)]
struct Field {
    name: Box<[u8]>,
    rule: u32,
    ignores_case: bool,
}

impl Rules {
    pub(super) fn of(config: &MaskConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let written = &config.rules;
        if written.is_empty() || written.len() > RULES_MAX {
            return Err(Problem::at(
                "rules",
                format!("write between one and {RULES_MAX} rules"),
            ));
        }
        let (mut rules, mut paths, mut fields, mut detectors) =
            (Vec::new(), Paths::default(), Vec::new(), Vec::new());
        for (number, rule) in (0u32..).zip(written) {
            let at = format!("rules[{number}]");
            check(&at, rule, config)?;
            for (position, path) in rule.paths.iter().enumerate() {
                paths.add(&format!("{at}.paths[{position}]"), path, number, !rule.match_case)?;
            }
            fields.extend(rule.fields.iter().map(|name| Field {
                name: name.as_bytes().into(),
                rule: number,
                ignores_case: !rule.match_case,
            }));
            let own = Detector::ALL
                .iter()
                .filter(|detector| rule.detect.contains(detector));
            detectors.extend(own.map(|detector| (number, *detector)));
            rules.push(Rule {
                action: Action::of(&format!("{at}.as"), &rule.how, boot)?,
                unless: None,
            });
        }
        for (rule, written) in rules.iter_mut().zip(written) {
            rule.unless = written.unless.as_ref().map(|unless| Unless {
                groups: unless.groups.clone(),
                consumers: unless.consumers.clone(),
                scopes: unless.scopes.clone(),
            });
        }
        let knows_callers = rules.iter().any(|rule| rule.unless.is_some());
        Ok(Self {
            rules: rules.into(),
            paths,
            fields: by_length(fields),
            detectors: detectors.into(),
            identity: knows_callers.then(|| boot.reads()),
        })
    }

    /// The rules for a caller, as bits. Whoever is not known sees nothing.
    pub(super) fn active(&self, request: &Request) -> u32 {
        let identity = self.identity.as_ref().and_then(|reads| request.get(reads));
        let applies = |rule: &Rule| match (&rule.unless, identity) {
            (Some(unless), Some(identity)) => !unless.fits(identity),
            _ => true,
        };
        let bits = (0u32..).zip(&self.rules);
        bits.filter(|(_, rule)| applies(rule))
            .fold(0, |bits, (number, _)| bits | 1 << number)
    }

    pub(super) fn action(&self, rule: u32) -> Option<&Action> {
        self.rules.get(rule as usize).map(|rule| &rule.action)
    }

    /// Adds the rules that fit members of this name at any depth.
    pub(super) fn by_name(&self, name: &[u8]) -> u32 {
        let Some(fields) = self.fields.get(name.len()) else {
            return 0;
        };
        let fits = |field: &&Field| {
            *field.name == *name || field.ignores_case && field.name.eq_ignore_ascii_case(name)
        };
        fields
            .iter()
            .filter(fits)
            .fold(0, |bits, field| bits | 1 << field.rule)
    }

    /// Whether any of these rules looks at texts.
    pub(super) fn detects(&self, active: u32) -> bool {
        self.detectors.iter().any(|(rule, _)| active & 1 << rule != 0)
    }

    /// What is found in a text by these rules, if anything is.
    pub(super) fn finds<'t>(&self, active: u32, text: &'t [u8], kinds: u8) -> Option<Finds<'t>> {
        let own = self.detectors.iter().filter(|(rule, _)| active & 1 << rule != 0);
        let able = own.filter(|(_, detector)| detector.needs() & !kinds == 0);
        let next = able.filter_map(|(rule, detector)| Some((*rule, *detector, detector.find(text, 0)?)));
        // Allocates only where something is found.
        let next: Vec<_> = next.collect();
        (!next.is_empty()).then_some(Finds { text, next })
    }

    /// Masks what is found in a plain text. `true` when something was. There are no members to remove, so what is to be
    /// removed is taken out of the text.
    pub(super) fn rewrite_text(&self, active: u32, text: &[u8], out: &mut Vec<u8>) -> Result<bool, Cut> {
        let mut at = 0;
        for (rule, found) in self.finds(active, text, kinds_of(text)).into_iter().flatten() {
            out.extend_from_slice(text.get(at..found.start).unwrap_or_default());
            let value = text.get(found.clone()).unwrap_or_default();
            match self.action(rule) {
                Some(Action::Refuse) | None => return Err(Cut::Forbidden),
                Some(Action::Remove) => {}
                Some(action) => action.mask(value, value, out),
            }
            at = found.end;
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
        Ok(at > 0)
    }
}

/// Finds in a text, from its beginning to its end. Of those that begin at the same place the longest counts, and none
/// begins inside another one.
#[derive(Debug)]
pub(super) struct Finds<'t> {
    text: &'t [u8],
    /// The next find of each detector that has one.
    next: Vec<(u32, Detector, Range<usize>)>,
}

impl Iterator for Finds<'_> {
    type Item = (u32, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self
            .next
            .iter()
            .min_by_key(|(_, _, found)| (found.start, usize::MAX - found.end));
        let (rule, _, found) = first.cloned()?;
        let text = self.text;
        self.next.retain_mut(|(_, detector, own)| {
            if own.start >= found.end {
                return true;
            }
            match detector.find(text, found.end) {
                Some(later) => *own = later,
                None => return false,
            }
            true
        });
        Some((rule, found))
    }
}

impl Unless {
    fn fits(&self, identity: &Identity) -> bool {
        self.groups.iter().any(|group| identity.is_in_group(group))
            || self.consumers.iter().any(|name| name == identity.consumer())
            || self.scopes.iter().any(|scope| identity.has_scope(scope))
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.consumers.is_empty() && self.scopes.is_empty()
    }
}

fn check(at: &str, rule: &RuleConfig, config: &MaskConfig) -> Result<(), Problem> {
    use super::config::{How, HowWord};
    if rule.fields.is_empty() && rule.paths.is_empty() && rule.detect.is_empty() {
        let problem = Problem::at(at, "a rule without `fields`, `paths` and `detect` masks nothing");
        return Err(problem.with_help("say what is masked, such as `detect: [card]`"));
    }
    if rule.match_case && rule.fields.is_empty() && rule.paths.is_empty() {
        return Err(Problem::at(
            &format!("{at}.match-case"),
            "detectors know no case of names",
        ));
    }
    if config.stream && rule.how == How::Short(HowWord::Refuse) {
        let problem = Problem::at(&format!("{at}.as"), "what has begun to leave cannot be refused");
        return Err(problem.with_help("remove `stream: true`, or mask the value in another way"));
    }
    if config.stream && config.text {
        let problem = Problem::at("text", "a text is looked at whole, so it does not leave before");
        return Err(problem.with_help("remove `text` or `stream`"));
    }
    if config.text && config.rules.iter().all(|rule| rule.detect.is_empty()) {
        return Err(Problem::at("text", "no rule detects anything in texts"));
    }
    if rule.unless.as_ref().is_some_and(Unless::is_empty) {
        return Err(Problem::at(&format!("{at}.unless"), "this is for nobody"));
    }
    if let Some(twice) = rule
        .detect
        .iter()
        .enumerate()
        .find(|(position, one)| rule.detect.iter().skip(position + 1).any(|other| other == *one))
    {
        return Err(Problem::at(
            &format!("{at}.detect[{}]", twice.0),
            "this stands here twice",
        ));
    }
    Ok(())
}

fn by_length(fields: Vec<Field>) -> Box<[Box<[Field]>]> {
    let longest = fields.iter().map(|field| field.name.len()).max();
    let mut lengths: Vec<Vec<Field>> = (0..=longest.unwrap_or(0)).map(|_| Vec::new()).collect();
    for field in fields {
        if let Some(same) = lengths.get_mut(field.name.len()) {
            same.push(field);
        }
    }
    lengths.into_iter().map(Vec::into_boxed_slice).collect()
}
