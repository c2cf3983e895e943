//! `headcount forget`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::prompt;
use crate::text::count;

/// Forget an organization whose customer has left, also in the feed, the history and the events
///
/// Refused while users of the organization are mirrored, and while a consumer has not acknowledged its changes: first retire its directories. Later webhooks
/// do not bring it back; `headcount sync ORG` starts anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: with --json, one line: what was removed.

Example:
  headcount forget org_1 --yes")]
pub(crate) struct Options {
    /// Id of the organization (org_…)
    #[arg(value_name = "ORG")]
    organization: String,
    /// Do it without a question
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let output = &context.output;
    if !options.yes {
        let question = format!("Forget everything about {}? This cannot be undone.", options.organization);
        prompt::confirm(output, &question).await?;
    }
    let erasure = mirror.forget_organization(&options.organization).await?;
    match output.is_json() {
        true => output.json(&erasure)?,
        false => output.note(&format!(
            "forgot {}: {}, {}, {}",
            options.organization,
            count(erasure.users, "former user"),
            count(erasure.changes, "change"),
            count(erasure.events, "event")
        )),
    }
    Ok(Status::Done)
}
