//! `adamant digest`: the identity of a policy with this binary.

use clap::Args;

use super::Context;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;
use crate::policy_file::{ConfigArgument, PolicyFile};

const EXAMPLES: &str = "\
Examples:
  adamant digest
  test \"$(adamant digest)\" = \"$(curl -s http://127.0.0.1:9900/version | jq -r .digest)\"";

/// Print the digest of the file
///
/// SHA-256 over what the file means, the contents of the policy files that it names (never secrets), and
/// the filters of this binary. Comments, order of keys and spelling do not count.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct DigestArguments {
    #[command(flatten)]
    file: ConfigArgument,
}

/// Runs the command.
pub(crate) fn digest(
    arguments: &DigestArguments,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let plan = PolicyFile::read(&arguments.file)?.compile_offline(context.catalogue)?;
    output.text(&format!("{}\n", plan.digest()));
    Ok(())
}
