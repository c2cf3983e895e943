//! `headcount backup`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use serde_json::json;
use std::path::PathBuf;

/// Copy the mirror to a new file while it is in use (SQLite)
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: with --json, one line with the key `path`.

Example:
  headcount backup copy.db")]
pub(crate) struct Options {
    /// The new file
    path: PathBuf,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    mirror.backup(&options.path).await?;
    match context.output.is_json() {
        true => context.output.json(&json!({ "path": options.path.to_string_lossy() }))?,
        false => context.output.note(&format!("copied {} to {}", context.place(), options.path.display())),
    }
    Ok(Status::Done)
}
