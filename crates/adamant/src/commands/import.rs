//! `adamant import`: rules in the language of others, as a pack for the filter `rules`.
//!
//! Changes no file: the pack is printed, and what could not be taken is told line by line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;
use crate::seclang;

const EXAMPLES: &str = "\
Examples:
  adamant import seclang rules.conf > rules.yaml";

/// The largest file that is read.
const FILE_MAX: u64 = 8 * 1024 * 1024;

/// Write rules of others as a pack
///
/// Prints a pack for `packs` of the filter `rules`. On standard error, each rule that could not be taken is told with its
/// line and the reason: the pack finds less than the file did.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct ImportArguments {
    #[command(subcommand)]
    language: Language,
}

#[derive(Debug, Subcommand)]
enum Language {
    /// Rules in SecLang, as ModSecurity and Coraza read them.
    Seclang {
        /// The file with rules.
        file: PathBuf,
    },
}

/// Runs the command.
pub(crate) fn import(arguments: &ImportArguments, output: &mut Output) -> Result<(), Failure> {
    let Language::Seclang { file } = &arguments.language;
    let told = |text: &str| Failure::Usage(format!("{}: {text}", file.display()));
    let length = std::fs::metadata(file)
        .map_err(|error| told(&error.to_string()))?
        .len();
    if length > FILE_MAX {
        return Err(told("a file of rules has at most 8 MiB"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| told(&error.to_string()))?;
    let imported = seclang::import(&text);
    for (line, reason) in &imported.left_out {
        output.aside(&format!("{}:{line}: {reason}\n", file.display()));
    }
    if imported.rules.is_empty() {
        return Err(told("there is no rule that could be taken"));
    }
    output.aside(&format!(
        "{} rules were taken, {} were not\n",
        imported.rules.len(),
        imported.left_out.len()
    ));
    output.text(&imported.pack());
    Ok(())
}
