//! `adamant explain`: what would happen to a request, and why.

mod batch;

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use adamant_filter::{Tick, Wall};
use adamant_policy::explain::{Moment, Question};
use clap::Args;

use super::Context;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::{Format, Output};
use crate::policy_file::{ConfigArgument, PolicyFile};

const EXAMPLES: &str = "\
Examples:
  adamant explain --url https://api.example.com/v1/orders/7
  adamant explain -X POST --url https://api.example.com/v1/orders -H 'x-api-key: adm_...' --client 192.0.2.7
  adamant explain --url https://api.example.com/v1/orders --at 2026-11-23T12:00:00Z --json
  adamant explain --request '{\"method\":\"GET\",\"url\":\"http://localhost/\",\"headers\":[[\"accept\",\"*/*\"]]}'
  adamant explain --batch requests.jsonl > explanations.jsonl";

/// Tell what would happen to a request, and why
///
/// Runs the compiled policy without network and without secrets: nothing is sent anywhere. A forwarded
/// request has no status, and an upstream instead, unless what the upstream answers is given with it. The requests of a batch share their limits.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    file: ConfigArgument,
    /// Method of the request.
    #[arg(long, short = 'X', default_value = "GET")]
    method: String,
    /// Scheme, host and target of the request.
    #[arg(long, required_unless_present_any = ["request", "batch"])]
    url: Option<String>,
    /// A header field, `name: value`; may be repeated.
    #[arg(long, short = 'H', value_name = "FIELD", value_parser = field)]
    header: Vec<(String, String)>,
    /// Address of the client.
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// Name of the listener; by the URL when absent.
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// When the request arrives, such as 2026-11-23T12:00:00Z; now when absent.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// The request as one JSON object: method, url, headers, client, listener; and what the upstream answers:
    /// upstream, with status, headers, body.
    #[arg(long, value_name = "JSON", conflicts_with_all = ["url", "method", "header", "client", "listener"])]
    request: Option<String>,
    /// A file with one JSON request a line (`-` is standard input); the answers are JSON lines in the same
    /// order.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "method", "header", "client", "listener", "request"])]
    batch: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write `name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Runs the command.
pub(crate) fn explain(
    arguments: &ExplainArguments,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    output.set_format(Format::json_if(arguments.json || arguments.batch.is_some()));
    let plan = PolicyFile::read(&arguments.file)?.compile_offline(context.catalogue)?;
    let at = Moment {
        tick: Tick(0),
        wall: wall(arguments.at)?,
    };
    if let Some(path) = &arguments.batch {
        return batch::answer(path, &plan, at, output);
    }
    let question = question(arguments)?;
    let explanation = plan
        .explain(&question, at)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    if arguments.json {
        output.json(&explanation);
        return Ok(());
    }
    let name = arguments.file.config.display().to_string();
    output.text(&format!(
        "request   {} {}\n{}",
        question.method,
        without_query(&question.url),
        explanation.text(&name)
    ));
    Ok(())
}

/// A query may hold a credential, and what is printed may end up in a log.
fn without_query(url: &str) -> Cow<'_, str> {
    match url.split_once('?') {
        Some((url, _)) => Cow::Owned(format!("{url}?…")),
        None => Cow::Borrowed(url),
    }
}

fn question(arguments: &ExplainArguments) -> Result<Question, Failure> {
    if let Some(json) = &arguments.request {
        return serde_json::from_str(json).map_err(|error| Failure::Usage(format!("--request: {error}")));
    }
    Ok(Question {
        method: arguments.method.clone(),
        url: arguments.url.clone().unwrap_or_default(),
        headers: arguments.header.clone(),
        client: arguments.client,
        listener: arguments.listener.clone(),
        upstream: None,
    })
}

/// The plan reads no clock, so the time of the system is taken here.
fn wall(at: Option<jiff::Timestamp>) -> Result<Wall, Failure> {
    let millis = match at {
        Some(time) => u64::try_from(time.as_millisecond()).ok(),
        None => {
            let since = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            u64::try_from(since.as_millis()).ok()
        }
    };
    millis
        .map(Wall)
        .ok_or_else(|| Failure::Usage("--at: tokens know no time before 1970".to_owned()))
}
