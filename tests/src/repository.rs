//! The repository itself, for the tests that look at sources instead of running anything.
//!
//! It reads and never writes.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the root `Cargo.toml`.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests lie inside the repository")
        .to_path_buf()
}

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path from the root, with forward slashes.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl Source {
    /// The file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Every text file that belongs to the repository: nothing that is built, hidden or binary.
#[must_use]
pub fn files() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root(), "", &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// Every Rust file.
#[must_use]
pub fn rust() -> Vec<Source> {
    files()
        .into_iter()
        .filter(|source| source.path.ends_with(".rs"))
        .collect()
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("the repository is readable");
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == ".git" || name == "target" || name == "Cargo.lock" {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), &format!("{path}/"), found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            found.push(Source { path, text });
        }
    }
}
