//! The builder: a catalogue of filters becomes a program with all commands.
//!
//! Registration is explicit; no filter is found by itself.

use std::ffi::OsString;
use std::process::ExitCode;

use adamant_filter::{Catalogue, Filter};
use clap::Parser;

use crate::builtins;
use crate::commands::{Arguments, Context};
use crate::diagnostics::Diagnostics;
use crate::failure::Exit;
use crate::output::Output;

/// A gateway program with its filters.
///
/// ```no_run
/// # use std::process::ExitCode;
/// fn main() -> ExitCode {
///     adamant::Adamant::with_builtins().main()
/// }
/// ```
#[derive(Debug)]
pub struct Adamant {
    catalogue: Catalogue,
    before_serving: fn(),
}

impl Adamant {
    /// The program with the filters that come with Adamant.
    #[must_use]
    pub fn with_builtins() -> Self {
        Self {
            catalogue: builtins::register(Catalogue::new()),
            before_serving: || (),
        }
    }

    /// The program without a filter.
    #[must_use]
    pub fn without_builtins() -> Self {
        Self {
            catalogue: Catalogue::new(),
            before_serving: || (),
        }
    }

    /// Links one more filter. `version` is that of the crate that defines it, usually
    /// `env!("CARGO_PKG_VERSION")`: it enters the digest, so that another build of the filter is another
    /// identity.
    ///
    /// # Panics
    /// When the filter's word is taken.
    #[must_use]
    pub fn filter<F: Filter>(mut self, version: &str) -> Self {
        self.catalogue = self.catalogue.filter::<F>(version);
        self
    }

    /// Calls this once when a gateway is built and does not serve yet: the place for an allocator to give
    /// back what the boot has freed.
    #[must_use]
    pub const fn before_serving(mut self, call: fn()) -> Self {
        self.before_serving = call;
        self
    }

    /// Runs the command that the process was given, and tells how the process ends.
    #[must_use]
    pub fn main(self) -> ExitCode {
        self.run(std::env::args_os())
    }

    fn run(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        let mut output = Output::default();
        let arguments = match Arguments::try_parse_from(arguments) {
            Ok(arguments) => arguments,
            Err(told) => {
                let exit = if told.use_stderr() { Exit::Usage } else { Exit::Ok };
                // A closed terminal cannot be told anything.
                let _ = told.print();
                return exit.into();
            }
        };
        let diagnostics = Diagnostics::start();
        let context = Context {
            catalogue: &self.catalogue,
            before_serving: self.before_serving,
            diagnostics: &diagnostics,
        };
        let exit = match arguments.execute(&context, &mut output) {
            Ok(()) => Exit::Ok,
            Err(failure) => {
                output.failure(&failure);
                failure.exit()
            }
        };
        output.finish(exit).into()
    }
}
