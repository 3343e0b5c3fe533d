//! `adamant run`: from the file to a serving gateway, and to its end.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adamant_gateway::{Addresses, Gateway, LiveHost, Machine, StartError};
use adamant_policy::plan::Plan;
use clap::Args;
use serde_json::{Map, Value, json};

use super::Context;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;
use crate::policy_file::{ConfigArgument, PolicyFile};
use crate::posture::Posture;

const EXAMPLES: &str = "\
Examples:
  adamant
  adamant run --config /etc/adamant/gateway.yaml
  adamant run --workers 4 --announce /run/adamant/addresses.json";

/// Routes whose posture is printed at the start.
const ROUTES_SHOWN: usize = 100;

/// Run the gateway (what happens without a command)
///
/// Reads the file once, proves everything that it needs (secrets, certificates, ports), prints its digest
/// and its posture, and serves until SIGTERM or SIGINT: then it accepts nothing new and gives what is in
/// progress 30 s to end. The same signals within a second are the same request; one of them later, or
/// SIGQUIT at any time, cuts what is in progress and ends at once. Nothing can change a running gateway: to change
/// the policy, start another one. `RUST_LOG` chooses what is logged, such as `RUST_LOG=debug`;
/// libraries, which would write heads with their secrets, go no further than `info`.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct RunArguments {
    #[command(flatten)]
    file: ConfigArgument,
    /// Threads that carry requests; one per processor by default.
    #[arg(long, value_name = "NUMBER")]
    workers: Option<NonZeroUsize>,
    /// Write the bound addresses and the digest to this file, as JSON, once the gateway serves.
    #[arg(long, value_name = "PATH")]
    announce: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(
    arguments: &RunArguments,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let file = PolicyFile::read(&arguments.file)?;
    let background = Gateway::background()
        .map_err(StartError::from)
        .map_err(|error| refused(&error))?;
    let mut host = LiveHost::live(file.folder(), background.handle().clone());
    let plan = Arc::new(file.compile(context.catalogue, &mut host)?);
    context.diagnostics.identify(plan.digest());
    output.aside(&format!("digest {}\n\n", plan.digest()));
    output.aside(&Posture::of(plan.config(), context.catalogue).summary(ROUTES_SHOWN));
    output.aside("\n");
    let linked = context.catalogue.iter();
    let machine = Machine {
        workers: arguments.workers.map(NonZeroUsize::get),
        folder: file.folder().to_owned(),
        filters: linked
            .map(|filter| (filter.name().to_owned(), filter.version().to_owned()))
            .collect(),
    };
    let gateway = Gateway::prepare(Arc::clone(&plan), &machine, background, host.into_granted());
    let gateway = gateway.map_err(|error| refused(&error))?;
    let addresses = gateway.addresses();
    let announcement = arguments
        .announce
        .as_deref()
        .map(|path| Announcement::new(path, &addresses, &plan));
    let announcement = announcement.transpose()?;
    drop(file);
    (context.before_serving)();
    let ended = gateway.run(|| {
        tell(&addresses);
        if let Some(announcement) = announcement {
            announcement.publish();
        }
    });
    let ended = ended.map_err(|error| refused(&error))?;
    if ended.is_cut_short {
        return Err(Failure::CutShort(ended.cut));
    }
    match ended.cut {
        0 => log::info!("all connections have ended"),
        cut => log::warn!("{cut} connections were cut at the end of the drain time"),
    }
    Ok(())
}

fn refused(error: &StartError) -> Failure {
    Failure::Machine(error.to_string())
}

fn tell(addresses: &Addresses) {
    for (name, address) in &addresses.listeners {
        log::info!("listener `{name}` serves on {address}");
    }
    if let Some(address) = addresses.admin {
        log::info!("admin serves on {address}");
    }
    if let Some(address) = addresses.expose {
        log::info!("health and metrics are exposed on {address}");
    }
}

/// Where the gateway is reached, for whoever started it. Written beside its place before anything serves,
/// and moved there in one step, so that a reader sees nothing or all of it.
struct Announcement {
    draft: PathBuf,
    path: PathBuf,
}

impl Announcement {
    fn new(path: &Path, addresses: &Addresses, plan: &Plan) -> Result<Self, Failure> {
        let listeners: Map<String, Value> = addresses
            .listeners
            .iter()
            .map(|(name, at)| (name.to_string(), at.to_string().into()))
            .collect();
        let text = json!({
            "listeners": listeners,
            "admin": addresses.admin.map(|at| at.to_string()),
            "expose": addresses.expose.map(|at| at.to_string()),
            "digest": plan.digest().as_str(),
        });
        let mut draft = path.as_os_str().to_owned();
        draft.push(".draft");
        let draft = PathBuf::from(draft);
        std::fs::write(&draft, format!("{text}\n"))
            .map_err(|error| Failure::Machine(format!("{} cannot be written: {error}", draft.display())))?;
        Ok(Self {
            draft,
            path: path.to_owned(),
        })
    }

    fn publish(self) {
        if let Err(error) = std::fs::rename(&self.draft, &self.path) {
            log::error!("{} cannot be written: {error}", self.path.display());
        }
    }
}
