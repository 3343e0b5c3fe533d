//! `adamant keygen`: a new API key, shown once, and the entry that lets the gateway know it.

use adamant_auth::ApiKey;
use clap::Args;
use jiff::{Timestamp, ToSpan as _};

use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  adamant keygen --consumer acme
  adamant keygen --consumer acme --scope orders:read --scope orders:write --not-after 2027-01-01T00:00:00Z
  adamant keygen --consumer acme --days 90";

/// Make an API key
///
/// Prints the key, which is kept nowhere, and the entry for the list `keys` of the key file, which holds
/// only its hash.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct KeygenArguments {
    /// Whose key it is.
    #[arg(long, value_name = "NAME")]
    consumer: String,
    /// What it grants; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// When it ends, such as 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME", conflicts_with = "days")]
    not_after: Option<Timestamp>,
    /// In how many days it ends.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
}

/// Runs the command.
pub(crate) fn keygen(arguments: &KeygenArguments, output: &mut Output) -> Result<(), Failure> {
    if !ApiKey::is_consumer(&arguments.consumer) {
        let text = "--consumer: a consumer is a name without control characters, of 1 to 1024 bytes";
        return Err(Failure::Usage(text.to_owned()));
    }
    if let Some(scope) = arguments.scopes.iter().find(|scope| !ApiKey::is_scope(scope)) {
        let text = format!("--scope: {scope:?} is not a scope: one word without quotes and backslashes");
        return Err(Failure::Usage(text));
    }
    let mut random = [0; 37];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Machine(format!("the system gives no randomness: {error}")))?;
    let made = ApiKey::generate(&random);
    let scopes: Vec<&str> = arguments.scopes.iter().map(String::as_str).collect();
    let end = end(arguments)?.map(|end| end.to_string());
    let entry = made.yaml_entry(&arguments.consumer, &scopes, end.as_deref());
    output.aside("The key. Give it to its owner: it is shown this once and kept nowhere.\n");
    output.text(&format!("{}\n", made.key()));
    output.aside("\nThe entry for the list `keys` of the key file:\n");
    output.text(&entry);
    Ok(())
}

fn end(arguments: &KeygenArguments) -> Result<Option<Timestamp>, Failure> {
    let Some(days) = arguments.days else {
        return Ok(arguments.not_after);
    };
    let end = Timestamp::now().checked_add((i64::from(days) * 24).hours());
    let end = end.map_err(|error| Failure::Usage(format!("--days: {error}")))?;
    // A fraction of a second in a file that people read is noise.
    Ok(Timestamp::from_second(end.as_second()).ok())
}
