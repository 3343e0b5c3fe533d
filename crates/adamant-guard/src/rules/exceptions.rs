//! Exceptions: rules that are not to look at a value, because there it is what it should be.
//!
//! Never switches a rule off as a whole: that is what `deny` and `level` are for.

use adamant_filter::prelude::*;

use super::category::Category;
use super::place::{Target, Value, check_target};
use super::rule::Rule;
use super::rule_set::RuleSet;

/// A rule that is not to look at a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Exception {
    /// The `id` of a rule, or a kind of attack for all of its rules. Example: `sql-tokens`
    rule: String,
    /// The value: `query:q`, `header:NAME`, `cookie:NAME`, `form:NAME` or `json:NAME` for the ones with that name, or
    /// all of a place, such as `path`, `json` or `body`. Example: `query:q`
    target: String,
    /// Only on the route with this name. Without it, on every route that has the step. Example: `search`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    route: Option<String>,
}

#[derive(Debug)]
struct Spared {
    rules: RuleSet,
    target: Target,
    route: Option<Box<str>>,
}

/// The exceptions of a step.
#[derive(Debug, Default)]
pub(super) struct Exceptions(Box<[Spared]>);

impl Exceptions {
    /// Compiles them against the rules that they speak of.
    pub(super) fn of(written: &[Exception], rules: &[Rule], boot: &Boot<'_>) -> Result<Self, Problem> {
        let compiled = written.iter().enumerate();
        let compiled = compiled.map(|(index, exception)| exception.compile(index, rules, boot));
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    /// Whether a rule that matches is not to look there.
    pub(super) fn spare(&self, rule: u16, value: &Value<'_>, route: &str) -> bool {
        self.0.iter().any(|spared| {
            spared.rules.contains(rule)
                && spared.target.covers(value.place, value.name)
                && spared.route.as_ref().is_none_or(|own| **own == *route)
        })
    }
}

impl Exception {
    fn compile(&self, index: usize, rules: &[Rule], boot: &Boot<'_>) -> Result<Spared, Problem> {
        let at = |key: &str| format!("except[{index}].{key}");
        let target = check_target(&at("target"), &self.target)?;
        let category = Category::ALL
            .into_iter()
            .find(|category| category.word() == self.rule);
        let named = (0_u16..)
            .zip(rules)
            .filter(|(_, rule)| rule.id == self.rule || Some(rule.category) == category);
        let mut spared = RuleSet::NONE;
        let mut looks_there = false;
        for (index, rule) in named {
            spared.insert(index);
            looks_there |= rule.places().meet(target.places());
        }
        if spared == RuleSet::NONE {
            let text = format!("no rule of this step is called `{}`", self.rule);
            let help = "write the `id` of a rule as the log tells it, or a kind of attack that is denied";
            return Err(Problem::at(&at("rule"), text).with_help(help));
        }
        if !looks_there {
            let text = format!("`{}` does not look at `{}` anyway", self.rule, self.target);
            return Err(Problem::at(&at("target"), text));
        }
        if let Some(route) = self.route.as_deref().filter(|route| !boot.knows_route(route)) {
            return Err(Problem::at(&at("route"), format!("there is no route `{route}`")));
        }
        Ok(Spared {
            rules: spared,
            target,
            route: self.route.as_deref().map(Into::into),
        })
    }
}
