//! `headcount erase`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::prompt;
use crate::text::count;

/// Erase the personal data of a user, also from the feed, the history and the events
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: with --json, one line: what was erased.

Example:
  headcount erase diruser_1 --yes")]
pub(crate) struct Options {
    /// Id of the user (diruser_…)
    user: String,
    /// Do it without a question
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let output = &context.output;
    if !options.yes {
        let known = if mirror.user(&options.user).await?.is_some() { "is mirrored" } else { "is not mirrored" };
        let question = format!("{} {known}. Erase everything about this user? This cannot be undone.", options.user);
        prompt::confirm(output, &question).await?;
    }
    let erasure = mirror.erase_user(&options.user).await?;
    match output.is_json() {
        true => output.json(&erasure)?,
        false => output.note(&format!(
            "erased {}: {}, {} of the history, {}",
            options.user,
            count(erasure.changes, "change"),
            count(erasure.history, "entry"),
            count(erasure.events, "event")
        )),
    }
    Ok(Status::Done)
}
