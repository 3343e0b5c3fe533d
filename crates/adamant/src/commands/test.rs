//! `adamant test`: requests and what is expected of them, against the compiled policy, in virtual time.

mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adamant_filter::Problem;
use adamant_policy::trials::Trials;
use clap::Args;

use self::report::Report;
use super::Context;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::{Format, Output};
use crate::policy_file::{ConfigArgument, PolicyFile, read_source};
use crate::rehearsal::Rehearsal;

const EXAMPLES: &str = "\
Examples:
  adamant test                          (runs gateway.test.yaml beside gateway.yaml)
  adamant test --config staging.yaml tests/orders.test.yaml tests/billing.test.yaml
  adamant test --json | jq -r 'select(.ok | not) | .name'

A test file:
  adamant-test: 1
  with: { now: 2026-11-23T12:00:00Z }
  tests:
    - name: a partner reads orders
      request: { get: \"https://api.example.com/v1/orders/7\", jwt: { sub: acme, scope: orders:read } }
      expect: { route: orders-read, to: orders, consumer: acme }
    - name: a burst ends
      request: { get: \"https://api.example.com/v1/orders/7\", jwt: { sub: acme, scope: orders:read } }
      repeat: 201
      expect-last: { status: 429, reason: rate.exhausted }
    - name: nobody learns what serves
      request: { get: \"https://api.example.com/status\" }
      upstream: { status: 404, headers: { server: old }, body: none }
      expect: { status: 404, body: none, header: { content-length: \"4\" } }";

/// Run the policy's tests
///
/// Each test has a plan and a clock of its own. Tokens are made for the run: keys made for the run stand in
/// for those that the policy names, so that no secret is needed. No socket is opened.
#[derive(Args, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct TestArguments {
    #[command(flatten)]
    file: ConfigArgument,
    /// Files with tests; the policy's name with `.test.yaml` at its end when absent.
    #[arg(value_name = "TESTS")]
    tests: Vec<PathBuf>,
    /// Print one JSON object a test.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn test(
    arguments: &TestArguments,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    output.set_format(Format::json_if(arguments.json));
    let file = PolicyFile::read(&arguments.file)?;
    let beside = [arguments.file.config.with_extension("test.yaml")];
    let paths = if arguments.tests.is_empty() {
        &beside
    } else {
        arguments.tests.as_slice()
    };
    let mut report = Report::new(output, arguments.json);
    for path in paths {
        run_file(path, &file, context, &mut report)?;
    }
    report.end()
}

fn run_file(
    path: &Path,
    file: &PolicyFile,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let source = Arc::new(read_source(path)?);
    let failure = |problems| Failure::Problems {
        source: Arc::clone(&source),
        problems,
    };
    let trials = Trials::read(&source).map_err(failure)?;
    let (config, _) = file.load(context.catalogue)?;
    let mut rehearsal = Rehearsal::new(file.folder(), &config)?;
    if let Some(keys) = &trials.keys
        && !rehearsal.stand_for(&keys.value)
    {
        let problem = Problem::new("tests.keys", "no step of the policy reads keys from a file");
        return Err(failure(problem.with_span(keys.span).into()));
    }
    for trial in &trials.trials {
        let plan = file.compile(context.catalogue, rehearsal.host())?;
        let ran = trial.run(&plan, trials.now, rehearsal.issuer());
        report.told(&source, file, trial, &ran);
    }
    Ok(())
}
