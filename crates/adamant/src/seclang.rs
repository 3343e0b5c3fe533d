//! Rules in SecLang as rules of a pack: the part of that language that says what is looked for where.
//!
//! What it cannot take as it was meant it leaves out and says why. It runs nothing, and includes no other file.

mod read;
mod words;

use std::fmt::Write as _;

use read::{Line, lines, quoted_words, split};

/// What became of a file.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) rules: Vec<Rule>,
    /// Lines with what was not taken, and the reason.
    pub(crate) left_out: Vec<(usize, String)>,
}

/// A rule that was taken.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    id: String,
    message: String,
    category: &'static str,
    severity: &'static str,
    level: u8,
    targets: Vec<String>,
    transforms: Vec<&'static str>,
    matches: String,
    /// The next rule belongs to it.
    is_chained: bool,
}

/// Reads a file of rules.
pub(crate) fn import(text: &str) -> Imported {
    let mut imported = Imported::default();
    let mut in_chain = false;
    for Line { number, text } in lines(text) {
        let words = quoted_words(&text);
        let (directive, arguments) = words
            .split_first()
            .map_or(("", &[][..]), |(first, rest)| (first, rest));
        let was_chained = std::mem::take(&mut in_chain);
        let taken = match (directive, arguments) {
            ("SecRule", [variables, operator, actions]) => rule(variables, operator, actions),
            ("SecRule", [variables, operator]) => rule(variables, operator, ""),
            ("SecRule", _) => Err("a rule has variables, an operator and actions".to_owned()),
            (other, _) => Err(format!("`{other}` is no rule")),
        };
        in_chain = directive == "SecRule" && arguments.get(2).is_some_and(|actions| has_chain(actions));
        let taken = match taken {
            Ok(_) if was_chained => Err("it belongs to a chain, which a pack does not have".to_owned()),
            Ok(rule) if rule.is_chained => {
                Err("it is the beginning of a chain, which a pack does not have".to_owned())
            }
            other => other,
        };
        match taken {
            Ok(rule) if imported.rules.iter().any(|known| known.id == rule.id) => {
                imported
                    .left_out
                    .push((number, format!("another rule is called `{}`", rule.id)));
            }
            Ok(rule) => imported.rules.push(rule),
            Err(reason) => imported.left_out.push((number, reason)),
        }
    }
    imported
}

fn has_chain(actions: &str) -> bool {
    split(actions).iter().any(|action| action == "chain")
}

fn rule(variables: &str, operator: &str, actions: &str) -> Result<Rule, String> {
    let mut rule = Rule {
        category: "other",
        severity: "critical",
        level: 1,
        ..Rule::default()
    };
    for action in split(actions) {
        let (name, value) = action.split_once(':').unwrap_or((&action, ""));
        rule.take(name.trim(), value.trim().trim_matches('\''))?;
    }
    if rule.id.is_empty() {
        return Err("it has no id".to_owned());
    }
    for variable in variables.split('|') {
        for target in words::targets(variable.trim())? {
            if !rule.targets.contains(&target) {
                rule.targets.push(target);
            }
        }
    }
    rule.matches = words::matches(operator)?;
    Ok(rule)
}

impl Rule {
    /// Takes one action.
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "id" if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() => {
                self.id = format!("seclang-{value}");
            }
            "id" => return Err(format!("`{value}` is no id")),
            "msg" => value.clone_into(&mut self.message),
            "phase" if !matches!(value, "1" | "2" | "request") => {
                return Err(format!("it looks at phase {value}, and packs look at requests"));
            }
            "severity" => self.severity = words::severity(value)?,
            "setvar" => self.severity = words::score(value).unwrap_or(self.severity),
            "tag" => {
                if let Some(level) = value.strip_prefix("paranoia-level/") {
                    let level = level.parse().ok().filter(|level| (1..=4).contains(level));
                    self.level = level.ok_or_else(|| format!("there is no level `{value}`"))?;
                }
                self.category = words::category(value).unwrap_or(self.category);
            }
            "t" if value == "none" => self.transforms.clear(),
            "t" => self.transforms.push(words::transform(value)?),
            "chain" => self.is_chained = true,
            "multiMatch" | "ctl" | "skip" | "skipAfter" | "allow" | "exec" | "redirect" | "proxy"
            | "drop" => {
                return Err(format!("packs have no action `{name}`"));
            }
            // What is left says how a match is told, which is the gateway's.
            _ => {}
        }
        Ok(())
    }
}

impl Imported {
    /// The rules as a pack.
    pub(crate) fn pack(&self) -> String {
        let mut pack = "rules:\n".to_owned();
        for rule in &self.rules {
            if !rule.message.is_empty() {
                let _ = writeln!(pack, "  # {}", rule.message);
            }
            let targets: Vec<String> = rule.targets.iter().map(|target| words::quoted(target)).collect();
            // A text never refuses to be written.
            let _ = write!(
                pack,
                "  - id: {}\n    category: {}\n    severity: {}\n    level: {}\n    targets: [{}]\n    transform: [{}]\n    \
                 match: {}\n",
                rule.id,
                rule.category,
                rule.severity,
                rule.level,
                targets.join(", "),
                rule.transforms.join(", "),
                rule.matches
            );
        }
        pack
    }
}

#[cfg(test)]
mod tests;
