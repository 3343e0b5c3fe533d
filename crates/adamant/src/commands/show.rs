//! `adamant show`: the effective file with every default, or who can reach what under which protection.

use clap::Args;

use super::Context;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::yaml::yaml;
use crate::output::{Format, Output};
use crate::policy_file::{ConfigArgument, PolicyFile};
use crate::posture::Posture;

const EXAMPLES: &str = "\
Examples:
  adamant show
  adamant show --posture
  adamant show --json | jq .routes";

/// Show the file with every default written out
///
/// What is printed means the same as the file and may stand in its place.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    file: ConfigArgument,
    /// Show routes, their protection and where they lead instead.
    #[arg(long)]
    posture: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn show(
    arguments: &ShowArguments,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    output.set_format(Format::json_if(arguments.json));
    let (config, canonical) = PolicyFile::read(&arguments.file)?.load(context.catalogue)?;
    match (arguments.posture, arguments.json) {
        (true, true) => output.pretty(&Posture::of(&config, context.catalogue)),
        (true, false) => output.text(&Posture::of(&config, context.catalogue).text()),
        (false, true) => output.pretty(&canonical),
        (false, false) => output.text(&yaml(&canonical)),
    }
    Ok(())
}
