//! The first pass: a tree against a JSON Schema, with every problem of form and its place.
//!
//! Knows that part of JSON Schema which `schemars` writes for serde types, and the formats of our units.
//! Patterns are for editors: what they say is checked by the type that declares them.

mod form;

use std::fmt::Write as _;

use schemars::Schema;
use serde_json::{Map, Value};

use form::{
    Owner, be, bound, counted, cut, format_of, highest, kind_for, listed, lowest, plain, starts_with_zero,
    tag, takes, text_for, types, ways, words,
};

use crate::node::{Content, Entry, Node, Plain};
use crate::problem::{Problem, Problems, did_you_mean};
use crate::units::{ENV_FORMAT, SECRET_FORMAT, check_format};

/// More problems than anybody reads.
const PROBLEMS_MAX: usize = 200;

/// Everything that is wrong with the form of `node`, in no particular order. Messages call it `name`: a
/// phrase such as `the file`, or a word between backticks.
#[must_use]
pub fn inspect(schema: &Schema, node: &Node, name: &str) -> Problems {
    let mut inspector = Inspector {
        root: schema.as_value(),
        problems: Problems::new(),
    };
    inspector.visit(schema.as_value(), node, Owner::Phrase(name));
    inspector.problems
}

struct Inspector<'s> {
    root: &'s Value,
    problems: Problems,
}

impl<'s> Inspector<'s> {
    fn tell(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn wrong_type(&mut self, node: &Node, expected: &str, owner: Owner<'_>) {
        let verb = if matches!(owner, Owner::Item(_)) {
            "is"
        } else {
            "takes"
        };
        let message = format!("{owner} {verb} {expected}, not {}", node.kind());
        let problem = Problem::new("values.type", message).with_span(node.head());
        let quoted_number = matches!(node.content(), Content::Scalar { plain: false, text } if Plain::of(text) != Plain::Text);
        self.tell(match node.as_text() {
            Some(text) if quoted_number && expected != "a text" => {
                problem.with_help(format!("write {text} without quotes"))
            }
            Some("yes" | "on" | "Yes" | "True" | "TRUE") if expected == "true or false" => {
                problem.with_help("write `true`")
            }
            Some("no" | "off" | "No" | "False" | "FALSE") if expected == "true or false" => {
                problem.with_help("write `false`")
            }
            Some(text) if starts_with_zero(text) && node.kind() == "a text" => {
                problem.with_help("write it without zeros in front: some read them as octal")
            }
            _ => problem,
        });
    }

    /// Follows references, and takes the one way that is not `null` (an absent key is not written at all).
    fn resolve(&self, mut schema: &'s Value) -> &'s Value {
        // The chain is as long as the types are nested in name only; a circle would be a broken schema.
        for _ in 0..16 {
            if let Some(Value::String(to)) = schema.get("$ref") {
                let target = to
                    .strip_prefix('#')
                    .and_then(|pointer| self.root.pointer(pointer));
                let Some(target) = target else { return schema };
                schema = target;
                continue;
            }
            match ways(schema).as_deref() {
                Some([one]) => schema = one,
                _ => return schema,
            }
        }
        schema
    }

    fn visit(&mut self, schema: &'s Value, node: &Node, owner: Owner<'_>) {
        let schema = self.resolve(schema);
        let Some(rules) = schema.as_object() else { return };
        if format_of(rules) == Some(SECRET_FORMAT) && node.as_mapping().is_none() {
            let problem = Problem::new(
                "values.secret",
                format!("{owner} takes the place of a secret, never the secret itself"),
            );
            let help = "write `{ env: NAME }` or `{ file: path }`";
            return self.tell(problem.with_span(node.head()).with_help(help).hidden());
        }
        if let Some(parts) = rules.get("allOf").and_then(Value::as_array) {
            for part in parts {
                self.visit(part, node, owner);
            }
        }
        if let Some(ways) = ways(schema) {
            return self.visit_choice(&ways, node, owner);
        }
        if let Some(words) = words(schema) {
            return self.visit_words(&words, node, owner);
        }
        if node.is_empty() && rules.contains_key("type") && !types(rules).any(|name| name == "null") {
            let problem = Problem::new("values.empty", format!("{owner} has no value"));
            return self.tell(
                problem
                    .with_span(node.span())
                    .with_help("write a value or remove the key"),
            );
        }
        match types(rules).find(|name| *name != "null") {
            Some("object") => self.visit_mapping(rules, node, owner),
            Some("array") => self.visit_list(rules, node, owner),
            Some("string") => self.visit_text(rules, node, owner),
            Some("integer") => self.visit_number(rules, node, owner, "a whole number"),
            Some("number") => self.visit_number(rules, node, owner, "a number"),
            Some("boolean") if !matches!(plain(node), Some(Plain::Bool(_))) => {
                self.wrong_type(node, "true or false", owner);
            }
            _ => {}
        }
    }

    fn visit_mapping(&mut self, rules: &'s Map<String, Value>, node: &Node, owner: Owner<'_>) {
        let Some(entries) = node.as_mapping() else {
            return self.wrong_type(node, "a mapping", owner);
        };
        let properties = rules.get("properties").and_then(Value::as_object);
        let others = rules.get("additionalProperties");
        let mut meant: Vec<&str> = Vec::new();
        for entry in entries {
            match (properties.and_then(|known| known.get(&*entry.key)), others) {
                (Some(schema), _) => self.visit(schema, &entry.value, Owner::Key(&entry.key)),
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<&str> = properties
                        .into_iter()
                        .flat_map(Map::keys)
                        .map(String::as_str)
                        .collect();
                    meant.extend(did_you_mean(&entry.key, known.iter().copied()));
                    self.tell(unknown_key(entry, owner, &known));
                }
                (None, Some(schema)) => self.visit(schema, &entry.value, Owner::Key(&entry.key)),
                (None, None) => {}
            }
        }
        let required = rules.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            // A key that is only misspelt is not missing as well.
            if node.get(key).is_none() && !meant.contains(&key) {
                let problem = Problem::new("keys.missing", format!("{owner} needs the key `{key}`"));
                self.tell(problem.with_span(node.head()));
            }
        }
        let least = bound(rules, "minProperties").unwrap_or(0);
        if entries.len() < least {
            let problem = Problem::new(
                "values.range",
                format!("{owner} needs at least {}", counted(least, "entry", "entries")),
            );
            self.tell(problem.with_span(node.head()));
        }
    }

