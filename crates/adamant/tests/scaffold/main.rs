//! What `adamant new-filter` writes, held against the promise that it builds and is green at once.
//!
//! Builds the new crates for real, in the target folder of these tests, so that what they depend on is there:
//! `cargo test -p adamant --test scaffold -- --ignored`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that is removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scaffold-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind lies in the target folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn adamant(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adamant"));
    command.current_dir(folder).arg("new-filter").args(arguments);
    command.output().expect("the binary runs")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// All files below a folder, with their texts.
fn files(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            let text = fs::read_to_string(&path).expect("text");
            into.push((path, text));
        }
    }
}

#[test]
#[ignore = "builds a whole gateway, which takes as long as everything else"]
fn a_new_filter_builds_and_is_green_and_clean_at_once() {
    let folder = Folder::new("green");
    let root = root();
    let root = root.to_str().unwrap();
    let made = adamant(&folder.0, &["business-hours", "--path", root]);
    assert_eq!(code(&made), Some(0), "{made:#?}");
    let made = folder.0.join("business-hours");
    let mut written = Vec::new();
    files(&made, &mut written);
    for (path, text) in &written {
        let is_filled =
            !text.to_lowercase().replace('_', "-").contains("sample-filter") && !text.contains('@');
        assert!(is_filled, "{}: {text}", path.display());
    }
    // It stands inside the checkout here, and is not to be formatted as that is.
    fs::write(made.join("rustfmt.toml"), "edition = \"2024\"\n").expect("a file");
    // The same versions of what everything depends on, so that nothing is fetched and little is built.
    fs::copy(Path::new(root).join("Cargo.lock"), made.join("Cargo.lock")).expect("the lock file");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target folder");
    for arguments in [
        ["fmt", "--all", "--check"].as_slice(),
        &["test", "--offline", "--quiet"],
        // The gateway is six lines, and its dependencies would all be checked once more.
        &[
            "clippy",
            "--offline",
            "-p",
            "business-hours",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ] {
        let ended = Command::new(env!("CARGO"))
            .current_dir(&made)
            .args(arguments)
            .env("CARGO_TARGET_DIR", target)
            .output()
            .expect("cargo runs");
        assert!(ended.status.success(), "cargo {arguments:?}: {ended:#?}");
    }
}

#[test]
fn a_checkout_is_found_around_the_current_folder() {
    let folder = Folder::new("found");
    let into = folder.0.to_str().unwrap();
    let made = adamant(&root().join("crates/adamant"), &["country", "--into", into]);
    assert_eq!(code(&made), Some(0), "{made:#?}");
    let manifest = fs::read_to_string(folder.0.join("country/Cargo.toml")).unwrap();
    let root = fs::canonicalize(root()).unwrap();
    let expected = format!(
        "adamant-filter = {{ path = {:?} }}",
        root.join("crates/adamant-filter").display().to_string()
    );
    assert!(manifest.contains(&expected), "{manifest}");
}

#[test]
fn a_published_gateway_is_named_by_its_version() {
    let folder = Folder::new("published");
    let made = adamant(&folder.0, &["country", "--published"]);
    assert_eq!(code(&made), Some(0), "{made:#?}");
    let manifest = fs::read_to_string(folder.0.join("country/Cargo.toml")).unwrap();
    let expected = format!("adamant = {:?}\n", env!("CARGO_PKG_VERSION"));
    assert!(manifest.contains(&expected), "{manifest}");
}

#[test]
fn nothing_is_overwritten_and_nothing_is_made_of_a_bad_name() {
    let folder = Folder::new("refused");
    fs::create_dir(folder.0.join("country")).unwrap();
    fs::write(folder.0.join("country/kept"), "kept").unwrap();
    for arguments in [
        ["country", "--published"].as_slice(),
        &["jwt", "--published"],
        &["match", "--published"],
        &["../outside", "--published"],
        &["region", "--path", "."],
        &["region", "--path", ".", "--published"],
    ] {
        let ended = adamant(&folder.0, arguments);
        assert_eq!(code(&ended), Some(2), "{arguments:?}: {ended:#?}");
    }
    let mut left = Vec::new();
    files(&folder.0, &mut left);
    assert_eq!(left, [(folder.0.join("country/kept"), "kept".to_owned())]);
}
