//! What a new filter begins with, and how the template becomes it.
//!
//! The template is code that could be compiled as it stands: only names and places are put in.

use std::path::Path;

use super::name::Name;

macro_rules! files {
    ($($to:literal from $from:literal),+ $(,)?) => {
        /// Path and text of each file.
        pub(super) const FILES: &[(&str, &str)] =
            &[$(($to, include_str!(concat!("../../../templates/filter/", $from)))),+];
    };
}

files!(
    "Cargo.toml" from "Cargo.toml",
    ".gitignore" from "gitignore",
    "README.md" from "README.md",
    "gateway.yaml" from "gateway.yaml",
    "gateway.test.yaml" from "gateway.test.yaml",
    "filter/Cargo.toml" from "filter/Cargo.toml",
    "filter/src/lib.rs" from "filter/src/lib.rs",
    "gateway/Cargo.toml" from "gateway/Cargo.toml",
    "gateway/src/main.rs" from "gateway/src/main.rs",
    "gateway/tests/policy.rs" from "gateway/tests/policy.rs",
);

/// Where the crates of Adamant come from, as `Cargo.toml` says it.
#[derive(Clone, Debug)]
pub(super) struct Dependencies {
    adamant: String,
    filter: String,
}

impl Dependencies {
    /// From the registry, by the version of this program.
    pub(super) fn published() -> Self {
        let version = format!("{:?}", env!("CARGO_PKG_VERSION"));
        Self {
            adamant: version.clone(),
            filter: version,
        }
    }

    /// From a checkout.
    pub(super) fn checkout(root: &Path) -> Self {
        let of = |name: &str| {
            let path = root.join("crates").join(name).display().to_string();
            // What Rust escapes, TOML reads back, but for characters that no sane path has.
            format!("{{ path = {path:?} }}")
        };
        Self {
            adamant: of("adamant"),
            filter: of("adamant-filter"),
        }
    }
}

/// The text of a file with its names.
pub(super) fn fill(text: &str, name: &Name, dependencies: &Dependencies) -> String {
    text.replace("sample-filter", name.word())
        .replace("sample_filter", &name.snake())
        .replace("SampleFilter", &name.camel())
        .replace("@adamant@", &dependencies.adamant)
        .replace("@adamant-filter@", &dependencies.filter)
}
