//! `headcount runs`.

use super::pages::Rows;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::text::time;
use headcount::mirror::{Run, RunQuery};

/// List past syncs, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: a table; times are in UTC. With --json, one line for each sync of a directory.

Example:
  headcount runs --directory dir_1 --limit 20")]
pub(crate) struct Options {
    /// Only syncs of this organization (org_…)
    #[arg(long, value_name = "ORG")]
    organization: Option<String>,
    /// Only syncs of this directory (dir_…)
    #[arg(long, value_name = "DIR")]
    directory: Option<String>,
    /// The greatest number of syncs to list
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: usize,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let query = RunQuery {
        organization_id: options.organization,
        directory_id: options.directory,
        limit: options.limit,
        ..RunQuery::default()
    };
    let mut rows =
        Rows::new(context, &["STARTED", "ENDED", "DIRECTORY", "MODE", "OUTCOME", "USERS", "CHANGES", "RUN", "WHY"]);
    for run in mirror.runs(query).await? {
        rows.add(&run, cells)?;
    }
    rows.end("syncs")?;
    Ok(Status::Done)
}

fn cells(run: &Run) -> Vec<String> {
    let why = run.error.as_ref().or(run.incomplete.as_ref());
    vec![
        time(Some(run.started_at)),
        time(run.ended_at),
        run.directory_id.clone(),
        run.mode.to_string(),
        run.outcome.to_string(),
        run.users.to_string(),
        run.changes.to_string(),
        run.id.clone(),
        why.cloned().unwrap_or_default(),
    ]
}
