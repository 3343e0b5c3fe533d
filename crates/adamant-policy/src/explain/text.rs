//! An explanation as text for people: the way of the request from top to bottom, with lines of the file.
//!
//! Adds nothing to the explanation.

use std::fmt::Write as _;

use super::{Explanation, StepDecision};

/// Characters of a body that are shown.
const BODY_MAX: usize = 500;

impl Explanation {
    /// Several lines of text; `file` is what the policy file is called.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:9} {value}");
        };
        line("listener", &self.listener);
        line("client", &self.client.to_string());
        if let (Some(host), Some(path)) = (&self.canonical.host, &self.canonical.path) {
            line("canonical", &format!("{host}{path}"));
        }
        line("route", self.route.as_deref().unwrap_or("-"));
        if let Some(priority) = self.priority {
            line("priority", priority);
        }
        for verdict in &self.decisions {
            line("filter", &told(verdict, file));
        }
        if let Some(consumer) = &self.consumer {
            line("consumer", consumer);
        }
        if let Some(plan) = &self.plan {
            line("plan", plan);
        }
        if !self.groups.is_empty() {
            line("groups", &self.groups.join(", "));
        }
        line("outcome", &self.outcome());
        for (name, value) in &self.headers {
            line("header", &format!("{name}: {value}"));
        }
        if let Some(body) = self.body.as_ref().filter(|body| !body.is_empty()) {
            line("body", &begin_of(body));
        }
        text
    }

    /// Status and reason, or where it goes.
    #[must_use]
    pub fn outcome(&self) -> String {
        match (self.status, &self.reason, &self.upstream) {
            (Some(status), Some(reason), _) => format!("{status} {reason}"),
            (Some(status), None, Some(upstream)) => format!("{status} from {upstream}"),
            (Some(status), None, None) => status.to_string(),
            (None, _, Some(upstream)) => format!("forwarded to {upstream}"),
            (None, _, None) => "-".to_owned(),
        }
    }
}

/// The first lines of what is long, on one line.
fn begin_of(body: &str) -> String {
    let mut begin: String = body
        .chars()
        .take(BODY_MAX)
        .flat_map(char::escape_default)
        .collect();
    if body.chars().nth(BODY_MAX).is_some() {
        begin.push('…');
    }
    begin
}

fn told(verdict: &StepDecision, file: &str) -> String {
    let mut text = format!("{file}:{} {} {}", verdict.line, verdict.id, verdict.verdict);
    if let Some(reason) = &verdict.reason {
        text.push_str(&format!(" {reason}"));
    }
    if let Some(policy) = &verdict.policy {
        text.push_str(&format!(" (policy {policy})"));
    }
    text
}
