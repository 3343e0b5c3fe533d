//! The first pass: a tree against the form of a type, with every problem and its place.

mod sentence;

use std::fmt::Write as _;

use sentence::{Owner, TRUTH, counted, cut, kind, listed, number_kind, starts_with_zero, text_kind};

use super::form::{Form, List, Mapping, Number, Others, Rule, RuleId, Text};
use crate::node::{Content, Entry, Node, Plain};
use crate::problem::{Problem, Problems, did_you_mean};
use crate::units::{ENV_FORMAT, check_format};

/// More problems than anybody reads.
const PROBLEMS_MAX: usize = 200;

/// Everything that is wrong with the form of `node`, in no particular order. Messages call it `name`: a
/// phrase such as `the file`, or a word between backticks.
#[must_use]
pub fn inspect(form: &Form, node: &Node, name: &str) -> Problems {
    let mut inspector = Inspector {
        form,
        problems: Problems::new(),
    };
    inspector.visit(form.root(), node, Owner::Phrase(name));
    inspector.problems
}

struct Inspector<'f> {
    form: &'f Form,
    problems: Problems,
}

impl<'f> Inspector<'f> {
    fn tell(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn visit(&mut self, id: RuleId, node: &Node, owner: Owner<'_>) {
        let rule = self.form.rule(id);
        let takes_empty = matches!(
            rule,
            Rule::Anything | Rule::All(_) | Rule::Choice(_) | Rule::Secret(_)
        );
        if !takes_empty && node.is_empty() {
            return self.tell(empty(rule, node, owner));
        }
        match rule {
            Rule::Anything | Rule::Same(_) => {}
            Rule::Secret(_) if node.as_mapping().is_none() => self.tell(literal_secret(node, owner)),
            Rule::Secret(inner) => self.visit_secret(*inner, node, owner),
            Rule::All(parts) => parts.iter().for_each(|part| self.visit(*part, node, owner)),
            Rule::Choice(ways) => self.visit_choice(ways, node, owner),
            Rule::Words(words) => self.visit_words(words, node, owner),
            Rule::Mapping(mapping) => self.visit_mapping(mapping, node, owner),
            Rule::List(list) => self.visit_list(list, node, owner),
            Rule::Text(text) => self.visit_text(text, node, owner),
            Rule::Number(number) => self.visit_number(number, node, owner),
            Rule::Truth if matches!(plain(node), Some(Plain::Bool(_))) => {}
            Rule::Truth => self.tell(wrong_type(node, TRUTH, owner)),
        }
    }

    /// The place of a secret. Whatever is wrong with it, the secret itself may stand there.
    fn visit_secret(&mut self, inner: RuleId, node: &Node, owner: Owner<'_>) {
        let mut attempt = Inspector {
            form: self.form,
            problems: Problems::new(),
        };
        attempt.visit(inner, node, owner);
        for problem in attempt.problems {
            // A key that is no misspelling may be the secret, and messages name keys.
            let is_foreign = problem.code() == "keys.unknown" && problem.help().is_some();
            self.tell(if is_foreign {
                literal_secret(node, owner)
            } else {
                problem.hidden()
            });
        }
    }

    /// A node of another kind than that of these rules; hidden where one of them is the place of a secret, since
    /// somebody may have written the secret instead.
    fn wrong_type_of(
        &self,
        parts: impl IntoIterator<Item = RuleId>,
        node: &Node,
        expected: &str,
        owner: Owner<'_>,
    ) -> Problem {
        let problem = wrong_type(node, expected, owner);
        if parts.into_iter().any(|part| self.is_secret(part)) {
            problem.hidden()
        } else {
            problem
        }
    }

    /// Whether a rule is the place of a secret, or of one among others.
    fn is_secret(&self, id: RuleId) -> bool {
        match self.form.rule(id) {
            Rule::Secret(_) => true,
            Rule::Choice(parts) | Rule::All(parts) => parts
                .iter()
                .any(|part| matches!(self.form.rule(*part), Rule::Secret(_))),
            _ => false,
        }
    }

    fn visit_mapping(&mut self, mapping: &'f Mapping, node: &Node, owner: Owner<'_>) {
        let Some(entries) = node.as_mapping() else {
            return self.tell(self.wrong_type_of(
                mapping.known.iter().map(|(_, id)| *id),
                node,
                "a mapping",
                owner,
            ));
        };
        let names = || mapping.known.iter().map(|(name, _)| name.as_str());
        let mut meant: Vec<&str> = Vec::new();
        for entry in entries {
            let known = mapping
                .known
                .iter()
                .find(|(name, _)| **name == *entry.key)
                .map(|(_, id)| *id);
            match (known, mapping.others) {
                (Some(id), _) | (None, Others::Take(id)) => {
                    self.visit(id, &entry.value, Owner::Key(&entry.key));
                }
                (None, Others::Refused) => {
                    meant.extend(did_you_mean(&entry.key, names()));
                    self.tell(unknown_key(entry, owner, &names().collect::<Vec<_>>()));
                }
                (None, Others::Ignored) => {}
            }
        }
        for key in &mapping.required {
            // A key that is only misspelt is not missing as well.
            if node.get(key).is_none() && !meant.contains(&key.as_str()) {
                let problem = Problem::new("keys.missing", format!("{owner} needs the key `{key}`"));
                self.tell(problem.with_span(node.head()));
            }
        }
        if entries.len() < mapping.least {
            let message = format!(
                "{owner} needs at least {}",
                counted(mapping.least, "entry", "entries")
            );
            self.tell(Problem::new("values.range", message).with_span(node.head()));
        }
    }

    fn visit_list(&mut self, list: &'f List, node: &Node, owner: Owner<'_>) {
        let Some(items) = node.as_sequence() else {
            return self.tell(self.wrong_type_of(list.items, node, "a list", owner));
        };
        for (index, item) in items.iter().enumerate() {
            if let Some(id) = list.first.get(index).copied().or(list.items) {
                self.visit(id, item, owner.item());
            }
        }
        let wrong = match (list.least, list.most) {
            (Some(least), _) if items.len() < least => {
                format!("at least {}", counted(least, "item", "items"))
            }
            (_, Some(most)) if items.len() > most => format!("at most {}", counted(most, "item", "items")),
            _ => return,
        };
        let be = if items.len() == 1 { "is" } else { "are" };
        let message = format!("{owner} needs {wrong}, and there {be} {}", items.len());
        self.tell(Problem::new("values.range", message).with_span(node.head()));
    }

    fn visit_text(&mut self, rule: &Text, node: &Node, owner: Owner<'_>) {
        let Some(text) = node.as_text() else {
            return self.tell(wrong_type(node, text_kind(rule), owner));
        };
        if let Some(Err(error)) = rule
            .format
            .as_deref()
            .and_then(|format| check_format(format, text))
        {
            let problem = Problem::new("values.unit", error.to_string()).with_span(node.head());
            // Where the name of a variable is due, somebody may have written what is in it.
            let is_env = rule.format.as_deref() == Some(ENV_FORMAT);
            let problem = if is_env { problem.hidden() } else { problem };
            return self.tell(match error.help() {
                Some(help) => problem.with_help(help),
                None => problem,
            });
        }
        let owner = owner.key();
        let length = if rule.least.is_none() && rule.most.is_none() {
            0
        } else {
            text.chars().count()
        };
        let wrong = match (rule.least, rule.most) {
            (Some(_), _) if length == 0 => format!("{owner} must not be empty"),
            (Some(least), _) if length < least => format!("{owner} needs at least {least} characters"),
            (_, Some(most)) if length > most => format!("{owner} takes at most {most} characters"),
            _ => return,
        };
        self.tell(Problem::new("values.range", wrong).with_span(node.head()));
    }

    fn visit_number(&mut self, rule: &Number, node: &Node, owner: Owner<'_>) {
        let (number, shown) = match (plain(node), node.as_text()) {
            (Some(Plain::Unsigned(value)), Some(text)) => (value as f64, text),
            (Some(Plain::Signed(value)), Some(text)) => (value as f64, text),
            (Some(Plain::Float(value)), Some(text)) if !rule.whole => (value, text),
            _ => return self.tell(wrong_type(node, number_kind(rule.whole), owner)),
        };
        let below = rule.least.is_some_and(|least| number < least);
        let above = rule.most.is_some_and(|most| number > most);
        if !below && !above {
            return;
        }
        let size = if below { "small" } else { "large" };
        let mut message = format!("{shown} is too {size}: {} is", owner.key());
        let _ = match (rule.least, rule.most) {
            (Some(least), Some(most)) => write!(message, " from {least} to {most}"),
            (Some(least), None) => write!(message, " at least {least}"),
            (None, most) => write!(message, " at most {}", most.unwrap_or_default()),
        };
        self.tell(Problem::new("values.range", message).with_span(node.head()));
    }

    fn visit_words(&mut self, words: &[String], node: &Node, owner: Owner<'_>) {
        let Some(text) = node.as_text() else {
            return self.tell(wrong_type(node, &format!("one of {}", listed(words)), owner));
        };
        if words.iter().any(|word| word == text) {
            return;
        }
        let guess = did_you_mean(text, words.iter().map(String::as_str));
        let guess = guess
            .map(|word| format!("; did you mean `{word}`?"))
            .unwrap_or_default();
        let message = format!("`{}` is not a choice of {}{guess}", cut(text), owner.key());
        let help = match words {
            [one] => format!("the only choice is `{one}`"),
            words => format!("the choices are {}", listed(words)),
        };
        self.tell(
            Problem::new("values.choice", message)
                .with_span(node.head())
                .with_help(help),
        );
    }

    /// One of several forms: by the kind of the node, then by the keys that are there, then by trying.
    fn visit_choice(&mut self, ways: &'f [RuleId], node: &Node, owner: Owner<'_>) {
        if node.is_empty() {
            return self.tell(empty(&Rule::Anything, node, owner));
        }
        let fitting: Vec<RuleId> = ways
            .iter()
            .copied()
            .filter(|way| self.takes(*way, node))
            .collect();
        match (fitting.as_slice(), node.as_mapping()) {
            ([], _) => {
                let mut kinds: Vec<String> = ways.iter().map(|way| kind(self.form, *way)).collect();
                kinds.dedup();
                self.tell(self.wrong_type_of(ways.iter().copied(), node, &kinds.join(" or "), owner));
            }
            ([one], _) => self.visit(*one, node, owner),
            (several, Some(entries)) => self.visit_tagged(several, node, entries, owner),
            (several, None) => self.visit_any(several, node, owner),
        }
    }

    /// Mappings that are told apart by the key which each needs, such as `{ env: … }` and `{ file: … }`.
    fn visit_tagged(&mut self, ways: &[RuleId], node: &Node, entries: &[Entry], owner: Owner<'_>) {
        let tags: Vec<&str> = ways.iter().filter_map(|way| self.tag(*way)).collect();
        if tags.len() != ways.len() {
            return self.visit_any(ways, node, owner);
        }
        let written: Vec<&Entry> = entries
            .iter()
            .filter(|entry| tags.contains(&&*entry.key))
            .collect();
        match written.as_slice() {
            [one] => {
                let way = ways.iter().find(|way| self.tag(**way) == Some(&one.key));
                if let Some(way) = way {
                    self.visit(*way, node, owner);
                }
            }
            [first, second, ..] => {
                let message = format!("`{}` and `{}` exclude each other", first.key, second.key);
                let problem = Problem::new("keys.exclusive", message).with_span(second.key_span);
                self.tell(problem.with_second(first.key_span, "the other one"));
            }
            [] if entries.is_empty() => {
                let message = format!("{owner} needs one of the keys {}", listed(&tags));
                self.tell(Problem::new("keys.missing", message).with_span(node.head()));
            }
            [] => entries
                .iter()
                .for_each(|entry| self.tell(unknown_key(entry, owner, &tags))),
        }
    }

    /// Tries all and keeps the complaints of the one that had fewest.
    fn visit_any(&mut self, ways: &[RuleId], node: &Node, owner: Owner<'_>) {
        let attempts = ways.iter().map(|way| {
            let mut attempt = Inspector {
                form: self.form,
                problems: Problems::new(),
            };
            attempt.visit(*way, node, owner);
            attempt.problems
        });
        for problem in attempts.min_by_key(Problems::len).into_iter().flatten() {
            self.tell(problem);
        }
    }

    /// Whether a rule takes nodes of this kind at all.
    fn takes(&self, id: RuleId, node: &Node) -> bool {
        match self.form.rule(id) {
            Rule::Words(_) | Rule::Text(_) | Rule::Number(_) | Rule::Truth => node.as_text().is_some(),
            Rule::Mapping(_) => node.as_mapping().is_some(),
            Rule::List(_) => node.as_sequence().is_some(),
            Rule::Choice(ways) => ways.iter().any(|way| self.takes(*way, node)),
            Rule::Anything | Rule::Same(_) | Rule::Secret(_) | Rule::All(_) => true,
        }
    }

    /// The key by which a mapping is told apart: the only one that it needs.
    fn tag(&self, id: RuleId) -> Option<&'f str> {
        match self.form.rule(id) {
            Rule::Mapping(Mapping { required, .. }) => match required.as_slice() {
                [one] => Some(one),
                _ => None,
            },
            _ => None,
        }
    }
}

