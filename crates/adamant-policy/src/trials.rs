//! Policy tests: requests in words, and what is expected of them, run through the plan in virtual time.
//!
//! Reads no clock and no file, opens nothing, and makes no key: tokens come from an [`Issuer`].

mod file;
mod run;

use std::path::PathBuf;
use std::time::Duration;

use adamant_filter::{Span, Spanned, Wall};
use serde_json::{Map, Value};

pub use run::{Missed, Ran};

use crate::config::Config;
use crate::explain::Question;

/// The tests of one file.
#[derive(Debug)]
pub struct Trials {
    /// The key file of the issuer, for which keys made for the run stand.
    pub keys: Option<Spanned<PathBuf>>,
    /// When every test begins.
    pub now: Wall,
    /// The tests, in file order. They share nothing.
    pub trials: Vec<Trial>,
}

/// One test: a request, perhaps sent several times, and what is expected.
#[derive(Debug)]
pub struct Trial {
    /// What it shows.
    pub name: Spanned<String>,
    question: Question,
    request_span: Span,
    token: Option<Spanned<Map<String, Value>>>,
    repeat: u32,
    after: Duration,
    expect: Option<Expectation>,
    expect_last: Option<Expectation>,
}

/// What an explanation must say. What is absent may be anything.
#[derive(Clone, Debug, Default)]
struct Expectation {
    status: Option<Spanned<u16>>,
    reason: Option<Spanned<String>>,
    route: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
    consumer: Option<Spanned<String>>,
    header: Vec<(String, Spanned<String>)>,
    body: Option<Spanned<String>>,
}

/// Makes credentials for tests with keys made for the run.
pub trait Issuer {
    /// A token for the route at this position, or for any when there is none: what the step that reads
    /// tokens there asks for, changed by what the test wants.
    ///
    /// # Errors
    /// When nothing on the way reads a token, or no such token can be made.
    fn issue(
        &mut self,
        config: &Config,
        route: Option<usize>,
        wanted: &Map<String, Value>,
        now: Wall,
    ) -> Result<Credential, IssueError>;
}

/// A credential, and where the policy looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A header field with its value.
    Header(String, String),
    /// A pair of the query.
    Query(String, String),
}

/// Why a token cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IssueError(pub String);

#[cfg(test)]
mod tests;
