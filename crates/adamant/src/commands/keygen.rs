//! `adamant keygen`: a new API key, shown once, or the hash of a password, and the entry that lets the gateway know
//! it. Never writes a password anywhere.

use std::io::Read as _;

use adamant_auth::{ApiKey, Basic};
use clap::Args;
use jiff::{Timestamp, ToSpan as _};

use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  adamant keygen --consumer acme
  adamant keygen --consumer acme --scope orders:read --scope orders:write --not-after 2027-01-01T00:00:00Z
  adamant keygen --consumer acme --days 90
  adamant keygen --user alice < password.txt";

/// Shortest password, in characters: what NIST SP 800-63B asks for.
const PASSWORD_MIN: usize = 8;

/// Most that is read of standard input.
const INPUT_MAX: u64 = 4096;

/// Make an API key, or hash a password
///
/// With --consumer, prints a key, which is kept nowhere, and the entry for the list `keys` of the key file, which
/// holds only its hash. With --user, reads a password from standard input and prints the entry for the list `users`
/// of the user file of `basic`, with its argon2id hash.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct KeygenArguments {
    /// Whose key it is.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "user",
        conflicts_with = "user"
    )]
    consumer: Option<String>,
    /// The name that signs in by the password on standard input; one line end at its end is dropped.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
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
    if let Some(scope) = arguments.scopes.iter().find(|scope| !ApiKey::is_scope(scope)) {
        let text = format!("--scope: {scope:?} is not a scope: one word without quotes and backslashes");
        return Err(Failure::Usage(text));
    }
    let scopes: Vec<&str> = arguments.scopes.iter().map(String::as_str).collect();
    let end = end(arguments)?.map(|end| end.to_string());
    match (&arguments.user, &arguments.consumer) {
        (Some(user), _) => user_entry(user, &scopes, end.as_deref(), output),
        (None, consumer) => key(
            consumer.as_deref().unwrap_or_default(),
            &scopes,
            end.as_deref(),
            output,
        ),
    }
}

fn key(consumer: &str, scopes: &[&str], end: Option<&str>, output: &mut Output) -> Result<(), Failure> {
    if !ApiKey::is_consumer(consumer) {
        let text = "--consumer: a consumer is a name without control characters, of 1 to 1024 bytes";
        return Err(Failure::Usage(text.to_owned()));
    }
    let made = ApiKey::generate(&random()?);
    let entry = made.yaml_entry(consumer, scopes, end);
    output.aside("The key. Give it to its owner: it is shown this once and kept nowhere.\n");
    output.text(&format!("{}\n", made.key()));
    output.aside("\nThe entry for the list `keys` of the key file:\n");
    output.text(&entry);
    Ok(())
}

fn user_entry(user: &str, scopes: &[&str], end: Option<&str>, output: &mut Output) -> Result<(), Failure> {
    if !Basic::is_user(user) {
        let text = "--user: a user is a name without colons and control characters, of 1 to 255 bytes";
        return Err(Failure::Usage(text.to_owned()));
    }
    let password = password()?;
    if password.chars().count() < PASSWORD_MIN {
        let text = format!("standard input: a password has at least {PASSWORD_MIN} characters");
        return Err(Failure::Usage(text));
    }
    let hash = Basic::hash(&password, &random()?).ok_or_else(|| {
        let text = "standard input: no client can send a password that is so long, or has control characters";
        Failure::Usage(text.to_owned())
    })?;
    output.aside("The entry for the list `users` of the user file:\n");
    output.text(&Basic::yaml_entry(user, &hash, scopes, end));
    Ok(())
}

/// The password on standard input.
fn password() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(INPUT_MAX).read_to_string(&mut text);
    read.map_err(|error| Failure::Usage(format!("standard input: no password can be read: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Failure> {
    let mut random = [0; LENGTH];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Machine(format!("the system gives no randomness: {error}")))?;
    Ok(random)
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