    fn visit_list(&mut self, rules: &'s Map<String, Value>, node: &Node, owner: Owner<'_>) {
        let Some(items) = node.as_sequence() else {
            self.wrong_type(node, "a list", owner);
            return;
        };
        let first = rules.get("prefixItems").and_then(Value::as_array);
        for (index, item) in items.iter().enumerate() {
            let schema = first
                .and_then(|first| first.get(index))
                .or_else(|| rules.get("items"));
            if let Some(schema) = schema {
                self.visit(schema, item, owner.item());
            }
        }
        let (least, most) = (bound(rules, "minItems"), bound(rules, "maxItems"));
        let wrong = match (least, most) {
            (Some(least), _) if items.len() < least => {
                format!("at least {}", counted(least, "item", "items"))
            }
            (_, Some(most)) if items.len() > most => format!("at most {}", counted(most, "item", "items")),
            _ => return,
        };
        let message = format!(
            "{owner} needs {wrong}, and there {} {}",
            be(items.len()),
            items.len()
        );
        self.tell(Problem::new("values.range", message).with_span(node.head()));
    }

    fn visit_text(&mut self, rules: &Map<String, Value>, node: &Node, owner: Owner<'_>) {
        let Some(text) = node.as_text() else {
            return self.wrong_type(node, &text_for(rules), owner);
        };
        if let Some(Err(error)) = format_of(rules).and_then(|format| check_format(format, text)) {
            let problem = Problem::new("values.unit", error.to_string()).with_span(node.head());
            // Where the name of a variable is due, somebody may have written what is in it.
            let is_env = format_of(rules) == Some(ENV_FORMAT);
            let problem = if is_env { problem.hidden() } else { problem };
            return self.tell(match error.help() {
                Some(help) => problem.with_help(help),
                None => problem,
            });
        }
        let owner = owner.key();
        let length = text.chars().count();
        let (least, most) = (bound(rules, "minLength"), bound(rules, "maxLength"));
        let wrong = match (least, most) {
            (Some(_), _) if length == 0 => format!("{owner} must not be empty"),
            (Some(least), _) if length < least => format!("{owner} needs at least {least} characters"),
            (_, Some(most)) if length > most => format!("{owner} takes at most {most} characters"),
            _ => return,
        };
        self.tell(Problem::new("values.range", wrong).with_span(node.head()));
    }

