//! `adamant new-filter`: a folder with a filter of one's own and a gateway that links it.
//!
//! Never writes into a folder that is there.

mod name;
mod template;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use self::name::Name;
use self::template::{Dependencies, FILES};
use super::Context;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  adamant new-filter country
  adamant new-filter business-hours --into ~/filters
  adamant new-filter country --path ~/src/adamant
  adamant new-filter country --published";

/// Write a crate for a filter of your own, and a gateway that links it
///
/// Makes a folder of this name with a workspace that builds, passes its tests and is clean of lints at once: the filter,
/// a gateway with it, a policy that uses it, and tests of that policy.
///
/// The crates of Adamant are taken from a checkout: the one that --path names, or else the one around the current
/// folder or around this program. With --published they are taken from the registry, by the version of this program.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct NewFilterArguments {
    /// The word under which policies use it: small letters and digits, with hyphens between words.
    name: String,
    /// The folder in which the new one is made. Default: the current one.
    #[arg(long, value_name = "DIR", default_value = ".")]
    into: PathBuf,
    /// A checkout of Adamant, from which its crates are taken.
    #[arg(long, value_name = "DIR", conflicts_with = "published")]
    path: Option<PathBuf>,
    /// Take the crates of Adamant from the registry.
    #[arg(long)]
    published: bool,
}

/// Runs the command.
pub(crate) fn new_filter(
    arguments: &NewFilterArguments,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let name = Name::parse(&arguments.name, context.catalogue).map_err(Failure::Usage)?;
    let dependencies = dependencies(arguments)?;
    let folder = arguments.into.join(name.word());
    // Refuses what exists, even when somebody makes it at this moment.
    fs::create_dir(&folder).map_err(|error| {
        let text = format!("{}: the folder cannot be made: {error}", folder.display());
        Failure::Usage(text)
    })?;
    for (path, text) in FILES {
        write(&folder.join(path), &template::fill(text, &name, &dependencies))?;
    }
    let word = name.word();
    output.text(&format!(
        "{}\n\nThe filter is in filter/src/lib.rs. Try it there:\n  cargo test\n  cargo run -p {word}-gateway -- check\n  \
         cargo run -p {word}-gateway -- test\n",
        folder.display()
    ));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    written.map_err(|error| Failure::Machine(format!("{}: it cannot be written: {error}", path.display())))
}

/// Where the new crates get those of Adamant from.
fn dependencies(arguments: &NewFilterArguments) -> Result<Dependencies, Failure> {
    if arguments.published {
        return Ok(Dependencies::published());
    }
    if let Some(path) = &arguments.path {
        return checkout(path).ok_or_else(|| {
            let text = format!("--path: {} is no checkout of Adamant", path.display());
            Failure::Usage(text)
        });
    }
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    let mut around = [here, program].into_iter().flatten();
    let found = around.find_map(|place| place.ancestors().find_map(checkout));
    found.ok_or_else(|| {
        let text = "no checkout of Adamant is around this folder or this program: name one with --path, or say \
                    --published to take its crates from the registry";
        Failure::Usage(text.to_owned())
    })
}

/// The crates of a checkout, if it is one.
fn checkout(root: &Path) -> Option<Dependencies> {
    let root = fs::canonicalize(root).ok()?;
    let is_there = |name: &str| root.join("crates").join(name).join("Cargo.toml").is_file();
    let is_checkout = is_there("adamant") && is_there("adamant-filter");
    is_checkout.then(|| Dependencies::checkout(&root))
}
