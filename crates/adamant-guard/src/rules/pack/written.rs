//! Packs as files: what their authors write, and what is wrong with it.
//!
//! ```yaml
//! rules:
//!   - id: shop-coupon-probe
//!     category: other
//!     severity: warning
//!     level: 1
//!     targets: [query:coupon, json]
//!     transform: [url-decode, lower-case]
//!     match: { regex: "^(test|admin)[0-9]+$" }
//! ```

use std::collections::HashSet;
use std::path::Path;

use adamant_filter::prelude::*;
use adamant_filter::{Spanned, decode};

use super::super::category::{Category, Severity};
use super::super::config::RulesConfig;
use super::super::place::Target;
use super::super::rule::{Asked, Draft, Rule};
use super::super::transform::Transform;
use super::{scripts, within};

/// A pack.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Pack {
    /// Its rules.
    rules: Vec<Spanned<RuleText>>,
}

/// A rule.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RuleText {
    /// What the log and exceptions call it: small letters, digits and `-`. Example: `shop-coupon-probe`
    id: String,
    /// The kind of attack, which is the reason of a refusal. Example: `other`
    category: Category,
    /// How much it adds to the score. Default: `critical`. Example: `warning`
    #[serde(default = "critical")]
    severity: Severity,
    /// The lowest level of a policy that uses it, 1 to 4. Default: `1`. Example: `2`
    #[serde(default = "first")]
    level: u8,
    /// Where it looks. Example: `[query, form, json, header:user-agent]`
    targets: Vec<String>,
    /// What is done to a value before, in this order. Default: nothing. Example: `[url-decode, lower-case]`
    #[serde(default)]
    transform: Vec<Transform>,
    /// What it looks for. Example: `{ contains: [coupon-test] }`
    r#match: Match,
}

/// What a rule looks for: exactly one of these.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Match {
    /// A regular expression, without look-around and back-references. Example: `"^(test|admin)[0-9]+$"`
    regex: Option<String>,
    /// One of these texts, anywhere and in whatever case. Example: `[coupon-test]`
    contains: Option<Vec<String>>,
    /// One of these texts at the beginning. Example: `["/internal/"]`
    begins: Option<Vec<String>>,
    /// One of these texts at the end. Example: `[.bak]`
    ends: Option<Vec<String>>,
    /// One of these texts as a whole. Example: `[admin]`
    equals: Option<Vec<String>>,
    /// What no list of words tells. Example: `sql`
    class: Option<Class>,
}

/// Texts that are known by how they are built.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Class {
    /// An injection of SQL, by the order of its tokens.
    Sql,
    /// Script for a browser.
    Xss,
}

const fn critical() -> Severity {
    Severity::Critical
}

const fn first() -> u8 {
    1
}

/// The rules of a pack that a policy asks for.
pub(super) fn load(
    config: &RulesConfig,
    path: &Path,
    (key, ids): (&str, &mut HashSet<&'static str>),
    boot: &mut Boot<'_>,
) -> Result<Vec<Rule>, Problem> {
    let node = boot.document(path).map_err(|problem| problem.with_path(key))?;
    let pack: Pack = decode(&node).map_err(|problems| {
        let first = problems.iter().next().cloned();
        let first = first.unwrap_or_else(|| Problem::at("", "this is no pack"));
        within(first, path, key)
    })?;
    if pack.rules.is_empty() {
        return Err(within(
            Problem::at("rules", "without a rule it finds nothing"),
            path,
            key,
        ));
    }
    let mut rules = Vec::new();
    for rule in &pack.rules {
        let placed = |problem: Problem| within(problem.with_span(rule.span), path, key);
        rule.value.check().map_err(placed)?;
        let id = boot.intern(&rule.value.id);
        if !ids.insert(id) {
            let text = format!("another rule is called `{id}`");
            return Err(placed(Problem::at("id", text)));
        }
        let compiled = rule.value.compile(id).map_err(placed)?;
        if config.deny.contains(&rule.value.category) && rule.value.level <= config.level {
            rules.push(compiled);
        }
    }
    Ok(rules)
}

impl RuleText {
    fn check(&self) -> Result<(), Problem> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.bytes().all(is_name) {
            let text = format!("`{}` is no name of a rule", self.id);
            return Err(Problem::at("id", text).with_help("use up to 64 small letters, digits and `-`"));
        }
        if Category::ALL.iter().any(|category| category.word() == self.id) {
            return Err(Problem::at("id", format!("`{}` is a kind of attack", self.id)));
        }
        if !(1..=4).contains(&self.level) {
            return Err(Problem::at("level", "levels go from 1 to 4"));
        }
        if self.targets.is_empty() {
            return Err(Problem::at("targets", "it would look nowhere"));
        }
        Ok(())
    }

    fn compile(&self, id: &'static str) -> Result<Rule, Problem> {
        let targets = self.targets.iter().map(|target| Target::parse(target));
        let targets: Result<Vec<Target>, String> = targets.collect();
        let scripts = format!("(?i)(?:{})", scripts().join(")|(?:"));
        let Match {
            regex,
            contains,
            begins,
            ends,
            equals,
            class,
        } = &self.r#match;
        let texts = contains
            .as_ref()
            .or(begins.as_ref())
            .or(ends.as_ref())
            .or(equals.as_ref());
        let texts: Vec<&str> = texts.into_iter().flatten().map(String::as_str).collect();
        let asked = match (regex, contains, begins, ends, equals, class) {
            (Some(regex), None, None, None, None, None) => Asked::Expression(regex),
            (None, Some(_), None, None, None, None) => Asked::Contains(&texts),
            (None, None, Some(_), None, None, None) => Asked::Begins(&texts),
            (None, None, None, Some(_), None, None) => Asked::Ends(&texts),
            (None, None, None, None, Some(_), None) => Asked::Equals(&texts),
            (None, None, None, None, None, Some(Class::Sql)) => Asked::Sql,
            (None, None, None, None, None, Some(Class::Xss)) => Asked::Expression(&scripts),
            _ => {
                let problem = Problem::at("match", "a rule looks for exactly one thing");
                return Err(problem.with_help("write one of regex, contains, begins, ends, equals and class"));
            }
        };
        let draft = Draft {
            id,
            category: self.category,
            severity: self.severity,
            targets: targets.map_err(|message| Problem::at("targets", message))?,
            transforms: self.transform.clone(),
            words: true,
            asked,
        };
        Rule::compile(draft).map_err(|message| Problem::at("match", message))
    }
}
