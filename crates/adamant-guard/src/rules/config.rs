//! What a policy author writes under `rules`.
//!
//! Compiles nothing: checks what can be known without the rules.

use std::collections::BTreeSet;
use std::path::PathBuf;

use adamant_filter::prelude::*;

use super::category::Category;
use super::exceptions::Exception;

/// Refuses requests that look like an attack, with 403 and the kind of attack as the reason.
///
/// Rules look at the path, the query, the fields of the head, cookies and the body, in plain text and behind the
/// escapes of URLs, HTML, JSON, JavaScript and base64. Each rule that matches adds to the score of the request:
/// `critical` 5, `error` 4, `warning` 3, `notice` 2; a request with at least the `threshold` is refused. The log names
/// the rules and the score. The built-in rules and what they find are described in `docs/attack-rules.md`.
///
/// Rules find what is known of attacks and nothing else: they stand before a program that is safe, not in place of
/// that. Begin with `shadow: true` on the step and read the log.
///
/// Example: `rules: { deny: [sql-injection, path-traversal] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RulesConfig {
    /// The kinds of attacks that are looked for. Example: `[sql-injection, cross-site-scripting, path-traversal,
    /// command-injection, server-side-request-forgery, template-injection, protocol-attack, scanner]`
    pub(super) deny: BTreeSet<Category>,
    /// How suspicious the rules are, 1 to 4. Each level has more rules, finds more, and refuses more that is harmless.
    /// Default: `1`. Example: `2`
    #[serde(default = "level")]
    pub(super) level: u8,
    /// The score from which on a request is refused, 1 to 100. Default: `5`, which one critical rule reaches.
    /// Example: `10`
    #[serde(default = "threshold")]
    pub(super) threshold: u8,
    /// Whether the built-in rules are used; without them, only those of `packs`. Default: `true`. Example: `false`
    #[serde(default = "yes")]
    pub(super) built_in: bool,
    /// Files with more rules; they enter the digest. Example: `[rules/shop.yaml]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) packs: Vec<PathBuf>,
    /// Rules that are not to look at a value. Example: `[{ rule: sql-tokens, target: "query:q", route: search }]`
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) except: BTreeSet<Exception>,
    /// Whether bodies are looked at. They are held whole before anything of them is sent on; a body that cannot be read
    /// because it is compressed is refused. `ignore` lets attacks in bodies pass. Default: `inspect`. Example: `ignore`
    #[serde(default)]
    pub(super) bodies: Bodies,
    /// The largest body that is accepted where bodies are looked at, up to 1 MiB. Default: `64KiB`. Example: `256KiB`
    #[serde(default = "body_at_most")]
    pub(super) body_at_most: Size,
}

/// Whether bodies are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bodies {
    /// They are.
    #[default]
    Inspect,
    /// They pass, and no rule sees them.
    Ignore,
}

const fn level() -> u8 {
    1
}

const fn threshold() -> u8 {
    5
}

const fn yes() -> bool {
    true
}

const fn body_at_most() -> Size {
    Size::from_bytes(64 * 1024)
}

/// The largest body that may be held.
const HELD_MAX: u64 = 1024 * 1024;

impl RulesConfig {
    /// Tells what cannot be meant.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.deny.is_empty() {
            let problem = Problem::at("deny", "an empty list would look for nothing");
            return Err(problem.with_help("list the kinds of attacks, such as `sql-injection`"));
        }
        if !(1..=4).contains(&self.level) {
            return Err(Problem::at("level", format!("there is no level {}", self.level))
                .with_help("levels go from 1, for everyone, to 4"));
        }
        if !(1..=100).contains(&self.threshold) {
            return Err(Problem::at("threshold", "a threshold is 1 to 100"));
        }
        if !self.built_in && self.packs.is_empty() {
            let problem = Problem::at("built-in", "without built-in rules and packs there is no rule");
            return Err(problem.with_help("name a file under `packs`"));
        }
        let held = self.body_at_most.bytes();
        if held == 0 || held > HELD_MAX {
            return Err(Problem::at(
                "body-at-most",
                "a body of 1 byte to 1MiB can be held",
            ));
        }
        if self.bodies == Bodies::Ignore && self.body_at_most != body_at_most() {
            let text = "bodies are not looked at, so that this has no effect";
            return Err(Problem::at("body-at-most", text).with_help("remove it, or `bodies: ignore`"));
        }
        Ok(())
    }
}
