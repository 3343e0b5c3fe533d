//! Files that do not load, each with exactly what is said about it. `UPDATE=1` writes the texts anew.

#![allow(
    clippy::indexing_slicing,
    reason = "a test fails where a map lacks what it must have"
)]
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod toy;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use adamant_policy::load;
use adamant_policy::text::{Color, Source, json_lines, render};
use serde_json::Value;
use toy::Toys;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the corpus in order.
fn files() -> Vec<PathBuf> {
    let folder = here().join("../../tests/policies/rejected");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// What is said about a file, for people and as codes.
fn said(file: &Path) -> (String, BTreeSet<String>) {
    let source = Source::new("gateway.yaml", &fs::read(file).expect("readable"));
    match load(&source, &Toys::new()) {
        Ok(_) => panic!("{} loads", file.display()),
        Err(problems) => {
            let codes = json_lines(&source, &problems);
            let code = |line: &str| {
                serde_json::from_str::<Value>(line).expect("JSON")["code"]
                    .as_str()
                    .expect("a text")
                    .to_owned()
            };
            (
                render(&source, &problems, Color::Off),
                codes.lines().map(code).collect(),
            )
        }
    }
}

#[test]
fn every_rejected_file_gets_exactly_its_diagnostic() {
    let files = files();
    assert!(files.len() >= 60, "{} files", files.len());
    let update = std::env::var_os("UPDATE").is_some();
    let mut different = Vec::new();
    for file in files {
        let (text, _) = said(&file);
        let golden = file.with_extension("txt");
        if update {
            fs::write(&golden, &text).expect("writable");
        } else if fs::read_to_string(&golden).unwrap_or_default() != text {
            different.push(format!("{}:\n{text}", file.display()));
        }
    }
    assert!(
        different.is_empty(),
        "UPDATE=1 writes these anew:\n{}",
        different.join("\n")
    );
}

/// Codes that no small file of the corpus can show.
const ELSEWHERE: [&str; 3] = [
    // A file of more than 4 MiB; shown by the parser's own tests.
    "yaml.size",
    // What only the type of a filter's configuration knows.
    "values.invalid",
    // A test of problems, not a code.
    "files.unreadable",
];

#[test]
fn every_code_has_a_file() {
    let shown: BTreeSet<String> = files().iter().flat_map(|file| said(file).1).collect();
    let folders = [
        "src/text",
        "src/language",
        "src/check",
        "../adamant-filter/src/decode",
    ];
    let mut codes = BTreeSet::new();
    for folder in folders {
        collect_codes(&here().join(folder), &mut codes);
    }
    assert!(codes.len() > 30, "{codes:?}");
    let missing: Vec<&String> = codes
        .iter()
        .filter(|code| !shown.contains(*code) && !ELSEWHERE.contains(&code.as_str()))
        .collect();
    assert!(missing.is_empty(), "no rejected file shows {missing:?}");
}

/// The first argument of every `Problem::new` outside tests.
fn collect_codes(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect_codes(&path, codes);
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        for after in code.split("Problem::new(").skip(1) {
            let quoted = after
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next());
            codes.extend(quoted.map(str::to_owned));
        }
    }
}
