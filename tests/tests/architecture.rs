//! Who may depend on whom, and who may touch the outside world.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Who may depend on whom. Adding an arrow is an architectural change: say why in the commit.
const ARROWS: &[(&str, &[&str])] = &[
    ("adamant-filter", &[]),
    ("adamant-policy", &["adamant-filter"]),
    ("adamant-observe", &["adamant-filter"]),
    ("adamant-auth", &["adamant-filter"]),
    ("adamant-limits", &["adamant-filter"]),
    ("adamant-guard", &["adamant-filter"]),
    (
        "adamant-gateway",
        &["adamant-filter", "adamant-policy", "adamant-observe"],
    ),
    (
        "adamant",
        &[
            "adamant-filter",
            "adamant-policy",
            "adamant-gateway",
            "adamant-auth",
            "adamant-limits",
            "adamant-guard",
        ],
    ),
    ("adamant-tests", &[]),
    (
        "adamant-parsers",
        &["adamant-filter", "adamant-policy", "adamant-auth"],
    ),
    ("maintenance", &["adamant-filter"]),
    ("tenant-header", &["adamant-filter"]),
    ("example-gateway", &["adamant"]),
];

/// Crates that carry the outside world, and who may use them. The tests drive real sockets.
const OUTSIDE: &[&str] = &[
    "tokio",
    "pingora",
    "pingora-core",
    "pingora-proxy",
    "pingora-load-balancing",
    "socket2",
];
const MAY_TOUCH_IT: &[&str] = &["adamant-gateway", "adamant-tests"];

/// Only the engine's users may switch on what the engine needs.
const ENGINE_USERS: &[&str] = &["adamant-policy", "adamant-gateway", "adamant-observe"];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn dependencies<'v>(package: &'v Value, kind: Option<&str>) -> Vec<&'v Value> {
    let all = package["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    all.iter()
        .filter(|dependency| dependency["kind"].as_str() == kind)
        .collect()
}

#[test]
fn crates_depend_as_the_table_says() {
    let packages = packages();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> = packages.iter().map(|package| text(package, "name")).collect();
    assert_eq!(found, known, "every crate stands in the table");
    for package in &packages {
        let name = text(package, "name");
        let ours: BTreeSet<&str> = dependencies(package, None)
            .iter()
            .map(|dependency| text(dependency, "name"))
            .filter(|name| name.starts_with("adamant"))
            .collect();
        let allowed = ARROWS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, allowed)| *allowed);
        let allowed: BTreeSet<&str> = allowed.unwrap_or_default().iter().copied().collect();
        assert!(
            ours.is_subset(&allowed),
            "{name} depends on {ours:?}, allowed is {allowed:?}"
        );
    }
}

#[test]
fn only_the_gateway_touches_the_outside() {
    for package in packages() {
        let name = text(&package, "name");
        for dependency in dependencies(&package, None) {
            let outside = OUTSIDE.contains(&text(dependency, "name"));
            assert!(
                !outside || MAY_TOUCH_IT.contains(&name),
                "{name} depends on {}",
                text(dependency, "name")
            );
        }
    }
}

#[test]
fn filters_use_what_strangers_may_use() {
    for package in packages() {
        let name = text(&package, "name");
        for dependency in dependencies(&package, None) {
            if text(dependency, "name") != "adamant-filter" {
                continue;
            }
            let features = dependency["features"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let uses_engine = features.iter().any(|feature| feature.as_str() == Some("engine"));
            assert!(
                !uses_engine || ENGINE_USERS.contains(&name),
                "{name} switches on `engine`"
            );
        }
    }
}
