//! Many requests in one run: JSON lines in, JSON lines out, in the same order.
//!
//! A line that describes no request ends nothing.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;

use adamant_policy::explain::{Explanation, Moment, Question};
use adamant_policy::plan::Plan;
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// A line that cannot be asked is answered by `{"error": …}`, so that lines stay in step.
pub(super) fn answer(path: &Path, plan: &Plan, at: Moment, output: &mut Output) -> Result<(), Failure> {
    let unreadable = |error| Failure::Usage(format!("{} cannot be read: {error}", path.display()));
    let lines: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(std::fs::File::open(path).map_err(unreadable)?))
    };
    let mut answers = Vec::new();
    for line in lines.lines() {
        let line = line.map_err(unreadable)?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match ask(&line, plan, at) {
            Ok(explanation) => json!(explanation),
            Err(error) => json!({ "error": error }),
        };
        // Writing to memory cannot fail.
        let _ = writeln!(answers, "{answer}");
    }
    output.text(&String::from_utf8_lossy(&answers));
    Ok(())
}

fn ask(line: &str, plan: &Plan, at: Moment) -> Result<Explanation, String> {
    let question: Question = serde_json::from_str(line).map_err(|error| error.to_string())?;
    plan.explain(&question, at).map_err(|error| error.to_string())
}
