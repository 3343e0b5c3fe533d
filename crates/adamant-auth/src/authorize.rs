//! `authorize`: rules over the identity that an earlier step proved; all parts of a step must hold.
//!
//! Never reads a credential and never proves anything: it asks the identity, the path and the head.

mod config;
mod expression;
mod rules;

use adamant_filter::Counter;
use adamant_filter::prelude::*;

pub use self::config::{AuthorizeConfig, ClaimPresence, ClaimValue, NeededRoles, NeededScopes};

use self::expression::Expression;
use self::rules::{Binding, ClaimRule, Roles, words};
use crate::challenge::Challenge;
use crate::consumer::is_consumer;
use crate::scopes::ScopeRule;

/// The filter `authorize`.
#[derive(Debug)]
pub struct Authorize {
    identity: Reads<Identity>,
    proved_by: Option<Box<[String]>>,
    consumers: Option<Box<[String]>>,
    groups: Option<Box<[String]>>,
    scopes: Option<(ScopeRule, Challenge)>,
    roles: Option<Roles>,
    claims: Box<[ClaimRule]>,
    bindings: Box<[Binding]>,
    expression: Option<(Expression, Counter)>,
}

impl Filter for Authorize {
    const NAME: &'static str = "authorize";
    const ROLE: Role = Role::Authorize;
    const REASONS: &'static [&'static Reason] = &[
        &Self::UNIDENTIFIED,
        &Self::PROOF,
        &Self::CONSUMER,
        &Self::GROUP,
        &Self::SCOPE,
        &Self::ROLE_MISSING,
        &Self::CLAIM,
        &Self::BINDING,
        &Self::EXPRESSION,
        &Self::EXPRESSION_FAULT,
    ];
    type Config = AuthorizeConfig;

    fn build(config: AuthorizeConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let scopes = config
            .scopes
            .map(|needed| {
                let rule = ScopeRule::of(needed.all, needed.any, "scopes")?;
                let challenge = rule.insufficient(&config.realm)?;
                Ok((rule, challenge))
            })
            .transpose()?;
        let expression = config
            .expression
            .map(|text| Expression::of(&text, boot).map(|expression| (expression, faults(boot))))
            .transpose()?;
        let filter = Self {
            identity: boot.reads::<Identity>(),
            proved_by: words(config.proved_by, "proved-by", is_method)?,
            consumers: words(config.consumers, "consumers", is_consumer)?,
            groups: words(config.groups, "groups", |name| !name.is_empty())?,
            scopes,
            roles: config.roles.map(Roles::of).transpose()?,
            claims: ClaimRule::all_of(config.claims)?,
            bindings: Binding::all_of(config.bind, boot)?,
            expression,
        };
        filter.check_groups(boot)?;
        if filter.is_empty() {
            return Err(Problem::at("", "this lets everyone pass")
                .with_help("write at least one of scopes, roles, claims, groups, proved-by, consumers, bind and expression"));
        }
        Ok(filter)
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

fn faults(boot: &mut Boot<'_>) -> Counter {
    boot.counter(
        "authorize_expression_faults",
        "Requests for which the expression of a rule could not be evaluated.",
    )
}

/// The word of a filter.
fn is_method(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

impl Authorize {
    const UNIDENTIFIED: Reason = Reason::new("unidentified", 403, "nobody has proved who is calling");
    const PROOF: Reason = Reason::new("proof", 403, "this needs another kind of credential");
    const CONSUMER: Reason = Reason::new("consumer", 403, "this is not open to the caller");
    const GROUP: Reason = Reason::new("group", 403, "this is open to certain groups only");
    const SCOPE: Reason = Reason::new("scope", 403, "the credential does not grant what this needs");
    const ROLE_MISSING: Reason =
        Reason::new("role", 403, "the caller does not have the role that this needs");
    const CLAIM: Reason = Reason::new("claim", 403, "the credential does not say what this needs");
    const BINDING: Reason = Reason::new("binding", 403, "this belongs to somebody else");
    const EXPRESSION: Reason = Reason::new(
        "expression",
        403,
        "a rule of this route does not allow the request",
    );
    const EXPRESSION_FAULT: Reason = Reason::new(
        "expression-fault",
        403,
        "a rule of this route cannot be applied to the request",
    );

    fn check_groups(&self, boot: &Boot<'_>) -> Result<(), Problem> {
        let consumers = boot.consumers();
        if consumers.is_empty() {
            return Ok(());
        }
        let mut groups = self.groups.iter().flatten();
        match groups.find(|name| !consumers.has_group(name)) {
            Some(name) => Err(
                Problem::at("groups", format!("no consumer is in the group `{name}`"))
                    .with_help("name it under `groups` of a consumer"),
            ),
            None => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        self.proved_by.is_none()
            && self.consumers.is_none()
            && self.groups.is_none()
            && self.scopes.is_none()
            && self.roles.is_none()
            && self.claims.is_empty()
            && self.bindings.is_empty()
            && self.expression.is_none()
    }

    fn check(&self, request: &mut Request) -> Verdict {
        // Nobody is known when authentication runs in shadow.
        let Some(identity) = request.get(&self.identity) else {
            return Self::UNIDENTIFIED.deny();
        };
        if let Some((rule, challenge)) = &self.scopes
            && !rule.holds(identity)
        {
            return challenge.deny(&Self::SCOPE);
        }
        match self.refused(request, identity) {
            Some(reason) => reason.deny(),
            None => self.evaluate(request, identity),
        }
    }

    /// The first part that does not hold, but for scopes and expression.
    fn refused(&self, request: &Request, identity: &Identity) -> Option<&'static Reason> {
        let lists = |words: &[String], is: &dyn Fn(&str) -> bool| words.iter().any(|word| is(word));
        let outside = |words: &Option<Box<[String]>>, is: &dyn Fn(&str) -> bool| {
            words.as_ref().is_some_and(|words| !lists(words, is))
        };
        if outside(&self.proved_by, &|word| word == identity.method()) {
            return Some(&Self::PROOF);
        }
        if outside(&self.consumers, &|name| name == identity.consumer()) {
            return Some(&Self::CONSUMER);
        }
        if outside(&self.groups, &|name| identity.is_in_group(name)) {
            return Some(&Self::GROUP);
        }
        if self.roles.as_ref().is_some_and(|roles| !roles.hold(identity)) {
            return Some(&Self::ROLE_MISSING);
        }
        if !self.claims.iter().all(|rule| rule.holds(identity)) {
            return Some(&Self::CLAIM);
        }
        let bound = self
            .bindings
            .iter()
            .all(|binding| binding.holds(request, identity));
        (!bound).then_some(&Self::BINDING)
    }

    fn evaluate(&self, request: &Request, identity: &Identity) -> Verdict {
        let Some((expression, faults)) = &self.expression else {
            return Verdict::Pass;
        };
        match expression.holds(request, identity) {
            Some(true) => Verdict::Pass,
            Some(false) => Self::EXPRESSION.deny(),
            None => {
                faults.add_one();
                Self::EXPRESSION_FAULT.fault()
            }
        }
    }
}

#[cfg(test)]
mod tests;
