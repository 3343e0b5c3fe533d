//! What the gateway and its commands say besides answers to clients.
//!
//! Searches nothing.

use std::fmt::Write as _;

use adamant_tests::client::get;
use adamant_tests::{Adamant, Gateway, wait};
use serde_json::{Map, Value};

use crate::said::Said;

/// A request that commands are told of.
pub(crate) struct Asked {
    pub(crate) url: String,
    pub(crate) lines: Vec<String>,
}

/// What operators are told.
const PATHS: [&str; 6] = [
    "/livez",
    "/readyz?verbose",
    "/startupz?verbose",
    "/version",
    "/metrics",
    "/elsewhere",
];

/// Commands that need nothing but the file.
const COMMANDS: [&[&str]; 7] = [
    &["check"],
    &["show"],
    &["show", "--json"],
    &["show", "--posture"],
    &["show", "--posture", "--json"],
    &["digest"],
    &["schema", "--leaves"],
];

/// Keeps all that can be asked for, and all that was logged.
pub(crate) async fn listen(gateway: &Gateway, variables: &[(&str, &str)], asked: &[Asked], said: &mut Said) {
    for path in PATHS {
        let answer = get(gateway.admin(), path, &["Host: localhost"]).await;
        said.response(path, &answer);
    }
    let folder = gateway.folder().path();
    for arguments in COMMANDS {
        said.command(&Adamant::run_with(folder, arguments, variables, "").await.exits(0));
    }
    for one in asked {
        let mut arguments = vec!["explain", "--url", &one.url];
        one.lines
            .iter()
            .for_each(|line| arguments.extend(["-H", line.as_str()]));
        said.command(&Adamant::run_with(folder, &arguments, variables, "").await);
        arguments.push("--json");
        said.command(&Adamant::run_with(folder, &arguments, variables, "").await);
    }
    if !asked.is_empty() {
        gateway.folder().write("gateway.test.yaml", tests(asked));
        // Each of them fails, so that as much as possible is told.
        let told = Adamant::run_with(folder, &["test"], variables, "").await.exits(1);
        assert!(told.text().contains("418"), "{}", told.text());
        said.command(&told);
        said.command(&Adamant::run_with(folder, &["test", "--json"], variables, "").await);
    }
    wait::until("the access log has the last exchange", || {
        gateway.access_log().len() > asked.len()
    })
    .await;
    said.add("the access log", gateway.stdout());
    said.add("the diagnostics", gateway.stderr());
}

/// A policy test for each request, which expects what does not happen.
fn tests(asked: &[Asked]) -> String {
    let mut text = "adamant-test: 1\nwith: { now: 2026-11-23T12:00:00Z }\ntests:\n".to_owned();
    for (number, one) in asked.iter().enumerate() {
        let fields = one.lines.iter().filter_map(|line| line.split_once(": "));
        let fields: Map<String, Value> = fields
            .map(|(name, value)| (name.to_ascii_lowercase(), value.into()))
            .collect();
        let _ = writeln!(
            text,
            "  - name: number {number}\n    request: {{ get: {}, headers: {} }}\n    expect: {{ status: 418 }}",
            Value::from(one.url.as_str()),
            Value::from(fields)
        );
    }
    text
}
