//! `adamant schema`: the JSON Schema of the language with the filters of this binary, for editors; and the manual of
//! these filters.

use clap::Args;

use super::Context;
use crate::failure::{EXIT_CODES, Failure};
use crate::leaves::leaves;
use crate::manual::manual;
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  adamant schema > gateway.schema.json
  adamant schema --leaves | jq -r '.[]'
  adamant schema --manual > filters.md

In an editor with a YAML language server, write as first line of gateway.yaml:
  # yaml-language-server: $schema=./gateway.schema.json";

/// Print the JSON Schema of the file
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct SchemaArguments {
    /// Print the path of every key that takes a value instead, as a JSON list.
    #[arg(long)]
    leaves: bool,
    /// Print the manual of the linked filters instead, as Markdown.
    #[arg(long, conflicts_with = "leaves")]
    manual: bool,
}

/// Runs the command.
pub(crate) fn schema(
    arguments: &SchemaArguments,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    if arguments.manual {
        output.text(&manual(context.catalogue));
        return Ok(());
    }
    let schema = adamant_policy::schema(context.catalogue);
    if arguments.leaves {
        output.pretty(&leaves(&schema));
    } else {
        output.pretty(&schema);
    }
    Ok(())
}
