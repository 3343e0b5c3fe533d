//! How the tests go, test by test: what was expected, what was found, and why.
//!
//! Counts and tells; judges nothing.

use adamant_filter::Problem;
use adamant_policy::text::Source;
use adamant_policy::trials::{Ran, Trial};
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;
use crate::policy_file::PolicyFile;

/// Tells how the tests go.
pub(super) struct Report<'o> {
    output: &'o mut Output,
    json: bool,
    ran: usize,
    failed: usize,
}

impl<'o> Report<'o> {
    /// A report to these readers.
    pub(super) const fn new(output: &'o mut Output, json: bool) -> Self {
        Self {
            output,
            json,
            ran: 0,
            failed: 0,
        }
    }

    /// Tells what became of a test.
    pub(super) fn told(
        &mut self,
        source: &Source,
        file: &PolicyFile,
        trial: &Trial,
        ran: &Result<Ran, Problem>,
    ) {
        self.ran += 1;
        let is_ok = ran.as_ref().is_ok_and(|ran| ran.missed.is_empty());
        self.failed += usize::from(!is_ok);
        if self.json {
            self.output.json(&as_json(source, trial, ran));
            return;
        }
        let mark = if is_ok { "ok   " } else { "FAIL " };
        self.output.text(&format!("{mark} {}\n", trial.name.value));
        if !is_ok {
            self.output.text(&as_text(source, file, ran));
        }
    }

    /// Tells the sum.
    pub(super) fn end(self) -> Result<(), Failure> {
        if !self.json {
            self.output
                .text(&format!("{} tests, {} failed\n", self.ran, self.failed));
        }
        if self.failed == 0 {
            Ok(())
        } else {
            Err(Failure::Tests(self.failed))
        }
    }
}

fn as_json(source: &Source, trial: &Trial, ran: &Result<Ran, Problem>) -> serde_json::Value {
    let name = &trial.name.value;
    match ran {
        Err(problem) => json!({
            "file": source.name(), "name": name, "ok": false, "error": problem.message(),
            "line": problem.span().map(|span| span.line()),
        }),
        Ok(ran) => {
            let missed = ran.missed.iter().map(|missed| {
                json!({ "line": missed.span.line(), "what": missed.what, "expected": missed.expected, "found": missed.found })
            });
            json!({
                "file": source.name(), "name": name, "ok": ran.missed.is_empty(), "sent": ran.sent,
                "missed": missed.collect::<Vec<_>>(), "explanation": ran.explanation,
            })
        }
    }
}

fn as_text(source: &Source, file: &PolicyFile, ran: &Result<Ran, Problem>) -> String {
    let place = |line: u32| {
        let written = source
            .text()
            .lines()
            .nth(line.saturating_sub(1) as usize)
            .unwrap_or_default();
        format!("      {}:{line}: {}\n", source.name(), written.trim())
    };
    let mut text = String::new();
    match ran {
        Err(problem) => {
            text.push_str(&format!("      {problem}\n"));
            text.push_str(&problem.span().map(|span| place(span.line())).unwrap_or_default());
        }
        Ok(ran) => {
            for missed in &ran.missed {
                let (what, expected, found) = (&missed.what, &missed.expected, &missed.found);
                text.push_str(&format!("      {what}: expected {expected}, found {found}\n"));
                text.push_str(&place(missed.span.line()));
            }
            text.push_str(&format!("      request number {} came to this:\n", ran.sent));
            for line in ran.explanation.text(file.name()).lines() {
                text.push_str(&format!("        {line}\n"));
            }
        }
    }
    text
}
