//! The form of a pack: a file of rules.
//!
//! Built-in rules are tables of this crate and have the same parts; nothing can be done by them alone.

mod command_injection;
mod cross_site_scripting;
mod entry;
mod path_traversal;
mod protocol_attack;
mod scanner;
mod server_side_request_forgery;
mod sql_injection;
mod template_injection;
mod written;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use adamant_filter::prelude::*;

use super::category::Category;
use super::config::RulesConfig;
use super::rule::Rule;
use super::rule_set::RULES_MAX;
use entry::Entry;

/// Counts up whenever a built-in rule changes: the digest of a policy says which rules it was.
pub(crate) const EDITION: &str = "1";

/// The built-in rules for script, of the first level: what `class: xss` asks.
fn scripts() -> Vec<&'static str> {
    cross_site_scripting::RULES
        .iter()
        .filter_map(Entry::expression)
        .collect()
}

/// The built-in rules of a kind.
const fn built_in(category: Category) -> &'static [Entry] {
    match category {
        Category::SqlInjection => sql_injection::RULES,
        Category::CrossSiteScripting => cross_site_scripting::RULES,
        Category::PathTraversal => path_traversal::RULES,
        Category::CommandInjection => command_injection::RULES,
        Category::ServerSideRequestForgery => server_side_request_forgery::RULES,
        Category::TemplateInjection => template_injection::RULES,
        Category::ProtocolAttack => protocol_attack::RULES,
        Category::Scanner => scanner::RULES,
        Category::Other => &[],
    }
}

/// Compiles the rules that a policy asks for: those of its kinds, up to its level.
pub(super) fn load(config: &RulesConfig, boot: &mut Boot<'_>) -> Result<Vec<Rule>, Problem> {
    let mut rules = Vec::new();
    let mut ids = HashSet::new();
    if config.built_in {
        for category in &config.deny {
            let entries = built_in(*category)
                .iter()
                .filter(|entry| entry.level <= config.level);
            for entry in entries {
                ids.insert(entry.id);
                let compiled = entry.compile(*category);
                rules.push(
                    compiled
                        .map_err(|message| Problem::at("built-in", format!("{}: {message}", entry.id)))?,
                );
            }
        }
    }
    let mut met: BTreeSet<Category> = rules.iter().map(|rule: &Rule| rule.category).collect();
    for (index, path) in config.packs.iter().enumerate() {
        let key = format!("packs[{index}]");
        let added = written::load(config, path, (&key, &mut ids), boot)?;
        met.extend(added.iter().map(|rule| rule.category));
        rules.extend(added);
    }
    if let Some(absent) = config.deny.iter().find(|category| !met.contains(category)) {
        let text = format!(
            "no rule of this step finds `{}` at level {}",
            absent.word(),
            config.level
        );
        return Err(Problem::at("deny", text));
    }
    if rules.len() > RULES_MAX {
        let text = format!(
            "{} rules are too many for one step, which may have {RULES_MAX}",
            rules.len()
        );
        return Err(Problem::at("packs", text));
    }
    Ok(rules)
}

/// A problem of a pack becomes one of the step that names it.
fn within(problem: Problem, path: &Path, key: &str) -> Problem {
    problem.within(path).with_path(key)
}

#[cfg(test)]
mod tests;
