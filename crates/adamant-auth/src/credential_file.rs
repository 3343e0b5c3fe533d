//! What the files of credentials have in common: how their problems are told, and when an entry ends.
//!
//! Reads no file, and knows no credential.

use std::path::Path;

use adamant_filter::prelude::*;
use adamant_filter::{Problems, Spanned};
use jiff::Timestamp;

/// The first problem of the file at `path`, which the key `key` of the step names, stands for all; the number of the
/// others is told.
pub(crate) fn first_of(problems: Problems, path: &Path, key: &str) -> Problem {
    let others = problems.len().saturating_sub(1);
    let first = problems.into_iter().next();
    let first = first.unwrap_or_else(|| Problem::new("files.malformed", "cannot be read"));
    let problem = first.within(path).with_path(key);
    if others == 0 {
        problem
    } else {
        problem.with_help(format!("and {others} more problems in that file"))
    }
}

/// The end of an entry, in milliseconds since the Unix epoch.
pub(crate) fn end_from(text: &Spanned<String>) -> Result<u64, Problem> {
    let wrong = || {
        Problem::at("not-after", format!("`{}` is not a point in time", text.value))
            .with_span(text.span)
            .with_help("write a timestamp with its zone, such as `2027-01-01T00:00:00Z`")
    };
    let end: Timestamp = text.parse().map_err(|_| wrong())?;
    u64::try_from(end.as_millisecond()).map_err(|_| wrong())
}
