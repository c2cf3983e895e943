//! `headcount sandbox`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::page::sandbox::router;
use headcount_sandbox::program;

/// Run a local Scalekit environment, for demos and tests without an account
///
/// Prints its settings, and serves until Ctrl-C. It has REST, signed webhooks, and faults on demand. Its page, whose address is written to stderr, changes users and groups, breaks
/// the API, and shows every webhook.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: one line of JSON with the settings, or with --env lines for a shell.

Example:
  headcount sandbox --users 50 --env > sandbox.env &
  . ./sandbox.env && headcount sync")]
// The group would have the name of that of the flattened options.
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    program: program::Options,
}

pub(crate) fn run(context: &Context, options: &Options) -> Result<Status, Failure> {
    let started = |sandbox: &headcount_sandbox::Sandbox| {
        context.output.note(&format!("Page: {}/", sandbox.environment_url()));
    };
    program::run_with(&options.program, router, started)?;
    Ok(Status::Done)
}