    fn visit_number(&mut self, rules: &Map<String, Value>, node: &Node, owner: Owner<'_>, expected: &str) {
        let whole = expected == "a whole number";
        let (number, shown) = match (plain(node), node.as_text()) {
            (Some(Plain::Unsigned(value)), Some(text)) => (value as f64, text),
            (Some(Plain::Signed(value)), Some(text)) => (value as f64, text),
            (Some(Plain::Float(value)), Some(text)) if !whole => (value, text),
            _ => return self.wrong_type(node, expected, owner),
        };
        let owner = owner.key();
        let format = format_of(rules).unwrap_or_default();
        let least = rules.get("minimum").and_then(Value::as_f64).or(lowest(format));
        let most = rules.get("maximum").and_then(Value::as_f64).or(highest(format));
        let below = least.is_some_and(|least| number < least);
        let above = most.is_some_and(|most| number > most);
        if below || above {
            let mut message = format!(
                "{shown} is too {}: {owner} is",
                if below { "small" } else { "large" }
            );
            let _ = match (least, most) {
                (Some(least), Some(most)) => write!(message, " from {least} to {most}"),
                (Some(least), None) => write!(message, " at least {least}"),
                (None, most) => write!(message, " at most {}", most.unwrap_or_default()),
            };
            self.tell(Problem::new("values.range", message).with_span(node.head()));
        }
    }

    fn visit_words(&mut self, words: &[&'s str], node: &Node, owner: Owner<'_>) {
        let list = listed(words);
        let Some(text) = node.as_text() else {
            return self.wrong_type(node, &format!("one of {list}"), owner);
        };
        let owner = owner.key();
        if words.contains(&text) {
            return;
        }
        if node.is_empty() {
            let problem = Problem::new("values.empty", format!("{owner} has no value"));
            return self.tell(
                problem
                    .with_span(node.span())
                    .with_help(format!("write one of {list}")),
            );
        }
        let guess = did_you_mean(text, words.iter().copied());
        let guess = guess
            .map(|word| format!("; did you mean `{word}`?"))
            .unwrap_or_default();
        let problem = Problem::new(
            "values.choice",
            format!("`{}` is not a choice of {owner}{guess}", cut(text)),
        );
        let help = if let [one] = words {
            format!("the only choice is `{one}`")
        } else {
            format!("the choices are {list}")
        };
        self.tell(problem.with_span(node.head()).with_help(help));
    }

    /// One of several forms: by the kind of the node, then by the keys that are there, then by trying.
    fn visit_choice(&mut self, ways: &[&'s Value], node: &Node, owner: Owner<'_>) {
        let ways: Vec<&'s Value> = ways.iter().map(|way| self.resolve(way)).collect();
        let fitting: Vec<&'s Value> = ways.iter().copied().filter(|way| takes(way, node)).collect();
        match fitting.as_slice() {
            [] => {
                let mut kinds: Vec<String> = ways.iter().map(|way| kind_for(way)).collect();
                kinds.dedup();
                self.wrong_type(node, &kinds.join(" or "), owner);
            }
            [one] => self.visit(one, node, owner),
            several => match node.as_mapping() {
                Some(entries) => self.visit_tagged(several, node, entries, owner),
                None => self.visit_any(several, node, owner),
            },
        }
    }

    /// Mappings that are told apart by the key which each needs, such as `{ env: … }` and `{ file: … }`.
    fn visit_tagged(&mut self, ways: &[&'s Value], node: &Node, entries: &[Entry], owner: Owner<'_>) {
        let tags: Vec<&'s str> = ways.iter().filter_map(|way| tag(way)).collect();
        if tags.len() != ways.len() {
            return self.visit_any(ways, node, owner);
        }
        let written: Vec<&Entry> = entries
            .iter()
            .filter(|entry| tags.contains(&&*entry.key))
            .collect();
        match written.as_slice() {
            [one] => {
                let way = ways.iter().find(|way| tag(way) == Some(&one.key));
                if let Some(way) = way {
                    self.visit(way, node, owner);
                }
            }
            [first, second, ..] => {
                let message = format!("`{}` and `{}` exclude each other", first.key, second.key);
                let problem = Problem::new("keys.exclusive", message).with_span(second.key_span);
                self.tell(problem.with_second(first.key_span, "the other one"));
            }
            [] => match entries {
                [] => {
                    let problem = Problem::new(
                        "keys.missing",
                        format!("{owner} needs one of the keys {}", listed(&tags)),
                    );
                    self.tell(problem.with_span(node.head()));
                }
                entries => {
                    for entry in entries {
                        self.tell(unknown_key(entry, owner, &tags));
                    }
                }
            },
        }
    }

    /// Tries all and keeps the complaints of the one that had fewest.
    fn visit_any(&mut self, ways: &[&'s Value], node: &Node, owner: Owner<'_>) {
        let mut fewest: Option<Problems> = None;
        for way in ways {
            let mut attempt = Inspector {
                root: self.root,
                problems: Problems::new(),
            };
            attempt.visit(way, node, owner);
            if fewest
                .as_ref()
                .is_none_or(|best| attempt.problems.len() < best.len())
            {
                fewest = Some(attempt.problems);
            }
        }
        for problem in fewest.into_iter().flatten() {
            self.tell(problem);
        }
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
