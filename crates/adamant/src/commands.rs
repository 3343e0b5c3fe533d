//! The commands: what may be written behind `adamant`, one file for each.
//!
//! A command parses its arguments, calls the crates below and prints; it holds no logic of its own.

mod check;
mod digest;
mod explain;
mod import;
mod keygen;
mod new_filter;
mod run;
mod schema;
mod show;
mod test;

use adamant_filter::Catalogue;
use clap::{Parser, Subcommand};

use crate::diagnostics::Diagnostics;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context<'c> {
    /// The filters of this binary.
    pub(crate) catalogue: &'c Catalogue,
    /// The log.
    pub(crate) diagnostics: &'c Diagnostics,
    /// What is called between the boot of a gateway and its first request.
    pub(crate) before_serving: fn(),
}

/// Adamant, a programmable edge API gateway: one immutable file decides, Pingora carries the bytes.
///
/// Without a command it runs the gateway.
#[derive(Debug, Parser)]
#[command(name = "adamant", version, max_term_width = 110, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArguments),
    Check(check::CheckArguments),
    Explain(explain::ExplainArguments),
    Test(test::TestArguments),
    Show(show::ShowArguments),
    Schema(schema::SchemaArguments),
    Digest(digest::DigestArguments),
    Keygen(keygen::KeygenArguments),
    Import(import::ImportArguments),
    NewFilter(new_filter::NewFilterArguments),
}

impl Arguments {
    /// Runs the command.
    pub(crate) fn execute(self, context: &Context<'_>, output: &mut Output) -> Result<(), Failure> {
        match self.command.unwrap_or(Command::Run(self.run)) {
            Command::Run(arguments) => run::run(&arguments, context, output),
            Command::Check(arguments) => check::check(&arguments, context, output),
            Command::Explain(arguments) => explain::explain(&arguments, context, output),
            Command::Test(arguments) => test::test(&arguments, context, output),
            Command::Show(arguments) => show::show(&arguments, context, output),
            Command::Schema(arguments) => schema::schema(&arguments, context, output),
            Command::Digest(arguments) => digest::digest(&arguments, context, output),
            Command::Keygen(arguments) => keygen::keygen(&arguments, output),
            Command::Import(arguments) => import::import(&arguments, output),
            Command::NewFilter(arguments) => new_filter::new_filter(&arguments, context, output),
        }
    }
}
