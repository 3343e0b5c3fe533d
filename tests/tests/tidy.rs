//! The house rules that a machine can check.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of the longest file.
const LINES_MAX: usize = 600;

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "misc", "manager", "impl",
];

/// Files with a proof for `unsafe`.
const UNSAFE_FILES: &[&str] = &[
    "crates/adamant/src/allocator.rs",
    "crates/adamant/tests/costs/counting.rs",
    "crates/adamant-auth/tests/allocations.rs",
    "crates/adamant-filter/src/trial/heap.rs",
    "crates/adamant-filter/tests/allocations.rs",
    "crates/adamant-limits/tests/memory.rs",
    "crates/adamant-limits/tests/memory/heap.rs",
    "crates/adamant/tests/floor/heap.rs",
    "tests/src/gateway.rs",
    "tests/src/redis.rs",
    "tests/src/procinfo.rs",
    "tests/tests/tidy.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn each(check: impl Fn(&str, &str) -> Option<String>) {
    let root = root();
    let mut files = Vec::new();
    for folder in ["crates", "examples", "tests/src", "tests/tests", "tests/parsers"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 100, "the tree was found");
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|path| {
            let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
            let text = fs::read_to_string(path).unwrap_or_default();
            check(&name, &text).map(|what| format!("{name}: {what}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_does_one_thing() {
    each(|_, text| {
        let lines = text.lines().count();
        (lines > LINES_MAX).then(|| format!("{lines} lines"))
    });
}

#[test]
fn every_file_says_what_it_is() {
    each(|_, text| (!text.starts_with("//!")).then(|| "no module comment".to_owned()));
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X"].concat(),
    ];
    each(|_, text| {
        marks
            .iter()
            .find(|mark| text.contains(mark.as_str()))
            .map(|mark| format!("has {mark}"))
    });
}

#[test]
fn no_path_of_a_machine_is_named() {
    let places = [
        ["/wo", "rk/"].concat(),
        ["/ro", "ot/"].concat(),
        ["/ho", "me/"].concat(),
    ];
    each(|_, text| {
        places
            .iter()
            .find(|place| text.contains(place.as_str()))
            .map(|place| format!("names {place}"))
    });
}

#[test]
fn names_say_what_a_file_is() {
    each(|name, _| {
        let empty = Path::new(name)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
            .to_owned();
        EMPTY_NAMES
            .contains(&empty.as_str())
            .then(|| "a name that says nothing".to_owned())
    });
}

#[test]
fn unsafe_code_stands_in_the_list() {
    let keyword = ["un", "safe"].concat();
    let forms = [
        format!("{keyword} {{"),
        format!("{keyword} impl"),
        format!("{keyword} fn"),
    ];
    each(|name, text| {
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let uses = code
            .iter()
            .any(|line| forms.iter().any(|form| line.contains(form.as_str())));
        (uses && !UNSAFE_FILES.contains(&name)).then(|| "is not in the list of files with a proof".to_owned())
    });
}

#[test]
fn the_readme_has_its_sections() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    for section in ["## Run it", "## Test it", "## Five minutes", "## The file"] {
        assert!(readme.contains(section), "{section}");
    }
}

#[test]
fn every_guard_that_the_architecture_names_exists() {
    let root = root();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut files = Vec::new();
    sources(&root.join("tests/tests"), &mut files);
    sources(&root.join("crates"), &mut files);
    let mut checked = 0;
    for quoted in text.split('`').filter(|quoted| quoted.contains(".rs::")) {
        let Some((file, test)) = quoted.split_once("::") else {
            continue;
        };
        let exists = files
            .iter()
            .filter(|path| path.file_name().is_some_and(|name| name == file))
            .any(|path| {
                fs::read_to_string(path)
                    .unwrap_or_default()
                    .contains(&format!("fn {test}("))
            });
        assert!(exists, "{quoted} does not exist");
        checked += 1;
    }
    assert!(checked >= 4, "the list of absences names its tests");
}
