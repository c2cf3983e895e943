//! `headcount groups`.

use super::pages::{Rows, organizations};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::text::time;

/// List the mirrored groups
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: a table. With --json, one line for each group.

Example:
  headcount groups org_1 dir_1")]
pub(crate) struct Options {
    /// Id of the organization (org_…); without it, all
    #[arg(value_name = "ORG")]
    organization: Option<String>,
    /// Id of the directory (dir_…)
    #[arg(value_name = "DIR")]
    directory: Option<String>,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let mut rows = Rows::new(context, &["GROUP", "NAME", "DIRECTORY", "UPDATED"]);
    for organization in organizations(&mirror, options.organization).await? {
        for group in mirror.groups(&organization, options.directory.as_deref()).await? {
            rows.add(&group, |group| {
                vec![group.id.clone(), group.display_name.clone(), group.directory_id.clone(), time(group.updated_at)]
            })?;
        }
    }
    rows.end("groups")?;
    Ok(Status::Done)
}
