//! The parts of `authorize` that ask one question each, compiled.
//!
//! None of them allocates, and none says why it does not hold: the filter has a reason for each.

use std::collections::{BTreeMap, BTreeSet};

use adamant_filter::ShortOrLong;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::Value;

use super::config::{ClaimPresence, ClaimValue, NeededRoles};
use crate::claim::{ClaimName, any_text, lists};
use crate::escape::decoded;

/// Words of which one must be the case; checked for being words at all.
pub(super) fn words(
    words: Option<BTreeSet<String>>,
    path: &str,
    is_word: impl Fn(&str) -> bool,
) -> Result<Option<Box<[String]>>, Problem> {
    let Some(words) = words else { return Ok(None) };
    if words.is_empty() {
        return Err(Problem::at(path, "an empty list lets nobody pass")
            .with_help(format!("take `{path}` away, or name what may pass")));
    }
    match words.iter().find(|word| !is_word(word)) {
        Some(word) => Err(Problem::at(
            path,
            format!("`{word}` cannot be the name of anything here"),
        )),
        None => Ok(Some(words.into_iter().collect())),
    }
}

/// Roles in a claim.
#[derive(Debug)]
pub(super) struct Roles {
    claim: ClaimName,
    all: Box<[String]>,
    any: Box<[String]>,
}

impl Roles {
    pub(super) fn of(needed: NeededRoles) -> Result<Self, Problem> {
        if needed.all.is_empty() && needed.any.is_empty() {
            return Err(Problem::at(
                "roles",
                "`roles` needs at least one role under `all` or `any`",
            ));
        }
        for (path, roles) in [("roles.all", &needed.all), ("roles.any", &needed.any)] {
            let cannot = |role: &&String| role.is_empty() || role.contains(' ');
            if let Some(role) = roles.iter().find(cannot) {
                return Err(Problem::at(path, format!("`{role}` is not a role"))
                    .with_help("a role is one word: a claim may list several with spaces between them"));
            }
        }
        Ok(Self {
            claim: ClaimName::parse(&needed.claim, "roles.claim")?,
            all: needed.all.into_iter().collect(),
            any: needed.any.into_iter().collect(),
        })
    }

    pub(super) fn hold(&self, identity: &Identity) -> bool {
        self.claim.find(identity).is_some_and(|claim| {
            self.all.iter().all(|role| lists(claim, role))
                && (self.any.is_empty() || self.any.iter().any(|role| lists(claim, role)))
        })
    }
}

/// What one claim must be.
#[derive(Debug)]
pub(super) struct ClaimRule {
    claim: ClaimName,
    accepted: Accepted,
}

#[derive(Debug)]
enum Accepted {
    Values(Box<[String]>),
    Present(bool),
}

impl ClaimRule {
    pub(super) fn all_of(claims: Option<BTreeMap<String, ClaimValue>>) -> Result<Box<[Self]>, Problem> {
        let Some(claims) = claims else {
            return Ok(Box::default());
        };
        if claims.is_empty() {
            return Err(Problem::at("claims", "this asks for no claim"));
        }
        claims
            .into_iter()
            .map(|(name, values)| Self::of(&name, values))
            .collect()
    }

    fn of(name: &str, value: ClaimValue) -> Result<Self, Problem> {
        let path = format!("claims.{name}");
        let accepted = match value {
            ShortOrLong::Long(ClaimPresence { present }) => Accepted::Present(present),
            ShortOrLong::Short(values) if values.0.is_empty() => {
                return Err(Problem::at(&path, "an empty list lets nobody pass"));
            }
            ShortOrLong::Short(values) => Accepted::Values(values.0.into()),
        };
        Ok(Self {
            claim: ClaimName::parse(name, &path)?,
            accepted,
        })
    }

    pub(super) fn holds(&self, identity: &Identity) -> bool {
        let found = self.claim.find(identity).filter(|claim| !claim.is_null());
        match &self.accepted {
            Accepted::Present(expected) => found.is_some() == *expected,
            Accepted::Values(values) => {
                found.is_some_and(|claim| any_text(claim, |text| values.iter().any(|value| value == text)))
            }
        }
    }
}

/// A parameter of the path that must be the caller's own.
#[derive(Debug)]
pub(super) struct Binding {
    parameter: Box<str>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Consumer,
    Claim(ClaimName),
}

impl Binding {
    pub(super) fn all_of(
        bind: Option<BTreeMap<String, String>>,
        boot: &mut Boot<'_>,
    ) -> Result<Box<[Self]>, Problem> {
        let Some(bind) = bind else {
            return Ok(Box::default());
        };
        if bind.is_empty() {
            return Err(Problem::at("bind", "this binds no parameter"));
        }
        let binding = |(parameter, source): (String, String)| {
            boot.capture(&parameter);
            let path = format!("bind.{parameter}");
            let source = match source.as_str() {
                "consumer" => Source::Consumer,
                name => Source::Claim(ClaimName::parse(
                    name.strip_prefix("claim:").unwrap_or(name),
                    &path,
                )?),
            };
            Ok(Self {
                parameter: parameter.into(),
                source,
            })
        };
        bind.into_iter().map(binding).collect()
    }

    pub(super) fn holds(&self, request: &Request, identity: &Identity) -> bool {
        let Some(captured) = request.capture(&self.parameter) else {
            return false;
        };
        let is_captured = |text: &str| decoded(captured).eq(text.bytes());
        match &self.source {
            Source::Consumer => is_captured(identity.consumer()),
            Source::Claim(name) => name
                .find(identity)
                .is_some_and(|claim: &Value| any_text(claim, is_captured)),
        }
    }
}
