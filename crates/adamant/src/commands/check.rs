//! `adamant check`: everything that can be wrong with the file, without network and without secrets.

use clap::Args;
use serde_json::json;

use super::Context;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::{Format, Output, size};
use crate::policy_file::{ConfigArgument, PolicyFile};

const EXAMPLES: &str = "\
Examples:
  adamant check
  adamant check --config staging/gateway.yaml
  adamant check --format json | jq -r .code";

/// Tell everything that is wrong with the file
///
/// Loads and compiles the file as `run` does, but opens no socket, resolves no name and reads no secret.
/// Prints what the filters may use of memory at most, and the digest.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    file: ConfigArgument,
    /// For whom to print; `json` gives one problem a line.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(crate) fn check(
    arguments: &CheckArguments,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    output.set_format(arguments.format);
    let file = PolicyFile::read(&arguments.file)?;
    let plan = file.compile_offline(context.catalogue)?;
    let bounds = plan.budget();
    let sum: u64 = bounds
        .iter()
        .map(|(_, bytes)| bytes)
        .fold(0, |sum, bytes| sum.saturating_add(*bytes));
    match arguments.format {
        Format::Json => {
            let bounds: Vec<_> = bounds
                .iter()
                .map(|(what, bytes)| json!({ "what": what, "bytes": bytes }))
                .collect();
            output.json(&json!({
                "ok": true,
                "digest": plan.digest().as_str(),
                "memory": { "bytes": sum, "bounds": bounds },
            }));
        }
        Format::Text => {
            for (what, bytes) in bounds {
                output.text(&format!("{:>12}  {what}\n", size(*bytes)));
            }
            output.text(&format!("{:>12}  memory of filters at most\n", size(sum)));
            output.text(&format!("ok {}\n", plan.digest()));
        }
    }
    Ok(())
}
