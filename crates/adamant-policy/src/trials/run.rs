//! Runs one test through a plan and compares what happened with what was expected.
//!
//! Stops at the first request that is not as expected.

use adamant_filter::{Problem, Span, Tick, Wall};

use super::{Credential, Expectation, Issuer, Trial};
use crate::explain::{Explanation, Moment, Question, QuestionError};
use crate::plan::Plan;

/// What became of a test.
#[derive(Debug)]
pub struct Ran {
    /// How many requests were sent.
    pub sent: u32,
    /// What happened to the last of them.
    pub explanation: Explanation,
    /// What was not as expected; empty when the test passed.
    pub missed: Vec<Missed>,
}

/// Something that was not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Place of the expectation in the test file.
    pub span: Span,
    /// Key of the expectation.
    pub what: String,
    /// What stands there.
    pub expected: String,
    /// What happened.
    pub found: String,
}

/// The monotonic clock of a test begins an hour after its zero, so that intervals may reach back.
const BEGIN: Tick = Tick(3_600_000_000_000);

impl Trial {
    /// Runs the test through a plan that nobody else uses.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub fn run(&self, plan: &Plan, now: Wall, issuer: &mut dyn Issuer) -> Result<Ran, Problem> {
        let begin = Moment {
            tick: BEGIN,
            wall: now,
        };
        let question = self.credentialed(plan, begin, issuer)?;
        let mut sent = 0;
        loop {
            sent += 1;
            let is_last = sent >= self.repeat;
            let at = if is_last { self.later(begin) } else { begin };
            let explanation = plan
                .explain(&question, at)
                .map_err(|error| self.unasked(&error))?;
            let expectation = if is_last {
                self.expect_last.as_ref().or(self.expect.as_ref())
            } else {
                self.expect.as_ref()
            };
            let missed = expectation
                .map(|one| one.missed(&explanation))
                .unwrap_or_default();
            if is_last || !missed.is_empty() {
                return Ok(Ran {
                    sent,
                    explanation,
                    missed,
                });
            }
        }
    }

    fn later(&self, begin: Moment) -> Moment {
        let millis = u64::try_from(self.after.as_millis()).unwrap_or(u64::MAX);
        Moment {
            tick: begin.tick + self.after,
            wall: Wall(begin.wall.0.saturating_add(millis)),
        }
    }

    /// The question with the token that the test asks for.
    fn credentialed(&self, plan: &Plan, at: Moment, issuer: &mut dyn Issuer) -> Result<Question, Problem> {
        let mut question = self.question.clone();
        let Some(wanted) = &self.token else {
            return Ok(question);
        };
        let route = plan
            .route_of_question(&question, at)
            .map_err(|error| self.unasked(&error))?;
        let credential = issuer.issue(plan.config(), route, &wanted.value, at.wall);
        let credential = credential
            .map_err(|error| Problem::new("tests.token", error.to_string()).with_span(wanted.span))?;
        match credential {
            Credential::Header(name, value) => question.headers.push((name, value)),
            Credential::Query(name, value) => {
                let mark = if question.url.contains('?') { '&' } else { '?' };
                question.url.push_str(&format!("{mark}{name}={value}"));
            }
        }
        Ok(question)
    }

    fn unasked(&self, error: &QuestionError) -> Problem {
        Problem::new("tests.request", error.to_string()).with_span(self.request_span)
    }
}

impl Expectation {
    fn missed(&self, explanation: &Explanation) -> Vec<Missed> {
        let mut missed = Vec::new();
        let mut compare = |span: Span, what: &str, expected: &str, found: Option<&str>| {
            if found != Some(expected) {
                missed.push(Missed {
                    span,
                    what: what.to_owned(),
                    expected: expected.to_owned(),
                    found: found.map_or_else(|| "none".to_owned(), str::to_owned),
                });
            }
        };
        if let Some(status) = &self.status {
            let found = explanation.status.map(|status| status.to_string());
            compare(status.span, "status", &status.value.to_string(), found.as_deref());
        }
        let texts = [
            ("reason", &self.reason, explanation.reason.as_deref()),
            ("route", &self.route, explanation.route.as_deref()),
            ("to", &self.to, explanation.upstream.as_deref()),
            ("consumer", &self.consumer, explanation.consumer.as_deref()),
            ("body", &self.body, explanation.body.as_deref()),
        ];
        for (what, expected, found) in texts {
            if let Some(expected) = expected {
                compare(expected.span, what, &expected.value, found);
            }
        }
        for (name, expected) in &self.header {
            let found = explanation.headers.get(name).map(String::as_str);
            compare(expected.span, &format!("header {name}"), &expected.value, found);
        }
        missed
    }
}