fn plain(node: &Node) -> Option<Plain> {
    match node.content() {
        Content::Scalar { text, plain: true } => Some(Plain::of(text)),
        Content::Scalar { .. } | Content::Sequence(_) | Content::Mapping(_) => None,
    }
}

fn empty(rule: &Rule, node: &Node, owner: Owner<'_>) -> Problem {
    let problem = Problem::new("values.empty", format!("{owner} has no value")).with_span(node.span());
    match rule {
        Rule::Words(words) => problem.with_help(format!("write one of {}", listed(words))),
        _ => problem.with_help("write a value or remove the key"),
    }
}

fn literal_secret(node: &Node, owner: Owner<'_>) -> Problem {
    let message = format!("{owner} takes the place of a secret, never the secret itself");
    let problem = Problem::new("values.secret", message).with_span(node.head());
    problem
        .with_help("write `{ env: NAME }` or `{ file: path }`")
        .hidden()
}

fn wrong_type(node: &Node, expected: &str, owner: Owner<'_>) -> Problem {
    let message = format!("{owner} {} {expected}, not {}", owner.verb(), node.kind());
    let problem = Problem::new("values.type", message).with_span(node.head());
    let Content::Scalar { text, plain } = node.content() else {
        return problem;
    };
    let is_number = expected.ends_with("number");
    match &**text {
        "yes" | "on" | "Yes" | "True" | "TRUE" if expected == TRUTH => problem.with_help("write `true`"),
        "no" | "off" | "No" | "False" | "FALSE" if expected == TRUTH => problem.with_help("write `false`"),
        text if is_number && starts_with_zero(text) => {
            problem.with_help("write it without zeros in front: some read them as octal")
        }
        text if !plain && (is_number || expected == TRUTH) && Plain::of(text) != Plain::Text => {
            problem.with_help(format!("write {text} without quotes"))
        }
        _ => problem,
    }
}

/// A key that does not belong here, with a guess or the list of those that do.
fn unknown_key(entry: &Entry, owner: Owner<'_>, known: &[&str]) -> Problem {
    let wrong = |message: String| Problem::new("keys.unknown", message).with_span(entry.key_span);
    let message = format!("`{}` is not a key of {owner}", cut(&entry.key));
    match (did_you_mean(&entry.key, known.iter().copied()), known) {
        (Some(guess), _) => wrong(format!("{message}; did you mean `{guess}`?")),
        (None, []) => wrong(message),
        (None, [one]) => wrong(message).with_help(format!("the only key of {owner} is `{one}`")),
        (None, known) => wrong(message).with_help(format!("the keys of {owner} are {}", listed(known))),
    }
}
