//! `headcount retire`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::prompt::{self, Decision};
use crate::text::count;
use serde_json::json;

/// Remove the users and groups of a directory that is gone for good
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: with --json, one line with the key `users`: how many users were removed.

Example:
  headcount retire dir_1 --by ops@example.com --note 'moved to dir_2'")]
pub(crate) struct Options {
    /// Id of the directory (dir_…)
    directory: String,
    #[command(flatten)]
    decision: Decision,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let output = &context.output;
    let status = mirror.status().await?.into_iter().find(|status| status.directory.id == options.directory);
    let users = status.map_or(0, |status| status.users);
    let asks = !options.decision.yes;
    let (by, note) = options.decision.by_and_note(output).await?;
    if asks {
        prompt::confirm(output, &format!("Retire {}, and remove {}?", options.directory, count(users, "user"))).await?;
    }
    let users = mirror.retire(&options.directory, &by, &note).await?;
    match output.is_json() {
        true => output.json(&json!({ "users": users }))?,
        false => output.note(&format!("{}: {} removed", options.directory, count(users, "user"))),
    }
    Ok(Status::Done)
}
