//! `headcount retire`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::prompt;
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
    /// Do it without a question
    #[arg(long, requires = "by", requires = "note")]
    yes: bool,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The reason
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let output = &context.output;
    let status = mirror.status().await?.into_iter().find(|status| status.directory.id == options.directory);
    let users = status.map_or(0, |status| status.users);
    let by = prompt::text(output, options.by, "Who decides? ", "--by").await?;
    let note = prompt::text(output, options.note, "Why? ", "--note").await?;
    if !options.yes {
        prompt::confirm(output, &format!("Retire {}, and remove {}?", options.directory, count(users, "user"))).await?;
    }
    let users = mirror.retire(&options.directory, &by, &note).await?;
    match output.is_json() {
        true => output.json(&json!({ "users": users }))?,
        false => output.note(&format!("{}: {} removed", options.directory, count(users, "user"))),
    }
    Ok(Status::Done)
}
