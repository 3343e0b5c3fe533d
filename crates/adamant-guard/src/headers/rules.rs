//! Rules for the fields of requests: which have to be there, which form they have, and which go on to the upstream.
//!
//! Changes no values.

use std::collections::{BTreeMap, BTreeSet};

use adamant_filter::prelude::*;

use super::changes::{checked_prefix, is_framing, parsed_name};
use crate::pattern::Pattern;

/// Checked rules.
#[derive(Debug)]
pub(super) struct Rules {
    required: Box<[HeaderName]>,
    patterns: Box<[(HeaderName, Pattern)]>,
    /// Fields that go on; `None` where all do.
    forwarded: Option<Forwarded>,
}

#[derive(Debug)]
struct Forwarded {
    names: Box<[HeaderName]>,
    prefixes: Box<[Box<str>]>,
}

impl Rules {
    pub(super) fn of(
        require: &BTreeSet<String>,
        patterns: &BTreeMap<String, String>,
        forward: Option<&BTreeSet<String>>,
    ) -> Result<Self, Problem> {
        let required = require.iter().map(|name| parsed_name("require", name));
        let mut compiled: Vec<(HeaderName, Pattern)> = Vec::with_capacity(patterns.len());
        for (name, text) in patterns {
            let path = format!("patterns.{name}");
            let name = parsed_name(&path, name)?;
            if compiled.iter().any(|(other, _)| *other == name) {
                return Err(Problem::at(
                    &path,
                    format!("`{name}` stands here twice, since names have no case"),
                ));
            }
            compiled.push((name, Pattern::of(&path, text)?));
        }
        let forwarded = forward.map(Forwarded::of).transpose()?;
        Ok(Self {
            required: required.collect::<Result<_, _>>()?,
            patterns: compiled.into(),
            forwarded,
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.required.is_empty() && self.patterns.is_empty() && self.forwarded.is_none()
    }

    /// A preflight has none of the fields of the request that it asks for.
    pub(super) const fn requires(&self) -> bool {
        !self.required.is_empty()
    }

    pub(super) fn has_all(&self, request: &Request) -> bool {
        self.required.iter().all(|name| request.header(name).is_some())
    }

    /// Whether every value of a field with a pattern fits it.
    pub(super) fn fit(&self, request: &Request) -> bool {
        let fits = |(name, value): (&HeaderName, &HeaderValue)| {
            let pattern = self.patterns.iter().find(|(own, _)| own == name);
            pattern.is_none_or(|(_, pattern)| pattern.fits(value.as_bytes()))
        };
        self.patterns.is_empty() || request.headers().all(fits)
    }

    /// Takes away what does not go on.
    pub(super) fn drop_others(&self, request: &mut Request) {
        if let Some(forwarded) = &self.forwarded {
            request.remove_headers(|name| !is_framing(name.as_str()) && !forwarded.holds(name));
        }
    }
}

impl Forwarded {
    fn of(written: &BTreeSet<String>) -> Result<Self, Problem> {
        let (mut names, mut prefixes) = (Vec::new(), Vec::new());
        for text in written {
            match text.strip_suffix('*') {
                Some(prefix) => prefixes.push(checked_prefix("forward", prefix)?),
                None => {
                    let name = parsed_name("forward", text)?;
                    if is_framing(name.as_str()) {
                        return Err(Problem::at(
                            "forward",
                            format!("`{name}` is the gateway's own affair"),
                        ));
                    }
                    names.push(name);
                }
            }
        }
        Ok(Self {
            names: names.into(),
            prefixes: prefixes.into(),
        })
    }

    fn holds(&self, name: &HeaderName) -> bool {
        self.names.contains(name)
            || self
                .prefixes
                .iter()
                .any(|prefix| name.as_str().starts_with(&**prefix))
    }
}
