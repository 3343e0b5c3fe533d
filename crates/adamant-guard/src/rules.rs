//! `rules`: requests that look like attacks are refused.
//!
//! Wires the rules to requests and turns a score into a verdict. Matches nothing itself.

mod body;
mod category;
mod config;
mod engine;
mod exceptions;
mod expression;
mod findings;
mod head;
mod literals;
mod marks;
mod pack;
mod place;
mod rule;
mod rule_set;
mod sql;
mod transform;

use adamant_filter::prelude::*;

use config::{Bodies, RulesConfig};
use engine::{Engine, Room};
use exceptions::Exceptions;
use findings::Findings;
use head::Decoded;

pub(crate) use pack::EDITION;

/// Why an expression cannot be one of a rule; `None` when it can.
pub(crate) fn expression_problem(pattern: &str) -> Option<String> {
    rule::expressions(pattern).err()
}

/// What is noted of a score: those that are reached by a few rules have a word of their own.
const SCORES_NOTED: u32 = 64;

/// The filter.
#[derive(Debug)]
pub(crate) struct Rules {
    engine: Engine,
    threshold: u32,
    bodies: Bodies,
    /// `score-N`, by N.
    scores: Box<[&'static str]>,
    /// The score of the head, for the body.
    score: Word,
}

impl Filter for Rules {
    const NAME: &'static str = "rules";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[
        &category::SQL_INJECTION,
        &category::CROSS_SITE_SCRIPTING,
        &category::PATH_TRAVERSAL,
        &category::COMMAND_INJECTION,
        &category::SERVER_SIDE_REQUEST_FORGERY,
        &category::TEMPLATE_INJECTION,
        &category::PROTOCOL_ATTACK,
        &category::SCANNER,
        &category::OTHER,
        &Self::BODY_CODED,
    ];
    type Config = RulesConfig;

    fn build(config: RulesConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        config.check()?;
        let rules = pack::load(&config, boot)?;
        let except: Vec<_> = config.except.iter().cloned().collect();
        let exceptions = Exceptions::of(&except, &rules, boot)?;
        let engine = Engine::of(rules, exceptions).map_err(|message| Problem::at("deny", message))?;
        let size = u64::try_from(engine.size()).unwrap_or(u64::MAX);
        if config.bodies == Bodies::Inspect {
            boot.buffer_request(config.body_at_most);
        }
        boot.reserve("attack rules", Size::from_bytes(size));
        let scores = (0..=SCORES_NOTED).map(|score| boot.intern(&format!("score-{score}")));
        Ok(Self {
            engine,
            threshold: u32::from(config.threshold),
            bodies: config.bodies,
            scores: scores.collect(),
            score: boot.word(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let hooks = hooks.request(Self::inspect_head);
        match self.bodies {
            Bodies::Inspect => hooks.request_body(Self::inspect_body),
            Bodies::Ignore => hooks,
        }
    }
}

impl Rules {
    const BODY_CODED: Reason = Reason::new(
        "body-coded",
        415,
        "a compressed body cannot be looked at, so it is not accepted here",
    );

    fn inspect_head(&self, request: &mut Request) -> Verdict {
        if self.bodies == Bodies::Inspect && body::is_coded(request) {
            return Self::BODY_CODED.deny();
        }
        let mut room = Room::default();
        let mut found = Findings::beside(0);
        let route = request.route();
        head::values(request, &mut Decoded::default(), &mut |value| {
            self.engine.inspect(value, route, &mut room, &mut found);
            found.score() < self.threshold
        });
        request.set_word(self.score, u64::from(found.score()));
        self.judge(request, &found)
    }

    /// The body is one piece: it was held for this.
    fn inspect_body(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        let before = u32::try_from(request.word(self.score)).unwrap_or(u32::MAX);
        let mut room = Room::default();
        let mut found = Findings::beside(before);
        let route = request.route();
        body::values(request, chunk.data(), &mut |value| {
            self.engine.inspect(value, route, &mut room, &mut found);
            found.score() < self.threshold
        });
        self.judge(request, &found)
    }

    fn judge(&self, request: &mut Request, found: &Findings) -> Verdict {
        let mut named = found.named().peekable();
        if named.peek().is_some() {
            named.for_each(|rule| request.note(rule));
            let score = found.score().min(SCORES_NOTED);
            let score = usize::try_from(score)
                .ok()
                .and_then(|score| self.scores.get(score));
            score.into_iter().for_each(|score| request.note(score));
        }
        if found.score() < self.threshold {
            Verdict::Pass
        } else {
            found.category().reason().deny()
        }
    }
}

#[cfg(test)]
mod tests;
