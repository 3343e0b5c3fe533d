//! A gateway with the built-in filters and `sample-filter`.

use std::process::ExitCode;

use sample_filter::SampleFilter;

fn main() -> ExitCode {
    // The crates of this workspace have one version; it enters the digest.
    adamant::Adamant::with_builtins()
        .filter::<SampleFilter>(env!("CARGO_PKG_VERSION"))
        .main()
}
